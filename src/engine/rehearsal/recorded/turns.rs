//! A lead's record in its order: what came, and when it was decided on.

use std::collections::{HashMap, HashSet};

use crate::{
    domain::{decision::LogLine, event::Event, id::Rev, time::Instant},
    store::records::{Logged, Past},
};

/// One turn of a lead's record. Every event and every decision has taken the next rev: what is no event was a
/// decision, also where nothing is written of it.
#[derive(Clone, Debug)]
pub enum Turn {
    /// Something happened.
    Came(Event),
    Decided(Decided),
}

/// A decision of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    pub rev: Rev,
    /// `None`: it left nothing that would say when it was.
    pub at: Option<Instant>,
    /// What it logged.
    pub lines: Vec<LogLine>,
}

/// The record of a lead, in its order.
#[must_use]
pub fn turns(past: &Past) -> Vec<Turn> {
    let mut lines: HashMap<Rev, Vec<&Logged>> = HashMap::new();
    for logged in &past.log {
        lines.entry(logged.rev).or_default().push(logged);
    }
    let made: HashSet<Rev> = past.made.iter().copied().collect();
    let mut events = past.events.iter().peekable();
    let mut turns = Vec::new();
    for rev in (1..=past.record.rev.0).map(Rev) {
        if let Some(event) = events.next_if(|event| event.rev == rev) {
            if !made.contains(&rev) {
                turns.push(Turn::Came(event.clone()));
            }
            continue;
        }
        let logged = lines.remove(&rev).unwrap_or_default();
        turns.push(Turn::Decided(Decided {
            rev,
            at: logged.first().map(|logged| logged.at),
            lines: logged.into_iter().map(|logged| logged.line.clone()).collect(),
        }));
    }
    // Of the last one the timer says when it was.
    if let Some(Turn::Decided(last)) = turns.last_mut()
        && past.record.decided_at > Instant::DAWN
    {
        last.at.get_or_insert(past.record.decided_at);
    }
    turns
}
