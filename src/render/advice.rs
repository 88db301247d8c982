//! What can be said of a mail that may go out and would be better otherwise: warnings of `check`.
//!
//! Few, and true: what is only a matter of taste is not said, nor what cannot be known from the files.

mod balance;
mod sent;
mod written;

use std::collections::{BTreeSet, HashMap};

use super::{
    Renderer,
    compile::{Reader, readers},
    lint,
    problem::RenderProblem,
    source::Part,
};
use crate::{
    definitions::{Problem, Severity, WARNINGS},
    domain::{definitions::Definitions, time::Instant},
};

/// A warning under its rule.
fn warning(rule: &'static str, problem: RenderProblem) -> Problem {
    debug_assert!(WARNINGS.contains(&rule), "{rule}");
    Problem { rule, severity: Severity::Warning, ..Problem::from(problem) }
}

impl Renderer {
    /// What is to be mended in mails to leads, in their layouts and pieces: where they are written, and as a
    /// sample lead would get them.
    #[must_use]
    pub fn advice(&self, definitions: &Definitions, now: Instant) -> Vec<Problem> {
        let readers = readers(definitions);
        let mails = definitions
            .templates
            .mails
            .iter()
            .filter(|(name, _)| matches!(readers.get(*name), None | Some(Reader::Lead)));
        let mut advice = Vec::new();
        let mut files = BTreeSet::new();
        let bare = self.attributes_shown_bare(definitions);
        for (name, variants) in mails {
            for mail in variants.values() {
                files.insert(mail.file.as_str());
                advice.extend(self.advice_on_sending(definitions, &bare, (name, mail), now));
            }
        }
        let halves = balance::halves(self.sources.values());
        for source in self.sources.values() {
            let is_shared = matches!(source.part, Part::Layout | Part::Partial);
            if is_shared || (source.part == Part::Body && files.contains(source.file.as_str())) {
                advice.extend(written::advice(source));
                advice.extend(balance::advice(source, &halves));
            }
        }
        advice
    }
}

/// By file, or of all layouts and pieces, for which the name is empty: what leads may lack, and its text gives nothing for.
type Bare<'r> = HashMap<&'r str, BTreeSet<&'r str>>;

impl Renderer {
    /// Few mails have any, and only these are worth a second look.
    fn attributes_shown_bare(&self, definitions: &Definitions) -> Bare<'_> {
        let mut bare = Bare::new();
        for source in self.sources.values() {
            let is_shared = matches!(source.part, Part::Layout | Part::Partial);
            let file = if is_shared { "" } else { source.file.as_str() };
            let names = lint::names_shown_bare(source);
            let names = names.filter(|name| definitions.schema.slot(name).is_some());
            bare.entry(file).or_default().extend(names);
        }
        bare
    }
}

#[cfg(test)]
mod tests;
