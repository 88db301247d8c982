//! Where a lead stands.

use serde::Serialize;

use super::Moment;
use crate::{
    domain::{
        decision::Verb,
        event::EventKind,
        lead::{Enrolment, Key, Phase},
        name::Name,
        time::Instant,
        workflow::{StepKind, Version},
    },
    engine::report::{as_some_time, as_time},
};

#[derive(Debug, Serialize)]
pub struct Standing {
    pub stage: &'static str,
    #[serde(serialize_with = "as_time")]
    pub stage_since: Instant,
    /// As the decision says that made it so.
    pub stage_because: Option<String>,
    /// Why it is never written to.
    pub suppressed: Option<&'static str>,
    /// In which workflows it is.
    pub inside: Vec<Inside>,
    /// When something changes with nothing happening.
    #[serde(serialize_with = "as_some_time")]
    pub next_at: Option<Instant>,
}

/// A workflow that it is in.
#[derive(Debug, Serialize)]
pub struct Inside {
    pub workflow: Name,
    pub version: Name,
    /// What it is about, in a workflow with one passage for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    #[serde(serialize_with = "as_time")]
    pub entered_at: Instant,
    pub step: Name,
    /// The key that the step is written with.
    pub kind: Option<&'static str>,
    /// Since when it is at the step.
    #[serde(serialize_with = "as_time")]
    pub since: Instant,
    /// What it is doing there.
    pub says: String,
    #[serde(serialize_with = "as_some_time")]
    pub until: Option<Instant>,
    /// The step after it, where the way goes straight on.
    pub next: Option<Name>,
}

impl Standing {
    pub(super) fn of(moment: &Moment<'_>) -> Self {
        let Moment { past, state, at, .. } = moment;
        let stage = past.log.iter().rev().find(|logged| {
            logged.line.what == Verb::Stage && logged.at <= *at && logged.at == state.stage_since
        });
        let inside = state.enrolments.iter().map(|enrolment| Inside::of(moment, enrolment));
        Self {
            stage: state.stage.word(),
            stage_since: state.stage_since,
            stage_because: stage.map(|logged| logged.line.reason.clone()),
            suppressed: state.suppressed.map(crate::domain::lead::Suppression::word),
            inside: inside.collect(),
            next_at: Some(moment.wake_at).filter(|at| !at.is_never()),
        }
    }
}

impl Inside {
    pub(in crate::engine::report) fn of(moment: &Moment<'_>, enrolment: &Enrolment) -> Self {
        let workflow = moment.definitions.structures.get(&enrolment.version).map(AsRef::as_ref);
        let step = workflow.and_then(|it| it.steps.named(&enrolment.step));
        let open = moment.state.open_message.as_ref();
        let (says, until) = if workflow.is_some_and(|it| enrolment.waits_for_a_word(it, open)) {
            ("its mail is in doubt, and somebody is to say whether it arrived".to_owned(), None)
        } else {
            doing(moment, enrolment, step.map(|step| &step.kind))
        };
        let next = workflow.and_then(|it| Some(it.steps.get(step?.next?).id.clone()));
        let Version(version) = enrolment.version.clone();
        Self {
            workflow: enrolment.workflow.clone(),
            version,
            key: enrolment.entry.as_ref().and_then(|entry| Key::of(workflow?, &entry.data)),
            entered_at: enrolment.entered_at,
            step: enrolment.step.clone(),
            kind: step.map(|step| step.kind.word()),
            since: enrolment.armed_at,
            says,
            until: until.filter(|until| !until.is_never()),
            next,
        }
    }
}

/// What an enrolment is doing at its step, and until when.
fn doing(
    moment: &Moment<'_>,
    enrolment: &Enrolment,
    kind: Option<&StepKind>,
) -> (String, Option<Instant>) {
    match &enrolment.phase {
        Phase::Mailing => ("its mail is on its way".to_owned(), None),
        Phase::Ready { held: Some(held) } => {
            (format!("held back: {}", held.reason), Some(held.until))
        }
        Phase::Ready { held: None } => ("is about to do it".to_owned(), None),
        Phase::Waiting { due } => {
            let says = match kind {
                Some(StepKind::WaitFor { awaited, .. }) => {
                    let sources = awaited.iter().map(|one| one.condition.source());
                    format!("waits for {}", sources.collect::<Vec<_>>().join(", or "))
                }
                Some(StepKind::Webhook(step)) => {
                    let waits = format!("waits for the answer of webhook `{}`", step.target);
                    match given_up(moment, enrolment) {
                        Some(reason) => format!("{waits}, which was called in vain: {reason}"),
                        None => waits,
                    }
                }
                Some(StepKind::HandOff(_)) => "waits for what sales says".to_owned(),
                Some(StepKind::Email { .. } | StepKind::Stream(_)) => "waits to be sent".to_owned(),
                _ => "waits".to_owned(),
            };
            (says, Some(due.at))
        }
    }
}

/// Why the call of its step was given up, if it was: it is parked until somebody has mended that.
fn given_up(moment: &Moment<'_>, enrolment: &Enrolment) -> Option<String> {
    let failed = moment.past.events.iter().rfind(|event| {
        let is_it = event.about.as_ref().is_some_and(|about| {
            (about.enrolment, &about.step, about.visit)
                == (enrolment.no, &enrolment.step, enrolment.visit)
        });
        is_it && event.kind == EventKind::WEBHOOK_FAILED && event.recorded_at <= moment.at
    })?;
    failed.data.get("reason").map(ToString::to_string)
}
