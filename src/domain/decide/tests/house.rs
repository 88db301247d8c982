//! Definitions for stories.

use super::*;

/// A small house: one purpose, one segment, scoring that moves stages.
pub(super) struct House(pub Definitions);

impl House {
    pub fn new() -> Self {
        let mut definitions = Definitions {
            release: ReleaseId(1),
            schema: Schema::standard(),
            ..Definitions::default()
        };
        definitions.policy = Policy {
            zone: Zone::named("Europe/Rome").unwrap(),
            window: Window::parse("mon-fri 09:00-17:30").unwrap(),
            purposes: BTreeMap::from([(
                Name::new("insights"),
                Purpose { label: "Insights".into(), basis: vec![Basis::Consent] },
            )]),
            tracking: Tracking::Everybody,
            ..Policy::default()
        };
        let mut house = Self(definitions);
        house.segment("cold", r#"lead_status in ["Not now", "No budget"]"#);
        house
    }

    pub fn condition(&mut self, source: &str, scope: Scope) -> Condition {
        let Definitions { schema, segments, plan, .. } = &mut self.0;
        let known: Vec<KnownSegment> = segments.iter().map(KnownSegment::from).collect();
        let env = Env {
            schema,
            segments: &known,
            templates: None,
            questions: None,
            patterns: &PatternRoom::default(),
            scope,
        };
        Condition::compile(source, &env, plan).unwrap()
    }

    pub fn segment(&mut self, name: &str, source: &str) {
        let condition = self.condition(source, Scope::Lead);
        self.0.segments.push(Segment { name: name.into(), about: String::new(), condition });
    }

    pub fn engagement(&mut self, on: &str, points: i64, hits: usize) {
        let Definitions { schema, plan, scoring, .. } = &mut self.0;
        let env = Env {
            schema,
            segments: &[],
            templates: None,
            questions: None,
            patterns: &PatternRoom::default(),
            scope: Scope::Lead,
        };
        let fact = plan.ask(fact_key(on, &env).unwrap(), hits);
        let points = MilliPoints::points(points);
        scoring.engagement.push(EngagementRule { name: on.into(), fact, points, hits });
    }

    pub fn fit(&mut self, when: &str, points: i64) {
        let condition = self.condition(when, Scope::Fit);
        let points = MilliPoints::points(points);
        self.0.scoring.fit.push(FitRule { name: when.into(), when: condition, points });
    }

    pub fn stage(&mut self, from: Stage, to: Stage, when: &str) {
        let when = self.condition(when, Scope::Lead);
        self.0.scoring.stages.push(StageRule { from: vec![from], to, when });
    }

    /// Adds a workflow over the `cold` segment; `edit` makes it another.
    pub fn workflow(&mut self, name: &str, steps: Vec<StepKind>, edit: impl FnOnce(&mut Workflow)) {
        let enter = self.condition(r#"in_segment("cold")"#, Scope::Lead);
        let last = steps.len();
        let steps = steps.into_iter().enumerate().map(|(index, kind)| Step {
            id: format!("step-{index}").into(),
            kind,
            next: (index + 1 < last).then_some(StepIx(index + 1)),
        });
        let mut workflow = Workflow {
            name: name.into(),
            version: Version(format!("{name}-1").into()),
            about: String::new(),
            campaign: None,
            purpose: "insights".into(),
            priority: 0,
            enter: Enter::When(enter),
            existing: true,
            again: Again::Never,
            each: None,
            goal: None,
            leave: None,
            window: None,
            now: false,
            not_after: None,
            from: crate::domain::workflow::Author::Sender,
            reply_to: None,
            in_doubt: InDoubt::GoOn,
            on_failure: MailFailure::Leave,
            at_most: None,
            on_change: OnChange::Pin,
            steps: Steps::new(steps.collect(), Some(StepIx(0))).unwrap(),
        };
        edit(&mut workflow);
        let workflow = Arc::new(workflow);
        self.0.structures.insert(workflow.version.clone(), Arc::clone(&workflow));
        let mut workflows = self.0.workflows.to_vec();
        workflows.push(LiveWorkflow { workflow, since: since(1, wednesday() - DAY) });
        self.0.workflows = workflows.into();
    }
}

pub(super) fn email(template: &str) -> StepKind {
    StepKind::Email {
        template: template.into(),
        now: None,
        not_after: None,
        in_doubt: None,
        on_failure: None,
    }
}

pub(super) fn wait(text: &str) -> StepKind {
    StepKind::Wait(WaitSpec::parse(text).unwrap())
}

/// Live since a release, by the same condition ever since.
fn since(release: i64, at: Instant) -> Since {
    let release = ReleaseId(release);
    Since { at, release, door: Door { mark: 0, at, release } }
}

/// Waits for one thing, without names.
pub(super) fn wait_for(
    condition: Condition,
    up_to: Option<&str>,
    then: Option<StepIx>,
    otherwise: Option<StepIx>,
) -> StepKind {
    StepKind::WaitFor {
        awaited: vec![Awaited { name: None, condition, then }],
        up_to: up_to.map(|text| Deadline::parse(text).unwrap()),
        otherwise,
    }
}
