//! A rehearsal against the engine: the same leads, the same events, the same instants, mail by mail.

use std::{collections::BTreeMap, time::Duration};

use nurtured::{
    domain::{
        decision::Decision,
        definitions::Definitions,
        event::{Event, EventKind},
        id::LeadId,
        lead::{LeadState, Suppression},
        time::Instant,
    },
    engine::rehearsal::{
        Cast, Chronicle, Counter, Left, Mail, Manners, Period, Readers, Replayed, Witness, World,
    },
    store::records::{ImportRun, NewEvent, TimelineRow},
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, Rig, Setup},
    smtp::{Script, say},
};

/// More than readers do, so that in a few months everything happens.
const MANNERS: &str = "\
opens: 70%
clicks: 40%
replies: { cold: 3%, warm: 6%, hot: 9% }
unsubscribes: 2%
complaints: 0.5%
answers: 30%
bounces: 0%
";

/// Whatever a lead came to, in its order.
#[derive(Default)]
struct Record {
    /// What readers and sales do, by when it was recorded.
    acts: Vec<(Instant, LeadId, Event)>,
    mails: BTreeMap<LeadId, Vec<String>>,
    log: BTreeMap<LeadId, Vec<String>>,
}

impl Witness for Record {
    fn happened(&mut self, _: usize, state: &LeadState, event: &Event) {
        let of_ours = [
            EventKind::MAIL_SENT,
            EventKind::MAIL_FAILED,
            EventKind::MAIL_CANCELLED,
            EventKind::SCHEDULE_TICKED,
        ];
        if !of_ours.contains(&event.kind) {
            self.acts.push((event.recorded_at, state.lead, event.clone()));
        }
    }

    fn decided(
        &mut self,
        _: &Definitions,
        _: usize,
        state: &LeadState,
        decision: &Decision,
        now: Instant,
    ) {
        let lines = decision.log.iter().map(|line| {
            let (workflow, step) = (line.workflow.as_deref(), line.step.as_deref());
            format!(
                "{now} {} {} {} {}",
                line.what.word(),
                workflow.unwrap_or("-"),
                step.unwrap_or("-"),
                line.reason
            )
        });
        self.log.entry(state.lead).or_default().extend(lines);
    }

    fn left(&mut self, _: &Definitions, _: usize, state: &LeadState, mail: &Mail<'_>, came: &Left) {
        if *came == Left::Sent {
            let about = &mail.open.about;
            let mails = self.mails.entry(state.lead).or_default();
            mails.push(format!(
                "{} {} {} {} {}",
                mail.now, mail.open.workflow, about.step, about.visit, mail.open.template
            ));
        }
    }
}

/// An act as whoever brings it tells it.
fn told(lead: LeadId, event: &Event) -> NewEvent {
    let mut told = NewEvent::new(lead, event.kind.clone(), event.occurred_at, "test");
    told.object.clone_from(&event.object);
    (told.judgement, told.settles_at) = (event.judgement, event.settles_at);
    told.about.clone_from(&event.about);
    told.data.clone_from(&event.data);
    told.suppress = if event.kind == EventKind::LEAD_UNSUBSCRIBED {
        Some(Suppression::Unsubscribed)
    } else if event.kind == EventKind::MAIL_COMPLAINED {
        Some(Suppression::Complained)
    } else {
        None
    };
    told
}

