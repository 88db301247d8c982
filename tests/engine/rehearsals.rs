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
        Cast, Chronicle, Left, Mail, Manners, Period, Readers, Replayed, Witness, World,
    },
    store::records::{NewEvent, TimelineRow},
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, Rig, Setup},
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
        let of_ours = [EventKind::MAIL_SENT, EventKind::MAIL_FAILED, EventKind::MAIL_CANCELLED];
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

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_is_what_then_happens_mail_by_mail() {
    for_each_database(async |db| {
        let setup = Setup { connections: 1, ..Setup::default() };
        let rig = Rig::with(db, &Campaign::shipped(), setup).await;
        for (n, status) in
            ["Not now", "No budget", "No answer", "No answer"].iter().cycle().take(60).enumerate()
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
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        let definitions = &live.definitions;
        let manners = Manners::parse(MANNERS, |_| true).unwrap();
        let readers = Readers::new(definitions.clone(), &live.renderer, manners, 7);
        let fleet = rig.engine.fleet.clone();
        let cast = Cast::of(&rig.store, definitions, &fleet, NOON).await.unwrap();
        let until = NOON + 120 * DAY;
        let mut foreseen = Record::default();
        let batch = usize::try_from(rig.engine.config.engine.batch).unwrap();
        let mut world = World::new(definitions.clone(), fleet, readers, batch).with(cast);
        world.run(until, &mut foreseen);

        let mut acts = std::mem::take(&mut foreseen.acts);
        acts.sort_by_key(|(at, lead, event)| (*at, *lead, event.rev));
        assert!(acts.len() > 100, "{}", acts.len());
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
        assert_eq!(replayed.leads, 60);

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
            assert_eq!(foreseen.mails.remove(&lead).unwrap_or_default(), sent, "{lead}");
            let record = rig.record(lead).await;
            assert_eq!(record.stage, person.state.stage);
            assert_eq!(record.suppressed, person.state.suppressed);
            assert_eq!(record.enrolments, person.state.enrolments);
        }
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
