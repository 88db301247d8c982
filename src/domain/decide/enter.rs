//! Entering: by a condition that becomes true, by an event, by hand; [the others](super::enter_on_date) ask here.

use std::{borrow::Cow, sync::Arc};

use super::{
    overlay::{note, since},
    permission::objection,
    work::{Active, Work},
};
use crate::domain::{
    condition::{Condition, View, Worked},
    decision::Verb,
    definitions::LiveWorkflow,
    event::Event,
    id::EnrolmentNo,
    lead::{Enrolment, Entry, Outcome, Passage, Phase},
    name::Name,
    time::Instant,
    verdict::Verdict,
    workflow::{Again, Enter, Workflow},
};

/// Whether the re-entry rule lets a lead in.
pub(super) enum Reentry {
    Open,
    /// From this instant on.
    Later(Instant),
    Closed,
}

impl Work<'_> {
    pub fn settle_entries(&mut self) {
        let definitions = self.lead.definitions;
        let arrivals = std::mem::take(&mut self.arrivals);
        let ends = std::mem::take(&mut self.ends);
        let doors = self.doors();
        for (index, (live, door)) in definitions.workflows.iter().zip(doors).enumerate() {
            self.settle_entry(index, live, door, &arrivals);
            self.enter_on_end(index, live, &ends);
        }
        for name in std::mem::take(&mut self.requested) {
            if definitions.workflow(name).is_none() {
                self.log(Verb::NotEntered, Some(name), None, "no such workflow is live");
            }
        }
        for index in 0..self.lead.unsettled.len() {
            if let Some(from) = self.lead.unsettled[index].counts_from() {
                self.wake(from);
            }
        }
    }

    /// The verdicts of the entry conditions that are watched, by workflow. Nothing that an entry
    /// changes is asked by another.
    fn doors(&self) -> Vec<Option<Verdict>> {
        let view = self.lead.view();
        let door = |(index, live): (usize, &LiveWorkflow)| match &live.workflow.enter {
            Enter::When(condition) if self.is_watched(index, &live.workflow) => {
                Some(condition.verdict(&view))
            }
            _ => None,
        };
        self.lead.definitions.workflows.iter().enumerate().map(door).collect()
    }

    /// With some rules of re-entry nothing that happens at the door matters now.
    pub fn is_watched(&self, index: usize, workflow: &Workflow) -> bool {
        match workflow.again {
            Again::Never => self.lead.passages.get(index).is_none(),
            Again::After(_) => !self.is_inside(index),
            Again::Always => true,
        }
    }

    /// Whether it is in a live workflow, by index.
    pub fn is_inside(&self, index: usize) -> bool {
        self.enrolments.iter().any(|active| active.live == Some(index) && active.is_active())
    }

    fn settle_entry(
        &mut self,
        index: usize,
        live: &LiveWorkflow,
        door: Option<Verdict>,
        arrivals: &[Cow<'_, Event>],
    ) {
        let workflow = &live.workflow;
        let requested = self.requested.iter().any(|name| **name == workflow.name);
        if requested {
            self.enter_by_word(index, workflow, "by hand");
        }
        match &workflow.enter {
            Enter::When(condition) => {
                if let Some(door) = door
                    && (!requested || self.is_watched(index, workflow))
                {
                    self.enter_when(index, live, condition, door);
                }
            }
            Enter::On { filter, .. } => {
                self.enter_on_any(index, live, arrivals, filter.as_ref());
            }
            Enter::Schedule(ticking) => {
                self.enter_on_any(index, live, arrivals, Some(&ticking.who));
            }
            Enter::Date(entry) => self.enter_on_date(index, live, entry),
            Enter::Ended { .. } | Enter::ByHand => {}
        }
    }

    /// Somebody asked for it, or a step of another workflow. The re-entry rule holds as ever: nobody gets the same mails twice because
    /// a name was on two lists.
    pub fn enter_by_word(&mut self, index: usize, workflow: &Arc<Workflow>, by: &str) {
        self.enter_once(index, workflow, None, by);
    }

    /// Lets a lead in for something that happens in an instant: if not now, then not for this.
    pub fn enter_once(
        &mut self,
        index: usize,
        workflow: &Arc<Workflow>,
        entry: Option<Entry>,
        reason: &str,
    ) {
        let refusal = if let Some(each) = &workflow.each {
            match entry.as_ref().and_then(|entry| entry.key(each)) {
                None => Some(format!("it is for each `{each}`, and there is none")),
                Some(key) => self.refusal_of_key(index, workflow, each, &key).map(str::to_owned),
            }
        } else if self.is_inside(index) {
            Some("it is inside already".to_owned())
        } else if matches!(self.reentry(index, workflow, None), Reentry::Open) {
            None
        } else {
            Some("the re-entry rule".to_owned())
        };
        match refusal {
            Some(reason) => self.log(Verb::NotEntered, Some(&workflow.name), None, &reason),
            None => self.enter(index, workflow, entry, reason, true),
        }
    }

    fn enter_when(
        &mut self,
        index: usize,
        live: &LiveWorkflow,
        condition: &Condition,
        door: Verdict,
    ) {
        let workflow = &live.workflow;
        let since = since(&self.lead.at_the_door, index);
        if !self.heed(door) {
            if since.is_some() {
                note(&mut self.lead.at_the_door, index, None);
            }
            return;
        }
        let (since, arrived) = match since {
            Some(since) => (since, false),
            None => {
                let since = self.arrival(live, condition);
                note(&mut self.lead.at_the_door, index, Some(since));
                (since, true)
            }
        };
        if self.is_inside(index) {
            return;
        }
        if found_inside(live, since) {
            if arrived {
                let reason = if live.since.door.release == live.since.release {
                    "existing: no, and it was in when the workflow went live"
                } else {
                    "existing: no, and it was in when the condition was changed"
                };
                self.log(Verb::NotEntered, Some(&workflow.name), None, reason);
            }
            return;
        }
        match self.reentry(index, workflow, Some(since)) {
            Reentry::Open => self.enter(index, workflow, None, condition.source(), arrived),
            Reentry::Later(from) => self.wake(from),
            Reentry::Closed => {}
        }
    }

    /// When the lead came to the door: now, or when the workflow went live, if this is the first time
    /// that the lead and the condition meet and it was true already when the condition came in.
    fn arrival(&self, live: &LiveWorkflow, condition: &Condition) -> Instant {
        let (state, since) = (self.lead.state, live.since);
        // By the release, not by the clock: leads are still decided under the one before for a while.
        let strangers = state.decided_under < since.door.release
            && (state.decided_under >= since.release || state.created_at <= since.at);
        if !strangers {
            return self.lead.now;
        }
        // As it was before this decision: what only now made the condition true did not make it so then.
        let worked = Worked::default();
        let then = View {
            now: since.door.at,
            stage: state.stage,
            stage_since: state.stage_since,
            attributes: &state.attributes,
            tags: &state.tags,
            known_segments: &[],
            worked: Some(&worked),
            ..self.lead.view()
        };
        if condition.verdict(&then).is_true() { since.at } else { self.lead.now }
    }

    fn enter_on_any(
        &mut self,
        index: usize,
        live: &LiveWorkflow,
        arrivals: &[Cow<'_, Event>],
        filter: Option<&Condition>,
    ) {
        let Workflow { enter, name, .. } = &*live.workflow;
        for event in arrivals.iter().filter(|event| enter.takes(name, event)) {
            self.enter_on(index, live, event, filter);
        }
    }

    fn enter_on(
        &mut self,
        index: usize,
        live: &LiveWorkflow,
        event: &Event,
        filter: Option<&Condition>,
    ) {
        let workflow = &live.workflow;
        let entry = Entry::from(event);
        if let Some(filter) = filter {
            let view = self.lead.view_since(Instant::DAWN, Some(&entry));
            if !filter.verdict(&view).is_true() {
                return;
            }
        }
        if (workflow.each.is_some() || !self.is_inside(index)) && self.is_older(event, live) {
            let reason = "it happened before the workflow went live";
            self.log(Verb::NotEntered, Some(&workflow.name), None, reason);
            return;
        }
        let reason = format!("{} {}", entry.kind, entry.object.as_deref().unwrap_or(""));
        self.enter_once(index, workflow, Some(entry), reason.trim_end());
    }

    /// Whether an event happened before a workflow went live.
    fn is_older(&self, event: &Event, live: &LiveWorkflow) -> bool {
        // What came since a decision with the workflow live, as it happened, is not, whatever clocks say.
        let state = self.lead.state;
        let first_new = state.new_events.first().map_or(state.rev.next(), |event| event.rev);
        let came_since = state.decided_under >= live.since.release && event.rev >= first_new;
        let as_it_happened = event.occurred_at >= event.recorded_at;
        event.occurred_at < live.since.at && !(came_since && as_it_happened)
    }

    pub fn reentry(
        &self,
        index: usize,
        workflow: &Workflow,
        door_since: Option<Instant>,
    ) -> Reentry {
        self.reentry_after(workflow, self.lead.passages.get(index), door_since)
    }

    pub fn reentry_after(
        &self,
        workflow: &Workflow,
        passage: Option<&Passage>,
        door_since: Option<Instant>,
    ) -> Reentry {
        let Some(passage) = passage else { return Reentry::Open };
        match (workflow.again, passage.ended_at) {
            (Again::Never, _) | (_, None) => Reentry::Closed,
            (Again::Always, Some(_)) => match door_since {
                Some(since) if since <= passage.entered_at => Reentry::Closed,
                _ => Reentry::Open,
            },
            (Again::After(pause), Some(ended)) => match ended + pause {
                from if from <= self.lead.now => Reentry::Open,
                from => Reentry::Later(from),
            },
        }
    }

    /// Lets a lead in, unless it may not be written to or would be out again at once. `tell`: a refusal
    /// is news and is logged.
    fn enter(
        &mut self,
        index: usize,
        workflow: &Arc<Workflow>,
        mut entry: Option<Entry>,
        reason: &str,
        tell: bool,
    ) {
        let now = self.now();
        let key = entry.as_mut().and_then(|entry| self.relate_since(workflow, entry));
        if let Some(refusal) = self.refusal(workflow, entry.as_ref()) {
            if tell {
                self.log(Verb::NotEntered, Some(&workflow.name), None, &refusal);
            }
            return;
        }
        let no = self.lead.next_enrolment;
        self.lead.next_enrolment = EnrolmentNo(no.0 + 1);
        match key {
            Some(key) => {
                let inside = self.keys_inside(&workflow.name);
                self.lead.passages.to_mut().begin_key(&workflow.name, &key, &inside, now);
            }
            None => self.lead.passages.to_mut().begin(index, now),
        }
        self.log(Verb::Entered, Some(&workflow.name), None, reason);
        let first = workflow.steps.first();
        let step = first.map_or_else(|| Name::new(""), |step| workflow.steps.get(step).id.clone());
        self.enrolments.push(Active {
            enrolment: Cow::Owned(Enrolment {
                no,
                workflow: workflow.name.clone(),
                version: workflow.version.clone(),
                entered_at: now,
                entry,
                step,
                visit: 1,
                armed_at: now,
                phase: Phase::READY,
                doubt: None,
                turns: Vec::new(),
            }),
            workflow: self.lead.definitions.structures.get(&workflow.version).map(AsRef::as_ref),
            live: Some(index),
            is_new: true,
            ended: None,
            gave_up: None,
            drains: false,
            has_migrated: false,
            wants_to_send: false,
        });
        let index = self.enrolments.len() - 1;
        if first.is_none() {
            self.end(index, Outcome::Finished, "it has no steps");
        } else {
            // What happened in this very moment may end it before its first mail.
            self.settle_exit(index);
        }
    }

    fn refusal(&mut self, workflow: &Workflow, entry: Option<&Entry>) -> Option<String> {
        if let Some(objection) = objection(self.lead.definitions, self.lead.state, workflow) {
            return Some(objection);
        }
        let (outcome, _) = self.way_out(workflow, entry)?;
        let (why, condition) = match outcome {
            Outcome::Goal => ("the goal is reached already", &workflow.goal),
            _ => ("it would leave at once", &workflow.leave),
        };
        Some(format!("{why}: {}", condition.as_ref().map_or("", Condition::source)))
    }

    /// Whether who comes in would be out again at once, and by what.
    pub fn way_out(
        &mut self,
        workflow: &Workflow,
        entry: Option<&Entry>,
    ) -> Option<(Outcome, Verdict)> {
        // Nothing has happened since an entry that is still to come: what happens in this very moment
        // must not keep out whoever may come in the next.
        let since = entry.map_or(self.lead.now, |entry| entry.at).next();
        for (condition, outcome) in
            [(&workflow.goal, Outcome::Goal), (&workflow.leave, Outcome::Left)]
        {
            let Some(condition) = condition else { continue };
            let verdict = condition.verdict(&self.lead.view_since(since, entry));
            if self.heed(verdict) {
                return Some((outcome, verdict));
            }
        }
        None
    }
}

/// Whether somebody was in already when a workflow that leaves out who was went live, or its condition was changed.
pub(super) fn found_inside(live: &LiveWorkflow, since: Instant) -> bool {
    !live.workflow.existing && since <= live.since.at
}
