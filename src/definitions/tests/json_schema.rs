//! The JSON Schema takes what `check` takes, as an independent validator sees it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shipped::{campaign, yaml_examples};
use crate::definitions::schema::{FILES, json_schema, json_schema_of_mails, json_schema_of_tests};

/// YAML as an editor's parser reads it.
fn parsed(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::meta::validate(schema).unwrap();
    jsonschema::validator_for(schema).unwrap()
}

#[test]
fn what_is_shipped_and_shown_is_valid() {
    let files = validator(&json_schema());
    let mails = validator(&json_schema_of_mails());
    let (mut seen, mut letters) = (0, 0);
    for (path, text) in &campaign().files {
        if path.starts_with("workflows/") {
            seen += 1;
            let problems: Vec<String> =
                files.iter_errors(&parsed(text)).map(|problem| problem.to_string()).collect();
            assert!(problems.is_empty(), "{path}: {problems:#?}");
        } else if let Some((front, _)) =
            text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"))
        {
            letters += 1;
            let problems: Vec<String> =
                mails.iter_errors(&parsed(front)).map(|problem| problem.to_string()).collect();
            assert!(problems.is_empty(), "{path}: {problems:#?}");
        }
    }
    assert!(seen >= 7 && letters >= 10, "{seen} files, {letters} mails");
    let examples = yaml_examples();
    assert!(examples.len() >= 6);
    for yaml in &examples {
        assert!(files.is_valid(&parsed(yaml)), "{yaml}");
    }
    // Of each kind of file there is one among them.
    let all = campaign().files;
    let all = all.iter().filter(|(path, _)| path.starts_with("workflows/")).map(|(_, text)| text);
    let kinds: BTreeSet<String> = all
        .chain(&examples)
        .flat_map(|text| parsed(text).as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    for kind in &FILES {
        assert!(kinds.contains(kind.key), "no file of `{}` is tried", kind.key);
    }
}

#[test]
fn shipped_tests_are_valid_and_what_no_table_has_is_not() {
    let tests = validator(&json_schema_of_tests());
    let shipped = campaign().tests;
    assert!(shipped.len() >= 5);
    for (path, text) in &shipped {
        let problems: Vec<String> =
            tests.iter_errors(&parsed(text)).map(|problem| problem.to_string()).collect();
        assert!(problems.is_empty(), "{path}: {problems:#?}");
    }
    let with =
        |case: &str| format!("tests: a\nfrom: 2027-03-01 08:00\ncases: [{{ case: b, {case} }}]\n");
    assert!(tests.is_valid(&parsed(&with("expect: [{ mails: [] }]"))));
    for wrong in
        ["expects: []", "expect: [{ male: a }]", "happens: [{ clicked: a }]", "timeline: yes"]
    {
        assert!(!tests.is_valid(&parsed(&with(wrong))), "{wrong}");
    }
}

/// What an editor shows when one points at a key.
#[test]
fn every_key_says_what_it_is_about() {
    fn walk(schema: &Value, keys: &mut usize) {
        if let Value::Array(items) = schema {
            items.iter().for_each(|item| walk(item, keys));
        }
        let Value::Object(object) = schema else { return };
        for (name, key) in object.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            let about = key.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(!about.is_empty(), "`{name}` says nothing: {schema}");
            *keys += 1;
        }
        object.values().for_each(|part| walk(part, keys));
    }
    let mut keys = 0;
    for schema in [json_schema(), json_schema_of_mails(), json_schema_of_tests()] {
        walk(&schema, &mut keys);
    }
    assert!(keys > 200, "{keys}");
}

#[test]
fn what_no_table_has_is_not_valid() {
    let files = validator(&json_schema());
    for yaml in [
        "workflow: a\npurpose: p\nenter: { segment: s, existing: no }\nsteps: [{ emial: a }]\n",
        "workflow: a\npurpose: p\nenter: { segment: s, exists: no }\nsteps: [{ email: a }]\n",
        "workflow: a\nenter: { segment: s, existing: no }\nsteps: [{ email: a }]\n",
        "workflow: a\npurpose: p\nenter: { segment: s, existing: no }\nsteps: [{ email: a, wait: 3d }]\n",
        "segments: { a: { about: no condition } }\n",
        "scoring: { stages: [{ from: lead, to: nowhere, when: 'true' }] }\n",
        "attributes: { seats: integer }\n",
        "polizy: { tracking: nobody }\n",
    ] {
        assert!(!files.is_valid(&parsed(yaml)), "{yaml}");
    }
}
