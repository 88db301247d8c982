//! Steps that choose, go round and lead elsewhere: how they are laid out, and what is wrong with them.

use std::collections::BTreeMap;

use super::{campaign, rules, structure::picture, with_steps};
use crate::{
    definitions::{Checked, check, compile, show},
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
