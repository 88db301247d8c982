//! Steps: where each goes next, and ids that survive edits.

use std::collections::BTreeMap;

use super::{campaign, rules, with_steps};
use crate::{
    definitions::{Checked, check, compile},
    domain::{
        id::ReleaseId,
        lead::Outcome,
        value::Value,
        workflow::{Again, Enter, StepKind, Steps},
    },
};

fn steps(checked: &Checked) -> &Steps {
    let definitions =
        checked.definitions.as_ref().unwrap_or_else(|| panic!("{:#?}", checked.problems));
    &definitions.workflows[0].workflow.steps
}

/// `id → next`, with the branches of a choice.
pub(super) fn picture(steps: &Steps) -> Vec<String> {
    let id = |ix: Option<_>| ix.map_or("end".to_owned(), |ix| steps.get(ix).id.to_string());
    let show = |step: &crate::domain::workflow::Step| {
        let branches = step.kind.branches().into_iter();
        let ways: Vec<String> = branches.chain([step.next]).map(id).collect();
        format!("{} → {}", step.id, ways.join(" / "))
    };
    steps.iter().map(show).collect()
}

#[test]
fn what_sales_says_has_branches_of_its_own() {
    let checked = with_steps(
        "  - hand_off: sales
    accepted:
      - tag: theirs
    silent:
      after: 3d
      do: next person
      then:
        - tag: forgotten
        - stop
  - hand_off: owner
    else_to: ada
  - tag: after",
    );
    assert_eq!(rules(&checked), []);
    assert_eq!(
        picture(steps(&checked)),
        [
            "hand_off.sales → tag.theirs / end / tag.forgotten / hand_off.owner",
            "tag.theirs → hand_off.owner",
            "tag.forgotten → stop",
            "stop → hand_off.owner",
            "hand_off.owner → end / end / end / tag.after",
            "tag.after → end",
        ]
    );
}

#[test]
fn a_branch_that_ends_goes_on_after_the_whole() {
    let checked = with_steps(
        "  - if: stage == \"lead\"
    then:
      - wait_for: replied()
        up_to: 3d
        then:
          - tag: talked
        else:
          - email: cold/bye
      - wait: 1d
    else: []
  - email: cold/hello",
    );
    assert_eq!(
        picture(steps(&checked)),
        [
            "if.stage-is-lead → wait_for.replied / end / email.cold/hello",
            "wait_for.replied → tag.talked / email.cold/bye / wait.1d",
            "tag.talked → wait.1d",
            "email.cold/bye → wait.1d",
            "wait.1d → email.cold/hello",
            "email.cold/hello → end",
        ]
    );
    assert_eq!(steps(&checked).first().map(|ix| ix.0), Some(0));
}

#[test]
fn ids_stay_when_other_steps_are_put_in_between() {
    let before =
        with_steps("  - email: cold/hello\n  - wait: 2 business days\n  - email: cold/bye");
    let after = with_steps(
        "  - tag: new\n  - email: cold/hello\n  - notify: sales\n  - wait: 2 business days\n  - email: cold/bye",
    );
    for step in steps(&before).iter() {
        assert!(steps(&after).find(&step.id).is_some(), "{}", step.id);
    }
}

#[test]
fn a_repeat_gets_a_number_in_document_order_and_explicit_ids_go_first() {
    let checked = with_steps(
        "  - wait: 1d
  - if: stage == \"lead\"
    then: [{ wait: 1d }]
  - wait: 1d
  - wait: 1d
    id: wait.1d",
    );
    let ids: Vec<String> = steps(&checked).iter().map(|step| step.id.to_string()).collect();
    assert_eq!(ids, ["wait.1d#2", "if.stage-is-lead", "wait.1d#3", "wait.1d#4", "wait.1d"]);
    let twice = with_steps("  - { wait: 1d, id: a }\n  - { wait: 2d, id: a }");
    assert_eq!(rules(&twice), [("duplicate-id", 6)]);
}

