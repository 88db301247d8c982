//! What must become of a message by what the relay said, from RFC 5321 and what we promise (P2, P8), not from the code.

use std::time::Duration;

use nurtured::{
    domain::{message::MessageState, time::Instant},
    store::records::MessageRow,
};

use super::relay::Try;
use crate::support::{
    engine::DAY,
    smtp::{Act, At},
};

/// What a relay's word, or its silence, says of a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// 250 at the dot, and nothing else.
    Sent,
    /// 4xx: tried again, for days.
    PutOff,
    /// 5xx about the recipient or the mail; `hard`: the address does not exist.
    Refused { hard: bool },
    /// 5xx about us: the mail waits. `counted`: it may yet be about the recipient, and is not tried for ever.
    RefusesUs { counted: bool },
    /// It has nothing of the mail, and said nothing of it: it is waited for.
    Unheard,
    /// The same; an idle connection may just have been closed, and another is tried at once.
    HangsUp,
    /// The connection was lost after the first octet.
    InDoubt,
}

/// Where a message must stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expected {
    /// Nothing was said of it yet.
    #[default]
    New,
    /// Put off, or waiting for a relay that was not there.
    Waits,
    Sent,
    Failed {
        hard: bool,
    },
    InDoubt,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Mail {
    pub expected: Expected,
    attempts: i64,
    first: Option<Instant>,
    pub was_given_up: bool,
}

/// Minutes after the first, second … try, a fifth to either side.
const MINUTES: [i64; 6] = [5, 15, 30, 60, 120, 240];
const LONGEST: Duration = DAY.saturating_mul(4);

impl Mail {
    /// It was tried, in one pass at `now`, and the ledger says this after it.
    pub fn tried(&mut self, tries: &[Try], now: Instant, row: &MessageRow) -> Result<(), String> {
        if !matches!(self.expected, Expected::New | Expected::Waits) {
            return Err(format!("it is at its end, {:?}, and was tried again", self.expected));
        }
        let (last, before) = tries.split_last().ok_or("no try")?;
        // Nobody is asked again at once, but for a connection that had been closed meanwhile.
        if !before.iter().all(is_stale) || before.len() > 1 {
            return Err("it was tried again at once".to_owned());
        }
        if let Some(odd) = tries.iter().find(|tried| !tried.was_said) {
            return Err(format!("we hung up before the relay's word: {odd:?}"));
        }
        let means = last.word.as_ref().map_or(Means::Sent, |word| word.means);
        // No other connection was to be had.
        let means = if is_stale(last) { Means::Unheard } else { means };
        let at = last.word.as_ref().map_or(At::Dot, |word| word.at);
        let is_past_354 = at == At::Dot || means == Means::InDoubt;
        let tried_before = self.attempts;
        let is_counted =
            !matches!(means, Means::Unheard | Means::HangsUp | Means::RefusesUs { counted: false });
        if is_counted || is_past_354 {
            self.attempts += 1;
        }
        let first = *self.first.get_or_insert(now);
        if self.attempts == 0 {
            self.first = None;
        }
        let (expected, says) = match means {
            Means::Sent => (Expected::Sent, String::new()),
            Means::InDoubt => (Expected::InDoubt, String::new()),
            Means::Refused { hard } => (Expected::Failed { hard }, said("refused", last)),
            Means::PutOff | Means::RefusesUs { counted: true } => {
                let how = if means == Means::PutOff { "put off" } else { "refused" };
                self.was_given_up = first + LONGEST < now + Duration::from_secs(60);
                if self.was_given_up {
                    (Expected::Failed { hard: false }, format!("given up: {}", said(how, last)))
                } else {
                    (Expected::Waits, said(how, last))
                }
            }
            Means::RefusesUs { counted: false } => (Expected::Waits, said("refused", last)),
            Means::Unheard | Means::HangsUp => (Expected::Waits, "no relay at ".to_owned()),
        };
        self.expected = expected;
        self.stands(row)?;
        if !row.reason.as_deref().unwrap_or_default().starts_with(&says) {
            return Err(format!("its reason is not `{says}…`"));
        }
        if expected == Expected::Waits {
            let latest = is_counted.then(|| first + LONGEST);
            return waits_long_enough(tried_before, row.due_at, latest, now);
        }
        Ok(())
    }

    /// Whether the ledger says what the model does.
    pub fn stands(&self, row: &MessageRow) -> Result<(), String> {
        let state = match self.expected {
            Expected::New => MessageState::Reserved,
            Expected::Waits => MessageState::Deferred,
            Expected::Sent => MessageState::Sent,
            Expected::Failed { .. } => MessageState::Failed,
            Expected::InDoubt => MessageState::InDoubt,
        };
        if (row.state, row.attempts) == (state, self.attempts) {
            Ok(())
        } else {
            Err(format!("it must be {} after {} tries", state.word(), self.attempts))
        }
    }
}

/// Closed before a word about this mail, by a relay that may do so at any time (RFC 5321 §3.8): no try of it.
fn is_stale(tried: &Try) -> bool {
    tried.is_kept
        && tried.word.as_ref().is_some_and(|word| {
            let goes = matches!(&word.act, Act::SayAndHangUp(line) if line.starts_with("421"));
            word.at == At::Mail && (goes || word.means == Means::HangsUp)
        })
}

/// `put off at rcpt: 450`.
fn said(how: &str, tried: &Try) -> String {
    let Some(word) = &tried.word else { return String::new() };
    let (Act::Say(line) | Act::SayAndHangUp(line)) = &word.act else { return String::new() };
    let at = format!("{:?}", word.at).to_lowercase();
    format!("{how} at {at}: {line}")
}

/// A minute at least, and longer with each try (RFC 5321 §4.5.4.1), to the end of its days.
fn waits_long_enough(
    tried_before: i64,
    due: Instant,
    latest: Option<Instant>,
    now: Instant,
) -> Result<(), String> {
    let index = usize::try_from(tried_before).unwrap_or_default().min(MINUTES.len() - 1);
    let (middle, waits) = (MINUTES[index] * 60_000, due.since(now));
    let spread = middle * 4 / 5..=middle * 6 / 5;
    let is_last = latest.is_some_and(|latest| due == latest);
    if waits >= 60_000 && (spread.contains(&waits) || is_last) {
        Ok(())
    } else {
        Err(format!("it waits {waits} ms after try {}", tried_before + 1))
    }
}
