//! Guards: too many bounces or complaints pause a workflow and a relay, until somebody takes them up.

use nurtured::{
    domain::{event::EventKind, id::LeadId, pause::Scope},
    engine::audience::{Audience, over},
    store::records::NewEvent,
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, Setup},
    smtp::{Act, At, Moment, Script, say},
};

const GUARDS: &str = "  guards: { bounces: 10% of 20, complaints: 5% of 20, audience: 10 }\n";

fn campaign(guards: &str) -> Campaign {
    let policy = "policy:\n  zone: UTC\n  language: en\n  tracking: with insights\n  purposes:\n    \
                  insights: { label: Industry insights, basis: [consent] }\n";
    let steps = "enter:\n  when: city == \"CITY\"\n  existing: yes\nsteps:\n  - email: cold/one\n";
    Campaign::new()
        .file("workflows/policy.yaml", &format!("{policy}{guards}"))
        .workflow("first", &steps.replace("CITY", "Rome"))
        .workflow("second", &steps.replace("CITY", "Paris"))
        .mail("cold/one", "One")
}

/// Refuses whoever is called `gone`; of them the address does not exist.
fn strict() -> Setup {
    let relay = Script::new().on(|moment: Moment<'_>| {
        if moment.at == At::Rcpt && moment.recipient.starts_with("gone") {
            say("550 5.1.1 no such user")
        } else {
            Act::Default
        }
    });
    Setup { relay, ..Setup::default() }
}

async fn leads(rig: &Rig, name: &str, city: &str, number: usize) -> Vec<LeadId> {
    let emails: Vec<String> = (0..number).map(|n| format!("{name}-{n}@{city}.example")).collect();
    rig.leads(&emails, &[("city", city)]).await
}

