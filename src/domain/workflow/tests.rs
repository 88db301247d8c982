//! Whoever goes through loops: no visit comes twice, and the way behind is known from few turns.

use std::{collections::HashSet, num::NonZeroU32};

use proptest::prelude::*;

use super::*;
use crate::domain::lead::Turn;

/// The steps of a list, as they are written.
#[derive(Clone, Debug)]
enum Written {
    Plain,
    Fork(Vec<Vec<Written>>),
    Loop(Vec<Written>),
}

fn list(depth: u32) -> BoxedStrategy<Vec<Written>> {
    let leaf = Just(Written::Plain).boxed();
    let step = if depth == 0 {
        leaf
    } else {
        let fork = prop::collection::vec(prop_oneof![Just(vec![]), list(depth - 1)], 1..4);
        prop_oneof![
            2 => leaf,
            2 => fork.prop_map(Written::Fork),
            2 => list(depth - 1).prop_map(Written::Loop),
        ]
        .boxed()
    };
    prop::collection::vec(step, 1..4).boxed()
}

/// Lays a list out as `definitions` does. More than two loops inside of each other are one plain step.
fn lay_out(
    list: &[Written],
    after: Option<StepIx>,
    room: usize,
    steps: &mut Vec<Step>,
) -> Option<StepIx> {
    let mut begin = None;
    let mut last: Option<usize> = None;
    for written in list {
        let here = steps.len();
        begin = begin.or(Some(StepIx(here)));
        if let Some(last) = last {
            steps[last].next = Some(StepIx(here));
        }
        let id = format!("s{here}").into();
        steps.push(Step { id, kind: StepKind::Stop { reason: None }, next: after });
        match written {
            Written::Loop(body) if room > 0 => {
                let body = lay_out(body, Some(StepIx(here)), room - 1, steps);
                steps[here].kind = StepKind::Repeat { times: 0, until: None, body };
            }
            Written::Fork(ways) => {
                // What stands behind is known only then.
                let begins: Vec<_> = ways
                    .iter()
                    .map(|way| lay_out(way, Some(StepIx(usize::MAX)), room, steps))
                    .collect();
                let arm = |then| Arm { name: "a".into(), weight: NonZeroU32::MIN, then };
                steps[here].kind = StepKind::Split(begins.into_iter().map(arm).collect());
            }
            _ => {}
        }
        last = Some(here);
        // Ends of the ways of a fork go on below it; the next step comes here, or `after` it is.
        let next = steps.len();
        let is_last = std::ptr::eq(written, list.last().unwrap());
        for step in &mut steps[here..] {
            if step.next == Some(StepIx(usize::MAX)) {
                step.next = if is_last { after } else { Some(StepIx(next)) };
            }
        }
    }
    begin
}

fn workflow() -> impl Strategy<Value = Steps> {
    list(3).prop_map(|list| {
        let mut steps = Vec::new();
        let first = lay_out(&list, None, DEEPEST, &mut steps);
        Steps::new(steps, first).unwrap()
    })
}

/// An enrolment without all else.
struct Walker<'s> {
    steps: &'s Steps,
    at: StepIx,
    visit: u64,
    turns: Vec<Turn>,
    been: HashSet<StepIx>,
    visits: HashSet<(StepIx, u64)>,
}

impl Walker<'_> {
    /// As an enrolment goes on; `luck` says where. Returns whether it is still inside.
    fn step(&mut self, luck: usize) -> bool {
        let step = self.steps.get(self.at);
        let to = match &step.kind {
            StepKind::Repeat { body, .. } => {
                if rounds_done(self.visit) > 0 {
                    self.steps.end_round(&mut self.turns, &step.id);
                }
                if luck.is_multiple_of(5) || rounds_done(self.visit) == 100 {
                    step.next
                } else {
                    self.visit = next_round(self.visit);
                    *body
                }
            }
            StepKind::Split(arms) => arms[luck % arms.len()].then.or(step.next),
            _ => step.next,
        };
        let Some(to) = to else { return false };
        self.visit = self.steps.arrival(Some(self.at), self.visit, to);
        if step.next != Some(to) {
            self.turns.push((step.id.clone(), self.steps.get(to).id.clone()));
        }
        self.at = to;
        self.been.insert(to);
        let is_loop = self.steps.get(to).kind.is_loop();
        assert!(self.visits.insert((to, self.visit)) || is_loop, "{to:?} twice in {}", self.visit);
        true
    }
}

proptest! {
    #[test]
    fn no_visit_comes_twice_and_the_way_has_every_step(
        steps in workflow(),
        luck in prop::collection::vec(any::<usize>(), 1..400),
    ) {
        let at = steps.first().unwrap();
        let mut walker = Walker {
            steps: &steps,
            at,
            visit: steps.arrival(None, 1, at),
            turns: Vec::new(),
            been: HashSet::from([at]),
            visits: HashSet::new(),
        };
        prop_assert_eq!(walker.visit, 1);
        for luck in luck {
            if !walker.step(luck) {
                break;
            }
            let way = steps.way(&walker.turns, &steps.get(walker.at).id);
            let way: HashSet<StepIx> = way.expect("a way").into_iter().collect();
            prop_assert!(walker.turns.len() <= 64 + steps.len(), "{} turns", walker.turns.len());
            if walker.turns.len() < 64 {
                prop_assert_eq!(way, walker.been.clone());
            }
        }
    }
}
