//! The pages are true: their examples run, their links lead somewhere, every command is explained.

mod commands;
mod console;
mod links;
mod operations;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// All pages for people, by their path from the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "CHANGELOG.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).expect("docs/") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "md") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

/// The fenced blocks of a page: the words after the fence, the line it stands in, and its text.
fn blocks(text: &str) -> Vec<(String, usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        blocks.push((info.trim().to_owned(), number + 1, body.join("\n")));
    }
    blocks
}
