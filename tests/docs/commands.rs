//! `docs/commands.md` names every command, every option and every field, and none that is not there.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use super::read;
use crate::support::site::{Ran, Site};

fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_nurtured"))
        .args(command)
        .arg("--help")
        .env("COLUMNS", "200")
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The commands that do something, as they are typed: `leads import`, not `leads`.
fn leaves(above: &[&str]) -> Vec<String> {
    let help = help(above);
    let Some((_, list)) = help.split_once("\nCommands:\n") else {
        return vec![above.join(" ")];
    };
    let names = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    names.flat_map(|name| leaves(&[above, &[name]].concat())).collect()
}

/// `--like-this`, wherever it stands.
fn options(text: &str) -> BTreeSet<String> {
    text.match_indices("--")
        .filter(|(at, _)| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '-'))
        .map(|(at, _)| {
            let word = text[at + 2..].chars();
            word.take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>()
        })
        .filter(|word| !word.is_empty() && !word.starts_with('-'))
        .collect()
}

/// The options that `--help` lists: each at the beginning of a line.
fn listed(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    lines
        .flat_map(|line| {
            let (flags, _) = line.split_once("  ").unwrap_or((line, ""));
            options(flags)
        })
        .collect()
}

/// The section of the page under a heading `## nurtured COMMAND`.
fn section(page: &str, command: &str) -> String {
    let heading = format!("\n## {command}\n");
    let (_, rest) = page
        .split_once(&heading)
        .unwrap_or_else(|| panic!("docs/commands.md has no heading `## {command}`"));
    rest.split("\n## ").next().expect("a part").to_owned()
}

#[test]
fn every_command_and_every_option_is_explained_and_no_other() {
    let page = read("docs/commands.md");
    let global = listed(&help(&[]));
    let everywhere = section(&page, "Everywhere");
    for option in global.iter().filter(|option| !["help", "version"].contains(&option.as_str())) {
        assert!(everywhere.contains(&format!("`--{option}")), "--{option} under Everywhere");
    }
    let commands = leaves(&[]);
    assert!(commands.len() >= 18, "{commands:?}");
    for command in &commands {
        let words: Vec<&str> = command.split(' ').collect();
        let there = listed(&help(&words));
        let section = section(&page, command);
        let rows = section.lines().filter(|line| line.starts_with("| `--"));
        let explained: BTreeSet<String> = rows
            .flat_map(|row| options(row.trim_start_matches("| ").split('`').nth(1).unwrap_or("")))
            .collect();
        let own: BTreeSet<String> = there.difference(&global).cloned().collect();
        let forgotten: Vec<_> = own.difference(&explained).collect();
        let invented: Vec<_> = explained.difference(&there).collect();
        assert!(forgotten.is_empty(), "{command}: not explained: {forgotten:?}");
        assert!(invented.is_empty(), "{command}: not there: {invented:?}");
    }
    let (top, _) = page.split_once("\n## ").expect("a table of all commands");
    for command in &commands {
        let link = format!("[{command}](#{})", command.replace(' ', "-"));
        assert!(top.contains(&link), "the table at the top leaves out {link}");
    }
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    for heading in headings.filter(|heading| !["Everywhere", "Exit codes"].contains(heading)) {
        assert!(commands.iter().any(|command| command == heading), "no such command: {heading}");
    }
}

