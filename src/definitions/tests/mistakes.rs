//! What people get to see for typical mistakes: read these snapshots as marketing ops would.

use super::{campaign, rules, with_steps};
use crate::{
    config::Config,
    definitions::{Checked, check, show},
    domain::workflow::{Author, Replies},
};

/// What `check` prints for a campaign in which one file has this text.
fn shown(path: &str, text: &str) -> String {
    let sources = campaign(&[(path, text)]);
    let checked = check(&sources);
    assert!(!checked.problems.is_empty(), "{text}");
    show(&checked.problems, &sources, false)
}

fn workflow(lines: &str) -> String {
    shown("workflows/hello.yaml", &format!("workflow: hello\npurpose: insights\n{lines}"))
}

const STEPS: &str = "steps:\n  - email: cold/hello\n";

#[test]
fn a_misspelt_key() {
    insta::assert_snapshot!(workflow(&format!("priorty: 20\nenter: {{ by_hand: yes }}\n{STEPS}")));
}

#[test]
fn a_negation_without_quotes() {
    insta::assert_snapshot!(workflow(&format!(
        "enter: {{ by_hand: yes }}\nleave: !replied()\n{STEPS}"
    )));
}

#[test]
fn a_comment_that_cuts_a_condition() {
    insta::assert_snapshot!(workflow(&format!(
        "enter: {{ by_hand: yes }}\nleave: tag(\"customer #1\")\n{STEPS}"
    )));
}

#[test]
fn a_colon_in_a_text() {
    insta::assert_snapshot!(workflow(&format!(
        "about: Cold leads: get them back\nenter: {{ by_hand: yes }}\n{STEPS}"
    )));
}

#[test]
fn an_open_quote() {
    insta::assert_snapshot!(workflow(&format!(
        "about: \"Cold leads\nenter: {{ by_hand: yes }}\n{STEPS}"
    )));
}

/// What closes it was to open another one, or there is nothing more.
#[test]
fn an_open_quote_is_shown_where_it_was_opened() {
    for (text, line) in [
        ("about: \"a\"\nenter:\n  when: 'stage == \"lead\"\n  existing: no\n", 4),
        ("enter:\n  when: \"a\n    b: \"c\"\n", 3),
        ("enter: { when: \"a, existing: no }\n", 2),
        ("steps:\n  - \"it's\n", 3),
    ] {
        let text = format!("workflow: w\n{text}");
        let checked = check(&campaign(&[("workflows/w.yaml", &text)]));
        let found: Vec<_> = checked.problems.iter().map(|it| (it.rule, it.line)).collect();
        assert_eq!(found, [("yaml-quote", line)], "{text}");
    }
}

#[test]
fn a_standard_attribute_of_another_type() {
    insta::assert_snapshot!(shown(
        "workflows/attributes.yaml",
        "attributes:\n  employees: number\n"
    ));
}

#[test]
fn a_list_inside_of_braces() {
    insta::assert_snapshot!(workflow(&format!(
        "enter: {{ when: country in [\"Italy\", \"France\"], existing: no }}\n{STEPS}"
    )));
}

#[test]
fn a_tab() {
    insta::assert_snapshot!(workflow("enter:\n\tby_hand: yes\n"));
}

#[test]
fn existing_not_said() {
    insta::assert_snapshot!(workflow(&format!("enter:\n  segment: cold\n{STEPS}")));
}

#[test]
fn a_date_that_is_none() {
    insta::assert_snapshot!(workflow(&format!(
        "enter:\n  date: created\n  offset: 36h\n  at: 9\n  yearly: always\n{STEPS}"
    )));
}

#[test]
fn a_schedule_that_is_none() {
    insta::assert_snapshot!(workflow(&format!(
        "enter:\n  schedule: every monday\n  zone: Rome\n  again: always\n{STEPS}"
    )));
}

#[test]
fn names_that_are_not_there() {
    insta::assert_snapshot!(workflow(
        "enter: { segment: clod, existing: no }\nsteps:\n  - email: cold/helo\n  - notify: salse\n  \
         - set: { intrest: x }\n  - email: templates/cold/bye.md\n"
    ));
}

#[test]
fn a_step_with_two_kinds_and_one_with_none() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes }\nsteps:\n  - email: cold/hello\n    wait: 3d\n  - wait 2d\n  - \
         email:cold/bye\n  - then:\n      - stop\n"
    ));
}

