//! What may leave on each of the next days, what is due then, and what is left over.

use std::collections::BTreeMap;

use serde::Serialize;

use super::as_time;
use crate::{
    domain::{
        definitions::Definitions,
        fleet::Fleet,
        name::Name,
        pace::{AtMost, Rate},
        ramp::{all_receivers, receivers_of},
        schedule::{Day, Deadline, Window},
        time::Instant,
        workflow::{Step, StepKind},
    },
    engine::report::ramps::ramps_report,
    store::{
        Store, StoreError,
        records::{Upcoming, What},
    },
};

/// How many days are looked ahead.
pub const DAYS: i64 = 14;

/// The next days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Budget {
    #[serde(serialize_with = "as_time")]
    pub at: Instant,
    pub zone: String,
    pub days: Vec<BudgetDay>,
    /// The day on which nothing is left over any more, until the last one.
    pub drains_on: Option<String>,
    pub too_late: Vec<TooLate>,
    /// What it is made of, and what it knows nothing of.
    pub counted: Vec<&'static str>,
    pub not_counted: Vec<&'static str>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BudgetDay {
    pub day: String,
    /// Mails that may leave; `None`: nothing limits them.
    pub capacity: Option<u64>,
    /// Mails that become due.
    pub due: u64,
    pub leave: u64,
    pub left_over: u64,
}

/// Mails of a workflow that will not leave in time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TooLate {
    pub workflow: Name,
    #[serde(serialize_with = "as_time")]
    pub not_after: Instant,
    pub mails: u64,
}

const COUNTED: &[&str] = &[
    "mails that are reserved or put off",
    "leads that wait for their turn or their hours before a mail",
    "leads whose `wait` is over then, where a mail is next",
];
const NOT_COUNTED: &[&str] = &[
    "who comes in, or goes on by an event or a condition, in the meantime",
    "pacing of single domains (`each_domain`), caps, pauses, and what slows mail down now",
    "windows of single workflows: a day is as long as the policy's window",
    "mails after the next one of each lead",
    "`not_after` of single steps, and in days after a lead came to its step",
];

/// By relay, receivers and workflow.
type Way = (Name, Name, Name);

/// Reckons the next days by what is known at an instant.
///
/// # Errors
/// When the database cannot be asked.
pub async fn budget(
    store: &Store,
    definitions: &Definitions,
    fleet: &Fleet,
    now: Instant,
) -> Result<Budget, StoreError> {
    let policy = &definitions.policy;
    let today = Day::at(now, &policy.zone);
    let days: Vec<Day> = (0..DAYS).map(|day| Day(today.0 + day)).collect();
    let end = Day(today.0 + DAYS).begins(&policy.zone);
    let deadlines = deadlines(definitions, now);
    let mut due: BTreeMap<Day, BTreeMap<Way, u64>> = BTreeMap::new();
    // Told a turn or an hour that is past it.
    let mut out_of_time: BTreeMap<Name, u64> = BTreeMap::new();
    for upcoming in store.upcoming(now, end).await? {
        let Some(relay) = relay_of(definitions, fleet, &upcoming) else { continue };
        let hours = i64::try_from(upcoming.hour).unwrap_or(i64::MAX);
        let at = Instant::from_millis(now.millis().saturating_add(hours.saturating_mul(3_600_000)));
        if deadlines.get(&upcoming.workflow).is_some_and(|until| at >= *until) {
            *out_of_time.entry(upcoming.workflow).or_default() += upcoming.number;
            continue;
        }
        let receivers = receivers_of(policy, &upcoming.domain);
        let way = (relay, receivers, upcoming.workflow);
        *due.entry(Day::at(at, &policy.zone)).or_default().entry(way).or_default() +=
            upcoming.number;
    }
    let mut walk = Walk { definitions, fleet, steps: BTreeMap::new(), backlog: BTreeMap::new() };
    let mut used = BTreeMap::new();
    for line in ramps_report(store, definitions, fleet, now).await? {
        let key = (line.relay, line.receivers);
        // Told from 1 on.
        walk.steps.insert(key.clone(), line.step - 1);
        used.insert(key, u64::from(line.used));
    }
    let (mut told, mut too_late) = (Vec::new(), Vec::new());
    for day in days {
        let from = if day == today { now } else { day.begins(&policy.zone) };
        let until = day.next().begins(&policy.zone);
        let open = open_for(&policy.window, definitions, from, until);
        let nothing = BTreeMap::new();
        let used = if day == today { &used } else { &nothing };
        let capacity = walk.room(day, open, used).all();
        let mut due_today = 0;
        for (way, mails) in due.remove(&day).unwrap_or_default() {
            due_today += mails;
            *walk.backlog.entry(way).or_default() += mails;
        }
        let leave = walk.leave(day, open, used);
        for (workflow, at) in deadlines.iter().filter(|(_, at)| Day::at(**at, &policy.zone) == day)
        {
            let mails =
                walk.give_up(workflow) + out_of_time.get(workflow).copied().unwrap_or_default();
            if mails > 0 {
                too_late.push(TooLate { workflow: workflow.clone(), not_after: *at, mails });
            }
        }
        let left_over = walk.backlog.values().sum();
        told.push(BudgetDay { day: day.to_string(), capacity, due: due_today, leave, left_over });
    }
    let full = told.iter().rposition(|day| day.left_over > 0).map_or(0, |last| last + 1);
    Ok(Budget {
        at: now,
        zone: policy.zone.name().to_owned(),
        drains_on: told.get(full).map(|day| day.day.clone()),
        days: told,
        too_late,
        counted: COUNTED.to_vec(),
        not_counted: NOT_COUNTED.to_vec(),
    })
}

