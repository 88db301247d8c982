use std::collections::{BTreeMap, HashMap};

use nurtured::{
    domain::{
        event::EventKind,
        lead::{Basis, Consent, Stage, Suppression},
        message::MessageState,
        time::Instant,
    },
    store::{
        Profiles, Subject,
        records::{ClaimToken, ImportRun, LeadUpsert, Settled, UpsertKind},
    },
};
use serde_json::json;

use super::{made::*, schema::behind};
use crate::support::databases::for_each_database;

fn row(text: &str, attributes: &[(&str, serde_json::Value)]) -> LeadUpsert {
    LeadUpsert {
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).into(), value.clone()))
            .collect(),
        ..upsert(text)
    }
}

fn consent(at: Instant, withdrawn_at: Option<Instant>) -> Consent {
    Consent { basis: Basis::Consent, at, source: "crm".into(), withdrawn_at }
}

fn with_consent(text: &str, consent: Consent) -> LeadUpsert {
    LeadUpsert { consents: BTreeMap::from([("insights".into(), consent)]), ..upsert(text) }
}

#[tokio::test]
async fn batches_in_one_transaction_see_each_other_and_are_there_together_or_not_at_all() {
    for_each_database(async |db| {
        let batches = [
            [row("a@example.com", &[("city", json!("Rome"))]), upsert("b@example.com")],
            [row("a@example.com", &[("seats", json!(5))]), upsert("c@example.com")],
        ];
        for is_committed in [false, true] {
            let mut importing = db.store.begin_import().await.unwrap();
            // Where others write as well, rows are locked in order: one batch, and no more.
            assert_eq!(importing.has_room(), db.name == "sqlite");
            let mut hows = Vec::new();
            for rows in &batches {
                let profiles = Profiles::of(rows).unwrap();
                let done = importing.take(rows, profiles, &run(1), NOON).await.unwrap();
                hows.extend(done.into_iter().map(|row| row.how));
            }
            use UpsertKind::{Created, Merged};
            assert_eq!(hows, [Created, Created, Merged, Created]);
            if is_committed {
                importing.commit().await.unwrap();
            } else {
                drop(importing);
                assert_eq!(db.store.census(NOON).await.unwrap().leads, 0);
            }
        }
        let lead = db.store.upsert_leads(&batches[0], &run(2), NOON).await.unwrap()[0].lead;
        let profile = db.store.record(lead).await.unwrap().unwrap().profile;
        assert_eq!(
            serde_json::to_value(&profile.attributes).unwrap(),
            json!({ "city": "Rome", "seats": 5 })
        );
    })
    .await;
}

#[tokio::test]
async fn rows_create_update_and_merge_by_the_stated_rule() {
    for_each_database(async |db| {
        let first = [
            row("a@example.com", &[("city", json!("Rome")), ("seats", json!(3))]),
            row("b@example.com", &[("city", json!("Turin\0"))]),
            row("a@example.com", &[("seats", json!(5)), ("job_title", json!("CTO"))]),
        ];
        let kinds = |upserted: &[nurtured::store::records::Upserted]| -> Vec<UpsertKind> {
            upserted.iter().map(|row| row.how).collect()
        };
        let done = db.store.upsert_leads(&first, &run(1), NOON).await.unwrap();
        assert_eq!(kinds(&done), [UpsertKind::Created, UpsertKind::Created, UpsertKind::Merged]);
        assert_eq!(done[0].lead, done[2].lead);
        let record = db.store.record(done[0].lead).await.unwrap().unwrap();
        assert_eq!(
            serde_json::to_value(&record.profile.attributes).unwrap(),
            json!({ "city": "Rome", "job_title": "CTO", "seats": 5 })
        );
        let b = db.store.record(done[1].lead).await.unwrap().unwrap();
        assert_eq!(b.profile.attributes["city"], json!("Turin\0"), "inert inside of JSON");

        // The same run goes on in another batch: still a merge. Another run: an update, or nothing new.
        let more = [row("a@example.com", &[("city", json!("Milan"))])];
        let done = db.store.upsert_leads(&more, &run(1), NOON).await.unwrap();
        assert_eq!(kinds(&done), [UpsertKind::Merged]);
        let rows = [
            row("a@example.com", &[("city", json!("Bari"))]),
            row("b@example.com", &[]),
            row("c@example.com", &[]),
        ];
        let done = db.store.upsert_leads(&rows, &run(2), NOON).await.unwrap();
        assert_eq!(kinds(&done), [UpsertKind::Updated, UpsertKind::Unchanged, UpsertKind::Created]);
        let again = db.store.upsert_leads(&rows, &run(3), NOON).await.unwrap();
        assert_eq!(kinds(&again), [UpsertKind::Unchanged; 3]);
        assert_eq!(db.store.census(NOON).await.unwrap().leads, 3);
    })
    .await;
}