#[test]
fn attributes_are_set_by_their_types() {
    let checked = with_steps("  - set: { seats: 12.5, vip: yes, interest: \"no\", country: }");
    let definitions = checked.definitions.as_ref().unwrap();
    let StepKind::Set(values) = &steps(&checked).iter().next().unwrap().kind else { panic!() };
    let named: Vec<(String, Option<Value>)> = values
        .iter()
        .map(|(slot, value)| (definitions.schema.attribute(*slot).name.to_string(), value.clone()))
        .collect();
    assert!(named.contains(&("seats".to_owned(), Some(Value::Number(12.5)))));
    assert!(named.contains(&("vip".to_owned(), Some(Value::Bool(true)))));
    assert!(named.contains(&("interest".to_owned(), Some(Value::Text("no".into())))));
    assert!(named.contains(&("country".to_owned(), None)));
}

#[test]
fn norway_stays_a_country_and_numbers_are_not_guessed_at() {
    // Unquoted, `no` is kept as it is written, with a warning.
    let checked = with_steps("  - set: { country: no }");
    assert_eq!(rules(&checked), [("yaml-bool", 5)]);
    let StepKind::Set(values) = &steps(&checked).iter().next().unwrap().kind else { panic!() };
    assert_eq!(values[0].1, Some(Value::Text("no".into())));
    let checked = with_steps("  - set: { interest: 007 }");
    let StepKind::Set(values) = &steps(&checked).iter().next().unwrap().kind else { panic!() };
    assert_eq!(values[0].1, Some(Value::Text("007".into())));
    assert_eq!(rules(&with_steps("  - set: { seats: 1_000 }")), [("bad-value", 5)]);
    assert_eq!(rules(&with_steps("  - set: { seats: 0o17 }")), [("bad-value", 5)]);
}

#[test]
fn waits_that_may_never_end_are_warned_of() {
    let checked = with_steps("  - wait_for: replied()");
    assert_eq!(rules(&checked), [("wait-without-end", 5)]);
    assert!(checked.definitions.is_some());
    let text = "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\nleave: replied()\n\
                steps:\n  - wait_for: clicked()\n";
    let checked = check(&campaign(&[("workflows/hello.yaml", text)]));
    assert_eq!(rules(&checked), []);
}

#[test]
fn a_step_after_stop_is_never_reached() {
    let checked = with_steps("  - stop: done\n  - email: cold/hello");
    assert_eq!(rules(&checked), [("unreachable-step", 6)]);
    let after = |choice: &str, then: &str, otherwise: &str| {
        rules(&with_steps(&format!(
            "  - {choice}\n    then: [{then}]\n    else: [{otherwise}]\n  - email: cold/hello"
        )))
    };
    let choice = "if: stage == \"lead\"";
    assert_eq!(after(choice, "{ tag: a }, stop", "{ stop: b }"), [("unreachable-step", 8)]);
    let nested = "{ if: has(country), then: [stop], else: [stop] }";
    assert_eq!(after(choice, nested, "stop"), [("unreachable-step", 8)]);
    assert_eq!(after(choice, "stop", ""), []);
    assert_eq!(after(choice, "stop", "{ tag: a }"), []);
    // Whoever may not be tracked takes neither branch.
    assert_eq!(after("wait_for: clicked()\n    up_to: 3d", "stop", "stop"), []);
}

#[test]
fn what_is_not_built_yet_says_so() {
    for step in ["ask: topic", "sms: hello"] {
        let checked = with_steps(&format!("  - {step}"));
        assert_eq!(rules(&checked), [("not-built", 5)], "{step}");
    }
    for line in ["pin_copy: yes", "calendar: it", "send: { via: x }", "enter: { limit: 3 }"] {
        let kept = ["workflow: hello", "purpose: insights", "enter: { by_hand: yes }"]
            .into_iter()
            .filter(|kept| line.split(':').next() != kept.split(':').next())
            .fold(String::new(), |text, line| text + line + "\n");
        let text = format!("{kept}{line}\nsteps: [{{ email: cold/hello }}]\n");
        let checked = check(&campaign(&[("workflows/hello.yaml", &text)]));
        let rules: Vec<_> = rules(&checked).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(rules, ["not-built"], "{line}");
    }
    for key in ["retention: 2y", "frequency: 3"] {
        let policy = format!("policy:\n  tracking: nobody\n  {key}\n");
        let found = rules(&check(&campaign(&[("workflows/policy.yaml", &policy)])));
        assert!(found.contains(&("not-built", 3)), "{key}: {found:?}");
    }
    let checked = check(&campaign(&[("workflows/c.yaml", "calendar: it\n")]));
    assert_eq!(rules(&checked), [("not-built", 1)]);
}

