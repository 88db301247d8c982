//! Definitions: the campaign folder, read, checked as a whole and compiled.
//!
//! YAML is read into a tree with places ([`yaml`]), sorted into units that are also the artefacts of
//! a release ([`unit`], [`artefact`]), and lowered by hand to the domain's types ([`lower`]), so that
//! all problems are reported at once. What is stored compiles by the same code.

mod artefact;
mod carry;
mod cases;
mod file_role;
mod folder;
mod lint;
mod lower;
mod names;
mod nearest;
mod node;
mod open_quote;
mod past_dates;
mod problem;
pub mod schema;
mod show;
mod traps;
mod unit;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use artefact::fingerprint;
pub use carry::still_needed;
pub use cases::{CheckedCases, check_cases, timelines_beside};
pub use folder::{FolderError, Sources, read_folder};
pub use lint::lint;
pub use nearest::{meant, nearest};
pub use past_dates::past_dates;
pub use problem::{Problem, Severity, WARNINGS};
pub use show::{counted, show, summary};

use self::problem::{Desk, File};
use crate::{
    config::OwnDomains,
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::{Definitions, Since},
        id::ReleaseId,
        name::Name,
    },
};

/// What a check of a campaign folder found.
#[derive(Debug)]
pub struct Checked {
    /// In the order of files and lines.
    pub problems: Vec<Problem>,
    /// Everything that is defined, for a release. Complete only if there are `definitions`.
    pub artefacts: Vec<Artefact>,
    /// Only if no problem is an error.
    pub definitions: Option<Definitions>,
}

/// Checks a campaign folder as a whole. All problems are found at once.
#[must_use]
pub fn check(sources: &Sources) -> Checked {
    let desk = Desk::default();
    for problem in &sources.problems {
        desk.add(problem.clone());
    }
    let files: Vec<File<'_>> =
        sources.files.iter().map(|(path, text)| File::new(path, text, &desk)).collect();
    let (units, mut artefacts) = unit::of_files(&files);
    let definitions = lower::definitions(
        &units,
        &files,
        ReleaseId::default(),
        &BTreeMap::new(),
        &lower::Outside {
            own: sources.own_domains.as_ref(),
            targets: sources.targets.as_ref(),
            refused: Some(&sources.refused),
        },
    );
    drop(files);
    artefacts.retain(|found| {
        found.kind != ArtefactKind::Attachment || definitions.templates.attach(&found.name)
    });
    let definitions = (!desk.has_errors()).then_some(definitions);
    Checked { problems: desk.into_problems(), artefacts, definitions }
}

/// Compiles a release out of the artefacts that it names.
///
/// `pinned` are structures that active enrolments still need and the release may no longer have;
/// `live_since` says, by workflow, since when one of its name has been live.
///
/// # Errors
/// What this binary does not understand, or what a pinned structure names that is gone. The places
/// name files; there are no lines.
pub fn compile(
    artefacts: &[Artefact],
    pinned: &[Artefact],
    release: ReleaseId,
    live_since: &BTreeMap<Name, Since>,
) -> Result<Definitions, Vec<Problem>> {
    compiled((artefacts, pinned), release, live_since, &lower::Outside::default())
}

/// Compiles the folder of an earlier release, and asks of it what is asked of a campaign folder beside a configuration.
///
/// # Errors
/// What this binary does not understand, or what that configuration does not have ([`is_of_configuration`]).
pub fn compile_beside(
    folder: &[Artefact],
    own: Option<&OwnDomains>,
    targets: Option<&BTreeSet<Name>>,
) -> Result<Definitions, Vec<Problem>> {
    let outside = lower::Outside { own, targets, refused: None };
    compiled((folder, &[]), ReleaseId::default(), &BTreeMap::new(), &outside)
}

/// Whether it is no fault of the files, but something that the configuration does not have.
#[must_use]
pub fn is_of_configuration(problem: &Problem) -> bool {
    ["foreign-sender", "unknown-webhook"].contains(&problem.rule)
}

fn compiled(
    (artefacts, pinned): (&[Artefact], &[Artefact]),
    release: ReleaseId,
    live_since: &BTreeMap<Name, Since>,
    outside: &lower::Outside<'_>,
) -> Result<Definitions, Vec<Problem>> {
    let desk = Desk::default();
    let file = |found| -> File<'_> {
        let found: &Artefact = found;
        // Only templates are read as they were written.
        File::new(&found.file, if unit::is_text(found.kind) { &found.content } else { "" }, &desk)
    };
    let live = artefacts.iter().map(file);
    let kept = pinned.iter().map(|found| file(found).with_note(PINNED));
    let files: Vec<File<'_>> = live.chain(kept).collect();
    let units = unit::of_artefacts(artefacts, pinned, &files);
    let definitions = lower::definitions(&units, &files, release, live_since, outside);
    drop(files);
    if desk.has_errors() { Err(desk.into_problems()) } else { Ok(definitions) }
}

/// Said of what leads are still in.
const PINNED: &str = " (in a version of this workflow that leads are still in)";

#[cfg(test)]
mod tests;
