//! What reports are made of: counts, not rows of leads.

use std::collections::BTreeMap;

use crate::domain::{
    event::EventKind,
    id::LeadId,
    lead::{Stage, Turn},
    name::Name,
    time::Instant,
    workflow::Version,
};

/// From an instant on until just before another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    pub from: Instant,
    pub until: Instant,
}

impl Period {
    pub const ALL: Self = Self { from: Instant::DAWN, until: Instant::NEVER };

    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}

/// How far enrolments have come: those of one version that went one way and stand, or ended, at one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    pub version: Version,
    pub step: Name,
    /// `ready`, `waiting`, `mailing`, or the outcome's word.
    pub state: String,
    pub turns: Vec<Turn>,
    /// Why it is held, or ended.
    pub why: String,
    pub number: u64,
}

/// One of several enrolments of a lead in the same workflow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Again {
    pub lead: LeadId,
    pub version: Version,
    pub step: Name,
    pub turns: Vec<Turn>,
    /// It has come to the end.
    pub finished: bool,
}

/// Mails of a step that are over, in one state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailCount {
    pub step: Name,
    pub state: String,
    pub mails: u64,
    pub leads: u64,
}

/// Mails of a step that are not over, in one state and for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenCount {
    pub step: Name,
    pub state: String,
    pub reason: String,
    pub number: u64,
}

/// Leads that passed a step over, for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassedOver {
    pub step: Name,
    /// As the decision log has it: `skipped`, `expired`.
    pub what: String,
    pub leads: u64,
}

/// Who was behind what came back on mails.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Behind {
    /// A person; also what was unsure and has settled.
    Human,
    Machine,
    /// Not settled yet.
    Unsure,
}

/// What came back on the mails of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackCount {
    pub step: Name,
    pub kind: EventKind,
    pub behind: Behind,
    pub events: u64,
    pub leads: u64,
}

/// All that is counted of one workflow.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WorkflowFigures {
    pub standings: Vec<Standing>,
    pub again: Vec<Again>,
    pub mails: Vec<MailCount>,
    pub open: Vec<OpenCount>,
    pub back: Vec<BackCount>,
    pub passed_over: Vec<PassedOver>,
}

/// Leads by when they came in, in quarters of an hour, and by where they stand now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CohortCount {
    /// The beginning of the quarter.
    pub from: Instant,
    pub stage: Stage,
    pub leads: u64,
}

/// A lead came to a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageChange {
    pub lead: LeadId,
    pub at: Instant,
    pub to: Stage,
    /// As the decision put it: `lead → mql: …`; empty where it was not a decision's.
    pub reason: String,
}

/// A deal that was won, as told of one lead.
#[derive(Clone, PartialEq, Debug)]
pub struct Deal {
    pub lead: LeadId,
    /// Its id in the CRM; several leads may be of one deal.
    pub id: Option<Name>,
    pub at: Instant,
    pub amount: Option<f64>,
    pub currency: Option<Name>,
}

/// What happened in a period.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Happened {
    pub new_leads: u64,
    /// Leads that were decided in it and not since.
    pub decided: u64,
    /// Enrolments that began, and that ended, by outcome.
    pub entered: u64,
    pub ended: BTreeMap<Name, u64>,
    /// Marketing mails by state, those that came to it in the period.
    pub mails: BTreeMap<Name, u64>,
    /// Notices to our own people that were sent.
    pub notices: u64,
    /// Attempts that the relay put off, or that did not reach it.
    pub deferred: u64,
    /// Events that matter, that happened and were recorded in it, by kind; of bounces, by `mail.bounced.CLASS`; of deals won, each deal once.
    pub events: BTreeMap<Name, u64>,
}

/// A lead that gained engagement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gain {
    pub lead: LeadId,
    pub address: String,
    pub stage: Stage,
    /// Thousandths of a point.
    pub gained: i64,
    /// Each rule, what it gave and how often.
    pub rules: Vec<(Name, i64, u64)>,
}

/// Marketing mails that are not over, of one workflow, by what they wait for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queue {
    pub workflow: Name,
    /// The relay that they are to go by.
    pub via: Name,
    pub state: String,
    pub reason: String,
    pub number: u64,
    /// When the first and the last of them are due.
    pub due_at: Instant,
    pub last_due_at: Instant,
}

/// Active enrolments of one workflow, by what they do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inside {
    pub workflow: Name,
    pub state: String,
    /// Why it is held; empty where it is not.
    pub why: String,
    pub number: u64,
    /// When the first and the last of them are looked at again.
    pub due_at: Instant,
    pub last_due_at: Instant,
}

/// Something that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upcoming {
    pub what: What,
    /// Of the lead's address.
    pub domain: Name,
    pub workflow: Name,
    /// In how many hours.
    pub hour: u64,
    pub number: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Open mails that are to go by a relay.
    Mail { via: Name },
    /// A step that a lead stands at: held, or the end of its wait.
    Step { lead: LeadId, step: Name, version: Version, is_wait: bool },
}
