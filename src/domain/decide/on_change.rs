//! People in flight in another version of a workflow than the one that is live: what the live one says of
//! them. After what has happened is told to the version in which it happened, and before all else.

use std::sync::Arc;

use super::work::{Work, brief};
use crate::domain::{
    decision::Verb,
    lead::{Enrolment, Outcome, Phase, Turn},
    name::Name,
    on_change::{Landing, OnChange},
    workflow::{StepIx, StepKind, Steps, Workflow},
};

impl<'a> Work<'a> {
    pub fn settle_versions(&mut self) {
        for index in 0..self.enrolments.len() {
            let active = &self.enrolments[index];
            let Some(live) = active.live.filter(|_| active.is_active()) else { continue };
            let newest = &self.lead.definitions.workflows[live].workflow;
            if newest.version == active.enrolment.version {
                continue;
            }
            match &newest.on_change {
                OnChange::Pin => {}
                OnChange::Migrate(_) => self.migrate(index, newest),
                OnChange::Drain if active.is_at_work() => {}
                OnChange::Drain => self.leave_drained(index),
                OnChange::Cancel => {
                    self.end(
                        index,
                        Outcome::Cancelled,
                        "the workflow was changed: on_change: cancel",
                    );
                }
            }
        }
    }

    pub fn leave_drained(&mut self, index: usize) {
        self.end(index, Outcome::Left, "the workflow was changed: on_change: drain");
    }

    /// Moves to the live version, if that says where to.
    fn migrate(&mut self, index: usize, newest: &'a Arc<Workflow>) {
        match newest.landing(&self.enrolments[index].enrolment.step) {
            None => {}
            Some(Landing::Same(step)) => self.stay(index, newest, step),
            Some(Landing::Other(step)) => self.move_elsewhere(index, newest, step),
            Some(Landing::End) => {
                self.end(index, Outcome::Finished, "its step is gone: on_change: end");
            }
        }
    }

    /// At the same step. A wait counts from when it began, whatever its length is now.
    fn stay(&mut self, index: usize, newest: &'a Arc<Workflow>, at: StepIx) {
        let (place, active) = (self.lead.place(), &self.enrolments[index]);
        let before = active
            .workflow
            .and_then(|before| Some(&before.steps.named(&active.enrolment.step)?.kind));
        let kind = &newest.steps.get(at).kind;
        let sends_the_same = match (before, kind) {
            (Some(StepKind::Email { template: was, .. }), StepKind::Email { template: is, .. }) => {
                was == is
            }
            (Some(before), kind) => before.word() == kind.word(),
            (None, kind) => matches!(kind, StepKind::Email { .. }),
        };
        let phase = match &active.enrolment.phase {
            Phase::Waiting { due } => match (before, kind) {
                (Some(StepKind::Wait(was)), StepKind::Wait(is)) if was == is => None,
                (
                    Some(StepKind::WaitFor { up_to: was, .. }),
                    StepKind::WaitFor { up_to: is, .. },
                ) if was == is => None,
                // Its card is out.
                (Some(StepKind::HandOff(was)), StepKind::HandOff(is)) => {
                    let due = if was.silence.after == is.silence.after {
                        due.clone()
                    } else {
                        is.silence.after.due(active.enrolment.armed_at, place)
                    };
                    Some(Phase::Waiting { due })
                }
                (_, StepKind::Wait(_) | StepKind::WaitFor { .. }) => Some(Phase::READY),
                _ if sends_the_same => None,
                _ => Some(Phase::READY),
            },
            Phase::Ready { .. } | Phase::Mailing if sends_the_same => None,
            Phase::Ready { .. } | Phase::Mailing => Some(Phase::READY),
        };
        let had_mail = active.enrolment.phase == Phase::Mailing || active.enrolment.doubt.is_some();
        let turns = turns_in(&newest.steps, active, None);
        if !sends_the_same {
            self.take_mail_back(index);
        }
        let enrolment = self.arrive_in(index, newest, turns);
        if let Some(phase) = phase {
            enrolment.phase = phase;
        }
        if !sends_the_same && had_mail {
            // What is sent from here is another mail.
            (enrolment.visit, enrolment.doubt) = (enrolment.visit + 1, None);
        }
        let step = enrolment.step.clone();
        let reason = format!("to version {}: stays at its step", short(newest));
        self.log(Verb::Migrated, Some(&newest.name), Some(&step), &reason);
    }

