//! `nurtured pause|resume all|WORKFLOW|--lead|--account|--relay`

use serde::Serialize;

use super::{
    context::{Context, who},
    failure::Failure,
    output::in_one_line,
    scope::ScopeArguments,
    tables,
};
use crate::{
    domain::pause::{Pause, Scope},
    store::{By, Store},
};

/// How many are listed in words.
const LISTED: usize = 20;

/// Stops sending: everything, or the mails of one workflow, to one lead, to the people of one company, or by one
/// relay.
///
/// Mails wait where they are, nothing is lost, and leads go on being decided: waits and conditions go on as time
/// does, a mail whose step comes is held, and a dated one may expire. `all` and `--relay` hold notices to our own
/// people back too, the others only mails to leads.
#[derive(Debug, clap::Args)]
pub(super) struct PauseArguments {
    #[command(flatten)]
    scope: ScopeArguments,
    /// Why, for whoever finds it paused
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
}

/// Takes up sending again. Mails that were held are looked at at once, and leave as caps, hours and pace let them.
#[derive(Debug, clap::Args)]
pub(super) struct ResumeArguments {
    #[command(flatten)]
    scope: ScopeArguments,
}

#[derive(Serialize)]
struct Report {
    scope: Scope,
    paused: bool,
    /// Everything that is paused now.
    pauses: Vec<Line>,
}

/// A pause, as it is shown.
#[derive(Serialize)]
pub(super) struct Line {
    scope: Scope,
    since: String,
    who: String,
    because: Option<String>,
}

impl From<Pause> for Line {
    fn from(pause: Pause) -> Self {
        let Pause { scope, who, since, because } = pause;
        Self { scope, since: since.to_string(), who, because }
    }
}

/// Each on a line of its own.
pub(super) fn lines(pauses: &[&Line]) -> Vec<String> {
    let line = |Line { scope, since, who, because }: &&Line| {
        let because = because.as_deref().map(|because| format!(": {}", in_one_line(because)));
        let (since, because) = (tables::minute(since), because.unwrap_or_default());
        format!("  {}, since {since} by {who}{because}", scope.said())
    };
    let mut lines: Vec<String> = pauses.iter().take(LISTED).map(line).collect();
    if let Some(more) = pauses.len().checked_sub(LISTED).filter(|more| *more > 0) {
        lines.push(format!("  and {more} more: `nurtured status --json` lists them"));
    }
    lines
}

pub(super) async fn pause(context: &Context, arguments: &PauseArguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let scope = arguments.scope.to_pause(context, &store).await?;
    let (who, because) = (who(), arguments.because.as_deref());
    store.pause(&scope, By { who: &who, because }, context.now()).await?;
    report(context, &store, scope, true).await
}

pub(super) async fn resume(context: &Context, arguments: &ResumeArguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let scope = arguments.scope.of(&store).await?;
    let pauses = store.pauses().await?;
    if !pauses.iter().any(|pause| pause.scope == scope) {
        let names: Vec<String> =
            pauses.iter().take(LISTED).map(|pause| pause.scope.to_string()).collect();
        let hint = if names.is_empty() {
            "nothing is paused".to_owned()
        } else {
            format!("paused are: {}", names.join(", "))
        };
        return Err(Failure::problems(format!("`{scope}` is not paused")).hint(hint));
    }
    store.resume(&scope, context.now()).await?;
    report(context, &store, scope, false).await
}

async fn report(
    context: &Context,
    store: &Store,
    scope: Scope,
    is_paused: bool,
) -> Result<(), Failure> {
    let pauses = store.pauses().await?.into_iter().map(Line::from).collect();
    let report = Report { scope, paused: is_paused, pauses };
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

fn text(report: &Report) -> String {
    let Report { scope, paused, pauses } = report;
    let mut what = scope.said();
    if let Some(first) = what.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let whose = match scope {
        Scope::All => "its mails wait",
        Scope::Workflow(_) => "its mails to leads wait",
        Scope::Lead(_) => "its mails wait, whichever workflow they are of",
        Scope::Account(_) => "mails to its people wait",
        Scope::Relay(_) => "what would go by it waits",
    };
    let text = if *paused {
        let argument = scope.argument();
        format!("{what} is paused: {whose}. `nurtured resume {argument}` takes it up again.")
    } else {
        format!("{what} is taken up again; mails that waited leave as they are due.")
    };
    let others: Vec<&Line> = pauses.iter().filter(|pause| pause.scope != *scope).collect();
    if others.is_empty() {
        return text;
    }
    format!("{text}\nStill paused:\n{}", lines(&others).join("\n"))
}
