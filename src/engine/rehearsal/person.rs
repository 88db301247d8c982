//! A lead of a rehearsal: what the store would keep of it, in memory.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::{
    domain::{
        account::account_of,
        decision::{Decision, NewMessage},
        definitions::Definitions,
        event::{Event, EventKind, StepRef},
        id::{MessageId, ReleaseId, Rev},
        lead::{Aftermath, Enrolment, LeadRecord, LeadState, Phase, Profile},
        message::MessageKind,
        name::Name,
        time::Instant,
        value::Value,
        workflow::StepKind,
    },
    engine::deciding::look,
    store::records::NewEvent,
};

/// A lead, its timer, and what is still to happen to it.
#[derive(Debug)]
pub struct Person {
    pub state: LeadState,
    /// Its company; asked for where the policy has rules for companies.
    pub(super) account: Option<Name>,
    /// When its timer rings.
    pub(super) due_at: Instant,
    /// Why it is left alone: it could not be decided.
    pub(super) parked: Option<String>,
    coming: BinaryHeap<Coming>,
    /// How much was ever foretold.
    foretold: u32,
    /// How many mails were made for it.
    mails: u32,
}

/// Something that is to happen, the earliest first; of one instant in the order in which it was foretold.
#[derive(Debug)]
struct Coming {
    at: Instant,
    order: u32,
    event: NewEvent,
}

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Coming {}

impl Person {
    /// A lead as it stands, to be looked at at `due_at`.
    #[must_use]
    pub fn new(definitions: &Definitions, state: LeadState, due_at: Instant) -> Self {
        let mut person = Self {
            state,
            account: None,
            due_at,
            parked: None,
            coming: BinaryHeap::new(),
            foretold: 0,
            mails: 0,
        };
        person.find_account(definitions);
        person
    }

    /// A lead by its timer: under which release it was decided last, and when that rings. Under another one it is looked
    /// at at once.
    #[must_use]
    pub fn decided_under(
        definitions: &Definitions,
        state: LeadState,
        (release, due_at): (ReleaseId, Instant),
        now: Instant,
    ) -> Self {
        let is_swept = release < definitions.release;
        Self::new(definitions, state, if is_swept { due_at.min(now) } else { due_at })
    }

    /// Foretells something: it happens when its `occurred_at` has come.
    pub fn foretell(&mut self, event: NewEvent) {
        self.foretold += 1;
        self.coming.push(Coming { at: event.occurred_at, order: self.foretold, event });
    }

    /// When something has to be done about it next.
    pub(super) fn next(&self) -> Instant {
        if self.parked.is_some() {
            return Instant::NEVER;
        }
        let post = self.post_at().unwrap_or(Instant::NEVER);
        let coming = self.coming.peek().map_or(Instant::NEVER, |coming| coming.at);
        self.due_at.min(post).min(coming)
    }

    /// When its open mail is to leave.
    pub(super) fn post_at(&self) -> Option<Instant> {
        // Also one that a relay has put off, or that is being sent as the rehearsal begins.
        Some(self.state.open_message.as_ref()?.due_at)
    }

    /// What has come by now is recorded, as intake would.
    pub(super) fn let_happen(
        &mut self,
        definitions: &Definitions,
        now: Instant,
        mut seen: impl FnMut(&Self, &Event),
    ) {
        while self.coming.peek().is_some_and(|coming| coming.at <= now) {
            if let Some(Coming { event, .. }) = self.coming.pop() {
                self.record(definitions, event, now);
                if let Some(event) = self.state.new_events.last() {
                    seen(self, event);
                }
            }
        }
    }

    /// Records an event, with what follows from it at once: an objection, another profile.
    pub(super) fn record(&mut self, definitions: &Definitions, event: NewEvent, now: Instant) {
        let state = &mut self.state;
        state.rev = state.rev.next();
        if let Some(reason) = event.suppress {
            state.suppressed.get_or_insert(reason);
        }
        let occurred_at = event.occurred_at.min(now);
        if let Some(change) = &event.profile {
            change.change_consents(&mut state.consents, occurred_at);
            for (name, value) in &change.attributes {
                if let Some(slot) = definitions.schema.slot(name) {
                    let kind = definitions.schema.attribute(slot).kind;
                    state.attributes[slot.0] = Value::from_json(kind, value);
                }
            }
        }
        state.new_events.push(Event {
            rev: state.rev,
            kind: event.kind,
            object: event.object,
            occurred_at,
            recorded_at: now,
            judgement: event.judgement,
            settles_at: event.settles_at,
            message: event.message,
            about: event.about,
            revises: event.revises,
            data: event.data,
        });
        if event.profile.is_some() {
            self.follow_attributes(definitions);
        }
        self.due_at = self.due_at.min(now);
    }

