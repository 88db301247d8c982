//! Mistakes in files of tests: read these snapshots as marketing ops would.

use super::campaign;
use crate::definitions::{CheckedCases, Sources, check, check_cases, show};

/// What is printed for a file of tests beside the small campaign.
fn shown(text: &str) -> String {
    let sources = campaign(&[(
        "workflows/questions.yaml",
        "questions:\n  topic: { title: What about?, sets: interest, answers: { pricing: Prices, demo: A demo } }\n",
    )]);
    let definitions = check(&sources).definitions.unwrap();
    let tests = [("workflows/hello.test.yaml".to_owned(), text.to_owned())].into();
    let sources = Sources { tests, ..sources };
    let CheckedCases { problems, .. } = check_cases(&sources, &definitions);
    show(&problems, &Sources { files: sources.tests, ..Sources::default() }, false)
}

fn case(lines: &str) -> String {
    shown(&format!("tests: hello\nfrom: 2027-03-01 08:00\ncases:\n  - case: one\n{lines}"))
}

#[test]
fn a_file_without_mistakes() {
    let right = "    lead: { attributes: { seats: 5 }, tags: [vip], consents: [] }\n    happens:\n      - { at: 1d, \
                 answered: { topic: pricing } }\n    expect:\n      - mails: []\n      - that: interest == \"pricing\"\n";
    assert_eq!(case(right), "no problems\n");
}

#[test]
fn names_that_nothing_has() {
    insta::assert_snapshot!(case(
        "    lead: { attributes: { seets: 5 }, consents: [insight] }
    happens:
      - { at: 1d, clicked: cold/helo }
      - { at: 2d, answered: { topics: pricing } }
      - { at: 3d, answered: { topic: price } }
    expect:
      - mail: cold/hullo
      - mails: [cold/hello, hello]
      - inside: helo
      - { inside: hello, step: email.cold/helo }
      - { ended: hello, as: gaol }
      - notice: eda
      - that: seets > 5 and
"
    ));
}

#[test]
fn things_that_are_two_or_none() {
    insta::assert_snapshot!(case(
        "    happens:
      - { at: 1d, clicked: cold/hello, visited: /pricing }
      - { at: 1d }
      - { clicked: cold/hello }
      - { at: 1d, replied: no }
      - { at: 1d, answered: { topic: pricing, other: demo } }
      - { at: 1d, clicked: cold/hello, object: x }
    expect:
      - { mail: cold/hello, no_mail: cold/bye }
      - { at: mon 09:00 }
      - { no_mail: cold/hello, at: mon 09:00 }
      - mails: cold/hello
        step: email.cold/hello
"
    ));
}

#[test]
fn times_that_are_none() {
    insta::assert_snapshot!(shown(
        "tests: hello
from: monday
until: 2027-03-01
lead: { email: nobody }
cases:
  - case: one
    from: 2027-13-01 08:00
    happens:
      - { at: soon, visited: /x }
      - { at: 2027-02-30 08:00, visited: /x }
    expect:
      - { mail: cold/hello, at: mo 9 }
      - { that: vip, at: mon 09:00 }
"
    ));
}

#[test]
fn times_that_never_come() {
    insta::assert_snapshot!(shown(
        "tests: hello
from: 2027-03-01 08:00
until: 10d
lead: { attributes: { country: Japan } }
cases:
  - case: one
    happens:
      - { at: 2027-03-01 08:00, visited: /x }
      - { at: 2027-02-28 08:00, visited: /x }
      - { at: 12d, visited: /x }
      - { at: 13d, visited: /x }
      - { at: 2272-03-01 08:00, visited: /x }
    expect:
      - { inside: hello, at: 12d }
  - case: two
    until: 2027-02-01 08:00
    expect: [{ mails: [] }]
  - case: three
    until: 9999-12-31 23:59
    expect:
      - { that: vip, at: 2026-03-01 08:00 }
      - { not_inside: hello, at: 2199-12-31 23:59 }
  - case: four
    from: 1969-03-01 08:00
    expect: [{ mails: [] }]
"
    ));
}

#[test]
fn cases_that_expect_nothing_or_are_called_alike() {
    insta::assert_snapshot!(shown(
        "cases:
  - case: one
    happens: [{ at: 1d, visited: /x }]
  - case: two
    expect: [{ mails: [] }]
  - case: two
    from: 2027-03-01 08:00
    expect: [{ mails: [] }]
  - case: two
    from: 2027-03-01 08:00
    expect: [{ mails: [] }]
  - expect: []
  - just a text
  - case: three
    expects: [{ mails: [] }]
    lead: { colour: red }
"
    ));
}
