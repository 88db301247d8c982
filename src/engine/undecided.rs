//! A lead's decision, until what it wants of things that are shared is granted.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::{Engine, deciding::look};
use crate::{
    domain::{
        account::{Account, account_of},
        allocator::{self, Allocator, Asker, has_lines},
        decide::decide,
        decision::{Decision, Grants, NewMessage, Resource, Want},
        definitions::Definitions,
        event::{Event, EventKind},
        lead::{LeadRecord, LeadState, Profile},
        message::MessageKind,
        name::Name,
        pace::{Heads, Line},
        ramp::Ramps,
        time::Instant,
        value::Schema,
    },
    store::{Batch, StoreError, records::LeadWrite},
};

/// How often the allocator may refuse before a decision is committed as held.
const REFUSALS: usize = 16;

/// A lead's decision, before what it wants of things that are shared is granted. `S`: its state, or a reference to it.
pub(super) struct Undecided<S> {
    pub state: S,
    account: Option<Name>,
    due_at: Instant,
    grants: Grants,
    decision: Decision,
}

impl<S: Borrow<LeadState>> Undecided<S> {
    /// `account` is asked for where the policy has rules for companies, `due_at` since when the decision is due.
    pub fn new(
        definitions: &Definitions,
        grants: Grants,
        state: S,
        (account, due_at): (Option<Name>, Instant),
        now: Instant,
    ) -> Self {
        let decision = decide(definitions, state.borrow(), &grants, now);
        Self { state, account, due_at, grants, decision }
    }

    /// Whether it asks for nothing that leads share, and tells nothing that others of its company are to know.
    pub fn concerns_itself_alone(&self) -> bool {
        self.decision.wants.is_empty() && !(self.account.is_some() && self.tells())
    }

    /// The decision, where nothing that it wants can be refused.
    pub fn unasked(self) -> Decision {
        self.decision
    }

    /// Whether something happened that its company is to know.
    fn tells(&self) -> bool {
        let telling = [EventKind::LEAD_REPLIED, EventKind::MAIL_SENT, EventKind::MAIL_IN_DOUBT];
        self.state.borrow().new_events.iter().any(|event| telling.contains(&event.kind))
    }

    /// Those whose mail may come to be wanted.
    fn workflows(&self) -> impl Iterator<Item = &Name> {
        let changed = self.decision.enrolments.iter().map(|change| &change.enrolment.workflow);
        let enrolments = self.state.borrow().enrolments.iter();
        enrolments.map(|enrolment| &enrolment.workflow).chain(changed)
    }

    fn asker(&self) -> Asker<'_> {
        asker(self.state.borrow(), self.account.as_ref(), self.due_at)
    }

    /// The decision, with what the allocator grants of what it wants.
    pub fn decided(
        self,
        definitions: &Definitions,
        allocator: &mut Allocator<'_>,
        now: Instant,
    ) -> (S, Decision) {
        let Self { state, account, due_at, grants, mut decision } = self;
        let lead = state.borrow();
        let asker = asker(lead, account.as_ref(), due_at);
        allocator.hear(asker, &lead.new_events, now);
        let refuse =
            |wants: &[Want], grants: &mut Grants| allocator.grant(asker, wants, grants, now);
        decision = refused(definitions, (lead, decision), grants, now, refuse);
        let marketing = |message: &&mut NewMessage| message.kind == MessageKind::Marketing;
        if let Some(message) = decision.messages.iter_mut().find(marketing) {
            let want = decision.wants.iter().find(|want| want.about == message.about);
            (message.due_at, message.placed_on) = allocator.reserve(asker, want, now);
        }
        for message in &mut decision.messages {
            message.relay = allocator.relay_of(message.kind, lead.lead);
        }
        (state, decision)
    }
}

/// A lead's decision, made again as long as something that it wants is refused which was not before; `refuse` says whether
/// anything is.
pub(super) fn refused(
    definitions: &Definitions,
    (lead, mut decision): (&LeadState, Decision),
    mut grants: Grants,
    now: Instant,
    mut refuse: impl FnMut(&[Want], &mut Grants) -> bool,
) -> Decision {
    // Each time at least one more is refused, and no enrolment wants twice.
    let most = REFUSALS.max(lead.enrolments.len() + decision.enrolments.len() + 1);
    for _ in 0..most {
        if !refuse(&decision.wants, &mut grants) {
            break;
        }
        decision = decide(definitions, lead, &grants, now);
    }
    decision
}

/// A lead that was loaded, and its decision.
pub(super) struct Loaded {
    pub undecided: Undecided<LeadState>,
    profile: Profile,
    refolded: bool,
}

impl Loaded {
    pub fn new(
        definitions: &Definitions,
        grants: Grants,
        record: LeadRecord,
        history: &[Event],
        now: Instant,
    ) -> Self {
        // Not worked out for each lead that is decided where nobody asks.
        let asks = !definitions.policy.accounts.is_empty();
        let account = asks.then(|| account_of(&record.profile, &record.address)).flatten();
        let due = (account, record.due_at);
        let (state, profile, refolded) = look(definitions, record, history, now);
        let undecided = Undecided::new(definitions, grants, state, due, now);
        Self { undecided, profile, refolded }
    }

