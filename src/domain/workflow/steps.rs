//! The steps of a workflow, and the way of an enrolment through them.

use std::collections::HashSet;

use super::{
    Step, StepIx,
    rounds::{first_try, rounds},
};
use crate::domain::{lead::Turn, name::Name};

/// The steps, flattened: each knows where to go next.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    first: Option<StepIx>,
    /// The loops that each step stands in, the outermost first; a loop stands in itself.
    loops: Vec<Vec<StepIx>>,
}

/// How many turns are kept at most of an enrolment that goes round and round, if no single round has more.
const MOST_TURNS: usize = 64;

impl Steps {
    /// # Errors
    /// The id that two steps share.
    pub fn new(steps: Vec<Step>, first: Option<StepIx>) -> Result<Self, Name> {
        let mut ids = HashSet::with_capacity(steps.len());
        if let Some(step) = steps.iter().find(|step| !ids.insert(&step.id)) {
            return Err(step.id.clone());
        }
        let loops = loops(&steps);
        Ok(Self { steps, first, loops })
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

    /// The step of an id.
    #[must_use]
    pub fn named(&self, id: &str) -> Option<&Step> {
        self.find(id).map(|index| self.get(index))
    }

    /// The visit of a step that is come to from a visit of another: rounds of the loops that both stand in go on.
    #[must_use]
    pub fn arrival(&self, from: Option<StepIx>, visit: u64, to: StepIx) -> u64 {
        let left = from.map_or(&[][..], |from| &self.loops[from.0]);
        let known = rounds(visit, left.len());
        let here = self.loops[to.0].iter().enumerate();
        first_try(here.map(
            |(place, it)| {
                if left.get(place) == Some(it) { known[place] } else { 0 }
            },
        ))
    }

    /// The steps on the way by these turns from the first one to `last`, both of them too, each once. `None`: it
    /// does not lead there.
    ///
    /// A turn from nowhere, before all others, says where the way begins of somebody who has moved here from another
    /// version.
    #[must_use]
    pub fn way(&self, turns: &[Turn], last: &str) -> Option<Vec<StepIx>> {
        let mut seen = HashSet::new();
        let path = self.path(turns, last)?;
        Some(path.into_iter().filter(|step| seen.insert(*step)).collect())
    }

    /// As [`Self::way`], with steps that are come to again as often as that.
    #[must_use]
    pub fn path(&self, turns: &[Turn], last: &str) -> Option<Vec<StepIx>> {
        let mut turns = turns.iter().peekable();
        let mut path = Vec::new();
        let mut straight_on = 0;
        let mut at = self.first;
        while let Some((_, begin)) = turns.next_if(|(from, _)| from.is_empty()) {
            at = self.find(begin);
        }
        while let Some(index) = at.filter(|_| straight_on < self.len()) {
            let step = self.get(index);
            path.push(index);
            if turns.peek().is_none() && step.id == *last {
                return Some(path);
            }
            at = match turns.next_if(|(from, _)| *from == step.id) {
                Some((_, to)) => {
                    straight_on = 0;
                    self.find(to)
                }
                None => {
                    straight_on += 1;
                    step.next
                }
            };
        }
        None
    }

    /// Forgets the turns of the round of a loop that has just come to its end, if it came to no step that the way
    /// had not come to before: so a hundred rounds take no more room than a few, and the way still has every step.
    pub fn end_round(&self, turns: &mut Vec<Turn>, step: &str) {
        let Some(begin) = turns.iter().rposition(|(from, _)| *from == *step) else { return };
        let before = self.path(&turns[..begin], step).unwrap_or_default();
        let after = self.path(turns, step).unwrap_or_default();
        let is_new = after.iter().any(|step| !before.contains(step));
        if !is_new || turns.len() > MOST_TURNS {
            turns.truncate(begin);
        }
    }

    /// Whether who is at one step may still come to another, or is at it.
    #[must_use]
    pub fn may_come_to(&self, from: StepIx, to: StepIx) -> bool {
        let (mut seen, mut to_do) = (HashSet::new(), vec![from]);
        while let Some(at) = to_do.pop() {
            if at.0 < self.len() && seen.insert(at) {
                to_do.extend(ways_out(self.get(at)).into_iter().chain(self.get(at).next));
            }
        }
        seen.contains(&to)
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

/// For each step the loops that it stands in.
fn loops(steps: &[Step]) -> Vec<Vec<StepIx>> {
    let mut around: Vec<Vec<StepIx>> = vec![Vec::new(); steps.len()];
    // A loop stands before what is inside of it, so the outer ones come first.
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| step.kind.is_loop()) {
        let mut inside = HashSet::from([index]);
        let mut to_do: Vec<StepIx> = ways_out(step);
        while let Some(StepIx(next)) = to_do.pop() {
            if next < steps.len() && inside.insert(next) {
                to_do.extend(ways_out(&steps[next]).into_iter().chain(steps[next].next));
            }
        }
        inside.into_iter().for_each(|place| around[place].push(StepIx(index)));
    }
    around
}

fn ways_out(step: &Step) -> Vec<StepIx> {
    step.kind.branches().into_iter().flatten().collect()
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
    fn a_way_begins_where_a_turn_from_nowhere_says() {
        assert_eq!(way(&[("", "x")], "c"), Some(vec![2, 3]));
        assert_eq!(way(&[("", "a"), ("", "b")], "c"), Some(vec![1, 3]));
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
