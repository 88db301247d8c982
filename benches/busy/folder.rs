//! A busy house: 20 workflows, 40 segments, 30 facts, 20 rules of scoring and the moves between stages.

use std::fmt::Write as _;

use nurtured::{
    definitions::{Checked, Sources, check},
    domain::definitions::Definitions,
};

/// The definitions, out of files as people write them.
pub fn definitions() -> Definitions {
    let Checked { problems, definitions, .. } = check(&sources());
    let Some(definitions) = definitions else { panic!("{problems:#?}") };
    assert_eq!(definitions.workflows.len(), 20);
    assert_eq!(definitions.segments.len(), 40);
    assert_eq!(definitions.plan.len(), 30, "");
    assert_eq!(definitions.scoring.engagement.len() + definitions.scoring.fit.len(), 20);
    definitions
}

pub fn sources() -> Sources {
    let mut sources = Sources::default();
    for (name, text) in [
        ("policy", POLICY),
        ("attributes", ATTRIBUTES),
        ("segments", SEGMENTS),
        ("scoring", SCORING),
    ] {
        sources.files.insert(format!("workflows/{name}.yaml"), text.to_owned());
    }
    for mail in MAILS {
        sources.files.insert(
            format!("templates/{mail}.md"),
            format!("---\nsubject: {mail}\n---\nHello. {{{{ postal_address }}}} {{{{ unsubscribe_url }}}}\n"),
        );
    }
    for (number, entered) in WORKFLOWS.into_iter().enumerate() {
        sources.files.insert(format!("workflows/{}.yaml", name(number)), workflow(number, entered));
    }
    sources
}

pub fn name(number: usize) -> String {
    format!("way-{number:02}")
}

const MAILS: [&str; 6] = [
    "cold/industry-report",
    "cold/case-study",
    "cold/one-question",
    "news/release",
    "welcome/first",
    "welcome/next",
];

const POLICY: &str = "
policy:
  zone: Europe/Rome
  language: en
  window: mon-fri 09:00-17:30
  tracking: with insights
  purposes:
    insights: { label: Insights, basis: [consent] }
    product-news: { label: News, basis: [consent, soft_opt_in] }
";

const ATTRIBUTES: &str = "
attributes:
  seats: number
  budget: bool
  authority: bool
  need: text
  timing: text
  interest: text
  renewal: date
";

/// Who enters each workflow.
const WORKFLOWS: [&str; 20] = [
    "{ segment: cold-prospects, existing: yes, again: after 180d }",
    "{ segment: priced, existing: no, again: after 90d }",
    "{ segment: docs-readers, existing: no, again: always }",
    "{ segment: demo-seekers, existing: no }",
    "{ segment: webinar, existing: no, again: after 60d }",
    "{ segment: fading, existing: yes, again: after 180d }",
    "{ segment: ready, existing: no, again: always }",
    "{ segment: renewal-soon, existing: no, again: after 300d }",
    "{ segment: trialists, existing: no }",
    "{ segment: silent, existing: no, again: after 365d }",
    "{ segment: new-leads, existing: no }",
    "{ when: 'stage == \"mql\" and fit >= 50 and not in_segment(\"in-talks\")', existing: no, again: after 90d }",
    "{ when: 'country == \"Italy\" and visited(\"/security\").within(7d)', existing: no, again: after 30d }",
    "{ when: 'engagement >= 45 or clicked(\"cold/*\").times(2)', existing: no, again: always }",
    "{ when: 'not happened(\"deal.won\") and happened(\"support.ticket\").within(14d)', existing: no, again: after 30d }",
    "{ event: form.submitted, object: whitepaper, again: after 90d }",
    "{ event: page.visited, object: /pricing, again: after 90d }",
    "{ event: trial.started, again: always }",
    "{ by_hand: yes }",
    "{ by_hand: yes, again: always }",
];

