//! The lead as it becomes while it is decided: what changes is copied, the rest is looked at in place.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use super::permission::{Contact, asked_for_later, outside, place, quiet, tracked, window};
use crate::domain::{
    condition::{View, Worked},
    decision::Keeps,
    definitions::Definitions,
    event::Event,
    facts::Fact,
    id::EnrolmentNo,
    lead::{Enrolment, Entry, LeadState, Passages, SentMail, Stage},
    name::Name,
    schedule::{Around, Place, Window},
    score::{Booked, MilliPoints},
    time::Instant,
    value::Value,
    verdict::Verdict,
    workflow::MailStep,
};

/// The parts of a lead that a decision may change.
pub(super) struct Overlay<'a> {
    pub definitions: &'a Definitions,
    pub state: &'a LeadState,
    pub now: Instant,
    pub profiled: bool,
    pub attributes: Cow<'a, [Option<Value>]>,
    pub tags: Cow<'a, BTreeSet<Name>>,
    pub stage: Stage,
    pub stage_since: Instant,
    pub facts: Cow<'a, [Fact]>,
    pub fit: MilliPoints,
    pub fit_rules: Cow<'a, BTreeMap<Name, MilliPoints>>,
    pub booked: Cow<'a, Booked>,
    pub withheld: Cow<'a, BTreeSet<Name>>,
    pub segments: Cow<'a, [Option<Instant>]>,
    pub at_the_door: Cow<'a, [Option<Instant>]>,
    pub next_enrolment: EnrolmentNo,
    pub passages: Cow<'a, Passages>,
    pub sends: Cow<'a, [SentMail]>,
    pub received: Cow<'a, BTreeMap<Name, Instant>>,
    pub unsettled: Cow<'a, [Event]>,
    /// Verdicts of the segments in this round, in their order, as far as they are worked out.
    pub verdicts: Vec<Cell<Option<Verdict>>>,
    worked: Worked,
    /// The window that was asked for last, and how it stands.
    asked: Cell<Option<(&'a Window, Around)>>,
}

impl<'a> Overlay<'a> {
    pub fn new(definitions: &'a Definitions, state: &'a LeadState, now: Instant) -> Self {
        Self {
            definitions,
            state,
            now,
            profiled: tracked(definitions, state),
            attributes: Cow::Borrowed(&state.attributes),
            tags: Cow::Borrowed(&state.tags),
            stage: state.stage,
            stage_since: state.stage_since,
            facts: Cow::Borrowed(&state.facts),
            fit: state.fit,
            fit_rules: Cow::Borrowed(&state.fit_rules),
            booked: Cow::Borrowed(&state.booked),
            withheld: Cow::Borrowed(&state.withheld),
            segments: Cow::Borrowed(&state.segments),
            at_the_door: Cow::Borrowed(&state.at_the_door),
            next_enrolment: state.next_enrolment,
            passages: Cow::Borrowed(&state.passages),
            sends: Cow::Borrowed(&state.sends),
            received: Cow::Borrowed(&state.received),
            unsettled: Cow::Borrowed(&state.unsettled),
            verdicts: vec![Cell::new(None); definitions.segments.len()],
            worked: Worked::default(),
            asked: Cell::new(None),
        }
    }

    /// Over all history, as segments, scoring and entry conditions look.
    pub fn view(&self) -> View<'_> {
        self.view_since(Instant::DAWN, None)
    }

    /// As the workflow of an enrolment looks.
    pub fn view_inside<'v>(&'v self, enrolment: &'v Enrolment) -> View<'v> {
        self.view_since(enrolment.counts_from(), enrolment.entry.as_ref())
    }

    /// With events counted from an instant on, and the entering event.
    pub fn view_since<'v>(&'v self, since: Instant, entry: Option<&'v Entry>) -> View<'v> {
        View {
            now: self.now,
            since,
            entry,
            attributes: &self.attributes,
            tags: &self.tags,
            stage: self.stage,
            stage_since: self.stage_since,
            facts: &self.facts,
            profiled: self.profiled,
            scoring: &self.definitions.scoring,
            segments: &self.definitions.segments,
            known_segments: &self.verdicts,
            worked: Some(&self.worked),
            missing: &[],
        }
    }

    /// On whose clock and calendar the lead is.
    pub fn place(&self) -> Place<'a> {
        place(self.definitions, self.state)
    }

    /// When a mail may leave, if not now: for its hours, for how often the lead is written to, or because it
    /// asked for later.
    pub fn opens(&self, mail: MailStep<'a>) -> Option<Instant> {
        let held = self.contact().held(self.definitions, mail, self.now).map(|(free, _)| free);
        match self.quiet(mail).max(held) {
            None => self.hours(mail)?.opens,
            Some(free) if free.is_never() => Some(free),
            Some(free) => {
                let window = window(self.definitions, mail);
                Some(window.map_or(free, |window| window.next_open(free, self.place())))
            }
        }
    }

    /// Says why a mail does not leave now that [`Self::opens`] later.
    pub fn why_not_now(&self, mail: MailStep<'_>) -> String {
        let quiet = self.quiet(mail);
        match (quiet, self.contact().held(self.definitions, mail, self.now)) {
            (quiet, Some((free, rule))) if Some(free) > quiet => rule.to_string(),
            (Some(end), _) => asked_for_later(end, &self.state.zone),
            (None, _) => outside(self.definitions, self.state, mail, self.now),
        }
    }

    /// What caps look at.
    pub fn contact(&self) -> Contact<'_> {
        Contact {
            sends: &self.sends,
            facts: &self.facts,
            profiled: self.profiled,
            place: self.place(),
        }
    }

    /// When a mail may go again to a lead who asked for it later.
    pub fn quiet(&self, mail: MailStep<'_>) -> Option<Instant> {
        quiet(mail, &self.attributes, &self.state.zone, self.now)
    }

    /// When a mail that may leave now may not any more, for its hours.
    pub fn closes(&self, mail: MailStep<'a>) -> Option<Instant> {
        self.hours(mail)?.closes
    }

    /// The hours that a mail keeps.
    pub fn keeps(&self, mail: MailStep<'a>) -> Option<Keeps> {
        let (window, closes) = (window(self.definitions, mail)?.clone(), self.closes(mail));
        Some(Keeps { window, closes, zone: self.state.zone.clone(), country: self.state.country })
    }

    /// Most mails keep the same hours.
    fn hours(&self, mail: MailStep<'a>) -> Option<Around> {
        let window = window(self.definitions, mail)?;
        if let Some((known, around)) = self.asked.get()
            && std::ptr::eq(known, window)
        {
            return Some(around);
        }
        let around = window.around(self.now, self.place());
        self.asked.set(Some((window, around)));
        Some(around)
    }

    pub fn set_fit(&self, fit: MilliPoints, holds_until: Instant) {
        self.worked.set_fit(fit, holds_until);
    }

    pub fn forget_segments(&mut self) {
        self.verdicts.fill(Cell::new(None));
    }

    /// Forgets what was worked out: facts or attributes have changed.
    pub fn forget(&mut self) {
        self.worked = Worked::default();
        self.forget_segments();
    }
}

/// Since when something holds, by index.
pub(super) fn since(slots: &[Option<Instant>], index: usize) -> Option<Instant> {
    slots.get(index).copied().flatten()
}

/// Notes since when something holds, or that it does not.
pub(super) fn note(slots: &mut Cow<'_, [Option<Instant>]>, index: usize, since: Option<Instant>) {
    let slots = slots.to_mut();
    if slots.len() <= index {
        slots.resize(index + 1, None);
    }
    slots[index] = since;
}
