use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::domain::{
    address::Address,
    condition::{Condition, Env, PatternRoom, Scope, fact_key},
    decision::{EnrolmentChange, ScoreKind, Verb},
    definitions::{LiveWorkflow, Segment},
    event::{Event, EventData, EventKind, Judgement, StepRef},
    facts::Fact,
    id::{EnrolmentNo, LeadId, MessageId, ReleaseId, Rev},
    lead::{Basis, Consent, Outcome, Phase, Stage, Suppression},
    message::{MaySend, MessageKind, MessageState, OpenMessage},
    name::Name,
    policy::{Policy, Purpose, Tracking},
    schedule::{WaitSpec, Window},
    score::{EngagementRule, FitRule, MilliPoints, StageRule},
    time::Zone,
    value::{Schema, Value},
    workflow::{Again, Enter, Step, StepIx, StepKind, Steps, Version, Workflow},
};

/// Wednesday, 24 March 2027, 10:00 in Rome.
fn wednesday() -> Instant {
    "2027-03-24T09:00:00Z".parse().unwrap()
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A small house: one purpose, one segment, scoring that moves stages.
struct House(Definitions);

impl House {
    fn new() -> Self {
        let mut definitions = Definitions { schema: Schema::standard(), ..Definitions::default() };
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

    fn condition(&mut self, source: &str, scope: Scope) -> Condition {
        let Definitions { schema, segments, plan, .. } = &mut self.0;
        let names: Vec<Name> = segments.iter().map(|segment| segment.name.clone()).collect();
        let env = Env {
            schema,
            segments: &names,
            templates: None,
            patterns: &PatternRoom::default(),
            scope,
        };
        Condition::compile(source, &env, plan).unwrap()
    }

    fn segment(&mut self, name: &str, source: &str) {
        let condition = self.condition(source, Scope::Lead);
        self.0.segments.push(Segment { name: name.into(), about: String::new(), condition });
    }

    fn engagement(&mut self, on: &str, points: i64, hits: usize) {
        let Definitions { schema, plan, scoring, .. } = &mut self.0;
        let env = Env {
            schema,
            segments: &[],
            templates: None,
            patterns: &PatternRoom::default(),
            scope: Scope::Lead,
        };
        let fact = plan.ask(fact_key(on, &env).unwrap(), hits);
        let points = MilliPoints::points(points);
        scoring.engagement.push(EngagementRule { name: on.into(), fact, points, hits });
    }

    fn fit(&mut self, when: &str, points: i64) {
        let condition = self.condition(when, Scope::Fit);
        let points = MilliPoints::points(points);
        self.0.scoring.fit.push(FitRule { name: when.into(), when: condition, points });
    }

    fn stage(&mut self, from: Stage, to: Stage, when: &str) {
        let when = self.condition(when, Scope::Lead);
        self.0.scoring.stages.push(StageRule { from: vec![from], to, when });
    }

    /// Adds a workflow over the `cold` segment; `edit` makes it another.
    fn workflow(&mut self, name: &str, steps: Vec<StepKind>, edit: impl FnOnce(&mut Workflow)) {
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
            purpose: "insights".into(),
            priority: 0,
            enter: Enter::When(enter),
            existing: true,
            again: Again::Never,
            goal: None,
            leave: None,
            window: None,
            now: false,
            steps: Steps::new(steps.collect(), Some(StepIx(0))).unwrap(),
        };
        edit(&mut workflow);
        let workflow = Arc::new(workflow);
        self.0.structures.insert(workflow.version.clone(), Arc::clone(&workflow));
        self.0.workflows.push(LiveWorkflow {
            workflow,
            live_since: wednesday() - DAY,
            since_release: ReleaseId(1),
        });
        self.0.workflows.sort_by_key(|live| std::cmp::Reverse(live.workflow.priority));
    }
}

fn email(template: &str) -> StepKind {
    StepKind::Email { template: template.into() }
}

fn wait(text: &str) -> StepKind {
    StepKind::Wait(WaitSpec::parse(text).unwrap())
}

/// A lead and what happens to it: decisions are applied, outcomes come back as events.
struct Story<'h> {
    house: &'h Definitions,
    state: LeadState,
    now: Instant,
    last: Decision,
}

