//! What a reader copies from a page runs, and prints what the page shows.
//!
//! A page is one session of a shell, in a copy of the shipped campaign folder. A block with a path
//! after its language is a file that the reader writes; a `console` block holds commands after `$ `
//! and what they print. There `…` stands for anything, on a line of its own for any lines. A command
//! ends with 0, unless the page goes on with `$ echo $?`.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use super::{blocks, read, root};

/// Ends what a command printed; no text holds it.
const MARK: char = '\u{1e}';

struct Shown {
    line: usize,
    command: String,
    output: Vec<String>,
}

/// The script of a page, and what its commands should print.
fn session(page: &str) -> (String, Vec<Shown>) {
    let mut script = String::new();
    let mut all = Vec::new();
    let text = read(page);
    for (info, line, body) in blocks(&text) {
        if info == "console" {
            for shown in commands(&body, line) {
                let _ = write!(script, "{{ {}\n}} 2>&1\n", translated(&shown.command));
                let _ = writeln!(script, "code=$?; printf '{MARK}%s{MARK}' $code; (exit $code)");
                all.push(shown);
            }
        } else if info == "sh" {
            panic!("{page}:{line}: what a reader is to type stands in a `console` block");
        } else if let Some((_, path)) = info.split_once(' ') {
            let before: Vec<&str> = text.lines().take(line - 1).collect();
            let said = before.rsplit(|line| line.starts_with("```")).next().unwrap_or_default();
            let is_named = said.iter().any(|line| line.contains(&format!("`{path}`")));
            assert!(
                is_named,
                "{page}:{line}: a page that is printed does not show where `{path}` is"
            );
            let _ = writeln!(script, "cat > {path} <<'END OF FILE'\n{body}\nEND OF FILE");
        }
    }
    (script, all)
}

fn commands(block: &str, first: usize) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    for (offset, text) in block.lines().enumerate() {
        match (text.strip_prefix("$ "), all.last_mut()) {
            (Some(command), _) => all.push(Shown {
                line: first + 1 + offset,
                command: command.to_owned(),
                output: Vec::new(),
            }),
            (None, Some(shown)) => shown.output.push(text.to_owned()),
            (None, None) => panic!("a console block begins with a command: {text}"),
        }
    }
    all
}

/// The binary is built and on the path already; tests do not run themselves.
fn translated(command: &str) -> String {
    match command.strip_prefix("cargo run -- ") {
        Some(arguments) => format!("nurtured {arguments}"),
        None if command.starts_with("cargo ") || command.starts_with("tests/run") => ":".to_owned(),
        None => command.to_owned(),
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).expect("copied");
    }
}

fn run(page: &str) {
    let (script, all) = session(page);
    assert!(all.iter().any(|shown| shown.command.contains("nurtured ")), "{page} has examples");
    let folder = tempfile::tempdir().expect("a folder");
    let clone = folder.path().join("nurtured");
    for part in ["nurtured.toml", "workflows", "templates"] {
        fs::create_dir_all(&clone).expect("a folder");
        copy(&root().join(part), &clone.join(part));
    }
    let binary = Path::new(env!("CARGO_BIN_EXE_nurtured")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(&clone)
        .env("PATH", format!("{}:{path}", binary.display()))
        .env_remove("NURTURED_DATABASE")
        .output()
        .expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut rest = text.split(MARK);
    let mut wrong = String::new();
    for (at, shown) in all.iter().enumerate() {
        let (Some(printed), Some(code)) = (rest.next(), rest.next()) else {
            panic!("{page}:{}: the session ended early\n{text}", shown.line)
        };
        let is_looked_at = all.get(at + 1).is_some_and(|next| next.command == "echo $?");
        let silent = translated(&shown.command) == ":";
        let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
        let expected: Vec<&str> = shown.output.iter().map(|line| line.trim_end()).collect();
        let right = silent || fits(&expected, &printed);
        if !right || (code != "0" && !is_looked_at) {
            let _ = write!(
                wrong,
                "\n{page}:{}: $ {}\nexit code {code}, printed:\n{}\n",
                shown.line,
                shown.command,
                printed.join("\n")
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Whether lines are as shown.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown.split_first(), printed.split_first()) {
        (None, None) => true,
        (Some((&"…", shown)), _) if fits(shown, printed) => true,
        (Some((&"…", _)), Some((_, printed))) => fits(shown, printed),
        (Some((line, shown)), Some((other, printed))) => {
            line_fits(line, other) && fits(shown, printed)
        }
        _ => false,
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| printed.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn the_examples_of_the_readme_run() {
    run("README.md");
}

#[test]
fn the_first_five_minutes_run() {
    run("docs/five-minutes.md");
}

#[test]
fn the_wildcard_stands_for_some_lines_and_some_letters_only() {
    assert!(fits(&["a", "…", "z"], &["a", "z"]) && fits(&["…"], &["a", "b"]));
    assert!(
        !fits(&["a", "…", "z"], &["a", "b"]) && !fits(&["a"], &["a", "b"]) && !fits(&["a"], &[])
    );
    assert!(line_fits("at … of …!", "at 12:00 of today!") && line_fits("same", "same"));
    assert!(!line_fits("at … of", "at 12:00") && !line_fits("same", "sames"));
}

#[test]
fn the_page_of_rehearsals_runs() {
    run("docs/rehearsing.md");
}

#[test]
fn the_page_of_changes_runs() {
    run("docs/changing.md");
}

#[test]
fn the_page_of_reasons_runs() {
    run("docs/why.md");
}
