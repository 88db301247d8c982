//! A process whose wall clock is not ours: Debian's libfaketime in between.

use std::{path::PathBuf, time::Duration};

use super::skipped::skipped;

pub struct Faketime(PathBuf);

impl Faketime {
    /// `None`, having said so, where it is not installed.
    pub fn find() -> Option<Self> {
        let machines = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = |folder: PathBuf| folder.join("faketime/libfaketime.so.1");
        let found = machines.map(|folder| library(folder.path())).find(|file| file.exists());
        if found.is_none() {
            skipped("daemons whose clock is moved: libfaketime is not installed");
        }
        found.map(Self)
    }

    /// The environment of a process for which it is so much later. What it waits for takes as long as ever.
    pub fn ahead_by(&self, span: Duration) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.0.display().to_string()),
            ("FAKETIME", format!("+{}s", span.as_secs())),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}