    /// The lead after a decision; returns the notices to our own people that it made.
    pub(super) fn decided(
        &mut self,
        definitions: &Definitions,
        decision: Decision,
        now: Instant,
    ) -> Vec<NewMessage> {
        let moves = decision.changes.attributes.is_some();
        let reserves = decision.messages.iter().any(|it| it.kind == MessageKind::Marketing);
        self.mails += u32::from(reserves);
        let mail = MessageId(i64::from(self.mails));
        let Aftermath { notices, wake_at, .. } =
            self.state.take_over(definitions, decision, mail, now);
        self.due_at = wake_at;
        if moves {
            self.find_account(definitions);
        }
        notices
    }

    /// Calls that were made before the rehearsal and that it waits for are answered as those are that are made in it.
    pub(super) fn hear_answers(&mut self, definitions: &Definitions, at: Instant) {
        let awaits = |enrolment: &Enrolment| {
            let step =
                definitions.structures.get(&enrolment.version)?.steps.named(&enrolment.step)?;
            let StepKind::Webhook(webhook) = &step.kind else { return None };
            matches!(enrolment.phase, Phase::Waiting { .. })
                .then(|| self.answered(&enrolment.about(), &webhook.target, at))
        };
        let answers: Vec<NewEvent> = self.state.enrolments.iter().filter_map(awaits).collect();
        answers.into_iter().for_each(|answer| self.foretell(answer));
    }

    /// The event that becomes of a call.
    pub(super) fn answered(&self, about: &StepRef, target: &Name, at: Instant) -> NewEvent {
        let mut event = NewEvent::new(self.state.lead, EventKind::WEBHOOK_ANSWERED, at, "webhook");
        event.object = Some(target.clone());
        event.about = Some(about.clone());
        event.data.insert("status".into(), Value::Number(200.0));
        event
    }

    /// The event that becomes of its open mail, which is open no more.
    pub(super) fn outcome(&mut self, kind: EventKind, now: Instant) -> Option<NewEvent> {
        let open = self.state.open_message.take()?;
        let mut event = NewEvent::new(self.state.lead, kind, now, "delivery");
        let mut note = |key: &str, value: &Name| {
            event.data.insert(key.into(), Value::Text(value.as_str().into()));
        };
        note("workflow", &open.workflow);
        note("purpose", &open.purpose);
        event.object = Some(open.template);
        event.message = Some(open.id);
        event.about = Some(open.about);
        Some(event)
    }

    /// Its open mail may not leave before an instant.
    pub(super) fn put_off(&mut self, until: Instant, now: Instant) {
        if let Some(open) = &mut self.state.open_message {
            open.due_at = until;
        }
        // The way may be free for another mail.
        self.due_at = self.due_at.min(now);
    }

    /// Other definitions go live: what is kept of the lead is looked at through these, as the store does it. Facts
    /// that nobody kept before are filled in from its history, where there is one.
    pub(super) fn carry_over(
        &mut self,
        (before, after): (&Definitions, &Definitions),
        profile: &mut Profile,
        history: Option<&[Event]>,
        now: Instant,
    ) {
        let state = &self.state;
        *profile = state.profile(before, std::mem::take(profile));
        profile.consents.clone_from(&state.consents);
        let first_new = state.new_events.first();
        let reflected = first_new.map_or(state.rev, |event| Rev(event.rev.0 - 1));
        let record = LeadRecord {
            lead: state.lead,
            rev: state.rev,
            stop_epoch: 0,
            attempts: 0,
            created_at: state.created_at,
            decided_at: state.decided_at,
            decided_under: state.decided_under,
            due_at: self.due_at,
            address: state.address.clone(),
            stage: state.stage,
            stage_since: state.stage_since,
            profile: profile.clone(),
            memory: state.memory(before, reflected),
            enrolments: state.enrolments.clone(),
            open_message: state.open_message.clone(),
            suppressed: state.suppressed,
            new_events: state.new_events.clone(),
        };
        self.state = match history {
            Some(history) => look(after, record, history, now).0,
            None => record.hydrate(after).state,
        };
        self.due_at = self.due_at.min(now);
        self.find_account(after);
    }

    fn follow_attributes(&mut self, definitions: &Definitions) {
        self.state.follow_attributes(definitions);
        self.find_account(definitions);
    }

    fn find_account(&mut self, definitions: &Definitions) {
        if definitions.policy.accounts.is_empty() {
            return;
        }
        let slot = definitions.schema.slot("company");
        let company = slot.and_then(|slot| self.state.attributes[slot.0].as_ref());
        let company = company.map(|company| ("company".into(), company.to_json()));
        let profile = Profile { attributes: company.into_iter().collect(), ..Profile::default() };
        self.account = account_of(&profile, &self.state.address);
    }
}
