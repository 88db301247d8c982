//! Streams: mails one after the other, each lead only what it has not had.

use std::collections::BTreeMap;

use super::{
    name::Name,
    schedule::{Deadline, WaitSpec},
    time::Instant,
    workflow::{InDoubt, MailFailure},
};

/// A `stream` step: the next content, again and again.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Whose contents they are: always the live ones.
    pub name: Name,
    /// How long it is from one mail to the next; the last one stands for all others. None is empty.
    pub every: Vec<WaitSpec>,
    /// After how many mails the way goes on below.
    pub most: Option<u32>,
    pub when_exhausted: Exhausted,
    /// `None`: as the workflow says.
    pub now: Option<bool>,
    pub not_after: Option<Deadline>,
    pub in_doubt: Option<InDoubt>,
    pub on_failure: Option<MailFailure>,
}

/// What becomes of a lead that has had all contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Exhausted {
    /// Waits at the step for a content that is added later.
    #[default]
    Wait,
    GoOn,
}

impl Exhausted {
    pub const WORDS: [(&str, Self); 2] = [("wait", Self::Wait), ("go on", Self::GoOn)];
}

impl Stream {
    /// Says that a lead waits for more of it.
    #[must_use]
    pub fn exhausted(&self) -> String {
        format!("it has had all of the stream `{}`", self.name)
    }

    /// The most mails of one visit.
    pub const MOST_MAILS: u32 = 900;

    /// How long after so many mails the next one comes.
    #[must_use]
    pub fn pause_after(&self, mails: u32) -> Option<&WaitSpec> {
        let place = usize::try_from(mails).unwrap_or(usize::MAX).saturating_sub(1);
        self.every.get(place).or(self.every.last())
    }

    #[must_use]
    pub fn is_over_after(&self, mails: u32) -> bool {
        mails >= self.most.unwrap_or(Self::MOST_MAILS)
    }
}

/// The first content that a lead has never received, whatever workflow would have sent it.
#[must_use]
pub fn next_content<'a>(
    contents: &'a [Name],
    received: &BTreeMap<Name, Instant>,
) -> Option<&'a Name> {
    contents.iter().find(|content| !received.contains_key(*content))
}
