//! Ids of steps while others are put in between: those who wait under them must be found again.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{rules, with_steps};

/// Which kind of step, and the lists inside of it as far as it has any.
#[derive(Clone, Debug)]
struct Shape(usize, Vec<Vec<Shape>>);

fn list() -> impl Strategy<Value = Vec<Shape>> {
    let leaf = (0_usize..6).prop_map(|kind| Shape(kind, vec![]));
    let step = leaf.prop_recursive(3, 24, 3, |inner| {
        let lists = prop::collection::vec(prop::collection::vec(inner, 1..3), 2);
        (0_usize..12, lists).prop_map(|(kind, lists)| Shape(kind, lists))
    });
    prop::collection::vec(step, 1..4)
}

/// As a file has it: YAML takes JSON. Each step says something of its own, as `number` does.
fn written(list: &[Shape], loops: usize, number: &mut usize) -> Value {
    let steps = list.iter().map(|Shape(kind, inside)| {
        *number += 1;
        let n = *number;
        let mut below = |place: usize, loops: usize| match inside.get(place) {
            Some(list) => written(list, loops, number),
            None => json!([{ "tag": format!("in-{n}-{place}") }]),
        };
        let asks = format!("seats >= {n}");
        match kind {
            0 => json!({ "wait": format!("{n}d") }),
            1 => json!({ "email": "cold/hello", "id": format!("mail-{n}") }),
            2 => json!({ "set": { "seats": n }, "id": format!("set-{n}") }),
            3 => json!({ "notify": "sales", "id": format!("notify-{n}") }),
            6 => json!({ "if": asks, "then": below(0, loops), "else": below(1, loops) }),
            7 => json!({ "wait_for": asks, "up_to": "3d", "then": below(0, loops) }),
            8 => json!({
                "branch": [{ "when": asks, "name": format!("case-{n}"), "then": below(0, loops) }],
                "else": below(1, loops),
            }),
            9 => json!({ "split": {
                format!("a{n}"): { "weight": 1, "then": below(0, loops) },
                format!("b{n}"): { "weight": 2, "then": below(1, loops) },
            } }),
            10 if loops < 2 => {
                let mut steps = below(0, loops + 1);
                let wait = json!({ "wait": format!("{n}h") });
                steps.as_array_mut().unwrap().push(wait);
                json!({ "repeat": 3, "until": asks, "steps": steps })
            }
            _ => json!({ "tag": format!("t{n}") }),
        }
    });
    Value::Array(steps.collect())
}

/// Puts a step at a place, counted through all lists of steps, and returns what is left to count.
fn insert(node: &mut Value, key: &str, step: &Value, place: usize) -> Result<(), usize> {
    let mut place = place;
    if let (Value::Array(list), "steps" | "then" | "else") = (&mut *node, key) {
        if place <= list.len() {
            list.insert(place, step.clone());
            return Ok(());
        }
        place -= list.len() + 1;
    }
    match node {
        Value::Array(list) => {
            for item in list {
                match insert(item, "", step, place) {
                    Ok(()) => return Ok(()),
                    Err(left) => place = left,
                }
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries.iter_mut() {
                match insert(item, key, step, place) {
                    Ok(()) => return Ok(()),
                    Err(left) => place = left,
                }
            }
        }
        _ => {}
    }
    Err(place)
}

/// The ids of all steps. Steps that are never reached are warned of.
fn ids(steps: &Value) -> BTreeSet<String> {
    let lines: Vec<String> =
        steps.as_array().unwrap().iter().map(|step| format!("  - {step}")).collect();
    let checked = with_steps(&lines.join("\n"));
    let errors = rules(&checked).into_iter().filter(|(rule, _)| *rule != "wait-without-end");
    assert_eq!(errors.collect::<Vec<_>>(), [], "{}", lines.join("\n"));
    let definitions = checked.definitions.unwrap();
    definitions.workflows[0].workflow.steps.iter().map(|step| step.id.to_string()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_step_that_is_put_in_changes_no_other_id(
        list in list(),
        place in any::<prop::sample::Index>(),
        kind in 0_usize..12,
    ) {
        let mut steps = written(&list, 0, &mut 0);
        let before = ids(&steps);
        let new = &written(&[Shape(kind, vec![])], 2, &mut 900)[0];
        let places = before.len();
        // Where there are fewer places: at the end.
        let found = insert(&mut steps, "steps", new, place.index(places));
        if found.is_err() {
            steps.as_array_mut().unwrap().push(new.clone());
        }
        let after = ids(&steps);
        prop_assert!(before.is_subset(&after), "{:?}", before.difference(&after).collect::<Vec<_>>());
        prop_assert!(after.len() > before.len());
    }
}