#[test]
fn who_enters_and_how_often() {
    let entering = |enter: &str| {
        let text = format!(
            "workflow: hello\npurpose: insights\nenter: {enter}\nsteps: [{{ email: cold/hello }}]\n"
        );
        check(&campaign(&[("workflows/hello.yaml", &text)]))
    };
    let live = |enter: &str| {
        let checked = entering(enter);
        let definitions = checked.definitions.unwrap_or_else(|| panic!("{:#?}", checked.problems));
        definitions.workflows[0].workflow.clone()
    };
    let workflow = live("{ segment: cold, existing: yes, again: after 2w }");
    assert!(
        matches!(&workflow.enter, Enter::When(when) if when.source() == "in_segment(\"cold\")")
    );
    assert!(workflow.existing);
    assert_eq!(workflow.again, Again::After(std::time::Duration::from_hours(336)));
    let workflow = live("{ event: form.submitted, object: whitepaper, again: always }");
    assert!(matches!(&workflow.enter, Enter::On { kind, object: Some(object), .. }
        if kind.as_str() == "form.submitted" && object == "whitepaper"));
    live("{ event: mail.clicked, object: cold/hello }");
    live("{ event: mail.bounced, object: hard }");
    live("{ event: stage.changed, object: mql }");
    assert_eq!(live("{ by_hand: yes }").again, Again::Never);
    let by_date = live("{ date: created_on, offset: -1mo, at: \"10:30\", yearly: yes, late: 3h }");
    assert!(matches!(&by_date.enter, Enter::Date(entry)
        if entry.occasion.to_string() == "-1mo 10:30 yearly" && entry.attribute == "created_on"));

    assert!(matches!(&live("{ workflow: hello, ended: goal }").enter,
        Enter::Ended { workflow, outcome: Some(Outcome::Goal) } if workflow == "hello"));
    let each = live("{ event: appointment.booked, each: event.data.appointment_id }").each.clone();
    assert_eq!(each.as_deref(), Some("appointment_id"));
    let by_clock = live("{ schedule: 0 9 1 * *, zone: Europe/Rome, who: in_segment(\"cold\") }");
    assert!(matches!(&by_clock.enter, Enter::Schedule(ticking)
        if ticking.ticks.to_string() == "0 9 1 * *" && ticking.who.source() == "in_segment(\"cold\")"));

    for (enter, rule) in [
        ("{ segment: cold }", "missing-key"),
        ("{ when: stage == \"lead\" }", "missing-key"),
        ("{ segment: cold, existing: off }", "bad-value"),
        ("{ event: form.submitted, existing: no }", "conflict"),
        ("{ segment: cold, event: form.submitted, existing: no }", "conflict"),
        ("{ segment: cold, existing: no, object: x }", "conflict"),
        ("{ segment: could, existing: no }", "unknown-segment"),
        ("{ event: mail.clicked, object: cold/helo }", "unknown-template"),
        ("{ event: stage.changed, object: mlq }", "bad-value"),
        ("{ by_hand: no }", "bad-value"),
        ("{ schedule: 0 9 1 * *, zone: Rome, who: has(country) }", "bad-value"),
        ("{ event: appointment.booked, each: The Id }", "bad-value"),
        ("{ by_hand: yes, each: id }", "conflict"),
        ("{ workflow: helo }", "unknown-workflow"),
        ("{ workflow: hello, ended: won }", "bad-value"),
        ("{ by_hand: yes, ended: any }", "conflict"),
        ("{ schedule: 0 9 31 2 *, who: has(country) }", "bad-schedule"),
        ("{ schedule: 0 9 1 * * }", "missing-key"),
        ("{ when: has(country), existing: no, who: has(city) }", "conflict"),
        ("{ date: created, yearly: yes }", "unknown-attribute"),
        ("{ date: country }", "bad-value"),
        ("{ date: created_on, offset: -36h }", "bad-date"),
        ("{ date: created_on, at: morning }", "bad-date"),
        ("{ date: created_on, late: soon }", "bad-value"),
        ("{ date: created_on, existing: no }", "conflict"),
        ("{ date: created_on, object: x }", "conflict"),
        ("{ event: form.submitted, yearly: yes }", "conflict"),
        ("cold", "wrong-type"),
        ("{ again: never }", "missing-key"),
        ("{ by_hand: yes, again: sometimes }", "bad-value"),
        ("{ event: form submitted }", "bad-value"),
    ] {
        let found: Vec<_> = rules(&entering(enter)).into_iter().map(|(rule, _)| rule).collect();
        assert_eq!(found, [rule], "{enter}");
    }
}

