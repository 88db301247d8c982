//! Timelines that somebody has looked at and accepted: a file beside the tests, a section a case.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{cli::failure::Failure, definitions::timelines_beside};

/// What a section begins with.
const SECTION: &str = "== ";
/// How many lines are shown around the first that is another.
const AROUND: usize = 2;

pub(super) struct Golden {
    path: PathBuf,
    /// By case.
    sections: BTreeMap<String, Vec<String>>,
}

impl Golden {
    /// Those beside a file of tests; none if there are none yet.
    pub fn read(folder: &Path, tests: &str) -> Result<Self, Failure> {
        let path = folder.join(timelines_beside(tests));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::at(&path)(error)),
        };
        let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut current = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix(SECTION) {
                current = Some(name.to_owned());
                sections.insert(name.to_owned(), Vec::new());
            } else if let Some(lines) = current.as_ref().and_then(|name| sections.get_mut(name))
                && !line.is_empty()
            {
                lines.push(line.to_owned());
            }
        }
        Ok(Self { path, sections })
    }

    pub fn accept(&mut self, case: &str, timeline: &[String]) {
        self.sections.insert(case.to_owned(), timeline.to_vec());
    }

    /// What is another than the timeline that was accepted, if anything.
    pub fn differs(&self, case: &str, timeline: &[String]) -> Option<String> {
        const ACCEPT: &str = "`nurtured test --accept` takes it as it is";
        let Some(accepted) = self.sections.get(case) else {
            return Some(format!("no timeline of it was accepted yet; {ACCEPT}"));
        };
        let lines = accepted.len().max(timeline.len());
        let first = (0..lines).find(|&line| accepted.get(line) != timeline.get(line))?;
        let from = first.saturating_sub(AROUND);
        let mut text = format!("its timeline is not the one that was accepted; {ACCEPT}\n");
        let same = (from..first).map(|line| format!("      {}\n", timeline[line]));
        text.extend(same);
        let shown = |sign: &str, lines: &[String]| -> String {
            let lines = lines.iter().skip(first).take(AROUND + 1);
            lines.flat_map(|line| ["    ", sign, " ", line, "\n"]).collect()
        };
        text += &shown("-", accepted);
        text += &shown("+", timeline);
        Some(text.trim_end().to_owned())
    }

    /// Forgets cases that are no more, or golden no more.
    pub fn keep<'c>(&mut self, cases: impl Iterator<Item = &'c str>) {
        let cases: Vec<&str> = cases.collect();
        self.sections.retain(|name, _| cases.contains(&name.as_str()));
    }

    /// One without any section is no file.
    pub fn write(&self) -> Result<(), Failure> {
        if self.sections.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Failure::at(&self.path)(error))
                }
                _ => Ok(()),
            };
        }
        let section = |(name, lines): (&String, &Vec<String>)| {
            format!(
                "{SECTION}{name}\n{}\n",
                lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>()
            )
        };
        let text: String = self.sections.iter().map(section).collect();
        fs::write(&self.path, text).map_err(Failure::at(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_accepted_is_compared_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("workflows")).unwrap();
        let read = || Golden::read(folder.path(), "workflows/a.test.yaml").unwrap();
        let mut golden = read();
        let timeline = lines(&["entered (a)", "mail one (a)", "mail two (a)"]);
        assert!(golden.differs("clicks", &timeline).unwrap().contains("no timeline"));
        golden.accept("clicks", &timeline);
        golden.accept("old", &timeline);
        golden.keep(["clicks"].into_iter());
        golden.write().unwrap();
        let golden = read();
        assert_eq!(golden.differs("clicks", &timeline), None);
        assert!(golden.differs("old", &timeline).is_some());
        let other = lines(&["entered (a)", "mail one (a)", "mail three (a)"]);
        insta::assert_snapshot!(golden.differs("clicks", &other).unwrap());
        let shorter = golden.differs("clicks", &timeline[..2]).unwrap();
        assert!(shorter.ends_with("- mail two (a)"), "{shorter}");
    }
}
