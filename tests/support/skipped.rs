//! What a machine lacks is not tested there, and that is said.

use std::{fs::OpenOptions, io::Write as _};

/// A file that `tests/run` shows at its end: the words of tests that pass are not shown otherwise.
const LIST: &str = "NURTURED_TEST_SKIPPED";

/// Says what is left out, and why.
pub fn skipped(why: &str) {
    eprintln!("skipped: {why}");
    let Some(list) = std::env::var_os(LIST) else { return };
    let mut list = OpenOptions::new().append(true).create(true).open(list).expect("the list");
    // In one write: other tests write beside us.
    list.write_all(format!("{why}\n").as_bytes()).expect("the list");
}
