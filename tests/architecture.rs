//! The house holds: dependencies point one way, files stay small, every store method is under contract.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Each part may use the parts on earlier lines, never its siblings on the same line.
const LAYERS: [&[&str]; 9] = [
    &["domain"],
    &["config", "clock"],
    &["definitions", "token", "mail", "store"],
    &["render"],
    &["engine"],
    &["http"],
    &["daemon"],
    &["cli"],
    &["main"],
];

/// A file longer than this has more than one idea in it.
const ALARM: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    files
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root().join("src")).unwrap().display().to_string();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn part_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

fn layer(part: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&part))
}

/// Tests beside what they test: not part of the house.
fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs") || file.contains("/tests/")
}

/// The parts that a source names by `crate::part` (or, in the binary, `nurtured::part`), also inside
/// of `use crate::{a, b::c}`.
fn parts_used(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut used = Vec::new();
    for marker in ["crate::", "nurtured::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            let word = |text: &str| -> String {
                text.trim_start()
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect()
            };
            if let Some(group) = rest.strip_prefix('{') {
                let mut depth = 0;
                let mut fresh = true;
                for (index, c) in group.char_indices() {
                    match c {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => fresh = true,
                        c if fresh && !c.is_whitespace() => {
                            used.push(word(&group[index..]));
                            fresh = false;
                        }
                        _ => {}
                    }
                }
            } else {
                used.push(word(rest));
            }
        }
    }
    used.retain(|part| layer(part).is_some());
    used
}

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for (file, text) in all_sources() {
        let part = part_of(&file);
        let Some(own) = layer(part) else {
            assert_eq!(part, "lib", "src/{file} belongs to no part of the house");
            continue;
        };
        for used in parts_used(&text) {
            let theirs = layer(&used).unwrap();
            if used != part && theirs >= own {
                wrong.push(format!("src/{file} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "dependencies that go back:\n{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_dependencies_sees_groups_and_paths() {
    let used =
        parts_used("use crate::{domain::{a, b}, store::Store};\nlet x = crate::engine::tick();");
    assert_eq!(used, ["domain", "store", "engine"]);
}

#[test]
fn files_hold_one_idea() {
    let long: BTreeMap<_, _> = all_sources()
        .into_iter()
        .map(|(file, text)| {
            // Unit tests stand in the file that they test and do not count.
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap().lines().count();
            (file, code)
        })
        .filter(|(file, lines)| *lines > ALARM && !is_test(file))
        .collect();
    assert!(long.is_empty(), "files over {ALARM} lines: {long:?}");
}

#[test]
fn the_domain_is_pure() {
    for (file, text) in all_sources() {
        if part_of(&file) != "domain" || is_test(&file) {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        for banned in ["async fn", "tokio::", "sqlx::", "std::fs", "std::net", "::now()"] {
            assert!(!code.contains(banned), "src/{file} uses {banned}");
        }
    }
}

#[test]
fn every_store_method_is_under_contract() {
    let mut contract = String::new();
    let mut files = Vec::new();
    sources(&root().join("tests/store_contract"), &mut files);
    for path in files {
        contract.push_str(&fs::read_to_string(path).unwrap());
    }
    let mut missing = Vec::new();
    for (file, text) in all_sources() {
        if part_of(&file) != "store" {
            continue;
        }
        let mut in_store = false;
        for line in text.lines() {
            match line {
                "impl Store {" => in_store = true,
                "}" => in_store = false,
                _ => {}
            }
            let Some(rest) = line.strip_prefix("    pub async fn ").filter(|_| in_store) else {
                continue;
            };
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let called = [format!(".{name}("), format!("Store::{name}(")];
            if !called.iter().any(|call| contract.contains(call)) {
                missing.push(format!("{name} (src/{file})"));
            }
        }
    }
    assert!(missing.is_empty(), "tests/store_contract/ does not run: {}", missing.join(", "));
}
