//! `nurtured doubt [sent|lost] [ID…]`

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    context::{Context, who},
    failure::Failure,
    output::in_one_line,
    tables,
};
use crate::{
    definitions::counted,
    domain::{id::MessageId, name::Name, time::Instant},
    store::records::Doubt,
    token::Keyring,
};

/// Shows the mails of which nobody knows whether they arrived, the newest last, or records what you know of
/// them: `sent`, as if the relay had said so, or `lost`: it counts no more, and if its lead still waits at
/// the step, the same mail is sent again.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What became of them
    #[arg(value_name = "sent|lost")]
    outcome: Option<Word>,
    /// Which mails, as the list names them
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64), requires = "outcome")]
    ids: Vec<i64>,
    /// All that the list shows
    #[arg(long, requires = "outcome", conflicts_with = "ids")]
    all: bool,
    /// Only mails of this workflow
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// Only mails that were in doubt before then: an instant, or a day in UTC
    #[arg(long, value_name = "TIME", value_parser = super::eval::instant)]
    before: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// It arrived
    Sent,
    /// It did not arrive
    Lost,
}

#[derive(Serialize)]
struct List {
    doubts: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    /// Since when.
    at: String,
    workflow: Name,
    step: Name,
    template: Name,
    /// The lead's address; `null` where it is gone.
    email: Option<String>,
    /// Of a notice: to whom of ours it goes.
    recipient: Option<Name>,
    relay: Option<Name>,
    reason: Option<String>,
    attempts: i64,
    /// The mail's `X-Nurtured-Key`; `null` where the secrets file cannot be read.
    key: Option<String>,
    waits: bool,
}

#[derive(Serialize)]
struct Report {
    outcome: Word,
    settled: usize,
    /// Of these ids no mail is in doubt.
    unknown: Vec<String>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let mut doubts = store.doubts().await?;
    doubts.retain(|doubt| arguments.mean(doubt));
    let Some(outcome) = arguments.outcome else {
        let keyring = config.secrets.file.path().ok().and_then(|file| Keyring::load(&file).ok());
        let line = |doubt| Line::of(doubt, keyring.as_ref());
        let list = List { doubts: doubts.into_iter().map(line).collect() };
        context.output.result(&list, || text(&list))?;
        store.close().await;
        return Ok(());
    };
    if arguments.ids.is_empty() && !arguments.all {
        let hint = "name their ids as `nurtured doubt` lists them, or say --all";
        return Err(Failure::usage("which mails?").hint(hint));
    }
    let (doubts, mut unknown) = if arguments.all {
        (doubts.iter().collect(), BTreeSet::new())
    } else {
        arguments.named(&doubts)
    };
    let arrived = outcome == Word::Sent;
    let by = format!("{} says that it {}", who(), if arrived { "arrived" } else { "was lost" });
    let gone = store.settle_doubts(&doubts, arrived, &by, context.now()).await?;
    let settled = doubts.len() - gone.len();
    unknown.extend(gone.into_iter().map(|message| message.0));
    let unknown = unknown.into_iter().map(|id| id.to_string()).collect();
    let report = Report { outcome, settled, unknown };
    context.output.result(&report, || said(&report))?;
    store.close().await;
    if report.unknown.is_empty() { Ok(()) } else { Err(Failure::already_shown()) }
}

impl Arguments {
    fn mean(&self, doubt: &Doubt) -> bool {
        self.workflow.as_ref().is_none_or(|workflow| **workflow == *doubt.workflow)
            && self.before.is_none_or(|before| doubt.at < before)
    }

    /// Those that are named, and the ids of which there are none.
    fn named<'d>(&self, doubts: &'d [Doubt]) -> (Vec<&'d Doubt>, BTreeSet<i64>) {
        let known: BTreeMap<i64, &Doubt> =
            doubts.iter().map(|doubt| (doubt.message.0, doubt)).collect();
        let ids: BTreeSet<i64> = self.ids.iter().copied().collect();
        let found = ids.iter().filter_map(|id| known.get(id).copied()).collect();
        (found, ids.into_iter().filter(|id| !known.contains_key(id)).collect())
    }
}

impl Line {
    fn of(doubt: Doubt, keyring: Option<&Keyring>) -> Self {
        let MessageId(id) = doubt.message;
        Self {
            id: id.to_string(),
            at: doubt.at.to_string(),
            workflow: doubt.workflow,
            step: doubt.step,
            template: doubt.template,
            email: doubt.address.map(|address| address.as_str().to_owned()),
            recipient: (!doubt.recipient.is_empty()).then_some(doubt.recipient),
            relay: doubt.relay,
            reason: doubt.reason,
            attempts: doubt.attempts,
            key: keyring.map(|keyring| keyring.message_key(doubt.message)),
            waits: doubt.waits,
        }
    }
}

fn text(list: &List) -> String {
    if list.doubts.is_empty() {
        return "No mail is in doubt.".to_owned();
    }
    let mut table = tables::new(&["id", "since (UTC)", "step", "lead", "relay", "what is known"]);
    for line in &list.doubts {
        let lead = line.email.as_deref().unwrap_or("(gone)");
        let to = line.recipient.as_ref().map(|person| format!(", to {person}"));
        table.add_row([
            line.id.clone(),
            tables::minute(&line.at),
            format!("{} {}", line.workflow, line.step),
            format!("{lead}{}", to.unwrap_or_default()),
            line.relay.as_deref().unwrap_or("").to_owned(),
            in_one_line(line.reason.as_deref().unwrap_or("")),
        ]);
    }
    let waiting = list.doubts.iter().filter(|line| line.waits).count();
    let waits = match waiting {
        0 => String::new(),
        1 => "; 1 lead waits for it".to_owned(),
        n => format!("; {n} leads wait for theirs"),
    };
    let mails = counted(list.doubts.len(), "mail");
    format!(
        "{table}\n\n{mails} in doubt{waits}.\n`nurtured doubt sent ID…` says that they arrived, \
         `nurtured doubt lost ID…` that they did not."
    )
}

fn said(report: &Report) -> String {
    let mails = counted(report.settled, "mail");
    let mut lines = vec![match report.outcome {
        Word::Sent => format!("{mails} arrived: leads that waited go on."),
        Word::Lost => format!("{mails} lost: what a lead still waits for is sent again."),
    }];
    let unknown = report.unknown.iter();
    lines.extend(unknown.map(|id| format!("No mail {id} is in doubt.")));
    lines.join("\n")
}
