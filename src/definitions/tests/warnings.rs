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

#[test]
fn a_bound_above_all_caps_together_is_warned_of_wherever_it_is_written() {
    let rules = "    - { on: clicked(), points: 20, cap: 60 }\n    - { on: replied(), points: 5, cap: \
                 10 }\n    - { on: happened(\"sales.no\"), points: -5, cap: -50 }\n";
    let segments = |when: &str| {
        let text = format!("segments:\n  cold: stage == \"lead\"\n  hot: {when}\n");
        warned(rules, ("workflows/segments.yaml", &text))
    };
    for never in
        ["stage == \"mql\" and (engagement > 70)", "71 <= engagement", "engagement >= 1000"]
    {
        assert_eq!(segments(never), [3], "{never}");
    }
    // What all hits give in one instant, or one of them.
    for right in ["engagement >= 70", "engagement >= 20", "engagement > 69", "engagement < 70"] {
        assert_eq!(segments(right), NOWHERE, "{right}");
    }
    let workflow = "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\ngoal: engagement >= \
                    71\nsteps:\n  - if: engagement >= 80\n    then: [{ email: cold/hello }]\n";
    assert_eq!(warned(rules, ("workflows/hello.yaml", workflow)), [4, 6]);
}

#[test]
fn temperatures_and_stages_have_bounds_as_well() {
    let scoring = |rest: &str| {
        let clicks = "    - { on: clicked(), points: 20, cap: 60 }\n";
        let text = format!("scoring:\n  engagement:\n{clicks}{rest}");
        rules(&check(&campaign(&[("workflows/scoring.yaml", &text)])))
    };
    assert_eq!(scoring("  temperature: { warm: 20, hot: 60 }\n"), []);
    assert_eq!(scoring("  temperature: { warm: 20, hot: 61 }\n"), [(RULE, 4)]);
    assert_eq!(scoring(""), []);
    let stages = "  stages:\n    - { from: lead, to: mql, when: engagement >= 61 }\n";
    assert_eq!(scoring(stages), [(RULE, 5)]);
}
