//! Stories: a small house, a lead, and what happens to it.

mod answering;
mod arbitration;
mod caps;
mod dated;
mod doubt;
mod elsewhere;
mod enter_each;
mod enter_on_date;
mod enter_on_end;
mod enter_on_tick;
mod entering;
mod failed;
mod handing;
mod house;
mod leaving;
mod on_change;
mod properties;
mod scoring;
mod sending;
mod story;
mod streams;
mod waiting;
mod ways;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;

use super::{making_way::MOST_VISITS, *};
use crate::domain::{
    condition::{Condition, Env, KnownSegment, PatternRoom, Scope, fact_key},
    country::Country,
    decision::{ScoreKind, Verb},
    definitions::{Door, LiveWorkflow, Segment, Since},
    event::{Event, EventData, EventKind, Judgement, StepRef},
    facts::Fact,
    id::{MessageId, ReleaseId},
    lead::{Basis, Consent, Outcome, Phase, Stage, Suppression},
    message::{MaySend, MessageKind, MessageState, OpenMessage},
    name::Name,
    on_change::OnChange,
    policy::{Policy, Purpose, Tracking},
    schedule::{Calendar, DateExpr, Deadline, WaitSpec, Whose, Window},
    score::{EngagementRule, FitRule, MilliPoints, StageRule},
    time::Zone,
    value::{Schema, Value},
    workflow::{
        Again, Awaited, Enter, InDoubt, MailFailure, Step, StepIx, StepKind, Steps, Version,
        Workflow,
    },
};

use house::{House, email, wait, wait_for};
use story::Story;

/// Wednesday, 24 March 2027, 10:00 in Rome.
fn wednesday() -> Instant {
    "2027-03-24T09:00:00Z".parse().unwrap()
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
