//! What is right and probably not meant: read these snapshots as marketing ops would.

use super::{campaign, rules};
use crate::definitions::{Sources, check, lint, show};

/// All warnings of a folder that has no errors.
fn warnings(sources: &Sources) -> Vec<crate::definitions::Problem> {
    let mut checked = check(sources);
    let definitions = checked.definitions.take().unwrap_or_else(|| panic!("{checked:#?}"));
    let mut problems = checked.problems;
    problems.extend(lint(sources, &definitions, "2027-03-01T08:00:00Z".parse().unwrap()));
    problems
}

/// Their rules and lines, but of what the small campaign has and does not use.
fn found(sources: &Sources) -> Vec<(&'static str, usize)> {
    let mut problems = warnings(sources);
    problems.retain(|problem| !(problem.rule == "unused-template" && problem.line == 1));
    problems.iter().map(|problem| (problem.rule, problem.line)).collect()
}

fn shown(sources: &Sources) -> String {
    show(&warnings(sources), sources, false)
}

const WORKFLOW: &str =
    "workflow: hello\npurpose: insights\nenter: { segment: cold, existing: no }\n";

fn workflow(rest: &str) -> Sources {
    campaign(&[
        ("workflows/hello.yaml", &format!("{WORKFLOW}{rest}")),
        ("templates/cold/bye.md", "---\nsubject: Bye\n---\nGood night.\n"),
    ])
}

#[test]
fn conditions_that_ask_nothing() {
    let sources = workflow(
        "goal: stage == \"sql\" and stage == \"customer\"\nleave: stage != \"lead\" or stage != \"mql\"\n\
         steps:\n  - email: cold/hello\n  - if: vip and (seats > 50 and seats < 10)\n    then:\n      - email: cold/bye\n",
    );
    insta::assert_snapshot!(shown(&sources));
}

#[test]
fn a_condition_of_a_segment_is_told_where_it_is_written() {
    let text = "segments:\n  cold: >-\n    lead_status == \"Not now\"\n    and country in [\"IT\"] and country == \"FR\"\n";
    let sources = campaign(&[("workflows/segments.yaml", text)]);
    let problems = warnings(&sources);
    let first = &problems[0];
    assert_eq!((first.rule, first.line, first.column), ("contradiction", 4, 9));
}

#[test]
fn steps_behind_a_condition_that_is_never_true_or_always() {
    let lines = |steps: &str| {
        let found = found(&workflow(&format!("steps:\n{steps}")));
        let cut_off = found.iter().filter(|(rule, _)| *rule == "unreachable-step");
        cut_off.map(|(_, line)| *line).collect::<Vec<_>>()
    };
    let never = "vip and not vip";
    let always = "'tag(\"a\") or not tag(\"a\")'";
    let mail = "      - email: cold/hello\n      - wait: 3d\n";
    assert_eq!(lines(&format!("  - if: {never}\n    then:\n{mail}")), [7]);
    assert_eq!(lines(&format!("  - if: {always}\n    then:\n{mail}    else:\n{mail}")), [10]);
    // Those that are behind the branch are come to by the other.
    assert_eq!(lines(&format!("  - if: {never}\n    then: [stop]\n  - email: cold/hello\n")), [6]);
    assert_eq!(lines(&format!("  - if: {always}\n    then: [stop]\n  - email: cold/hello\n")), [7]);
    let branch = |first: &str| {
        lines(&format!(
            "  - branch:\n      - {{ when: {first}, then: [{{ tag: a }}] }}\n      - {{ when: vip, then: [{{ tag: b }}] }}\n    else: [{{ tag: c }}]\n"
        ))
    };
    assert_eq!(branch("'vip and not vip'"), [6]);
    assert_eq!(branch(always), [7]);
    assert_eq!(branch("'not vip'"), [0usize; 0]);
    assert_eq!(
        lines(&format!("  - wait_for: {never}\n    up_to: 3d\n    then:\n{mail}    else:\n{mail}")),
        [8]
    );
    // Nothing is known of these.
    assert_eq!(lines(&format!("  - if: vip\n    then:\n{mail}    else:\n{mail}")), [0usize; 0]);
    // One at a date is two steps, and those after it are found all the same.
    assert_eq!(
        lines(&format!(
            "  - split: {{ a: {{ weight: 1, then: [stop] }}, b: {{ weight: 1 }} }}\n  - if: {never}\n    then:\n{mail}"
        )),
        [8]
    );
}

