use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use nurtured::{
    domain::{
        event::EventKind,
        id::{LeadId, Rev},
        lead::Suppression,
    },
    store::{
        Route, Store,
        records::{ClaimToken, NewEvent, Quota, Settled, Settlement},
    },
};
use tokio::{sync::Barrier, task::JoinSet};

use super::made::*;
use crate::support::databases::for_each_database;

/// Eight tasks that start together, half of them as if in another daemon.
async fn together<T, F, Fut>(store: &Store, other: &Store, task: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(Store, i64) -> Fut,
    Fut: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(8));
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let store = if number % 2 == 0 { store.clone() } else { other.clone() };
        let (barrier, work) = (barrier.clone(), task(store, number));
        tasks.spawn(async move {
            barrier.wait().await;
            work.await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_deciders_enrol_one_lead_once() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        let other = Store::open(&db.url).await.unwrap();
        // P1: all of them see the lead due and unenrolled until one has decided.
        let reserved = together(&db.store, &other, move |store, number| async move {
            let mut reserved = 0;
            for _ in 0..20 {
                let batch = if number % 4 < 2 {
                    store.claim_due(NOON, &all()).await.unwrap()
                } else {
                    store.lock_leads(&[lead]).await.unwrap()
                };
                let writes = batch
                    .records
                    .iter()
                    .filter(|record| record.enrolments.is_empty())
                    .map(|record| {
                        let mut decision = write(record);
                        decision.enrolments.push(entered(1));
                        decision.messages.push(mail(1, "hello"));
                        decision
                    })
                    .collect();
                reserved += store.commit(batch, writes, NOON).await.unwrap().reserved;
            }
            reserved
        })
        .await;
        assert_eq!(reserved.iter().sum::<u64>(), 1);
        assert_eq!(db.store.messages_of(lead).await.unwrap().len(), 1);
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_claimers_share_the_messages_with_no_duplicate() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..200).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        import(&db.store, &names).await;
        let quota = Quota { bulk: 500, ..all() };
        let batch = db.store.claim_due(NOON, &quota).await.unwrap();
        let writes = batch
            .records
            .iter()
            .map(|record| {
                let mut decision = write(record);
                decision.messages.push(mail(1, "hello"));
                decision
            })
            .collect();
        assert_eq!(db.store.commit(batch, writes, NOON).await.unwrap().reserved, 200);
        let other = Store::open(&db.url).await.unwrap();
        let claimed = together(&db.store, &other, |store, number| async move {
            let mut mine = Vec::new();
            let token = ClaimToken(number);
            for _ in 0..50 {
                let some = store
                    .claim_messages(&Route::own(&"main".into()), NOON, token, HOUR, 7)
                    .await
                    .unwrap();
                mine.extend(some.into_iter().map(|message| message.id));
            }
            mine
        })
        .await;
        let all: Vec<_> = claimed.into_iter().flatten().collect();
        assert_eq!(all.len(), 200);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 200);
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_race_with_decisions_are_all_reflected() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..10).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let leads = import(&db.store, &names).await;
        let other = Store::open(&db.url).await.unwrap();
        let ids = leads.clone();
        let seen = together(&db.store, &other, move |store, number| {
            let leads = ids.clone();
            async move {
                let mut reflected = 0;
                for round in 0..20 {
                    if number % 2 == 0 {
                        // In an order of its own: no two intakes may wait for each other.
                        let mut events: Vec<NewEvent> =
                            leads.iter().map(|&lead| clicked(lead)).collect();
                        let turn = usize::try_from(number + round).unwrap() % events.len();
                        events.rotate_left(turn);
                        store.record_events(&events, NOON).await.unwrap();
                    } else {
                        let batch = store.claim_due(NOON, &all()).await.unwrap();
                        let new: HashMap<LeadId, usize> = batch
                            .records
                            .iter()
                            .map(|record| (record.lead, record.new_events.len()))
                            .collect();
                        let writes = batch.records.iter().map(write).collect();
                        let committed = store.commit(batch, writes, NOON).await.unwrap();
                        // The others were moved on meanwhile: their events are to be reflected yet.
                        reflected +=
                            committed.written.iter().map(|(lead, _)| new[lead]).sum::<usize>();
                    }
                }
                reflected
            }
        })
        .await;
        let batch = db.store.lock_leads(&leads).await.unwrap();
        let rest: usize = batch.records.iter().map(|record| record.new_events.len()).sum();
        sleep_all(&db.store, batch, NOON).await;
        let written: usize = 10 + 4 * 20 * 10;
        assert_eq!(seen.into_iter().sum::<usize>() + rest, written);
        for &lead in &leads {
            let events = db.store.events_of(lead).await.unwrap();
            assert_eq!(events.len(), written / 10);
            let revs: HashSet<Rev> = events.iter().map(|event| event.rev).collect();
            assert_eq!(revs.len(), events.len());
        }
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_click_at_eight_doors_is_one_event() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let other = Store::open(&db.url).await.unwrap();
        together(&db.store, &other, move |store, _| async move {
            for key in 0..20 {
                let event = NewEvent { dedupe: Some(key.to_string()), ..clicked(lead) };
                store.record_events(&[event], NOON).await.unwrap();
            }
        })
        .await;
        assert_eq!(db.store.events_of(lead).await.unwrap().len(), 21);
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_of_the_same_people_at_once_make_each_lead_once() {
    for_each_database(async |db| {
        let other = Store::open(&db.url).await.unwrap();
        let leads = together(&db.store, &other, |store, number| async move {
            let mut names: Vec<String> = (0..50).map(|n| format!("l{n}@example.com")).collect();
            names.rotate_left(usize::try_from(number * 7).unwrap());
            let rows: Vec<_> = names.iter().map(|name| upsert(name)).collect();
            store.upsert_leads(&rows, &run(number), NOON).await.unwrap()
        })
        .await;
        let ids: HashSet<_> = leads.iter().flatten().map(|row| row.lead).collect();
        assert_eq!(ids.len(), 50);
        assert_eq!(db.store.census(NOON).await.unwrap().leads, 50);
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_interleaving_an_objection_that_was_answered_stops_the_mail() {
    for_each_database(async |db| {
        // P16, and at the same time: senders, settlers, deciders and objectors never wait in a circle.
        let other = Store::open(&db.url).await.unwrap();
        for round in 0..10 {
            let names: Vec<String> = (0..8).map(|n| format!("l{n}@r{round}.example")).collect();
            let mut mails = Vec::new();
            for name in &names {
                mails.push(lead_with_mail(&db.store, name).await);
            }
            let token = ClaimToken(round);
            assert_eq!(claim(&db.store, NOON, token).await.len(), 8);
            let mails = Arc::new(mails);
            together(&db.store, &other, move |store, number| {
                let mails = mails.clone();
                async move {
                    let mine = usize::try_from(number).unwrap();
                    let (lead, id) = mails[mine];
                    match number % 3 {
                        0 => {
                            let kind = EventKind::LEAD_UNSUBSCRIBED;
                            let mut event = NewEvent::new(lead, kind, NOON, "http");
                            event.suppress = Some(Suppression::Unsubscribed);
                            store.record_events(&[event], NOON).await.unwrap();
                            let marked =
                                store.mark_transmitting(&[(id, token)], NOON).await.unwrap();
                            assert_eq!(marked, [false]);
                        }
                        1 => {
                            let mut claims: Vec<_> =
                                mails.iter().map(|&(_, id)| (id, token)).collect();
                            claims.rotate_left(mine);
                            store.mark_transmitting(&claims, NOON).await.unwrap();
                        }
                        _ => {
                            let leads: Vec<_> = mails.iter().map(|&(lead, _)| lead).collect();
                            let batch = store.lock_leads(&leads).await.unwrap();
                            let writes = batch.records.iter().map(write).collect();
                            store.commit(batch, writes, NOON).await.unwrap();
                            let settlements: Vec<_> = mails
                                .iter()
                                .rev()
                                .map(|&(_, message)| Settlement {
                                    message,
                                    token,
                                    outcome: Settled::InDoubt { reason: "no answer".into() },
                                    relay: None,
                                })
                                .collect();
                            let marks: Vec<_> = mails.iter().map(|&(_, id)| (id, token)).collect();
                            let batch = store.settle(&settlements, &marks, NOON).await.unwrap();
                            store.commit(batch, Vec::new(), NOON).await.unwrap();
                        }
                    }
                }
            })
            .await;
        }
        other.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_and_sweeps_never_wait_in_a_circle() {
    for_each_database(async |db| {
        let names: Vec<String> = (0..40).map(|n| format!("l{n}@example.com")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let leads = Arc::new(import(&db.store, &names).await);
        let other = Store::open(&db.url).await.unwrap();
        together(&db.store, &other, move |store, number| {
            let leads = leads.clone();
            async move {
                for round in 0..25 {
                    if number % 2 == 0 {
                        store.sweep_step(15, NOON).await.unwrap();
                    } else {
                        // A release unparks, and so has timers to lock.
                        let lead = leads[usize::try_from(number * 5 + round % 5).unwrap()];
                        store.park_lead(lead, "poison", NOON).await.unwrap();
                        release(&store).await;
                    }
                }
            }
        })
        .await;
        other.close().await;
    })
    .await;
}
