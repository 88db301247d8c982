//! What is allowed in a campaign folder and probably not meant, seen by looking at all of it once it is right.
//!
//! Few rules, and true: what hangs on taste, or on what the files do not tell, is not said.

mod named;
mod same_day;
mod unreachable;
mod unused;
mod window;

use super::{
    Sources,
    node::Node,
    problem::{Desk, File, Problem, Span},
    unit::{self, Unit},
    yaml,
};
use crate::domain::{artefact::ArtefactKind, definitions::Definitions, time::Instant};

/// A folder without errors, read once more for the places of its parts.
struct House<'a> {
    definitions: &'a Definitions,
    /// In the order of [`Sources::files`].
    files: &'a [File<'a>],
    units: Vec<Unit>,
    /// Of files of tests.
    tests: Vec<Node>,
}

impl House<'_> {
    fn units(&self, kind: ArtefactKind) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.kind == kind)
    }

    fn file(&self, unit: &Unit) -> &File<'_> {
        &self.files[unit.file]
    }
}

/// Warnings of a folder that has no errors, at `now`.
#[must_use]
pub fn lint(sources: &Sources, definitions: &Definitions, now: Instant) -> Vec<Problem> {
    // What is said of the files by themselves was said when they were checked.
    let silent = Desk::default();
    fn open<'a>(sources: &'a Sources, desk: &'a Desk) -> Vec<File<'a>> {
        sources.files.iter().map(|(path, text)| File::new(path, text, desk)).collect()
    }
    let (units, _) = unit::of_files(&open(sources, &silent));
    let tests = sources.tests.iter().filter_map(|(path, text)| {
        yaml::parse(&File::new(path, text, &silent), Span::new(0, text.len()))
    });
    let tests = tests.collect();
    let desk = Desk::default();
    let files = open(sources, &desk);
    let house = House { definitions, files: &files, units, tests };
    window::warn(&house, now);
    same_day::warn(&house);
    unreachable::warn(&house);
    let unused = unused::problems(&house);
    drop(house);
    drop(files);
    unused.into_iter().for_each(|problem| desk.add(problem));
    desk.into_problems()
}
