use std::{collections::BTreeMap, time::Duration};

use nurtured::{
    domain::{
        decision::{LedgerLine, LogLine, MadeEvent, ScoreKind, Verb},
        event::{EventKind, Judgement},
        id::IdSource,
        lead::{Due, Ended, Held, Outcome, Phase, Stage},
        score::MilliPoints,
        time::Instant,
        value::Value,
        workflow::Version,
    },
    store::records::{
        Again, BackCount, Behind, Happened, Inside, MailCount, NewEvent, OpenCount, PassedOver,
        Period, Queue, Settled, Standing, WorkflowFigures,
    },
};

use super::made::*;
use crate::support::databases::for_each_database;

fn standing(step: &str, state: &str, why: &str, number: u64) -> Standing {
    Standing {
        version: version(),
        step: step.into(),
        state: state.into(),
        turns: Vec::new(),
        why: why.into(),
        number,
    }
}

fn passed_over(what: Verb) -> LogLine {
    LogLine { step: Some("hello".into()), ..line(what, "too late") }
}

#[tokio::test]
async fn enrolments_are_counted_by_where_they_stand_and_how_they_came_there() {
    for_each_database(async |db| {
        let store = &db.store;
        let leads = import(store, &["a@example.com", "b@example.com", "c@example.com"]).await;
        let turns = vec![("hello".into(), "wait".into())];
        let due = Due { at: NOON + HOUR, civil: None };
        decide(store, leads[0], |decision| {
            let mut change = entered(1);
            change.enrolment.step = "wait".into();
            change.enrolment.turns.clone_from(&turns);
            change.enrolment.phase = Phase::Waiting { due };
            decision.enrolments.push(change);
            decision.log.push(passed_over(Verb::Skipped));
            // What names no step is of none.
            decision.log.push(line(Verb::Skipped, "past"));
        })
        .await;
        // Two that are held for one reason until different instants are one group.
        for (lead, hours) in [(leads[1], 1), (leads[2], 2)] {
            decide(store, lead, |decision| {
                let mut change = entered(1);
                let reason = "outside of \"it\", [a]".to_owned();
                let held = Held { reason, until: NOON + hours * HOUR };
                change.enrolment.phase = Phase::Ready { held: Some(held) };
                decision.enrolments.push(change);
            })
            .await;
        }
        // One that ended before, and one of another workflow.
        decide(store, leads[2], |decision| {
            let mut before = entered(2);
            before.enrolment.entered_at = NOON - HOUR;
            let reason = "replied()".to_owned();
            before.ended = Some(Ended { at: NOON, outcome: Outcome::Left, reason });
            decision.enrolments.push(before);
            let expired = passed_over(Verb::Expired);
            decision.log.extend([expired.clone(), expired, passed_over(Verb::Held)]);
            let mut other = entered(3);
            other.enrolment.workflow = "other".into();
            decision.enrolments.push(other);
        })
        .await;
        let figures = store.workflow_figures("reawaken", Period::ALL, NOON).await.unwrap();
        let sorted = |mut standings: Vec<Standing>| {
            standings.sort_by_key(|one| (one.step.clone(), one.state.clone()));
            standings
        };
        let waiting = Standing { turns: turns.clone(), ..standing("wait", "waiting", "", 1) };
        let left = standing("hello", "left", "replied()", 1);
        let held = standing("hello", "ready", "outside of \"it\", [a]", 2);
        assert_eq!(sorted(figures.standings), [left.clone(), held, waiting]);
        let again = Again {
            lead: leads[2],
            version: version(),
            step: "hello".into(),
            turns: Vec::new(),
            finished: false,
        };
        assert_eq!(figures.again, [again.clone(), again]);

        let passed = |what: &str| PassedOver { step: "hello".into(), what: what.into(), leads: 1 };
        assert_eq!(figures.passed_over, [passed("expired"), passed("skipped")]);

        let before = Period { from: NOON - HOUR, until: NOON };
        let figures = store.workflow_figures("reawaken", before, NOON).await.unwrap();
        assert_eq!(figures.standings, [left]);
        assert_eq!(figures.passed_over, [passed("expired")]);
        let none = store.workflow_figures("nothing", Period::ALL, NOON).await.unwrap();
        assert_eq!(none, WorkflowFigures::default());

        // The way that was gone comes back with the enrolment.
        let batch = store.lock_leads(&[leads[0]]).await.unwrap();
        assert_eq!(batch.records[0].enrolments[0].turns, turns);
        drop(batch);

        assert_eq!(store.ended().await.unwrap(), BTreeMap::from([("left".into(), 1)]));
        let inside = store.standing().await.unwrap();
        let expected =
            |workflow: &str, state: &str, why: &str, number, due_at, last_due_at| Inside {
                workflow: workflow.into(),
                state: state.into(),
                why: why.into(),
                number,
                due_at,
                last_due_at,
            };
        assert_eq!(
            inside,
            [
                expected(
                    "reawaken",
                    "ready",
                    "outside of \"it\", [a]",
                    2,
                    NOON + HOUR,
                    NOON + 2 * HOUR
                ),
                expected("other", "ready", "", 1, Instant::NEVER, Instant::NEVER),
                expected("reawaken", "waiting", "", 1, NOON + HOUR, NOON + HOUR),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn mails_and_what_came_back_are_counted_by_step_and_lead() {
    for_each_database(async |db| {
        let store = &db.store;
        let mut mails = Vec::new();
        for name in ["a", "b", "c", "d"] {
            mails.push(lead_with_mail(store, &format!("{name}@example.com")).await);
        }
        claim(store, NOON, TOKEN).await;
        let ids: Vec<_> = mails.iter().map(|(_, id)| *id).collect();
        for id in &ids[..2] {
            store.mark_transmitting(&[(*id, TOKEN)], NOON).await.unwrap();
            assert!(settle(store, *id, TOKEN, sent()).await);
        }
        let put_off =
            Settled::Deferred { until: NOON + HOUR, reason: "full".into(), counted: true };
        assert!(settle(store, ids[2], TOKEN, put_off).await);
        let hit = |place: usize, kind, judgement, settles| {
            let (lead, message) = mails[place];
            let mut event = NewEvent::new(lead, kind, NOON, "http");
            event.judgement = judgement;
            event.settles_at = settles;
            event.message = Some(message);
            event
        };
        let soon = Some(NOON + MINUTE);
        let events = [
            hit(0, EventKind::MAIL_CLICKED, Judgement::Human, None),
            hit(0, EventKind::MAIL_CLICKED, Judgement::Unsure, soon),
            hit(1, EventKind::MAIL_CLICKED, Judgement::Unsure, soon),
            hit(1, EventKind::MAIL_CLICKED, Judgement::Unsure, soon),
            hit(1, EventKind::MAIL_CLICKED, Judgement::Machine, None),
            hit(1, EventKind::LEAD_REPLIED, Judgement::Human, None),
        ];
        store.record_events(&events, NOON).await.unwrap();
        let count = |state: &str, number| MailCount {
            step: "hello".into(),
            state: state.into(),
            mails: number,
            leads: number,
        };
        let figures = store.workflow_figures("reawaken", Period::ALL, NOON).await.unwrap();
        assert_eq!(figures.mails, [count("sent", 2)]);
        let mut open = figures.open;
        open.sort_by_key(|found| found.state.clone());
        let waits = |state: &str, reason: &str| OpenCount {
            step: "hello".into(),
            state: state.into(),
            reason: reason.into(),
            number: 1,
        };
        assert_eq!(open, [waits("claimed", ""), waits("deferred", "full")]);
        let clicked = EventKind::MAIL_CLICKED;
        let back = |back: Vec<BackCount>, kind: &EventKind, behind| -> (u64, u64) {
            let found = back.iter().filter(|one| one.kind == *kind && one.behind == behind);
            found.fold((0, 0), |sum, one| (sum.0 + one.events, sum.1 + one.leads))
        };
        let at = async |now| {
            let figures = store.workflow_figures("reawaken", Period::ALL, now).await.unwrap();
            figures.back
        };
        // Until they have settled nobody knows; then who is known already is not counted twice.
        assert_eq!(back(at(NOON).await, &clicked, Behind::Human), (1, 1));
        assert_eq!(back(at(NOON).await, &clicked, Behind::Unsure), (3, 2));
        assert_eq!(back(at(NOON + MINUTE).await, &clicked, Behind::Human), (4, 2));
        assert_eq!(back(at(NOON + MINUTE).await, &clicked, Behind::Unsure), (0, 0));
        assert_eq!(back(at(NOON).await, &clicked, Behind::Machine), (1, 1));
        assert_eq!(back(at(NOON).await, &EventKind::LEAD_REPLIED, Behind::Human), (1, 1));
        // A later judgement of a hit counts.
        let rev = store.events_of(mails[0].0).await.unwrap();
        let human = rev.iter().find(|event| event.kind == clicked).unwrap().rev;
        let mut revised = hit(0, EventKind::JUDGEMENT_REVISED, Judgement::Machine, None);
        revised.revises = Some(human);
        store.record_events(&[revised], NOON).await.unwrap();
        assert_eq!(back(at(NOON).await, &clicked, Behind::Human), (0, 0));
        assert_eq!(back(at(NOON).await, &clicked, Behind::Machine), (2, 2));

        let later = Period { from: NOON + HOUR, until: Instant::NEVER };
        let nobody = store.workflow_figures("reawaken", later, NOON).await.unwrap();
        assert_eq!(nobody, WorkflowFigures::default());

        let queue = |state: &str, reason: &str, due_at| Queue {
            workflow: "reawaken".into(),
            via: "main".into(),
            state: state.into(),
            reason: reason.into(),
            number: 1,
            due_at,
            last_due_at: due_at,
        };
        // A notice is none of the mails that wait.
        decide(store, mails[0].0, |decision| decision.messages.push(notice(1, "ada"))).await;
        let queues = store.queues().await.unwrap();
        assert_eq!(queues, [queue("claimed", "", NOON), queue("deferred", "full", NOON + HOUR)]);
        let due = store.due_per_hour(NOON, 3).await.unwrap();
        assert_eq!(due, [(0, 0), (1, 0), (0, 0)]);
    })
    .await;
}

#[tokio::test]
async fn stages_and_deals_are_read_in_the_order_in_which_each_lead_went() {
    for_each_database(async |db| {
        let store = &db.store;
        let leads = import(store, &["a@example.com", "b@example.com"]).await;
        for (lead, stage) in
            [(leads[1], Stage::Mql), (leads[0], Stage::Mql), (leads[1], Stage::Sql)]
        {
            decide(store, lead, |decision| {
                decision.stage = Some((stage, NOON));
                decision.events.push(MadeEvent {
                    kind: EventKind::STAGE_CHANGED,
                    object: Some(stage.word().into()),
                    reason: format!("lead → {stage}: so"),
                });
            })
            .await;
        }
        let mut won = NewEvent::new(leads[0], EventKind::DEAL_WON, NOON, "deals.csv");
        won.object = Some("X1".into());
        won.data.insert("amount".into(), Value::Text("1200.50".into()));
        won.data.insert("currency".into(), Value::Text("EUR".into()));
        let made = NewEvent::new(leads[0], EventKind::HANDOFF_MADE, NOON, "sales");
        store.record_events(&[made.clone(), made, won], NOON).await.unwrap();
        let hand_offs = store.hand_offs(Period::ALL).await.unwrap();
        assert_eq!(hand_offs, BTreeMap::from([("handoff.made".into(), (2, 1))]));
        // What was entered late counts when it happened.
        let early = NOON - Duration::from_hours(48);
        let accepted = NewEvent::new(leads[0], EventKind::HANDOFF_ACCEPTED, early, "crm");
        store.record_events(&[accepted], NOON).await.unwrap();
        let before = store.hand_offs(Period { until: NOON, ..Period::ALL }).await.unwrap();
        assert_eq!(before, BTreeMap::from([("handoff.accepted".into(), (1, 1))]));
        let (changes, deals) = store.milestones().await.unwrap();
        let went: Vec<_> = changes.iter().map(|change| (change.lead, change.to)).collect();
        let mut expected =
            vec![(leads[0], Stage::Mql), (leads[1], Stage::Mql), (leads[1], Stage::Sql)];
        expected.sort_by_key(|(lead, _)| *lead);
        assert_eq!(went, expected);
        assert_eq!(changes[0].reason, "lead → mql: so");
        assert_eq!(deals[0].id.as_deref(), Some("X1"));
        assert_eq!((deals[0].amount, deals[0].currency.as_deref()), (Some(1200.5), Some("EUR")));
        // What cannot be summed is no amount.
        let odd = ["nan", "inf", "$500"].map(|amount| {
            let mut odd = NewEvent::new(leads[1], EventKind::DEAL_WON, NOON, "crm");
            odd.data.insert("amount".into(), Value::Text(amount.into()));
            odd
        });
        store.record_events(&odd, NOON).await.unwrap();
        let (_, deals) = store.milestones().await.unwrap();
        let amounts: Vec<f64> = deals.iter().filter_map(|deal| deal.amount).collect();
        assert_eq!(amounts, [1200.5]);
        let cohorts = store.cohorts().await.unwrap();
        let mut counted: Vec<_> = cohorts.iter().map(|one| (one.stage, one.leads)).collect();
        counted.sort_unstable();
        assert_eq!(counted, [(Stage::Mql, 1), (Stage::Sql, 1)]);
        assert!(cohorts.iter().all(|one| one.from == NOON), "{cohorts:?}");
        assert_eq!(IdSource::made_at(leads[0].0), NOON);
    })
    .await;
}

#[tokio::test]
async fn what_happened_in_a_period_is_counted_and_who_gained_most() {
    for_each_database(async |db| {
        let store = &db.store;
        let (lead, mail) = lead_with_mail(store, "a@example.com").await;
        let (other, _) = lead_with_mail(store, "b@example.com").await;
        claim(store, NOON, TOKEN).await;
        store.mark_transmitting(&[(mail, TOKEN)], NOON).await.unwrap();
        assert!(settle(store, mail, TOKEN, sent()).await);
        let mut bounced = NewEvent::new(other, EventKind::MAIL_BOUNCED, NOON, "inbox");
        bounced.object = Some("soft".into());
        let replied = NewEvent::new(other, EventKind::LEAD_REPLIED, NOON, "inbox");
        let won = [(lead, Some("X1")), (other, Some("X1")), (lead, None), (lead, None)];
        let won = won.map(|(lead, deal)| NewEvent {
            object: deal.map(Into::into),
            ..NewEvent::new(lead, EventKind::DEAL_WON, NOON, "deals.csv")
        });
        store.record_events(&[bounced, replied], NOON).await.unwrap();
        store.record_events(&won, NOON).await.unwrap();
        // An import brings what happened long ago.
        let old = NewEvent::new(lead, EventKind::DEAL_WON, NOON - HOUR, "deals.csv");
        store.record_events(&[old], NOON).await.unwrap();
        let gain = |rule: &str, points, at| LedgerLine {
            score: ScoreKind::Engagement,
            rule: rule.into(),
            points: MilliPoints(points),
            at,
            reason: String::new(),
            event: None,
        };
        decide(store, lead, |decision| {
            decision.ledger.extend([
                gain("opened", 1_000, NOON),
                gain("clicked", 5_000, NOON),
                gain("clicked", 5_000, NOON),
                gain("long-ago", 90_000, NOON - HOUR),
            ]);
            decision.log.push(LogLine {
                workflow: Some("w".into()),
                ..line(Verb::NotEntered, "no ground")
            });
        })
        .await;
        decide(store, other, |decision| decision.ledger.push(gain("opened", 1_000, NOON))).await;
        let now = Period { from: NOON, until: NOON + MINUTE };
        let happened = store.happened(now).await.unwrap();
        assert_eq!((happened.new_leads, happened.decided, happened.entered), (2, 2, 2));
        assert_eq!(happened.mails, BTreeMap::from([("sent".into(), 1)]));
        // A deal with two leads is one.
        let events = BTreeMap::from([
            ("mail.bounced.soft".into(), 1),
            ("lead.replied".into(), 1),
            ("deal.won".into(), 3),
        ]);
        assert_eq!(happened.events, events);
        let before = Period { from: NOON - HOUR, until: NOON };
        assert_eq!(store.happened(before).await.unwrap(), Happened::default());

        let gained = store.gained(now, 10).await.unwrap();
        let told: Vec<_> = gained.iter().map(|one| (one.address.as_str(), one.gained)).collect();
        assert_eq!(told, [("a@example.com", 11_000), ("b@example.com", 1_000)]);
        assert_eq!(gained[0].rules, [("clicked".into(), 10_000, 2), ("opened".into(), 1_000, 1)]);
        assert_eq!(store.gained(now, 1).await.unwrap().len(), 1);
        assert_eq!(store.refusals(5).await.unwrap(), [("no ground".to_owned(), 1)]);
    })
    .await;
}

#[tokio::test]
async fn workflows_that_were_live_once_are_known_by_name() {
    use nurtured::domain::artefact::{Artefact, ArtefactKind};
    for_each_database(async |db| {
        assert!(db.store.workflow_names().await.unwrap().is_empty());
        let artefact = |kind, name: &str| Artefact {
            kind,
            name: name.into(),
            version: Version("0".repeat(32).into()),
            file: "workflows/a.yaml".into(),
            content: String::new(),
        };
        let artefacts = [
            artefact(ArtefactKind::Workflow, "reawaken"),
            artefact(ArtefactKind::Policy, "policy"),
        ];
        db.store.save_release(&artefacts, &[], &BTreeMap::new(), "ada", "", NOON).await.unwrap();
        assert_eq!(db.store.workflow_names().await.unwrap(), ["reawaken"]);
    })
    .await;
}