fn workflow(number: usize, entered: &str) -> String {
    let mut text = String::new();
    let (purpose, goal) = match number % 3 {
        0 => ("insights", "stage in [\"sql\", \"customer\"]"),
        1 => ("product-news", "happened(\"deal.won\") or stage == \"customer\""),
        _ => ("insights", "engagement >= 80 or stage in [\"sql\", \"customer\"]"),
    };
    let _ = write!(
        text,
        "workflow: {}
purpose: {purpose}
priority: {number}
enter: {entered}
goal: '{goal}'
leave: replied()
send:
  window: mon-fri 09:00-17:30
steps:
  - email: cold/industry-report
  - wait_for: clicked(\"cold/industry-report\") or visited(\"/pricing\")
    up_to: 60d
    then:
      - set: {{ interest: industry-report }}
      - wait: 20 business days
      - email: cold/case-study
    else:
      - email: cold/one-question
  - wait: 40d
  - wait_for: stage == \"mql\" and (submitted(\"demo\") or engagement >= 60)
    up_to: 90d
    then:
      - tag: stirred
  - if: visited(\"/demo\")
    then:
      - email: welcome/next
",
        name(number)
    );
    text
}

const SCORING: &str = "
scoring:
  half_life: 30d
  engagement:
    - { name: opened, on: opened(), points: 1, cap: 5 }
    - { name: clicked, on: clicked(), points: 10, cap: 40 }
    - { name: any-page, on: visited(), points: 2, cap: 10 }
    - { name: prices, on: visited(\"/pricing\"), points: 8, cap: 24 }
    - { name: demo-page, on: visited(\"/demo\"), points: 8, cap: 16 }
    - { name: whitepaper, on: submitted(\"whitepaper\"), points: 15, cap: 15 }
    - { name: webinar, on: submitted(\"webinar\"), points: 20, cap: 40 }
    - { name: docs, on: 'visited(\"/docs/*\")', points: 3, cap: 12 }
    - { name: trial, on: happened(\"trial.started\"), points: 25, cap: 25 }
    - { name: wrote-back, on: replied(), points: 30, cap: 30 }
  fit:
    - { name: decides, when: 'seniority in [\"c_suite\", \"vp\"]', points: 30 }
    - { name: heads, when: seniority == \"director\", points: 20 }
    - { name: holds-budget, when: buying_role == \"economic_buyer\", points: 20 }
    - { name: speaks-for-us, when: buying_role == \"champion\", points: 15 }
    - { name: large, when: 'employees in [\"500-999\", \"1000-1999\", \"2000+\"]', points: 20 }
    - { name: mid-sized, when: employees == \"200-499\", points: 10 }
    - { name: near, when: 'country in [\"Italy\", \"Germany\", \"France\"]', points: 10 }
    - { name: many-seats, when: seats >= 100, points: 10 }
    - { name: has-money, when: budget == true, points: 10 }
    - { name: soon, when: renewal > now and renewal - now < 90d, points: 5 }
  temperature: { warm: 20, hot: 50 }
  stages:
    - { from: [lead, mql, recycled], to: disqualified, when: lead_status == \"Unqualified\" }
    - { from: [lead, recycled], to: mql, when: fit >= 40 and engagement >= 30 }
    - from: mql
      to: sql
      when: >-
        budget == true and authority == true and has(need) and timing in [\"now\", \"this-quarter\"]
        and (not has(lead_status) or not (lead_status in [\"Not now\", \"No budget\", \"No answer\"]))
    - { from: mql, to: lead, when: engagement < 10 }
    - { from: sql, to: customer, when: happened(\"deal.won\") }
    - { from: sql, to: recycled, when: 'lead_status in [\"Not now\", \"No budget\", \"No answer\"]' }
";

const SEGMENTS: &str = "
segments:
  italians: country == \"Italy\"
  german-speaking: country in [\"Germany\", \"Austria\", \"Switzerland\"]
  english: language == \"en\"
  large: employees in [\"500-999\", \"1000-1999\", \"2000+\"]
  small: employees in [\"1-9\", \"10-49\"]
  decision-makers: seniority in [\"c_suite\", \"vp\", \"director\"] or buying_role in [\"economic_buyer\", \"champion\"]
  technical: job_title.contains(\"Engineer\") or job_title.contains(\"CTO\")
  has-budget: budget == true
  many-seats: seats >= 100
  few-seats: seats > 0 and seats < 20
  renewal-soon: renewal > now and renewal - now < 60d
  in-talks: >-
    happened(\"sales.meeting\").within(\"30d\") or happened(\"sales.demo\").within(\"30d\")
    or happened(\"sales.call\").within(\"30d\")
  cold-prospects: >-
    lead_status in [\"Not now\", \"No budget\", \"No answer\"] and stage in [\"lead\", \"recycled\"]
    and not in_segment(\"in-talks\")
  priced: visited(\"/pricing\").within(14d)
  docs-readers: visited(\"/docs/*\").times(3).within(30d)
  demo-seekers: visited(\"/demo\") or submitted(\"demo\")
  webinar: submitted(\"webinar\") or happened(\"webinar.joined\")
  warm: temperature in [\"warm\", \"hot\"]
  hot: temperature == \"hot\"
  engaged: engagement >= 25
  fading: engagement < 10 and opened().within(90d)
  good-fit: fit >= 40
  ready: fit >= 40 and engagement >= 30
  customers: stage == \"customer\"
  open-pipeline: stage in [\"mql\", \"sql\"]
  given-back: stage == \"recycled\"
  trialists: happened(\"trial.started\") and not happened(\"trial.ended\")
  lost: happened(\"deal.lost\") and not happened(\"deal.won\")
  payers: happened(\"invoice.paid\").within(365d)
  troubled: happened(\"support.ticket\").times(2).within(30d)
  report-readers: clicked(\"cold/industry-report\") or clicked(\"cold/case-study\") or clicked(\"cold/*\").times(3)
  news-readers: clicked(\"news/*\").times(2) or clicked(\"news/release\").within(30d)
  openers: opened().times(3).within(60d) or opened(\"cold/*\").times(2)
  silent: not opened().within(180d) and not clicked().within(180d)
  large-italians: in_segment(\"italians\") and in_segment(\"large\")
  important: tag(\"vip\") or (in_segment(\"decision-makers\") and in_segment(\"large\"))
  security-minded: visited(\"/security\")
  integrators: visited(\"/integrations/*\").times(2) or visited(\"/customers\").times(2)
  reachable: has(phone) and has(company) and (submitted() or visited())
  new-leads: now - created_on < 90d
";