#[tokio::test]
async fn what_rows_would_do_is_foreseen_and_not_done() {
    for_each_database(async |db| {
        let known = [row("a@example.com", &[("city", json!("Rome"))]), upsert("b@gone.example")];
        db.store.upsert_leads(&known, &run(1), NOON).await.unwrap();
        let gone = [(Subject::Domain("gone.example".into()), Suppression::Manual)];
        db.store.suppress(&gone, &"list".into(), NOON).await.unwrap();
        let objects =
            LeadUpsert { suppress: Some(Suppression::Unsubscribed), ..upsert("c@example.com") };
        let rows = [
            row("a@example.com", &[("city", json!("Rome"))]),
            row("b@gone.example", &[("city", json!("Bari"))]),
            objects,
            row("d@example.com", &[]),
            row("d@example.com", &[("city", json!("Como"))]),
        ];
        let foreseen = db.store.foresee_leads(&rows, &run(9), NOON).await.unwrap();
        let census = db.store.census(NOON).await.unwrap();
        assert_eq!((census.leads, census.suppressions), (2, 1));
        let done = db.store.upsert_leads(&rows, &run(2), NOON).await.unwrap();
        let told = |rows: &[nurtured::store::records::Upserted]| -> Vec<(UpsertKind, bool)> {
            rows.iter().map(|row| (row.how, row.suppressed)).collect()
        };
        assert_eq!(told(&foreseen), told(&done));
        let kinds = [
            UpsertKind::Unchanged,
            UpsertKind::Updated,
            UpsertKind::Created,
            UpsertKind::Created,
            UpsertKind::Merged,
        ];
        assert_eq!(foreseen.iter().map(|row| row.how).collect::<Vec<_>>(), kinds);
        assert_eq!(foreseen[0].lead, done[0].lead);
    })
    .await;
}

