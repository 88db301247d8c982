//! Who would be in a segment, counted before it is live: the same as who is in it once it is.

use std::sync::Arc;

use nurtured::{
    domain::{
        definitions::{Definitions, SegmentIx},
        event::{EventKind, Judgement},
        id::LeadId,
        lead::Basis,
        time::Instant,
        value::Value,
    },
    engine::{
        live::Live,
        members::{self, Count, Members, Question},
    },
    store::records::{NewEvent, Recorded},
};

use crate::support::{
    databases::{NOON, TestDatabase, for_each_database},
    engine::{Campaign, DAY, HOUR, Rig, behind},
};

const SCORING: &str = "\
scoring:
  half_life: 30d
  engagement:
    - { name: saw, on: visited(), points: 10, cap: 50 }
    - { name: docs, on: 'visited(\"/docs/*\")', points: 5, cap: 20 }
  fit:
    - { name: italian, when: 'country == \"Italy\"', points: 20 }
  stages:
    - { from: lead, to: mql, when: 'engagement >= 25' }
";

/// What is live first, and what is added to it.
const OLD: &str = "\
segments:
  italians: country == \"Italy\"
  lookers: visited(\"/pricing\")
";
const NEW: &str = "\
segments:
  italians: country == \"Italy\" and visited()
  lookers: visited(\"/pricing\").times(2)
  warm: engagement >= 15 and not tag(\"vip\")
  mqls: stage == \"mql\"
  fitting: fit >= 20 or email.endsWith(\"@b.example\")
  roadmap: visited(\"/roadmap\").times(2).within(90d)
  silent: not visited(\"/docs/*\").within(60d)
  demo: submitted(\"demo\")
  both: in_segment(\"roadmap\") and in_segment(\"fitting\")
";

const ENGAGED: &str = "segments:\n  engaged: engagement >= 5\n";

fn campaign(segments: &str) -> Campaign {
    Campaign::new()
        .file("workflows/scoring.yaml", SCORING)
        .file("workflows/segments.yaml", segments)
        .workflow("vips", "enter:\n  event: form.submitted\nsteps:\n  - tag: vip\n")
}

/// Leads that differ in everything that is asked of them.
async fn fill(rig: &Rig) -> Vec<LeadId> {
    let mut leads = Vec::new();
    for number in 0..24_usize {
        let host = ["a.example", "b.example"][number % 2];
        let country = ["Italy", "Austria", "Italy"][number % 3];
        let email = format!("lead-{number}@{host}");
        leads.push(rig.lead(&email, &[("country", country)]).await);
    }
    let now = rig.clock.now();
    let visit = |lead, page: &str, days: u64, judgement| {
        let mut event = NewEvent::new(
            lead,
            EventKind::PAGE_VISITED,
            Instant::from_millis(now.millis() - days.cast_signed() * 86_400_000),
            "test",
        );
        event.object = Some(page.into());
        event.judgement = judgement;
        event.settles_at = (judgement == Judgement::Unsure).then(|| now + HOUR);
        event
    };
    let mut events = Vec::new();
    for (number, &lead) in leads.iter().enumerate() {
        for (turn, page) in ["/pricing", "/roadmap", "/docs/one", "/roadmap", "/pricing"]
            .iter()
            .take(number % 6)
            .enumerate()
        {
            let judgement = match (number + turn) % 5 {
                0 => Judgement::Machine,
                1 => Judgement::Unsure,
                _ => Judgement::Human,
            };
            events.push(visit(lead, page, (number as u64 * 7 + turn as u64) % 120, judgement));
        }
        if number % 4 == 0 {
            let mut form = NewEvent::new(lead, EventKind::FORM_SUBMITTED, now, "test");
            form.object = Some("demo".into());
            events.push(form);
        }
    }
    let recorded = rig.store.record_events(&events, now).await.unwrap();
    // Some of what a machine seemed to do was a human, and the other way round.
    let mut revisions = Vec::new();
    for (event, recorded) in events.iter().zip(&recorded).step_by(3) {
        let Recorded::New { rev, .. } = recorded else { panic!("{recorded:?}") };
        let mut revision =
            NewEvent::new(event.lead, EventKind::JUDGEMENT_REVISED, event.occurred_at, "test");
        revision.object.clone_from(&event.object);
        revision.revises = Some(*rev);
        revision.judgement = match event.judgement {
            Judgement::Machine => Judgement::Human,
            Judgement::Human | Judgement::Unsure => Judgement::Machine,
        };
        let kind = event.kind.to_string();
        revision.data = [("kind".into(), Value::Text(kind.as_str().into()))].into();
        revisions.push(revision);
    }
    rig.store.record_events(&revisions, now).await.unwrap();
    leads
}

/// In pages of a few leads, too: what most leads of a page lack is looked up of the next one at once.
async fn count(rig: &Rig, definitions: &Arc<Definitions>, some: usize) -> Count {
    let live = Live::load(&rig.store).await.unwrap().unwrap();
    let mut question = Question {
        definitions: Arc::clone(definitions),
        live: Some(live.definitions),
        segments: (0..definitions.segments.len()).map(SegmentIx).collect(),
        now: rig.clock.now(),
        some,
        listed: Vec::new(),
        page: members::PAGE,
    };
    let count = members::count(&rig.store, question.clone()).await.unwrap();
    for page in [1, 3, 5] {
        question.page = page;
        assert_eq!(members::count(&rig.store, question.clone()).await.unwrap(), count, "{page}");
    }
    count
}

/// Who is in each segment by what the last decisions remember.
async fn remembered(rig: &Rig, definitions: &Definitions, leads: &[LeadId]) -> Vec<Vec<LeadId>> {
    let mut inside = vec![Vec::new(); definitions.segments.len()];
    for &lead in leads {
        let record = rig.record(lead).await;
        for (segment, inside) in definitions.segments.iter().zip(&mut inside) {
            if record.memory.segments.contains_key(&segment.name) {
                inside.push(lead);
            }
        }
    }
    inside
}

#[tokio::test]
async fn the_count_of_a_segment_is_who_comes_to_be_in_it() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(OLD)).await;
        let leads = fill(&rig).await;
        rig.tick().await;
        rig.tick_after(2 * HOUR).await;
        let live = rig.engine.live().unwrap();
        let before = remembered(&rig, &live.definitions, &leads).await;
        let new = campaign(NEW).definitions();

        let foretold = count(&rig, &new, 100).await;
        let first = count(&rig, &new, 2).await;
        rig.apply(&campaign(NEW)).await;
        rig.tick().await;
        let live = rig.engine.live().unwrap();
        let after = remembered(&rig, &live.definitions, &leads).await;

        assert_eq!((foretold.leads, foretold.unreadable), (leads.len() as u64, 0));
        for (place, segment) in new.segments.iter().enumerate() {
            let members = &foretold.segments[place];
            let now: &[LeadId] = &after
                [live.definitions.segments.iter().position(|it| it.name == segment.name).unwrap()];
            assert!(
                !now.is_empty() && now.len() < leads.len(),
                "{} tells nobody apart",
                segment.name
            );
            assert_eq!(members.some, now, "{}", segment.name);
            assert_eq!(members.inside, now.len() as u64);
            assert_eq!(first.segments[place].some, now[..now.len().min(2)], "the first by lead");
            let was: &[LeadId] = match &*segment.name {
                "italians" => &before[0],
                "lookers" => &before[1],
                _ => &[],
            };
            let count = |these: &[LeadId], without: &[LeadId]| {
                these.iter().filter(|lead| !without.contains(lead)).count() as u64
            };
            assert_eq!(
                (members.entering, members.leaving),
                (count(now, was), count(was, now)),
                "{}",
                segment.name
            );
        }

        // Half-way through a sweep, and with leads that were never decided, it is the same.
        let newcomer = rig.lead("new@b.example", &[("country", "Italy")]).await;
        let others = count(&rig, &campaign(OLD).definitions(), 100).await;
        assert_eq!(others.leads, leads.len() as u64 + 1);
        assert!(others.segments[0].some.contains(&newcomer));
        assert_eq!(others.segments[1].some, before[1]);
    })
    .await;
}

#[tokio::test]
async fn whose_behaviour_may_not_be_looked_at_is_unknown_and_who_cannot_be_read_is_counted_so() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(ENGAGED)).await;
        let leads = rig
            .leads(&["a@a.example".into(), "b@a.example".into(), "c@a.example".into()], &[])
            .await;
        for &lead in &leads {
            rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
        }
        rig.tick_after(DAY).await;
        let contract = format!(
            "UPDATE leads SET profile = replace(profile, '{}', '{}') WHERE lead = {}",
            Basis::Consent.word(),
            Basis::Contract.word(),
            leads[1].0
        );
        behind(db, contract).await;
        behind(db, format!("UPDATE leads SET memory = 'x' WHERE lead = {}", leads[2].0)).await;
        let counted = count(&rig, &campaign(ENGAGED).definitions(), 1).await;
        assert_eq!((counted.leads, counted.unreadable), (3, 1));
        let engaged = Members {
            inside: 1,
            unknown: 1,
            leaving: 1,
            some: vec![leads[0]],
            ..Members::default()
        };
        assert_eq!(counted.segments, [engaged]);
        assert!(rig.clock.now() > NOON);
    })
    .await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_in_nobodys_way_whose_facts_are_known() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(OLD)).await;
        let addresses = |from: usize| (from..from + 9).map(|n| format!("{n}@a.example"));
        let known = rig.leads(&addresses(0).collect::<Vec<_>>(), &[("country", "Italy")]).await;
        for &lead in &known {
            rig.happens(lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
        }
        rig.tick().await;
        behind(db, "UPDATE events SET data = '[' WHERE kind = 'page.visited'".into()).await;
        // Of these all is to be looked up, so that pages are read ahead.
        rig.leads(&addresses(10).collect::<Vec<_>>(), &[]).await;
        let counted = count(&rig, &campaign(OLD).definitions(), 0).await;
        assert_eq!((counted.leads, counted.unreadable), (18, 0));
        assert_eq!(counted.segments[1].inside, 9, "who looked at prices");
    })
    .await;
}

/// Each segment names the one before twice, as often as is allowed.
#[tokio::test]
async fn segments_that_name_each_other_many_times_are_counted() {
    let db = TestDatabase::sqlite().await;
    let rig = Rig::new(&db, &campaign(OLD)).await;
    rig.lead("a@a.example", &[("country", "Italy")]).await;
    rig.tick().await;
    let mut segments = String::from("segments:\n  s0: country == \"Italy\"\n");
    for number in 1..10 {
        let before = format!("in_segment(\"s{}\")", number - 1);
        segments += &format!("  s{number}: {before} and {before} or country == \"{number}\"\n");
    }
    let counted = count(&rig, &campaign(&segments).definitions(), 0).await;
    assert!(counted.segments.iter().all(|members| members.inside == 1), "{counted:?}");
}
