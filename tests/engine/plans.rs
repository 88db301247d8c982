//! What a plan says of people in flight is what becomes of them.

use std::collections::BTreeSet;

use nurtured::{
    domain::{event::EventKind, id::LeadId, lead::Stage, message::MessageState, name::Name},
    engine::{
        planning::{Asked, Fate, Person, Plan, PlanError, StepWhat, What, WorkflowPlan, plan},
        releasing::{self, ApplyError},
    },
};

use crate::support::{
    databases::{TestDatabase, for_each_database},
    engine::{Campaign, HOUR, Rig, behind},
};

const ENTER: &str = "enter:\n  when: stage == \"lead\"\n  existing: yes\n";

/// A wait, half of a week for a look at prices, two mails with a wait between them.
const STEPS: &str = "\
steps:
  - wait: 2d
  - tag: warm
  - wait_for: visited(\"/pricing\")
    up_to: 5d
    id: looks
  - email: cold/one
  - wait: 4d
  - email: cold/two
";

fn campaign(rest: &str) -> Campaign {
    Campaign::new()
        .workflow("way", &format!("{ENTER}{rest}"))
        .mail("cold/one", "One")
        .mail("cold/two", "Two")
        .mail("cold/italy", "Italy")
}

/// So many leads each on six days, of whom the first are far on their way, and of the last mails are reserved.
async fn on_their_way(db: &TestDatabase, each: usize) -> (Rig, Vec<LeadId>) {
    let rig = Rig::new(db, &campaign(STEPS)).await;
    let start = rig.clock.now();
    let mut leads = Vec::new();
    for (cohort, hours) in [(0, 0), (1, 48), (2, 60), (3, 72), (4, 144), (5, 216)] {
        rig.walk(start + hours * HOUR).await;
        let country = if cohort % 2 == 0 { "Italy" } else { "Austria" };
        let emails: Vec<String> = (0..each).map(|n| format!("p{n}@c{cohort}.example")).collect();
        leads.extend(rig.leads(&emails, &[("country", country)]).await);
        rig.tick().await;
    }
    // Some of them look at prices; the mails of the third stay reserved.
    rig.walk(start + 227 * HOUR).await;
    for lead in leads.iter().skip(4 * each).step_by(4) {
        rig.happens(*lead, EventKind::PAGE_VISITED, Some("/pricing")).await;
    }
    rig.tick().await;
    rig.clock.set(start + 228 * HOUR);
    settle(&rig).await;
    (rig, leads)
}

/// Everything that is due is decided, and nothing is sent.
async fn settle(rig: &Rig) {
    rig.engine.take_over().await.unwrap();
    let now = rig.clock.now();
    while rig.engine.sweep(now).await.unwrap() {}
    let live = rig.engine.live().unwrap();
    // A mail that is withdrawn makes way a moment later.
    for now in [now, now.next(), now.next().next()] {
        while rig.engine.decide_due(&live, now).await.unwrap().claimed > 0 {}
    }
}

async fn planned(rig: &Rig, campaign: &Campaign) -> Plan {
    let asked = Asked { people: true, forecast: Some(&rig.engine.fleet) };
    plan(&rig.store, &campaign.artefacts(), asked, rig.clock.now()).await.unwrap()
}

fn of<'p>(plan: &'p Plan, workflow: &str) -> &'p WorkflowPlan {
    plan.workflows.iter().find(|it| *it.workflow == *workflow).unwrap()
}

fn steps(plan: &WorkflowPlan) -> Vec<(&str, StepWhat, u64)> {
    plan.steps.iter().map(|it| (it.step.as_str(), it.what, it.here)).collect()
}

fn fates(plan: &WorkflowPlan) -> Vec<(Fate, u64)> {
    plan.fates.iter().map(|(fate, people)| (*fate, *people)).collect()
}

