//! `on_change:`, right and wrong.

use super::{campaign, rules};
use crate::{
    definitions::{Checked, check, show},
    domain::on_change::{Landing, OnChange},
};

fn checked(on_change: &str) -> (Checked, String) {
    let text = format!(
        "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\non_change: {on_change}\nsteps:\n  \
         - email: cold/hello\n  - wait: 3d\n    id: pause\n  - email: cold/bye\n"
    );
    let sources = campaign(&[("workflows/hello.yaml", &text)]);
    let checked = check(&sources);
    let shown = show(&checked.problems, &sources, false);
    (checked, shown)
}

#[test]
fn each_word_and_the_map_are_read() {
    let read = |text: &str| {
        let (checked, shown) = checked(text);
        checked.definitions.expect(&shown).workflows[0].workflow.clone()
    };
    for (word, kind) in
        [("pin", OnChange::Pin), ("drain", OnChange::Drain), ("cancel", OnChange::Cancel)]
    {
        assert_eq!(read(word).on_change, kind);
    }
    assert!(matches!(&read("migrate").on_change, OnChange::Migrate(map) if map.is_empty()));
    let with_map =
        read("{ migrate: { wait.2d: pause, email.cold/old: end, wait.1d#2: email.cold/bye } }");
    assert!(matches!(with_map.landing("wait.2d"), Some(Landing::Other(_))));
    assert_eq!(with_map.landing("email.cold/old"), Some(Landing::End));
    assert!(matches!(with_map.landing("pause"), Some(Landing::Same(_))));
    assert_eq!(with_map.landing("elsewhere"), None);
}

#[test]
fn what_is_wrong_is_said() {
    for (text, rule) in [
        ("stay", "bad-value"),
        ("{ pin: yes }", "unknown-key"),
        ("{ migrate: yes }", "wrong-type"),
        ("{ migrate: { wait.2d: gone } }", "unknown-step"),
        ("{ migrate: { pause: end } }", "conflict"),
        ("", "missing-value"),
    ] {
        let (checked, shown) = checked(text);
        assert_eq!(rules(&checked)[0], (rule, 4), "{shown}");
    }
    let (_, shown) = checked("{ migrate: { pause: end, wait.2d: pauze, wait.1d: else } }");
    insta::assert_snapshot!(shown);
}
