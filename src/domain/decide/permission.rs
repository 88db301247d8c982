//! Whether a mail may leave: asked before it is reserved, and again at the instant of sending.

use std::{borrow::Cow, fmt, time::Duration};

use super::cancelling::cancelled;
use crate::domain::{
    caps::{Cap, Record, Rule, Span},
    definitions::Definitions,
    event::StepRef,
    facts::Fact,
    lead::{Enrolment, LeadState, Phase, SentMail, Suppression},
    message::{MaySend, MessageKind},
    name::Name,
    schedule::{Deadline, Place, Window, date_at, end_of_quiet},
    time::{Instant, Zone},
    value::{Schema, Value},
    workflow::{MailStep, Version, Workflow},
};

/// How soon a mail is judged again that could not be judged.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Whether this lead's behaviour may be looked at, by the policy's `tracking`.
#[must_use]
pub fn tracked(definitions: &Definitions, state: &LeadState) -> bool {
    definitions.policy.tracking.allows(&state.consents)
}

/// Whether there is a ground for the purpose, of a kind that the policy takes.
fn has_ground(definitions: &Definitions, state: &LeadState, purpose: &str) -> bool {
    state.consent(purpose).is_some_and(|consent| {
        definitions
            .policy
            .purposes
            .get(purpose)
            .is_some_and(|purpose| purpose.basis.contains(&consent.basis))
    })
}

/// Why no marketing mail of a workflow may go to a lead at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Objection {
    Suppressed(Suppression),
    /// There is no ground for this purpose.
    NoGround(Name),
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suppressed(reason) => write!(f, "the address is suppressed: {}", reason.word()),
            Self::NoGround(purpose) => write!(f, "no ground for the purpose `{purpose}`"),
        }
    }
}

/// What stands against all mail of a workflow to a lead.
#[must_use]
pub fn objects(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
) -> Option<Objection> {
    if let Some(reason) = state.suppressed {
        return Some(Objection::Suppressed(reason));
    }
    let purpose = &workflow.purpose;
    (!has_ground(definitions, state, purpose)).then(|| Objection::NoGround(purpose.clone()))
}

/// The same, in words.
pub(super) fn objection(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
) -> Option<String> {
    objects(definitions, state, workflow).map(|objection| objection.to_string())
}

/// When a mail may go again to a lead who asked for it later. What the lead asked for, too, comes all the
/// same.
pub(super) fn quiet(
    mail: MailStep<'_>,
    attributes: &[Option<Value>],
    zone: &Zone,
    now: Instant,
) -> Option<Instant> {
    let Some(Some(Value::Date(until))) = attributes.get(Schema::LATER_UNTIL.0) else { return None };
    let end = end_of_quiet(*until, zone);
    (!mail.now && end > now).then_some(end)
}

/// Says that a mail waits until then because the lead asked for it.
pub(super) fn asked_for_later(end: Instant, zone: &Zone) -> String {
    let day = end.timestamp().to_zoned(zone.tz().clone()).strftime("%-d %b %Y");
    format!("asked to be written to later, from {day}")
}

/// What caps look at of a lead.
#[derive(Clone, Copy)]
pub(super) struct Contact<'s> {
    pub sends: &'s [SentMail],
    pub facts: &'s [Fact],
    pub profiled: bool,
    pub place: Place<'s>,
}

impl<'s> Contact<'s> {
    fn of(definitions: &'s Definitions, state: &'s LeadState) -> Self {
        Self {
            sends: &state.sends,
            facts: &state.facts,
            profiled: tracked(definitions, state),
            place: place(definitions, state),
        }
    }

    /// Until when a mail is held back for how often the lead was written to, and by which rule. What the
    /// lead asked for comes all the same.
    pub fn held<'d>(
        &self,
        definitions: &'d Definitions,
        mail: MailStep<'_>,
        now: Instant,
    ) -> Option<(Instant, Rule<'d>)> {
        let caps = &definitions.policy.caps;
        if mail.now || caps.is_empty() {
            return None;
        }
        let sends = match mail.again {
            None => Cow::Borrowed(self.sends),
            again => self.sends.iter().filter(|sent| sent.message != again).cloned().collect(),
        };
        let record = Record {
            sends: &sends,
            stirred: self.profiled.then(|| self.stirred(definitions, now)),
            place: self.place,
        };
        caps.hold(record, (&mail.workflow.name, &mail.workflow.purpose), now)
    }

    /// When the lead last showed that it is there; what may turn out a machine's is no sign yet.
    fn stirred(&self, definitions: &Definitions, now: Instant) -> Instant {
        let life = definitions.policy.caps.sunset.life.iter();
        let hits = life.flat_map(|fact| &self.facts[fact.0].ring);
        let settled = hits.filter(|hit| hit.counts_from <= now);
        settled.map(|hit| hit.at).max().unwrap_or(Instant::DAWN)
    }

    /// When the next of what may be a sign of life is known to be one, or not.
    pub fn settles(&self, definitions: &Definitions, now: Instant) -> Option<Instant> {
        let life = definitions.policy.caps.sunset.life.iter();
        let hits = life.flat_map(|fact| &self.facts[fact.0].ring);
        hits.map(|hit| hit.counts_from).filter(|from| *from > now).min()
    }

    /// Why no mail of this step may ever go: the lead has had all that it may get in its life.
    pub fn spent(
        &self,
        definitions: &Definitions,
        mail: MailStep<'_>,
        now: Instant,
    ) -> Option<String> {
        let (_, rule) = self.held(definitions, mail, now)?;
        matches!(rule, Rule::Cap(Cap { span: Span::Lifetime, .. })).then(|| rule.to_string())
    }
}