#[test]
fn keys_that_are_not_lined_up() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes }\nsteps:\n  - wait_for: replied()\n     up_to: 3d\n"
    ));
}

#[test]
fn something_not_built_yet() {
    insta::assert_snapshot!(workflow(&format!(
        "enter: {{ by_hand: yes }}\npin_copy: yes\n{STEPS}  - sms: hello\n"
    )));
}

#[test]
fn waits_and_windows() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes, again: 180 days }\nsend: { window: 9-17 }\nsteps:\n  - wait: a \
         while\n  - wait_for: replied()\n    up_to: 0d\n"
    ));
}

#[test]
fn what_is_done_in_doubt() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes }\nsend: { in_doubt: resent }\nin_doubt: hold\nsteps:\n  - email: hello\n    \
         in_doubt: yes\n  - wait: 1d\n    in_doubt: hold\n"
    ));
}

#[test]
fn what_is_done_where_a_mail_fails() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes }\nsend: { on_failure: go on }\non_failure: hold\nsteps:\n  - email: hello\n    \
         on_failure: yes\n  - wait: 1d\n    on_failure: hold\n"
    ));
}

#[test]
fn questions() {
    insta::assert_snapshot!(shown(
        "workflows/questions.yaml",
        "questions:\n  \
           topic:\n    title: { en: What next?, italian: E poi? }\n    sets: intrest\n    answers:\n      \
             pricing: { en: Prices, it: Prezzi }\n      demo*: A demo\n  \
           seats:\n    title: How many seats?\n    sets: seats\n    answers: { few: A few, \"10\": Ten }\n  \
           wrong person:\n    title: Is it you?\n    answers:\n      no: { label: Not me, stage: gone }\n  \
           later:\n    title: Later?\n    answers: yes or no\n  \
           budget:\n    titel: Is there a budget?\n    type: bool\n    answers: yes\n  \
           read-by-nobody:\n    title: Well?\n    answers: yes or no\n"
    ));
}

#[test]
fn what_asks_for_answers_that_are_not_there() {
    insta::assert_snapshot!(check_with_questions(
        "enter: { event: lead.answered, object: topci }\n\
         goal: answered(\"topic\", \"prising\") or answered(\"topic\", \"pricing\", \"x\")\n\
         leave: answered(\"gone\") or happened(\"lead.answered\", \"topic\") or answered(topic)\n"
    ));
}

/// A campaign that asks `topic`, and a workflow of these lines.
fn check_with_questions(lines: &str) -> String {
    let questions = "questions:\n  topic: { title: What next?, sets: interest, answers: { pricing: Prices } }\n";
    let workflow = format!("workflow: hello\npurpose: insights\n{lines}{STEPS}");
    let sources =
        campaign(&[("workflows/questions.yaml", questions), ("workflows/hello.yaml", &workflow)]);
    show(&check(&sources).problems, &sources, false)
}

#[test]
fn a_scoring_file() {
    insta::assert_snapshot!(shown(
        "workflows/scoring.yaml",
        "scoring:\n  half_life: 1 month\n  engagement:\n    - { on: clicked(), points: 10, cap: 25 }\n    \
         - { on: opened(), points: 1, cap: 100 }\n    - { on: replied(), points: 5 }\n  temperature: { \
         warm: 50, hot: 20 }\n  stages:\n    - { from: [lead], to: MQL, when: fit >= 40 }\n"
    ));
}

#[test]
fn conditions() {
    insta::assert_snapshot!(shown(
        "workflows/more.yaml",
        "segments:\n  a: lead_status = \"Not now\"\n  b: stage == \"MQL\" or cuontry == \"Italy\"\n  c: >-\n    \
         engagement >= 10\n    and clicked(\"cold/helo\")\n  d: in_segment(\"clod\") and replied()\n"
    ));
}

#[test]
fn an_event_that_is_nearly_one_of_ours_is_warned_of_wherever_it_is_named() {
    let warned = |path: &str, text: &str| {
        let checked = check(&campaign(&[(path, text)]));
        assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
        rules(&checked)
    };
    let hello =
        "workflow: hello\npurpose: insights\nenter: { event: mail.click }\nsteps: [{ tag: a }]\n";
    assert_eq!(warned("workflows/hello.yaml", hello), [("unknown-event", 3)]);
    let segments = "segments:\n  cold: stage == \"lead\"\n  b: >-\n    stage == \"lead\"\n    and \
                    not happened(\"page.visit\", \"/\").within(3d)\n";
    assert_eq!(warned("workflows/segments.yaml", segments), [("unknown-event", 5)]);
    let scoring =
        "scoring:\n  engagement:\n    - { on: happened(\"form.submit\"), points: 5, cap: 5 }\n";
    assert_eq!(warned("workflows/scoring.yaml", scoring), [("unknown-event", 3)]);
    // What an import may well bring.
    let own = "segments:\n  cold: happened(\"fair.visited\") or happened(\"sales.call\")\n";
    assert_eq!(warned("workflows/segments.yaml", own), []);
}

