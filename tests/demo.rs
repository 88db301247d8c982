//! The demo: a story that is the same each time, in which everything happens, and whose last words are true.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use crate::support::site::{Ran, Site};

/// Far enough back that it is over, whenever this runs.
const START: &str = "2025-01-06";

/// Walks the shipped example.
fn walk(site: &Site, arguments: &[&str]) -> Ran {
    let mut all = vec!["--dir", env!("CARGO_MANIFEST_DIR"), "demo", "--start", START];
    all.extend(arguments);
    let ran = site.run(&all);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

/// The lines of a week: what stands behind their dates.
fn weeks(told: &str) -> Vec<Vec<u64>> {
    let (_, table) = told.split_once("week ending").expect("a table");
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().skip(3));
    let rows = rows.map(|row| row.map_while(|cell| cell.parse().ok()).collect::<Vec<u64>>());
    rows.filter(|row| row.len() >= 9).collect()
}

/// How often each word stands behind a date.
fn happenings(told: &str) -> BTreeMap<&str, u64> {
    let mut found = BTreeMap::new();
    let (_, table) = told.split_once("week ending").expect("a table");
    for word in table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(3)) {
        *found.entry(word).or_default() += 1;
    }
    found
}

/// The names of those who became an mql, each once.
fn mqls(told: &str) -> BTreeSet<String> {
    let lines = told.lines().filter(|line| line.split_whitespace().nth(3) == Some("mql"));
    lines.map(|line| line.chars().skip(23).take(32).collect()).collect()
}

#[test]
fn the_story_is_the_same_each_time_and_everything_happens_in_it() {
    let (site, other) = (Site::bare(), Site::bare());
    let ran = walk(&site, &[]);
    let again = walk(&other, &[]);
    assert_eq!(ran.err, again.err);
    assert_eq!(ran.out, again.out);
    let happened = happenings(&ran.err);
    for word in ["mql", "hand-off", "passed", "accepted", "returned", "later", "sql", "won", "lost"]
    {
        assert!(happened.contains_key(word), "{word}: {}", ran.err);
    }
    assert_eq!(weeks(&ran.err).len(), 26);
    let (figures, further) = ran.out.split_once("Look further:\n").expect("commands");
    for line in ran.err.lines().chain(figures.lines()) {
        assert!(line.chars().count() <= 80 && !line.contains('\u{1b}'), "{line}");
    }
    assert!(figures.contains("sql → customer") && figures.contains("patient/not-now"), "{figures}");
    let (leads, times) = (mqls(&ran.err).len(), happened["mql"]);
    assert_ne!(u64::try_from(leads).unwrap(), times, "somebody stirs once more");
    let warm = format!("{leads} leads became warm enough for sales, {times} times: ");
    assert!(figures.replace('\n', " ").contains(&warm), "{figures}");
    look_further(&site, further);
}

/// Runs what the demo says to run, as somebody who pastes it into a shell.
fn look_further(site: &Site, commands: &str) {
    let binary = Path::new(env!("CARGO_BIN_EXE_nurtured")).parent().expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
    assert_eq!(commands.lines().count(), 6, "{commands}");
    for command in commands.lines() {
        let command = command.trim().replace("cargo run -q --", "nurtured");
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(site.path(""))
            .env("PATH", &path)
            .env_remove("NURTURED_DATABASE")
            .output()
            .expect("a shell");
        assert!(output.status.success() && output.stdout.len() > 100, "{command}: {output:?}");
    }
}

#[test]
fn the_document_is_the_same_each_time_and_agrees_with_the_weeks() {
    let (site, other) = (Site::bare(), Site::bare());
    let json = |site: &Site, seed: &str| walk(site, &["--json", "--weeks", "4", "--seed", seed]);
    let ran = json(&site, "3");
    let again = json(&other, "3");
    assert_eq!((&ran.out, &ran.err), (&again.out, &again.err));
    assert_ne!(ran.out, json(&other, "4").out, "another number, other people");
    let weeks = weeks(&ran.err);
    assert_eq!(weeks.len(), 4);
    let totals = ran.document();
    let names = ["mails", "opens", "clicks", "answers", "unsubscribed", "forms"];
    for (column, name) in names.into_iter().enumerate() {
        let sum: u64 = weeks.iter().map(|week| week[column]).sum();
        assert_eq!(totals[name], sum, "{name}: {}", ran.err);
    }
    assert_ne!(totals["mails"], 0);
    assert_eq!(totals["mql_leads"], mqls(&ran.err).len(), "{}", ran.err);
    let happened = happenings(&ran.err);
    for (word, name) in [("mql", "mqls"), ("hand-off", "hand_offs"), ("later", "later")] {
        let told = happened.get(word).copied().unwrap_or_default();
        assert_eq!(totals[name], told, "{name}: {}", ran.err);
    }
}

#[test]
fn weeks_that_are_not_over_are_not_walked_nor_those_before_anybody_agreed() {
    let site = Site::campaign();
    for (start, why) in [
        ("9998-01-01", "26 weeks from 1 Jan 9998 on are not over yet"),
        ("2023-12-31", "nothing is told of the time before 1 Jan 2024"),
    ] {
        let ran = site.run(&["demo", "--start", start]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(why), "{ran:?}");
        assert!(!site.path("demo").exists(), "nothing was made");
    }
}

#[test]
fn a_demo_tells_of_parked_mails() {
    let site = Site::campaign();
    site.write(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter:\n  event: lead.imported\nsteps:\n  - email: hello\n",
    );
    site.write("workflows/seats.yaml", "attributes:\n  seats: number\n");
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello {{ seats }}\n---\n[Leave]({{ unsubscribe_url }}), {{ postal_address }}\n",
    );
    let ran = site.run(&["demo", "--weeks", "1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains(" mails hello (for example "), "{ran:?}");
    assert!(
        ran.out.contains("the lead has no `seats`") && ran.out.contains("walk again"),
        "{ran:?}"
    );
}

#[test]
fn a_demo_that_cannot_write_says_where() {
    let site = Site::campaign();
    site.write("taken", "");
    let ran = site.run(&["demo", "--out", "taken/demo"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("taken/demo") && !ran.err.contains("the result"), "{ran:?}");
}

#[test]
fn a_demo_of_a_folder_with_mistakes_shows_them_as_check_does() {
    let site = Site::campaign();
    site.write("templates/hello.md", "---\nsubject: Hi\n---\nHello {{ frist_name }}\n");
    let ran = site.run(&["demo"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("templates/hello.md:4") && ran.err.contains("first_name"), "{ran:?}");
    assert!(!site.path("demo").exists(), "nothing was made");
}