/// On whose clock and calendar a lead is.
pub(super) fn place<'a>(definitions: &'a Definitions, state: &'a LeadState) -> Place<'a> {
    definitions.policy.place(&state.zone, state.country)
}

/// When a mail to a lead may leave, if not at once, for its hours.
fn opens(
    definitions: &Definitions,
    state: &LeadState,
    mail: MailStep<'_>,
    now: Instant,
) -> Option<Instant> {
    window(definitions, mail)?.around(now, place(definitions, state)).opens
}

/// Says that a mail does not leave now for its hours.
pub(super) fn outside(
    definitions: &Definitions,
    state: &LeadState,
    mail: MailStep<'_>,
    now: Instant,
) -> String {
    let today = date_at(now, &state.zone);
    if place(definitions, state).days_off.contains(today) {
        let whose = state.country.map(|country| format!(" in {country}")).unwrap_or_default();
        return format!("{} is a day off{whose}", today.strftime("%-d %b %Y"));
    }
    let window = window(definitions, mail).map(ToString::to_string).unwrap_or_default();
    format!("outside of the window {window} in {}", state.zone.name())
}

/// The hours of a mail; `None`: it keeps none.
pub(super) fn window<'d>(definitions: &'d Definitions, mail: MailStep<'d>) -> Option<&'d Window> {
    let window = mail.workflow.window.as_ref().unwrap_or(&definitions.policy.window);
    (!mail.now).then_some(window)
}

/// The instant from which on a mail does not leave any more, where it is a dated one.
pub(super) fn expires(
    definitions: &Definitions,
    state: &LeadState,
    mail: MailStep<'_>,
    enrolment: &Enrolment,
) -> Option<Instant> {
    let due = match mail.not_after? {
        Deadline::After(wait) => wait.due(enrolment.armed_at, place(definitions, state)),
        Deadline::On(date) => definitions.date(mail.workflow, date, &state.zone),
    };
    Some(due.at)
}

/// Says that a mail has not left in time.
pub(super) fn expired(mail: MailStep<'_>, at: Instant) -> String {
    let by = mail.not_after.map(ToString::to_string).unwrap_or_default();
    format!("expired: not_after {by} was over at {at}")
}

/// Until when a mail that may leave now may: its window closes, or it expires. `None`: it keeps no hours
/// and is not dated, or it may not leave now.
#[must_use]
pub fn closes(
    definitions: &Definitions,
    state: &LeadState,
    workflow: &Workflow,
    about: &StepRef,
    now: Instant,
) -> Option<Instant> {
    let mail = workflow.mail_step(&about.step)?;
    let enrolment = mailing(state, about)?;
    let hours =
        window(definitions, mail).and_then(|window| window.closes(now, place(definitions, state)));
    hours.into_iter().chain(expires(definitions, state, mail, enrolment)).min()
}

/// The enrolment whose mail a message is.
fn mailing<'s>(state: &'s LeadState, about: &StepRef) -> Option<&'s Enrolment> {
    state.enrolments.iter().find(|enrolment| {
        enrolment.no == about.enrolment
            && enrolment.step == about.step
            && enrolment.visit == about.visit
            && enrolment.phase == Phase::Mailing
    })
}

/// Judges a claimed message again, at the instant of sending: between its reservation and now the
/// lead may have left, objected, or its window closed.
#[must_use]
pub fn may_send(
    definitions: &Definitions,
    state: &LeadState,
    about: &StepRef,
    kind: MessageKind,
    version: &Version,
    now: Instant,
) -> MaySend {
    if kind == MessageKind::Internal {
        return MaySend::Now;
    }
    let Some(enrolment) = mailing(state, about) else {
        return MaySend::Never("the enrolment is no longer at this step".to_owned());
    };
    let structure = definitions.structures.get(version);
    let mail = structure.and_then(|workflow| enrolment.mail_step(workflow));
    let Some(mail) = mail else {
        // Another daemon has reserved it by a release that this one cannot run, or not yet.
        let reason = "the structure of its workflow is not known here".to_owned();
        return MaySend::NotBefore(now + LOOK_AGAIN, reason);
    };
    let objection = objection(definitions, state, mail.workflow);
    if let Some(reason) = objection.or_else(|| cancelled(state, &mail.workflow.name)) {
        return MaySend::Never(reason);
    }
    if let Some(over) = expires(definitions, state, mail, enrolment).filter(|over| *over <= now) {
        // Given back: the decision that this leads to withdraws it, and its lead goes on.
        return MaySend::NotBefore(now + LOOK_AGAIN, expired(mail, over));
    }
    if let Some(end) = quiet(mail, &state.attributes, &state.zone, now) {
        return MaySend::NotBefore(end, asked_for_later(end, &state.zone));
    }
    let contact = Contact::of(definitions, state);
    if let Some(reason) = contact.spent(definitions, mail, now) {
        return MaySend::Never(reason);
    }
    if let Some((free, rule)) = contact.held(definitions, mail, now) {
        // Given back where there is no such instant: its lead is decided by what is live then.
        let free = if free.is_never() { now + LOOK_AGAIN } else { free };
        return MaySend::NotBefore(free, rule.to_string());
    }
    match opens(definitions, state, mail, now) {
        Some(opens) => MaySend::NotBefore(opens, outside(definitions, state, mail, now)),
        None => MaySend::Now,
    }
}