#[test]
fn caps_that_cannot_be() {
    insta::assert_snapshot!(shown(
        "workflows/policy.yaml",
        "policy:\n  tracking: everybody\n  purposes:\n    insights: { label: Insights, basis: [consent] }\n  caps:\n    \
         - { mails: 0, per: week }\n    - { mails: 2, per: fortnight }\n    - { mails: 2, per: 10d, purpose: insight }\n    \
         - { mails: 2, per: 10d, workflow: helo }\n    - { mails: 2, per: 7d, purpose: insights, workflow: hello }\n    \
         - { mails: 3, per: week }\n    - { mails: 5, per: 7d }\n    - { per: day }\n  \
         min_gap: until 09:00\n  sunset:\n    - { unanswered: 3, gap: 21d }\n    - { unanswered: 3, gap: 30d }\n    \
         - { unanswered: 5, gap: 7d }\n    - { unanswered: 6, gap: forever }\n    - { unanswered: 7, gap: for ever }\n    \
         - { unanswered: 8, gap: 90d }\n  accounts:\n    people: { at_most: 2, per: lifetime }\n    reply_stop: 30d\n  pacing:\n    all: fast\n    each_domain: 0 per hour\n    \
         providers:\n      Google: { domains: [gmail.com], rate: 3 per hour }\n      \
         a: { domains: [gmail.com, x y], rate: 3 per day }\n    workflows: { helo: 3 per minute }\n"
    ));
    let many = "policy:\n  tracking: nobody\n  caps:\n    - { mails: 100, per: day }\n    \
                - { mails: 100, per: week }\n    - { mails: 1, per: lifetime }\n";
    let checked = check(&campaign(&[("workflows/policy.yaml", many)]));
    assert!(rules(&checked).contains(&("too-large", 4)), "{:?}", rules(&checked));
}

#[test]
fn all_mistakes_of_a_send_are_told_at_once() {
    let text = "workflow: hello\npurpose: insights\nenter:\n  event: lead.imported\n\
                send: { window: mon-fri 09:00-99:00, at_most: 0 per day, in_doubt: maybe, now: perhaps }\n\
                steps:\n  - stop: done\n";
    let checked = check(&campaign(&[("workflows/hello.yaml", text)]));
    let told: Vec<&str> = checked.problems.iter().map(|problem| &*problem.message).collect();
    for part in ["99:00", "0 per day", "maybe", "perhaps"] {
        assert!(told.iter().any(|told| told.contains(part)), "{part}: {told:#?}");
    }
}

#[test]
fn guards_that_cannot_be() {
    for (guard, why) in [
        ("bounces: 0% of 200", "this is `0% of 200`"),
        ("bounces: 120% of 200", "this is `120% of 200`"),
        ("complaints: 1% of 0", "under 100%, of 1 to 1000000 mails"),
        ("complaints: 0.3", "`complaints` is a part of a number of mails"),
        ("within: 5m", "an hour at least and 90 days at most"),
        ("audience: 0", "`audience` is a whole number from 1"),
        ("bounce: 5% of 200", "did you mean `bounces`?"),
    ] {
        let text = format!("policy:\n  tracking: nobody\n  guards:\n    {guard}\n");
        let shown = shown("workflows/policy.yaml", &text);
        assert!(shown.contains("workflows/policy.yaml:4:") && shown.contains(why), "{shown}");
    }
    let guards = "policy:\n  tracking: nobody\n  purposes:\n    insights: { label: Insights, basis: [consent] }\n  guards: { bounces: 5% of 200, within: 14d, audience: 1000 }\n";
    let checked = check(&campaign(&[("workflows/policy.yaml", guards)]));
    let definitions = checked.definitions.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    let guards = &definitions.policy.guards;
    assert_eq!(guards.bounces.map(|limit| limit.to_string()).as_deref(), Some("5% of 200"));
    assert_eq!((guards.complaints, guards.audience), (None, Some(1000)));
    assert_eq!(guards.within.as_secs(), 14 * 86_400);
}

