//! Why a lead got what it got: its record, with what each condition looked at when it was decided.

mod moment;
mod standing;
mod story;
mod traces;

use serde::Serialize;

pub use moment::{Moment, NoMoment};
pub use standing::{Inside, Standing};
pub use story::{Ground, Line, Story};
use traces::Traces;

use crate::{
    domain::{message::MessageKind, name::Name, time::Instant},
    engine::rehearsal::Gap,
};

/// About what somebody asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    Mail(Name),
    Workflow(Name),
}

impl Subject {
    #[must_use]
    pub fn name(&self) -> &Name {
        match self {
            Self::Mail(name) | Self::Workflow(name) => name,
        }
    }
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct Why {
    /// Where the lead stands; of a subject it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// One for each time that the mail was made or the workflow entered, the first one first; without a subject, of the
    /// last mail.
    pub stories: Vec<Story>,
    /// What cannot be known of it.
    pub unknown: Vec<&'static str>,
}

/// Why things are as they are with a lead at a moment.
#[must_use]
pub fn why(moment: &Moment<'_>, subject: Option<&Subject>) -> Why {
    let Moment { past, at, .. } = moment;
    let traces = Traces::of(moment);
    let mails = || past.messages.iter().filter(|it| it.kind == MessageKind::Marketing);
    let by_then = |instant: Instant| instant <= *at;
    let stories = match subject {
        None => mails()
            .filter(|it| it.sent_at.is_some_and(by_then))
            .max_by_key(|it| it.sent_at)
            .map(|mail| Story::of_mail(moment, &traces, mail))
            .into_iter()
            .collect(),
        Some(Subject::Mail(name)) => mails()
            .filter(|it| it.template == *name && by_then(it.created_at))
            .map(|mail| Story::of_mail(moment, &traces, mail))
            .collect(),
        Some(Subject::Workflow(name)) => past
            .enrolments
            .iter()
            .filter(|it| it.workflow == *name && by_then(it.entered_at))
            .map(|enrolment| Story::of_enrolment(moment, &traces, enrolment))
            .collect(),
    };
    let standing = subject.is_none().then(|| Standing::of(moment));
    let unknown = Gap::of(past).map(unknown).into_iter().collect();
    Why { standing, stories, unknown }
}

const fn unknown(gap: Gap) -> &'static str {
    match gap {
        Gap::HistoryCut => {
            "its history is not kept from the beginning: what conditions looked at then is not known"
        }
        Gap::ProfileChanged => {
            "imports have changed its profile since: attributes are shown as they are today"
        }
        Gap::Parked | Gap::Unreadable => "it is parked, and is not decided any more",
    }
}
