//! Tests of workflows: read against what the campaign folder defines.

use super::{
    Sources,
    file_role::TIMELINES,
    lower::cases::{Known, lower},
    problem::{Desk, File, Problem, Span},
    yaml,
};
use crate::domain::{case::Suite, definitions::Definitions};

/// Tests, and what they are run by.
#[derive(Debug)]
pub struct CheckedCases {
    /// Those that could be read, by file.
    pub suites: Vec<Suite>,
    /// In the order of files and lines.
    pub problems: Vec<Problem>,
    /// The folder's, with the facts besides that tests ask for.
    pub definitions: Definitions,
}

/// Reads the tests of a campaign folder that has no problems. All of theirs are found at once; files of tests that could
/// not be read are among them.
#[must_use]
pub fn check_cases(sources: &Sources, definitions: &Definitions) -> CheckedCases {
    let desk = Desk::default();
    let known = Known::of(definitions);
    let mut suites = Vec::new();
    for refused in sources.refused_tests.values() {
        desk.add(refused.clone());
    }
    for (path, text) in &sources.tests {
        let file = File::new(path, text, &desk);
        if let Some(root) = yaml::parse(&file, Span::new(0, text.len())) {
            suites.push(lower(&file, &root, &known));
        }
    }
    let plan = known.into_plan();
    let definitions = Definitions { plan_mark: plan.mark(), plan, ..definitions.clone() };
    CheckedCases { suites, problems: desk.into_problems(), definitions }
}

/// The file of accepted timelines that stands beside a file of tests.
#[must_use]
pub fn timelines_beside(test: &str) -> String {
    let stem = test.trim_end_matches(".yaml").trim_end_matches(".yml").trim_end_matches(".test");
    format!("{stem}{TIMELINES}")
}
