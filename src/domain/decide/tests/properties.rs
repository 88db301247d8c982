//! What must hold whatever happens.

use super::*;

#[derive(Clone, Debug)]
enum Happening {
    Visit(bool),
    Click {
        unsure: bool,
    },
    /// What becomes of the last click.
    Judged {
        human: bool,
    },
    Sent,
    Status(Option<&'static str>),
    Objection,
}

fn happenings() -> impl Strategy<Value = Vec<(i64, Happening)>> {
    let happening = prop_oneof![
        4 => any::<bool>().prop_map(Happening::Visit),
        3 => any::<bool>().prop_map(|unsure| Happening::Click { unsure }),
        2 => any::<bool>().prop_map(|human| Happening::Judged { human }),
        6 => Just(Happening::Sent),
        2 => prop_oneof![Just(None), Just(Some("Not now")), Just(Some("Open"))]
            .prop_map(Happening::Status),
        1 => Just(Happening::Objection),
    ];
    // Minutes after the one before: seconds to weeks.
    proptest::collection::vec((prop_oneof![0i64..3, 0i64..600, 0i64..40_000], happening), 1..25)
}

fn busy_house() -> House {
    let mut house = House::new();
    house.engagement("visited()", 10, 3);
    house.engagement("clicked()", 15, 4);
    house.fit("has(lead_status)", 5);
    house.stage(Stage::Lead, Stage::Mql, "engagement >= 30");
    house.stage(Stage::Mql, Stage::Lead, "engagement < 12");
    house.segment("warm", "engagement >= 20");
    house.segment("recent", r#"visited("/pricing").within("3d")"#);
    let clicked = house.condition("clicked().within(\"2d\")", Scope::Workflow);
    let goal = house.condition("stage == \"mql\" and visited(\"/pricing\")", Scope::Workflow);
    let enter = house.condition("in_segment(\"warm\")", Scope::Lead);
    house.workflow(
        "reawaken",
        vec![
            email("report"),
            wait_for(clicked, Some("4d"), None, Some(StepIx(3))),
            email("more"),
            wait("2 business days"),
            email("last"),
        ],
        |w| {
            w.goal = Some(goal);
            w.again = Again::After(7 * DAY);
        },
    );
    house.workflow(
        "warm-up",
        vec![wait("12h"), email("hello"), wait("until tuesday 10:00")],
        |w| {
            w.enter = Enter::When(enter);
            w.again = Again::Always;
            w.priority = 5;
        },
    );
    house
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Idea 3 for whole decisions: right after one there is nothing to decide, and nothing before
    /// the wake-up that it named. And the ledger adds up.
    #[test]
    fn a_decision_is_settled_until_its_wake_up(happenings in happenings()) {
        let house = busy_house();
        let mut story = Story::cold(&house);
        let mut clicked = None;
        let status = house.0.schema.slot("lead_status").unwrap().0;
        for (minutes, happening) in happenings {
            let until = story.now + Duration::from_secs(60) * u32::try_from(minutes).unwrap();
            story.passes_until(until);
            match happening {
                Happening::Visit(pricing) => {
                    let page = if pricing { "/pricing" } else { "/blog" };
                    story.happens(EventKind::PAGE_VISITED, Some(page));
                }
                Happening::Click { unsure } => {
                    let settles = story.now + Duration::from_secs(20);
                    let click = story.happens(EventKind::MAIL_CLICKED, Some("report"));
                    if unsure {
                        click.judgement = Judgement::Unsure;
                        click.settles_at = Some(settles);
                    }
                    clicked = Some((click.rev, click.occurred_at));
                }
                Happening::Judged { human } => {
                    if let Some((rev, at)) = clicked {
                        let revision =
                            story.happens(EventKind::JUDGEMENT_REVISED, Some("report"));
                        revision.judgement =
                            if human { Judgement::Human } else { Judgement::Machine };
                        revision.revises = Some(rev);
                        revision.occurred_at = at;
                        revision.data.insert("kind".into(), Value::Text("mail.clicked".into()));
                    }
                }
                Happening::Sent => {
                    if let Some(open) = story.state.open_message.take() {
                        let sent = story.happens(EventKind::MAIL_SENT, Some(&open.template));
                        sent.about = Some(open.about);
                    }
                }
                Happening::Status(value) => {
                    story.state.attributes[status] = value.map(|v| Value::Text(v.into()));
                }
                Happening::Objection => story.state.suppressed = Some(Suppression::Unsubscribed),
            }
            story.settle();
            prop_assert_eq!(story.ledger, story.given(), "the ledger adds up");
            story.is_settled();
        }
    }
}
