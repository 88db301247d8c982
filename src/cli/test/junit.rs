//! Results as JUnit XML, as servers of continuous integration read it.

use tera::{Context, Tera};

use super::Report;
use crate::cli::failure::Failure;

const XML: &str = include_str!("junit.xml");

/// # Errors
/// Never, but for a template that is wrong.
pub(super) fn xml(report: &Report) -> Result<String, Failure> {
    let failed = |error: tera::Error| Failure::environment(format!("the JUnit file: {error}"));
    let mut tera = Tera::default();
    // By its ending what is written is escaped.
    tera.add_raw_template("junit.xml", XML).map_err(failed)?;
    let mut context = Context::new();
    context.insert("report", report);
    let text = tera.render("junit.xml", &context).map_err(failed)?;
    // XML has no other control characters, and not these two, not even escaped.
    let is_none = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    Ok(text.replace(is_none, " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::test::{CaseReport, FailureReport, FileReport};

    #[test]
    fn what_failed_is_told_and_escaped() {
        let case = |case: &str, failures: Vec<FailureReport>| CaseReport {
            case: case.to_owned(),
            line: 7,
            passed: failures.is_empty(),
            failures,
            timeline: vec!["Mon 2027-03-01 09:00  entered (a)".to_owned()],
        };
        let failure = FailureReport {
            line: 9,
            message: "not true: score > 5 & \"x\"\u{1b}[2J".to_owned(),
            why: Some("score = 3".to_owned()),
        };
        let report = Report {
            cases: 2,
            failed: 1,
            accepted: 0,
            files: vec![FileReport {
                file: "workflows/a.test.yaml".to_owned(),
                tests: "A <thing>".to_owned(),
                cases: vec![case("passes", Vec::new()), case("fails", vec![failure])],
            }],
        };
        insta::assert_snapshot!(xml(&report).unwrap());

        let odd = "\u{0}\u{b}\r\u{7f}\u{85}\u{fffe}\u{ffff}";
        let file = String::from("workflows/a.test.yaml");
        let cases = vec![case(odd, Vec::new())];
        let files = vec![FileReport { file, tests: String::new(), cases }];
        let text = xml(&Report { files, ..report }).unwrap();
        assert!(text.contains("name=\"       \""), "{text:?}");
    }
}
