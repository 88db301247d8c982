//! A test of workflows, run: one lead on a virtual clock, and whether what was expected came to pass.

use std::{collections::BTreeMap, sync::Arc};

use super::{Line, Person, Timelines, World, Written, notes::Notes};
use crate::{
    domain::{
        case::{Case, Expectation, Expected, Happening, Moment, Occurrence},
        condition::Trace,
        definitions::{Definitions, LiveWorkflow, LiveWorkflows, Since},
        event::EventKind,
        facts::Fact,
        fleet::Fleet,
        id::ReleaseId,
        lead::{Basis, Consent, LeadState, Suppression},
        name::Name,
        time::{Instant, Zone},
    },
    engine::preparing::view,
    render::Renderer,
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
    renderer: Renderer,
}

impl House {
    /// With a renderer of the folder's mails.
    #[must_use]
    pub fn new(definitions: Definitions, renderer: Renderer) -> Self {
        Self { definitions, renderer }
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
        let from = crate::domain::schedule::resolve(case.from, &zone);
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
        let fate = Written::new(&self.renderer, Arc::clone(&definitions));
        let mut world = World::new(Arc::clone(&definitions), Fleet::default(), fate, 1, begin);
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
        let mut attributes = persona.values(schema);
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
