//! `nurtured cancel all|WORKFLOW|--lead|--account`

use serde::Serialize;

use super::{
    confirm::confirm,
    context::{Context, who},
    failure::Failure,
    scope,
};
use crate::{
    definitions::counted,
    domain::{name::Name, workflow::ALL},
    engine::cancelling::{self, Whose},
    store::{By, Store},
};

/// Takes leads out of a workflow, or out of all: of one lead, of the people of a company, or of everybody.
///
/// What they are in ends as cancelled, with who did it and why in each timeline, as the engine comes to them; mails
/// that have not left are withdrawn at once, those past their point of no return may still arrive. Nobody is kept
/// from entering again: a workflow's `again` says when. To end a workflow, take its file away or stop its entry
/// first.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A workflow, or `all`, which is meant where there is none beside `--lead` or `--account`
    #[arg(value_name = "all|WORKFLOW", required_unless_present_any = ["lead", "account"])]
    workflow: Option<String>,
    /// Of this lead alone
    #[arg(long, value_name = "ADDRESS|ID", conflicts_with = "account")]
    lead: Option<String>,
    /// Of the people of this company alone, named as for `pause`
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Why, for the leads' timelines
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    /// `null`: all workflows.
    workflow: Option<Name>,
    /// Whom it was about: `null` for everybody.
    lead: Option<String>,
    account: Option<Name>,
    /// How many leads are taken out.
    leads: usize,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let workflow: Option<Name> =
        arguments.workflow.as_deref().filter(|name| *name != ALL).map(Name::from);
    if let Some(workflow) = &workflow {
        scope::expect_workflow(&store, workflow).await?;
    }
    let whose = whose(&store, arguments).await?;
    let leads = cancelling::concerned(&store, workflow.as_ref(), &whose).await?;
    let out_of = workflow.as_ref().map_or_else(
        || "all workflows that they are in".to_owned(),
        |name| format!("the workflow {name}"),
    );
    let number = counted(leads.len(), "lead");
    if !leads.is_empty() && !arguments.yes {
        let what = format!("this takes {number} out of {out_of}");
        confirm(context, &what, "`--yes` says that it is meant")?;
    }
    let who = who();
    let by = By { who: &who, because: arguments.because.as_deref() };
    let now = context.now();
    let mut done = 0;
    let told = cancelling::cancel(&store, &leads, workflow.as_ref(), by, now, |some| {
        done += some;
        if done < leads.len() {
            context.output.note(&format!("{done} of {number}"));
        }
    });
    let told = told.await.map_err(|error| {
        Failure::from(error).hint("those who were told are cancelled; run it again for the rest")
    })?;
    let report = Report {
        workflow,
        lead: arguments.lead.clone(),
        account: match whose {
            Whose::Account(account) => Some(account),
            Whose::Everybody | Whose::Lead(_) => None,
        },
        leads: told,
    };
    context.output.result(&report, || {
        if told == 0 {
            return format!("Nobody who is meant is in {}.", in_what(report.workflow.as_ref()));
        }
        format!(
            "{} taken out of {out_of}, as the engine comes to them. Their mails that have not left do not; one that is \
             with a relay already may still arrive.",
            counted(told, "lead")
        )
    })?;
    store.close().await;
    Ok(())
}

fn in_what(workflow: Option<&Name>) -> String {
    workflow.map_or_else(|| "a workflow".to_owned(), |name| format!("the workflow {name}"))
}

async fn whose(store: &Store, arguments: &Arguments) -> Result<Whose, Failure> {
    Ok(match arguments {
        Arguments { lead: Some(text), .. } => Whose::Lead(scope::lead(store, text).await?),
        Arguments { account: Some(text), .. } => Whose::Account(scope::account(store, text).await?),
        Arguments { .. } => Whose::Everybody,
    })
}
