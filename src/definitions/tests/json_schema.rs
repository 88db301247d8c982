//! The JSON Schema takes what `check` takes, as an independent validator sees it.

use serde_json::Value;

use super::shipped::{campaign, yaml_examples};
use crate::definitions::schema::{json_schema, json_schema_of_mails};

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
    for yaml in examples {
        assert!(files.is_valid(&parsed(&yaml)), "{yaml}");
    }
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
