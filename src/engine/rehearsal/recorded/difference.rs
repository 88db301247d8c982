//! What a record says and what this binary decides, side by side.

use std::time::Duration;

use serde::Serialize;

use super::again::{Again, Seen};
use crate::{
    domain::{
        decision::{LogLine, Verb},
        name::Name,
        time::Instant,
    },
    engine::rehearsal::timeline::as_text,
    store::records::Past,
};

/// What is so far apart at most is the same.
const SAME: Duration = Duration::from_mins(1);

/// What a line of the log says was done, apart from the words that it is said in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub what: Verb,
    pub workflow: Option<Name>,
    pub step: Option<Name>,
    pub detail: String,
}

/// One thing that was decided otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    #[serde(serialize_with = "as_text")]
    pub at: Instant,
    /// A verb of the decision log; `standing`: where the lead is in the end; `failed`: it cannot be decided.
    pub what: &'static str,
    pub workflow: Option<Name>,
    pub step: Option<Name>,
    /// What the record says; `null`: nothing.
    pub record: Option<String>,
    /// What this binary decides; `null`: nothing.
    pub now: Option<String>,
}

/// The lines that are compared. Who is held or not let in shows in what comes of it.
pub fn keys(lines: &[LogLine]) -> Vec<Key> {
    lines.iter().filter_map(key).collect()
}

fn key(line: &LogLine) -> Option<Key> {
    let before_colon = || line.reason.split(": ").next().unwrap_or_default();
    let detail = match line.what {
        Verb::NotEntered | Verb::Held => return None,
        Verb::Entered | Verb::Withdrawn | Verb::Migrated | Verb::Skipped | Verb::Expired => "",
        Verb::Advanced | Verb::Ended | Verb::Stage => before_colon(),
        Verb::Reserved | Verb::Set => &line.reason,
    };
    let (workflow, step) = (line.workflow.clone(), line.step.clone());
    Some(Key { what: line.what, workflow, step, detail: detail.to_owned() })
}

/// Both sides of a lead, as they come.
#[derive(Debug, Default)]
pub struct Sides {
    record: Vec<(Instant, LogLine)>,
    now: Vec<(Instant, LogLine)>,
}

impl Sides {
    /// A decision that was taken again.
    pub fn note(&mut self, seen: Seen<'_>) {
        let recorded = seen.recorded.into_iter().flat_map(|decided| &decided.lines);
        self.record.extend(recorded.map(|line| (seen.at, line.clone())));
        self.now.extend(seen.decision.log.iter().map(|line| (seen.at, line.clone())));
    }

    /// What differs between two instants, in its order.
    #[must_use]
    pub fn differences(mut self, since: Instant, until: Instant) -> Vec<Difference> {
        self.record.retain(|(_, line)| key(line).is_some());
        self.now.retain(|(_, line)| key(line).is_some());
        let now = &mut self.now;
        let is_other = |(at, line): &(Instant, LogLine)| {
            let same = now
                .iter()
                .position(|(then, other)| key(other) == key(line) && then.is_within(SAME, *at));
            same.map(|place| now.remove(place)).is_none()
        };
        self.record.retain(is_other);
        let mut found = Vec::new();
        for (at, line) in self.record {
            let instead = self.now.iter().position(|(then, other)| {
                *then == at
                    && (other.what, &other.workflow, &other.step)
                        == (line.what, &line.workflow, &line.step)
            });
            let now = instead.map(|place| self.now.remove(place).1.reason);
            found.push(Difference {
                now,
                ..Difference::of(at, line.clone(), Some(line.reason), None)
            });
        }
        let added = self.now.into_iter();
        found.extend(
            added.map(|(at, line)| Difference::of(at, line.clone(), None, Some(line.reason))),
        );
        found.retain(|difference| difference.at >= since && difference.at <= until);
        found.sort_by_key(|difference| difference.at);
        found
    }
}

impl Difference {
    fn of(at: Instant, line: LogLine, record: Option<String>, now: Option<String>) -> Self {
        let LogLine { what, workflow, step, .. } = line;
        Self { at, what: what.word(), workflow, step, record, now }
    }

    /// Where the lead is, if that is elsewhere than in the record.
    #[must_use]
    pub fn standing(past: &Past, again: &Again<'_>, at: Instant) -> Vec<Self> {
        let (_, state) = again.now();
        let differs = |workflow: Option<Name>, record: Option<String>, now: Option<String>| {
            let is_other = record != now;
            is_other.then_some(Self { at, what: "standing", workflow, step: None, record, now })
        };
        let stage = |stage: crate::domain::lead::Stage| Some(stage.word().to_owned());
        let mut found: Vec<Self> =
            differs(None, stage(past.record.stage), stage(state.stage)).into_iter().collect();
        let record = &past.record.enrolments;
        let step = |all: &[crate::domain::lead::Enrolment], no| {
            all.iter().find(|it| it.no == no).map(|it| it.step.to_string())
        };
        let mut all: Vec<_> =
            record.iter().chain(&state.enrolments).map(|it| (it.no, &it.workflow)).collect();
        all.sort_unstable();
        all.dedup();
        found.extend(all.into_iter().filter_map(|(no, workflow)| {
            let (record, now) = (step(record, no), step(&state.enrolments, no));
            differs(Some(workflow.clone()), record, now)
        }));
        found
    }

    /// That it cannot be decided any more.
    #[must_use]
    pub fn failed(at: Instant, reason: String) -> Self {
        let now = Some(reason);
        Self { at, what: "failed", workflow: None, step: None, record: None, now }
    }
}
