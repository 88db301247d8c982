//! Hostile and broken files: bounded in time and memory, and clear.

use std::fmt::Write as _;

use super::{campaign, rules};
use crate::definitions::check;

/// The rules that a workflow file with this text breaks.
fn broken(text: &str) -> Vec<&'static str> {
    let checked = check(&campaign(&[("workflows/hello.yaml", text)]));
    assert!(checked.definitions.is_none(), "{text:.200}");
    rules(&checked).into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn a_billion_laughs_stop_at_the_budget() {
    let mut text = String::from("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (last, next) in ('a'..'k').zip('b'..='k') {
        let _ = writeln!(text, "{next}: &{next} [{}]", vec![format!("*{last}"); 10].join(", "));
    }
    assert_eq!(broken(&text), ["too-large"]);
}

#[test]
fn one_long_text_repeated_by_aliases_stops_at_the_budget() {
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 40_000].join(", "));
    assert_eq!(broken(&text), ["too-large"]);
}

#[test]
fn an_alias_inside_of_itself_is_refused() {
    assert_eq!(broken("a: &a [*a]\n"), ["yaml-alias"]);
}

#[test]
fn deep_nesting_is_refused_without_recursion() {
    assert_eq!(broken(&"[".repeat(100_000)), ["too-large"]);
    assert_eq!(broken(&"- ".repeat(100_000)), ["too-large"]);
    assert_eq!(broken(&"{a: ".repeat(100_000)), ["too-large"]);
}

#[test]
fn large_files_are_refused_unread() {
    assert_eq!(broken(&"a: b\n".repeat(2_000_000)), ["too-large"]);
}

#[test]
fn very_many_mistakes_are_reported_up_to_a_bound() {
    let mut text = String::from("workflow: hello\n");
    for number in 0..20_000 {
        let _ = writeln!(text, "k{number}: x");
    }
    let found = broken(&text);
    assert_eq!(found.len(), 101);
    assert!(found.contains(&"more"));
    // One long line: places are found without walking it again and again.
    let keys: String = (0..20_000).fold(String::new(), |mut keys, number| {
        let _ = write!(keys, "k{number}: x, ");
        keys
    });
    assert_eq!(broken(&format!("{{ workflow: hello, {keys} }}")).len(), 101);
}

#[test]
fn tags_directives_and_documents_are_refused() {
    assert_eq!(broken("workflow: !!python/object:os.system x\n"), ["yaml-tag"]);
    assert_eq!(broken("%YAML 1.1\n---\nworkflow: a\n"), ["yaml-directive"]);
    assert_eq!(broken("workflow: a\n---\nworkflow: b\n"), ["yaml-documents"]);
    assert!(broken("workflow: a\n<<: { purpose: insights }\n").contains(&"yaml-merge"));
    assert!(broken("workflow: a\nworkflow: b\n").contains(&"duplicate-key"));
    assert_eq!(broken(""), ["empty-file"]);
    assert_eq!(broken("- a\n- b\n"), ["wrong-type"]);
}

#[test]
fn a_graph_of_segments_that_all_name_each_other_is_refused_quickly() {
    let mut text = String::from("segments:\n");
    for number in 0..100 {
        let names: Vec<String> = (0..100).map(|n| format!("in_segment(\"s{n}\")")).collect();
        let _ = writeln!(text, "  s{number}: {}", names.join(" or "));
    }
    let checked = check(&campaign(&[("workflows/many.yaml", &text)]));
    assert_eq!(rules(&checked), [("cycle", 2)]);
}

#[test]
fn a_long_chain_and_a_long_circle_of_segments_take_no_time() {
    let chain = |last: &str| {
        let mut text = format!("segments:\n  s249: {last}\n");
        for number in 0..249 {
            let _ = writeln!(text, "  s{number:03}: in_segment(\"s{:03}\")", number + 1);
        }
        // With the one of the base.
        let mut sources = campaign(&[("workflows/segments.yaml", &text)]);
        sources.files.remove("workflows/hello.yaml");
        check(&sources)
    };
    let straight = chain("stage == \"lead\"");
    assert_eq!(straight.definitions.unwrap().segments.len(), 250);
    assert_eq!(rules(&chain("in_segment(\"s000\")")), [("cycle", 3)]);
}

/// Each segment names the one before twice: spelt out, the last is longer than all that was ever written.
#[test]
fn segments_that_name_each_other_twice_are_refused_where_they_become_too_long() {
    let mut text = String::from("segments:\n  s0: country == \"Italy\"\n");
    for number in 1..999 {
        let before = format!("in_segment(\"s{}\")", number - 1);
        let _ = writeln!(text, "  s{number}: {before} and {before}");
    }
    let scoring = |when: &str| {
        format!("scoring:\n  stages:\n    - {{ from: [lead], to: mql, when: '{when}' }}\n")
    };
    let workflow = |goal: &str, step: &str| {
        format!(
            "workflow: hello\npurpose: insights\nenter: {{ segment: last, existing: no }}\n\
             goal: '{goal}'\nsteps:\n  - email: cold/hello\n  - {step}\n"
        )
    };
    let found = |segments: &str, scoring: &str, workflow: &str| {
        let checked = check(&campaign(&[
            ("workflows/segments.yaml", segments),
            ("workflows/scoring.yaml", scoring),
            ("workflows/hello.yaml", workflow),
        ]));
        let problems = checked.problems.iter();
        problems.map(|it| format!("{}:{} {}", it.file, it.line, it.rule)).collect::<Vec<_>>()
    };
    let (once, twice) = ("in_segment(\"last\")", "in_segment(\"last\") and in_segment(\"last\")");
    let wait_for = |condition: &str| format!("wait_for: '{condition}'");
    // Whatever names it is too long because of it.
    let endless = format!("{text}  last: in_segment(\"s998\")\n");
    assert_eq!(
        found(&endless, &scoring(once), &workflow(twice, &wait_for(once))),
        ["workflows/segments.yaml:13 condition"]
    );
    let long: String = text.split_inclusive('\n').take(12).collect();
    let long = long.replace("s10:", "last:");
    let fine = workflow(once, &wait_for(once));
    assert!(found(&long, &scoring(once), &fine).is_empty());
    assert_eq!(found(&long, &scoring(twice), &fine), ["workflows/scoring.yaml:3 condition"]);
    for (workflow, line) in [
        (workflow(twice, "stop"), 4),
        (workflow(once, &wait_for(twice)), 7),
        (workflow(once, &format!("if: '{twice}'\n    then: [stop]")), 7),
    ] {
        let expected = format!("workflows/hello.yaml:{line} condition");
        assert_eq!(found(&long, &scoring(once), &workflow), [expected]);
    }
}