/// By which relay a mail is to go; `None`: no mail is next.
fn relay_of(definitions: &Definitions, fleet: &Fleet, upcoming: &Upcoming) -> Option<Name> {
    let (lead, step, version, is_wait) = match &upcoming.what {
        What::Mail { via } => return Some(via.clone()),
        What::Step { lead, step, version, is_wait } => (*lead, step, version, *is_wait),
    };
    let workflow = definitions.structures.get(version).map(AsRef::as_ref);
    let live = || definitions.workflow(&upcoming.workflow).map(|live| &*live.workflow);
    let workflow = workflow.or_else(live)?;
    let step = workflow.steps.named(step)?;
    let is_mail = |step: &Step| matches!(step.kind, StepKind::Email { .. } | StepKind::Stream(_));
    let is_next = match &step.kind {
        // Between two of its mails.
        StepKind::Stream(_) => true,
        StepKind::Wait(_) if is_wait => {
            step.next.is_some_and(|next| is_mail(workflow.steps.get(next)))
        }
        _ => !is_wait && is_mail(step),
    };
    fleet.relay_of(lead).filter(|_| is_next).map(|relay| relay.name.clone())
}

/// The instants from which on the mails of dated workflows do not leave any more.
fn deadlines(definitions: &Definitions, now: Instant) -> BTreeMap<Name, Instant> {
    let zone = &definitions.policy.zone;
    let dated = definitions.workflows.iter().filter_map(|live| {
        let workflow = &live.workflow;
        let Some(Deadline::On(date)) = &workflow.not_after else { return None };
        let at = definitions.date(workflow, date, zone).at;
        (at > now).then(|| (workflow.name.clone(), at))
    });
    dated.collect()
}

/// Milliseconds in which a window is open, on the clock of the house.
fn open_for(window: &Window, definitions: &Definitions, from: Instant, until: Instant) -> i64 {
    let place = definitions.policy.place(&definitions.policy.zone, None);
    let (mut at, mut open) = (from, 0);
    while at < until {
        let around = window.around(at, place);
        if let Some(opens) = around.opens {
            at = opens.max(at.next());
            continue;
        }
        let closes = around.closes.unwrap_or(until).min(until);
        open += closes.since(at).max(0);
        at = closes.max(at.next());
    }
    open
}

/// How many leave by a rate while it is open.
fn by_rate(rate: Rate, open: i64) -> u64 {
    let micros = u128::try_from(open).unwrap_or(0) * 1000;
    u64::try_from(micros / rate.between().as_micros().max(1)).unwrap_or(u64::MAX)
}

/// From day to day.
struct Walk<'a> {
    definitions: &'a Definitions,
    fleet: &'a Fleet,
    /// Of ramps, if all goes well.
    steps: BTreeMap<(Name, Name), usize>,
    backlog: BTreeMap<Way, u64>,
}

/// What there is room for on a day. Who is not in a map has no limit.
struct Room {
    all: u64,
    relays: BTreeMap<Name, u64>,
    receivers: BTreeMap<Name, u64>,
    ramps: BTreeMap<(Name, Name), u64>,
    workflows: BTreeMap<Name, u64>,
}

