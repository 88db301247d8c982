//! `nurtured test`: runs the tests that stand beside workflows.

mod golden;
mod junit;

use std::{
    fs,
    path::{Path, PathBuf},
};

use golden::Golden;
use serde::Serialize;

use super::{context::Context, failure::Failure, folder::Folder};
use crate::{
    definitions::{CheckedCases, Sources, check_cases, counted, show},
    domain::case::{Case, Suite},
    engine::rehearsal::{House, Trial},
};

/// Runs `workflows/*.test.yaml`: each case is a lead, what happens to it, and what is expected of it, decided by the
/// daemon's own decisions on a virtual clock. Needs no database and sends nothing.
///
/// Exits with 1 if a case fails or a file has problems.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only these files of tests
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only cases whose name has this in it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Take the timelines of `golden` cases as they are now, to be reviewed and kept in git
    #[arg(long)]
    accept: bool,
    /// Print what happened in each case
    #[arg(long)]
    timelines: bool,
    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Arguments {
    fn wants(&self, case: &Case) -> bool {
        self.case.as_ref().is_none_or(|text| case.name.contains(text.as_str()))
    }
}

#[derive(Serialize)]
struct Report {
    cases: usize,
    failed: usize,
    /// Golden timelines that were written.
    accepted: usize,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    tests: String,
    cases: Vec<CaseReport>,
}

#[derive(Serialize)]
struct CaseReport {
    case: String,
    line: usize,
    passed: bool,
    failures: Vec<FailureReport>,
    timeline: Vec<String>,
}

#[derive(Serialize)]
struct FailureReport {
    line: usize,
    message: String,
    /// Why a condition is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::check(context)?;
    let sources = chosen(context, arguments, &folder)?;
    let live = folder.into_live(context)?;
    let CheckedCases { suites, problems, definitions } = check_cases(&sources, &live.definitions);
    if problems.iter().any(crate::definitions::Problem::is_error) {
        let texts = Sources { files: sources.tests, ..Sources::default() };
        let shown = show(&problems, &texts, context.output.error_colour);
        let failure = Failure::problems(format!("tests have problems\n\n{shown}"));
        if context.output.json {
            context.output.document(&serde_json::json!({ "problems": problems }))?;
            return Err(failure.beside_the_result(&context.output));
        }
        return Err(failure);
    }
    let house = House::new(definitions, live.renderer);
    let mut report = Report { cases: 0, failed: 0, accepted: 0, files: Vec::new() };
    for suite in &suites {
        report.files.push(suite_report(context, arguments, &house, suite)?);
    }
    let cases = || report.files.iter().flat_map(|file| &file.cases);
    (report.cases, report.failed) = (cases().count(), cases().filter(|case| !case.passed).count());
    if report.cases == 0 {
        return Err(no_case(arguments, &suites));
    }
    if arguments.accept {
        let cases = suites.iter().flat_map(|it| &it.cases);
        report.accepted = cases.filter(|it| it.is_golden && arguments.wants(it)).count();
    }
    let written = arguments
        .junit
        .as_ref()
        .map_or(Ok(()), |file| fs::write(file, junit::xml(&report)?).map_err(Failure::at(file)));
    context.output.result(&report, || text(&report, arguments.timelines))?;
    written.map_err(|failure| failure.beside_the_result(&context.output))?;
    if report.failed > 0 { Err(Failure::already_shown()) } else { Ok(()) }
}

fn no_case(arguments: &Arguments, suites: &[Suite]) -> Failure {
    let Some(wanted) = &arguments.case else {
        let files: Vec<&str> = suites.iter().map(|suite| suite.file.as_str()).collect();
        return Failure::problems(format!("there are no cases in {}", files.join(", ")))
            .hint("a case is an entry of `cases:`, with what happens and what is expected");
    };
    let names: Vec<&str> =
        suites.iter().flat_map(|suite| &suite.cases).map(|case| case.name.as_str()).collect();
    let known = names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let more = if names.len() > known.len() { ", …" } else { "" };
    Failure::problems(format!("no case has `{wanted}` in its name"))
        .hint(format!("there are: {}{more}", known.join(", ")))
}

