//! A test of workflows, run: one lead on a virtual clock, and whether what was expected came to pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Left, Line, Mail, Person, Timelines, Witness, World};
use crate::{
    domain::{
        case::{Case, Expectation, Expected, Happening, Moment, Occurrence, When},
        condition::Trace,
        decision::{Decision, Verb},
        definitions::{Definitions, LiveWorkflow, LiveWorkflows, Since},
        event::EventKind,
        facts::Fact,
        fleet::Fleet,
        id::ReleaseId,
        lead::{Basis, Consent, LeadState, Outcome, Suppression},
        message::MessageKind,
        name::Name,
        time::{Instant, Zone},
    },
    engine::preparing::view,
    store::records::{NewEvent, ProfileChange},
};

/// What a test came to.
#[derive(Debug)]
pub struct Trial {
    /// What did not come to pass.
    pub failures: Vec<Failure>,
    pub timeline: Vec<Line>,
    /// The lead's clock.
    pub zone: Zone,
}

/// Something that was expected and did not come to pass.
#[derive(Debug)]
pub struct Failure {
    /// Of the test's file.
    pub line: usize,
    pub message: String,
    /// Why a condition is what it is.
    pub trace: Option<Trace>,
}

/// What tests are run by: the definitions of a folder, as if they had gone live at an instant.
#[derive(Debug)]
pub struct House {
    definitions: Definitions,
}

impl House {
    #[must_use]
    pub fn new(definitions: Definitions) -> Self {
        Self { definitions }
    }

    /// The definitions, live since an instant.
    fn live_since(&self, at: Instant) -> Arc<Definitions> {
        let release = ReleaseId(1);
        let live = |live: &LiveWorkflow| {
            let since = Since { at, release, ..Since::default() };
            LiveWorkflow { workflow: Arc::clone(&live.workflow), since }
        };
        let workflows: Vec<LiveWorkflow> = self.definitions.workflows.iter().map(live).collect();
        let workflows = LiveWorkflows::from(workflows);
        Arc::new(Definitions { release, workflows, ..self.definitions.clone() })
    }

    /// Runs a case.
    #[must_use]
    pub fn run(&self, case: &Case) -> Trial {
        let state = self.lead(case);
        let zone = state.zone.clone();
        let from = crate::domain::schedule::instant_of(case.from, &zone);
        let definitions = self.live_since(from);
        let policy = &definitions.policy;
        let place = policy.place(&zone, state.country);
        let at = |moment: &Moment| moment.at(from, place);
        // A moment after the release: a newcomer, nobody that it found.
        let begin = from.next();
        let state = LeadState {
            created_at: begin,
            stage_since: begin,
            consents: state
                .consents
                .into_iter()
                .map(|(purpose, consent)| (purpose, Consent { at: begin, ..consent }))
                .collect(),
            ..state
        };
        let lead = state.lead;
        let mut person = Person::new(&definitions, state, begin);
        for occurrence in &case.happens {
            let at = at(&occurrence.at).max(begin);
            person.foretell(event(&definitions, lead, occurrence, at));
        }
        let mut world = World::new(Arc::clone(&definitions), Fleet::default(), (), 1, begin);
        world.add(person);
        let until = at(&case.until);
        // Looked at on the way: what is expected at an instant.
        let mut looks: BTreeMap<Instant, Vec<&Expectation>> = BTreeMap::new();
        for expectation in &case.expects {
            if let Some(moment) = expectation.instant() {
                looks.entry(moment.map_or(until, at)).or_default().push(expectation);
            }
        }
        let mut witness = (Timelines::of([0]), Notes::default());
        let mut failures = Vec::new();
        for (instant, expectations) in looks {
            world.run(instant, &mut witness);
            let state = &world.people()[0].state;
            let look = |it: &&Expectation| look(&definitions, state, it, instant);
            failures.extend(expectations.iter().filter_map(look));
        }
        world.run(until, &mut witness);
        let (timelines, notes) = witness;
        let told = case.expects.iter().filter(|it| it.instant().is_none());
        failures.extend(told.filter_map(|it| notes.misses(it, &zone)));
        if let Some(reason) = &world.people()[0].parked {
            let message = format!("the lead could not be decided: {reason}");
            failures.push(Failure { line: case.line, message, trace: None });
        }
        failures.sort_by_key(|failure| failure.line);
        Trial { failures, timeline: timelines.get(0).to_vec(), zone }
    }