/// What became of somebody is what the plan said.
async fn came_true(rig: &Rig, person: &Person) {
    let seen = &person.seen;
    let mut rows = rig.enrolments(person.lead).await;
    rows.retain(|row| row.workflow == seen.workflow);
    let row = rows.pop().unwrap();
    let live = rig.engine.live().unwrap();
    let newest = live.definitions.workflow(&seen.workflow).map(|it| &it.workflow.version);
    let is_new = Some(&row.version) == newest;
    let told = format!("{person:#?}\n{row:#?}");
    assert_eq!(row.step, seen.step, "{told}");
    if let Some(ended) = &seen.ended {
        assert_eq!(row.state, ended.outcome.word(), "{told}");
        assert_eq!(row.reason.as_deref(), Some(&*ended.reason), "{told}");
        return;
    }
    assert_eq!(row.due_at.filter(|due| !due.is_never()), seen.until, "{told}");
    match seen.what {
        Fate::Stays | Fate::WaitsLonger | Fate::WaitsShorter => {
            assert!(is_new && Some(&row.step) == seen.from.as_ref(), "{told}");
        }
        Fate::StaysOnOldVersion | Fate::SitsOnRemovedStep | Fate::Drains => {
            assert!(!is_new, "{told}");
        }
        Fate::Moves => assert_ne!(Some(&row.step), seen.from.as_ref(), "{told}"),
        Fate::MailedAtOnce => {
            assert_eq!(row.state, "mailing", "{told}");
            let messages = rig.messages(person.lead).await;
            let open: Vec<&Name> = messages
                .iter()
                .filter(|message| message.state == MessageState::Reserved)
                .map(|message| &message.template)
                .collect();
            assert_eq!(open, [seen.mail.as_ref().unwrap()], "{told}");
        }
        Fate::Leaves | Fate::Enters => {}
    }
}

/// Plans an edit, makes it live, and holds the plan against what became of each. Returns the plan.
async fn comes_true(rig: &Rig, campaign: &Campaign, people: usize) -> Plan {
    let found = planned(rig, campaign).await;
    let told: BTreeSet<LeadId> = found.people.iter().map(|person| person.lead).collect();
    assert_eq!((found.people.len(), told.len()), (people, people));
    rig.apply(campaign).await;
    settle(rig).await;
    for person in &found.people {
        came_true(rig, person).await;
    }
    assert!(planned(rig, campaign).await.is_empty(), "it is live now");
    found
}

