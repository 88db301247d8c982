//! What is allowed and never does what was meant.

use super::{campaign, rules};
use crate::definitions::check;

const RULE: &str = "unreachable-bound";
const NOWHERE: [usize; 0] = [];

/// The lines of a file at which bounds are warned of, beside these rules of engagement.
fn warned(engagement: &str, file: (&str, &str)) -> Vec<usize> {
    let scoring =
        format!("scoring:\n  temperature: {{ warm: 7, hot: 9 }}\n  engagement:\n{engagement}");
    let checked = check(&campaign(&[("workflows/scoring.yaml", &scoring), file]));
    assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
    let found = checked.problems.iter();
    found
        .inspect(|found| assert_eq!((found.rule, &*found.file), (RULE, file.0)))
        .map(|p| p.line)
        .collect()
}

const CLICKS: &str = "    - { on: clicked(), points: 20, cap: 60 }\n";

#[test]
fn a_bound_that_one_click_just_reaches_is_warned_of_wherever_it_is_written() {
    let segments = |when: &str| {
        let text = format!("segments:\n  cold: stage == \"lead\"\n  warm: {when}\n");
        warned(CLICKS, ("workflows/segments.yaml", &text))
    };
    assert_eq!(segments("stage == \"mql\" and (engagement >= 20)"), [3]);
    assert_eq!(segments("not (20 <= engagement)"), [3]);
    for right in ["engagement >= 19.999", "engagement >= 21", "engagement > 20", "engagement < 20"]
    {
        assert_eq!(segments(right), NOWHERE, "{right}");
    }
    let workflow = "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\ngoal: engagement >= \
                    20\nsteps:\n  - if: engagement >= 20\n    then: [{ email: cold/hello }]\n";
    assert_eq!(warned(CLICKS, ("workflows/hello.yaml", workflow)), [4, 6]);
}

#[test]
fn a_bound_that_all_caps_together_do_not_exceed_is_warned_of() {
    let rules = "    - { on: clicked(), points: 20, cap: 60 }\n    - { on: replied(), points: 5, cap: \
                 10 }\n    - { on: happened(\"sales.no\"), points: -5, cap: -50 }\n";
    let segments = |when: &str| {
        let text = format!("segments:\n  cold: stage == \"lead\"\n  hot: {when}\n");
        warned(rules, ("workflows/segments.yaml", &text))
    };
    for never in ["engagement >= 70", "engagement > 70", "engagement >= 1000"] {
        assert_eq!(segments(never), [3], "{never}");
    }
    assert_eq!(segments("engagement >= 69"), NOWHERE);
    // A reply counts in the instant in which it comes.
    assert_eq!(segments("engagement >= 5"), NOWHERE);
}

#[test]
fn what_another_rule_adds_to_is_more_than_one_hit() {
    let rules = "    - { on: visited(), points: 2, cap: 10 }\n    - { on: visited(\"/pricing\"), points: \
                 15, cap: 30 }\n";
    let segments = |when: &str| {
        let text = format!("segments:\n  cold: {when}\n");
        warned(rules, ("workflows/segments.yaml", &text))
    };
    assert_eq!(segments("engagement >= 15"), NOWHERE);
    assert_eq!(segments("engagement >= 2"), [2]);
}

#[test]
fn temperatures_are_bounds_as_well_also_those_of_the_house() {
    let scoring = |rest: &str| {
        let text = format!("scoring:\n  engagement:\n{CLICKS}{rest}");
        rules(&check(&campaign(&[("workflows/scoring.yaml", &text)])))
    };
    assert_eq!(scoring("  temperature: { warm: 18, hot: 50 }\n"), []);
    assert_eq!(scoring("  temperature: { warm: 20, hot: 50 }\n"), [(RULE, 4)]);
    assert_eq!(scoring("  temperature: { warm: 18, hot: 60 }\n"), [(RULE, 4)]);
    assert_eq!(scoring(""), [(RULE, 2)]);
    let stages = "  temperature: { warm: 18, hot: 50 }\n  stages:\n    - { from: lead, to: mql, when: \
                  engagement >= 20 }\n";
    assert_eq!(scoring(stages), [(RULE, 6)]);
}
