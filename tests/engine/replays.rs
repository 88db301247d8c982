//! What the engine has recorded, decided again: the same comes out, and by other definitions what they make of it.

use std::time::Duration;

use nurtured::{
    domain::{
        definitions::Definitions,
        event::EventKind,
        id::LeadId,
        lead::{LeadState, Suppression},
        pause::Scope,
        time::Instant,
    },
    engine::rehearsal::{
        Cast, Chronicle, Difference, Gap, Left, Mail, Period, Replayed, Witness, World,
    },
    store::records::NewEvent,
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig},
};

const POLICY: &str = "\
policy:
  zone: UTC
  language: en
  tracking: with insights
  window: mon-fri 09:00-17:00
  caps:
    - { mails: 3, per: week }
  purposes:
    insights: { label: Industry insights, basis: [consent] }
";

const SCORING: &str = "\
scoring:
  half_life: 30d
  engagement:
    - { name: click, on: clicked(), points: 30, cap: 60 }
  stages:
    - to: mql
      from: [lead]
      when: engagement >= 50
";

const REAWAKEN: &str = "\
enter:
  when: stage == \"lead\"
  existing: yes
leave: replied()
steps:
  - email: cold/one
  - wait_for: clicked(\"cold/one\")
    up_to: 5d
    then:
      - set: { industry: stirred }
      - wait: 2 business days
      - email: cold/two
    else:
      - wait: 3d
      - email: cold/three
  - wait: 1d
  - email: cold/four
";

const HOT: &str = "\
priority: 20
enter:
  event: stage.changed
steps:
  - email: hot/one
";

fn campaign() -> Campaign {
    Campaign::new()
        .file("workflows/policy.yaml", POLICY)
        .file("workflows/scoring.yaml", SCORING)
        .workflow("reawaken", REAWAKEN)
        .workflow("hot", HOT)
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
        .mail("cold/three", "Three")
        .mail("cold/four", "Four")
        .mail("hot/one", "Hot")
}

fn all(until: Instant) -> Period {
    Period { since: Instant::DAWN, until, leads: None }
}

/// Weeks of a campaign: some click, one replies, one unsubscribes, one comes later; a release in the middle.
async fn weeks(rig: &Rig) -> Vec<LeadId> {
    let emails: Vec<String> = (0..12).map(|n| format!("p{n}@firm{n}.example")).collect();
    let mut leads = rig.leads(&emails, &[("country", "Italy")]).await;
    rig.walk(NOON + 30 * HOUR).await;
    for (n, &lead) in leads.iter().enumerate().filter(|(n, _)| n % 3 == 0) {
        rig.clock.set(NOON + 30 * HOUR + MINUTE * u32::try_from(n).unwrap());
        rig.happens(lead, EventKind::MAIL_CLICKED, Some("cold/one")).await;
        rig.tick().await;
    }
    rig.walk(NOON + 3 * DAY).await;
    rig.happens(leads[1], EventKind::LEAD_REPLIED, None).await;
    rig.happens(leads[3], EventKind::MAIL_CLICKED, Some("cold/one")).await;
    rig.walk(NOON + 4 * DAY).await;
    leads.push(rig.lead("late@firm.example", &[]).await);
    rig.clock.set(NOON + 4 * DAY + HOUR);
    rig.apply(&campaign().mail("cold/four", "Four, once more")).await;
    rig.walk(NOON + 21 * DAY).await;
    leads
}

async fn replay(rig: &Rig, chronicle: &Chronicle) -> Replayed {
    Replayed::of(&rig.store, chronicle, &all(rig.clock.now())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_comes_out_again() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let leads = weeks(&rig).await;
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert!(replayed.gaps.is_empty(), "{:?}", replayed.gaps);
        assert_eq!(replayed.leads, leads.len() as u64);
        assert!(replayed.decisions > 60, "{}", replayed.decisions);
        let clicker = rig.states(leads[3]).await;
        assert!(clicker.len() > 3, "{clicker:?}");
    })
    .await;
}

