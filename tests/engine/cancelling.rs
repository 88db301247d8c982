//! Enrolments that people cancel.

use nurtured::{
    domain::{event::EventKind, message::MessageState},
    engine::cancelling::{Whose, cancel, concerned},
    store::By,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, Rig, SECOND},
};

const BY: By<'static> = By { who: "ada", because: Some("the offer is over") };

fn campaign() -> Campaign {
    let steps = |mail: &str| {
        format!(
            "enter:\n  when: stage == \"lead\"\n  existing: yes\n  again: after 10d\nsteps:\n  - email: {mail}\n  - wait: 30d\n"
        )
    };
    Campaign::new()
        .workflow("first", &format!("priority: 5\n{}", steps("cold/one")))
        .workflow("second", &steps("cold/two"))
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_ends_with_the_reason_and_other_workflows_go_on() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let leads = [rig.lead("a@acme.example", &[]).await, rig.lead("b@b.example", &[]).await];
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        let first = Some("first".into());
        let whose = Whose::Account("@acme.example".into());
        assert_eq!(concerned(&rig.store, first.as_ref(), &whose).await.unwrap(), leads[..1]);
        assert_eq!(concerned(&rig.store, None, &Whose::Everybody).await.unwrap(), leads);
        let none = concerned(&rig.store, Some(&"none".into()), &Whose::Lead(leads[0])).await;
        assert_eq!(none.unwrap(), []);

        let now = rig.clock.now();
        let told = cancel(&rig.store, &leads[..1], first.as_ref(), BY, now, |_| ()).await.unwrap();
        assert_eq!(told, 1);
        rig.tick_after(SECOND).await;
        rig.tick_after(SECOND).await;
        assert_eq!(rig.subjects_to("a@acme.example"), ["Two"], "it was withdrawn and made way");
        assert_eq!(rig.subjects_to("b@b.example"), ["One", "Two"]);
        let ended = rig.enrolments(leads[0]).await;
        let ended = ended.iter().find(|enrolment| &*enrolment.workflow == "first").unwrap();
        assert_eq!(ended.state, "cancelled");
        assert_eq!(ended.reason.as_deref(), Some("by ada: the offer is over"));
        assert_eq!(rig.states(leads[0]).await[0], ("cold/one".into(), MessageState::Cancelled));
        assert_eq!(
            concerned(&rig.store, first.as_ref(), &Whose::Everybody).await.unwrap(),
            leads[1..]
        );

        // Nobody is let in sooner than by `again`.
        rig.walk(rig.clock.now() + 9 * DAY).await;
        assert_eq!(rig.mails_to("a@acme.example").len(), 1);
        rig.walk(rig.clock.now() + 2 * DAY).await;
        assert_eq!(rig.subjects_to("a@acme.example"), ["Two", "One"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_claimed_when_its_lead_is_cancelled_does_not_go() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let lead = rig.lead("a@a.example", &[]).await;
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        let now = rig.clock.now();
        let token = nurtured::store::records::ClaimToken(7);
        let claimed = rig
            .store
            .claim_messages(&nurtured::store::Route::own(&"main".into()), now, token, DAY, 9)
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
        cancel(&rig.store, &[lead], None, BY, now, |_| ()).await.unwrap();
        let marked = rig.store.mark_transmitting(&[(claimed[0].id, token)], now).await.unwrap();
        assert_eq!(marked, [false]);
        // It is sent before it is decided: it is asked whether it may go, and may not.
        let stop = tokio_util::sync::CancellationToken::new();
        let tally = rig.engine.send(nurtured::engine::sending::Until::Quiet, &stop).await.unwrap();
        assert_eq!((tally.sent, tally.cancelled), (0, 1));
        let ended = rig.enrolments(lead).await;
        assert!(ended.iter().all(|it| it.state == "cancelled"), "{ended:?}");
        rig.tick_after(DAY).await;
        assert_eq!(rig.smtp.count(), 0);
    })
    .await;
}

/// Deciders and a sender go on beside; each lead ends once, and nobody is told of a mail that came later.
#[tokio::test(flavor = "multi_thread")]
async fn cancelling_goes_beside_deciding_and_sending() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let emails: Vec<String> = (0..120).map(|n| format!("p{n}@a.example")).collect();
        let mut leads = rig.leads(&emails, &[]).await;
        leads.sort_unstable();
        rig.engine.take_over().await.unwrap();
        let live = rig.engine.live().unwrap();
        rig.engine.decide_due(&live, rig.clock.now()).await.unwrap();
        let ticking = {
            let (engine, now) = (rig.engine.clone(), rig.clock.now());
            tokio::spawn(async move { engine.tick(now).await.unwrap() })
        };
        while rig.smtp.count() < 3 {
            tokio::task::yield_now().await;
        }
        let inside = concerned(&rig.store, None, &Whose::Everybody).await.unwrap();
        assert_eq!(inside, leads);
        let now = rig.clock.now();
        cancel(&rig.store, &inside, None, BY, now, |_| ()).await.unwrap();
        let mut may = 0;
        for lead in &leads {
            let states = rig.states(*lead).await;
            let left = [MessageState::Transmitting, MessageState::Sent];
            may += states.iter().filter(|(_, state)| left.contains(state)).count();
        }
        ticking.await.unwrap();
        rig.tick_after(SECOND).await;
        assert_eq!(rig.smtp.count(), may, "none went past its point of no return after it");
        for lead in &leads {
            let ended = rig.enrolments(*lead).await;
            assert_eq!(ended.len(), 2);
            assert!(ended.iter().all(|it| it.state == "cancelled"), "{ended:?}");
            assert_eq!(rig.events(*lead, &EventKind::ENROLMENT_CANCELLED).await.len(), 1);
        }
    })
    .await;
}
