//! The one decision function.
//!
//! Whether something happened or time has come, the same function is called. It works events →
//! versions → score → stage → segments → exits → enrolments → steps → arbitration to a fixed point and returns
//! what changes, the reason for each change, what it wants and the next wake-up.

mod answers;
mod arbitrate;
mod booking;
mod cancelling;
mod dated;
mod door;
mod doubt;
mod elsewhere;
mod enter;
mod enter_each;
mod enter_on_date;
mod enter_on_end;
mod exits;
mod failed;
mod forks;
mod hand_off;
mod ledger;
mod made;
mod making_way;
mod on_change;
mod overlay;
mod permission;
mod reflect;
mod rounds;
mod stage;
mod steps;
mod stream;
mod webhook;
mod withheld;
mod work;

#[cfg(test)]
mod tests;

pub use door::{Door, by_hand_from, door};
pub use permission::{Objection, closes, may_send, objects, tracked};
use work::Work;

use super::{
    decision::{Decision, Grants},
    definitions::Definitions,
    lead::LeadState,
    time::Instant,
};

/// How often the rules are gone through before a decision is taken as it stands; what is left over
/// is looked at again a minute later. Only definitions that chase their own tail come this far.
const ROUNDS: usize = 8;

/// Decides one lead at an instant. Pure: no clock, no randomness, no I/O.
///
/// `grants` holds the allocator's refusals; what is not refused is granted.
#[must_use]
pub fn decide(
    definitions: &Definitions,
    state: &LeadState,
    grants: &Grants,
    now: Instant,
) -> Decision {
    let mut work = Work::new(definitions, state, now);
    work.reflect();
    work.settle_versions();
    for round in 0.. {
        work.begin_round();
        work.settle_stage();
        work.settle_segments();
        work.settle_exits();
        work.settle_entries();
        work.settle_steps();
        // Who was at a step that is gone may have come to one that is not.
        work.settle_versions();
        if !work.moved() {
            break;
        }
        if round == ROUNDS {
            work.settle_left_over();
            work.wake(now + std::time::Duration::from_secs(60));
            break;
        }
    }
    work.arbitrate(grants);
    work.write_ledger();
    work.finish()
}
