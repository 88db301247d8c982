//! Clocks of workflows in a rehearsal: whom a tick is for is told so, as the engine tells them.

use crate::domain::{
    condition::Condition, definitions::Definitions, lead::LeadState, name::Name, time::Instant,
    workflow::Enter,
};
use crate::engine::preparing::view;

/// The clocks of all workflows that have one.
#[derive(Debug, Default)]
pub(super) struct Clocks(Vec<Clock>);

#[derive(Debug)]
struct Clock {
    workflow: Name,
    next: Instant,
}

/// A tick, and for whom it is.
pub(super) struct Tick {
    pub workflow: Name,
    who: Condition,
}

impl Clocks {
    /// As they stand at an instant: what has ticked by then is over.
    pub fn at(definitions: &Definitions, now: Instant) -> Self {
        let workflows = definitions.workflows.iter();
        let clock = |workflow: Name, next| Clock { workflow, next };
        let clocks = workflows.filter_map(|live| {
            Some(clock(live.workflow.name.clone(), definitions.next_tick(live, now)?))
        });
        Self(clocks.collect())
    }

    /// When one ticks next.
    pub fn next(&self) -> Instant {
        self.0.iter().map(|clock| clock.next).min().unwrap_or(Instant::NEVER)
    }

    /// What ticks now; it goes on to the next time.
    pub fn strike(&mut self, definitions: &Definitions, now: Instant) -> Vec<Tick> {
        let mut ticks = Vec::new();
        for clock in self.0.iter_mut().filter(|clock| clock.next <= now) {
            let Some(live) = definitions.workflow(&clock.workflow) else {
                clock.next = Instant::NEVER;
                continue;
            };
            if let Enter::Schedule(ticking) = &live.workflow.enter {
                let (workflow, who) = (clock.workflow.clone(), ticking.who.clone());
                ticks.push(Tick { workflow, who });
            }
            clock.next = definitions.next_tick(live, now).unwrap_or(Instant::NEVER);
        }
        ticks
    }
}

impl Tick {
    pub fn is_for(&self, definitions: &Definitions, lead: &LeadState, now: Instant) -> bool {
        self.who.verdict(&view(definitions, lead, now)).is_true()
    }
}