#[test]
fn a_long_list_is_one_value_wherever_it_is_asked_for() {
    let items: Vec<_> = (0..400).map(|number| format!("\"{number}\"")).collect();
    let mut text = format!("segments:\n  listed: country in [{}]\n", items.join(", "));
    let mut all = Vec::new();
    for number in 0..40 {
        let _ = writeln!(text, "  s{number}: tag(\"t{number}\") and not in_segment(\"listed\")");
        all.push(format!("in_segment(\"s{number}\")"));
    }
    let _ = writeln!(text, "  cold: {}", all.join(" or "));
    let checked = check(&campaign(&[("workflows/segments.yaml", &text)]));
    assert!(checked.problems.is_empty(), "{:?}", checked.problems);
}

#[test]
fn segments_that_name_each_other_many_levels_deep_are_refused() {
    let mut text = String::from("segments:\n  s0: country == \"Italy\"\n");
    for number in 1..100 {
        let nots = "not ".repeat(50);
        let _ = writeln!(text, "  s{number}: {nots}in_segment(\"s{}\")", number - 1);
    }
    let mut sources = campaign(&[("workflows/segments.yaml", &text)]);
    sources.files.remove("workflows/hello.yaml");
    let checked = check(&sources);
    assert_eq!(rules(&checked), [("condition", 7)]);
    let problem = &checked.problems[0];
    assert!(problem.message.starts_with("it is 257 levels deep"), "{}", problem.message);
    assert!(problem.hint.as_deref().is_some_and(|hint| hint.contains("`s4` is 206")));
}

#[test]
fn more_kinds_of_events_than_a_lead_remembers_are_refused() {
    let mut text = String::from("segments:\n  cold: stage == \"lead\"\n");
    for number in 0..600 {
        let _ = writeln!(text, "  s{number}: visited(\"/{number}\")");
    }
    let checked = check(&campaign(&[("workflows/segments.yaml", &text)]));
    assert!(rules(&checked).iter().any(|(rule, _)| *rule == "too-large"));
}

#[test]
fn patterns_that_are_large_together_are_refused_before_they_are_compiled() {
    let mut text = String::from("segments:\n  cold: stage == \"lead\"\n");
    let many = vec!["country.matches(r\"\\w{5}\")"; 100].join(" or ");
    for number in 0..100 {
        let _ = writeln!(text, "  s{number}: {many}");
    }
    let checked = check(&campaign(&[("workflows/segments.yaml", &text)]));
    // The first fills the room but for a rest; of the others none is compiled.
    assert_eq!(rules(&checked)[0], ("condition", 3));
    assert_eq!(rules(&checked).len(), 101);
    assert!(
        checked.problems[0].message.contains("all conditions"),
        "{}",
        checked.problems[0].message
    );
}

#[test]
fn names_that_are_paths_name_nothing() {
    for name in ["../../etc/passwd", "/etc/passwd", "..%2fx", "\"a\\0b\"", &"x".repeat(300)] {
        let steps = super::with_steps(&format!("  - email: {name}"));
        assert!(steps.definitions.is_none(), "{name}");
        assert_eq!(steps.problems.len(), 1, "{:?}", steps.problems);
    }
}

#[test]
fn texts_hold_no_control_characters() {
    let people = "people:\n  ada: { name: \"Ada\\r\\nBcc: x@example.com\", email: ada@example.com }\n  \
                  sales: { team: [ada] }\n";
    let checked = check(&campaign(&[("workflows/people.yaml", people)]));
    assert_eq!(rules(&checked), [("bad-value", 2)]);
    let mail = "---\nsubject: \"Hello\\nBcc: x@example.com\"\n---\nx\n";
    let checked = check(&campaign(&[("templates/cold/hello.md", mail)]));
    assert_eq!(rules(&checked), [("bad-value", 2)]);
}

#[test]
fn no_yaml_makes_it_panic() {
    use proptest::prelude::*;
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let words = prop::sample::select(vec![
        "workflow", "steps", "email", "wait_for", "then", "if", ":", ": ", "- ", "\n", "\n  ", "{",
        "}", "[", "]", ",", "\"", "'", "#", " #", "!", "&a", "*a", "|", ">", "\t", "é", "\u{0}",
        "---", "hello", "10d", "segments", "scoring", "enter", "null", "~", "subject",
    ]);
    runner
        .run(&prop::collection::vec(words, 0..60), |words| {
            let text = words.concat();
            let front = format!("---\n{text}");
            let checked = check(&campaign(&[
                ("workflows/hello.yaml", &text),
                ("templates/cold/hello.md", &front),
            ]));
            let sources = campaign(&[("workflows/hello.yaml", &text)]);
            let _ = crate::definitions::show(&checked.problems, &sources, false);
            Ok(())
        })
        .unwrap();
}
