//! A release in the middle of a rehearsal.

use std::{cmp::Reverse, mem, sync::Arc};

use super::{Fate, World, clocks::Clocks};
use crate::domain::{definitions::Definitions, lead::Profile, time::Instant};

impl<F: Fate> World<F> {
    /// Other definitions are live from an instant on, at which everybody is looked at. What only these keep of leads
    /// begins then, as no history is kept of what was rehearsed.
    pub fn go_live(&mut self, definitions: Arc<Definitions>, now: Instant) {
        let before = mem::replace(&mut self.definitions, definitions);
        self.clocks = Clocks::at(&self.definitions, now);
        for (index, person) in self.people.iter_mut().enumerate() {
            let mut profile = Profile::default();
            person.carry_over((&before, &self.definitions), &mut profile, None, now);
            self.agenda.push(Reverse((person.next(), index)));
        }
    }
}
