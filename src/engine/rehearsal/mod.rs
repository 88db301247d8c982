//! Rehearsals: the daemon's own decisions on a virtual clock, over leads that are kept in memory.
//!
//! [`World`] holds leads as the store would, and an agenda of what is to be done when: it decides, grants and judges by
//! the same functions as the daemon, in the same order, and then goes to the next instant at which something happens.
//! What it cannot know is told to it: what becomes of mails that leave ([`Fate`]), and what happens to leads (foretold
//! by whoever begins the rehearsal). Whoever wants to know what came of it looks on ([`Witness`]).

mod cast;
mod chance;
mod manners;
mod person;
mod readers;
mod world;

pub use cast::Cast;
pub use chance::Chance;
pub use manners::{BadManners, Manners, Share, Shares, Span};
pub use person::Person;
pub use readers::{Readers, SOURCE};
pub use world::{Fate, Left, Mail, World};

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
    fn left(&mut self, _person: usize, _state: &LeadState, _mail: &Mail<'_>, _came: &Left) {}

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
