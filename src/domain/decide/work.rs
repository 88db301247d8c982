//! A decision in the making.

use std::borrow::Cow;

use super::overlay::Overlay;
use crate::domain::{
    decision::{Changes, Decision, EnrolmentChange, LogLine, Verb},
    definitions::Definitions,
    event::{Event, StepRef},
    lead::{Ended, Enrolment, LeadState, Outcome},
    name::Name,
    time::Instant,
    verdict::Verdict,
    workflow::{MailStep, Workflow},
};

pub(super) struct Work<'a> {
    pub lead: Overlay<'a>,
    pub enrolments: Vec<Active<'a>>,
    pub decision: Decision,
    /// Workflows that a person asked for.
    pub requested: Vec<&'a Name>,
    /// Events that could enter a workflow and count now.
    pub arrivals: Vec<Cow<'a, Event>>,
    /// Workflows that the lead's way has ended in, and how, since entries were settled last.
    pub ends: Vec<(Name, Outcome)>,
    /// Stages entered in this decision: none is entered twice.
    pub stages_entered: Vec<crate::domain::lead::Stage>,
    wake_at: Instant,
    moved: bool,
}

/// An enrolment that was active when the decision began, or was entered in it.
pub(super) struct Active<'a> {
    pub enrolment: Cow<'a, Enrolment>,
    /// `None`: its structure is not among the definitions; it stays where it is.
    pub workflow: Option<&'a Workflow>,
    /// Which of the live workflows has its name.
    pub live: Option<usize>,
    pub is_new: bool,
    pub ended: Option<Ended>,
    /// Why it has gone on past its mail, which may be parked.
    pub gave_up: Option<String>,
    /// The live version says that it leaves after what it is at.
    pub drains: bool,
    /// It has moved to the live version in this decision.
    pub has_migrated: bool,
    /// At an email step that nothing but arbitration holds back.
    pub wants_to_send: bool,
}

impl<'a> Active<'a> {
    /// The mail of the step that it is at.
    pub fn mail_step(&self) -> Option<MailStep<'a>> {
        self.enrolment.mail_step(self.workflow?)
    }

    /// What it is about, in a workflow that a lead is in once for each key.
    pub fn key(&self) -> Option<Name> {
        self.enrolment.entry.as_ref()?.key(self.workflow?.each.as_ref()?)
    }

    pub fn is_active(&self) -> bool {
        self.ended.is_none()
    }

    pub fn about(&self) -> StepRef {
        self.enrolment.about()
    }
}

impl<'a> Work<'a> {
    pub fn new(definitions: &'a Definitions, state: &'a LeadState, now: Instant) -> Self {
        let enrolments = state
            .enrolments
            .iter()
            .map(|enrolment| {
                let live = definitions.workflows.place(&enrolment.workflow);
                // Most are in the live version, which needs no search by its hash.
                let newest = live.map(|index| &definitions.workflows[index].workflow);
                let structure = newest
                    .filter(|newest| newest.version == enrolment.version)
                    .or_else(|| definitions.structures.get(&enrolment.version));
                let drains = newest.is_some_and(|newest| newest.drains(&enrolment.version));
                Active {
                    workflow: structure.map(AsRef::as_ref),
                    live,
                    enrolment: Cow::Borrowed(enrolment),
                    is_new: false,
                    ended: None,
                    gave_up: None,
                    drains,
                    has_migrated: false,
                    wants_to_send: false,
                }
            })
            .collect();
        Self {
            lead: Overlay::new(definitions, state, now),
            enrolments,
            decision: Decision::default(),
            requested: Vec::new(),
            arrivals: Vec::new(),
            ends: Vec::new(),
            stages_entered: Vec::new(),
            wake_at: Instant::NEVER,
            moved: false,
        }
    }

    pub fn now(&self) -> Instant {
        self.lead.now
    }

    /// A round looks at everything again, so its wake-ups replace those of the round before.
    pub fn begin_round(&mut self) {
        self.moved = false;
        self.wake_at = Instant::NEVER;
        self.lead.forget_segments();
    }

    pub fn moved(&self) -> bool {
        self.moved
    }

