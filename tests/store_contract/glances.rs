use nurtured::{
    domain::{
        event::{EventKind, Judgement},
        facts::{FactKey, ObjectFilter},
        id::{LeadId, Rev},
        lead::{Memory, Stage},
    },
    store::{Columns, Which, records::NewEvent},
};

use super::made::*;
use crate::support::{databases::for_each_database, engine::behind};

const ALL: (LeadId, LeadId) = (LeadId(i64::MIN), LeadId(i64::MAX));
const NOTHING: Columns = Columns { standing: false, profile: false };

#[tokio::test]
async fn pages_go_from_lead_to_lead_and_end() {
    for_each_database(async |db| {
        let none = db.store.end_of_page(ALL.0, 2).await.unwrap();
        assert_eq!(none, None);
        let mut leads = import(&db.store, &["a@x.example", "b@x.example", "c@x.example"]).await;
        leads.sort_unstable();
        assert_eq!(db.store.end_of_page(ALL.0, 2).await.unwrap(), Some(leads[1]));
        assert_eq!(db.store.end_of_page(leads[1], 2).await.unwrap(), Some(leads[2]));
        assert_eq!(db.store.end_of_page(leads[2], 2).await.unwrap(), None);
        let mut seen = Vec::new();
        let page = (leads[0], leads[1]);
        db.store.glance_at(page, NOTHING, |lead, _| seen.push(lead)).await.unwrap();
        assert_eq!(seen, [leads[1]], "the first is not on the page, the last is");
    })
    .await;
}

#[tokio::test]
async fn of_a_lead_no_more_is_read_than_is_wanted() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@x.example"]).await[0];
        let mut here = clicked(lead);
        here.object = Some("cold/report".into());
        let mut elsewhere = clicked(lead);
        elsewhere.object = Some("news/release".into());
        let mut by_machine = clicked(lead);
        by_machine.object = Some("cold/report".into());
        by_machine.judgement = Judgement::Machine;
        let call = NewEvent::new(lead, EventKind::parse("sales.call").unwrap(), NOON, "test");
        db.store.record_events(&[here, elsewhere, by_machine, call], NOON).await.unwrap();
        db.store
            .glance_at(ALL, NOTHING, |at, stored| {
                let stored = stored.unwrap();
                assert_eq!(at, lead);
                assert!(stored.standing.is_none() && stored.profile.is_empty());
                assert_eq!(Memory::unpack(stored.memory), Ok(Memory::default()));
            })
            .await
            .unwrap();
        let fact = |kind: &str, filter| FactKey { kind: EventKind::parse(kind).unwrap(), filter };
        let facts = [
            fact("mail.clicked", ObjectFilter::Exactly("cold/report".into())),
            fact("sales.call", ObjectFilter::Any),
        ];
        let columns = Columns { standing: true, profile: true };
        db.store
            .glance_back(Which::These(&[lead, LeadId(4)]), columns, &facts, |_, stored| {
                let (stored, history) = stored.unwrap();
                let history = history.events().unwrap();
                let standing = stored.standing.unwrap();
                assert_eq!((standing.stage, standing.address), (Stage::Lead, "a@x.example"));
                assert!(stored.profile.starts_with(b"{"));
                let revs: Vec<Rev> = history.iter().map(|event| event.rev).collect();
                assert_eq!(revs, [Rev(2), Rev(4), Rev(5)], "in order, and nothing else");
                assert_eq!(history[1].judgement, Judgement::Machine);
            })
            .await
            .unwrap();
        decide(&db.store, lead, |decision| decision.memory = Some(memory("cold"))).await;
        db.store
            .glance_at(ALL, NOTHING, |_, stored| {
                let stored = Memory::unpack(stored.unwrap().memory).unwrap();
                assert_eq!(stored.segments, memory("cold").segments);
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told_and_stops_no_other() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
        behind(db, "UPDATE events SET kind = 'Nothing' WHERE lead = (SELECT lead FROM leads WHERE address = 'b@x.example')".into()).await;
        let facts = [FactKey { kind: EventKind::parse("lead.imported").unwrap(), filter: ObjectFilter::Any }];
        let bad = [FactKey { kind: EventKind::PAGE_VISITED, filter: ObjectFilter::Any }];
        let count = async |facts: &[FactKey]| {
            let mut counts = Vec::new();
            for which in [Which::Page(ALL), Which::These(&leads)] {
                let (mut read, mut unread) = (0, 0);
                db.store
                    .glance_back(which, NOTHING, facts, |_, stored| {
                        match stored.unwrap().1.events() {
                            Ok(_) => read += 1,
                            Err(_) => unread += 1,
                        }
                    })
                    .await
                    .unwrap();
                counts.push((read, unread));
            }
            assert_eq!(counts[0], counts[1], "by page, and one by one");
            counts[0]
        };
        assert_eq!(count(&facts).await, (2, 0), "an event of another kind is not read");
        behind(db, "UPDATE events SET kind = 'page.visited', data = '[' WHERE kind = 'Nothing'".into()).await;
        assert_eq!(count(&bad).await, (1, 1));
    })
    .await;
}
