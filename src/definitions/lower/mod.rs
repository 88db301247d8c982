//! Units → the domain's types, by hand, so that all problems are found in one pass.

mod attachments;
mod attributes;
mod calendar;
mod campaign;
mod caps;
pub(super) mod cases;
mod chains;
mod conditions;
mod dates;
mod days_off;
mod elsewhere;
mod enter;
mod enter_on_date;
mod enter_on_tick;
mod forks;
mod guards;
mod hand_off;
pub(super) mod inside;
mod kinds;
mod marks;
mod nonsense;
mod on_change;
mod pacing;
mod people;
mod policy;
mod questions;
mod reach;
mod read;
mod repeat;
mod scoring;
mod segments;
mod send;
mod split;
mod step;
mod step_id;
mod steps;
mod streams;
mod templates;
mod wait_for;
mod webhook;
mod workflow;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use self::workflow::Known;
use super::{node::Node, problem::File, unit::Unit};
use crate::config::OwnDomains;
use crate::domain::{
    artefact::ArtefactKind,
    condition::PatternRoom,
    definitions::{Definitions, LiveWorkflow, Since},
    facts::FactPlan,
    id::ReleaseId,
    name::Name,
    score::Scoring,
};

/// The most facts of the plan: each is kept for each lead.
const MOST_FACTS: usize = 500;

/// A unit with the file that it stands in.
#[derive(Debug)]
struct Found<'a> {
    unit: &'a Unit,
    file: &'a File<'a>,
}

/// What a template's unit has instead of a tree.
static NOTHING: Node =
    Node { span: super::problem::Span::new(0, 0), data: super::node::Data::Broken };

impl Found<'_> {
    fn node(&self) -> &Node {
        self.unit.node.as_ref().unwrap_or(&NOTHING)
    }
}

/// What is known from elsewhere than the units.
#[derive(Debug, Default)]
pub(super) struct Outside<'a> {
    /// From where mail may come, as far as a configuration says it.
    pub own: Option<&'a OwnDomains>,
    /// The targets of webhooks, as far as a configuration names them.
    pub targets: Option<&'a BTreeSet<Name>>,
    /// Files that cannot go with a mail, by path, and why.
    pub refused: Option<&'a BTreeMap<String, String>>,
}