    /// Something changed that conditions look at: another round.
    pub fn mark_moved(&mut self) {
        self.moved = true;
        self.lead.forget();
    }

    pub fn wake(&mut self, at: Instant) {
        self.wake_at = self.wake_at.min(at);
    }

    /// Takes a verdict's value, and its expiry as a wake-up.
    pub fn heed(&mut self, verdict: Verdict) -> bool {
        self.wake(verdict.holds_until);
        verdict.is_true()
    }

    pub fn log(&mut self, what: Verb, workflow: Option<&Name>, step: Option<&Name>, reason: &str) {
        self.decision.log.push(LogLine {
            what,
            workflow: workflow.cloned(),
            step: step.cloned(),
            reason: brief(reason),
        });
    }

    /// Ends an enrolment, withdrawing its mail if that has not left.
    pub fn end(&mut self, index: usize, outcome: Outcome, reason: &str) {
        let now = self.now();
        let active = &mut self.enrolments[index];
        let (workflow, step) = (active.enrolment.workflow.clone(), active.enrolment.step.clone());
        let (no, live, key) = (active.enrolment.no, active.live, active.key());
        active.ended = Some(Ended { at: now, outcome, reason: brief(reason) });
        active.wants_to_send = false;
        if let Some(open) = self.lead.state.open_message.as_ref()
            && open.about.enrolment == no
            && open.state.can_be_cancelled()
            && !self.decision.withdraw.iter().any(|(id, _)| *id == open.id)
        {
            self.decision.withdraw.push((open.id, brief(reason)));
        }
        match key {
            Some(key) => self.lead.passages.to_mut().end_key(&workflow, &key, now),
            None => self.lead.passages.to_mut().end(live, &workflow, now),
        }
        self.ends.push((workflow.clone(), outcome));
        self.log(
            Verb::Ended,
            Some(&workflow),
            Some(&step),
            &format!("{}: {reason}", outcome.word()),
        );
        self.moved = true;
    }

    pub fn finish(mut self) -> Decision {
        fn owned<T: ToOwned + ?Sized>(part: Cow<'_, T>) -> Option<T::Owned> {
            match part {
                Cow::Borrowed(_) => None,
                Cow::Owned(value) => Some(value),
            }
        }
        let state = self.lead.state;
        let lead = self.lead;
        self.decision.changes = Changes {
            attributes: owned(lead.attributes),
            tags: owned(lead.tags),
            stage: (lead.stage != state.stage).then_some((lead.stage, lead.stage_since)),
            fit: (lead.fit != state.fit || matches!(lead.fit_rules, Cow::Owned(_)))
                .then(|| (lead.fit, lead.fit_rules.into_owned())),
            facts: owned(lead.facts),
            booked: owned(lead.booked),
            withheld: owned(lead.withheld),
            segments: owned(lead.segments),
            at_the_door: owned(lead.at_the_door),
            next_enrolment: (lead.next_enrolment != state.next_enrolment)
                .then_some(lead.next_enrolment),
            passages: owned(lead.passages),
            sends: owned(lead.sends),
            received: owned(lead.received),
            unsettled: owned(lead.unsettled),
        };
        self.decision.enrolments = self
            .enrolments
            .into_iter()
            .filter_map(|active| {
                let Active { enrolment, is_new, ended, gave_up, has_migrated, .. } = active;
                let is_changed = ended.is_some() || matches!(enrolment, Cow::Owned(_));
                let enrolment = is_changed.then(|| enrolment.into_owned())?;
                Some(EnrolmentChange { enrolment, is_new, has_migrated, ended, gave_up })
            })
            .collect();
        self.decision.wake_at = self.wake_at;
        self.decision
    }
}

/// At most 200 bytes, whole characters: what a line of the log may hold.
pub(super) fn brief(text: &str) -> String {
    const MOST: usize = 200;
    if text.len() <= MOST {
        return text.to_owned();
    }
    let end = (0..=MOST - '…'.len_utf8()).rev().find(|&end| text.is_char_boundary(end));
    format!("{}…", &text[..end.unwrap_or(0)])
}