impl<'h> Story<'h> {
    fn new(house: &'h House, attributes: &[(&str, &str)]) -> Self {
        let house = &house.0;
        let mut values = vec![None; house.schema.len()];
        for (name, value) in attributes {
            values[house.schema.slot(name).unwrap().0] = Some(Value::Text((*value).into()));
        }
        let consent = Consent {
            basis: Basis::Consent,
            at: wednesday() - 9 * DAY,
            source: "crm".into(),
            withdrawn_at: None,
        };
        let state = LeadState {
            lead: LeadId(1),
            rev: Rev(0),
            created_at: wednesday() - 9 * DAY,
            decided_at: Instant::DAWN,
            decided_under: ReleaseId::default(),
            address: Address::parse("ada@example.com").unwrap(),
            attributes: values,
            tags: BTreeSet::new(),
            consents: BTreeMap::from([(Name::new("insights"), consent)]),
            zone: Zone::named("Europe/Rome").unwrap(),
            language: "en".into(),
            stage: Stage::Lead,
            stage_since: wednesday() - 9 * DAY,
            facts: vec![Fact::default(); house.plan.len()],
            fit: MilliPoints(0),
            fit_rules: BTreeMap::new(),
            segments: Vec::new(),
            at_the_door: Vec::new(),
            enrolments: Vec::new(),
            next_enrolment: EnrolmentNo(1),
            passages: BTreeMap::new(),
            sends: Vec::new(),
            received: BTreeMap::new(),
            open_message: None,
            suppressed: None,
            new_events: Vec::new(),
            unsettled: Vec::new(),
        };
        Self { house, state, now: wednesday(), last: Decision::default() }
    }

    fn cold(house: &'h House) -> Self {
        Self::new(house, &[("lead_status", "Not now")])
    }

    fn at(&mut self, now: Instant) -> &mut Self {
        assert!(now >= self.now, "a story goes forward");
        self.now = now;
        self
    }

    fn happens(&mut self, kind: EventKind, object: Option<&str>) -> &mut Event {
        let rev = self.state.new_events.last().map_or(self.state.rev, |event| event.rev).next();
        self.state.rev = rev;
        self.state.new_events.push(Event {
            rev,
            kind,
            object: object.map(Name::new),
            occurred_at: self.now,
            recorded_at: self.now,
            judgement: Judgement::Human,
            settles_at: None,
            message: None,
            about: None,
            revises: None,
            data: EventData::new(),
        });
        self.state.new_events.last_mut().unwrap()
    }

    /// Decides and applies, as the engine does.
    fn decide(&mut self) -> &Decision {
        let decision = decide(self.house, &self.state, &Grants::default(), self.now);
        decision.changes.clone().apply_to(&mut self.state);
        for EnrolmentChange { enrolment, ended, .. } in &decision.enrolments {
            self.state.enrolments.retain(|known| known.no != enrolment.no);
            if ended.is_none() {
                self.state.enrolments.push(enrolment.clone());
            }
        }
        self.state.enrolments.sort_by_key(|enrolment| enrolment.no);
        for (id, _) in &decision.withdraw {
            assert_eq!(self.state.open_message.as_ref().map(|open| open.id), Some(*id));
            self.state.open_message = None;
        }
        for message in decision.messages.iter().filter(|m| m.kind == MessageKind::Marketing) {
            assert!(self.state.open_message.is_none(), "two open mails");
            self.state.open_message = Some(OpenMessage {
                id: MessageId(self.now.millis()),
                about: message.about.clone(),
                workflow: message.workflow.clone(),
                purpose: message.purpose.clone(),
                template: message.template.clone(),
                state: MessageState::Reserved,
                due_at: message.due_at,
            });
        }
        let made = i64::try_from(decision.events.len()).unwrap();
        self.state.rev = Rev(self.state.rev.0 + 1 + made);
        self.state.new_events.clear();
        self.state.decided_at = self.now;
        self.state.decided_under = ReleaseId(1);
        self.last = decision;
        &self.last
    }

    /// The relay took the open mail.
    fn sent(&mut self) -> &mut Self {
        let open = self.state.open_message.take().expect("a mail to send");
        let event = self.happens(EventKind::MAIL_SENT, Some(&open.template));
        event.about = Some(open.about);
        self.decide();
        self
    }

    fn mails(&self) -> Vec<&str> {
        self.state.open_message.iter().map(|open| open.template.as_str()).collect()
    }