/// Lowers everything. What is returned may only be used if no error was reported.
pub(super) fn definitions(
    units: &[Unit],
    files: &[File<'_>],
    release: ReleaseId,
    live_since: &BTreeMap<Name, Since>,
    outside: &Outside<'_>,
) -> Definitions {
    // By kind and name, whatever the order of the files: the same content compiles to the same.
    let mut sorted: Vec<&Unit> = units.iter().collect();
    sorted.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    let all = |kinds: &[ArtefactKind], live: bool| -> Vec<Found<'_>> {
        let wanted = |unit: &&&Unit| kinds.contains(&unit.kind) && unit.live == live;
        let found = sorted.iter().filter(wanted);
        found.map(|unit| Found { unit, file: &files[unit.file] }).collect()
    };
    let one = |kind: ArtefactKind| all(&[kind], true).into_iter().next();

    let schema = one(ArtefactKind::Attributes);
    let schema = attributes::schema(schema.as_ref().map(|found| (found.file, found.node())));
    let house = one(ArtefactKind::Policy);
    let mut policy = house.as_ref().map(policy::lower).unwrap_or_default();
    let people = one(ArtefactKind::People).map(|found| people::lower(&found)).unwrap_or_default();

    let texts = all(
        &[
            ArtefactKind::Mail,
            ArtefactKind::Layout,
            ArtefactKind::Partial,
            ArtefactKind::Attachment,
        ],
        true,
    );
    let templates = templates::lower(&texts, &schema, &policy.language, outside.refused);
    // By their names, not by what could be read of them: one mistake is one problem.
    let mails = texts.iter().filter(|found| found.unit.kind == ArtefactKind::Mail);
    let mails = mails.map(|found| templates::name_and_language(&found.unit.name).0.into());

    let found = all(&[ArtefactKind::Question], true);
    let questions = questions::lower(&found, &schema);

    let segments = all(&[ArtefactKind::Segment], true);
    let (order, cyclic) = segments::order(&segments);
    let conditions = conditions::Conditions {
        schema,
        segments: order,
        templates: mails.collect(),
        questions: questions::known(&questions, &found),
        plan: RefCell::new(FactPlan::default()),
        patterns: PatternRoom::default(),
        keyed: Cell::new(false),
        reach: OnceCell::new(),
    };
    // Before all other conditions: these are compared with what its rules give.
    let scoring = one(ArtefactKind::Scoring).map_or_else(Scoring::default, |found| {
        scoring::lower(found.file, found.node(), &conditions)
    });
    let segments = segments::lower(&segments, &conditions, &cyclic);
    if let Some(house) = &house {
        let written = sorted.iter().filter(|unit| unit.kind == ArtefactKind::Workflow);
        let written = written.map(|unit| unit.name.clone()).collect();
        policy.accounts = caps::accounts(house);
        policy.guards = guards::lower(house);
        policy.pacing = pacing::lower(house, &written);
        policy.caps = caps::lower(house, &policy, &written, &conditions);
    }

    let streams = all(&[ArtefactKind::Stream], true);
    let stream_names = streams.iter().map(|found| found.unit.name.clone()).collect();
    let streams = streams::lower(&streams, &conditions.templates);
    let lowered = all(&[ArtefactKind::Campaign], true)
        .iter()
        .map(|found| (found.unit.name.clone(), campaign::lower(found, &policy.zone)))
        .collect();
    let (purposes, people_names) = (purposes(&sorted, &policy), people_names(&sorted, &people));
    let live = sorted.iter().filter(|unit| unit.kind == ArtefactKind::Workflow && unit.live);
    let workflow_names = live.map(|unit| unit.name.clone()).collect();
    let teams = people.teams.keys().cloned().collect();
    let known = Known {
        conditions: &conditions,
        policy: &policy,
        purposes: &purposes,
        people: &people_names,
        teams: &teams,
        persons: &people.persons,
        own: outside.own,
        targets: outside.targets,
        campaigns: &lowered,
        streams: &stream_names,
        workflows: Some(&workflow_names),
        this: None,
        dates: dates::Dates::None,
    };
    let mut workflows = Vec::new();
    let mut structures = HashMap::new();
    for found in all(&[ArtefactKind::Workflow], true) {
        let Some(workflow) = workflow::lower(&found, &known).map(Arc::new) else { continue };
        structures.insert(workflow.version.clone(), Arc::clone(&workflow));
        let since = live_since.get(&workflow.name).copied().unwrap_or_default();
        workflows.push(LiveWorkflow { workflow, since });
    }
    chains::warn(&all(&[ArtefactKind::Workflow], true), &workflows);
    for found in all(&[ArtefactKind::Workflow], false) {
        if !structures.contains_key(&found.unit.version)
            && let Some(workflow) = workflow::lower(&found, &Known { workflows: None, ..known })
        {
            structures.insert(workflow.version.clone(), Arc::new(workflow));
        }
    }
    policy.pacing.at_most = workflows
        .iter()
        .filter_map(|live| Some((live.workflow.name.clone(), live.workflow.at_most.clone()?)))
        .collect();
    let campaigns = lowered.into_iter().filter_map(|(name, it)| Some((name, it?))).collect();
    questions::warn_of_unread(&found, &questions, &conditions.plan.borrow(), &workflows);

    let conditions::Conditions { schema, plan, .. } = conditions;
    let plan = plan.into_inner();
    if let (true, Some(unit)) = (plan.len() > MOST_FACTS, sorted.first()) {
        let message = format!(
            "conditions and scoring ask for {} different kinds of events; a lead remembers at most \
             {MOST_FACTS}",
            plan.len()
        );
        files[unit.file].error("too-large", unit.at, message, None);
    }
    let plan_mark = plan.mark();
    Definitions {
        release,
        schema,
        plan,
        plan_mark,
        segments,
        scoring,
        policy,
        people,
        campaigns,
        questions,
        streams,
        workflows: workflows.into(),
        structures,
        templates,
    }
}

/// The names of what could be read, and of what could not but is there: one mistake is one problem.
fn purposes(
    units: &[&Unit],
    policy: &crate::domain::policy::Policy,
) -> std::collections::BTreeSet<Name> {
    let written = units.iter().filter(|unit| unit.kind == ArtefactKind::Policy && unit.live);
    let written = written.filter_map(|unit| unit.node.as_ref()?.get("purposes"));
    written.flat_map(keys).chain(policy.purposes.keys().cloned()).collect()
}

fn people_names(
    units: &[&Unit],
    people: &crate::domain::people::People,
) -> std::collections::BTreeSet<Name> {
    let written = units.iter().filter(|unit| unit.kind == ArtefactKind::People && unit.live);
    let written = written.filter_map(|unit| unit.node.as_ref()).flat_map(keys);
    written.chain(people.persons.keys().chain(people.teams.keys()).cloned()).collect()
}

fn keys(node: &Node) -> Vec<Name> {
    match &node.data {
        super::node::Data::Map(entries) => {
            entries.iter().map(|(key, _)| key.text.as_str().into()).collect()
        }
        _ => Vec::new(),
    }
}