#[test]
fn clocks_and_calendars() {
    insta::assert_snapshot!(shown(
        "workflows/policy.yaml",
        "policy:\n  zones: { Itlaia: Europe/Rome, XX: Europe/Rome, US: America/New_Yrok }\n  \
         quiet: 00:00-24:00\n  tracking: nobody\n  calendar:\n    holidays: [IT, Germny, India]\n    \
         also: [12-24, 2026-02-30, 24.12.]\n    only: [05-01]\n"
    ));
}

#[test]
fn windows_that_never_open() {
    let days: Vec<String> = (1..=31).map(|day| format!("12-{day:02}")).collect();
    let all: Vec<String> = (1..=12)
        .flat_map(|month| (1..=31).map(move |day| format!("{month:02}-{day:02}")))
        .filter(|day| {
            !["02-30", "02-31", "04-31", "06-31", "09-31", "11-31"].contains(&day.as_str())
        })
        .collect();
    let policy = |window: &str, also: &[String]| {
        format!(
            "policy:\n  window: {window}\n  quiet: 21:00-08:00\n  tracking: nobody\n  purposes:\n    \
             insights: {{ label: Insights, basis: [consent] }}\n  calendar:\n    holidays: by country\n    \
             also: [{}]\n",
            also.join(", ")
        )
    };
    let workflow = |window: &str| {
        format!(
            "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsend: {{ window: '{window}' }}\n\
             steps: [{{ email: cold/hello }}]\n"
        )
    };
    let show_all = |policy: &str, workflow: &str| {
        let sources =
            campaign(&[("workflows/policy.yaml", policy), ("workflows/hello.yaml", workflow)]);
        show(&check(&sources).problems, &sources, false)
    };
    let night = workflow("mon-fri 22:00-02:00; sat 06:00-08:00");
    insta::assert_snapshot!(show_all(&policy("daily 21:30-07:00", &days), &night));
    // Every day is one of the house's own: the first line of the window says so, not its calendar's 366.
    let shut = show_all(&policy("mon-fri 09:00-17:30", &all), &workflow("daily 20:00-02:00"));
    let told = "is never open: in 2026 all its days are days off";
    assert_eq!(shut.matches(told).count(), 2, "{shut}");
    assert_eq!(show_all(&policy("always", &days), &workflow("fri 20:00-02:00")), "no problems\n");
}

#[test]
fn policy_and_people() {
    let sources = campaign(&[
        (
            "workflows/policy.yaml",
            "policy:\n  zone: Europe/Roma\n  purposes:\n    insights: { label: Insights, basis: [consnt] }\n",
        ),
        (
            "workflows/people.yaml",
            "people:\n  Ada: { name: Ada, email: ada@example.com }\n  ben: { name: Ben, email: ben }\n  \
             sales: { team: [bne] }\n",
        ),
    ]);
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
    for (member, hint) in [
        ("ada@example.com", "did you mean `ada`?"),
        ("marketing", "there are: ada"),
        ("mara@acme.example", "{ mara: { name: …, email: mara@acme.example } }"),
    ] {
        let people = "people:\n  ada: { name: Ada, email: ada@example.com }\n";
        let team = format!("{people}  sales: {{ team: [{member}] }}\n");
        let checked = check(&campaign(&[("workflows/people.yaml", &team)]));
        assert_eq!(rules(&checked), [("unknown-person", 3)]);
        let found = checked.problems[0].hint.as_deref().unwrap_or_default();
        assert!(found.contains(hint), "{member}: {found}");
    }
}

