//! The demo's own folder: made anew each time, and with a configuration of its own.

use std::{fs, path::Path};

use crate::cli::failure::Failure;

/// Marks a folder that a demo made, and may clear.
const MARK: &str = "made-by-nurtured-demo";

/// An empty folder; one that an earlier demo made is cleared.
pub fn prepare(folder: &Path) -> Result<(), Failure> {
    let mark = folder.join(MARK);
    let holds_something = || fs::read_dir(folder).map(|mut entries| entries.next().is_some());
    if folder.exists() && !mark.exists() && holds_something().map_err(Failure::at(folder))? {
        return Err(Failure::problems(format!("{} is not a demo's folder", folder.display()))
            .hint("name another one by --out DIR"));
    }
    if mark.exists() {
        fs::remove_dir_all(folder).map_err(Failure::at(folder))?;
    }
    fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    write(&mark, "`nurtured demo` makes this folder anew each time.\n")
}

pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(Failure::at(file))
}

/// Mails become files, and pages answer on a port of this machine.
pub fn config(port: u16) -> String {
    format!(
        r#"# Made by `nurtured demo`. Mails become files; nothing leaves this machine.
[database]
url = "sqlite:nurtured.db"
[public]
listen = "127.0.0.1:{port}"
base_url = "http://127.0.0.1:{port}"
[[relay]]
name = "files"
folder = "outbox/"
[sender]
from = "Ada Rossi <ada@example.com>"
bounce_domain = "bounce.example.com"
postal_address = "Via Roma 1, 20121 Milano"
"#
    )
}