fn told(rig_start: Instant, difference: &Difference) -> String {
    let Difference { at, what, workflow, step, record, now } = difference;
    let hours = Duration::from_millis(at.since(rig_start).unsigned_abs()).as_secs() / 3600;
    let name = |name: &Option<_>| name.as_ref().map_or("-".to_owned(), ToString::to_string);
    let said = |said: &Option<String>| said.clone().unwrap_or_else(|| "nothing".into());
    format!("{hours}h {what} {} {}: {} | {}", name(workflow), name(step), said(record), said(now))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_decided_otherwise_is_listed() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let leads = weeks(&rig).await;
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        // A click is worth less: nobody becomes an mql by two.
        let scoring = SCORING.replace("points: 30", "points: 10");
        let first = chronicle.releases().next().unwrap();
        let newest = chronicle.releases().last().unwrap();
        let other = campaign().file("workflows/scoring.yaml", &scoring);
        let chronicle = chronicle.instead(first, &other.artefacts()).unwrap();
        let other = other.mail("cold/four", "Four, once more");
        let chronicle = chronicle.instead(newest, &other.artefacts()).unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert!(replayed.differences.iter().all(|(lead, _)| *lead == leads[3]));
        let said: Vec<_> = replayed.differences.iter().map(|(_, it)| told(NOON, it)).collect();
        insta::assert_debug_snapshot!("less_for_a_click", said);

        // Of one lead, by a workflow that waits longer.
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let longer = REAWAKEN.replace("up_to: 5d", "up_to: 8d");
        let other = campaign().workflow("reawaken", &longer);
        let chronicle = chronicle.instead(first, &other.artefacts()).unwrap();
        let other = other.mail("cold/four", "Four, once more");
        let chronicle = chronicle.instead(newest, &other.artefacts()).unwrap();
        let period = Period { leads: Some(vec![leads[2]]), ..all(rig.clock.now()) };
        let replayed = Replayed::of(&rig.store, &chronicle, &period).await.unwrap();
        let said: Vec<_> = replayed.differences.iter().map(|(_, it)| told(NOON, it)).collect();
        insta::assert_debug_snapshot!("a_longer_wait", said);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_whom_too_little_is_known_nothing_is_said() {
    for_each_database(async |db| {
        let campaign = campaign().workflow(
            "italy",
            "enter:\n  when: country == \"IT\"\n  existing: yes\nsteps:\n  - email: hot/one\n",
        );
        let rig = Rig::new(db, &campaign).await;
        rig.lead("a@firm.example", &[("country", "DE")]).await;
        let known = rig.lead("b@firm.example", &[("country", "IT")]).await;
        rig.walk(NOON + 2 * DAY).await;
        rig.lead("a@firm.example", &[("country", "IT")]).await;
        rig.walk(NOON + 9 * DAY).await;
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert_eq!(replayed.gaps, [(Gap::ProfileChanged, 1)].into());
        assert_eq!(replayed.leads, 1);
        rig.store.park_lead(known, "broken", NOON).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.gaps.get(&Gap::Parked), Some(&1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_had_a_say_in_is_as_it_was() {
    for_each_database(async |db| {
        let policy = POLICY.replace("  purposes:", "  pacing:\n    all: 4 per hour\n  purposes:");
        let rig = Rig::new(db, &campaign().file("workflows/policy.yaml", &policy)).await;
        let leads = weeks(&rig).await;
        rig.store.pause(&Scope::Workflow("reawaken".into()), "ann", rig.clock.now()).await.unwrap();
        let waiting = rig.lead("paused@firm.example", &[]).await;
        rig.walk(NOON + 24 * DAY).await;
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert_eq!(replayed.leads, leads.len() as u64 + 1);
        assert!(replayed.held_by_others > 3, "{}", replayed.held_by_others);
        assert!(rig.states(waiting).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_release_makes_of_leads_that_it_has_not_decided_is_no_difference() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let leads = rig.crowd(3, "firm.example").await;
        rig.walk(NOON + 2 * DAY).await;
        rig.clock.set(NOON + 2 * DAY + HOUR);
        let greetings =
            "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: hot/one\n";
        rig.apply(&campaign().workflow("greetings", greetings)).await;
        rig.clock.set(NOON + 2 * DAY + 2 * HOUR);
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert_eq!((replayed.leads, replayed.undecided), (3, 3));

        rig.walk(NOON + 9 * DAY).await;
        assert!(rig.states(leads[0]).await.iter().any(|(mail, _)| mail == "hot/one"));
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert_eq!((replayed.leads, replayed.undecided), (3, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_in_while_it_was_decided_is_known_to_that_decision() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@firm.example", &[]).await;
        rig.walk(NOON + 30 * HOUR).await;
        let due = rig.record(lead).await.due_at;
        // By the clock it came a second after the decision that sees it had begun.
        let came = due + Duration::from_secs(1);
        let mut event = NewEvent::new(lead, EventKind::LEAD_UNSUBSCRIBED, came, "test");
        event.suppress = Some(Suppression::Unsubscribed);
        rig.store.record_events(&[event], came).await.unwrap();
        rig.tick_at(due).await;
        let enrolment = rig.enrolment(lead).await;
        assert!(enrolment.ended_at.is_some_and(|at| at == due), "{enrolment:?}");
        rig.walk(due + DAY).await;
        let chronicle = Chronicle::of(&rig.store).await.unwrap();
        let replayed = replay(&rig, &chronicle).await;
        assert_eq!(replayed.differences, []);
        assert_eq!(replayed.leads, 1);
    })
    .await;
}

/// What left, of whom and when.
#[derive(Default)]
struct Mails(Vec<(LeadId, Instant, String)>);

impl Witness for Mails {
    fn left(&mut self, _: &Definitions, _: usize, state: &LeadState, mail: &Mail<'_>, came: &Left) {
        if *came == Left::Sent {
            self.0.push((state.lead, mail.now, mail.open.template.to_string()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_in_a_rehearsal_is_what_then_happens() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let leads = rig.crowd(8, "firm.example").await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let fleet = rig.engine.fleet.clone();
        let cast = Cast::of(&rig.store, &live.definitions, &fleet, NOON).await.unwrap();
        let mut world = World::new(live.definitions.clone(), fleet, (), 100, NOON).with(cast);
        let (edited, until) = (NOON + 2 * DAY, NOON + 21 * DAY);
        let mut mails = Mails::default();
        world.run(edited - MINUTE, &mut mails);
        rig.walk(edited - MINUTE).await;

        rig.clock.set(edited);
        let shorter = REAWAKEN.replace("up_to: 5d", "up_to: 3d");
        let shorter = format!("on_change: migrate\n{shorter}");
        rig.apply(&campaign().workflow("reawaken", &shorter)).await;
        rig.engine.take_over().await.unwrap();
        world.go_live(rig.engine.live().unwrap().definitions.clone(), edited);
        world.run(until, &mut mails);
        rig.walk(until).await;

        let mut sent = Vec::new();
        for &lead in &leads {
            let messages = rig.messages(lead).await;
            let left =
                messages.iter().filter_map(|it| Some((it.sent_at?, it.template.to_string())));
            sent.extend(left.map(|(at, template)| (lead, at, template)));
        }
        sent.sort();
        mails.0.sort();
        assert_eq!(mails.0, sent);
        assert_eq!(sent.len(), 3 * leads.len());
        let early = NOON + 8 * DAY;
        assert!(sent.iter().any(|(_, at, mail)| mail == "cold/three" && *at < early), "{sent:?}");
        assert_eq!(replay(&rig, &Chronicle::of(&rig.store).await.unwrap()).await.differences, []);
    })
    .await;
}
