//! Rehearsals: the daemon's own decisions on a virtual clock, over leads that are kept in memory.
//!
//! [`World`] holds leads as the store would, and an agenda of what is to be done when: it decides, grants and judges by
//! the same functions as the daemon, in the same order, and then goes to the next instant at which something happens.
//! What it cannot know is told to it: what becomes of mails that leave ([`Fate`]), and what happens to leads (foretold
//! by whoever begins the rehearsal). Whoever wants to know what came of it looks on ([`Witness`]).

mod cast;
mod chance;
mod clocks;
mod forecast;
mod going_live;
mod manners;
mod notes;
mod person;
mod post;
mod readers;
mod recorded;
mod timeline;
mod trial;
mod warming;
mod world;
mod writing;

pub use cast::Cast;
pub use chance::Chance;
pub use forecast::{Counter, Forecast};
pub use manners::{BadManners, Manners, Share, Shares, Span};
pub use person::Person;
pub use readers::{Readers, SOURCE};
pub use recorded::{
    Again, Chronicle, Decided, Difference, Gap, Key, Period, Replayed, Seen, Settled, keys,
};
pub use timeline::{Line, Timelines};
pub use trial::{Failure, House, Trial};
pub use warming::DayOfRamp;
pub use world::{Fate, Left, Mail, World};
pub use writing::Written;

use crate::domain::{
    decision::Decision, definitions::Definitions, event::Event, lead::LeadState, time::Instant,
};

/// Looks on while a rehearsal runs. Leads are told apart by their place among the people of the world.
pub trait Witness {
    /// Something has happened to a lead, which is still to be decided on.
    fn happened(&mut self, _person: usize, _state: &LeadState, _event: &Event) {}

    /// It is decided on a lead; the state is from before.
    fn decided(
        &mut self,
        _definitions: &Definitions,
        _person: usize,
        _state: &LeadState,
        _decision: &Decision,
        _now: Instant,
    ) {
    }

    /// A mail has left, or was refused, or will not leave.
    fn left(
        &mut self,
        _definitions: &Definitions,
        _person: usize,
        _state: &LeadState,
        _mail: &Mail<'_>,
        _came: &Left,
    ) {
    }

    /// A mail that was ready has to wait.
    fn put_off(
        &mut self,
        _person: usize,
        _state: &LeadState,
        _mail: &Mail<'_>,
        _until: Instant,
        _reason: &str,
    ) {
    }

    /// A lead could not be decided, and is left alone from then on.
    fn parked(&mut self, _person: usize, _state: &LeadState, _reason: &str, _now: Instant) {}
}

/// Nobody looks on.
impl Witness for () {}

/// Two look on.
impl<A: Witness, B: Witness> Witness for (A, B) {
    fn happened(&mut self, person: usize, state: &LeadState, event: &Event) {
        self.0.happened(person, state, event);
        self.1.happened(person, state, event);
    }

    fn decided(
        &mut self,
        definitions: &Definitions,
        person: usize,
        state: &LeadState,
        decision: &Decision,
        now: Instant,
    ) {
        self.0.decided(definitions, person, state, decision, now);
        self.1.decided(definitions, person, state, decision, now);
    }

    fn left(
        &mut self,
        definitions: &Definitions,
        person: usize,
        state: &LeadState,
        mail: &Mail<'_>,
        came: &Left,
    ) {
        self.0.left(definitions, person, state, mail, came);
        self.1.left(definitions, person, state, mail, came);
    }

    fn put_off(
        &mut self,
        person: usize,
        state: &LeadState,
        mail: &Mail<'_>,
        until: Instant,
        reason: &str,
    ) {
        self.0.put_off(person, state, mail, until, reason);
        self.1.put_off(person, state, mail, until, reason);
    }

    fn parked(&mut self, person: usize, state: &LeadState, reason: &str, now: Instant) {
        self.0.parked(person, state, reason, now);
        self.1.parked(person, state, reason, now);
    }
}
