//! `nurtured man DIR`: the manual pages, one for each command.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use serde::Serialize;

use super::{Cli, context::Context, failure::Failure};
use crate::definitions::counted;

/// Writes manual pages into a folder: `nurtured.1`, and one for each command, `nurtured-leads-import.1`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder; made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Serialize)]
struct Report {
    folder: String,
    pages: usize,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let folder = &arguments.folder;
    std::fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    // `help` explains nothing that a page does not.
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    let pages = write(cli, folder)?;
    let report = Report { folder: folder.display().to_string(), pages };
    context.output.result(&report, || {
        format!("{} in {1}: `man -l {1}/nurtured.1`", counted(pages, "page"), report.folder)
    })
}

/// The pages of a command and of those under it; returns how many.
fn write(command: Command, folder: &Path) -> Result<usize, Failure> {
    let mut pages = 1;
    for below in command.get_subcommands() {
        pages += write(below.clone(), folder)?;
    }
    let page = Man::new(command);
    let file = folder.join(page.get_filename());
    let mut text = Vec::new();
    page.render(&mut text).map_err(Failure::at(&file))?;
    std::fs::write(&file, plain(&String::from_utf8_lossy(&text))).map_err(Failure::at(&file))?;
    Ok(pages)
}

/// In ASCII, as `man` reads it in any locale.
fn plain(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii() => c.to_string(),
        c => format!("\\[u{:04X}]", u32::from(c)),
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pages_are_read_in_any_locale() {
        assert_eq!(super::plain("a \\- b …"), "a \\- b \\[u2026]");
    }
}
