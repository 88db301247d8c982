//! A campaign of one mail that each new lead gets.

use std::{collections::BTreeMap, path::Path};

use nurtured::{
    definitions::{Sources, check},
    domain::{
        address::Address,
        artefact::Artefact,
        lead::{Basis, Consent},
        name::Name,
        time::Instant,
    },
    store::{
        Store,
        records::{ImportRun, LeadUpsert},
    },
};

/// A Monday.
pub const NOON: Instant = Instant::from_millis(1_800_014_400_000);

const FILES: [(&str, &str); 2] = [
    (
        "workflows/policy.yaml",
        "policy:\n  tracking: with insights\n  purposes:\n    insights: { label: Industry insights, basis: [consent] }\n",
    ),
    (
        "workflows/welcome.yaml",
        "workflow: welcome\npurpose: insights\nenter:\n  event: lead.imported\nsteps:\n  - email: hello\n",
    ),
];

/// The shipped layout and what it is made of.
const LAYOUT: [&str; 5] = [
    "templates/layouts/mail.html",
    "templates/partials/style.html",
    "templates/partials/preheader.html",
    "templates/partials/wordmark.html",
    "templates/partials/footer.html",
];

/// Text and HTML are 8 KB together.
pub fn artefacts() -> Vec<Artefact> {
    let mut sources = Sources::default();
    for (path, text) in FILES {
        sources.files.insert(path.to_owned(), text.to_owned());
    }
    for path in LAYOUT {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
        sources.files.insert(path.to_owned(), text.expect("a file that is shipped"));
    }
    let paragraph = "{{ first_name }}, a paragraph at {{ company }} as people write them: some facts, a \
                     figure or two, and a reason to [read on](https://www.example.com/report).\n\n";
    let mail = format!(
        "---\nsubject: For {{{{ first_name }}}}\nlayout: mail\n---\n{}",
        paragraph.repeat(9)
    );
    sources.files.insert("templates/hello.md".to_owned(), mail);
    let checked = check(&sources);
    assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
    checked.artefacts
}

/// Leads who agreed, each an event that the workflow begins with.
pub async fn leads(store: &Store, name: &str, count: usize, now: Instant) {
    let consent =
        Consent { basis: Basis::Consent, at: now, source: "bench".into(), withdrawn_at: None };
    let run =
        ImportRun { id: now.millis(), source: "bench".into(), is_named: false, campaign: None };
    let row = |number: usize| LeadUpsert {
        address: Address::parse(&format!("{name}.{number}@example.org")).expect("an address"),
        attributes: vec![
            (Name::new("first_name"), "Grace".into()),
            (Name::new("company"), "Hopper & Daughters".into()),
        ],
        consents: BTreeMap::from([("insights".into(), consent.clone())]),
        dated: false,
        objects: false,
        stage: None,
        suppress: None,
    };
    for first in (0..count).step_by(1_000) {
        let rows: Vec<LeadUpsert> = (first..count.min(first + 1_000)).map(row).collect();
        store.upsert_leads(&rows, &run, now).await.expect("written");
    }
}
