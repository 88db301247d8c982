//! Problems as commands of a workflow of GitHub Actions, which shows them beside the lines of a pull request.
//!
//! `::warning file=…,line=…,col=…,endColumn=…,title=…::message`, one a line.

use std::{fmt::Write as _, path::Path};

use crate::definitions::{Problem, summary};

/// A line for each problem, and then how many there are. GitHub finds files from the root of the repository, from
/// which the command is run; `folder` is the campaign folder as it was named.
pub(super) fn annotations(problems: &[Problem], folder: &Path) -> String {
    let mut lines = String::new();
    for problem in problems {
        let file = in_repository(folder, &problem.file);
        let message = match &problem.hint {
            Some(hint) => format!("{}\n{hint}", problem.message),
            None => problem.message.clone(),
        };
        let _ = writeln!(
            lines,
            "::{} file={},line={},col={},endColumn={},title={}::{}",
            problem.severity.word(),
            property(&file),
            problem.line,
            problem.column,
            problem.column + problem.length,
            property(problem.rule),
            data(&message)
        );
    }
    lines + &summary(problems)
}

/// Without the folder from which the command is run.
fn in_repository(folder: &Path, file: &str) -> String {
    let path = folder.join(file);
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(&path);
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// What follows the last colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which ends at a comma or a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::Severity;

    #[test]
    fn what_would_end_a_command_early_is_escaped() {
        let problem = Problem {
            file: "workflows/a,b:c.yaml".to_owned(),
            line: 3,
            column: 5,
            rule: "bad-value",
            severity: Severity::Error,
            message: "100% of `a: b`, and more".to_owned(),
            hint: Some("write: 5%".to_owned()),
            length: 4,
        };
        let shown = annotations(&[problem], Path::new("./campaign"));
        assert_eq!(
            shown,
            "::error file=campaign/workflows/a%2Cb%3Ac.yaml,line=3,col=5,endColumn=9,title=bad-value::\
             100%25 of `a: b`, and more%0Awrite: 5%25\n1 error"
        );
    }

    #[test]
    fn a_folder_by_its_whole_path_is_named_from_where_the_command_runs() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(in_repository(Path::new("."), "workflows/a.yaml"), "workflows/a.yaml");
        assert_eq!(in_repository(&here.join("b"), "workflows/a.yaml"), "b/workflows/a.yaml");
        assert_eq!(in_repository(Path::new("/else"), "workflows/a.yaml"), "/else/workflows/a.yaml");
    }
}
