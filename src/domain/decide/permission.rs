//! Whether a mail may leave: asked before it is reserved, and again at the instant of sending.

use std::time::Duration;

use crate::domain::{
    definitions::Definitions,
    event::StepRef,
    lead::{Basis, LeadState, Phase},
    message::{MaySend, MessageKind},
    policy::Tracking,
    schedule::{Window, end_of_quiet},
    time::{Instant, Zone},
    value::{Schema, Value},
    workflow::{Version, Workflow},
};

/// How soon a mail is judged again that could not be judged.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Whether this lead's behaviour may be looked at, by the policy's `tracking`. Only consent will do:
/// another ground for writing is none for looking over a shoulder (Garante 284/2026).
#[must_use]
pub fn tracked(definitions: &Definitions, state: &LeadState) -> bool {
    match &definitions.policy.tracking {
        Tracking::Nobody => false,
        Tracking::Everybody => true,
        Tracking::With(purpose) => {
            state.consent(purpose).is_some_and(|consent| consent.basis == Basis::Consent)
        }
    }
}

/// Whether there is a ground for the purpose, of a kind that the policy takes.
fn has_ground(definitions: &Definitions, state: &LeadState, purpose: &str) -> bool {
    state.consent(purpose).is_some_and(|consent| {
        definitions
            .policy
            .purposes
            .get(purpose)
            .is_some_and(|purpose| purpose.basis.contains(&consent.basis))
    })
}

/// Why no marketing mail of a workflow may go to a lead at all, if so.
pub(super) fn objection(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
) -> Option<String> {
    if let Some(reason) = state.suppressed {
        return Some(format!("the address is suppressed: {}", reason.word()));
    }
    let purpose = &workflow.purpose;
    (!has_ground(definitions, state, purpose))
        .then(|| format!("no ground for the purpose `{purpose}`"))
}

/// When a workflow may write again to a lead who asked for it later. What the lead asked for, too, comes
/// all the same.
pub(super) fn quiet(
    workflow: &Workflow,
    attributes: &[Option<Value>],
    zone: &Zone,
    now: Instant,
) -> Option<Instant> {
    let Some(Some(Value::Date(until))) = attributes.get(Schema::LATER_UNTIL.0) else { return None };
    let end = end_of_quiet(*until, zone);
    (!workflow.now && end > now).then_some(end)
}

/// Says that a workflow's mail waits until then because the lead asked for it.
pub(super) fn asked_for_later(end: Instant, zone: &Zone) -> String {
    let day = end.timestamp().to_zoned(zone.tz().clone()).strftime("%-d %b %Y");
    format!("asked to be written to later, from {day}")
}

/// When a workflow's mail to a lead may leave, if not at once, for its hours.
fn opens(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
    now: Instant,
) -> Option<Instant> {
    window(definitions, workflow)?.around(now, &state.zone).opens
}

/// Says that a workflow's mail does not leave now for its hours.
pub(super) fn outside(definitions: &Definitions, state: &LeadState, workflow: &Workflow) -> String {
    let window = window(definitions, workflow).map(ToString::to_string).unwrap_or_default();
    format!("outside of the window {window} in {}", state.zone.name())
}

/// The hours of a workflow's mail; `None`: it keeps none.
pub(super) fn window<'d>(
    definitions: &'d Definitions,
    workflow: &'d Workflow,
) -> Option<&'d Window> {
    let window = workflow.window.as_ref().unwrap_or(&definitions.policy.window);
    (!workflow.now).then_some(window)
}

/// When the window closes that a workflow's mail to a lead may leave in now; `None` if it is closed, or
/// the workflow keeps no hours.
#[must_use]
pub fn closes(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
    now: Instant,
) -> Option<Instant> {
    window(definitions, workflow)?.closes(now, &state.zone)
}

/// Judges a claimed message again, at the instant of sending: between its reservation and now the
/// lead may have left, objected, or its window closed.
#[must_use]
pub fn may_send(
    definitions: &Definitions,
    state: &LeadState,
    about: &StepRef,
    kind: MessageKind,
    version: &Version,
    now: Instant,
) -> MaySend {
    if kind == MessageKind::Internal {
        return MaySend::Now;
    }
    let at_step = state.enrolments.iter().any(|enrolment| {
        enrolment.no == about.enrolment
            && enrolment.step == about.step
            && enrolment.visit == about.visit
            && enrolment.phase == Phase::Mailing
    });
    if !at_step {
        return MaySend::Never("the enrolment is no longer at this step".to_owned());
    }
    let Some(workflow) = definitions.structures.get(version) else {
        // Another daemon has reserved it by a release that this one cannot run, or not yet.
        let reason = "the structure of its workflow is not known here".to_owned();
        return MaySend::NotBefore(now + LOOK_AGAIN, reason);
    };
    if let Some(reason) = objection(definitions, state, workflow) {
        return MaySend::Never(reason);
    }
    if let Some(end) = quiet(workflow, &state.attributes, &state.zone, now) {
        return MaySend::NotBefore(end, asked_for_later(end, &state.zone));
    }
    match opens(definitions, state, workflow, now) {
        Some(opens) => MaySend::NotBefore(opens, outside(definitions, state, workflow)),
        None => MaySend::Now,
    }
}
