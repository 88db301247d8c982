//! The page for marketing ops: each of its examples compiles, and each mistake is answered as it says.

use super::*;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conditions.md"));

/// The lines of each fenced block of a kind.
fn blocks(kind: &str) -> Vec<Vec<&'static str>> {
    let mut blocks = Vec::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        if line.strip_prefix("```") == Some(kind) {
            blocks.push(lines.by_ref().take_while(|line| *line != "```").collect());
        }
    }
    blocks
}

#[test]
fn every_example_of_the_page_compiles() {
    let mut house = House::new();
    let examples = blocks("condition");
    assert!(examples.len() >= 10, "the page has examples");
    for source in examples.concat() {
        house.compiled(source, Scope::Workflow);
    }
}

#[test]
fn every_mistake_of_the_page_is_answered_as_it_says() {
    let mut house = House::new();
    let mistakes = blocks("mistake");
    assert!(mistakes.len() >= 10, "the page has mistakes");
    for lines in mistakes {
        let [source, answer] = lines[..] else { panic!("two lines: {lines:?}") };
        let errors = house.compile(source, Scope::Workflow).expect_err(source);
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(said, [answer], "{source}");
    }
}

#[test]
fn the_table_of_missing_attributes_is_true() {
    let mut house = House::new();
    let nobody = Lead::new(&house);
    let leads = [
        nobody.clone().text(&house, "country", "IT"),
        nobody.clone().text(&house, "country", "FR"),
        nobody,
    ];
    let rows = PAGE.lines().filter(|line| {
        line.starts_with("| `") && line.ends_with("false |") || line.ends_with("unknown |")
    });
    let mut judged = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        for (lead, told) in leads.iter().zip(&cells[1..]) {
            let value = house.value(cells[0].trim_matches('`'), lead, day(0));
            assert_eq!(format!("{value:?}").to_lowercase(), *told, "{row}");
            judged += 1;
        }
    }
    assert_eq!(judged, 12);
}
