//! What happened since this morning, and what is due until tomorrow.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Reason, as_time};
use crate::{
    domain::{
        event::EventKind,
        id::{LeadId, as_text},
        lead::Stage,
        name::Name,
        pause::Scope,
        time::Instant,
    },
    store::{
        Store, StoreError,
        records::{Parked, Period},
    },
};

/// Hot leads that are named.
const HOT: usize = 10;
/// Hours that are looked ahead.
pub const HOURS: usize = 24;
/// Reasons that are told.
const REASONS: i64 = 20;

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TodayReport {
    #[serde(serialize_with = "as_time")]
    pub since: Instant,
    #[serde(serialize_with = "as_time")]
    pub until: Instant,
    pub new_leads: u64,
    /// Leads that were decided last within the period.
    pub decided: u64,
    pub entered: u64,
    pub ended: BTreeMap<Name, u64>,
    /// Marketing mails.
    pub sent: u64,
    pub in_doubt: u64,
    pub failed: u64,
    pub withdrawn: u64,
    /// Times that the relay put a mail off or could not be asked.
    pub deferred: u64,
    pub notices: u64,
    /// By class: `hard`, `soft`, …
    pub bounced: BTreeMap<Name, u64>,
    pub complained: u64,
    pub unsubscribed: u64,
    pub replied: u64,
    pub stage_changes: u64,
    pub deals_won: u64,
    pub hot: Vec<Hot>,
    pub due: Vec<DueHour>,
    pub why_deferred: Vec<Reason>,
    pub parked: Vec<Parked>,
    pub paused: Vec<Scope>,
}

/// Who gained most engagement.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Hot {
    #[serde(serialize_with = "as_text")]
    pub lead: LeadId,
    pub email: String,
    pub stage: Stage,
    pub points: f64,
    pub rules: Vec<HotRule>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HotRule {
    pub rule: Name,
    pub points: f64,
    pub times: u64,
}

/// What is due within an hour from `at` on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DueHour {
    #[serde(serialize_with = "as_time")]
    pub at: Instant,
    /// Marketing mails that may leave then.
    pub mails: u64,
    /// Waits and holds that are over then; a mail may follow.
    pub steps: u64,
}

/// Counts what happened from `since` on, by `now`.
pub async fn today_report(
    store: &Store,
    since: Instant,
    now: Instant,
) -> Result<TodayReport, StoreError> {
    let period = Period { from: since, until: now.next() };
    let happened = store.happened(period).await?;
    let mail = |state: &str| happened.mails.get(state).copied().unwrap_or_default();
    let event = |kind: &EventKind| happened.events.get(kind.as_str()).copied().unwrap_or_default();
    let bounced = happened.events.iter().filter_map(|(kind, number)| {
        let class = kind.strip_prefix(EventKind::MAIL_BOUNCED.as_str())?.trim_start_matches('.');
        Some((Name::new(if class.is_empty() { "other" } else { class }), *number))
    });
    let hot = store.gained(period, HOT).await?.into_iter().map(|gain| Hot {
        lead: gain.lead,
        email: gain.address,
        stage: gain.stage,
        points: points(gain.gained),
        rules: gain
            .rules
            .into_iter()
            .map(|(rule, gained, times)| HotRule { rule, points: points(gained), times })
            .collect(),
    });
    let due = store.due_per_hour(now, HOURS).await?;
    let hours = (0..).map(|hour| Instant::from_millis(now.millis() + hour * 3_600_000));
    let why_deferred = store.deferred(REASONS).await?;
    Ok(TodayReport {
        since,
        until: now,
        new_leads: happened.new_leads,
        decided: happened.decided,
        entered: happened.entered,
        sent: mail("sent"),
        in_doubt: mail("in_doubt"),
        failed: mail("failed"),
        withdrawn: mail("cancelled"),
        deferred: happened.deferred,
        notices: happened.notices,
        bounced: bounced.collect(),
        complained: event(&EventKind::MAIL_COMPLAINED),
        unsubscribed: event(&EventKind::LEAD_UNSUBSCRIBED),
        replied: event(&EventKind::LEAD_REPLIED),
        stage_changes: event(&EventKind::STAGE_CHANGED),
        deals_won: event(&EventKind::DEAL_WON),
        hot: hot.collect(),
        due: hours.zip(due).map(|(at, (mails, steps))| DueHour { at, mails, steps }).collect(),
        why_deferred: why_deferred
            .into_iter()
            .map(|found| Reason { reason: found.reason, number: found.number })
            .collect(),
        parked: store.parked(REASONS).await?,
        paused: store.pauses().await?.into_iter().map(|pause| pause.scope).collect(),
        ended: happened.ended,
    })
}

/// Thousandths as points.
#[allow(clippy::cast_precision_loss)] // scores are small
fn points(thousandths: i64) -> f64 {
    thousandths as f64 / 1000.0
}
