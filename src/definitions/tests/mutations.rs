//! Nothing is left out of the definitions without a word: the shipped files with a slip in each place.

use serde_json::Value;

use super::{campaign, shipped};
use crate::{
    definitions::{Problem, Sources, check},
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        workflow::Enter,
    },
};

/// How many things under a key stand in a tree.
fn count(tree: &Value, key: &str) -> usize {
    match &tree[key] {
        Value::Null => 0,
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        _ => 1,
    }
}

/// The steps of a block with those of its branches; one with a date is a wait as well.
fn steps(block: &Value) -> usize {
    let branches = |step: &Value| {
        let outcomes: Vec<&str> = match &step["wait_for"] {
            Value::Object(named) => named.keys().map(String::as_str).collect(),
            _ => vec!["then"],
        };
        let named = outcomes.into_iter().chain(["else", "accepted", "returned"]);
        named.map(|key| steps(&step[key])).sum::<usize>() + steps(&step["silent"]["then"])
    };
    let size = |step: &Value| 1 + count(step, "at") + branches(step);
    block.as_array().map_or(0, |items| items.iter().map(size).sum())
}

/// What an artefact says, and what of it the definitions have: by name, in numbers.
fn written_and_compiled(
    found: &Artefact,
    definitions: &Definitions,
) -> Vec<(&'static str, usize, usize)> {
    let tree: Value = serde_json::from_str(&found.content).unwrap_or(Value::Null);
    let name = found.name.as_str();
    match found.kind {
        ArtefactKind::Workflow => {
            let Some(live) = definitions.workflow(name) else { return vec![("workflow", 1, 0)] };
            let workflow = &live.workflow;
            let filtered = matches!(&workflow.enter, Enter::On { filter: Some(_), .. });
            let about = matches!(&workflow.enter, Enter::On { object: Some(_), .. });
            vec![
                ("steps", steps(&tree["steps"]), workflow.steps.len()),
                ("goal", count(&tree, "goal"), workflow.goal.iter().count()),
                ("leave", count(&tree, "leave"), workflow.leave.iter().count()),
                ("where", count(&tree["enter"], "where"), filtered.into()),
                ("object", count(&tree["enter"], "object"), about.into()),
                ("window", count(&tree["send"], "window"), workflow.window.iter().count()),
                ("campaign", count(&tree, "campaign"), workflow.campaign.iter().count()),
            ]
        }
        ArtefactKind::Segment => vec![("segment", 1, definitions.segment(name).iter().count())],
        ArtefactKind::Scoring => {
            let scoring = &definitions.scoring;
            vec![
                ("engagement", count(&tree, "engagement"), scoring.engagement.len()),
                ("fit", count(&tree, "fit"), scoring.fit.len()),
                ("stages", count(&tree, "stages"), scoring.stages.len()),
            ]
        }
        ArtefactKind::Campaign => {
            let Some(campaign) = definitions.campaigns.get(name) else {
                return vec![("campaign", 1, 0)];
            };
            vec![
                ("dates", count(&tree, "dates"), campaign.dates.len()),
                ("variables", count(&tree, "variables"), campaign.variables.len()),
                ("utm", count(&tree, "utm"), campaign.utm.len()),
                ("costs", count(&tree, "costs"), campaign.costs.len()),
            ]
        }
        ArtefactKind::People => {
            let people = &definitions.people;
            let written = tree.as_object().map_or(0, serde_json::Map::len);
            vec![("people", written, people.persons.len() + people.teams.len())]
        }
        ArtefactKind::Policy => {
            vec![("purposes", count(&tree, "purposes"), definitions.policy.purposes.len())]
        }
        _ => Vec::new(),
    }
}

/// What a campaign says and its definitions have not, unless it is refused with a reason.
fn left_out(sources: &Sources) -> Vec<(&'static str, usize, usize)> {
    let checked = check(sources);
    let Some(definitions) = &checked.definitions else {
        assert!(checked.problems.iter().any(Problem::is_error));
        return Vec::new();
    };
    let parts = checked.artefacts.iter().flat_map(|found| written_and_compiled(found, definitions));
    parts.filter(|(_, written, compiled)| written != compiled).collect()
}

/// Deletes and doubles each character of the shipped files that holds others together.
#[test]
fn whatever_is_left_out_by_a_slip_is_said() {
    let mut sources = shipped::campaign();
    for (path, text) in shipped::campaign().files {
        if !path.starts_with("workflows/") {
            continue;
        }
        for (at, sign) in text.match_indices(|c: char| c.is_ascii_punctuation() && c != '.') {
            let (before, after) = (&text[..at], &text[at + 1..]);
            for slip in [format!("{before}{after}"), format!("{before}{sign}{sign}{after}")] {
                sources.files.insert(path.clone(), slip);
                let line = before.lines().count();
                assert_eq!(left_out(&sources), [], "`{sign}` on line {line} of {path}");
            }
        }
        sources.files.insert(path, text);
    }
}

#[test]
fn a_condition_cut_off_before_a_key_that_is_right_is_reported() {
    for (rule, column) in [
        ("engagement: [{ on: visited(\"/pricing\", points: 15, cap: 30 }]", 29),
        ("fit: [{ when: country == \"Italy, points: 10 }]", 28),
    ] {
        let text = format!("scoring:\n  {rule}\n");
        let checked = check(&campaign(&[("workflows/scoring.yaml", &text)]));
        let found: Vec<_> = checked.problems.iter().map(|p| (p.rule, p.line, p.column)).collect();
        assert_eq!(found, [("condition", 2, column)], "{rule}");
    }
}
