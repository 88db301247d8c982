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

/// A Friday, and no holiday.
pub const NOON: Instant = Instant::from_millis(1_800_014_400_000);

/// No rule but the purpose.
#[allow(dead_code)] // not every bench uses all of this
pub const NO_RULES: &str = "policy:\n  tracking: with insights\n  purposes:\n    \
                            insights: { label: Industry insights, basis: [consent] }\n";

/// Every kind of rule, and none that holds a mail back here.
#[allow(dead_code)]
pub const RULES: [(&str, &str); 4] = [
    (
        "hours",
        "  zone: Europe/Rome\n  window: mon-fri 08:00-20:00\n  quiet: 21:00-07:00\n  \
         calendar: { holidays: by country, also: 12-24 }\n",
    ),
    (
        "caps",
        "  caps:\n    - { mails: 1, per: day }\n    - { mails: 3, per: week }\n    \
         - { mails: 8, per: month, purpose: insights }\n    - { mails: 40, per: lifetime }\n  \
         min_gap: 20h\n  sunset:\n    - { unanswered: 6, gap: 21d }\n    \
         - { unanswered: 12, gap: for ever }\n",
    ),
    ("accounts", "  accounts:\n    people: { at_most: 4, per: week }\n    reply_stops: 30d\n"),
    (
        "pacing",
        "  pacing:\n    all: 10000 per second\n    each_domain: 10000 per second\n    \
         providers:\n      google: { domains: [gmail.com, googlemail.com], rate: 10000 per second }\n    \
         workflows: { welcome: 10000 per second }\n",
    ),
];

const WELCOME: &str = "workflow: welcome\npurpose: insights\nenter:\n  event: lead.imported\n\
                       steps:\n  - email: hello\n";

/// The shipped layout and what it is made of.
const LAYOUT: [&str; 5] = [
    "templates/layouts/mail.html",
    "templates/partials/style.html",
    "templates/partials/preheader.html",
    "templates/partials/wordmark.html",
    "templates/partials/footer.html",
];

/// Text and HTML are 8 KB together.
pub fn artefacts(policy: &str) -> Vec<Artefact> {
    let mut sources = Sources::default();
    for (path, text) in [("workflows/policy.yaml", policy), ("workflows/welcome.yaml", WELCOME)] {
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

/// Leads who agreed, each an event that the workflow begins with. Two are of a company, twenty of a domain.
pub async fn leads(store: &Store, name: &str, count: usize, now: Instant) {
    leads_of(store, name, count, now, |number| number / 20).await;
}

/// The same, of domains by these numbers.
pub async fn leads_of(
    store: &Store,
    name: &str,
    count: usize,
    now: Instant,
    domain: impl Fn(usize) -> usize,
) {
    let consent =
        Consent { basis: Basis::Consent, at: now, source: "bench".into(), withdrawn_at: None };
    let run =
        ImportRun { id: now.millis(), source: "bench".into(), is_named: false, campaign: None };
    let row = |number: usize| LeadUpsert {
        address: Address::parse(&format!("{name}.{number}@d{}.example", domain(number)))
            .expect("an address"),
        attributes: vec![
            (Name::new("first_name"), "Grace".into()),
            (Name::new("company"), format!("Hopper & Daughters {name}.{}", number / 2).into()),
            (Name::new("country"), "IT".into()),
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