/// The names of the fields of a document, but not those that are data: attributes, words, rules.
fn fields(document: &Value, found: &mut BTreeSet<String>) {
    const DATA: [&str; 17] = [
        "attributes",
        "by_stage",
        "messages",
        "kinds",
        "ended",
        "bounced",
        "assumed",
        "by_receiver",
        "receivers",
        "templates",
        "workflows",
        "acts",
        "moves",
        "stages_before",
        "stages_after",
        "untouched_because",
        "exhausted",
    ];
    match document {
        Value::Object(object) => {
            for (name, value) in object {
                found.insert(name.clone());
                if !(DATA.contains(&name.as_str()) && value.is_object()) {
                    fields(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

fn explained(page: &str, command: &str, document: &Value) {
    let section = section(page, command);
    let mut found = BTreeSet::new();
    fields(document, &mut found);
    assert!(!found.is_empty());
    for name in found {
        assert!(section.contains(&format!("`{name}`")), "{command}: `{name}` is not explained");
    }
}

#[test]
fn every_field_of_every_document_is_explained() {
    let page = read("docs/commands.md");
    let site = Site::new();
    site.write(
        "workflows/all.yaml",
        "workflow: hello\npurpose: news\nenter:\n  event: lead.imported\nsend:\n  now: yes\nsteps:\n  \
         - email: hello\n  - wait_for: visited(\"/x\")\n    up_to: 3d\n  - notify: ada\n",
    );
    site.write(
        "workflows/house.yaml",
        "policy:\n  tracking: everybody\n  purposes:\n    news: { label: News, basis: [consent] }\n",
    );
    site.write("workflows/who.yaml", "people:\n  ada: { name: Ada, email: ada@example.com }\n");
    site.write(
        "workflows/points.yaml",
        "scoring:\n  engagement:\n    - { on: visited(), points: 2, cap: 10 }\n",
    );
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello\n---\nHi {{ nickname }}, [leave]({{ unsubscribe_url }}) {{ postal_address }}\n",
    );
    let document = |command: &str, arguments: &[&str]| -> Ran {
        let mut all: Vec<&str> = vec!["--json"];
        all.extend(command.split(' '));
        all.extend(arguments);
        let ran = site.run(&all);
        explained(&page, command, &ran.document());
        ran
    };
    document("check", &[]);
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello\n---\nHi there, [leave]({{ unsubscribe_url }}) {{ postal_address }}\n",
    );
    document("migrate", &[]);
    document("plan", &[]);
    let test = "tests: Hello\nfrom: 2027-03-01 08:00\ncases:\n  - case: no news\n    expect:\n      - that: visited()\n";
    site.write("workflows/all.test.yaml", test);
    document("test", &[]);
    site.write("people.csv", "email,consent,consent date\nann@a.example,yes,2026-01-02\n");
    document("simulate", &["--leads", "people.csv", "--days", "20", "--lead", "ann@a.example"]);
    document("apply", &[]);
    site.write("stop.csv", "email\nx@else.example\nnobody\n");
    document("suppressions import", &["stop.csv"]);
    site.write(
        "leads.csv",
        "email,first name,consent,consent date,shoes,owner\nann@a.example,Ann,yes,2026-01-02,38,rep_7\nnobody,,,,,\n",
    );
    document("leads import", &["leads.csv", "--purpose", "news"]);
    document("tick", &[]);
    site.write("visits.csv", "email,at,event,object\nann@a.example,2026-01-02,page_visited,/x\nz@z.example,2026-01-02,page_visited,/x\n");
    document("events import", &["visits.csv"]);
    document("outcome", &["ann@a.example", "returned", "--reason", "not_now", "--by", "ada"]);
    document("enrol", &["hello", "ann@a.example"]);
    document("tick", &[]);
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello you\n---\nHi there, [leave]({{ unsubscribe_url }}) {{ postal_address }}\n",
    );
    let workflow = "workflow: hello\npurpose: news\non_change: migrate\nleave: in_segment(\"seen\") and tag(\"gone\")\nenter:\n  event: lead.imported\nsend:\n  now: yes\nsteps:\n  \
                    - wait: 9d\n  - wait_for: visited(\"/x\")\n    up_to: 3d\n  - notify: ada\n  - email: hello\n";
    site.write("workflows/all.yaml", workflow);
    site.write("workflows/segments.yaml", "segments:\n  seen: visited()\n");
    document("plan", &["--people"]);
    document("apply", &[]);
    document("rollback", &[]);
    document("releases", &[]);
    document("leads show", &["ann@a.example"]);
    document("why-score", &["ann@a.example"]);
    document("why", &["ann@a.example"]);
    document("why", &["ann@a.example", "--workflow", "hello"]);
    document("why-not", &["ann@a.example", "--mail", "hello"]);
    document("replay", &[]);
    document("eval", &["visited() and country == \"IT\"", "--lead", "ann@a.example"]);
    document("segments", &["--when", "visited()", "--show", "1"]);
    document("render", &["hello", "--lead", "ann@a.example"]);
    document("render", &["hello", "--all", "look"]);
    document("send-test", &["hello", "--lead", "ann@a.example", "--to", "ada@example.com"]);
    document("inbox accept", &[]);
    document("pause", &["all"]);
    document("resume", &["all"]);
    document("pause", &["--lead", "ann@a.example", "--because", "in talks"]);
    document("status", &[]);
    document("cancel", &["--lead", "ann@a.example", "--yes"]);
    document("budget", &[]);
    document("doubt", &[]);
    document("doubt", &["sent", "--all"]);
    for command in ["report funnel", "report today", "why-idle"] {
        document(command, &[]);
    }
    document("report funnel", &["--by", "source"]);
    document("report workflow", &["hello"]);
    document("graph", &["hello"]);
    document("demo", &["--weeks", "1"]);
    document("init", &["another"]);
    document("doctor", &[]);
    document("backup", &["night.db"]);
    document("restore", &["--in-place"]);
    document("dkim new", &["example.com", "s1"]);
    document("dkim record", &["example.com", "s1", "s1.example.com.pem"]);
    document("man", &["pages"]);
    let failed = site.run(&["--json", "leads", "show", "z@z.example"]);
    explained(&page, "Everywhere", &failed.document());
}
