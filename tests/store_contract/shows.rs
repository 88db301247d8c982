use nurtured::{
    domain::{
        decision::{LedgerLine, ScoreKind, Verb},
        event::Judgement,
        id::{LeadId, Rev},
        message::MessageState,
        score::MilliPoints,
    },
    store::records::{Deferred, LedgerRow, Parked, Settled},
};

use super::made::*;
use crate::support::{databases::for_each_database, engine::behind};

#[tokio::test]
async fn a_timeline_tells_events_and_decisions_in_order() {
    for_each_database(async |db| {
        let lead = import(&db.store, &["a@example.com"]).await[0];
        decide(&db.store, lead, |decision| {
            decision.log.push(line(Verb::Entered, "cold"));
            decision.log.push(line(Verb::Reserved, "cold/report"));
        })
        .await;
        let mut click = clicked(lead);
        click.object = Some("/pricing".into());
        click.occurred_at = NOON + MINUTE;
        click.judgement = Judgement::Unsure;
        click.settles_at = Some(NOON + 2 * MINUTE);
        db.store.record_events(&[click], NOON + MINUTE).await.unwrap();
        let rows = db.store.timeline(lead, 100).await.unwrap();
        let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
        assert_eq!(
            kinds,
            ["lead.imported", "decision.entered", "decision.reserved", "mail.clicked"]
        );
        assert_eq!(rows[1].workflow.as_deref(), Some("reawaken"));
        assert_eq!(rows[1].detail.as_deref(), Some("cold"));
        assert_eq!(rows[3].object.as_deref(), Some("/pricing"));
        assert_eq!((rows[0].judgement, rows[0].settles_at), (Some(Judgement::Human), None));
        assert_eq!(rows[3].judgement, Some(Judgement::Unsure));
        assert_eq!(rows[3].settles_at, Some(NOON + 2 * MINUTE));
        let last: Vec<String> =
            db.store.timeline(lead, 2).await.unwrap().into_iter().map(|row| row.kind).collect();
        assert_eq!(last, kinds[2..]);
        assert!(db.store.timeline(LeadId(4), 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_ledger_keeps_every_line() {
    for_each_database(async |db| {
        let lead = settled_lead(&db.store, "a@example.com").await;
        let mut click = clicked(lead);
        click.object = Some("cold/report".into());
        db.store.record_events(&[click], NOON).await.unwrap();
        let hit = db.store.record(lead).await.unwrap().unwrap().rev;
        let entry = |rule: &str, points, event| LedgerLine {
            score: ScoreKind::Engagement,
            rule: rule.into(),
            points: MilliPoints(points),
            at: NOON,
            reason: "clicked".into(),
            event,
        };
        // Events are not kept as long as points.
        let forgotten = Some(Rev(1_000));
        let lines = [
            entry("click", 5_000, Some(hit)),
            entry("click", 5_000, forgotten),
            entry("silence", -1, None),
        ];
        decide(&db.store, lead, |decision| decision.ledger = lines[..2].to_vec()).await;
        decide(&db.store, lead, |decision| decision.ledger = lines[2..].to_vec()).await;
        let objects = [Some("cold/report".into()), None, None];
        let rows = lines.into_iter().zip(objects).map(|(line, object)| LedgerRow { line, object });
        assert_eq!(db.store.ledger(lead).await.unwrap(), rows.collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn what_is_deferred_is_told_by_its_reason() {
    for_each_database(async |db| {
        assert!(db.store.deferred(9).await.unwrap().is_empty());
        let mails =
            [("a@a.example", "no relay"), ("b@a.example", "busy"), ("c@a.example", "no relay")];
        for (address, reason) in mails {
            let (_, mail) = lead_with_mail(&db.store, address).await;
            claim(&db.store, NOON, TOKEN).await;
            let until = NOON + HOUR;
            let later = Settled::Deferred { until, reason: reason.into(), counted: false };
            assert!(settle(&db.store, mail, TOKEN, later).await);
        }
        lead_with_mail(&db.store, "d@a.example").await;
        let group = |reason: &str, number| Deferred { reason: reason.into(), number };
        let told = db.store.deferred(9).await.unwrap();
        assert_eq!(told, [group("no relay", 2), group("busy", 1)]);
        assert_eq!(db.store.deferred(1).await.unwrap(), told[..1]);
    })
    .await;
}

#[tokio::test]
async fn what_is_parked_is_told_by_its_reason_and_in_the_timeline() {
    for_each_database(async |db| {
        assert!(db.store.parked(9).await.unwrap().is_empty());
        let mut leads = Vec::new();
        for (address, reason) in
            [("a@a.example", "no name"), ("b@a.example", "no name"), ("c@a.example", "no seats")]
        {
            let (lead, mail) = lead_with_mail(&db.store, address).await;
            claim(&db.store, NOON, TOKEN).await;
            let parked = Settled::Parked { reason: reason.into() };
            assert!(settle(&db.store, mail, TOKEN, parked).await);
            leads.push(lead);
        }
        behind(db, format!("INSERT INTO parked_leads VALUES ({}, 'it panicked', 1)", leads[2].0))
            .await;
        let group = |template: Option<&str>, reason: &str, number, lead: usize| Parked {
            template: template.map(Into::into),
            reason: reason.into(),
            number,
            lead: leads[lead],
            example: Some(address(["a@a.example", "b@a.example", "c@a.example"][lead])),
        };
        let told = db.store.parked(9).await.unwrap();
        let first = usize::from(leads[1] < leads[0]);
        assert_eq!(told[0], group(Some("cold/report"), "no name", 2, first));
        assert_eq!(told.len(), 3);
        for group in
            [group(Some("cold/report"), "no seats", 1, 2), group(None, "it panicked", 1, 2)]
        {
            assert!(told.contains(&group), "{told:?}");
        }
        // However many reasons leads have, they leave the mails' their places.
        let most =
            [group(Some("cold/report"), "no name", 2, first), group(None, "it panicked", 1, 2)];
        assert_eq!(db.store.parked(1).await.unwrap(), most);

        let line = async || db.store.timeline(leads[0], 100).await.unwrap().pop().unwrap();
        let parked = line().await;
        assert_eq!((parked.kind.as_str(), parked.at), ("mail.parked", NOON));
        assert_eq!(parked.object.as_deref(), Some("cold/report"));
        assert_eq!(parked.detail.as_deref(), Some("no name"));
        db.store.try_parked_again(NOON).await.unwrap();
        assert_ne!(line().await.kind, "mail.parked");
        let left = db.store.parked(9).await.unwrap();
        assert!(left.iter().all(|group| group.template.is_none()), "{left:?}");
    })
    .await;
}

#[tokio::test]
async fn the_census_counts() {
    for_each_database(async |db| {
        let (lead, _) = lead_with_mail(&db.store, "a@example.com").await;
        import(&db.store, &["b@example.com"]).await;
        let census = db.store.census(NOON).await.unwrap();
        assert_eq!((census.leads, census.by_stage["lead"]), (2, 2));
        assert_eq!((census.messages["reserved"], census.enrolments_active), (1, 1));
        assert_eq!((census.due, census.parked_leads), (1, 0));
        assert_eq!(db.store.due_leads(NOON).await.unwrap(), 1);
        let mut counted = Vec::new();
        for word in MessageState::ALL.map(MessageState::word) {
            behind(db, format!("UPDATE messages SET state = '{word}'")).await;
            counted.extend(db.store.census(NOON).await.unwrap().messages);
        }
        assert_eq!(counted, MessageState::ALL.map(|state| (state.word().into(), 1)));
        let shown = db.store.enrolments(lead).await.unwrap();
        assert_eq!((shown[0].state.as_str(), &*shown[0].step), ("ready", "hello"));
    })
    .await;
}

#[tokio::test]
async fn all_leads_are_gone_through_in_steps() {
    for_each_database(async |db| {
        let mut all = import(&db.store, &["a@example.com", "b@example.com", "c@example.com"]).await;
        all.sort_unstable();
        let mut seen = Vec::new();
        loop {
            let last = seen.last().copied().unwrap_or(LeadId(i64::MIN));
            let step = db.store.leads_after(last, 2).await.unwrap();
            if step.is_empty() {
                break;
            }
            assert!(step.len() <= 2);
            seen.extend(step);
        }
        assert_eq!(seen, all);
    })
    .await;
}

#[tokio::test]
async fn records_are_those_that_are_asked_for_each_as_if_alone() {
    for_each_database(async |db| {
        let (first, _) = lead_with_mail(&db.store, "a@example.com").await;
        let others = import(&db.store, &["b@example.com", "c@example.com"]).await;
        let asked = [others[1], LeadId(4), first];
        let mut records = db.store.records(&asked).await.unwrap();
        records.sort_by_key(|record| record.address.as_str().to_owned());
        let addresses: Vec<&str> = records.iter().map(|record| record.address.as_str()).collect();
        assert_eq!(addresses, ["a@example.com", "c@example.com"]);
        for record in &records {
            let alone = db.store.record(record.lead).await.unwrap();
            assert_eq!(format!("{alone:?}"), format!("{:?}", Some(record)));
        }
    })
    .await;
}

#[tokio::test]
async fn it_is_counted_how_many_are_inside_of_each_workflow() {
    for_each_database(async |db| {
        assert!(db.store.inside().await.unwrap().is_empty());
        let leads = import(&db.store, &["a@example.com", "b@example.com"]).await;
        for lead in leads {
            decide(&db.store, lead, |decision| decision.enrolments.push(entered(1))).await;
        }
        assert_eq!(db.store.inside().await.unwrap(), [("reawaken".into(), 2)].into());
    })
    .await;
}