    fn verbs(&self) -> Vec<Verb> {
        self.last.log.iter().map(|line| line.what).collect()
    }

    fn reasons(&self) -> String {
        self.last.log.iter().map(|line| line.reason.clone()).collect::<Vec<_>>().join("; ")
    }
}

#[test]
fn a_member_of_the_segment_enters_and_gets_the_first_mail_inside_the_window() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    assert_eq!(story.verbs(), [Verb::Entered, Verb::Reserved]);
    assert_eq!(story.state.enrolments[0].phase, Phase::Mailing);

    let mut other = Story::new(&house, &[("lead_status", "Open")]);
    assert!(other.decide().enrolments.is_empty());
    assert!(other.last.wake_at.is_never(), "nothing to wait for");
}

#[test]
fn outside_of_the_window_the_mail_is_held_until_it_opens() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    let friday_evening: Instant = "2027-03-26T18:00:00Z".parse().unwrap();
    story.at(friday_evening).decide();
    assert!(story.mails().is_empty());
    assert_eq!(story.verbs(), [Verb::Entered, Verb::Held]);
    // Over the week-end the clocks go forward: Monday 09:00 in Rome is 07:00 UTC.
    let monday: Instant = "2027-03-29T07:00:00Z".parse().unwrap();
    assert_eq!(story.last.wake_at, monday);
    story.at(monday).decide();
    assert_eq!(story.mails(), ["report"]);
}

