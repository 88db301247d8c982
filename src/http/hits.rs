//! What hits are counted by.

use crate::{
    domain::event::Judgement,
    engine::intake::{IntakeError, Taken},
};

/// What a person or a machine came for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HitKind {
    Click,
    Open,
    Unsubscribe,
    Answer,
    Outcome,
}

impl HitKind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Open => "open",
            Self::Unsubscribe => "unsubscribe",
            Self::Answer => "answer",
            Self::Outcome => "outcome",
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HitOutcome {
    Judged(Judgement),
    Repeated,
    Ignored,
    Refused,
}

impl HitOutcome {
    pub(super) const fn of(taken: Result<Taken, IntakeError>) -> Self {
        match taken {
            Ok(Taken::Recorded(judgement)) => Self::Judged(judgement),
            Ok(Taken::Already) => Self::Repeated,
            Ok(Taken::Nobody | Taken::Ignored) => Self::Ignored,
            Err(_) => Self::Refused,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Judged(judgement) => judgement.word(),
            Self::Repeated => "repeated",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}
