//! Steps that choose, go round and lead elsewhere: how they are laid out, and what is wrong with them.

use std::collections::BTreeMap;

use super::{campaign, rules, structure::picture, with_steps};
use crate::{
    definitions::{Checked, carry::still_needed, check, compile, show},
    domain::id::ReleaseId,
};

fn laid_out(steps: &str) -> Vec<String> {
    let checked = with_steps(steps);
    assert_eq!(rules(&checked), [], "{steps}");
    picture(&checked.definitions.unwrap().workflows[0].workflow.steps)
}

/// What `check` prints.
fn shown(steps: &str) -> String {
    let text =
        format!("workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n{steps}");
    let sources = campaign(&[("workflows/hello.yaml", &text)]);
    let checked: Checked = check(&sources);
    assert!(!checked.problems.is_empty(), "{steps}");
    show(&checked.problems, &sources, false)
}

#[test]
fn a_branch_has_a_way_for_each_case_and_one_for_all_others() {
    let picture = laid_out(
        "  - branch:
      - when: country == \"Italy\"
        then: [{ tag: italian }]
      - when: employees in [\"2000+\"]
        name: large
      - { when: replied(), then: [{ tag: talks }, stop] }
    else: [{ tag: other }]
  - branch:
      - { when: replied(), name: talks }
  - email: cold/hello",
    );
    assert_eq!(
        picture,
        [
            "branch.country-is-italy-large-replied → tag.italian / end / tag.talks / tag.other / branch.talks",
            "tag.italian → branch.talks",
            "tag.talks → stop",
            "stop → branch.talks",
            "tag.other → branch.talks",
            "branch.talks → end / end / email.cold/hello",
            "email.cold/hello → end",
        ]
    );
}

#[test]
fn mistakes_of_branches() {
    insta::assert_snapshot!(shown(
        "  - branch: replied()
  - branch: []
  - branch:
      - if: replied()
        then: [{ email: cold/helo }]
      - { when: repplied(), then: }
      - { when: replied(), name: A B }
      - replied()
    then: [stop]
  - branch:
      - { when: replied(), name: a, then: [stop] }
      - { when: clicked(), name: a, then: [stop] }
  - branch:
      - { when: replied(), then: [stop] }
    else: [stop]
  - email: cold/hello
"
    ));
}

#[test]
fn a_split_has_arms_in_the_order_of_the_file_and_one_may_do_nothing() {
    let text = "  - split:
      short: { weight: 50, then: [{ email: cold/hello }] }
      long:
        weight: 40
        then: [{ email: cold/hello }, { wait: 3d }, { email: cold/bye }]
      holdout: 10
  - tag: after";
    let expected = [
        "split.short-long-holdout → email.cold/hello / email.cold/hello#2 / end / tag.after",
        "email.cold/hello → tag.after",
        "email.cold/hello#2 → wait.3d",
        "wait.3d → email.cold/bye",
        "email.cold/bye → tag.after",
        "tag.after → end",
    ];
    assert_eq!(laid_out(text), expected);
    // As a release keeps it, which sorts other keys.
    let checked = with_steps(text);
    let live = compile(&checked.artefacts, &[], ReleaseId(1), &BTreeMap::new()).unwrap();
    assert_eq!(picture(&live.workflow("hello").unwrap().workflow.steps), expected);
}

#[test]
fn mistakes_of_splits() {
    insta::assert_snapshot!(shown(
        "  - split: [a, b]
  - split: { a: 50 }
  - split: { a: 50, b: 50 }
  - split:
      A: { weight: 0, then: [{ email: cold/helo }] }
      b: { wieght: 1, then: }
      c: half
  - split:
      a: { weight: 1, then: [stop] }
      b: { weight: 1, then: [stop] }
  - email: cold/hello
"
    ));
}

#[test]
fn the_end_of_a_round_leads_back_to_its_repeat() {
    let picture = laid_out(
        "  - repeat: 3
    until: replied() or clicked()
    steps:
      - email: cold/hello
      - repeat: 2
        steps:
          - wait: 1d
          - if: stage == \"lead\"
            then: [{ email: cold/bye }]
  - tag: after",
    );
    assert_eq!(
        picture,
        [
            "repeat.replied-or-clicked → email.cold/hello / tag.after",
            "email.cold/hello → repeat.2",
            "repeat.2 → wait.1d / repeat.replied-or-clicked",
            "wait.1d → if.stage-is-lead",
            "if.stage-is-lead → email.cold/bye / end / repeat.2",
            "email.cold/bye → repeat.2",
            "tag.after → end",
        ]
    );
}

#[test]
fn mistakes_of_repeats() {
    insta::assert_snapshot!(shown(
        "  - repeat: 0
    until: repplied()
    steps: [{ emial: cold/hello }, { wait: 1d }]
  - repeat: 3
  - repeat: 3
    steps: []
  - repeat: 3
    steps: [{ tag: a }, { set: { interest: x } }]
  - repeat: 2
    steps:
      - repeat: 2
        steps:
          - repeat: 2
            steps: [{ wait: 1d }]
"
    ));
}

#[test]
fn a_repeat_takes_time_by_its_steps_and_not_by_what_they_are_called() {
    let spins = |steps: &str| {
        let text = format!(
            "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n  - repeat: 3\n    steps: {steps}\n"
        );
        let checked = check(&campaign(&[("workflows/hello.yaml", &text)]));
        rules(&checked).iter().any(|(rule, _)| *rule == "loop-without-wait")
    };
    for steps in [
        "[{ tag: a }, { enrol: other }]",
        "[{ split: { email: { weight: 1, then: [{ tag: a }] }, wait: { weight: 1 } } }]",
        "[{ branch: [{ when: has(country), name: email, then: [{ tag: a }] }], else: [{ tag: b }] }]",
        "[{ webhook: crm, data: { email: x } }]",
        "[{ webhook: crm, on_failure: retry }]",
        "[{ set: { wait: 1 } }]",
        "[{ if: has(country), then: [{ tag: email }] }]",
    ] {
        assert!(spins(steps), "{steps}");
    }
    for steps in [
        "[{ split: { a: { weight: 1, then: [{ wait: 1d }] }, b: { weight: 1 } } }]",
        "[{ branch: [{ when: has(country), then: [{ email: cold/hello }] }] }]",
        "[{ branch: [{ when: has(country) }], else: [{ if: tag(\"a\"), else: [{ wait: 1d }] }] }]",
        "[{ webhook: crm, on_failure: hold }]",
        // What is told already.
        "[{ emial: cold/hello }]",
    ] {
        assert!(!spins(steps), "{steps}");
    }
}

const STREAMS: &str =
    "streams:\n  useful:\n    about: For the patient.\n    contents: [cold/hello, cold/bye]\n";

fn with_stream(steps: &str, streams: &str) -> crate::definitions::Sources {
    let text =
        format!("workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n{steps}");
    campaign(&[("workflows/hello.yaml", &text), ("workflows/streams.yaml", streams)])
}

#[test]
fn a_stream_is_declared_by_name_and_its_contents_are_those_of_the_file() {
    let steps = "  - stream: useful
    every: [1 week, 2 weeks, 1mo]
    up_to: 12 mails
    when_exhausted: go on
    not_after: 5d
  - stream: useful
    every: 3 weeks
  - tag: after
";
    let checked = check(&with_stream(steps, STREAMS));
    assert_eq!(rules(&checked), []);
    let definitions = checked.definitions.unwrap();
    assert_eq!(definitions.streams["useful"], ["cold/hello", "cold/bye"]);
    let steps = &definitions.workflows[0].workflow.steps;
    assert_eq!(
        picture(steps),
        ["stream.useful → stream.useful#2", "stream.useful#2 → tag.after", "tag.after → end"]
    );
    let first = steps.iter().next().unwrap();
    assert_eq!(definitions.mails_of(&first.kind), ["cold/hello", "cold/bye"]);
}

#[test]
fn mistakes_of_streams() {
    let sources = with_stream(
        "  - stream: [cold/hello, cold/bye]
    every: 3 weeks
  - stream: usefull
    every: [1 week, often]
    up_to: 12
    when_exhausted: end
  - stream: useful
  - repeat: 2
    steps: [{ repeat: 2, steps: [{ stream: useful, every: 3d, up_to: 3 mails }] }]
",
        "streams:
  useful: { contents: [cold/hello, cold/helo, cold/hello] }
  empty: { contents: [] }
  none: {}
  short: [cold/hello]
",
    );
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
}

#[test]
fn a_stream_that_leads_in_flight_need_stays_with_its_mails() {
    let previous =
        check(&with_stream("  - { stream: useful, every: 3 weeks }\n", STREAMS)).artefacts;
    let is_gone = |name: &str| ["useful", "cold/hello", "cold/bye", "hello"].contains(&name);
    let (gone, next): (Vec<_>, Vec<_>) =
        previous.iter().cloned().partition(|found| is_gone(&found.name));
    let pinned: Vec<_> = gone.into_iter().filter(|found| &*found.name == "hello").collect();
    let carried = still_needed(&next, &previous, &pinned);
    let names: Vec<String> =
        carried.iter().map(|it| format!("{:?} {}", it.kind, it.name)).collect();
    assert_eq!(names, ["Mail cold/bye", "Mail cold/hello", "Stream useful"]);
}

#[test]
fn other_workflows_are_known_by_name() {
    let other =
        "workflow: other\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - enrol: hello\n";
    let with = |steps: &str| {
        let text = format!(
            "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n{steps}"
        );
        campaign(&[("workflows/hello.yaml", &text), ("workflows/other.yaml", other)])
    };
    let checked = check(&with("  - leave: other\n  - enrol: other\n"));
    assert_eq!(rules(&checked), []);
    let definitions = checked.definitions.unwrap();
    let steps = &definitions.workflow("hello").unwrap().workflow.steps;
    assert_eq!(picture(steps), ["leave.other → enrol.other", "enrol.other → end"]);
    let sources =
        with("  - enrol: othr\n  - leave: replied()\n  - enrol: hello\n  - leave: hello\n");
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
    // Who is inside of an earlier version is not stopped by a workflow that is gone.
    let checked = check(&with("  - enrol: other\n"));
    let (gone, next): (Vec<_>, Vec<_>) =
        checked.artefacts.into_iter().partition(|found| ["hello", "other"].contains(&&*found.name));
    let pinned: Vec<_> = gone.into_iter().filter(|found| &*found.name == "hello").collect();
    assert!(compile(&next, &pinned, ReleaseId(1), &BTreeMap::new()).is_ok());
}