#[test]
fn a_chain_that_leads_back_with_nothing_in_between_is_warned_of() {
    let chain = |step: &str, again: &str| {
        let workflow = |name: &str, other: &str, again: &str, step: &str| {
            format!(
                "workflow: {name}\npurpose: insights\nenter: {{ workflow: {other}, again: {again} }}\n\
                 steps: [{{ {step} }}]\n"
            )
        };
        let (ping, pong) =
            (workflow("ping", "pong", "always", "tag: a"), workflow("pong", "ping", again, step));
        let files = [("workflows/ping.yaml", &*ping), ("workflows/pong.yaml", &*pong)];
        rules(&check(&campaign(&files)))
    };
    assert_eq!(chain("tag: b", "always"), [("entry-loop", 1)]);
    assert_eq!(chain("tag: b", "never"), []);
    assert_eq!(chain("wait: 1d", "always"), []);
}

#[test]
fn workflows_that_enrol_into_each_other_with_nothing_in_between_are_warned_of() {
    let workflow = |name: &str, again: &str, steps: &str| {
        let text = format!(
            "workflow: {name}\npurpose: insights\nenter: {{ by_hand: yes, again: {again} }}\nsteps: {steps}\n"
        );
        (format!("workflows/{name}.yaml"), text)
    };
    let said = |files: &[(String, String)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let told = |it: &crate::definitions::Problem| format!("{}: {}", it.rule, it.message);
        check(&campaign(&files)).problems.iter().map(told).collect::<Vec<_>>()
    };
    let pair = |again: &str, steps: &str| {
        said(&[
            workflow("ping", "always", "[{ tag: a }, { enrol: pong }]"),
            workflow("pong", again, steps),
        ])
    };
    let warned = pair("always", "[{ if: has(country), then: [{ enrol: ping }] }]");
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains("entry-loop"), "{}", warned[0]);
    assert!(warned[0].contains("ping → pong lead back"), "{}", warned[0]);
    assert_eq!(pair("never", "[{ enrol: ping }]"), [""; 0]);
    assert_eq!(pair("always", "[{ wait: 1d }, { enrol: ping }]"), [""; 0]);
    assert_eq!(pair("always", "[{ tag: b }]"), [""; 0]);
    // By a step, and by an end.
    let by_end = "workflow: c\npurpose: insights\nenter: { workflow: b, again: always }\n\
                  steps: [{ enrol: a }, { enrol: d }]\n";
    let mixed = said(&[
        workflow("a", "always", "[{ enrol: b }]"),
        workflow("b", "always", "[{ tag: a }]"),
        ("workflows/c.yaml".to_owned(), by_end.to_owned()),
        workflow("d", "always", "[{ tag: a }]"),
    ]);
    assert_eq!(mixed.len(), 1, "{mixed:?}");
    assert!(mixed[0].contains("a → b → c lead back"), "{}", mixed[0]);
}

#[test]
fn line_ends_of_windows_are_no_problem() {
    let mut sources = campaign(&[]);
    for text in sources.files.values_mut() {
        *text = text.replace('\n', "\r\n");
    }
    let checked = check(&sources);
    assert_eq!(rules(&checked), []);
    let definitions = checked.definitions.unwrap();
    assert_eq!(definitions.templates.variant("cold/hello", "en", "en").unwrap().subject, "Hello");
}

#[test]
fn a_subject_is_where_its_text_begins() {
    for (front, at) in [
        ("subject: Hello", (2, 10)),
        ("layout: mail\nsubject:  'Hello'", (3, 12)),
        ("subject: >-\n  Hello", (3, 3)),
        ("subject: \"H\\u0065llo\"", (2, 10)),
    ] {
        let text = format!("---\n{front}\n---\nx\n");
        let checked = check(&campaign(&[("templates/cold/hello.md", &text)]));
        let templates = checked.definitions.unwrap().templates;
        let mail = templates.variant("cold/hello", "en", "en").unwrap();
        assert_eq!((mail.subject.as_str(), mail.subject_at), ("Hello", at), "{text}");
    }
}