#[test]
fn a_wait_for_goes_on_by_the_click_or_by_the_time() {
    let mut house = House::new();
    let clicked = house.condition(r#"clicked("report")"#, Scope::Workflow);
    let steps = vec![
        email("report"),
        StepKind::WaitFor {
            condition: clicked,
            up_to: Some(WaitSpec::parse("10d").unwrap()),
            then: Some(StepIx(2)),
            otherwise: Some(StepIx(3)),
        },
        StepKind::Stop { reason: Some("interested".into()) },
        StepKind::Stop { reason: Some("silent".into()) },
    ];
    house.workflow("reawaken", steps, |_| {});

    let mut keen = Story::cold(&house);
    keen.decide();
    keen.sent();
    // Ten days on the lead's clock, which is put forward in between.
    assert_eq!(keen.last.wake_at, keen.now + 10 * DAY - HOUR);
    keen.at(wednesday() + DAY).happens(EventKind::MAIL_CLICKED, Some("report"));
    keen.decide();
    let ended = keen.last.enrolments[0].ended.as_ref().unwrap();
    assert_eq!((ended.outcome, ended.reason.as_str()), (Outcome::Finished, "interested"));

    let mut silent = Story::cold(&house);
    silent.decide();
    silent.sent();
    silent.at(wednesday() + 10 * DAY).decide();
    assert_eq!(silent.last.enrolments[0].ended.as_ref().unwrap().reason, "silent");
}

#[test]
fn an_unsure_click_counts_once_it_has_settled() {
    let mut house = House::new();
    let condition = house.condition(r#"clicked("report")"#, Scope::Workflow);
    let steps = vec![
        email("report"),
        StepKind::WaitFor { condition, up_to: None, then: None, otherwise: None },
        StepKind::Tag { add: vec!["stirred".into()], remove: vec![] },
    ];
    house.workflow("reawaken", steps, |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    let settles = story.now + 20 * Duration::from_secs(1);
    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
    click.judgement = Judgement::Unsure;
    click.settles_at = Some(settles);
    story.decide();
    assert!(story.state.tags.is_empty());
    assert_eq!(story.last.wake_at, settles);
    story.at(settles).decide();
    assert!(story.state.tags.contains("stirred"));
}

#[test]
fn a_click_judged_a_machines_in_time_never_counts() {
    let mut house = House::new();
    house.engagement("clicked()", 10, 3);
    let mut story = Story::cold(&house);
    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
    click.judgement = Judgement::Unsure;
    click.settles_at = Some(wednesday() + 20 * Duration::from_secs(1));
    let target = click.rev;
    story.decide();
    let revision = story.happens(EventKind::JUDGEMENT_REVISED, Some("report"));
    revision.judgement = Judgement::Machine;
    revision.revises = Some(target);
    story.decide();
    story.at(wednesday() + HOUR).decide();
    let engagement = house.0.scoring.engagement(&story.state.facts, story.now);
    assert_eq!(engagement, MilliPoints(0));
}

#[test]
fn the_goal_ends_it_at_any_moment_and_withdraws_the_unsent_mail() {
    let mut house = House::new();
    let goal = house.condition(r#"stage in ["customer"]"#, Scope::Workflow);
    house.stage(Stage::Lead, Stage::Customer, r#"happened("deal.won")"#);
    house.workflow("reawaken", vec![email("report"), email("more")], |w| w.goal = Some(goal));
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["report"]);
    story.happens(EventKind::parse("deal.won").unwrap(), None);
    story.decide();
    assert_eq!(story.last.enrolments[0].ended.as_ref().unwrap().outcome, Outcome::Goal);
    assert_eq!(story.last.withdraw.len(), 1);
    assert!(story.state.enrolments.is_empty());
    assert_eq!(story.state.stage, Stage::Customer);

    let mut customer = Story::cold(&house);
    customer.state.stage = Stage::Customer;
    customer.decide();
    assert_eq!(customer.verbs(), [Verb::NotEntered]);
    assert!(customer.reasons().contains("goal is reached already"));
}

#[test]
fn an_objection_ends_everything() {
    let mut house = House::new();
    house.workflow("one", vec![wait("3d"), email("report")], |_| {});
    house.workflow("two", vec![wait("5d"), email("more")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.state.enrolments.len(), 2);
    story.state.suppressed = Some(Suppression::Unsubscribed);
    story.decide();
    assert!(story.state.enrolments.is_empty());
    assert!(story.reasons().contains("suppressed: unsubscribed"), "{}", story.reasons());
    assert!(story.last.wake_at.is_never());
}

#[test]
fn without_a_ground_nobody_enters_and_the_reason_is_told_once() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    let ground = story.state.consents.remove("insights").unwrap();
    story.decide();
    assert_eq!(story.reasons(), "no ground for the purpose `insights`");
    story.decide();
    assert!(story.last.log.is_empty());
    story.state.consents.insert("insights".into(), ground);
    story.decide();
    assert_eq!(story.mails(), ["report"], "consent came later");
}

#[test]
fn those_inside_when_it_goes_live_stay_out_unless_the_file_says_otherwise() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |w| w.existing = false);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.verbs(), [Verb::NotEntered]);
    let slot = house.0.schema.slot("lead_status").unwrap().0;
    story.state.attributes[slot] = None;
    story.at(wednesday() + HOUR).decide();
    story.state.attributes[slot] = Some(Value::Text("No budget".into()));
    story.at(wednesday() + 2 * HOUR).decide();
    assert_eq!(story.mails(), ["report"], "it went out and came in again");

    let mut newcomer = Story::cold(&house);
    newcomer.state.created_at = wednesday();
    newcomer.decide();
    assert_eq!(newcomer.mails(), ["report"]);
}

#[test]
fn re_entry_follows_the_rule() {
    let mut house = House::new();
    house.workflow("never", vec![wait("1d")], |_| {});
    house.workflow("after", vec![wait("1d")], |w| w.again = Again::After(30 * DAY));
    house.workflow("always", vec![wait("1d")], |w| w.again = Again::Always);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.state.enrolments.len(), 3);
    story.at(wednesday() + DAY).decide();
    assert!(story.state.enrolments.is_empty());
    assert_eq!(story.last.wake_at, story.now + 30 * DAY);
    story.at(story.now + 30 * DAY).decide();
    let inside: Vec<_> = story.state.enrolments.iter().map(|e| e.workflow.as_str()).collect();
    assert_eq!(inside, ["after"], "`always` wants the condition to have been false in between");
    let slot = house.0.schema.slot("lead_status").unwrap().0;
    let status = story.state.attributes[slot].take();
    story.decide();
    story.state.attributes[slot] = status;
    story.at(story.now + HOUR).decide();
    let inside: Vec<_> = story.state.enrolments.iter().map(|e| e.workflow.as_str()).collect();
    assert_eq!(inside, ["after", "always"]);
}

#[test]
fn two_workflows_write_one_after_the_other_the_more_important_first() {
    let mut house = House::new();
    house.workflow("low", vec![email("low-mail")], |w| w.priority = 1);
    house.workflow("high", vec![email("high-mail")], |w| w.priority = 9);
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["high-mail"]);
    assert!(story.reasons().contains("a mail of `high` is on its way"));
    story.sent();
    assert_eq!(story.mails(), ["low-mail"]);
}