/// The files that are to be run, and those of them that could not be read.
fn chosen(context: &Context, arguments: &Arguments, folder: &Folder) -> Result<Sources, Failure> {
    let Sources { tests, refused_tests: refused, .. } = &folder.sources;
    let mut chosen = Sources::default();
    if arguments.files.is_empty() {
        if tests.is_empty() && refused.is_empty() {
            return Err(Failure::problems("there are no tests")
                .hint("they stand in `workflows/*.test.yaml`, beside what they test"));
        }
        (chosen.tests, chosen.refused_tests) = (tests.clone(), refused.clone());
        return Ok(chosen);
    }
    for file in &arguments.files {
        let path = inside(&context.dir, file).unwrap_or_default();
        if let Some(text) = tests.get(&path) {
            chosen.tests.insert(path, text.clone());
        } else if let Some(problem) = refused.get(&path) {
            chosen.refused_tests.insert(path, problem.clone());
        } else {
            let known: Vec<&str> = tests.keys().map(String::as_str).collect();
            let message = format!("{} is no file of tests of this folder", file.display());
            return Err(Failure::problems(message).hint(format!("there are: {}", known.join(", "))));
        }
    }
    Ok(chosen)
}

/// A path as the folder names it, wherever the command is given.
fn inside(folder: &Path, file: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let candidates = [file.to_owned(), folder.join(file)];
    let found = candidates.iter().find_map(|path| path.canonicalize().ok())?;
    let inside = found.strip_prefix(folder).ok()?;
    Some(inside.to_string_lossy().replace('\\', "/"))
}

fn suite_report(
    context: &Context,
    arguments: &Arguments,
    house: &House,
    suite: &Suite,
) -> Result<FileReport, Failure> {
    let mut golden = Golden::read(&context.dir, &suite.file)?;
    let mut cases = Vec::new();
    for case in suite.cases.iter().filter(|case| arguments.wants(case)) {
        let Trial { failures, timeline, zone } = house.run(case);
        let timeline: Vec<String> = timeline.iter().map(|line| line.shown(&zone)).collect();
        let mut failures: Vec<FailureReport> = failures
            .into_iter()
            .map(|failure| FailureReport {
                line: failure.line,
                message: failure.message,
                why: failure.trace.map(|trace| trace.to_string()),
            })
            .collect();
        if case.is_golden && arguments.accept {
            golden.accept(&case.name, &timeline);
        } else if case.is_golden
            && let Some(message) = golden.differs(&case.name, &timeline)
        {
            failures.push(FailureReport { line: case.line, message, why: None });
        }
        cases.push(CaseReport {
            case: case.name.clone(),
            line: case.line,
            passed: failures.is_empty(),
            failures,
            timeline,
        });
    }
    if arguments.accept {
        golden.keep(suite.cases.iter().filter(|case| case.is_golden).map(|case| &*case.name));
        golden.write()?;
    }
    Ok(FileReport { file: suite.file.clone(), tests: suite.about.clone(), cases })
}

fn text(report: &Report, timelines: bool) -> String {
    let mut lines = Vec::new();
    for file in &report.files {
        for case in &file.cases {
            if case.passed && !timelines {
                continue;
            }
            let word = if case.passed { "ok" } else { "FAILED" };
            lines.push(format!("{}:{}: {word}: {}", file.file, case.line, case.case));
            for failure in &case.failures {
                lines.push(format!("  line {}: {}", failure.line, failure.message));
                let why = failure.why.iter().flat_map(|why| why.lines());
                lines.extend(why.map(|line| format!("    {line}")));
            }
            if !case.timeline.is_empty() {
                lines.push("  what happened:".to_owned());
                lines.extend(case.timeline.iter().map(|line| format!("    {line}")));
            }
            lines.push(String::new());
        }
    }
    let passed = report.cases - report.failed;
    let mut end = format!(
        "{} of {} in {} passed.",
        passed,
        counted(report.cases as u64, "case"),
        counted(report.files.len() as u64, "file")
    );
    if report.accepted > 0 {
        end += &format!(" {} written.", counted(report.accepted as u64, "golden timeline"));
    }
    lines.push(end);
    lines.join("\n")
}