impl Walk<'_> {
    fn room(&self, day: Day, open: i64, used: &BTreeMap<(Name, Name), u64>) -> Room {
        let pacing = &self.definitions.policy.pacing;
        let shut = |limit: u64| if open > 0 { limit } else { 0 };
        let rated = |rate: Rate| by_rate(rate, open);
        let relays = self.fleet.names().map(|name| {
            let rate = self.fleet.get(name).and_then(|relay| relay.rate);
            (name.clone(), shut(rate.map_or(u64::MAX, rated)))
        });
        let receivers = pacing.providers.iter().map(|it| (it.name.clone(), rated(it.rate)));
        let mut workflows: BTreeMap<Name, u64> =
            pacing.workflows.iter().map(|(name, rate)| (name.clone(), rated(*rate))).collect();
        for (name, most) in &pacing.at_most {
            let most = match most {
                AtMost::Rate(rate) => rated(*rate),
                AtMost::Day { mails, .. } => spread(*mails, 0, open),
            };
            let known = workflows.entry(name.clone()).or_insert(u64::MAX);
            *known = (*known).min(most);
        }
        let ramps = self.fleet.warming().flat_map(|(relay, warm_up)| {
            all_receivers(&self.definitions.policy).filter_map(move |receivers| {
                let key = (relay.clone(), receivers);
                let mails = warm_up.ramp.mails(self.steps.get(&key).copied()?)?;
                let mails = if day < warm_up.first { 0 } else { mails };
                let used = used.get(&key).copied().unwrap_or_default();
                Some((key, spread(mails, used, open)))
            })
        });
        Room {
            all: shut(pacing.all.map_or(u64::MAX, rated)),
            relays: relays.collect(),
            receivers: receivers.collect(),
            ramps: ramps.collect(),
            workflows,
        }
    }

    /// Takes what leaves out of the backlog, the workflows of a higher priority first, and goes a step up where a
    /// step was used.
    fn leave(&mut self, day: Day, open: i64, used: &BTreeMap<(Name, Name), u64>) -> u64 {
        let mut room = self.room(day, open, used);
        let priority = |workflow: &Name| {
            let live = self.definitions.workflow(workflow);
            std::cmp::Reverse(live.map_or(0, |live| live.workflow.priority))
        };
        let mut ways: Vec<Way> = self.backlog.keys().cloned().collect();
        ways.sort_by_cached_key(|way| (priority(&way.2), way.clone()));
        let (mut left, mut by_ramp) = (0, used.clone());
        for way in ways {
            let Some(waiting) = self.backlog.get_mut(&way) else { continue };
            let mails = room.take(&way, *waiting);
            *waiting -= mails;
            left += mails;
            *by_ramp.entry((way.0, way.1)).or_default() += mails;
        }
        self.backlog.retain(|_, waiting| *waiting > 0);
        for (relay, warm_up) in self.fleet.warming() {
            for receivers in all_receivers(&self.definitions.policy) {
                let key = (relay.clone(), receivers);
                let Some(step) = self.steps.get_mut(&key) else { continue };
                let left = by_ramp.get(&key).copied().unwrap_or_default();
                let is_used =
                    warm_up.ramp.mails(*step).is_some_and(|all| left * 2 >= u64::from(all));
                *step += usize::from(is_used && left > 0);
            }
        }
        left
    }

    /// Takes all out that waits of a workflow.
    fn give_up(&mut self, workflow: &Name) -> u64 {
        let late = |way: &Way| way.2 == *workflow;
        let mails = self.backlog.iter().filter(|(way, _)| late(way)).map(|(_, mails)| mails).sum();
        self.backlog.retain(|way, _| !late(way));
        mails
    }
}

/// So many a day, spread over hours, on a day that is open so long.
fn spread(mails: u32, used: u64, open: i64) -> u64 {
    u64::from(mails).saturating_sub(used).min(by_rate(Rate::spreading(mails), open))
}

impl Room {
    fn take(&mut self, (relay, receivers, workflow): &Way, wanted: u64) -> u64 {
        let mut unlimited = [u64::MAX; 4];
        let [of_relay, of_receivers, of_ramp, of_workflow] = &mut unlimited;
        let limits = [
            &mut self.all,
            self.relays.get_mut(relay).unwrap_or(of_relay),
            self.receivers.get_mut(receivers).unwrap_or(of_receivers),
            self.ramps.get_mut(&(relay.clone(), receivers.clone())).unwrap_or(of_ramp),
            self.workflows.get_mut(workflow).unwrap_or(of_workflow),
        ];
        let mails = limits.iter().fold(wanted, |mails, limit| mails.min(**limit));
        for limit in limits {
            if *limit != u64::MAX {
                *limit -= mails;
            }
        }
        mails
    }

    /// Mails that could leave if there were any number of them, to all receivers and by all relays.
    fn all(mut self) -> Option<u64> {
        let relays: Vec<Name> = self.relays.keys().cloned().collect();
        let mut receivers: Vec<Name> = self.receivers.keys().cloned().collect();
        receivers.push(crate::domain::ramp::OTHERS.into());
        self.workflows.clear();
        let mut sum: u64 = 0;
        for relay in &relays {
            for receivers in &receivers {
                let way = (relay.clone(), receivers.clone(), Name::new(""));
                sum = sum.saturating_add(self.take(&way, u64::MAX));
            }
        }
        (sum < u64::MAX).then_some(sum)
    }
}