/// Rehearses some days, then lets the engine go through them with the same acts at the same instants. Returns how
/// many mails left.
async fn comes_true(rig: &Rig, days: u32) -> usize {
    rig.engine.take_over().await.unwrap();
    let live = rig.engine.live().unwrap();
    let definitions = &live.definitions;
    let manners = Manners::parse(MANNERS, |_| true).unwrap();
    let readers = Readers::new(definitions.clone(), &live.renderer, manners, 7);
    let fleet = rig.engine.fleet.clone();
    let cast = Cast::of(&rig.store, definitions, &fleet, NOON).await.unwrap();
    let until = NOON + days * DAY;
    let mut foreseen = Record::default();
    let batch = usize::try_from(rig.engine.config.engine.batch).unwrap();
    let mut world = World::new(definitions.clone(), fleet, readers, batch, NOON).with(cast);
    world.run(until, &mut foreseen);

    let mut acts = std::mem::take(&mut foreseen.acts);
    acts.sort_by_key(|(at, lead, event)| (*at, *lead, event.rev));
    assert!(acts.len() > 20, "{}", acts.len());
    for some in acts.chunk_by(|(one, ..), (other, ..)| one == other) {
        let at = some[0].0;
        rig.walk(at - Duration::from_millis(1)).await;
        rig.clock.set(at);
        let told: Vec<NewEvent> = some.iter().map(|(_, lead, act)| told(*lead, act)).collect();
        rig.store.record_events(&told, at).await.unwrap();
        rig.tick().await;
    }
    rig.walk(until).await;

    // And what the engine has recorded of it is decided the same once more.
    let chronicle = Chronicle::of(&rig.store).await.unwrap();
    let period = Period { since: Instant::DAWN, until, leads: None };
    let replayed = Replayed::of(&rig.store, &chronicle, &period).await.unwrap();
    assert_eq!(replayed.differences, []);
    assert_eq!(replayed.leads, world.people().len() as u64);

    let mut mails = 0;
    for person in world.people() {
        let lead = person.state.lead;
        let happened = rig.store.timeline(lead, 100_000).await.unwrap();
        let log: Vec<String> = happened.iter().filter_map(logged).collect();
        let foreseen_log = foreseen.log.remove(&lead).unwrap_or_default();
        assert_eq!(foreseen_log, log, "{lead}");
        let mut sent: Vec<String> = rig
            .messages(lead)
            .await
            .iter()
            .filter_map(|message| {
                let (at, about) = (message.sent_at?, &message.about);
                let is_to_lead = message.recipient.is_empty();
                is_to_lead.then(|| {
                    format!(
                        "{at} {} {} {} {}",
                        message.workflow, about.step, about.visit, message.template
                    )
                })
            })
            .collect();
        sent.sort();
        mails += sent.len();
        let mut expected = foreseen.mails.remove(&lead).unwrap_or_default();
        expected.sort();
        assert_eq!(expected, sent, "{lead}");
        let record = rig.record(lead).await;
        assert_eq!(record.stage, person.state.stage);
        assert_eq!(record.suppressed, person.state.suppressed);
        assert_eq!(record.enrolments, person.state.enrolments);
    }
    mails
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_is_what_then_happens_mail_by_mail() {
    for_each_database(async |db| {
        let setup = Setup { connections: 1, ..Setup::default() };
        let rig = Rig::with(db, &Campaign::shipped(), setup).await;
        for (n, status) in
            ["Not now", "No budget", "No answer", "No answer"].iter().cycle().take(40).enumerate()
        {
            let country = ["Italy", "Germany", "Japan", "United States", ""][n % 5];
            let company = ["acme", "globex", "hooli", "initech", "umbrella"][n / 2 % 5].to_owned()
                + &(n / 10).to_string();
            let email = format!("p{n}@{company}.example");
            let seniority = ["vp", "director", "manager", ""][n % 4];
            let facts = [
                ("lead_status", *status),
                ("country", country),
                ("seniority", seniority),
                ("employees", "1000-1999"),
                ("industry", "Manufacturing"),
            ];
            rig.lead(&email, &facts).await;
        }
        let mails = comes_true(&rig, 90).await;
        assert!(mails > 60, "{mails}");
    })
    .await;
}

/// Clocks, dates, streams, arms, rounds, other workflows, and so many mails a day.
const WAYS: &str = "\
enter:
  schedule: \"0 9 * * mon\"
  who: stage == \"lead\"
  again: always
send:
  at_most: 12 per day
steps:
  - split:
      short: { weight: 50, then: [ { email: ask } ] }
      long: { weight: 30, then: [ { email: pause }, { wait: 1d }, { email: ask } ] }
      none: 20
    id: arms
";
const LOOP: &str = "\
enter:
  date: contract_end
  offset: -30d
  yearly: yes
steps:
  - repeat: 3
    until: clicked(\"tip/one\")
    steps:
      - email: pause
      - wait: 2 business days
  - enrol: drip
";
const DRIP: &str = "\
enter: { by_hand: yes }
steps:
  - stream: tips
    every: [3d, 1 week]
    up_to: 3 mails
  - branch:
      - { when: 'clicked(\"tip/one\")', then: [ { tag: keen } ] }
    else: [ { leave: weekly } ]
";
const AFTER: &str = "enter: { workflow: drip, ended: finished }\nsteps:\n  - email: ask\n";

#[tokio::test(flavor = "multi_thread")]
async fn clocks_dates_streams_and_rounds_are_rehearsed_as_they_happen() {
    for_each_database(async |db| {
        let campaign = Campaign::new()
            .file("workflows/attributes.yaml", "attributes:\n  contract_end: date\n")
            .file(
                "workflows/streams.yaml",
                "streams:\n  tips: { contents: [tip/one, tip/two, tip/three, tip/four] }\n",
            )
            .workflow("weekly", WAYS)
            .workflow("renewal", LOOP)
            .workflow("drip", DRIP)
            .workflow("after", AFTER);
        let mails = ["ask", "pause", "tip/one", "tip/two", "tip/three", "tip/four"];
        let campaign = mails.iter().fold(campaign, |campaign, mail| campaign.mail(mail, mail));
        let rig = Rig::with(db, &campaign, Setup { connections: 1, ..Setup::default() }).await;
        for n in 0..30 {
            let end = format!("2027-{:02}-{:02}", 1 + n % 4, 1 + n % 28);
            rig.lead(&format!("p{n}@c{n}.example"), &[("contract_end", &*end)]).await;
        }
        let mails = comes_true(&rig, 45).await;
        assert!(mails > 100, "{mails}");
    })
    .await;
}

/// A line of the decision log.
fn logged(row: &TimelineRow) -> Option<String> {
    let what = row.kind.strip_prefix("decision.")?;
    let [workflow, step] = [&row.workflow, &row.step].map(|it| it.as_deref().unwrap_or("-"));
    Some(format!("{} {what} {workflow} {step} {}", row.at, row.detail.as_deref().unwrap_or("")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_tells_the_same_in_any_database_and_another_does_not() {
    let told = std::sync::Mutex::new(Vec::new());
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::shipped()).await;
        let emails: Vec<String> = (0..30).map(|n| format!("p{n}@c{}.example", n / 3)).collect();
        // Ids decide to whom of a team a lead goes: of one source they are the same.
        let store = db.store.clone().as_node(7);
        let facts = [("lead_status", "No answer"), ("seniority", "vp"), ("country", "Italy")];
        for email in &emails {
            let row = Rig::row(email, &facts, NOON);
            let run = ImportRun { id: 1, source: "test".into(), is_named: false, campaign: None };
            store.upsert_leads(&[row], &run, NOON).await.unwrap();
        }
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let tell = async |seed| {
            let (definitions, fleet) = (&live.definitions, rig.engine.fleet.clone());
            let manners = Manners::parse(MANNERS, |_| true).unwrap();
            let readers = Readers::new(definitions.clone(), &live.renderer, manners, seed);
            let cast = Cast::of(&rig.store, definitions, &fleet, NOON).await.unwrap();
            let mut world = World::new(definitions.clone(), fleet, readers, 1_000, NOON).with(cast);
            let mut counter = Counter::new(definitions, world.people());
            world.run(NOON + 90 * DAY, &mut counter);
            serde_json::to_string(&counter.finish(world.people(), world.decisions)).unwrap()
        };
        let first = tell(1).await;
        assert_eq!(first, tell(1).await);
        assert_ne!(first, tell(2).await);
        told.lock().unwrap().push(first);
    })
    .await;
    let told = told.into_inner().unwrap();
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_had_all_of_a_stream_is_counted() {
    for_each_database(async |db| {
        let campaign = Campaign::new()
            .file("workflows/streams.yaml", "streams:\n  tips: { contents: [one, two] }\n")
            .workflow(
                "drip",
                "enter: { when: stage == \"lead\", existing: yes }\nsteps:\n  - stream: tips\n    every: 3d\n",
            )
            .mail("one", "One")
            .mail("two", "Two");
        let rig = Rig::new(db, &campaign).await;
        rig.crowd(4, "a.example").await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let (definitions, fleet) = (&live.definitions, rig.engine.fleet.clone());
        let cast = Cast::of(&rig.store, definitions, &fleet, NOON).await.unwrap();
        let mut world = World::new(definitions.clone(), fleet, (), 10, NOON).with(cast);
        let mut counter = Counter::new(definitions, world.people());
        world.run(NOON + 30 * DAY, &mut counter);
        let forecast = counter.finish(world.people(), world.decisions);
        assert_eq!(forecast.mails, 8);
        assert_eq!(forecast.exhausted.into_iter().collect::<Vec<_>>(), [("tips".into(), 4)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_due_before_a_rehearsal_is_late_in_it() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::two_mails()).await;
        rig.crowd(3, "a.example").await;
        rig.tick().await;
        // Nothing runs for a week; the second mails are overdue since the second day.
        let from = NOON + 7 * DAY;
        let live = rig.engine.live().unwrap();
        let (definitions, fleet) = (&live.definitions, rig.engine.fleet.clone());
        let cast = Cast::of(&rig.store, definitions, &fleet, from).await.unwrap();
        let mut world = World::new(definitions.clone(), fleet, (), 10, from).with(cast);
        let mut record = Record::default();
        world.run(from + DAY, &mut record);
        let mails: Vec<&String> = record.mails.values().flatten().collect();
        assert_eq!(mails.len(), 3, "{mails:?}");
        assert!(mails.iter().all(|mail| mail.starts_with(&from.to_string())), "{mails:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_a_relay_has_put_off_leaves_in_a_rehearsal_when_its_time_comes() {
    for_each_database(async |db| {
        let relay = Script::new().on(|_| say("451 4.7.1 later"));
        let setup = Setup { relay, ..Setup::default() };
        let rig = Rig::with(db, &Campaign::two_mails(), setup).await;
        let lead = rig.lead("a@a.example", &[]).await;
        assert_eq!(rig.tick().await.deferred, 1);
        let due = rig.messages(lead).await[0].due_at;
        let live = rig.engine.live().unwrap();
        let (definitions, fleet) = (&live.definitions, rig.engine.fleet.clone());
        let cast = Cast::of(&rig.store, definitions, &fleet, NOON).await.unwrap();
        let mut world = World::new(definitions.clone(), fleet, (), 10, NOON).with(cast);
        let mut record = Record::default();
        world.run(NOON + 3 * DAY, &mut record);
        let mails = &record.mails[&lead];
        assert_eq!(mails.len(), 2, "{mails:?}");
        assert!(mails[0].starts_with(&due.to_string()), "{mails:?}");
    })
    .await;
}
