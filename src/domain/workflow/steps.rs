//! The steps of a workflow, and the way of an enrolment through them.

use std::collections::HashSet;

use super::{Step, StepIx};
use crate::domain::{lead::Turn, name::Name};

/// The steps, flattened: each knows where to go next.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    first: Option<StepIx>,
}

impl Steps {
    /// # Errors
    /// The id that two steps share.
    pub fn new(steps: Vec<Step>, first: Option<StepIx>) -> Result<Self, Name> {
        let mut ids = HashSet::with_capacity(steps.len());
        if let Some(step) = steps.iter().find(|step| !ids.insert(&step.id)) {
            return Err(step.id.clone());
        }
        Ok(Self { steps, first })
    }

    #[must_use]
    pub const fn first(&self) -> Option<StepIx> {
        self.first
    }

    #[must_use]
    pub fn get(&self, index: StepIx) -> &Step {
        &self.steps[index.0]
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<StepIx> {
        // They are few: a hash would take longer.
        self.steps.iter().position(|step| *step.id == *id).map(StepIx)
    }

    /// The steps on the way by these turns from the first one to `last`, both of them too. `None`: it does
    /// not lead there.
    #[must_use]
    pub fn way(&self, turns: &[Turn], last: &str) -> Option<Vec<StepIx>> {
        let mut turns = turns.iter().peekable();
        let mut way = Vec::new();
        let mut at = self.first;
        while let Some(index) = at.filter(|_| way.len() < self.len()) {
            let step = self.get(index);
            way.push(index);
            let turn = turns.next_if(|(from, _)| *from == step.id);
            if turn.is_none() && step.id == *last {
                return Some(way);
            }
            at = match turn {
                Some((_, to)) => self.find(to),
                None => step.next,
            };
        }
        None
    }

    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::workflow::StepKind;

    /// `a`, which goes on to `b` or turns to `x`; both come to `c`.
    fn steps() -> Steps {
        let step = |id: &str, next: Option<usize>| Step {
            id: id.into(),
            kind: StepKind::Stop { reason: None },
            next: next.map(StepIx),
        };
        let steps =
            vec![step("a", Some(1)), step("b", Some(3)), step("x", Some(3)), step("c", None)];
        Steps::new(steps, Some(StepIx(0))).unwrap()
    }

    fn way(turns: &[(&str, &str)], last: &str) -> Option<Vec<usize>> {
        let turns: Vec<Turn> =
            turns.iter().map(|(from, to)| (Name::new(from), Name::new(to))).collect();
        Some(steps().way(&turns, last)?.into_iter().map(|step| step.0).collect())
    }

    #[test]
    fn turns_tell_the_way_and_without_them_it_is_straight() {
        assert_eq!(way(&[], "a"), Some(vec![0]));
        assert_eq!(way(&[], "c"), Some(vec![0, 1, 3]));
        assert_eq!(way(&[("a", "x")], "c"), Some(vec![0, 2, 3]));
    }

    #[test]
    fn a_way_that_does_not_lead_there_is_none() {
        assert_eq!(way(&[], "x"), None);
        assert_eq!(way(&[("a", "x")], "b"), None);
        assert_eq!(way(&[("a", "gone")], "c"), None);
        // Round and round.
        assert_eq!(way(&[("a", "a"), ("b", "a")], "nowhere"), None);
    }
}
