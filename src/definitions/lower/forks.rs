//! Steps that choose a way on arrival: `if:`, `branch:`.

use super::{
    read,
    step::{Draft, Made},
    step_id,
    workflow::Known,
};
use crate::{
    definitions::{
        names::slugged,
        node::{Data, Node},
        problem::File,
        schema,
    },
    domain::{
        condition::Scope,
        name::Name,
        workflow::{Case, StepKind},
    },
};

const CASE: &str = "- when: country == \"Italy\"";

pub(super) fn condition(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let condition = known.conditions.compile(file, node, "if", Scope::Workflow);
    if !fields.has("then") && !fields.has("else") {
        let hint = "add: then: and below it the steps".to_owned();
        let message = "this `if` has neither `then` nor `else`";
        file.error("missing-key", fields.key_span("if"), message, Some(hint));
    }
    let id = format!("if.{}", step_id::of_condition(node.text().unwrap_or("")));
    Some((id, StepKind::If { condition: condition?, then: None, otherwise: None }))
}

/// The steps of each case of a `branch`, as they are written.
pub(super) fn cases(branch: &Node) -> impl Iterator<Item = Option<&Node>> {
    let cases = match &branch.data {
        Data::List(cases) => cases.as_slice(),
        _ => &[],
    };
    cases.iter().map(|case| case.get("then"))
}

pub(super) fn branch(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Made> {
    let Data::List(items) = &node.data else {
        if node.data != Data::Broken {
            let message = format!("`branch` is a list of cases; this is {}", node.what());
            file.error("wrong-type", node.span, message, Some(format!("write below it: {CASE}")));
        }
        return None;
    };
    if items.is_empty() {
        let hint = format!("add below it: {CASE}");
        file.error("missing-value", node.span, "`branch` has no case", Some(hint));
    }
    // All are read, also after one that is none.
    let cases: Vec<Option<Case>> = items.iter().map(|item| case(file, item, known)).collect();
    let cases = cases.into_iter().collect::<Option<Vec<_>>>().filter(|cases| !cases.is_empty())?;
    for (place, case) in cases.iter().enumerate() {
        let same = |other: &Case| other.name.is_some() && other.name == case.name;
        if cases[..place].iter().any(same) {
            let name = case.name.as_deref().unwrap_or_default();
            let message = format!("two cases of this `branch` are called `{name}`");
            let hint = Some("give one of them another name".to_owned());
            file.error("duplicate-name", items[place].span, message, hint);
            return None;
        }
    }
    let names: Vec<String> = cases.iter().map(name_of).collect();
    Some((
        format!("branch.{}", slugged(&names.join("-"))),
        StepKind::Branch { cases, otherwise: None },
    ))
}

fn name_of(case: &Case) -> String {
    case.name
        .as_ref()
        .map_or_else(|| step_id::of_condition(case.condition.source()), Name::to_string)
}

fn case(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Case> {
    let case = read::Fields::open(file, node, "a case of `branch`", &schema::CASE)?;
    let name = case.optional("name", |node| read::slug(file, node, "name").map(Into::into));
    case.get("then");
    let when = case.need("when", "when: country == \"Italy\"")?;
    let condition = known.conditions.compile(file, when, "when", Scope::Workflow);
    Some(Case { name: name?, condition: condition?, then: None })
}

/// Whether nobody goes on after a choice that is made at once: each of its ways ends in itself.
pub(super) fn ends_here(draft: &Draft, ends: impl Fn(&Draft) -> bool) -> bool {
    matches!(draft.kind, StepKind::If { .. } | StepKind::Branch { .. } | StepKind::Split(_))
        && draft.branches.iter().all(|branch| branch.iter().any(&ends))
}
