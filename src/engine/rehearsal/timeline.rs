//! What happens to a lead in a rehearsal, line by line.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::{Left, Mail, Witness};
use crate::domain::{
    decision::{Decision, MadeEvent, Verb},
    definitions::Definitions,
    event::{Event, EventKind, Judgement},
    lead::LeadState,
    message::MessageKind,
    name::Name,
    time::{Instant, Zone},
};

/// One thing that happened to a lead, or was decided on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Line {
    #[serde(serialize_with = "as_text")]
    pub at: Instant,
    /// `mail`, an event's kind, or what was decided.
    pub what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub(super) fn as_text<T: fmt::Display, S: serde::Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Line {
    /// As people read it, on a clock: `Mon 1 Mar 2027 09:00  mail cold/industry-report (reawaken-cold)`.
    #[must_use]
    pub fn shown(&self, zone: &Zone) -> String {
        let at = self.at.timestamp().to_zoned(zone.tz().clone());
        let mut text = format!("{}  {}", at.strftime("%a %Y-%m-%d %H:%M"), self.what);
        if let Some(object) = &self.object {
            text += &format!(" {object}");
        }
        if let Some(workflow) = &self.workflow {
            text += &format!(" ({workflow}");
            if let Some(step) = &self.step {
                text += &format!(", {step}");
            }
            text.push(')');
        }
        if let Some(reason) = &self.reason {
            text += &format!(": {reason}");
        }
        text
    }
}

/// Keeps the timelines of some leads, by their places in the world.
#[derive(Debug, Default)]
pub struct Timelines {
    lines: BTreeMap<usize, Vec<Line>>,
}

impl Timelines {
    #[must_use]
    pub fn of(people: impl IntoIterator<Item = usize>) -> Self {
        Self { lines: people.into_iter().map(|person| (person, Vec::new())).collect() }
    }

    /// What happened to one of them.
    #[must_use]
    pub fn get(&self, person: usize) -> &[Line] {
        self.lines.get(&person).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, person: usize, line: impl FnOnce() -> Line) {
        if let Some(lines) = self.lines.get_mut(&person) {
            lines.push(line());
        }
    }
}

/// What is told by more than an event: the mail itself.
fn is_outcome(event: &Event) -> bool {
    [EventKind::MAIL_SENT, EventKind::MAIL_FAILED, EventKind::MAIL_CANCELLED].contains(&event.kind)
}

fn of_event(event: &Event) -> Line {
    let said = |key: &str| event.data.get(key).map(ToString::to_string);
    let answer = (event.kind == EventKind::LEAD_ANSWERED).then(|| said("value")).flatten();
    let object = match (event.object.as_deref(), answer) {
        (Some(object), Some(answer)) => Some(format!("{object} = {answer}")),
        (object, _) => object.map(str::to_owned),
    };
    let judged = (event.judgement == Judgement::Machine).then(|| "a machine".to_owned());
    Line {
        at: event.occurred_at,
        what: event.kind.as_str().to_owned(),
        object,
        workflow: None,
        step: None,
        reason: judged,
    }
}

fn of_made(event: &MadeEvent, at: Instant) -> Line {
    Line {
        at,
        what: event.kind.as_str().to_owned(),
        object: event.object.as_ref().map(ToString::to_string),
        workflow: None,
        step: None,
        reason: Some(event.reason.clone()),
    }
}

impl Witness for Timelines {
    fn happened(&mut self, person: usize, _: &LeadState, event: &Event) {
        if !is_outcome(event) {
            self.add(person, || of_event(event));
        }
    }

    fn decided(
        &mut self,
        _: &Definitions,
        person: usize,
        _: &LeadState,
        decision: &Decision,
        now: Instant,
    ) {
        let Some(lines) = self.lines.get_mut(&person) else { return };
        // A mail is told when it leaves; a stage by its event.
        let is_told = |what: Verb| !matches!(what, Verb::Reserved | Verb::Stage);
        let told = decision.log.iter().filter(|line| is_told(line.what));
        lines.extend(told.map(|line| Line {
            at: now,
            what: line.what.word().replace('_', " "),
            object: None,
            workflow: line.workflow.clone(),
            step: line.step.clone(),
            reason: (!line.reason.is_empty()).then(|| line.reason.clone()),
        }));
        lines.extend(decision.events.iter().map(|event| of_made(event, now)));
        let notices = decision.messages.iter().filter(|it| it.kind == MessageKind::Internal);
        lines.extend(notices.map(|notice| Line {
            at: now,
            what: "notice".to_owned(),
            object: Some(format!("to {}", notice.recipient)),
            workflow: Some(notice.workflow.clone()),
            step: Some(notice.about.step.clone()),
            reason: None,
        }));
    }

    fn left(
        &mut self,
        _: &Definitions,
        person: usize,
        _: &LeadState,
        mail: &Mail<'_>,
        came: &Left,
    ) {
        let (what, reason) = match came {
            Left::Sent => ("mail", None),
            Left::Refused { reason, .. } => ("mail refused", Some(reason.clone())),
            Left::Cancelled(reason) => ("mail cancelled", Some(reason.clone())),
            Left::Parked(reason) => ("mail parked", Some(reason.clone())),
        };
        self.add(person, || Line {
            at: mail.now,
            what: what.to_owned(),
            object: Some(mail.open.template.to_string()),
            workflow: Some(mail.open.workflow.clone()),
            step: None,
            reason,
        });
    }

    fn put_off(
        &mut self,
        person: usize,
        _: &LeadState,
        mail: &Mail<'_>,
        until: Instant,
        reason: &str,
    ) {
        self.add(person, || Line {
            at: mail.now,
            what: "put off".to_owned(),
            object: Some(mail.open.template.to_string()),
            workflow: Some(mail.open.workflow.clone()),
            step: None,
            reason: Some(format!("{reason}, until {until}")),
        });
    }

    fn parked(&mut self, person: usize, _: &LeadState, reason: &str, now: Instant) {
        self.add(person, || Line {
            at: now,
            what: "parked".to_owned(),
            object: None,
            workflow: None,
            step: None,
            reason: Some(reason.to_owned()),
        });
    }
}