#[test]
fn windows_that_are_open_for_minutes() {
    let policy = "policy:\n  tracking: nobody\n  zone: Europe/Rome\n  quiet: 20:00-09:40\n  purposes:\n    insights: { label: Insights, basis: [consent] }\n";
    let send = |window: &str| {
        let text =
            format!("{WORKFLOW}send: {{ window: {window} }}\nsteps:\n  - email: cold/hello\n");
        campaign(&[("workflows/policy.yaml", policy), ("workflows/hello.yaml", &text)])
    };
    let mut seldom = send("tue 09:00-10:10");
    seldom.files.remove("templates/cold/bye.md");
    insta::assert_snapshot!(shown(&seldom));
    assert_eq!(found(&send("tue 09:00-10:10; thu 09:00-10:10")), []);
    let never = check(&send("mon-fri 08:00-09:30"));
    assert_eq!(rules(&never), [("window-never-opens", 4)]);
    let house = policy.replace("  quiet: 20:00-09:40\n", "  window: sun 12:00-12:01\n");
    assert_eq!(
        found(&campaign(&[("workflows/policy.yaml", &house)])),
        [("window-seldom-opens", 4)]
    );
}

#[test]
fn two_workflows_that_write_on_the_same_day() {
    let other = |name: &str, rest: &str| {
        format!(
            "workflow: {name}\npurpose: insights\nenter: {{ by_hand: yes }}\n{rest}steps:\n  - email: cold/bye\n"
        )
    };
    let with = |caps: &str, rest: &str| {
        let policy = format!(
            "policy:\n  tracking: nobody\n{caps}  purposes:\n    insights: {{ label: Insights, basis: [consent] }}\n"
        );
        let texts = ["a", "b", "c"].map(|name| other(name, rest));
        campaign(&[
            ("workflows/policy.yaml", &policy),
            ("workflows/a.yaml", &texts[0]),
            ("workflows/b.yaml", &texts[1]),
            ("workflows/c.yaml", &texts[2]),
        ])
    };
    insta::assert_snapshot!(shown(&with("  caps: [{ mails: 5, per: month }]\n", "")));
    for apart in [
        "  caps: [{ mails: 1, per: day }]\n",
        "  caps: [{ mails: 2, per: day }]\n",
        "  caps: [{ mails: 1, per: week }]\n",
        "  caps: [{ mails: 1, per: day, purpose: insights }]\n",
        "  min_gap: 20h\n",
    ] {
        assert_eq!(found(&with(apart, "")), [], "{apart}");
    }
    // Mail that its reader asked for is under no cap; so one is left, which is alone.
    assert_eq!(found(&with("", "send: { now: yes }\n")), []);
}

#[test]
fn what_nothing_names() {
    let mut sources = campaign(&[
        (
            "workflows/segments.yaml",
            "segments:\n  cold: lead_status == \"Not now\"\n  lost: seats > 5\n  asked: seats > 6\n",
        ),
        ("workflows/streams.yaml", "streams:\n  useful: { contents: [cold/useful] }\n"),
        ("templates/cold/useful.md", "---\nsubject: Useful\n---\nUseful.\n"),
        (
            "templates/cold/bye.it.md",
            "---\nsubject: Ciao\n---\n{% if in_segment(\"asked\") %}Buona{% endif %} notte.\n",
        ),
        ("templates/examples/look.md", "---\nsubject: Look\n---\nLook.\n"),
        ("templates/files/guide.pdf", "JVBERi0xLjc="),
    ]);
    insta::assert_snapshot!(shown(&sources));
    // Tests name things as well.
    let test = "tests: all\nfrom: 2027-03-01 08:00\ncases:\n  - case: a\n    expect:\n      - no_mail: cold/bye\n      - that: in_segment(\"lost\")\n";
    sources.tests.insert("workflows/hello.test.yaml".to_owned(), test.to_owned());
    let rules: Vec<&str> = warnings(&sources).iter().map(|problem| problem.rule).collect();
    assert_eq!(rules, ["unused-attachment", "unused-stream"]);
}
