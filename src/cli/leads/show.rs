//! `nurtured leads show EMAIL`

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::sheet;
use crate::{
    cli::{
        context::{Context, lead},
        failure::Failure,
        live::Live,
        tables,
    },
    domain::{
        event::Judgement,
        id::LeadId,
        lead::{Basis, Key, LeadRecord},
        name::Name,
        time::Instant,
    },
    store::{
        Store,
        records::{EnrolmentRow, MessageRow, TimelineRow},
    },
    token::Keyring,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The lead's address
    email: String,
    /// How many lines of the timeline
    #[arg(long, value_name = "N", default_value_t = 100)]
    timeline: i64,
}

/// What `--json` prints. A score that is `null` is unknown.
#[derive(Debug, Serialize)]
pub(super) struct Sheet {
    pub email: String,
    pub stage: &'static str,
    pub stage_since: String,
    pub fit: Option<f64>,
    pub engagement: Option<f64>,
    pub temperature: Option<&'static str>,
    /// Engagement, for people.
    #[serde(skip)]
    pub shown: String,
    pub tags: BTreeSet<Name>,
    pub consents: Vec<ConsentLine>,
    /// Why it is never written to; `null` if it may be.
    pub suppressed: Option<&'static str>,
    pub attributes: BTreeMap<Name, serde_json::Value>,
    pub created_at: String,
    pub enrolments: Vec<EnrolmentLine>,
    pub messages: Vec<MessageLine>,
    pub timeline: Vec<TimelineLine>,
}

#[derive(Debug, Serialize)]
pub(super) struct ConsentLine {
    pub purpose: Name,
    pub basis: Basis,
    pub at: String,
    pub source: Name,
    pub withdrawn_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EnrolmentLine {
    pub workflow: Name,
    pub version: Name,
    /// What it is about, in a workflow with one passage for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub step: Name,
    /// `ready`, `waiting`, `mailing`, or how it ended: `finished`, `goal`, `left`, `cancelled`.
    pub state: String,
    pub due_at: Option<String>,
    pub entered_at: String,
    pub ended_at: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct MessageLine {
    pub template: Name,
    pub state: &'static str,
    /// When it was sent; else when it is or was due.
    pub at: String,
    pub reason: Option<String>,
    /// The mail's `X-Nurtured-Key`; `null` where the secrets file cannot be read.
    pub key: Option<String>,
    pub workflow: Name,
    pub step: Name,
    /// `marketing`, or `internal` with whom it goes to.
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Name>,
    pub attempts: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct TimelineLine {
    pub at: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of an event: `human`; of a hit also `machine`, or `unsure` until it has settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judgement: Option<&'static str>,
    /// Of a hit that could not be judged at once.
    #[serde(skip)]
    pub was_unsure: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let id = lead(&store, &arguments.email).await?;
    // Without the keys everything but the keys of mails can be shown.
    let keyring = config.secrets.file.path().ok().and_then(|file| Keyring::load(&file).ok());
    let sheet = gather(&store, id, keyring.as_ref(), arguments.timeline, context.now()).await?;
    context.output.result(&sheet, || sheet::text(&context.output, &sheet))?;
    store.close().await;
    Ok(())
}

async fn gather(
    store: &Store,
    id: LeadId,
    keyring: Option<&Keyring>,
    lines: i64,
    now: Instant,
) -> Result<Sheet, Failure> {
    let gone = || Failure::problems("the lead is gone");
    let record: LeadRecord = store.record(id).await?.ok_or_else(gone)?;
    let mut sheet = Sheet {
        email: record.address.as_str().to_owned(),
        stage: record.stage.word(),
        stage_since: record.stage_since.to_string(),
        fit: None,
        engagement: None,
        temperature: None,
        shown: tables::points(None),
        tags: record.profile.tags.clone(),
        consents: consents(&record),
        suppressed: record.suppressed.map(crate::domain::lead::Suppression::word),
        attributes: record.profile.attributes.clone(),
        created_at: record.created_at.to_string(),
        enrolments: Vec::new(),
        messages: Vec::new(),
        timeline: Vec::new(),
    };
    for row in store.timeline(id, lines).await? {
        sheet.timeline.push(TimelineLine::of(row, now));
    }
    for message in store.messages_of(id).await? {
        sheet.messages.push(line_of(message, keyring));
    }
    let live = Live::load(store).await?;
    for row in store.enrolments(id).await? {
        let key_of = |live: &Live| {
            Key::of(live.definitions.structure(&row.version, &row.workflow)?, &row.carries)
        };
        let key = live.as_ref().and_then(key_of);
        sheet.enrolments.push(EnrolmentLine { key, ..row.into() });
    }
    if let Some(live) = live {
        let state = live.state(store, id, now).await?.ok_or_else(gone)?;
        sheet.fit = Some(state.fit.as_points());
        if let Some((engagement, temperature)) = live.engagement(&state, now) {
            sheet.engagement = Some(engagement.as_points());
            sheet.shown = live.definitions.scoring.shown(engagement);
            sheet.temperature = Some(temperature.word());
        }
    }
    Ok(sheet)
}

fn consents(record: &LeadRecord) -> Vec<ConsentLine> {
    let line = |(purpose, consent): (&Name, &crate::domain::lead::Consent)| ConsentLine {
        purpose: purpose.clone(),
        basis: consent.basis,
        at: consent.at.to_string(),
        source: consent.source.clone(),
        withdrawn_at: consent.withdrawn_at.map(|at| at.to_string()),
    };
    record.profile.consents.iter().map(line).collect()
}

fn line_of(message: MessageRow, keyring: Option<&Keyring>) -> MessageLine {
    MessageLine {
        key: keyring.map(|keyring| keyring.message_key(message.id)),
        template: message.template,
        state: message.state.word(),
        at: message.sent_at.unwrap_or(message.due_at).to_string(),
        reason: message.reason,
        workflow: message.workflow,
        step: message.about.step,
        kind: message.kind.word(),
        recipient: (!message.recipient.is_empty()).then_some(message.recipient),
        attempts: message.attempts,
    }
}

impl From<EnrolmentRow> for EnrolmentLine {
    fn from(row: EnrolmentRow) -> Self {
        Self {
            workflow: row.workflow,
            version: row.version.0,
            key: None,
            step: row.step,
            state: row.state,
            due_at: row.due_at.filter(|at| !at.is_never()).map(|at| at.to_string()),
            entered_at: row.entered_at.to_string(),
            ended_at: row.ended_at.map(|at| at.to_string()),
            reason: row.reason,
        }
    }
}

impl TimelineLine {
    pub(super) fn of(row: TimelineRow, now: Instant) -> Self {
        // A hit that nobody judged otherwise in time counts as a person's.
        let settled = row.settles_at.is_some_and(|at| at <= now);
        let judgement = row.judgement.map(|judgement| match judgement {
            Judgement::Unsure if settled => Judgement::Human,
            other => other,
        });
        Self {
            at: row.at.to_string(),
            kind: row.kind,
            object: row.object,
            workflow: row.workflow,
            step: row.step,
            detail: row.detail,
            judgement: judgement.map(Judgement::word),
            was_unsure: row.settles_at.is_some(),
        }
    }
}
