//! Links within the repository lead to a file that is there, and to a heading that it has.

use std::{collections::BTreeSet, path::Path};

use super::{pages, read, root};

/// The targets of `[…](target)`, outside of code.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        // Every other part is inline code.
        for part in line.split('`').step_by(2) {
            for (at, _) in part.match_indices("](") {
                let rest = &part[at + 2..];
                targets.extend(rest.split_once(')').map(|(target, _)| target.to_owned()));
            }
        }
        // A link whose text ends in code is cut by the split above.
        for (at, _) in line.match_indices("`](") {
            let rest = &line[at + 3..];
            targets.extend(rest.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    targets
}

/// The anchors of a page's headings, as forges make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        anchors.insert(anchor);
    }
    anchors
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for target in targets(&read(&page)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            seen += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let folder = Path::new(&page).parent().expect("a folder");
            let to =
                if file.is_empty() { root().join(&page) } else { root().join(folder).join(file) };
            let there = to.exists()
                && (anchor.is_empty()
                    || std::fs::read_to_string(&to)
                        .is_ok_and(|text| anchors(&text).contains(anchor)));
            if !there {
                wrong.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(seen > 20, "links are found");
    assert!(wrong.is_empty(), "links to nothing:\n{}", wrong.join("\n"));
}

#[test]
fn every_page_is_in_the_index() {
    let index = read("docs/README.md");
    let linked = targets(&index);
    for page in pages() {
        let Some(name) = page.strip_prefix("docs/").filter(|name| *name != "README.md") else {
            continue;
        };
        assert!(linked.iter().any(|target| target == name), "docs/README.md does not name {name}");
    }
}