    /// The step is gone: it comes to another one now.
    fn move_elsewhere(&mut self, index: usize, newest: &'a Arc<Workflow>, to: StepIx) {
        let now = self.now();
        self.take_mail_back(index);
        let turns = turns_in(&newest.steps, &self.enrolments[index], Some(to));
        let enrolment = self.arrive_in(index, newest, turns);
        let (at, to) = (to, newest.steps.get(to).id.clone());
        let reason = format!("to version {}: `{}` is gone", short(newest), enrolment.step);
        (enrolment.step, enrolment.armed_at) = (to.clone(), now);
        (enrolment.phase, enrolment.doubt) = (Phase::READY, None);
        enrolment.visit = enrolment.begins_at() + newest.steps.arrival(None, 0, at);
        self.log(Verb::Migrated, Some(&newest.name), Some(&to), &reason);
    }

    /// In the new version, where there may be something to do.
    fn arrive_in(
        &mut self,
        index: usize,
        newest: &'a Arc<Workflow>,
        turns: Vec<Turn>,
    ) -> &mut Enrolment {
        self.mark_moved();
        let active = &mut self.enrolments[index];
        active.workflow = Some(newest);
        active.has_migrated = true;
        let enrolment = active.enrolment.to_mut();
        enrolment.version = newest.version.clone();
        enrolment.turns = turns;
        enrolment
    }

    /// Withdraws its mail that has not left; one that is with the relay is let be.
    fn take_mail_back(&mut self, index: usize) {
        let active = &mut self.enrolments[index];
        if active.enrolment.phase != Phase::Mailing {
            return;
        }
        let reason = "the workflow was changed: its step is gone";
        let open = self.lead.state.open_message.as_ref();
        match open.filter(|open| open.about == active.about()) {
            Some(open) if open.state.can_be_cancelled() => {
                self.decision.withdraw.push((open.id, brief(reason)));
            }
            Some(_) => {}
            None => active.gave_up = Some(brief(reason)),
        }
    }
}

impl super::work::Active<'_> {
    /// Whether there is something to finish at its step: a mail that is on its way, or a wait.
    fn is_at_work(&self) -> bool {
        let waits = matches!(self.enrolment.phase, Phase::Waiting { .. });
        let is_mail =
            || self.workflow.is_some_and(|it| it.mail_step(&self.enrolment.step).is_some());
        self.enrolment.phase == Phase::Mailing
            || waits && (self.enrolment.doubt.is_some() || !is_mail())
    }
}

/// Enough of a version to tell it from others.
fn short(workflow: &Workflow) -> &str {
    let version = workflow.version.0.as_str();
    version.get(..8).unwrap_or(version)
}

/// The way so far by the turns of other steps, as far as these have them, and on to a step.
fn turns_in(steps: &Steps, active: &super::work::Active<'_>, to: Option<StepIx>) -> Vec<Turn> {
    let Enrolment { turns, step, .. } = &*active.enrolment;
    let way = active.workflow.and_then(|before| {
        let way = before.steps.path(turns, step)?;
        Some(way.into_iter().map(|at| before.steps.get(at).id.clone()).collect())
    });
    let mut way: Vec<Name> = way.unwrap_or_else(|| vec![step.clone()]);
    way.retain(|step| steps.named(step).is_some());
    way.extend(to.map(|to| steps.get(to).id.clone()));
    let moves = active.enrolment.moves() + 1;
    let nowhere = || Name::new("");
    let begin = way.first().cloned().unwrap_or_else(nowhere);
    let mut turns = vec![(nowhere(), begin); moves as usize];
    for pair in way.windows(2) {
        let [from, to] = pair else { continue };
        let goes_on = steps.named(from).and_then(|from| from.next);
        if goes_on != steps.find(to) {
            turns.push((from.clone(), to.clone()));
        }
    }
    turns
}
