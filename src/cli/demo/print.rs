//! What the demo tells while it runs, and at its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Serialize;

use super::{
    reader::{Act, Mail},
    setting::{Hot, Setting},
};
use crate::{
    cli::{failure::Failure, output::Output, parked},
    domain::time::Instant,
    engine::{import::LeadsReport, tick::TickReport},
    store::records::{Census, Parked},
};

#[derive(Default, Clone, Copy)]
struct Counts {
    mails: u64,
    opens: u64,
    clicks: u64,
    unsubscribed: u64,
    forms: u64,
}

/// The story so far. Lines go to standard error while it runs; the summary is the result.
pub(super) struct Tale<'o> {
    output: &'o Output,
    week: Counts,
    all: Counts,
    subjects: BTreeMap<String, Counts>,
    told: BTreeSet<(Instant, String)>,
    ticks: u64,
    decided: u64,
    weeks: u64,
}

#[derive(Serialize)]
struct Summary<'a> {
    folder: String,
    leads: u64,
    mails: u64,
    opens: u64,
    clicks: u64,
    unsubscribed: u64,
    forms: u64,
    decisions: u64,
    by_stage: &'a BTreeMap<crate::domain::name::Name, u64>,
    hottest: Vec<&'a str>,
    parked: Vec<Parked>,
}

impl<'o> Tale<'o> {
    pub(super) fn new(output: &'o Output) -> Self {
        Self {
            output,
            week: Counts::default(),
            all: Counts::default(),
            subjects: BTreeMap::new(),
            told: BTreeSet::new(),
            ticks: 0,
            decided: 0,
            weeks: 0,
        }
    }

    fn line(&self, text: &str) {
        self.output.note(text);
    }

    pub(super) fn opens(&self, start: Instant, weeks: u32) {
        self.line(&format!(
            "A rehearsal of {weeks} {} from {}, on a virtual clock; nothing leaves this machine.",
            if weeks == 1 { "week" } else { "weeks" },
            start.timestamp().strftime("%A %-d %B %Y")
        ));
    }

    pub(super) fn imported(&self, report: &LeadsReport) {
        self.line(&format!(
            "leads.csv: {} rows, {} leads, {} merged, {} refused (bad addresses), {} on the suppression list.",
            report.rows, report.created, report.merged, report.rejected, report.suppressed
        ));
    }

    pub(super) fn applied(&self, workflows: &[(String, String)]) {
        for (name, about) in workflows {
            self.line(&format!("workflow {name}: {about}"));
        }
        self.line("");
        self.line("week ending   mails  opens  clicks  left  forms   leads    mql  in workflows");
    }

    pub(super) fn ticked(&mut self, report: &TickReport) {
        self.ticks += 1;
        self.decided += report.decided;
    }

    fn count(&mut self, mail: &Mail, add: impl Fn(&mut Counts)) {
        add(&mut self.week);
        add(&mut self.all);
        add(self.subjects.entry(mail.subject.clone()).or_default());
    }

    pub(super) fn mailed(&mut self, mail: &Mail) {
        self.count(mail, |counts| counts.mails += 1);
    }

    pub(super) fn acted(&mut self, mail: &Mail, act: Act) {
        self.count(mail, |counts| match act {
            Act::Open => counts.opens += 1,
            Act::Click => counts.clicks += 1,
            Act::Unsubscribe => counts.unsubscribed += 1,
        });
    }

    /// A notice to our own people; what goes to a whole team is told once.
    pub(super) fn noticed(&mut self, mail: &Mail, now: Instant) {
        if self.told.insert((now, mail.subject.clone())) {
            let day = now.timestamp().strftime("%d %b %Y");
            self.line(&format!("{day}   notice to {}: {}", mail.to, mail.subject));
        }
    }

    pub(super) fn visited(&mut self) {
        self.week.forms += 1;
        self.all.forms += 1;
    }

    pub(super) fn week(&mut self, end: Instant, census: &Census) {
        self.weeks += 1;
        let Counts { mails, opens, clicks, unsubscribed, forms } = std::mem::take(&mut self.week);
        let stage = |name: &str| census.by_stage.get(name).copied().unwrap_or_default();
        self.line(&format!(
            "{}   {mails:>6} {opens:>6} {clicks:>7} {unsubscribed:>5} {forms:>6} {:>7} {:>6} {:>13}",
            end.timestamp().strftime("%d %b %Y"),
            stage("lead"),
            stage("mql"),
            census.enrolments_active,
        ));
    }

    pub(super) fn ends(
        &self,
        census: &Census,
        hot: &[Hot],
        parked: Vec<Parked>,
        setting: &Setting,
    ) -> Result<(), Failure> {
        let folder = setting.folder.display().to_string();
        let Counts { mails, opens, clicks, unsubscribed, forms } = self.all;
        let summary = Summary {
            folder: folder.clone(),
            leads: census.leads,
            mails,
            opens,
            clicks,
            unsubscribed,
            forms,
            decisions: self.decided,
            by_stage: &census.by_stage,
            hottest: hot.iter().map(|hot| hot.address.as_str()).collect(),
            parked,
        };
        self.output.result(&summary, || self.text(census, hot, &summary.parked, &folder))?;
        Ok(())
    }

    fn text(&self, census: &Census, hot: &[Hot], parked: &[Parked], folder: &str) -> String {
        let mut text = String::new();
        let Counts { mails, opens, clicks, unsubscribed, forms } = self.all;
        let _ = writeln!(
            text,
            "\n{mails} mails to {} leads, {opens} opened, {clicks} clicked, {unsubscribed} \
             unsubscribed; {forms} took the whitepaper; {} decisions in {} passes.",
            census.leads, self.decided, self.ticks
        );
        let _ = writeln!(text, "\n  mails  opens  clicks  subject");
        for (subject, counts) in &self.subjects {
            let _ = writeln!(
                text,
                "{:>7} {:>6} {:>7}  {subject}",
                counts.mails, counts.opens, counts.clicks
            );
        }
        if !hot.is_empty() {
            let _ = writeln!(text, "\nThe warmest now:");
            for lead in hot {
                let _ = writeln!(
                    text,
                    "  {:<22} {:<44} {:<5} engagement {:>5}, fit {}",
                    lead.name,
                    lead.address,
                    lead.stage.word(),
                    lead.engagement.to_string(),
                    lead.fit
                );
            }
        }
        if !parked.is_empty() {
            let mend = "Mend the mails in the campaign folder and walk again.";
            let _ = writeln!(text, "\n{}", parked::lines(parked, mend).join("\n"));
        }
        let example = hot.first().map_or("EMAIL", |lead| lead.address.as_str());
        // Cargo tells its children of itself; the binary is not on the path then.
        let cargo = std::env::var_os("CARGO").is_some();
        let program = if cargo { "cargo run -q --" } else { "nurtured" };
        let _ = write!(text, "\nLook further:\n  ls {folder}/outbox      every mail as a file");
        for command in
            [format!("leads show {example}"), format!("why-score {example}"), "status".into()]
        {
            let _ = write!(text, "\n  {program} --config {folder}/nurtured.toml {command}");
        }
        text
    }
}
