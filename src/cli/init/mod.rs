//! `nurtured init DIR`: a new campaign folder, small and right, to change from there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::Serialize;

use super::{context::Context, failure::Failure};
use crate::{definitions::counted, domain::address::Mailbox};

/// The files, and what they hold; what is between `@`s depends on the options.
const FILES: [(&str, &str); 16] = [
    (".gitignore", include_str!("gitignore")),
    ("nurtured.toml", include_str!("nurtured.toml")),
    ("leads.csv", include_str!("leads.csv")),
    ("workflows/attributes.yaml", include_str!("workflows/attributes.yaml")),
    ("workflows/people.yaml", include_str!("workflows/people.yaml")),
    ("workflows/policy.yaml", include_str!("workflows/policy.yaml")),
    ("workflows/scoring.yaml", include_str!("workflows/scoring.yaml")),
    ("workflows/segments.yaml", include_str!("workflows/segments.yaml")),
    ("workflows/welcome.yaml", include_str!("workflows/welcome.yaml")),
    ("templates/welcome/hello.md", include_str!("templates/hello.md")),
    ("templates/welcome/hello.it.md", include_str!("templates/hello.it.md")),
    ("templates/partials/wordmark.html", include_str!("templates/wordmark.html")),
    // Those of the shipped example.
    ("templates/layouts/mail.html", include_str!("../../../templates/layouts/mail.html")),
    ("templates/partials/footer.html", include_str!("../../../templates/partials/footer.html")),
    (
        "templates/partials/preheader.html",
        include_str!("../../../templates/partials/preheader.html"),
    ),
    ("templates/partials/style.html", include_str!("../../../templates/partials/style.html")),
];

/// What leads from the new folder to a mail in its outbox, and why.
const NEXT: [(&str, &str); 5] = [
    ("nurtured check", "reads every file, says every mistake"),
    ("nurtured migrate", "makes the database and the secrets"),
    ("nurtured apply", "makes what the files say live"),
    ("nurtured leads import leads.csv --purpose news", "brings two made-up leads in"),
    ("nurtured tick", "does what is due: the first mail is in outbox/"),
];

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder to make; one that is there must be empty, or hold nothing but `.git`
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Who the mails come from
    #[arg(long, value_name = "SENDER", default_value = "Ada Rossi <ada@example.com>")]
    sender: Mailbox,
    /// The language of leads whose own is not known
    #[arg(long, value_enum, default_value_t = Language::En)]
    language: Language,
}

/// A language that the first mail is there in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Language {
    En,
    It,
}

#[derive(Serialize)]
struct Report {
    folder: String,
    files: Vec<&'static str>,
    /// The commands to run next, in this order.
    next: Vec<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let folder = &arguments.folder;
    expect_empty(folder)?;
    for (name, text) in FILES {
        let file = folder.join(name);
        let within = file.parent().unwrap_or(folder);
        fs::create_dir_all(within).map_err(Failure::at(within))?;
        fs::write(&file, filled(text, arguments)).map_err(Failure::at(&file))?;
    }
    let go_there = (folder != Path::new(".")).then(|| format!("cd {}", quoted(folder)));
    let next = go_there.iter().map(String::as_str).chain(NEXT.map(|(command, _)| command));
    let report = Report {
        folder: folder.display().to_string(),
        files: FILES.map(|(name, _)| name).to_vec(),
        next: next.map(str::to_owned).collect(),
    };
    context.output.result(&report, || {
        let made = format!("Made {}: {}. Next:\n", report.folder, counted(FILES.len(), "file"));
        let commands = go_there.iter().map(|command| format!("  {command}"));
        let commands =
            commands.chain(NEXT.map(|(command, why)| format!("  {command:<48}  # {why}")));
        std::iter::once(made).chain(commands).collect::<Vec<_>>().join("\n")
    })
}

/// Nothing of anybody's is ever written over.
fn expect_empty(folder: &Path) -> Result<(), Failure> {
    if !folder.try_exists().map_err(Failure::at(folder))? {
        return Ok(());
    }
    if !folder.is_dir() {
        return Err(Failure::problems(format!("{} is no folder", folder.display())));
    }
    for entry in fs::read_dir(folder).map_err(Failure::at(folder))? {
        let name = entry.map_err(Failure::at(folder))?.file_name();
        if name != ".git" {
            let found = format!("{} is not empty: it holds {}", folder.display(), name.display());
            return Err(Failure::problems(found).hint("name a new folder"));
        }
    }
    Ok(())
}

fn filled(text: &str, Arguments { sender, language, .. }: &Arguments) -> String {
    let address = sender.address.as_str();
    let name = if sender.name.is_empty() { address } else { &sender.name };
    let language = match language {
        Language::En => "en",
        Language::It => "it",
    };
    // A string of JSON is one of YAML and of TOML as well.
    let string = |text: &str| serde_json::Value::from(text).to_string();
    text.replace("@FROM@", &string(&sender.to_string()))
        .replace("@BOUNCES@", &string(&format!("bounce.{}", sender.address.domain())))
        .replace("@NAME@", &string(name))
        .replace("@EMAIL@", &string(address))
        .replace("@DOMAIN@", sender.address.domain())
        .replace("@LANGUAGE@", language)
}

/// As a shell reads it.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_finds_the_folder_whatever_its_name() {
        assert_eq!(quoted(Path::new("../first")), "../first");
        assert_eq!(quoted(Path::new("it's new")), r"'it'\''s new'");
    }
}
