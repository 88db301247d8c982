//! What became of a mail already, and which workflows would send it.

use super::Bar;
use crate::{
    domain::{
        event::EventKind,
        id::EnrolmentNo,
        message::{MessageKind, MessageState},
        name::Name,
        schedule::local_text,
        workflow::Workflow,
    },
    engine::report::why::Moment,
    store::records::MessageRow,
};

/// The live workflows that send a mail, and those that the lead is in.
pub fn senders(moment: &Moment<'_>, mail: &Name) -> Vec<Name> {
    let sends = |workflow: &Workflow| {
        workflow.steps.iter().any(|step| moment.definitions.mails_of(&step.kind).contains(mail))
    };
    let live = moment.definitions.workflows.iter().map(|live| &*live.workflow);
    let structures = &moment.definitions.structures;
    let inside = moment.state.enrolments.iter().filter_map(|it| structures.get(&it.version));
    let mut names: Vec<Name> = live
        .chain(inside.map(AsRef::as_ref))
        .filter(|workflow| sends(workflow))
        .map(|workflow| workflow.name.clone())
        .collect();
    let mut seen = Vec::new();
    names.retain(|name| !seen.contains(name) && (seen.push(name.clone()), true).1);
    names
}

/// What became of the last one that was made for the lead, if that is the answer.
pub fn of_itself(moment: &Moment<'_>, mail: &Name) -> Option<Bar> {
    let row = moment.past.messages.iter().rfind(|row| {
        row.kind == MessageKind::Marketing && row.template == *mail && row.created_at <= moment.at
    })?;
    let at = |at| local_text(at, &moment.state.zone);
    let by = format!("by `{}`, at its step `{}`", row.workflow, row.about.step);
    let bar = if let Some(sent) = row.sent_at.filter(|sent| *sent <= moment.at) {
        Bar::new("sent", format!("it was sent on {} {by}", at(sent)))
            .advice(format!("`nurtured why EMAIL --mail {mail}` tells how it came about"))
    } else if is_open(moment, row) {
        on_its_way(moment, row, &by)
    } else {
        match row.state {
            MessageState::InDoubt => {
                let says = format!("it may have arrived, and nobody knows; it was sent {by}");
                Bar::new("in_doubt", says).advice("`nurtured doubt` says what became of it")
            }
            MessageState::Parked => {
                let why = row.reason.as_deref().unwrap_or("it could not be made");
                let advice = "mend what is wrong, and `nurtured apply`: it is tried again";
                Bar::new("parked", format!("it is parked: {why}")).advice(advice)
            }
            _ => return None,
        }
    };
    Some(Bar { workflow: Some(row.workflow.clone()), ..bar })
}

/// That an enrolment's mail failed, if it did: it was refused for good, was given up, or could not be written.
pub fn failed(moment: &Moment<'_>, enrolment: EnrolmentNo, mail: &Name) -> Option<Bar> {
    let row = moment.past.messages.iter().rfind(|row| {
        row.kind == MessageKind::Marketing
            && row.template == *mail
            && row.about.enrolment == enrolment
            && row.created_at <= moment.at
    })?;
    let event = moment.past.events.iter().rfind(|event| {
        event.kind == EventKind::MAIL_FAILED
            && event.about.as_ref() == Some(&row.about)
            && event.recorded_at <= moment.at
    })?;
    let reason = event.data.get("reason").map(ToString::to_string).or_else(|| row.reason.clone());
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let on = local_text(event.recorded_at, &moment.state.zone);
    let says =
        format!("it failed on {on}, by `{}`, at its step `{}`{why}", row.workflow, row.about.step);
    let advice = format!("`nurtured why EMAIL --mail {mail}` tells how it came about");
    Some(Bar::new("failed", says).advice(advice))
}

/// Whether it was on its way then: of now it is known, of the past it was if it left later.
fn is_open(moment: &Moment<'_>, row: &MessageRow) -> bool {
    let open = moment.state.open_message.as_ref();
    row.state.is_open() || open.is_some_and(|open| open.about == row.about)
}

fn on_its_way(moment: &Moment<'_>, row: &MessageRow, by: &str) -> Bar {
    let relay = super::paused(moment, &row.workflow);
    if let Some(bar) = relay {
        return bar;
    }
    let why = row.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let due = Some(row.due_at).filter(|due| *due > moment.at);
    let says = if due.is_some() {
        format!("it is on its way {by}, and put off{why}")
    } else {
        format!("it is on its way {by}: it leaves with the next round of the daemon")
    };
    let bar = Bar::new("on_its_way", says).until(due);
    if due.is_none() {
        bar.advice("`nurtured why-idle` says why nothing leaves, if so")
    } else {
        bar
    }
}
