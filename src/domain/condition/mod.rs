//! Conditions: typed expressions over a lead and its events, true or false at an instant.
//!
//! Source → [`lexer`] → [`parser`] → [`ast`] → [`check`] → [`node`], once; then [`eval`] yields a
//! [`Verdict`] as often as needed, and [`trace`] says why. The language is described in
//! `docs/conditions.md`.

mod ast;
mod check;
mod crossing;
mod duration;
mod error;
mod eval;
mod hits;
mod lexer;
mod moment;
mod named;
mod node;
mod parser;
mod pattern;
mod reads;
mod scores;
mod sense;
mod size;
mod trace;
mod view;

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, sync::Arc};

pub use check::{Env, KnownQuestions, KnownSegment, Scope, known_object, known_questions};
pub use duration::parse as parse_duration;
pub use error::ConditionError;
pub use named::Named;
pub use pattern::PatternRoom;
pub use reads::Reads;
pub use scores::Worked;
pub use sense::{Asks, Nonsense};
pub use size::Size;
pub use trace::Trace;
pub use view::View;

use self::node::{Node, NodeKind};
use super::{
    definitions::Segment,
    facts::{FactKey, FactPlan},
    score::MilliPoints,
    verdict::Verdict,
};

/// A checked condition. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    source: Box<str>,
    root: Node,
    size: Size,
}

impl Condition {
    /// Checks a source against what it may name. `plan` is asked for the facts that it needs, and only
    /// if all of it is right.
    ///
    /// # Errors
    /// All problems found, in the order of the source.
    pub fn compile(
        source: &str,
        env: &Env<'_>,
        plan: &mut FactPlan,
    ) -> Result<Self, Vec<ConditionError>> {
        let (root, size) = check::check(source, env, plan)?;
        Ok(Self(Arc::new(Checked { source: source.into(), root, size })))
    }

    #[must_use]
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Its value at `view.now`, and how long it holds if nothing new happens.
    #[must_use]
    pub fn verdict(&self, view: &View<'_>) -> Verdict {
        self.0.root.verdict(view)
    }

    /// Whether it asks for what is not known of those whose behaviour may not be looked at.
    #[must_use]
    pub fn asks_for_behaviour(&self, segments: &[Segment]) -> bool {
        self.0.root.any(segments, |part| match part {
            NodeKind::Question(question) => question.behaviour,
            part => matches!(part, NodeKind::Engagement { .. } | NodeKind::Temperature(_)),
        })
    }

    /// How much engagement it asks for at least, wherever it does so itself, and where in the source.
    #[must_use]
    pub fn engagements(&self) -> Vec<(MilliPoints, Range<usize>)> {
        let mut found = Vec::new();
        self.0.root.each(&mut |part| {
            if let NodeKind::Engagement { at_least: true, bound } = part.kind {
                found.push((bound, part.span.start.into()..part.span.end.into()));
            }
        });
        found
    }

    /// Whether it asks for fit, engagement or temperature.
    #[must_use]
    pub fn asks_for_scores(&self, segments: &[Segment]) -> bool {
        self.0.root.any(segments, |part| {
            matches!(
                part,
                NodeKind::Fit { .. } | NodeKind::Engagement { .. } | NodeKind::Temperature(_)
            )
        })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

/// Reads a bare event question, such as a scoring rule counts: `visited("/pricing")`.
///
/// # Errors
/// All problems found, in the order of the source.
pub fn fact_key(source: &str, env: &Env<'_>) -> Result<FactKey, Vec<ConditionError>> {
    check::check_fact_key(source, env)
}