#[test]
fn a_mail_refused_for_good_ends_the_passage_with_the_reason() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report"), email("more")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let open = story.state.open_message.take().unwrap();
    let event = story.happens(EventKind::MAIL_FAILED, Some("report"));
    event.about = Some(open.about);
    event.data.insert("reason".into(), Value::Text("550 no such user".into()));
    story.decide();
    let ended = story.last.enrolments[0].ended.as_ref().unwrap();
    assert_eq!((ended.outcome, ended.reason.as_str()), (Outcome::Left, "550 no such user"));
}

#[test]
fn an_event_enters_once_and_not_if_it_is_older_than_the_workflow() {
    let mut house = House::new();
    let enter = Enter::On {
        kind: EventKind::FORM_SUBMITTED,
        object: Some("whitepaper".into()),
        filter: None,
    };
    house.workflow("welcome", vec![email("thanks"), wait("3d")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    story.happens(EventKind::FORM_SUBMITTED, Some("webinar"));
    story.decide();
    assert!(story.state.enrolments.is_empty());
    story.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    story.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    story.decide();
    assert_eq!(story.state.enrolments.len(), 1);
    assert_eq!(
        story.state.enrolments[0].entry.as_ref().unwrap().object.as_deref(),
        Some("whitepaper")
    );

    let mut old = Story::new(&house, &[]);
    let event = old.happens(EventKind::FORM_SUBMITTED, Some("whitepaper"));
    event.occurred_at = wednesday() - 300 * DAY;
    old.decide();
    assert!(old.state.enrolments.is_empty());
    assert_eq!(old.reasons(), "it happened before the workflow went live");
}

#[test]
fn points_move_the_stage_and_every_point_is_in_the_ledger() {
    let mut house = House::new();
    house.engagement(r#"visited("/pricing")"#, 25, 2);
    house.fit(r#"seniority == "vp""#, 20);
    house.stage(Stage::Lead, Stage::Mql, "fit >= 20 and engagement >= 40");
    house.stage(Stage::Mql, Stage::Lead, "engagement < 10");
    let mut story = Story::new(&house, &[("seniority", "vp")]);
    story.decide();
    assert_eq!(story.last.ledger.len(), 1);
    assert_eq!(story.last.ledger[0].score, ScoreKind::Fit);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.last.ledger.len(), 1);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.state.stage, Stage::Mql);
    assert_eq!(story.last.events[0].object.as_deref(), Some("mql"));
    // 50 points with a half-life of 30 days are 10 after about 69.7 days.
    let falls = story.last.wake_at;
    assert!(falls > wednesday() + 69 * DAY && falls < wednesday() + 71 * DAY, "{falls}");
    story.at(falls).decide();
    assert_eq!(story.state.stage, Stage::Lead);
}

#[test]
fn without_a_ground_for_tracking_engagement_is_unknown_and_not_zero() {
    let mut house = House::new();
    house.0.policy.tracking = Tracking::With("insights".into());
    house.segment("asleep", "engagement < 10");
    let asleep = house.0.segments.len() - 1;
    let mut story = Story::cold(&house);
    story.decide();
    assert!(story.state.segments[asleep].is_some());
    story.state.consents.clear();
    story.decide();
    assert!(story.state.segments[asleep].is_none(), "silence is not lack of interest");
}

#[test]
fn a_refused_want_is_held_until_the_slot() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let story = Story::cold(&house);
    let first = decide(&house.0, &story.state, &Grants::default(), story.now);
    let slot = story.now + HOUR;
    let mut grants = Grants::default();
    grants.refuse(first.wants[0].clone(), slot, "the account has had its share".into());
    let second = decide(&house.0, &story.state, &grants, story.now);
    assert!(second.messages.is_empty());
    assert_eq!(second.wake_at, slot);
}

#[test]
fn what_was_reserved_is_judged_again_at_the_instant_of_sending() {
    let mut house = House::new();
    house.workflow("reawaken", vec![email("report")], |_| {});
    let mut story = Story::cold(&house);
    story.decide();
    let about = story.state.open_message.as_ref().unwrap().about.clone();
    let version = Version("reawaken-1".into());
    let ask = |state: &LeadState, about: &StepRef, now| {
        may_send(&house.0, state, about, MessageKind::Marketing, &version, now)
    };
    assert_eq!(ask(&story.state, &about, story.now), MaySend::Now);
    let night: Instant = "2027-03-24T22:00:00Z".parse().unwrap();
    assert!(matches!(ask(&story.state, &about, night), MaySend::NotBefore(..)));
    let mut objected = story.state.clone();
    objected.suppressed = Some(Suppression::Complained);
    assert!(matches!(ask(&objected, &about, story.now), MaySend::Never(_)));
    let elsewhere = StepRef { visit: 2, ..about };
    assert!(matches!(ask(&story.state, &elsewhere, story.now), MaySend::Never(_)));
}

#[test]
fn whoever_would_leave_at_once_gets_no_mail() {
    let mut house = House::new();
    let leave = house.condition(r#"stage == "disqualified""#, Scope::Workflow);
    house.workflow("reawaken", vec![email("report")], |w| w.leave = Some(leave));
    let mut story = Story::cold(&house);
    story.state.stage = Stage::Disqualified;
    story.decide();
    assert!(story.mails().is_empty() && story.state.enrolments.is_empty());
}

#[test]
fn of_several_events_the_one_that_fits_enters() {
    let mut house = House::new();
    let filter = house.condition("entry.seats >= 20", Scope::Workflow);
    let enter = Enter::On { kind: EventKind::FORM_SUBMITTED, object: None, filter: Some(filter) };
    house.workflow("welcome", vec![email("thanks")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    for seats in [5.0, 50.0] {
        let event = story.happens(EventKind::FORM_SUBMITTED, None);
        event.data.insert("seats".into(), Value::Number(seats));
    }
    story.decide();
    assert_eq!(story.mails(), ["thanks"]);
}

#[test]
fn a_change_of_stage_enters_as_any_event() {
    let mut house = House::new();
    house.stage(Stage::Lead, Stage::Mql, r#"visited("/pricing")"#);
    let enter =
        Enter::On { kind: EventKind::STAGE_CHANGED, object: Some("mql".into()), filter: None };
    house.workflow("hand-over", vec![email("hello")], |w| w.enter = enter);
    let mut story = Story::new(&house, &[]);
    story.happens(EventKind::PAGE_VISITED, Some("/pricing"));
    story.decide();
    assert_eq!(story.mails(), ["hello"]);
}

#[test]
fn by_hand_the_re_entry_rule_holds_as_ever() {
    let mut house = House::new();
    house.workflow("reawaken", vec![wait("1d")], |w| w.enter = Enter::ByHand);
    let mut story = Story::cold(&house);
    for expected in [Verb::Entered, Verb::NotEntered] {
        story.happens(EventKind::ENROLMENT_REQUESTED, Some("reawaken"));
        story.decide();
        assert_eq!(story.verbs(), [expected], "{}", story.reasons());
        story.at(story.now + 2 * DAY).decide();
    }
    story.happens(EventKind::ENROLMENT_REQUESTED, Some("reawakn"));
    assert_eq!(story.decide().log[0].reason, "no such workflow is live");
}

#[test]
fn a_fit_rule_that_changes_its_points_is_booked_with_the_difference() {
    let mut house = House::new();
    house.fit(r#"seniority == "vp""#, 20);
    let mut story = Story::new(&house, &[("seniority", "vp")]);
    story.decide();
    let (state, now) = (story.state.clone(), story.now);
    house.0.scoring.fit[0].points = MilliPoints::points(30);
    let decision = decide(&house.0, &state, &Grants::default(), now);
    assert_eq!(decision.ledger.len(), 1);
    assert_eq!(decision.ledger[0].points, MilliPoints::points(10));
}

#[derive(Clone, Debug)]
enum Happening {
    Visit(bool),
    Click { unsure: bool },
    Sent,
    Status(Option<&'static str>),
    Objection,
}

fn happenings() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let happening = prop_oneof![
        4 => any::<bool>().prop_map(Happening::Visit),
        3 => any::<bool>().prop_map(|unsure| Happening::Click { unsure }),
        6 => Just(Happening::Sent),
        2 => prop_oneof![Just(None), Just(Some("Not now")), Just(Some("Open"))]
            .prop_map(Happening::Status),
        1 => Just(Happening::Objection),
    ];
    // Minutes after the one before: seconds to weeks.
    proptest::collection::vec((prop_oneof![0i64..3, 0i64..600, 0i64..40_000], happening), 1..25)
}

fn busy_house() -> House {
    let mut house = House::new();
    house.engagement("visited()", 10, 3);
    house.engagement("clicked()", 15, 4);
    house.fit("has(lead_status)", 5);
    house.stage(Stage::Lead, Stage::Mql, "engagement >= 30");
    house.stage(Stage::Mql, Stage::Lead, "engagement < 12");
    house.segment("warm", "engagement >= 20");
    house.segment("recent", r#"visited("/pricing").within("3d")"#);
    let clicked = house.condition("clicked().within(\"2d\")", Scope::Workflow);
    let goal = house.condition("stage == \"mql\" and visited(\"/pricing\")", Scope::Workflow);
    let enter = house.condition("in_segment(\"warm\")", Scope::Lead);
    house.workflow(
        "reawaken",
        vec![
            email("report"),
            StepKind::WaitFor {
                condition: clicked,
                up_to: Some(WaitSpec::parse("4d").unwrap()),
                then: None,
                otherwise: Some(StepIx(3)),
            },
            email("more"),
            wait("2 business days"),
            email("last"),
        ],
        |w| {
            w.goal = Some(goal);
            w.again = Again::After(7 * DAY);
        },
    );
    house.workflow(
        "warm-up",
        vec![wait("12h"), email("hello"), wait("until tuesday 10:00")],
        |w| {
            w.enter = Enter::When(enter);
            w.again = Again::Always;
            w.priority = 5;
        },
    );
    house
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Idea 3 for whole decisions: right after one there is nothing to decide, and nothing before
    /// the wake-up that it named.
    #[test]
    fn a_decision_is_settled_until_its_wake_up(happenings in happenings()) {
        let house = busy_house();
        let mut story = Story::cold(&house);
        let status = house.0.schema.slot("lead_status").unwrap().0;
        for (minutes, happening) in happenings {
            let until = story.now + Duration::from_secs(60) * u32::try_from(minutes).unwrap();
            // Time passes: every wake-up on the way is kept, as the engine would.
            for _ in 0..200 {
                let wake = story.last.wake_at;
                if wake.is_never() || wake > until {
                    break;
                }
                story.at(wake.max(story.now)).decide();
            }
            story.at(until.max(story.now));
            match happening {
                Happening::Visit(pricing) => {
                    let page = if pricing { "/pricing" } else { "/blog" };
                    story.happens(EventKind::PAGE_VISITED, Some(page));
                }
                Happening::Click { unsure } => {
                    let settles = story.now + Duration::from_secs(20);
                    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
                    if unsure {
                        click.judgement = Judgement::Unsure;
                        click.settles_at = Some(settles);
                    }
                }
                Happening::Sent => {
                    if let Some(open) = story.state.open_message.take() {
                        let sent = story.happens(EventKind::MAIL_SENT, Some(&open.template));
                        sent.about = Some(open.about);
                    }
                }
                Happening::Status(value) => {
                    story.state.attributes[status] = value.map(|v| Value::Text(v.into()));
                }
                Happening::Objection => story.state.suppressed = Some(Suppression::Unsubscribed),
            }
            story.decide();
            if !story.last.withdraw.is_empty() {
                // Whoever was behind the withdrawn mail looks again a moment later.
                story.at(story.now.next()).decide();
            }
            let wake = story.last.wake_at;
            prop_assert!(wake > story.now, "wakes at {wake}, decided at {}", story.now);
            let again = decide(&house.0, &story.state, &Grants::default(), story.now);
            prop_assert!(again.changes_nothing(), "at once again: {again:?}");
            let last_moment = if wake.is_never() {
                story.now + 400 * DAY
            } else {
                Instant::from_millis(wake.millis() - 1)
            };
            let middle = Instant::from_millis(i64::midpoint(story.now.millis(), last_moment.millis()));
            for quiet in [middle, last_moment] {
                let early = decide(&house.0, &story.state, &Grants::default(), quiet);
                prop_assert!(early.changes_nothing(), "at {quiet}, before {wake}: {early:?}");
            }
        }
    }
}
