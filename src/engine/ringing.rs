//! Clocks of workflows: at each tick all leads are gone through, and those whom it is for are told.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Engine, live::Live, members};
use crate::{
    domain::{
        definitions::{Definitions, LiveWorkflow, SegmentIx},
        enter::Ticking,
        id::{LeadId, ReleaseId},
        name::Name,
        time::Instant,
        workflow::Enter,
    },
    store::{Ring, Ringing, Schedule, StoreError, records::NewEvent},
};

/// How often it is looked whether another daemon has left a tick half done.
const LOOK: Duration = Duration::from_mins(1);

/// What is known of the clocks.
#[derive(Debug, Default)]
pub struct Bell {
    /// By whose workflows the clocks are set.
    release: Option<ReleaseId>,
    /// The release's definitions, with a segment for each clock: whom it is for.
    asks: Option<Arc<Definitions>>,
    whom: BTreeMap<Name, SegmentIx>,
    /// The earliest tick.
    next: Option<Instant>,
    /// There is nothing to do before.
    look_at: Instant,
}

impl Bell {
    fn set(&mut self, live: &Live) {
        let mut asks = (*live.definitions).clone();
        self.whom.clear();
        for (workflow, ticking) in clocks(&live.definitions) {
            let whom = asks.ask(ticking.who.clone());
            self.whom.insert(workflow.workflow.name.clone(), whom);
        }
        self.asks = (!self.whom.is_empty()).then(|| Arc::new(asks));
        (self.release, self.next) = (Some(live.definitions.release), None);
    }
}

fn clocks(definitions: &Definitions) -> impl Iterator<Item = (&LiveWorkflow, &Ticking)> {
    definitions.workflows.iter().filter_map(|live| match &live.workflow.enter {
        Enter::Schedule(ticking) => Some((live, &**ticking)),
        _ => None,
    })
}

/// As it stands from the beginning.
fn schedule(definitions: &Definitions, live: &LiveWorkflow) -> Option<Schedule> {
    Some(Schedule {
        workflow: live.workflow.name.clone(),
        mark: definitions.door_mark(&live.workflow),
        since: live.since.door.at,
        next_at: definitions.next_tick(live, Instant::DAWN)?,
    })
}

fn is_set_by(definitions: &Definitions, live: &LiveWorkflow, schedule: &Schedule) -> bool {
    schedule.mark == definitions.door_mark(&live.workflow) && schedule.since == live.since.door.at
}

impl Engine {
    /// Rings the clocks that have ticked, and goes through one page of leads of each open tick. Returns whether
    /// there is more. Asks the database at ticks alone, and once a minute where there are clocks.
    pub(super) async fn ring(&self, now: Instant) -> Result<bool, StoreError> {
        let Some(live) = self.live() else { return Ok(false) };
        let mut bell = self.bell.lock().await;
        let is_set = bell.release == Some(live.definitions.release);
        if is_set && now < bell.look_at && bell.next.is_none_or(|next| now < next) {
            return Ok(false);
        }
        if !is_set {
            let schedules = clocks(&live.definitions)
                .filter_map(|(workflow, _)| schedule(&live.definitions, workflow));
            self.store.set_schedules(&schedules.collect::<Vec<_>>()).await?;
            bell.set(&live);
        }
        let Some(asks) = bell.asks.clone() else {
            (bell.next, bell.look_at) = (None, Instant::NEVER);
            return Ok(false);
        };
        let mut more = false;
        let mut next = Instant::NEVER;
        for seen in self.store.schedules().await? {
            let name = &seen.schedule.workflow;
            let (Some(workflow), Some(whom)) = (asks.workflow(name), bell.whom.get(name)) else {
                continue;
            };
            let Enter::Schedule(ticking) = &workflow.workflow.enter else { continue };
            // Another daemon has set the clock by another release already: it goes by that one alone.
            if !is_set_by(&asks, workflow, &seen.schedule) {
                continue;
            }
            if seen.schedule.next_at <= now {
                self.strike(&asks, workflow, ticking, &seen, now).await?;
                more = true;
            } else if seen.open.is_some() {
                self.tell_page(&asks, *whom, &seen, now).await?;
                more = true;
            }
            next = next.min(seen.schedule.next_at);
        }
        (bell.next, bell.look_at) = (Some(next), if more { now } else { now + LOOK });
        Ok(more)
    }

    /// When the next clock ticks, as far as is known here.
    pub(super) async fn next_tick_at(&self) -> Instant {
        self.bell.lock().await.next.unwrap_or(Instant::NEVER)
    }

    /// One tick is begun, of those that have come; the others are noted.
    async fn strike(
        &self,
        definitions: &Definitions,
        workflow: &LiveWorkflow,
        ticking: &Ticking,
        seen: &Ringing,
        now: Instant,
    ) -> Result<(), StoreError> {
        let zone = ticking.zone(&definitions.policy);
        let mut come = ticking.ticks.come(seen.schedule.next_at, now, ticking.late, zone);
        let mut because = "nothing was at work";
        if seen.open.is_some() {
            come.missed.extend(come.run.take());
            because = "the leads of the one before were still gone through";
        }
        let ring = Ring {
            run: come.run,
            missed: come.missed,
            because,
            next_at: definitions.next_tick(workflow, now).unwrap_or(Instant::NEVER),
        };
        if self.store.ring(seen, &ring, now).await? && !ring.missed.is_empty() {
            let (name, ticks) = (&workflow.workflow.name, ring.missed.len() as u64);
            tracing::warn!(workflow = %name, ticks, because, "ticks of a schedule were missed");
            (self.on_missed)(name, ticks);
        }
        Ok(())
    }

    /// Tells the next leads of an open tick whom it is for.
    async fn tell_page(
        &self,
        asks: &Arc<Definitions>,
        whom: SegmentIx,
        seen: &Ringing,
        now: Instant,
    ) -> Result<(), StoreError> {
        let Some((tick, done)) = seen.open else { return Ok(()) };
        let Some(last) = self.store.end_of_page(done, members::PAGE).await? else {
            return self.store.move_tick(seen, None).await;
        };
        let (definitions, live) = (Arc::clone(asks), Some(Arc::clone(asks)));
        let (segments, page) = (vec![whom], members::PAGE);
        let listed = Vec::new();
        let question =
            members::Question { definitions, live, segments, listed, now, some: usize::MAX, page };
        let leads: Vec<LeadId> = members::of_page(&self.store, &question, (done, last)).await?;
        for leads in leads.chunks(TOLD) {
            let tell = |lead: &LeadId| NewEvent::tick(*lead, &seen.schedule.workflow, tick);
            let events: Vec<NewEvent> = leads.iter().map(tell).collect();
            self.store.record_events(&events, now).await?;
        }
        self.store.move_tick(seen, Some(last)).await
    }
}

/// How many leads are told in one transaction.
const TOLD: usize = 500;