    pub fn decided(
        self,
        definitions: &Definitions,
        allocator: &mut Allocator<'_>,
        now: Instant,
    ) -> LeadWrite {
        let Self { undecided, profile, refolded } = self;
        let (mut state, decision) = undecided.decided(definitions, allocator, now);
        let Decision {
            changes,
            enrolments,
            messages,
            calls,
            withdraw,
            events,
            log,
            ledger,
            wake_at,
            ..
        } = decision;
        let touches_profile = changes.touches_profile();
        let touches_memory = changes.touches_memory() || refolded;
        let stage = changes.stage;
        let later = Schema::LATER_UNTIL.0;
        let judge_again = changes
            .attributes
            .as_ref()
            .is_some_and(|attributes| attributes[later] != state.attributes[later]);
        let reflected = state.new_events.last().map_or(state.rev, |event| event.rev);
        changes.apply_to(&mut state);
        LeadWrite {
            lead: state.lead,
            rev: state.rev,
            release: definitions.release,
            profile: touches_profile.then(|| state.profile(definitions, profile)),
            memory: touches_memory.then(|| state.memory(definitions, reflected)),
            stage,
            enrolments,
            messages,
            calls,
            withdraw,
            events,
            log,
            ledger,
            wake_at,
            judge_again,
        }
    }
}

fn asker<'a>(state: &'a LeadState, account: Option<&'a Name>, due_at: Instant) -> Asker<'a> {
    Asker { lead: state.lead, account, domain: state.address.domain(), due_at }
}

/// The leads of a batch in the order in which their wants are granted: by when their mail may leave, as far as can be
/// told before any has left.
///
/// Who takes a place moves all of its lines on to it: in the order in which they were loaded, twenty of a slow domain
/// would take those instants from everybody behind them.
pub(super) fn in_order<T, S: Borrow<LeadState>>(
    begun: Vec<T>,
    undecided: impl Fn(&T) -> &Undecided<S>,
    allocator: &Allocator<'_>,
    now: Instant,
) -> Vec<T> {
    // Whose mail stands in the same lines leaves one after the other.
    let mut queues: HashMap<(Option<&Name>, &str, &Resource, bool), Queue> = HashMap::new();
    let mut slots = Vec::with_capacity(begun.len());
    for (index, it) in begun.iter().map(undecided).enumerate() {
        let want = it.decision.wants.first().filter(|want| !want.was_asked_for);
        let slot = want.map_or(now, |want| {
            let asker = it.asker();
            let key = allocator.lines_by(asker, want, now);
            let queue = queues.entry(key).or_insert_with(|| {
                let (first, distance) = allocator.soonest(asker, want, now);
                Queue { first, distance, mails: 0 }
            });
            queue.mails += 1;
            queue.first + queue.distance * (queue.mails - 1)
        });
        slots.push((slot, index));
    }
    slots.sort_unstable();
    let mut begun: Vec<Option<T>> = begun.into_iter().map(Some).collect();
    slots.into_iter().filter_map(|(_, index)| begun[index].take()).collect()
}

/// When the first mail may leave, how long after each another, and how many there are.
struct Queue {
    first: Instant,
    distance: Duration,
    mails: u32,
}

impl Engine {
    /// What is known of the companies of those who ask for something shared, and of the lines that their mails
    /// would stand in.
    pub(super) async fn shared(
        &self,
        definitions: &Definitions,
        ramps: &Ramps,
        batch: &mut Batch,
        loaded: &[Loaded],
        now: Instant,
    ) -> Result<(BTreeMap<Name, Account>, Heads), StoreError> {
        let policy = &definitions.policy;
        let undecided = || loaded.iter().map(|it| &it.undecided);
        let asks = undecided().filter(|begun| !begun.decision.wants.is_empty());
        let (mut names, mut lines) = (BTreeSet::new(), BTreeSet::new());
        if !policy.accounts.is_empty() {
            let about = asks.clone().chain(undecided().filter(|begun| begun.tells()));
            names.extend(about.filter_map(|begun| begun.account.clone()));
        }
        if has_lines(policy, &self.fleet) {
            for begun in asks {
                let relay = self.fleet.relay_of(begun.state.lead);
                let late = policy.pacing.late(begun.due_at, now);
                lines.extend(late.iter().flat_map(Line::names));
                // Any of its mails may come to go first.
                for enrolment in begun.workflows() {
                    let domain = begun.state.address.domain();
                    let found = allocator::lines(policy, (relay, ramps), domain, enrolment);
                    lines.extend(found.iter().flat_map(Line::names));
                }
            }
        }
        let heads = self.store.line_heads(batch, &lines).await?;
        Ok((self.store.accounts(batch, &names).await?, heads))
    }
}
