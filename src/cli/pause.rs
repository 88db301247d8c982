//! `nurtured pause|resume all|WORKFLOW`

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    context::{Context, who},
    failure::Failure,
    live::Live,
};
use crate::{
    domain::{name::Name, time::Instant, workflow::ALL},
    store::Store,
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// `all`, or the name of a workflow
    #[arg(value_name = "all|WORKFLOW")]
    scope: String,
}

#[derive(Serialize)]
struct Report {
    scope: String,
    paused: bool,
    /// Everything that is paused now.
    pauses: Vec<Pause>,
}

#[derive(Serialize)]
struct Pause {
    scope: Name,
    since: String,
}

pub(super) async fn pause(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    if arguments.scope != ALL {
        expect_workflow(&store, &arguments.scope).await?;
    }
    store.pause(&arguments.scope.as_str().into(), &who(), context.now()).await?;
    report(context, &store, &arguments.scope, true).await
}

/// A workflow can be paused that is live, or that was and has leads inside, who go on.
async fn expect_workflow(store: &Store, name: &str) -> Result<(), Failure> {
    let live = Live::expect(store).await?;
    if live.definitions.workflow(name).is_some() {
        return Ok(());
    }
    let inside = store.inside().await?;
    if inside.contains_key(name) {
        return Ok(());
    }
    let live = live.definitions.workflows.iter().map(|live| &live.workflow.name);
    let known: BTreeSet<&Name> = live.chain(inside.keys()).collect();
    Err(Failure::unknown(format!("workflow `{name}`"), known))
}

pub(super) async fn resume(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let scope: Name = arguments.scope.as_str().into();
    let pauses = store.pauses().await?;
    if !pauses.iter().any(|(paused, _)| *paused == scope) {
        let names: Vec<&str> = pauses.iter().map(|(name, _)| &**name).collect();
        let hint = if names.is_empty() {
            "nothing is paused".to_owned()
        } else {
            format!("paused are: {}", names.join(", "))
        };
        return Err(Failure::problems(format!("`{scope}` is not paused")).hint(hint));
    }
    store.resume(&scope).await?;
    report(context, &store, &arguments.scope, false).await
}

async fn report(
    context: &Context,
    store: &Store,
    scope: &str,
    is_paused: bool,
) -> Result<(), Failure> {
    let known: Vec<(Name, Instant)> = store.pauses().await?;
    let pauses =
        known.into_iter().map(|(scope, since)| Pause { scope, since: since.to_string() }).collect();
    let report = Report { scope: scope.to_owned(), paused: is_paused, pauses };
    context.output.result(&report, || {
        let what = if scope == ALL { "Everything".to_owned() } else { format!("Workflow {scope}") };
        let mut text = if is_paused {
            format!(
                "{what} is paused: its mails wait. `nurtured resume {scope}` takes it up again."
            )
        } else {
            format!("{what} is taken up again; mails that waited leave as they are due.")
        };
        let others: Vec<&str> = report
            .pauses
            .iter()
            .map(|pause| &*pause.scope)
            .filter(|other| *other != scope)
            .collect();
        if !others.is_empty() {
            text.push_str("\nStill paused: ");
            text.push_str(&others.join(", "));
        }
        text
    })?;
    store.close().await;
    Ok(())
}