#[tokio::test]
async fn a_lead_that_was_made_or_changed_gets_one_event_and_becomes_due() {
    for_each_database(async |db| {
        let run = ImportRun {
            id: 9,
            source: "hubspot".into(),
            is_named: false,
            campaign: Some("spring".into()),
        };
        let rows = [
            row("a@example.com", &[("city", json!("Rome"))]),
            row("a@example.com", &[("city", json!("Bari"))]),
        ];
        let lead = db.store.upsert_leads(&rows, &run, NOON).await.unwrap()[0].lead;
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        let [record] = &batch.records[..] else { panic!("one lead") };
        assert_eq!((record.lead, record.new_events.len()), (lead, 1));
        let event = &record.new_events[0];
        assert_eq!(event.kind, EventKind::LEAD_IMPORTED);
        assert_eq!(event.object, Some("hubspot".into()));
        assert_eq!(event.data["campaign"].to_string(), "spring");
        sleep_all(&db.store, batch, NOON).await;

        let unchanged = [row("a@example.com", &[("city", json!("Bari"))])];
        db.store.upsert_leads(&unchanged, &super::made::run(10), NOON).await.unwrap();
        assert_eq!(db.store.next_wake_at().await.unwrap(), Instant::NEVER);
        let changed = [row("a@example.com", &[("city", json!("Como"))])];
        db.store.upsert_leads(&changed, &super::made::run(11), NOON).await.unwrap();
        assert_eq!(db.store.next_wake_at().await.unwrap(), NOON);
        assert_eq!(db.store.events_of(lead).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn the_stage_is_taken_for_new_leads_only() {
    for_each_database(async |db| {
        let staged = |stage| LeadUpsert { stage: Some(stage), ..upsert("a@example.com") };
        let lead =
            db.store.upsert_leads(&[staged(Stage::Sql)], &run(1), NOON).await.unwrap()[0].lead;
        db.store.upsert_leads(&[staged(Stage::Customer)], &run(2), NOON).await.unwrap();
        let record = db.store.record(lead).await.unwrap().unwrap();
        assert_eq!((record.stage, record.stage_since), (Stage::Sql, NOON));
        // Since when we know it, whatever the CRM says: workflows tell newcomers by it.
        assert_eq!(record.created_at, NOON);
    })
    .await;
}

#[tokio::test]
async fn an_import_never_lifts_a_suppression() {
    for_each_database(async |db| {
        let unsubscribed =
            LeadUpsert { suppress: Some(Suppression::Unsubscribed), ..upsert("a@example.com") };
        let rows = [unsubscribed, upsert("b@gone.example"), upsert("c@example.com")];
        let gone = [(Subject::Domain("gone.example".into()), Suppression::Manual)];
        db.store.suppress(&gone, &"list".into(), NOON).await.unwrap();
        let done = db.store.upsert_leads(&rows, &run(1), NOON).await.unwrap();
        let suppressed: Vec<bool> = done.iter().map(|row| row.suppressed).collect();
        assert_eq!(suppressed, [true, true, false]);
        let again = [with_consent("a@example.com", consent(NOON, None))];
        let done = db.store.upsert_leads(&again, &run(2), NOON + HOUR).await.unwrap();
        assert!(done[0].suppressed);
        let record = db.store.record(done[0].lead).await.unwrap().unwrap();
        assert_eq!(record.suppressed, Some(Suppression::Unsubscribed));
        assert_eq!(record.stop_epoch, 1);
    })
    .await;
}

#[tokio::test]
async fn an_import_never_lifts_a_withdrawal_and_keeps_the_first_proof() {
    for_each_database(async |db| {
        let consents = async |upsert: LeadUpsert, id| {
            let done = db.store.upsert_leads(&[upsert], &run(id), NOON).await.unwrap();
            let record = db.store.record(done[0].lead).await.unwrap().unwrap();
            (done[0].how, record.profile.consents["insights"].clone())
        };
        let given = consent(NOON - HOUR, None);
        let text = "a@example.com";
        let (how, stored) = consents(with_consent(text, given.clone()), 1).await;
        assert_eq!((how, &stored), (UpsertKind::Created, &given));
        let (how, stored) = consents(with_consent(text, consent(NOON, None)), 2).await;
        assert_eq!((how, &stored), (UpsertKind::Unchanged, &given));
        let withdrawn = consent(NOON - HOUR, Some(NOON));
        let (how, stored) = consents(with_consent(text, withdrawn.clone()), 3).await;
        assert_eq!((how, &stored), (UpsertKind::Updated, &withdrawn));
        let (how, stored) = consents(with_consent(text, consent(NOON + HOUR, None)), 4).await;
        assert_eq!((how, &stored), (UpsertKind::Unchanged, &withdrawn));
        // But for one that is dated later, and is a consent.
        let dated = |at, basis| {
            let consent = Consent { basis, ..consent(at, None) };
            LeadUpsert { dated: true, ..with_consent(text, consent) }
        };
        for (id, at, basis, renewed) in [
            (5, NOON, Basis::Consent, false),
            (6, NOON + HOUR, Basis::SoftOptIn, false),
            (7, NOON + HOUR, Basis::Consent, true),
        ] {
            let foreseen =
                db.store.foresee_leads(&[dated(at, basis)], &run(9), NOON).await.unwrap();
            assert_eq!(foreseen[0].withdrawn, (!renewed).then_some(NOON), "{basis:?}");
            let (how, stored) = consents(dated(at, basis), id).await;
            assert_eq!(how == UpsertKind::Updated, renewed, "{basis:?}");
            assert_eq!(stored.withdrawn_at.is_none(), renewed, "{basis:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_known_lead_that_comes_by_another_source_is_news_once() {
    for_each_database(async |db| {
        let rows = [row("a@example.com", &[("city", json!("Rome"))])];
        let lead = db.store.upsert_leads(&rows, &run(1), NOON).await.unwrap()[0].lead;
        let by = |id, is_named| ImportRun { source: "fair".into(), is_named, ..run(id) };
        for (id, is_named, how, events) in [
            (2, false, UpsertKind::Unchanged, 1),
            (3, true, UpsertKind::Updated, 2),
            (4, true, UpsertKind::Unchanged, 2),
        ] {
            let run = by(id, is_named);
            let foreseen = db.store.foresee_leads(&rows, &run, NOON).await.unwrap();
            let done = db.store.upsert_leads(&rows, &run, NOON).await.unwrap();
            assert_eq!((foreseen[0].how, done[0].how), (how, how));
            let told = db.store.record(lead).await.unwrap().unwrap().new_events;
            assert_eq!(told.len(), events);
            assert_eq!(told.last().unwrap().object.as_deref(), Some(["crm", "fair"][events - 1]));
        }
    })
    .await;
}

#[tokio::test]
async fn who_objects_before_any_consent_is_held_to_it_and_who_only_says_no_is_not() {
    for_each_database(async |db| {
        for (text, objects) in [("a@example.com", true), ("b@example.com", false)] {
            let no = LeadUpsert { objects, ..with_consent(text, consent(NOON, Some(NOON))) };
            let old = LeadUpsert { dated: true, ..with_consent(text, consent(NOON - HOUR, None)) };
            // In one batch, in later ones, foreseen and done.
            let rows = [no.clone(), old.clone()];
            let foreseen = db.store.foresee_leads(&rows, &run(9), NOON).await.unwrap();
            let done = db.store.upsert_leads(&rows, &run(1), NOON).await.unwrap();
            for (foreseen, done) in foreseen.iter().zip(&done) {
                assert_eq!((foreseen.how, foreseen.withdrawn), (done.how, done.withdrawn));
            }
            assert_eq!(done[1].withdrawn, objects.then_some(NOON), "{text}");
            let ground =
                LeadUpsert { dated: true, ..with_consent(text, consent(NOON - HOUR, None)) };
            db.store.upsert_leads(&[ground], &run(2), NOON).await.unwrap();
            let record = db.store.record(done[0].lead).await.unwrap().unwrap();
            let stored = &record.profile.consents["insights"];
            assert_eq!(stored.withdrawn_at.is_some(), objects, "{text}");
            let again = db.store.upsert_leads(&[no], &run(3), NOON).await.unwrap();
            assert_eq!(again[0].how == UpsertKind::Unchanged, objects, "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn leads_are_found_by_address() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        let (a, b) = (address("a@example.com"), address("b@example.com"));
        assert_eq!(db.store.find_lead(&b).await.unwrap(), Some(leads[1]));
        assert_eq!(db.store.find_lead(&address("x@example.com")).await.unwrap(), None);
        let found = db
            .store
            .find_leads(&[b.clone(), address("x@example.com"), a.clone(), b.clone()])
            .await
            .unwrap();
        assert_eq!(found, HashMap::from([(a, leads[0]), (b, leads[1])]));
        assert_eq!(db.store.find_leads(&[]).await.unwrap(), HashMap::new());
        assert!(db.store.upsert_leads(&[], &run(1), NOON).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_first_row_that_names_a_stage_gives_a_new_lead_its_own() {
    for_each_database(async |db| {
        let staged = |stage| LeadUpsert { stage: Some(stage), ..upsert("a@example.com") };
        let rows = [upsert("a@example.com"), staged(Stage::Sql), staged(Stage::Mql)];
        let lead = db.store.upsert_leads(&rows, &run(1), NOON).await.unwrap()[0].lead;
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().stage, Stage::Sql);
    })
    .await;
}

#[tokio::test]
async fn the_stage_that_a_later_batch_names_counts_as_in_one() {
    for_each_database(async |db| {
        let staged = |stage| LeadUpsert { stage: Some(stage), ..upsert("a@example.com") };
        let mut lead = None;
        for row in [
            upsert("a@example.com"),
            staged(Stage::Lead),
            staged(Stage::Customer),
            staged(Stage::Mql),
        ] {
            lead = Some(db.store.upsert_leads(&[row], &run(1), NOON).await.unwrap()[0].lead);
        }
        let record = db.store.record(lead.unwrap()).await.unwrap().unwrap();
        assert_eq!((record.stage, record.stage_since), (Stage::Customer, NOON));
        // Of another run, also at the same instant, it is not taken.
        let lead = import(&db.store, &["b@example.com"]).await[0];
        let row = LeadUpsert { stage: Some(Stage::Sql), ..upsert("b@example.com") };
        db.store.upsert_leads(&[row], &run(2), NOON).await.unwrap();
        assert_eq!(db.store.record(lead).await.unwrap().unwrap().stage, Stage::Lead);
    })
    .await;
}

#[tokio::test]
async fn a_withdrawal_stops_a_mail_that_is_claimed() {
    for_each_database(async |db| {
        let other = Consent { basis: Basis::SoftOptIn, ..consent(NOON + HOUR, None) };
        let withdrawn = consent(NOON, Some(NOON));
        for (number, (text, purpose, changed, stops)) in [
            ("a@example.com", "insights", withdrawn.clone(), true),
            ("b@example.com", "insights", other, true),
            ("c@example.com", "offers", withdrawn, false),
        ]
        .into_iter()
        .enumerate()
        {
            let token = ClaimToken(100 + i64::try_from(number).unwrap());
            let (_, id) = lead_with_mail(&db.store, text).await;
            let mut row = with_consent(text, consent(NOON, None));
            row.consents.insert("offers".into(), consent(NOON, None));
            db.store.upsert_leads(&[row], &run(2), NOON).await.unwrap();
            assert_eq!(claim(&db.store, NOON, token).await, [id]);
            let row = LeadUpsert {
                consents: BTreeMap::from([(purpose.into(), changed)]),
                ..upsert(text)
            };
            db.store.upsert_leads(&[row], &run(3), NOON).await.unwrap();
            let marked = db.store.mark_transmitting(&[(id, token)], NOON).await.unwrap();
            assert_eq!(marked, [!stops], "{text}");
            if stops {
                assert_eq!(state(&db.store, id).await, MessageState::Reserved);
                let late = Settled::Deferred { until: NOON, reason: String::new(), counted: false };
                assert!(!settle(&db.store, id, token, late).await, "it is nobody's any more");
                assert_eq!(claim(&db.store, NOON, TOKEN).await, [id]);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_lead_that_cannot_be_read_is_refused_alone() {
    for_each_database(async |db| {
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        behind(db, "UPDATE leads SET profile = '{' WHERE address = 'a@example.com'").await;
        let rows = [
            row("a@example.com", &[("city", json!("Rome"))]),
            row("b@example.com", &[("city", json!("Bari"))]),
            row("c@example.com", &[]),
        ];
        let done = db.store.upsert_leads(&rows, &run(2), NOON).await.unwrap();
        let kinds: Vec<UpsertKind> = done.iter().map(|row| row.how).collect();
        assert_eq!(kinds, [UpsertKind::Unreadable, UpsertKind::Updated, UpsertKind::Created]);
        assert_eq!(done[0].lead, leads[0]);
        assert_eq!(db.store.events_of(leads[0]).await.unwrap().len(), 1, "nothing of it was taken");
    })
    .await;
}

#[tokio::test]
async fn a_value_that_was_missing_gives_its_parked_mail_another_try() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        let (_, other) = lead_with_mail(&db.store, "b@example.com").await;
        claim(&db.store, NOON, TOKEN).await;
        for id in [id, other] {
            let parked = Settled::Parked { reason: "no first name".into() };
            assert!(settle(&db.store, id, TOKEN, parked).await);
        }
        let mend = |id| {
            let rows =
                [row("a@example.com", &[("first_name", json!("Ann"))]), upsert("b@example.com")];
            async move { db.store.upsert_leads(&rows, &run(id), NOON + HOUR).await.unwrap() }
        };
        mend(2).await;
        assert_eq!(claim(&db.store, NOON + HOUR, TOKEN).await, [id]);
        assert_eq!(state(&db.store, other).await, MessageState::Parked);
        // The same again changes nothing, and nothing is tried.
        let parked = Settled::Parked { reason: "no company".into() };
        assert!(settle(&db.store, id, TOKEN, parked).await);
        mend(3).await;
        assert_eq!(state(&db.store, id).await, MessageState::Parked);
        assert_eq!(db.store.messages_of(lead).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn rows_that_undo_each_other_change_nothing() {
    for_each_database(async |db| {
        let named = |company: &str| row("a@example.com", &[("company", json!(company))]);
        let file = [named("Alpha"), named("Alpha Srl")];
        let made = db.store.upsert_leads(&file, &run(1), NOON).await.unwrap();
        let again = db.store.upsert_leads(&file, &run(2), NOON).await.unwrap();
        assert_eq!((again[0].how, again[1].how), (UpsertKind::Unchanged, UpsertKind::Merged));
        let events = db.store.events_of(made[0].lead).await.unwrap();
        assert_eq!(events.len(), 1, "the lead was imported once");
    })
    .await;
}
