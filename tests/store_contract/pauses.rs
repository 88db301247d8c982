use nurtured::{
    domain::{
        event::EventKind,
        guard::Alarm,
        id::{LeadId, MessageId},
        message::MessageState,
        pause::Scope,
    },
    store::{
        By, GUARD, Ill, Taken,
        records::{NewEvent, Settled, Settlement, SweepProgress},
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

#[tokio::test]
async fn a_paused_lead_is_told_with_its_batch_and_nothing_claimed_for_it_goes() {
    for_each_database(async |db| {
        let (lead, id) = lead_with_mail(&db.store, "a@example.com").await;
        let (_, other) = lead_with_mail(&db.store, "b@example.com").await;
        decide(&db.store, lead, |decision| decision.messages.push(notice(1, "ada"))).await;
        let notice = db.store.messages_of(lead).await.unwrap()[1].id;
        let claimed = claim(&db.store, NOON, TOKEN).await;
        assert_eq!(claimed.len(), 3);
        let scope = Scope::Lead(lead);
        let by = By { who: "ann", because: Some("asked by phone") };
        db.store.pause(&scope, by, NOON).await.unwrap();
        let marks = [(id, TOKEN), (other, TOKEN), (notice, TOKEN)];
        let marked = db.store.mark_transmitting(&marks, NOON).await.unwrap();
        assert_eq!(marked, [false, true, true], "others, and our own people, are written to");

        // It is due at once, with the reason; whoever was loaded before is overtaken.
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!(batch.records.iter().map(|record| record.lead).collect::<Vec<_>>(), [lead]);
        assert_eq!(batch.paused.leads[&lead], "paused: the lead, by ann: asked by phone");
        sleep_all(&db.store, batch, NOON).await;
        assert!(!db.store.has_open_sweep().await.unwrap(), "nobody else is looked for");

        let [pause] = &db.store.pauses().await.unwrap()[..] else { panic!("one is paused") };
        assert_eq!((&pause.scope, pause.because.as_deref()), (&scope, Some("asked by phone")));
        let records = db.store.records(&[lead]).await.unwrap();
        assert!(db.store.paused_among(records.iter()).await.unwrap().contains_key(&lead));
        let heedless = db.store.heedless_of_pauses();
        assert!(heedless.paused_among(records.iter()).await.unwrap().is_empty());

        db.store.resume(&scope, NOON).await.unwrap();
        let batch = db.store.claim_due(NOON, &all()).await.unwrap();
        assert_eq!((batch.records.len(), batch.paused.leads.len()), (1, 0));
        sleep_all(&db.store, batch, NOON).await;
        assert_eq!(db.store.mark_transmitting(&[(id, TOKEN)], NOON).await.unwrap(), [true]);
    })
    .await;
}

#[tokio::test]
async fn who_was_loaded_before_a_pause_or_its_end_is_not_decided_by_it() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@acme.example").await;
        for scope in [Scope::Lead(lead), Scope::Account("@acme.example".into())] {
            for pauses in [true, false] {
                let record = db.store.record(lead).await.unwrap().unwrap();
                if pauses {
                    db.store.pause(&scope, "ann", NOON).await.unwrap();
                } else {
                    db.store.resume(&scope, NOON).await.unwrap();
                }
                while db.store.has_open_sweep().await.unwrap() {
                    db.store.sweep_step(100, NOON).await.unwrap();
                }
                let batch = db.store.lock_leads(&[lead]).await.unwrap();
                assert_eq!(batch.paused.leads.contains_key(&lead), pauses);
                let committed = db.store.commit(batch, vec![write(&record)], NOON).await.unwrap();
                assert_eq!(committed.lost, [lead], "{scope}");
                assert_eq!(db.store.next_wake_at().await.unwrap(), NOON);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_people_of_a_paused_company_are_looked_for_in_steps() {
    for_each_database(async |db| {
        let (ann, mail) = lead_with_mail(&db.store, "ann@acme.example").await;
        let (_, free) = lead_with_mail(&db.store, "bob@other.example").await;
        let cid = settled_lead(&db.store, "cid@mail.acme.example").await;
        claim(&db.store, NOON, TOKEN).await;
        let scope = Scope::Account("@acme.example".into());
        db.store.pause(&scope, "ops", NOON).await.unwrap();
        let marks = [(mail, TOKEN), (free, TOKEN)];
        let marked = db.store.mark_transmitting(&marks, NOON).await.unwrap();
        assert_eq!(marked, [false, true], "taken out of the claim");
        assert_eq!(state(&db.store, mail).await, MessageState::Reserved);
        for pauses in [true, false] {
            if !pauses {
                db.store.resume(&scope, NOON).await.unwrap();
            }
            let steps = [
                db.store.sweep_step(2, NOON).await.unwrap(),
                db.store.sweep_step(2, NOON).await.unwrap(),
            ];
            assert_eq!(steps.map(|step| step.woken), [1, 1]);
            assert_eq!(
                db.store.sweep_step(2, NOON).await.unwrap(),
                SweepProgress { woken: 0, done: true }
            );
            let batch = db.store.claim_due(NOON, &all()).await.unwrap();
            let woken: Vec<_> = batch.records.iter().map(|record| record.lead).collect();
            assert_eq!(woken, [ann, cid]);
            let held: Vec<_> = batch.paused.leads.values().map(String::as_str).collect();
            let why = ["paused: its company, by ops"; 2];
            assert_eq!(held, if pauses { &why[..] } else { &[] });
            sleep_all(&db.store, batch, NOON).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_is_in_a_workflow_is_read_in_pages() {
    for_each_database(async |db| {
        let mut inside = Vec::new();
        for text in ["a@acme.example", "b@other.example", "c@acme.example"] {
            inside.push(lead_with_mail(&db.store, text).await.0);
        }
        settled_lead(&db.store, "outside@acme.example").await;
        for workflow in [Some("reawaken".into()), None] {
            let after = |lead| db.store.enrolled(workflow.as_ref(), lead, 2);
            assert_eq!(after(LeadId(i64::MIN)).await.unwrap(), inside[..2]);
            assert_eq!(after(inside[1]).await.unwrap(), inside[2..]);
        }
        let stands = db.store.stands().await.unwrap();
        let all = stands.iter().map(|it| (&*it.workflow, &it.version, it.people));
        assert_eq!(all.collect::<Vec<_>>(), [("reawaken", &version(), 3)]);
        let none = db.store.enrolled(Some(&"none".into()), LeadId(i64::MIN), 2).await.unwrap();
        assert_eq!(none, []);
        let people = db.store.people_among(&inside, &"@acme.example".into()).await.unwrap();
        assert_eq!(people, [inside[0], inside[2]]);
    })
    .await;
}

#[tokio::test]
async fn what_guards_count_is_told_by_workflow_and_relay() {
    for_each_database(async |db| {
        let outcomes = [
            sent(),
            Settled::Failed { reason: "550 5.1.1 no such user".into(), hard: true },
            Settled::Failed { reason: "554 5.7.1 we do not like it".into(), hard: false },
            sent(),
        ];
        let mut mails = Vec::new();
        for (n, outcome) in outcomes.into_iter().enumerate() {
            let (lead, message) = lead_with_mail(&db.store, &format!("{n}@example.com")).await;
            claim(&db.store, NOON, TOKEN).await;
            db.store.mark_transmitting(&[(message, TOKEN)], NOON).await.unwrap();
            let relay = Some("main".into());
            let settlement = Settlement { message, token: TOKEN, outcome, relay };
            let batch = db.store.settle(&[settlement], &[], NOON).await.unwrap();
            sleep_all(&db.store, batch, NOON).await;
            mails.push((lead, message));
        }
        let later = NOON + MINUTE;
        assert_eq!(db.store.taken(later, NOON + HOUR).await.unwrap(), []);
        let taken = db.store.taken(NOON, later).await.unwrap();
        assert_eq!(taken, [Taken { workflow: "reawaken".into(), relay: "main".into(), mails: 2 }]);

        for (lead, message, kind, object) in [
            (mails[0].0, mails[0].1, EventKind::MAIL_BOUNCED, Some("hard")),
            (mails[3].0, mails[3].1, EventKind::MAIL_BOUNCED, Some("sender_fault")),
            (mails[3].0, mails[3].1, EventKind::MAIL_COMPLAINED, None),
        ] {
            let mut event = NewEvent::new(lead, kind, later, "inbox");
            (event.message, event.object) = (Some(message), object.map(Into::into));
            db.store.record_events(&[event], later).await.unwrap();
        }
        let ill = |index: usize, is_refused, is_bounce| Ill {
            message: MessageId(mails[index].1.0),
            workflow: "reawaken".into(),
            relay: "main".into(),
            at: NOON,
            is_refused,
            is_bounce,
        };
        let mut found = db.store.ill(NOON).await.unwrap();
        found.sort_by_key(|ill| ill.message);
        assert_eq!(found, [ill(0, false, true), ill(1, true, true), ill(3, false, false)]);
        assert_eq!(db.store.ill(later).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_guard_pauses_once_and_not_by_what_was_before_a_resume() {
    for_each_database(async |db| {
        assert!(db.store.resumed().await.unwrap().is_empty());
        let scope = Scope::Workflow("reawaken".into());
        let alarm = |resumed| Alarm { scope: scope.clone(), reason: "9 of 9".into(), resumed };
        let pauses = async |resumed| db.store.pause_for(&alarm(resumed), NOON).await.unwrap();
        assert!(pauses(None).await);
        assert!(db.store.has_open_sweep().await.unwrap());
        assert!(!pauses(None).await, "another daemon has");
        let pause = db.store.pauses().await.unwrap().remove(0);
        assert_eq!((&*pause.who, pause.because.as_deref()), (GUARD, Some("9 of 9")));
        db.store.resume(&scope, NOON + MINUTE).await.unwrap();
        let resumed = db.store.resumed().await.unwrap();
        assert_eq!(resumed[&scope], NOON + MINUTE);
        assert!(!pauses(None).await, "it looked before that");
        assert!(pauses(Some(NOON + MINUTE)).await);
    })
    .await;
}