/// The story of the manual.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_workflow_with_1000_people_does_what_its_plan_says_to_each() {
    for_each_database(async |db| {
        let (rig, leads) = on_their_way(db, 168).await;
        let all = leads.len();
        assert_eq!(all, 1008);

        // The words of a mail alone: nobody goes another way.
        let copy = campaign(STEPS).mail("cold/two", "Two, better said");
        let found = planned(&rig, &copy).await;
        assert!(!found.is_empty() && !found.affects_people() && found.people.is_empty());
        assert_eq!(found.mails.iter().map(|it| (&*it.mail, it.what)).collect::<Vec<_>>(), [(
            "cold/two",
            What::Changed
        )]);
        rig.apply(&copy).await;
        settle(&rig).await;

        // A longer wait and a shorter one, of the same ids.
        let waits = STEPS
            .replace("wait: 4d", "wait: 9d\n    id: wait.4d")
            .replace("wait: 2d", "wait: 6h\n    id: wait.2d");
        let pinned = campaign(&waits).mail("cold/two", "Two, better said");
        let found = planned(&rig, &pinned).await;
        assert_eq!(fates(of(&found, "way")), [(Fate::StaysOnOldVersion, 1008)]);
        assert!(!found.affects_people());
        let waits = format!("on_change: migrate\n{waits}");
        let found = comes_true(&rig, &campaign(&waits).mail("cold/two", "2"), all).await;
        let changed = of(&found, "way");
        assert_eq!(
            steps(changed),
            [("wait.2d", StepWhat::Changed, 168), ("wait.4d", StepWhat::Changed, 378)]
        );
        assert_eq!(changed.parts.iter().collect::<Vec<_>>(), ["on_change"]);
        // Of those whose wait is over by its new length the ones who have looked get the mail.
        let expected =
            [(Fate::Stays, 462), (Fate::WaitsLonger, 378), (Fate::Moves, 126), (Fate::MailedAtOnce, 42)];
        assert_eq!(fates(changed), expected);

        // A step is gone, and the file says where to: first it does not.
        let gone = waits.replace(
            "  - wait_for: visited(\"/pricing\")\n    up_to: 5d\n    id: looks\n",
            "",
        );
        let refused = campaign(&gone);
        let found = planned(&rig, &refused).await;
        let lost: Vec<_> = found.lost.iter().map(|it| (&*it.step, it.people)).collect();
        assert_eq!(lost, [("looks", 420)]);
        let now = rig.clock.now();
        let error = releasing::apply(&rig.store, &refused.artefacts(), "test", "", now).await;
        let Err(ApplyError::People(problems)) = error else { panic!("{error:?}") };
        assert!(problems[0].message.contains(&format!("{} leads", lost[0].1)), "{problems:?}");
        assert!(problems[0].hint.as_ref().unwrap().contains("looks: end"), "{problems:?}");
        let gone = gone.replace("on_change: migrate", "on_change: { migrate: { looks: email.cold/one } }");
        let found = comes_true(&rig, &campaign(&gone), all).await;
        assert_eq!(fates(of(&found, "way")), [(Fate::Stays, 588), (Fate::MailedAtOnce, 420)]);

        // A branch where there was a wait: Italians get a mail of their own, the others wait.
        let branch = gone
            .replace(
                "  - wait: 9d\n    id: wait.4d\n",
                "  - if: country == \"Italy\"\n    id: where\n    then:\n      - email: cold/italy\n    else:\n      - wait: 1d\n",
            )
            .replace("looks: email.cold/one", "looks: email.cold/one, wait.4d: where");
        let found = comes_true(&rig, &campaign(&branch), all).await;
        let changed = of(&found, "way");
        assert_eq!(
            steps(changed),
            [
                ("where", StepWhat::Added, 0),
                ("email.cold/italy", StepWhat::Added, 0),
                ("wait.1d", StepWhat::Added, 0),
                ("wait.4d", StepWhat::Removed, 378),
            ]
        );
        let expected = [(Fate::Stays, 630), (Fate::Moves, 168), (Fate::MailedAtOnce, 210)];
        assert_eq!(fates(changed), expected);

        // Mails that were on their way all the while leave, by an engine that knows no more of what was before.
        let (engine, _) = rig.restarted().await;
        engine.tick(rig.clock.now()).await.unwrap();
        assert_eq!(rig.subjects_to("p0@c2.example"), ["One", "Italy", "Two"]);
        assert_eq!(rig.subjects_to("p0@c3.example"), ["One"]);
        assert_eq!(rig.enrolment(leads[3 * 168]).await.step, "wait.1d");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_the_house_tells_who_comes_in_and_who_moves() {
    for_each_database(async |db| {
        let scoring = |points: u32| {
            format!(
                "scoring:\n  engagement:\n    - {{ on: visited(), points: {points}, cap: 50 }}\n  stages:\n    \
                 - {{ from: lead, to: mql, when: engagement >= 20 }}\n"
            )
        };
        let house = |points, segment: &str, others: bool| {
            let all = Campaign::new()
                .file("workflows/scoring.yaml", &scoring(points))
                .file("workflows/segments.yaml", &format!("segments:\n  near: '{segment}'\n"))
                .mail("cold/one", "One");
            let enter = |existing: &str| format!("enter:\n  segment: near\n  existing: {existing}\nsteps:\n  - email: cold/one\n");
            let all = all.workflow("near", &enter("no"));
            if others { all.workflow("too", &enter("yes")) } else { all }
        };
        let before = house(10, "country == \"Italy\"", false);
        let rig = Rig::new(db, &before).await;
        rig.clock.set(rig.clock.now() + HOUR);
        let mut leads = Vec::new();
        for (n, country) in ["Italy", "Italy", "France", "France", "Spain"].iter().enumerate() {
            leads.push(rig.lead(&format!("p{n}@x.example"), &[("country", country)]).await);
        }
        for lead in [leads[0], leads[2], leads[4]] {
            rig.happens(lead, EventKind::PAGE_VISITED, Some("/")).await;
        }
        settle(&rig).await;
        rig.clock.set(rig.clock.now() + HOUR);

        // Twice the points, a wider segment, and a workflow that takes in who is there.
        let after = house(25, "country in [\"Italy\", \"France\"]", true);
        let found = planned(&rig, &after).await;
        assert_eq!(found.stages, [(Stage::Lead, Stage::Mql, 3)]);
        let members = found.segments[0].members.as_ref().unwrap();
        assert_eq!((members.inside, members.entering, members.leaving), (4, 2, 0));
        assert_eq!(fates(of(&found, "too")), [(Fate::Enters, 4)]);
        assert!(found.workflows.iter().all(|it| *it.workflow != *"near"), "existing: no");
        assert!(found.affects_people() && found.affected == 5, "{}", found.affected);
        rig.apply(&after).await;
        settle(&rig).await;
        for person in &found.people {
            came_true(&rig, person).await;
        }
        let mut mqls = 0;
        for lead in &leads {
            mqls += u64::from(rig.record(*lead).await.stage == Stage::Mql);
        }
        assert_eq!(mqls, 3);

        // Over the guard of its policy it is told.
        let policy = "policy:\n  zone: UTC\n  language: en\n  tracking: with insights\n  guards:\n    audience: 2\n  \
                      purposes:\n    insights: { label: News, basis: [consent] }\n";
        let more = after
            .file("workflows/policy.yaml", policy)
            .workflow("more", "enter:\n  when: stage == \"mql\"\n  existing: yes\nsteps:\n  - tag: in\n");
        let found = planned(&rig, &more).await;
        assert_eq!(found.guards.iter().map(|it| (&*it.workflow, it.leads)).collect::<Vec<_>>(), [("more", 3)]);
        assert_eq!(fates(of(&found, "more")), [(Fate::Enters, 3)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_anyway_is_no_matter_of_a_release() {
    for_each_database(async |db| {
        let (rig, _) = on_their_way(db, 1).await;
        // The first waits are over, and nobody has looked yet.
        rig.clock.set(rig.clock.now() + 40 * HOUR);
        let steps = STEPS.replace("  - email: cold/two\n", "  - email: cold/two\n  - tag: done\n");
        let found = planned(&rig, &campaign(&format!("on_change: migrate\n{steps}"))).await;
        let mailed = found.people.iter().filter(|it| it.seen.what == Fate::MailedAtOnce);
        assert!(mailed.clone().count() > 0 && mailed.clone().all(|it| it.seen.anyway));
        assert!(!found.affects_people(), "{:#?}", found.workflows);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_release_everything_is_new_and_of_another_history_there_is_no_plan() {
    for_each_database(async |db| {
        let now = crate::support::databases::NOON;
        let new = campaign(STEPS);
        let found = plan(&db.store, &new.artefacts(), Asked::default(), now).await.unwrap();
        assert_eq!((found.live, of(&found, "way").what), (None, What::Added));

        let (rig, _) = on_their_way(db, 1).await;
        behind(db, "UPDATE enrolments SET version = 'of-elsewhere'".to_owned()).await;
        let error = plan(&rig.store, &new.artefacts(), Asked::default(), now).await.unwrap_err();
        assert!(matches!(error, PlanError::Strangers(_)), "{error:?}");
        assert!(error.to_string().contains("6 leads in version of-elsewhere of `way`"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_and_cancel_come_true_as_well() {
    for word in ["drain", "cancel"] {
        for_each_database(async |db| {
            let rest = format!("on_change: {word}\nsteps:\n  - wait: 1d\n  - email: cold/one\n");
            let (rig, leads) = on_their_way(db, 2).await;
            let found = planned(&rig, &campaign(&rest)).await;
            rig.apply(&campaign(&rest)).await;
            settle(&rig).await;
            for person in &found.people {
                came_true(&rig, person).await;
            }
            assert_eq!(found.people.len(), leads.len(), "{word}");
            let fate = if word == "drain" { Fate::Drains } else { Fate::Leaves };
            let all = leads.len() as u64;
            assert_eq!(fates(of(&found, "way")), [(fate, all)]);
            assert!(found.affects_people() && found.affected == all, "{}", found.affected);
            if word == "cancel" {
                return;
            }
            // By another edit they go no other way.
            let again = planned(&rig, &campaign(&rest.replace("1d", "2d"))).await;
            let drain = |it: &Person| it.seen.what == Fate::Drains && it.seen.anyway;
            assert!(again.people.len() == leads.len() && again.people.iter().all(drain));
            assert!(!again.affects_people() && fates(of(&again, "way")).is_empty());
            rig.walk(rig.clock.now() + 240 * HOUR).await;
            for lead in leads {
                let row = rig.enrolments(lead).await.remove(0);
                let reason = row.reason.unwrap_or_default();
                assert!(row.state == "left" && reason.contains("drain"), "{} {reason}", row.state);
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mails_that_a_plan_foresees_are_those_that_leave() {
    for_each_database(async |db| {
        let (rig, leads) = on_their_way(db, 12).await;
        let longer = STEPS.replace("wait: 4d", "wait: 9d\n    id: wait.4d");
        let longer = campaign(&format!("on_change: migrate\n{longer}"));
        let forecast = planned(&rig, &longer).await.forecast.unwrap();
        let (before, after) = (forecast.before, forecast.after);
        assert!(before.week > after.week && after.day > 0, "{forecast:?}");

        let now = rig.clock.now();
        let left = async |days: u32| {
            rig.walk(now + days * 24 * HOUR).await;
            let sent = rig.sent(&leads).await;
            sent.into_iter().filter(|at| *at >= now).count() as u64
        };
        rig.apply(&longer).await;
        assert_eq!((left(1).await, left(7).await), (after.day, after.week));
    })
    .await;
}
