//! `nurtured enrol WORKFLOW EMAIL…`

use serde::Serialize;

use super::{
    context::{Context, address, who},
    failure::Failure,
    live::Live,
};
use crate::{
    domain::{address::Address, event::EventKind, value::Value},
    store::records::{NewEvent, Recorded},
};

/// Asks for leads to be enrolled in a workflow by hand. The next pass of the engine decides: its
/// re-entry rule, goal, consent and suppression hold as ever, and the lead's timeline says why.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The workflow
    workflow: String,
    /// The leads' addresses
    #[arg(required = true, value_name = "EMAIL")]
    emails: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    workflow: String,
    requested: usize,
    /// No lead has these addresses.
    unknown: Vec<String>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    Live::expect(&store).await?.expect_workflow(&arguments.workflow)?;
    let addresses: Vec<Address> =
        arguments.emails.iter().map(|text| address(text)).collect::<Result<_, _>>()?;
    let leads = store.find_leads(&addresses).await?;
    let now = context.now();
    let mut unknown = Vec::new();
    let mut events = Vec::new();
    for address in &addresses {
        let Some(&lead) = leads.get(address) else {
            unknown.push(address.as_str().to_owned());
            continue;
        };
        let mut event = NewEvent::new(lead, EventKind::ENROLMENT_REQUESTED, now, "cli");
        event.object = Some(arguments.workflow.as_str().into());
        event.data.insert("by".into(), Value::Text(who().into()));
        events.push(event);
    }
    let recorded = store.record_events(&events, now).await?;
    let requested =
        recorded.iter().filter(|recorded| matches!(recorded, Recorded::New { .. })).count();
    let report = Report { workflow: arguments.workflow.clone(), requested, unknown };
    context.output.result(&report, || {
        let leads = if requested == 1 { "lead" } else { "leads" };
        let mut lines =
            vec![format!("Asked for {requested} {leads} to enter {}.", report.workflow)];
        lines.extend(report.unknown.iter().map(|address| format!("There is no lead {address}.")));
        lines.join("\n")
    })?;
    store.close().await;
    if report.unknown.is_empty() { Ok(()) } else { Err(Failure::already_shown()) }
}
