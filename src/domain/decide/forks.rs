//! Steps that choose a way at once, on arrival.

use super::work::Work;
use crate::domain::{
    condition::Condition,
    name::Name,
    split::{Arm, arm_of},
    workflow::{Case, StepIx, Workflow},
};

impl Work<'_> {
    pub fn decide_if(
        &mut self,
        index: usize,
        condition: &Condition,
        then: Option<StepIx>,
        otherwise: Option<StepIx>,
    ) {
        if self.holds_on_arrival(index, condition) {
            self.branch(index, then, &format!("yes: {}", condition.source()));
        } else {
            self.branch(index, otherwise, &format!("no: {}", condition.source()));
        }
    }

    /// The first case that is true wins.
    pub fn decide_case(&mut self, index: usize, cases: &[Case], otherwise: Option<StepIx>) {
        let holds = |(_, case): &(usize, &Case)| self.holds_on_arrival(index, &case.condition);
        let Some((place, case)) = cases.iter().enumerate().find(holds) else {
            return self.branch(index, otherwise, "else: no case is true");
        };
        let name =
            case.name.as_ref().map_or_else(|| format!("case {}", place + 1), Name::to_string);
        self.branch(index, case.then, &format!("{name}: {}", case.condition.source()));
    }

    /// The arm follows from who the lead is: the same each time that it comes here.
    pub fn take_arm(&mut self, index: usize, workflow: &Workflow, arms: &[Arm]) {
        let step = &self.enrolments[index].enrolment.step;
        let arm = arm_of(arms, &workflow.name, step, &self.lead.state.address);
        let Some(Arm { name, weight, then }) = arm else { return self.go_on(index) };
        let sum: u32 = arms.iter().map(|arm| arm.weight.get()).sum();
        self.branch(index, *then, &format!("arm {name}: {weight} of {sum}"));
    }

    /// A condition that is asked once: no wake-up.
    pub fn holds_on_arrival(&self, index: usize, condition: &Condition) -> bool {
        let enrolment = &self.enrolments[index].enrolment;
        condition.verdict(&self.lead.view_inside(enrolment)).is_true()
    }
}
