//! Discount codes for mails that show one: given before they are rendered, so that none goes without.

use std::collections::HashMap;

use super::{Engine, deciding::look, live::Live};
use crate::{
    domain::{
        decide::may_send,
        id::{LeadId, MessageId},
        lead::LeadRecord,
        message::{MaySend, MessageKind},
        name::Name,
        time::Instant,
    },
    render::Codes,
    store::{
        StoreError,
        records::{CodeWanted, MessageRow},
    },
};

/// The codes of one mail, or the pool that has none left for it.
pub(super) type CodesOf = Result<Codes, Name>;

impl Engine {
    /// Gives codes to those of these mails that take any and may leave now: a mail that waits, or that staging
    /// holds back, takes none.
    pub(super) async fn codes(
        &self,
        live: &Live,
        rows: &[MessageRow],
        records: &HashMap<LeadId, LeadRecord>,
        now: Instant,
    ) -> Result<HashMap<MessageId, CodesOf>, StoreError> {
        let record = |row: &MessageRow| {
            let record = records.get(&row.lead);
            record.filter(|record| self.config.delivery.allows(&record.address))
        };
        let wanted: Vec<CodeWanted> =
            rows.iter().flat_map(|row| wanted(live, row, record(row), now)).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let given = self.store.give_codes(&wanted, now).await?;
        for (pool, left) in given.low {
            tracing::warn!(%pool, left, "few discount codes are left: nurtured codes import {pool} FILE");
        }
        let mut codes: HashMap<MessageId, CodesOf> = HashMap::new();
        for (wanted, code) in wanted.into_iter().zip(given.codes) {
            let of_mail = codes.entry(wanted.message).or_insert_with(|| Ok(Codes::new()));
            match (of_mail.as_mut(), code) {
                (Ok(codes), Some(code)) => drop(codes.insert(wanted.pool, code)),
                (Ok(_), None) => *of_mail = Err(wanted.pool),
                (Err(_), _) => {}
            }
        }
        Ok(codes)
    }
}

/// How the reason begins for which a mail is parked that no code is left for.
const DRY: &str = "no code is left in the pool ";

/// Why a mail is parked for want of a code.
pub(super) fn dry(pool: &Name) -> String {
    format!("{DRY}`{pool}`: nurtured codes import {pool} FILE")
}

/// Of such a reason: what is wrong, and the command that mends it.
pub(super) fn remedy(reason: &str) -> Option<(&str, &str)> {
    reason.starts_with(DRY).then(|| reason.split_once(": ")).flatten()
}

fn wanted(
    live: &Live,
    row: &MessageRow,
    record: Option<&LeadRecord>,
    now: Instant,
) -> Vec<CodeWanted> {
    let Some(record) = record.filter(|_| live.renderer.takes_codes(&row.template)) else {
        return Vec::new();
    };
    let definitions = &live.definitions;
    let (state, _, _) = look(definitions, record.clone(), &[], now);
    let may = may_send(definitions, &state, &row.about, row.kind, &row.version, now);
    if row.kind != MessageKind::Marketing || may != MaySend::Now {
        return Vec::new();
    }
    let pools = live.renderer.pools(&row.template, &state.language);
    let wanted = |pool: &Name| CodeWanted {
        pool: pool.clone(),
        lead: row.lead,
        enrolment: row.about.enrolment,
        message: row.id,
    };
    pools.into_iter().flatten().map(wanted).collect()
}
