//! Leads with a past: 20 attributes, hits of every fact, three enrolments under way.

use std::collections::{BTreeMap, BTreeSet};

use nurtured::domain::{
    address::Address,
    decide::decide,
    decision::{Decision, Grants},
    definitions::Definitions,
    event::{Event, EventData, EventKind, Judgement},
    facts::{Fact, Hit},
    id::{EnrolmentNo, LeadId, MessageId, Rev},
    lead::{
        Basis, Consent, Due, Enrolment, LeadRecord, LeadState, Memory, Passage, Phase, Profile,
        SentMail, Stage,
    },
    message::{MessageState, OpenMessage},
    score::{Booked, MilliPoints},
    time::Instant,
};

use super::folder;

/// A tuesday morning of 2027, within the window.
pub const NOW: Instant = Instant::from_millis(1_804_500_000_000);
const DAY: i64 = 86_400_000;

/// Numbers as they fall: a linear congruence, so that each run has the same leads.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 up to but not including `below`.
    pub fn up_to(&mut self, below: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % below.unsigned_abs()).unwrap_or(0)
    }

    pub fn one_of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.up_to(i64::try_from(from.len()).unwrap_or(1));
        from[usize::try_from(at).unwrap_or(0)]
    }
}

/// So many leads in three workflows for whom there is nothing to do at [`NOW`].
pub fn at_rest(definitions: &Definitions, count: usize) -> Vec<LeadState> {
    come_to_rest(definitions, count, 3, lead)
}

/// So many leads for whom there is nothing to do at [`NOW`]: each is decided until nothing changes any
/// more, and taken if it is in so many workflows then.
pub fn come_to_rest(
    definitions: &Definitions,
    count: usize,
    enrolments: usize,
    lead: impl Fn(&Definitions, u64) -> LeadRecord,
) -> Vec<LeadState> {
    let mut found = Vec::with_capacity(count);
    for number in 1.. {
        assert!(number < count as u64 * 100, "of {number} leads {} come to rest", found.len());
        let mut state = lead(definitions, number).hydrate(definitions).state;
        for _ in 0..4 {
            let decision = decide(definitions, &state, &Grants::default(), NOW);
            if decision.changes_nothing() {
                found.extend((state.enrolments.len() == enrolments).then_some(state));
                break;
            }
            apply(decision, &mut state);
        }
        if found.len() == count {
            break;
        }
    }
    found
}

/// As if the decision had been written and the lead were loaded again.
fn apply(decision: Decision, state: &mut LeadState) {
    for change in decision.enrolments {
        state.enrolments.retain(|enrolment| enrolment.no != change.enrolment.no);
        if change.ended.is_none() {
            state.enrolments.push(change.enrolment);
        }
    }
    state.enrolments.sort_by_key(|enrolment| enrolment.no);
    for message in decision.messages.into_iter().filter(|message| message.recipient.is_empty()) {
        state.open_message = Some(OpenMessage {
            id: MessageId(1),
            about: message.about,
            workflow: message.workflow,
            purpose: message.purpose,
            template: message.template,
            state: MessageState::Reserved,
            due_at: message.due_at,
        });
    }
    if !decision.withdraw.is_empty() {
        state.open_message = None;
    }
    decision.changes.apply_to(state);
    state.new_events.clear();
    state.decided_at = NOW;
    state.rev = state.rev.next();
}

/// A visit of a page that came in just now.
pub fn visit(state: &LeadState) -> Event {
    Event {
        rev: state.rev.next(),
        kind: EventKind::PAGE_VISITED,
        object: Some("/pricing".into()),
        occurred_at: NOW,
        recorded_at: NOW,
        judgement: Judgement::Human,
        settles_at: None,
        message: None,
        about: None,
        revises: None,
        data: EventData::new(),
    }
}

pub fn lead(definitions: &Definitions, number: u64) -> LeadRecord {
    let mut dice = Dice::new(number);
    let created = Instant::from_millis(NOW.millis() - DAY * (30 + dice.up_to(800)));
    let consent =
        |at| Consent { basis: Basis::Consent, at, source: "crm".into(), withdrawn_at: None };
    let mut profile = attributes(&mut dice);
    profile.consents =
        ["insights", "product-news"].map(|purpose| (purpose.into(), consent(created))).into();
    if dice.up_to(5) == 0 {
        profile.tags = BTreeSet::from(["vip".into()]);
    }
    let stage = [Stage::Lead, Stage::Lead, Stage::Mql, Stage::Recycled]
        [usize::try_from(dice.up_to(4)).unwrap_or(0)];
    let (enrolments, passages) = ways(definitions, &mut dice);
    let facts = facts(definitions, &mut dice);
    LeadRecord {
        lead: LeadId(i64::try_from(number).unwrap_or(0)),
        rev: Rev(200),
        stop_epoch: 0,
        attempts: 0,
        created_at: created,
        decided_at: Instant::from_millis(NOW.millis() - DAY),
        decided_under: definitions.release,
        due_at: NOW,
        address: Address::parse(&format!("lead-{number}@example.com")).expect("an address"),
        stage,
        stage_since: created,
        profile,
        memory: Memory {
            plan: definitions.plan_mark,
            reflected: Rev(200),
            booked: booked(definitions, &facts),
            facts,
            passages,
            at_the_door: (0..20).map(|number| (folder::name(number).into(), created)).collect(),
            next_enrolment: EnrolmentNo(30),
            sends: (1..12)
                .map(|week| SentMail {
                    message: None,
                    at: Instant::from_millis(NOW.millis() - week * 7 * DAY),
                    workflow: folder::name(0).into(),
                    purpose: "insights".into(),
                })
                .collect(),
            ..Memory::default()
        },
        enrolments,
        open_message: None,
        suppressed: None,
        new_events: Vec::new(),
    }
}

