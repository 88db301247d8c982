//! `{{ code("spring") }}`: a discount code out of a pool, its reader's own.

#![allow(clippy::needless_pass_by_value)] // the shape that tera calls

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tera::{Context, Kwargs, State, Tera, TeraResult};

use super::{
    Renderer,
    mail::Codes,
    problem::RenderProblem,
    source::{Part, Source},
    tags::{TagKind, Word, words},
};
use crate::{
    definitions::{Problem, Severity, nearest},
    domain::{
        definitions::Definitions, hand_off::HandOff, name::Name, template::Templates,
        workflow::StepKind,
    },
};

pub(super) const CODE: &str = "code";
/// tera's functions take arguments by name only; this is put in where the author writes none.
const ARGUMENT: &str = "pool";

pub(super) fn register(tera: &mut Tera) {
    tera.register_function(CODE, code);
}

/// Under a name that no template can read.
fn place(pool: &str) -> String {
    format!("__code_{pool}")
}

pub(super) fn insert(codes: &Codes, context: &mut Context) {
    for (pool, code) in codes {
        context.insert(place(pool), code);
    }
}

fn code(kwargs: Kwargs, state: &State) -> TeraResult<String> {
    let pool = kwargs.must_get::<String>(ARGUMENT)?;
    let code = state.get::<String>(&place(&pool))?;
    code.ok_or_else(|| {
        tera::Error::message(format!("no code of the pool `{pool}` was given to it"))
    })
}

/// A call, and the pool that it names.
struct Call<'a> {
    /// In the tag.
    offset: usize,
    /// After the bracket.
    inside: usize,
    pool: Option<&'a str>,
    is_named: bool,
}

fn calls(tag: &str) -> Vec<Call<'_>> {
    let words: Vec<_> = words(tag).collect();
    let word = |index: usize| words.get(index).map(|(_, word)| *word);
    let mut calls = Vec::new();
    for (index, (offset, found)) in words.iter().enumerate() {
        if *found != Word::Name(CODE) || word(index + 1) != Some(Word::Sign('(')) {
            continue;
        }
        let is_named = word(index + 2) == Some(Word::Name(ARGUMENT))
            && word(index + 3) == Some(Word::Sign('='));
        let argument = index + if is_named { 4 } else { 2 };
        let pool = match (word(argument), word(argument + 1)) {
            (Some(Word::Text(pool)), Some(Word::Sign(')'))) => Some(pool),
            _ => None,
        };
        let inside = words[index + 1].0 + 1;
        calls.push(Call { offset: *offset, inside, pool, is_named });
    }
    calls
}

/// Where a tag lacks the argument's name, for tera.
pub(super) fn unnamed_arguments(tag: &str) -> Vec<(usize, &'static str)> {
    let unnamed = calls(tag).into_iter().filter(|call| !call.is_named && call.pool.is_some());
    unnamed.map(|call| (call.inside, "pool=")).collect()
}

/// The pools that a source takes codes of, and the offset at which it first does.
pub(super) fn pools(source: &Source) -> BTreeMap<Name, usize> {
    let mut pools = BTreeMap::new();
    for tag in source.tags().into_iter().filter(|tag| is_code(tag.kind)) {
        for call in calls(&source.text[tag.range.clone()]) {
            let Some(pool) = call.pool else { continue };
            pools.entry(pool.into()).or_insert(tag.range.start + call.offset);
        }
    }
    pools
}

impl Renderer {
    /// All pools that mails take codes of.
    #[must_use]
    pub fn all_pools(&self) -> BTreeSet<&Name> {
        self.pools.values().flatten().collect()
    }

    /// Warns of each mail that takes codes of a pool that is none of `filled`, those with codes left: it would
    /// be parked.
    #[must_use]
    pub fn without_codes(&self, filled: &BTreeSet<&str>) -> Vec<Problem> {
        let mut problems = BTreeMap::new();
        for source in self.sources.values() {
            for (pool, offset) in pools(source) {
                if filled.contains(pool.as_str()) {
                    continue;
                }
                let message = format!("it takes codes of `{pool}`, of which there are none");
                let import = format!("nurtured codes import {pool} FILE");
                let hint = match nearest(&pool, filled.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`? else: {import}"),
                    None => import,
                };
                let found = source.problem(offset, message, Some(hint)).into();
                let found = Problem { rule: "no-codes", severity: Severity::Warning, ..found };
                // Once for a mail, in the order of files.
                problems.entry((source.file.clone(), pool)).or_insert(found);
            }
        }
        problems.into_values().collect()
    }
}

/// Our own people are given no codes: a notice or a card that names a pool could never be sent.
pub(super) fn to_staff(
    definitions: &Definitions,
    templates: &Templates,
    sources: &HashMap<String, Source>,
) -> Vec<RenderProblem> {
    let live = definitions.workflows.iter().map(|live| &live.workflow);
    let steps = live.flat_map(|it| it.steps.iter().map(|step| (&it.name, &step.kind)));
    let mut problems = Vec::new();
    for (workflow, kind) in steps {
        let (StepKind::Notify { template: Some(template), .. }
        | StepKind::HandOff(HandOff { template: Some(template), .. })) = kind
        else {
            continue;
        };
        let files = templates.mails.get(template).into_iter().flat_map(BTreeMap::values);
        let files: BTreeSet<&str> = files.map(|mail| mail.file.as_str()).collect();
        for source in sources.values().filter(|it| files.contains(it.file.as_str())) {
            for tag in source.tags().into_iter().filter(|tag| is_code(tag.kind)) {
                let start = tag.range.start;
                problems.extend(calls(&source.text[tag.range]).into_iter().map(|call| {
                    let message = format!(
                        "`code` is for leads, and workflow `{workflow}` sends this mail to our own people"
                    );
                    let hint = "leave it out, or give `notify` or `hand_off` another template";
                    source.problem(start + call.offset, message, Some(hint.to_owned()))
                }));
            }
        }
    }
    problems
}

fn is_code(kind: TagKind) -> bool {
    matches!(kind, TagKind::Print | TagKind::Statement)
}

/// The codes that a mail takes are known before it is rendered.
pub(super) fn problems(source: &Source, start: usize, tag: &str) -> Vec<RenderProblem> {
    let mut problems = Vec::new();
    for call in calls(tag) {
        let mut say = |message: &str| {
            let hint = "write: {{ code(\"spring\") }}, with the pool's name in quotes".to_owned();
            problems.push(source.problem(start + call.offset, message.to_owned(), Some(hint)));
        };
        if matches!(source.part, Part::Layout | Part::Partial) {
            say("`code` stands in a mail itself, not in what many mails share");
        } else if call.pool.is_none_or(|pool| pool.is_empty() || pool.len() > 60) {
            say("`code` takes one pool by its name");
        }
    }
    problems
}