    fn lead(&self, case: &Case) -> LeadState {
        let definitions = &self.definitions;
        let schema = &definitions.schema;
        let persona = &case.lead;
        let mut attributes = vec![None; schema.len()];
        for (slot, value) in &persona.attributes {
            attributes[slot.0] = Some(value.clone());
        }
        if let Some(slot) = schema.slot("email") {
            let email = persona.address.as_str().into();
            attributes[slot.0] = Some(crate::domain::value::Value::Text(email));
        }
        let consent = Consent {
            basis: Basis::Consent,
            at: Instant::DAWN,
            source: "test".into(),
            withdrawn_at: None,
        };
        let grounds = |purpose: &Name| {
            let basis = definitions.policy.purposes.get(purpose).and_then(|it| it.basis.first());
            let basis = basis.copied().unwrap_or(Basis::Consent);
            (purpose.clone(), Consent { basis, ..consent.clone() })
        };
        let zone = definitions.policy.zone.clone();
        let mut state = LeadState {
            tags: persona.tags.iter().cloned().collect(),
            consents: persona.consents.iter().map(grounds).collect(),
            stage: persona.stage,
            facts: vec![Fact::default(); definitions.plan.len()],
            ..LeadState::new(persona.address.clone(), zone, attributes, Instant::DAWN)
        };
        state.follow_attributes(definitions);
        state
    }
}

impl Expectation {
    /// At which instant the lead is looked at for it, `Some(None)` at the end; `None`: it is about all that happened.
    #[allow(clippy::option_option)] // as it says
    fn instant(&self) -> Option<Option<&Moment>> {
        match &self.what {
            Expected::That { at, .. }
            | Expected::Inside { at, .. }
            | Expected::NotInside { at, .. } => Some(at.as_ref()),
            _ => None,
        }
    }
}

/// What happens, as whoever records it would tell it.
fn event(
    definitions: &Definitions,
    lead: crate::domain::id::LeadId,
    occurrence: &Occurrence,
    at: Instant,
) -> NewEvent {
    match &occurrence.what {
        Happening::Event { kind, object, data } => {
            let mut event = NewEvent::new(lead, kind.clone(), at, "test");
            event.object.clone_from(object);
            event.data.clone_from(data);
            event.suppress = if *kind == EventKind::LEAD_UNSUBSCRIBED {
                Some(Suppression::Unsubscribed)
            } else if *kind == EventKind::MAIL_BOUNCED {
                Some(Suppression::HardBounce)
            } else if *kind == EventKind::MAIL_COMPLAINED {
                Some(Suppression::Complained)
            } else {
                None
            };
            event
        }
        Happening::Set(values) => {
            let mut event = NewEvent::new(lead, EventKind::LEAD_IMPORTED, at, "test");
            let name = |slot| definitions.schema.attribute(slot).name.clone();
            let json = |value: &Option<_>| {
                value.as_ref().map_or(serde_json::Value::Null, crate::domain::value::Value::to_json)
            };
            event.profile = Some(ProfileChange {
                attributes: values.iter().map(|(slot, value)| (name(*slot), json(value))).collect(),
                given: Vec::new(),
                withdrawn: Vec::new(),
                source: "test".into(),
            });
            event
        }
    }
}

/// What is not as it is expected at an instant.
fn look(
    definitions: &Definitions,
    state: &LeadState,
    expectation: &Expectation,
    now: Instant,
) -> Option<Failure> {
    let failure = |message: String, trace| Some(Failure { line: expectation.line, message, trace });
    let inside = |workflow: &Name| state.enrolments.iter().find(|it| it.workflow == *workflow);
    let on = crate::domain::schedule::local_text(now, &state.zone);
    match &expectation.what {
        Expected::That { condition, .. } => {
            let view = view(definitions, state, now);
            if condition.verdict(&view).is_true() {
                return None;
            }
            let trace = condition.explain(&view, &definitions.schema);
            failure(format!("not true on {on}: {condition}"), Some(trace))
        }
        Expected::Inside { workflow, step, .. } => match (inside(workflow), step) {
            (None, _) => failure(format!("not in `{workflow}` on {on}"), None),
            (Some(found), Some(step)) if found.step != *step => failure(
                format!("in `{workflow}` at the step `{}` on {on}, not at `{step}`", found.step),
                None,
            ),
            _ => None,
        },
        Expected::NotInside { workflow, .. } => {
            let found = inside(workflow)?;
            failure(format!("in `{workflow}` on {on}, at the step `{}`", found.step), None)
        }
        _ => None,
    }
}

