//! Tests of the language: what it means, what it says about mistakes, and what must always hold.

mod docs;
mod meaning;
mod messages;
mod oracle;
mod properties;
mod scoring;
mod sense;
mod syntax;

use std::{collections::BTreeSet, time::Duration};

use super::{Condition, ConditionError, Env, KnownSegment, PatternRoom, Scope, View, fact_key};
use crate::domain::{
    definitions::Segment,
    event::{Event, EventData, EventKind, Judgement},
    facts::{Fact, FactPlan, fold},
    id::Rev,
    lead::{Entry, Stage},
    name::Name,
    score::{EngagementRule, FitRule, MilliPoints, Scoring},
    time::Instant,
    value::{Schema, Value, ValueType},
    verdict::{Truth, Verdict},
};

const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;

/// The midnight with which a test's year begins: 2027-01-01.
const START: i64 = 1_798_761_600_000;

fn day(days: i64) -> Instant {
    Instant::from_millis(START + days * DAY)
}

/// Definitions of a small house.
struct House {
    schema: Schema,
    plan: FactPlan,
    patterns: PatternRoom,
    known: Vec<KnownSegment>,
    segments: Vec<Segment>,
    scoring: Scoring,
}

impl House {
    fn new() -> Self {
        let mut schema = Schema::standard();
        schema.declare("seats".into(), ValueType::Number);
        schema.declare("budget".into(), ValueType::Number);
        schema.declare("headcount".into(), ValueType::Number);
        schema.declare("plan".into(), ValueType::Text);
        schema.declare("customer".into(), ValueType::Bool);
        schema.declare("renewal".into(), ValueType::Date);
        let scoring = Scoring { half_life: Duration::from_secs(30 * 86_400), ..Scoring::default() };
        let mut house = Self {
            schema,
            plan: FactPlan::default(),
            patterns: PatternRoom::default(),
            known: Vec::new(),
            segments: Vec::new(),
            scoring,
        };
        house.rule("visited(\"/pricing\")", 15, 3);
        house.rule("clicked()", 8, 5);
        house.fit_rule("italy", "country == \"IT\"", 10);
        house.fit_rule("looked", "visited(\"/pricing\").within(60d)", 15);
        house.fit_rule("old", "now - created_on > 90d", -5);
        house.segment("italians", "country == \"IT\"");
        house.segment(
            "stirring",
            "engagement >= 20 or clicked(\"a\").within(30d) and not in_segment(\"italians\")",
        );
        house
    }

    fn rule(&mut self, event: &str, points: i64, hits: usize) {
        let key = fact_key(event, &self.env(Scope::Lead)).expect("a good event");
        let fact = self.plan.ask(key, hits);
        let points = MilliPoints::points(points);
        self.scoring.engagement.push(EngagementRule { name: event.into(), fact, points, hits });
    }

    fn fit_rule(&mut self, name: &str, when: &str, points: i64) {
        let when = self.compiled(when, Scope::Fit);
        let points = MilliPoints::points(points);
        self.scoring.fit.push(FitRule { name: name.into(), when, points });
    }

    fn segment(&mut self, name: &str, source: &str) {
        let condition = self.compiled(source, Scope::Lead);
        let segment = Segment { name: name.into(), about: String::new(), condition };
        self.known.push(KnownSegment::from(&segment));
        self.segments.push(segment);
    }

    fn env(&self, scope: Scope) -> Env<'_> {
        Env {
            schema: &self.schema,
            segments: &self.known,
            templates: None,
            questions: None,
            patterns: &self.patterns,
            scope,
        }
    }

    fn compile(&mut self, source: &str, scope: Scope) -> Result<Condition, Vec<ConditionError>> {
        let mut plan = std::mem::take(&mut self.plan);
        let compiled = Condition::compile(source, &self.env(scope), &mut plan);
        self.plan = plan;
        compiled
    }

    fn compiled(&mut self, source: &str, scope: Scope) -> Condition {
        self.compile(source, scope).unwrap_or_else(|errors| panic!("{source}: {errors:?}"))
    }

    /// The verdict on a lead at an instant, by a condition of a workflow.
    fn judge(&mut self, source: &str, lead: &Lead, at: Instant) -> Verdict {
        let condition = self.compiled(source, Scope::Workflow);
        let facts = lead.facts(&self.plan);
        condition.verdict(&self.view(lead, &facts, at))
    }

    fn value(&mut self, source: &str, lead: &Lead, at: Instant) -> Truth {
        self.judge(source, lead, at).value
    }

    fn view<'a>(&'a self, lead: &'a Lead, facts: &'a [Fact], now: Instant) -> View<'a> {
        View {
            now,
            since: lead.since,
            entry: lead.entry.as_ref(),
            attributes: &lead.attributes,
            tags: &lead.tags,
            stage: lead.stage,
            stage_since: Instant::DAWN,
            facts,
            profiled: lead.profiled,
            scoring: &self.scoring,
            segments: &self.segments,
            known_segments: &[],
            // It must outlive the view, and tests are short.
            worked: Some(Box::leak(Box::default())),
            missing: &[],
        }
    }
}

/// A lead with its whole history.
#[derive(Clone, Debug)]
struct Lead {
    since: Instant,
    entry: Option<Entry>,
    attributes: Vec<Option<Value>>,
    tags: BTreeSet<Name>,
    stage: Stage,
    profiled: bool,
    events: Vec<Event>,
}

impl Lead {
    fn new(house: &House) -> Self {
        Self {
            since: Instant::DAWN,
            entry: None,
            attributes: vec![None; house.schema.len()],
            tags: BTreeSet::new(),
            stage: Stage::Lead,
            profiled: true,
            events: Vec::new(),
        }
    }

    fn with(mut self, house: &House, attribute: &str, value: Value) -> Self {
        self.attributes[house.schema.slot(attribute).expect("declared").0] = Some(value);
        self
    }

    fn text(self, house: &House, attribute: &str, text: &str) -> Self {
        self.with(house, attribute, Value::Text(text.into()))
    }

    /// `settles`: for an unsure hit, how many milliseconds later it counts.
    fn hit(mut self, kind: EventKind, object: &str, at: Instant, settles: Option<i64>) -> Self {
        self.events.push(Event {
            rev: Rev(i64::try_from(self.events.len()).expect("few") + 1),
            kind,
            object: Some(object.into()),
            occurred_at: at,
            recorded_at: at,
            judgement: if settles.is_some() { Judgement::Unsure } else { Judgement::Human },
            settles_at: settles.map(|settles| Instant::from_millis(at.millis() + settles)),
            message: None,
            about: None,
            revises: None,
            data: EventData::new(),
        });
        self
    }

    fn clicked(self, template: &str, at: Instant) -> Self {
        self.hit(EventKind::MAIL_CLICKED, template, at, None)
    }

    fn visited(self, page: &str, at: Instant) -> Self {
        self.hit(EventKind::PAGE_VISITED, page, at, None)
    }

    /// Its history as a plan remembers it, each event folded when it happened.
    fn facts(&self, plan: &FactPlan) -> Vec<Fact> {
        let mut facts = vec![Fact::default(); plan.len()];
        for event in &self.events {
            fold(plan, &mut facts, event, event.recorded_at);
        }
        facts
    }
}
