//! The folder as its users see it: what is right compiles, what is wrong is said clearly.

mod attachments;
mod bombs;
mod cases;
mod inserted;
mod json_schema;
mod lints;
mod mistakes;
mod mutations;
mod on_change;
mod release;
mod shipped;
mod structure;
mod warnings;
mod ways;

use super::{Checked, Sources, check};

/// A small campaign without problems; `changed` files replace its own or are added.
fn campaign(changed: &[(&str, &str)]) -> Sources {
    let mut sources = Sources::default();
    for (path, text) in BASE.iter().chain(changed) {
        sources.files.insert((*path).to_owned(), (*text).to_owned());
    }
    sources
}

const BASE: [(&str, &str); 8] = [
    (
        "workflows/policy.yaml",
        "policy:\n  tracking: nobody\n  purposes:\n    insights: { label: Insights, basis: [consent] }\n",
    ),
    (
        "workflows/people.yaml",
        "people:\n  ada: { name: Ada Rossi, email: ada@example.com }\n  sales: { team: [ada] }\n",
    ),
    ("workflows/attributes.yaml", "attributes:\n  seats: number\n  interest: text\n  vip: bool\n"),
    ("workflows/segments.yaml", "segments:\n  cold: lead_status == \"Not now\"\n"),
    (
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter: { segment: cold, existing: no }\nsteps:\n  - email: cold/hello\n",
    ),
    ("templates/layouts/mail.html", "<html>{{ content }}</html>"),
    ("templates/cold/hello.md", "---\nsubject: Hello\nlayout: mail\n---\nGood morning.\n"),
    ("templates/cold/bye.md", "---\nsubject: Bye\n---\nGood night.\n"),
];

/// A workflow around some steps.
fn with_steps(steps: &str) -> Checked {
    let text =
        format!("workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsteps:\n{steps}\n");
    check(&campaign(&[("workflows/hello.yaml", &text)]))
}

/// Rules and lines of what was found.
fn rules(checked: &Checked) -> Vec<(&'static str, usize)> {
    checked.problems.iter().map(|problem| (problem.rule, problem.line)).collect()
}