/// What tests ask of all that happened.
#[derive(Debug, Default)]
struct Notes {
    mails: Vec<(Name, Instant)>,
    /// Why a mail was held back last, by its workflow and step.
    held: Vec<(Name, Name, String)>,
    refused: BTreeMap<Name, String>,
    ended: Vec<(Name, Outcome, String)>,
    notices: BTreeSet<Name>,
}

impl Witness for Notes {
    fn decided(
        &mut self,
        _: &Definitions,
        _: usize,
        _: &LeadState,
        decision: &Decision,
        _: Instant,
    ) {
        for change in &decision.enrolments {
            if let Some(ended) = &change.ended {
                let workflow = change.enrolment.workflow.clone();
                self.ended.push((workflow, ended.outcome, ended.reason.clone()));
            }
        }
        for line in &decision.log {
            let (Some(workflow), reason) = (&line.workflow, &line.reason) else { continue };
            if line.what == Verb::Held
                && let Some(step) = &line.step
            {
                self.held.push((workflow.clone(), step.clone(), reason.clone()));
            } else if line.what == Verb::NotEntered {
                self.refused.insert(workflow.clone(), reason.clone());
            }
        }
        let notices = decision.messages.iter().filter(|it| it.kind == MessageKind::Internal);
        self.notices.extend(notices.map(|notice| notice.recipient.clone()));
    }

    fn left(&mut self, _: &Definitions, _: usize, _: &LeadState, mail: &Mail<'_>, came: &Left) {
        if *came == Left::Sent {
            self.mails.push((mail.open.template.clone(), mail.now));
        }
    }
}

impl Notes {
    fn misses(&self, expectation: &Expectation, zone: &Zone) -> Option<Failure> {
        let message = match &expectation.what {
            Expected::Mails(expected) => {
                let sent: Vec<&Name> = self.mails.iter().map(|(mail, _)| mail).collect();
                if sent.iter().copied().eq(expected) {
                    return None;
                }
                format!("expected {}, and {} left", listed(expected), listed(sent))
            }
            Expected::Mail { template, when } => self.misses_mail(template, *when, zone)?,
            Expected::NoMail(template) => {
                let (_, at) = self.mails.iter().find(|(mail, _)| mail == template)?;
                format!("`{template}` left on {}", on(*at, zone))
            }
            Expected::Ended { workflow, how } => self.misses_end(workflow, *how)?,
            Expected::Notice(person) if !self.notices.contains(person) => {
                format!("nobody wrote to {person}")
            }
            _ => return None,
        };
        Some(Failure { line: expectation.line, message, trace: None })
    }

    fn misses_mail(&self, template: &Name, when: Option<When>, zone: &Zone) -> Option<String> {
        let mut left = self.mails.iter().filter(|(mail, _)| mail == template).map(|(_, at)| *at);
        let is_meant = |at: Instant| when.is_none_or(|when| when.is_at(at, zone));
        if left.clone().any(is_meant) {
            return None;
        }
        if let Some(first) = left.next() {
            return Some(format!("`{template}` left on {}", on(first, zone)));
        }
        let why = match (self.held.last(), self.refused.iter().next()) {
            (Some((workflow, step, reason)), _) => {
                format!("; held back last: {reason} ({workflow}, {step})")
            }
            (None, Some((workflow, reason))) => format!("; not entered `{workflow}`: {reason}"),
            (None, None) => String::new(),
        };
        Some(format!("`{template}` did not leave{why}"))
    }

    fn misses_end(&self, workflow: &Name, how: Option<Outcome>) -> Option<String> {
        let ended: Vec<_> = self.ended.iter().filter(|(it, ..)| it == workflow).collect();
        let is_meant = |outcome: Outcome| how.is_none_or(|how| how == outcome);
        if ended.iter().any(|(_, outcome, _)| is_meant(*outcome)) {
            return None;
        }
        Some(match ended.last() {
            Some((_, outcome, reason)) => {
                format!("`{workflow}` ended as {}: {reason}", outcome.word())
            }
            None => match self.refused.get(workflow) {
                Some(reason) => format!("not entered `{workflow}`: {reason}"),
                None => format!("`{workflow}` has not ended"),
            },
        })
    }
}

fn on(at: Instant, zone: &Zone) -> String {
    at.timestamp().to_zoned(zone.tz().clone()).strftime("%a %Y-%m-%d at %H:%M").to_string()
}

fn listed<'n>(names: impl IntoIterator<Item = &'n Name>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no mail".to_owned() } else { names.join(", ") }
}