#[test]
fn a_condition_split_by_braces_is_one_problem() {
    let text = "workflow: hello\npurpose: insights\nenter: { when: tag(\"a, b\"), existing: no }\n\
                steps: [{ email: cold/hello }]\n";
    let checked = check(&campaign(&[("workflows/hello.yaml", text)]));
    assert_eq!(rules(&checked), [("yaml-flow", 3)]);
    let hint = checked.problems[0].hint.as_deref();
    assert_eq!(hint, Some("write: enter: { when: 'tag(\"a, b\")', existing: no }"));
}

/// A campaign, and a workflow of it around some steps.
fn with_campaign(steps: &str) -> Checked {
    let text = format!(
        "workflow: hello\ncampaign: spring\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n{steps}\n"
    );
    let spring = "campaign: spring\ntitle: Spring\ndates: { starts: 2027-04-15 11:00 }\n";
    check(&campaign(&[("workflows/hello.yaml", &text), ("workflows/spring.yaml", spring)]))
}

#[test]
fn a_step_with_a_date_is_a_wait_that_leads_to_it_or_past_it() {
    let checked = with_campaign(
        "  - email: cold/hello
    at: starts - 21d, 09:30
  - { tag: came, at: starts + 1h }
  - email: cold/hello
    at: starts - 1d, 09:30
    id: again
  - email: cold/hello
    at: starts - 2h",
    );
    assert_eq!(
        picture(steps(&checked)),
        [
            "at.email.cold/hello → email.cold/hello / at.tag.came",
            "email.cold/hello → at.tag.came",
            "at.tag.came → tag.came / at.again",
            "tag.came → at.again",
            "at.again → again / at.email.cold/hello#2",
            "again → at.email.cold/hello#2",
            "at.email.cold/hello#2 → email.cold/hello#2 / end",
            "email.cold/hello#2 → end",
        ]
    );
}

#[test]
fn outcomes_with_names_have_branches_of_their_own_in_the_order_of_the_file() {
    let text = "  - wait_for:
      seen: happened(\"webinar.attended\")
      missed: happened(\"webinar.missed\")
      asked: replied()
    up_to: 3d
    seen: [{ tag: a }]
    missed: [{ tag: b }]
    else: [stop]
  - email: cold/hello";
    let checked = with_steps(text);
    let expected = [
        "wait_for.seen-missed-asked → tag.a / tag.b / end / stop / email.cold/hello",
        "tag.a → email.cold/hello",
        "tag.b → email.cold/hello",
        "stop → email.cold/hello",
        "email.cold/hello → end",
    ];
    assert_eq!(picture(steps(&checked)), expected);
    // The order is kept where a release keeps it, which sorts other keys; `asked` would come first.
    let live = compile(&checked.artefacts, &[], ReleaseId(1), &BTreeMap::new()).unwrap();
    assert_eq!(picture(&live.workflow("hello").unwrap().workflow.steps), expected);
    let swapped = text
        .replace("      asked: replied()\n", "")
        .replace("      seen:", "      asked: replied()\n      seen:");
    let version = |checked: &Checked| {
        checked.definitions.as_ref().unwrap().workflow("hello").unwrap().workflow.version.clone()
    };
    assert_ne!(version(&with_steps(&swapped)), version(&checked));
}

#[test]
fn a_workflow_says_how_many_of_its_mails_leave_at_most() {
    let with = |at_most: &str| {
        let text = format!(
            "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsend: {{ window: \"mon-fri 09:00-17:00\", at_most: {at_most} }}\nsteps: [{{ email: cold/hello }}]\n"
        );
        check(&campaign(&[("workflows/hello.yaml", &text)]))
    };
    let found = |at_most: &str| {
        let definitions = with(at_most).definitions.unwrap();
        let lines = definitions.policy.pacing.lines("a.example", "hello", &definitions.policy.zone);
        lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        found("500 per day"),
        "at_most a day of workflow hello takes 500 a day; at_most a day of workflow hello, spread takes 63 per hour"
    );
    assert_eq!(found("60 per hour"), "at_most of workflow hello takes 60 per hour");
    for wrong in ["0", "0 per day", "many", "1 per fortnight"] {
        let checked = with(wrong);
        assert_eq!(rules(&checked), [("bad-value", 4)], "{wrong}");
    }
}