#[test]
fn a_hand_off() {
    let steps = "steps:
  - hand_off: slaes
    silent: { after: 5 business days, do: rmind }
  - hand_off: owner
    accepted:
      - tga: theirs
  - hand_off: sales
    else_to: ada
    silent: [{ tag: silent }]
  - hand_off: ada
    silent: { after: 2d, do: next person }
  - hand_off: sales
    silent: { after: 2d, do: return, then: [{ tag: silent }] }
  - hand_off: sales
    silent: { do: remind }
  - if: happened(\"handoff.returned\", \"nobudget\")
    then:
      - hand_off: sales
        then:
          - tag: theirs
";
    let text = format!("send: {{ from: onwer }}\nenter: {{ by_hand: yes }}\n{steps}");
    insta::assert_snapshot!(workflow(&text));
    insta::assert_snapshot!(shown(
        "workflows/people.yaml",
        "people:\n  owner: { name: Ada Rossi, email: ada@example.com }\n  ben: { name: Ben }\n  sales: { \
         team: [ben] }\n",
    ));
}

#[test]
fn a_template() {
    let sources = campaign(&[
        (
            "templates/cold/hello.md",
            "---\nsubjct: Hello\nlayout: mial\ndefaults: { frist_name: you }\n---\nx\n",
        ),
        ("templates/cold/bye.md", "Just text\n"),
        ("templates/cold/hello.klingon.md", "---\nsubject: nuqneH\n---\nx\n"),
        ("templates/cold/tag.md", "---\nsubject: Our #1 question\n---\nx\n"),
    ]);
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
}

#[test]
fn a_template_in_mjml() {
    let sources = campaign(&[
        (
            "templates/cold/hello.it.mjml",
            "---\nsubject: Ciao\nlayout: mail\n---\n<mjml><mj-body></mj-body></mjml>\n",
        ),
        ("templates/cold/hello.mjml", "---\nsubject: Hello\n---\n<mjml></mjml>\n"),
        ("templates/layouts/plain.mjml", "<mjml></mjml>\n"),
    ]);
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
}

#[test]
fn replies_go_to_an_address_that_sending_reads_as_well() {
    let mail = |reply_to: &str| {
        let text = format!("---\nsubject: Hello\nreply_to: {reply_to}\n---\nx\n");
        check(&campaign(&[("templates/cold/hello.md", &text)]))
    };
    for wrong in ["\"Ada <ada@example.com\"", "Ada ada@example.com>", "ada"] {
        assert_eq!(rules(&mail(wrong)), [("bad-address", 3)], "{wrong}");
    }
    let definitions = mail("Ada Rossi <ada@example.com>").definitions.unwrap();
    let mail = definitions.templates.variant("cold/hello", "en", "en").unwrap();
    assert_eq!(mail.reply_to.as_ref().unwrap().to_string(), "Ada Rossi <ada@example.com>");
}

/// A workflow with these lines under `send`, where mail may come from example.com.
fn sent(lines: &str) -> Checked {
    let text = format!(
        "workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\nsend:\n{lines}{STEPS}"
    );
    let people = "people:\n  ada: { name: Ada Rossi, email: ada@example.com }\n  \
                  ben: { name: Ben Weber, email: ben@elsewhere.example }\n  sales: { team: [ada, ben] }\n";
    let mut sources =
        campaign(&[("workflows/hello.yaml", &text), ("workflows/people.yaml", people)]);
    let config = "[sender]\nfrom = \"hello@example.com\"\nbounce_domain = \"b.example.com\"\n\
                  postal_address = \"Milano\"\n";
    let config = Config::parse(config, std::path::Path::new("")).unwrap();
    sources.own_domains = config.own_domains();
    let checked = check(&sources);
    if checked.definitions.is_none() {
        insta::assert_snapshot!(show(&checked.problems, &sources, false));
    }
    checked
}

#[test]
fn who_writes_is_a_person_of_our_domains() {
    let from = |lines: &str| {
        let definitions = sent(lines).definitions.unwrap();
        let workflow = definitions.workflow("hello").unwrap().workflow.clone();
        (workflow.from.clone(), workflow.reply_to.clone())
    };
    assert_eq!(from("  from: ada\n"), (Author::Person("ada".into()), None));
    assert_eq!(from("  from: owner\n  now: yes\n"), (Author::Owner, None));
    let ben = Some(Replies::Person("ben".into()));
    assert_eq!(from("  reply_to: ben\n"), (Author::Sender, ben));
    let (_, replies) = from("  reply_to: Desk <desk@elsewhere.example>\n");
    assert!(matches!(replies, Some(Replies::Mailbox(it)) if it.name == "Desk"));
}

#[test]
fn somebody_unknown_a_team_or_a_foreign_domain_in_send() {
    sent("  from: aad\n  reply_to: bne\n");
    sent("  from: sales\n  reply_to: sales\n");
    sent("  from: ben\n");
    sent("  from: ownr\n  reply_to: \"Desk <desk@\"\n");
}

#[test]
fn a_campaign_file() {
    insta::assert_snapshot!(shown(
        "workflows/spring.campaign.yaml",
        "campaign: spring\ntilte: Spring\nzone: Europe/Roma\ndates:\n  starts: 2027-04-31 11:00\n  ends: \
         2027-04-15T12:00Z\n  early bird: 2027-04-01\n  title: 2027-04-01\nvariables: { seats: [100] }\n\
         utm: { souce: x, medium: \"\" }\ncosts:\n  - { amount: 12.345, currency: euro, per: head }\n  \
         - { amount: 5, currency: EUR }\n  - { amount: 5, currency: EUR, on: soon }\n  \
         - { amount: 5, currency: EUR, on: 2027-13-01 }\n"
    ));
}

/// A day that ends on itself is one.
#[test]
fn a_campaign_that_ends_before_it_starts() {
    let spring = |(starts, ends): (&str, &str)| {
        format!("campaign: spring\ntitle: Spring\ndates:\n  starts: {starts}\n  ends: {ends}\n")
    };
    let file = "workflows/spring.campaign.yaml";
    let wrong = [
        ("2027-04-15 11:00", "2027-04-15 10:00"),
        ("2027-04-15 11:00", "2027-04-15 11:00"),
        ("2027-04-15", "2027-04-14"),
    ];
    insta::assert_snapshot!(wrong.map(|dates| shown(file, &spring(dates))).join("\n"));
    for dates in [("2027-04-15 11:00", "2027-04-15"), ("2027-04-15", "2027-04-15")] {
        let right = campaign(&[(file, &spring(dates))]);
        assert_eq!(check(&right).problems, [], "{dates:?}");
    }
}

#[test]
fn an_event_for_calendars() {
    let mail = |calendar: &str| format!("---\nsubject: Hello\ncalendar: {calendar}\n---\nx\n");
    let sources = campaign(&[
        ("templates/cold/hello.md", &mail("{ starts: tomorrow, wo: here }")),
        ("templates/cold/bye.md", &mail("{ ends: 2027-04-15, duration: 45m }")),
        ("templates/cold/more.md", &mail("{ duration: a while }")),
        ("templates/cold/last.md", &mail("yes")),
        ("templates/cold/leap.md", &mail("{ starts: 2027-02-29T11:00Z }")),
    ]);
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
}

/// Dates of a campaign, in a workflow of it and in one that names none or one that is not there.
#[test]
fn dates_of_campaigns() {
    let workflow = |campaign: &str| {
        format!(
            "workflow: hello\n{campaign}purpose: insights\nenter: {{ by_hand: yes }}\nsend: {{ not_after: strats \
             }}\nsteps:\n  - email: cold/hello\n    at: starts - 2h, 09:30\n    not_after: bids_until\n  - \
             email: cold/bye\n    at: starts - 21\n    if_past: yes\n  - wait_for: replied()\n    up_to: \
             ends\n  - {{ tag: a, if_past: do }}\n  - {{ tag: b, not_after: 2d }}\n"
        )
    };
    let spring = "campaign: spring\ntitle: Spring\ndates: { starts: 2027-04-15 11:00, bids_until: 2027-04-01 }\n";
    let told = |campaign: &str| {
        let files = [
            ("workflows/hello.yaml", workflow(campaign)),
            ("workflows/spring.campaign.yaml", spring.to_owned()),
        ];
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let sources = super::campaign(&files);
        show(&check(&sources).problems, &sources, false)
    };
    insta::assert_snapshot!(["campaign: spring\n", "", "campaign: sprnig\n"].map(told).join("\n"));
}

#[test]
fn outcomes_of_a_wait() {
    insta::assert_snapshot!(workflow(
        "enter: { by_hand: yes }\nsteps:\n  - wait_for:\n      attended: happened(\"webinar.attended\")\n      \
         stop: replied()\n      Not Seen: replyed()\n    up_to: 3d\n    attended: [{ tag: a }]\n    atended: [{ \
         tag: b }]\n    then: [{ tag: c }]\n  - wait_for: {}\n    up_to: 3d\n"
    ));
}

#[test]
fn segments_in_a_circle() {
    insta::assert_snapshot!(shown(
        "workflows/more.yaml",
        "segments:\n  a: in_segment(\"b\")\n  b: not in_segment(\"c\")\n  c: in_segment(\"a\")\n  cold: \
         stage == \"lead\"\n"
    ));
}

#[test]
fn problems_of_all_files_are_reported_at_once_and_a_broken_one_hides_no_other() {
    let checked = check(&campaign(&[
        ("workflows/a.yaml", "workflow: [\n"),
        ("workflows/b.yaml", "workflow: b\nsteps: []\n"),
        ("workflows/c.yaml", "hello: world\n"),
    ]));
    let files: Vec<(&str, &str)> =
        checked.problems.iter().map(|found| (found.file.as_str(), found.rule)).collect();
    assert_eq!(
        files,
        [
            ("workflows/a.yaml", "yaml-flow"),
            ("workflows/b.yaml", "missing-key"),
            ("workflows/b.yaml", "missing-key"),
            ("workflows/b.yaml", "missing-value"),
            ("workflows/c.yaml", "unknown-file"),
        ]
    );
}

#[test]
fn what_is_wrong_with_a_step_hides_nothing_of_what_is_inside_of_it() {
    let inside = "\n    then:\n      - email: cold/helo\n    else:\n      - wait: a while";
    for (step, rule) in [
        ("wait_fro: replied()", "unknown-key"),
        ("wait_for: replied()\n    email: cold/hello", "conflict"),
        ("sms: hello", "not-built"),
        ("email: cold/hello", "unknown-key"),
        ("wait_for: replyed()\n    up_to: 0d", "condition"),
    ] {
        let checked = with_steps(&format!("  - {step}{inside}"));
        let found: Vec<_> = rules(&checked).into_iter().map(|(rule, _)| rule).collect();
        for rule in [rule, "unknown-template", "bad-wait"] {
            assert!(found.contains(&rule), "{step}: {found:?}");
        }
    }
    let notify = with_steps("  - { notify: salse, template: cold/helo }");
    assert_eq!(rules(&notify), [("unknown-person", 5), ("unknown-template", 5)]);
    let tags = with_steps("  - tag: [\"\", \"\"]");
    assert_eq!(rules(&tags), [("bad-name", 5), ("bad-name", 5)]);
    let two = "workflow: hello\npurpose: insights\nenter: { when: replyed(), event: page }\nsteps: [{ tag: a }]\n";
    let found = rules(&check(&campaign(&[("workflows/hello.yaml", two)])));
    assert_eq!(found, [("condition", 3), ("conflict", 3), ("bad-value", 3)]);
    let stages = "scoring:\n  stages:\n    - { from: [laed, mlq], to: sql, when: replied() }\n";
    let found = rules(&check(&campaign(&[("workflows/scoring.yaml", stages)])));
    assert_eq!(found, [("bad-value", 3), ("bad-value", 3)]);
}

#[test]
fn no_hint_leads_to_another_mistake() {
    for (step, hint) in [
        ("set: { stage: mql }", "`stages:` in the scoring file"),
        ("set: { engagement: 5 }", "engagement comes from the rules of the scoring file"),
        ("set: { tags: a }", "- tag: vip"),
        ("set: { entry: a }", "no word of the condition language"),
        ("set: { Contract End: a }", "lower-case letters"),
        ("set: { contract_end: a }", "attributes: { contract_end: text }"),
        ("notify: mara@acme.example", "{ mara: { name: …, email: mara@acme.example } }"),
        ("notify: ada@acme.example", "did you mean `ada`?"),
        ("notify: Sales", "did you mean `sales`?"),
        ("notify: marketing", "there are: ada, sales"),
        ("email: bye", "did you mean `cold/bye`?"),
        ("email: warm/hello", "did you mean `cold/hello`?"),
        ("email: warm/other", "write the mail in templates/warm/other.md"),
        ("if: clicked(\"bye\")\n    then: [stop]", "did you mean `cold/bye`?"),
    ] {
        let checked = with_steps(&format!("  - {step}"));
        assert_eq!(checked.problems.len(), 1, "{step}: {:#?}", checked.problems);
        let found = checked.problems[0].hint.as_deref().unwrap_or("");
        assert!(found.contains(hint), "{step}: {found}");
    }
}

#[test]
fn a_wrong_type_of_an_attribute_is_one_problem() {
    for (written, hint) in [
        ("integer", "write: number"),
        ("Boolean", "write: bool"),
        ("nmber", "did you mean `number`?"),
        ("seven", "there are: bool, date, number, text"),
    ] {
        let attributes = format!("attributes:\n  seats: {written}\n");
        let segments = "segments:\n  cold: has(seats)\n";
        let checked = check(&campaign(&[
            ("workflows/attributes.yaml", &attributes),
            ("workflows/segments.yaml", segments),
        ]));
        assert_eq!(checked.problems.len(), 1, "{:#?}", checked.problems);
        assert_eq!(checked.problems[0].hint.as_deref().unwrap_or(""), hint);
    }
    let checked = check(&campaign(&[
        ("workflows/attributes.yaml", "attributes:\n  seats: integer\n"),
        ("workflows/segments.yaml", "segments:\n  cold: seats > 5\n"),
    ]));
    assert_eq!(rules(&checked), [("bad-value", 2)]);
}

#[test]
fn segments_that_are_too_long_when_they_are_spelt_out() {
    let countries = vec!["country == \"IT\""; 150].join(" or ");
    let twice = |name: &str| vec![format!("in_segment(\"{name}\")"); 5].join(" or ");
    let segments = format!(
        "segments:\n  cold: {countries}\n  near: {}\n  far: seats > 5 or {}\n  \
         all: in_segment(\"far\")\n",
        twice("cold"),
        twice("near")
    );
    insta::assert_snapshot!(shown("workflows/segments.yaml", &segments));
}

#[test]
fn a_list_of_conditions_is_to_be_joined() {
    let goal = "goal:\n  - stage == \"sql\"\n  - replied()\n";
    let text =
        format!("workflow: hello\npurpose: insights\nenter: {{ by_hand: yes }}\n{goal}{STEPS}");
    let checked = check(&campaign(&[("workflows/hello.yaml", &text)]));
    assert_eq!(rules(&checked), [("wrong-type", 5)]);
    let hint = checked.problems[0].hint.as_deref();
    assert_eq!(hint, Some("join them by `or` or `and`: stage == \"sql\" or replied()"));
}

#[test]
fn no_workflow_is_called_what_pause_calls_them_all() {
    let text = "workflow: all\npurpose: insights\nenter: { by_hand: yes }\nsteps: [{ tag: a }]\n";
    let checked = check(&campaign(&[("workflows/hello.yaml", text)]));
    assert_eq!(rules(&checked), [("bad-name", 1)]);
}

#[test]
fn a_name_that_cannot_be_used_hides_nothing_else() {
    let text = "workflow: Hello World\npurpose: insigths\nenter: { segment: Cold Ones, existing: no }\n\
                steps: [{ tag: a }]\n";
    let segments = "segments:\n  Cold Ones: stage == \"led\"\n";
    let files = [("workflows/hello.yaml", text), ("workflows/segments.yaml", segments)];
    let found = rules(&check(&campaign(&files)));
    let expected = [
        ("bad-name", 1),
        ("unknown-purpose", 2),
        ("bad-name", 3),
        ("bad-name", 2),
        ("condition", 2),
    ];
    assert_eq!(found, expected);
}

#[test]
fn json_has_exactly_the_promised_fields() {
    let checked = check(&campaign(&[("workflows/hello.yaml", "workflow: hello\npurpse: x\n")]));
    let json = serde_json::to_value(&checked.problems[0]).unwrap();
    let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["file", "line", "column", "rule", "severity", "message", "hint"]);
}

