//! What a checkup found, in the order in which it was looked at.

use serde::Serialize;

use crate::cli::output::{Output, in_one_line};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    Ok,
    /// Works, and is probably not meant so; or could not be looked at.
    Warning,
    /// The daemon cannot do its work, or its mails would not arrive.
    Failed,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// What was looked at, in a word or two.
    check: &'static str,
    pub verdict: Verdict,
    found: String,
    /// What to do; `null` where nothing is to be done.
    advice: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Checkup(Vec<Finding>);

impl Checkup {
    pub(super) fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        let finding = Finding { check, verdict: Verdict::Ok, found: found.into(), advice: None };
        self.0.push(finding);
    }

    pub(super) fn warning(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.bad(Verdict::Warning, check, found.into(), advice.into());
    }

    pub(super) fn failed(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.bad(Verdict::Failed, check, found.into(), advice.into());
    }

    pub(super) fn bad(
        &mut self,
        verdict: Verdict,
        check: &'static str,
        found: String,
        advice: String,
    ) {
        self.0.push(Finding { check, verdict, found, advice: Some(advice) });
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.0
    }
}

impl Finding {
    pub(super) fn line(&self, output: &Output) -> String {
        let word = match self.verdict {
            Verdict::Ok => output.faint("ok     "),
            Verdict::Warning => output.strong("warning"),
            Verdict::Failed => output.strong("FAILED "),
        };
        let Self { check, found, advice, .. } = self;
        let found = found.lines().map(in_one_line).collect::<Vec<_>>().join("\n           ");
        match advice {
            Some(advice) => format!("{word}  {check:<14} {found}\n         {:<14} > {advice}", ""),
            None => format!("{word}  {check:<14} {found}"),
        }
    }
}