fn attributes(dice: &mut Dice) -> Profile {
    let mut words = BTreeMap::new();
    let mut put = |name: &str, value: serde_json::Value| {
        words.insert(name.into(), value);
    };
    for (name, from) in [
        ("first_name", &["Ada", "Ben", "Chiara", "Dora"][..]),
        ("last_name", &["Rossi", "Weber", "Bianchi", "Martin"]),
        ("phone", &["+39 02 123456", "+49 30 123456"]),
        ("job_title", &["Head of Operations", "Software Engineer", "CTO", "Marketing Manager"]),
        ("seniority", &["c_suite", "vp", "director", "manager", "staff", "staff"]),
        ("buying_role", &["economic_buyer", "champion", "user", "user", "none"]),
        ("company", &["Rossi SpA", "Weber GmbH", "Martin SA"]),
        ("industry", &["Software", "Retail", "Logistics"]),
        ("employees", &["1-9", "10-49", "50-199", "200-499", "500-999", "2000+"]),
        ("country", &["Italy", "Germany", "France", "Spain", "Austria"]),
        ("city", &["Milano", "Berlin", "Lyon"]),
        ("zone", &["Europe/Rome", "Europe/Berlin", "Europe/Madrid"]),
        ("language", &["it", "de", "en"]),
        ("lead_status", &["New", "In progress", "Not now", "No answer", "Open"]),
        ("source", &["Organic", "Paid", "Referral"]),
        ("timing", &["now", "this-quarter", "this-year", "later"]),
        ("need", &["Reporting", "Automation"]),
    ] {
        put(name, dice.one_of(from).into());
    }
    put("seats", dice.up_to(300).into());
    put("budget", (dice.up_to(3) == 0).into());
    put(
        "renewal",
        Instant::from_millis(NOW.millis() + DAY * (dice.up_to(500) - 200)).to_string().into(),
    );
    Profile { attributes: words, ..Profile::default() }
}

/// One to five hits of each fact but those that end a lead's way, over the last two years.
fn facts(definitions: &Definitions, dice: &mut Dice) -> BTreeMap<String, Fact> {
    let mut rev = 0;
    let mut facts = BTreeMap::new();
    for (_, planned) in definitions.plan.iter() {
        let key = planned.key.to_string();
        if ["lead.replied", "deal.won"].contains(&key.as_str()) && dice.up_to(10) > 0 {
            continue;
        }
        let count = 1 + dice.up_to(5);
        let mut at: Vec<i64> =
            (0..count).map(|_| NOW.millis() - DAY - dice.up_to(700 * DAY)).collect();
        at.sort_unstable();
        let hits = at.iter().map(|&at| {
            rev += 1;
            Hit {
                at: Instant::from_millis(at),
                counts_from: Instant::from_millis(at),
                rev: Rev(rev),
            }
        });
        let mut ring: smallvec::SmallVec<[Hit; 4]> = hits.collect();
        let first = ring.first().map(|hit| hit.at);
        ring.drain(..ring.len().saturating_sub(planned.ring));
        facts.insert(key, Fact { first, count: u32::try_from(count).unwrap_or(0), ring });
    }
    facts
}

/// As if each hit had been booked when it came.
fn booked(definitions: &Definitions, facts: &BTreeMap<String, Fact>) -> Booked {
    let points = definitions.scoring.engagement.iter().map(|rule| {
        let key = definitions.plan.fact(rule.fact).key.to_string();
        let hits = facts.get(&key).map_or(0, |fact| fact.ring.len()).min(rule.hits);
        rule.points.0 * i64::try_from(hits).unwrap_or(0)
    });
    Booked { points: MilliPoints(points.sum()), waiting: Vec::new() }
}

/// Three workflows that the lead is in, and others that it has been in.
fn ways(
    definitions: &Definitions,
    dice: &mut Dice,
) -> (Vec<Enrolment>, BTreeMap<nurtured::domain::name::Name, Passage>) {
    let mut enrolments = Vec::new();
    let mut passages = BTreeMap::new();
    let first = dice.up_to(20);
    for (no, way) in [first, (first + 7) % 20, (first + 13) % 20].into_iter().enumerate() {
        let name = folder::name(usize::try_from(way).unwrap_or(0));
        let workflow = &definitions.workflow(&name).expect("it is there").workflow;
        let entered = Instant::from_millis(NOW.millis() - DAY * (1 + dice.up_to(20)));
        let word = dice.one_of(&["wait", "wait_for"]);
        let waits = |step: &&nurtured::domain::workflow::Step| step.kind.word() == word;
        let step = workflow.steps.iter().filter(waits).last().expect("it waits");
        enrolments.push(Enrolment {
            no: EnrolmentNo(20 + i64::try_from(no).unwrap_or(0)),
            workflow: workflow.name.clone(),
            version: workflow.version.clone(),
            entered_at: entered,
            entry: None,
            step: step.id.clone(),
            visit: 1,
            armed_at: entered,
            phase: Phase::Waiting {
                due: Due { at: Instant::from_millis(NOW.millis() + 30 * DAY), civil: None },
            },
            doubt: None,
            turns: Vec::new(),
        });
        passages.insert(
            workflow.name.clone(),
            Passage { times: 1, entered_at: entered, ended_at: None },
        );
    }
    for number in 0..20 {
        if dice.up_to(2) == 0 {
            let ended = Instant::from_millis(NOW.millis() - DAY * (1 + dice.up_to(50)));
            passages.entry(folder::name(number).into()).or_insert(Passage {
                times: 1,
                entered_at: Instant::from_millis(ended.millis() - 20 * DAY),
                ended_at: Some(ended),
            });
        }
    }
    (enrolments, passages)
}