async fn paused(rig: &Rig) -> Vec<String> {
    rig.store.pauses().await.unwrap().iter().map(|pause| pause.scope.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_bounces_pause_the_workflow_and_the_relay_until_they_are_resumed() {
    for_each_database(async |db| {
        let rig = Rig::with(db, &campaign(GUARDS), strict()).await;
        leads(&rig, "here", "Rome", 15).await;
        leads(&rig, "here", "Paris", 30).await;
        rig.tick().await;
        leads(&rig, "gone", "Rome", 3).await;
        rig.tick_after(MINUTE).await;
        assert_eq!(paused(&rig).await, [""; 0], "18 are too few to tell");
        leads(&rig, "here", "Rome", 16).await;
        leads(&rig, "gone", "Rome", 4).await;
        rig.tick_after(MINUTE).await;
        rig.tick_after(MINUTE).await;
        // One more was imported anew: 15 + 1 that came, 4 that did not.
        assert_eq!(paused(&rig).await, ["first"], "of the relay's mails less than a tenth bounced");
        let [pause] = &rig.store.pauses().await.unwrap()[..] else { panic!("one") };
        let because = pause.because.as_deref().unwrap();
        assert_eq!(pause.who, "guard");
        assert!(because.starts_with("4 of 20 mails since "), "{because}");
        assert!(because.ends_with(" bounced: 20%, over 10% of 20"), "{because}");

        // It goes on being paused, also for another daemon; the other workflow goes on.
        let (other, _) = rig.restarted().await;
        other.tick(rig.clock.now()).await.unwrap();
        let before = rig.smtp.count();
        leads(&rig, "late", "Rome", 1).await;
        leads(&rig, "late", "Paris", 1).await;
        rig.tick_after(DAY).await;
        assert_eq!(rig.smtp.count(), before + 1);

        // What was before the resume counts no more.
        let scope = Scope::Workflow("first".into());
        rig.store.resume(&scope, rig.clock.now()).await.unwrap();
        rig.tick_after(MINUTE).await;
        rig.tick_after(HOUR).await;
        assert_eq!(rig.smtp.count(), before + 2);
        assert_eq!(paused(&rig).await, [""; 0]);
        leads(&rig, "again", "Rome", 17).await;
        leads(&rig, "gone-again", "Rome", 3).await;
        rig.tick_after(MINUTE).await;
        rig.tick_after(MINUTE).await;
        assert_eq!(paused(&rig).await, ["first"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_and_late_bounces_count_by_their_mails() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign(GUARDS)).await;
        let leads = leads(&rig, "here", "Rome", 40).await;
        rig.tick().await;
        rig.clock.set(rig.clock.now() + 6 * DAY);
        let tell = async |lead: LeadId, kind: EventKind, object: Option<&str>| {
            let now = rig.clock.now();
            let mut event = NewEvent::new(lead, kind, now, "inbox");
            event.object = object.map(Into::into);
            event.message = Some(rig.messages(lead).await[0].id);
            rig.store.record_events(&[event], now).await.unwrap();
        };
        for lead in &leads[..6] {
            tell(*lead, EventKind::MAIL_BOUNCED, Some("sender_fault")).await;
        }
        for lead in &leads[..2] {
            tell(*lead, EventKind::MAIL_COMPLAINED, None).await;
        }
        // Told twice of the same mail.
        tell(leads[0], EventKind::MAIL_COMPLAINED, None).await;
        rig.tick_after(MINUTE).await;
        assert_eq!(paused(&rig).await, [""; 0], "2 of 40 are not more than 5%");
        tell(leads[2], EventKind::MAIL_COMPLAINED, None).await;
        rig.tick_after(MINUTE).await;
        assert_eq!(paused(&rig).await, ["first", "relay:main"]);
        // Old mails count no more.
        for scope in ["first", "relay:main"] {
            rig.store.resume(&scope.into(), rig.clock.now()).await.unwrap();
        }
        rig.tick_after(2 * DAY).await;
        for lead in &leads[10..20] {
            tell(*lead, EventKind::MAIL_BOUNCED, Some("hard")).await;
        }
        rig.tick_after(MINUTE).await;
        assert_eq!(paused(&rig).await, [""; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_release_would_take_in_is_counted_where_it_is_new() {
    for_each_database(async |db| {
        let small = campaign(GUARDS);
        let rig = Rig::new(db, &small).await;
        leads(&rig, "a", "Rome", 11).await;
        leads(&rig, "a", "Paris", 3).await;
        let of = async |campaign: &Campaign, most| {
            over(&rig.store, &campaign.definitions(), most, rig.clock.now()).await.unwrap()
        };
        assert_eq!(of(&small, None).await, [], "just these are live");
        let steps = "steps:\n  - email: cold/one\n";
        let entering = |enter: &str| small.clone().workflow("third", &format!("enter:\n{enter}{steps}"));
        let rome = entering("  when: city == \"Rome\"\n  existing: yes\n");
        let found = [Audience { workflow: "third".into(), leads: 11 }];
        assert_eq!(of(&rome, None).await, found);
        assert_eq!(of(&rome, Some(11)).await, []);
        let shown = of(&rome, Some(3)).await[0].to_string();
        assert_eq!(shown, "`third` would take in up to 11 leads at once");
        for enter in [
            "  when: city == \"Rome\"\n  existing: no\n",
            "  when: city == \"Paris\"\n  existing: yes\n",
            "  event: lead.imported\n",
        ] {
            assert_eq!(of(&entering(enter), None).await, [], "{enter}");
        }
        let unguarded = campaign("").workflow(
            "third",
            &format!("enter:\n  when: city == \"Rome\"\n  existing: yes\n{steps}"),
        );
        assert_eq!(of(&unguarded, None).await, []);

        // Another condition for one that is live; those who are inside are not counted.
        rig.tick().await;
        rig.apply(&entering("  when: city == \"Rome\"\n  existing: no\n")).await;
        assert_eq!(of(&rome, None).await, found);
        let wider = small.clone().workflow(
            "first",
            &format!("enter:\n  when: city in [\"Rome\", \"Paris\"]\n  existing: yes\n{steps}  - wait: 9d\n"),
        );
        assert_eq!(of(&wider, None).await[0].workflow, "first");
    })
    .await;
}
