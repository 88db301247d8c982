//! What can be said of a mail that may go out and would be better otherwise: warnings of `check`.
//!
//! Few, and true: what is only a matter of taste is not said, nor what cannot be known from the files.

mod balance;
mod sent;
mod written;

use std::collections::BTreeSet;

use super::{
    Renderer,
    compile::{Reader, readers},
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
        for (name, variants) in mails {
            for mail in variants.values() {
                files.insert(mail.file.as_str());
                advice.extend(self.advice_on_sending(definitions, name, mail, now));
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

#[cfg(test)]
mod tests;