#[test]
fn errors_of_conditions_stand_where_they_are_written() {
    let text = "segments:\n  plain: stage == \"lead\" and nonsense > 1\n  quoted: 'nonsense > 1'\n  \
                block: >\n    stage == \"lead\"\n    and nonsense > 1\n";
    let checked = check(&campaign(&[("workflows/more.yaml", text)]));
    let places: Vec<(usize, usize)> = checked.problems.iter().map(|p| (p.line, p.column)).collect();
    assert_eq!(places, [(2, 30), (3, 12), (6, 9)]);
    assert!(rules(&checked).iter().all(|(rule, _)| *rule == "condition"));
}

#[test]
fn what_is_wrong_with_webhooks() {
    let steps = "enter: { by_hand: yes }\nsteps:\n  - webhook: cmr\n    attributes: [first_nam]\n    \
                 data: [a]\n    on_failure: leave\n  - webhook: https://crm.example.com/hooks\n";
    let text = format!("workflow: hello\npurpose: insights\n{steps}");
    let mut sources = campaign(&[("workflows/hello.yaml", &text)]);
    sources.targets = Some(["crm".into()].into());
    let checked = check(&sources);
    insta::assert_snapshot!(show(&checked.problems, &sources, false));

    // Without a configuration nobody knows which targets there are.
    let text = text.replace("first_nam]", "first_name]").replace("data: [a]", "data: { a: b }");
    let text = text.replace("leave", "hold").replace("https://crm.example.com/hooks", "slack");
    let found = check(&campaign(&[("workflows/hello.yaml", &text)])).problems;
    assert!(found.is_empty(), "{found:?}");
}
