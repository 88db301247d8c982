//! Addresses and domains that are not written to any more.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
};

use serde::Serialize;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    gate::Turn,
    leads::AddressRow,
    records::{Lane, Subscription},
    rows,
    timers::Wake,
};
use crate::domain::{
    address::Address,
    id::{LeadId, MessageId},
    lead::Suppression,
    name::Name,
    time::Instant,
};

/// What is suppressed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Address(Address),
    /// A whole domain, in A-labels and without an `@`; not its subdomains.
    Domain(String),
}

impl Subject {
    fn key(&self) -> String {
        match self {
            Self::Address(address) => address.as_str().to_owned(),
            Self::Domain(domain) => domain_key(domain),
        }
    }
}

/// Masked, as addresses are.
impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Domain(domain) => write!(f, "Domain({domain})"),
        }
    }
}

/// How a domain is stored: no address begins with an `@`.
pub fn domain_key(domain: &str) -> String {
    format!("@{}", domain.to_ascii_lowercase())
}

/// Leads of a list that are woken in one transaction.
const TOLD_AT_ONCE: usize = 1_000;

#[derive(Serialize)]
pub(super) struct SuppressionRow {
    pub subject: String,
    pub reason: &'static str,
    pub source: String,
}

impl Tx {
    /// Puts subjects on the list; returns those that were not on it. An entry stays as it was first
    /// made, but for a complaint, which weighs more than any other reason.
    pub(super) async fn insert_suppressions(
        &mut self,
        entries: BTreeMap<String, SuppressionRow>,
        now: Instant,
    ) -> Result<HashSet<String>> {
        if entries.is_empty() {
            return Ok(HashSet::new());
        }
        // In order, so that two writers cannot wait for each other.
        let entries: Vec<SuppressionRow> = entries.into_values().collect();
        let rows = rows::json("suppressions", &entries)?;
        let added: Vec<String> = on_db!(
            self.on(),
            sql!(
                "INSERT INTO suppressions (subject, reason, source, at) \
                 SELECT j.value ->> 'subject', j.value ->> 'reason', j.value ->> 'source', $2 FROM ",
                each,
                " WHERE true ON CONFLICT (subject) DO NOTHING RETURNING subject"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(&rows).bind(now.millis()).fetch_all(db).await
        )?;
        if entries.iter().any(|entry| entry.reason == Suppression::Complained.word()) {
            on_db!(
                self.on(),
                sql!(
                    "UPDATE suppressions SET reason = 'complained' WHERE reason <> 'complained' AND subject IN \
                     (SELECT j.value ->> 'subject' FROM ",
                    each,
                    " WHERE j.value ->> 'reason' = 'complained')"
                ),
                |db, sql| sqlx::query(sql).bind(&rows).execute(db).await.map(drop)
            )?;
        }
        Ok(added.into_iter().collect())
    }

    /// Which of these are on the list.
    pub(super) async fn listed(&mut self, subjects: &BTreeSet<String>) -> Result<HashSet<String>> {
        #[derive(Serialize)]
        struct Row<'a> {
            subject: &'a str,
        }
        let rows: Vec<Row> = subjects.iter().map(|subject| Row { subject }).collect();
        let rows = rows::json("suppressions", &rows)?;
        let listed: Vec<String> = on_db!(
            self.on(),
            sql!(
                "SELECT s.subject FROM ",
                each,
                " INNER JOIN suppressions AS s ON s.subject = j.value ->> 'subject'"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(rows).fetch_all(db).await
        )?;
        Ok(listed.into_iter().collect())
    }

    /// Which of these addresses are on the list, by their own entry or by their domain's.
    pub(super) async fn suppressed_among<'a>(
        &mut self,
        addresses: impl Iterator<Item = &'a Address> + Clone,
    ) -> Result<HashSet<&'a str>> {
        let keys = |address: &Address| [address.as_str().to_owned(), domain_key(address.domain())];
        let listed = self.listed(&addresses.clone().flat_map(keys).collect()).await?;
        let suppressed =
            addresses.filter(|address| keys(address).iter().any(|key| listed.contains(key)));
        Ok(suppressed.map(Address::as_str).collect())
    }

    /// Suppresses the addresses of leads. Their stop epochs are the caller's to raise.
    pub(super) async fn suppress_leads(
        &mut self,
        objections: &[(i64, Suppression, &str)],
        now: Instant,
    ) -> Result<()> {
        if objections.is_empty() {
            return Ok(());
        }
        let addresses =
            self.addresses_of(&rows::ids(objections.iter().map(|(lead, ..)| *lead))).await?;
        let mut entries = BTreeMap::new();
        for (lead, reason, source) in objections {
            let Some(address) = addresses.get(lead) else { continue };
            add_entry(&mut entries, address.clone(), *reason, source);
        }
        self.insert_suppressions(entries, now).await.map(drop)
    }

    async fn addresses_of(&mut self, leads: &str) -> Result<BTreeMap<i64, String>> {
        let found: Vec<(i64, String)> = on_db!(
            self.on(),
            sql!(
                "SELECT l.lead, l.address FROM leads AS l WHERE l.lead IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_as(sql).bind(leads).fetch_all(db).await
        )?;
        Ok(found.into_iter().collect())
    }
}

/// One entry a subject; a complaint wins.
pub(super) fn add_entry(
    entries: &mut BTreeMap<String, SuppressionRow>,
    subject: String,
    reason: Suppression,
    source: &str,
) {
    let entry = entries.entry(subject.clone()).or_insert_with(|| SuppressionRow {
        subject,
        reason: reason.word(),
        source: source.to_owned(),
    });
    if reason == Suppression::Complained {
        entry.reason = reason.word();
    }
}

impl Store {
    /// Puts addresses and domains on the list; returns how many were not on it. From then on nothing is
    /// sent to the leads concerned. They are woken after it, some at a time, as a domain may have any
    /// number of them; done again, those are woken whom an interrupted one did not come to.
    pub async fn suppress(
        &self,
        subjects: &[(Subject, Suppression)],
        source: &Name,
        now: Instant,
    ) -> Result<u64> {
        let mut entries = BTreeMap::new();
        for (subject, reason) in subjects {
            add_entry(&mut entries, subject.key(), *reason, source);
        }
        if entries.is_empty() {
            return Ok(0);
        }
        let subjects: Vec<String> = entries.keys().cloned().collect();
        let mut tx = self.db.begin(Turn::Act).await?;
        let added = tx.insert_suppressions(entries, now).await?;
        tx.commit().await?;
        for leads in self.to_be_told(&subjects, &added).await?.chunks(TOLD_AT_ONCE) {
            let mut tx = self.db.begin(Turn::Bulk).await?;
            tx.lock_timers(&rows::ids(leads.iter().copied())).await?;
            let wakes: Vec<Wake> = leads
                .iter()
                .map(|&lead| Wake { lead, lane: Lane::Acts.number(), revs: 1, stops: 1 })
                .collect();
            tx.wake(&wakes, now).await?;
            tx.commit().await?;
        }
        Ok(u64::try_from(added.len()).unwrap_or_default())
    }

    /// How many of these subjects [`Self::suppress`] would add.
    pub async fn foresee_suppressed(&self, subjects: &[Subject]) -> Result<u64> {
        let subjects: BTreeSet<String> = subjects.iter().map(Subject::key).collect();
        let mut tx = self.db.snapshot().await?;
        let listed = tx.listed(&subjects).await?;
        tx.rollback().await?;
        Ok(u64::try_from(subjects.len() - listed.len()).unwrap_or_default())
    }

    /// Those of the addresses that a lead has and that are not on the list, nor their domains.
    pub async fn mailable_among(&self, addresses: &[Address]) -> Result<HashSet<Address>> {
        let known = self.find_leads(addresses).await?;
        let mut tx = self.db.snapshot().await?;
        let suppressed = tx.suppressed_among(known.keys()).await?;
        tx.rollback().await?;
        let mailable = known.keys().filter(|address| !suppressed.contains(address.as_str()));
        Ok(mailable.cloned().collect())
    }

    /// The leads of these subjects: all of those that were added, of the others who was never told.
    async fn to_be_told(&self, subjects: &[String], added: &HashSet<String>) -> Result<Vec<i64>> {
        #[derive(Serialize)]
        struct Row<'a> {
            is_new: bool,
            domain: &'a str,
            /// Empty: everybody's.
            local: &'a str,
        }
        let rows: Vec<Row> = subjects
            .iter()
            .map(|subject| {
                let (domain, local) = AddressRow::new(subject, 0).key();
                Row { is_new: added.contains(subject), domain, local }
            })
            .collect();
        let rows = rows::json("suppressions", &rows)?;
        Ok(on_db!(
            self.db.read(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT j.value ->> 'domain' AS domain, j.value ->> 'local' AS local, \
                 CAST(j.value ->> 'is_new' AS BOOLEAN) AS is_new FROM ",
                each,
                ") SELECT a.lead FROM r INNER JOIN addresses AS a ON a.domain = r.domain AND a.local = r.local \
                 INNER JOIN lead_timer AS t ON t.lead = a.lead WHERE r.is_new OR t.stop_epoch = 0 \
                 UNION SELECT a.lead FROM r INNER JOIN addresses AS a ON a.domain = r.domain \
                 INNER JOIN lead_timer AS t ON t.lead = a.lead \
                 WHERE r.local = '' AND (r.is_new OR t.stop_epoch = 0)"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(rows).fetch_all(db).await
        )?)
    }

    /// What the link of one mail unsubscribes from, and why its lead is not written to, if it is not.
    pub async fn subscription(&self, lead: LeadId, message: MessageId) -> Result<Subscription> {
        let (purpose, reason): (Option<String>, Option<String>) = on_db!(
            self.db.read(),
            sql!(
                "SELECT (SELECT m.purpose FROM messages AS m WHERE m.id = $2 AND m.lead = $1), \
                 (SELECT COALESCE((SELECT s.reason FROM suppressions AS s WHERE s.subject = l.address), \
                 (SELECT s.reason FROM suppressions AS s WHERE s.subject = l.domain)) \
                 FROM leads AS l WHERE l.lead = $1)"
            ),
            |db, sql| sqlx::query_as(sql).bind(lead.0).bind(message.0).fetch_one(db).await
        )?;
        let suppressed = reason.as_deref().and_then(Suppression::from_word);
        Ok(Subscription { purpose: purpose.map(Name::from), suppressed })
    }

    /// Why an address is not written to: by its own entry, or by its domain's.
    pub async fn suppression_of(&self, address: &Address) -> Result<Option<Suppression>> {
        let reasons: Vec<(String, String)> = on_db!(
            self.db.read(),
            sql!("SELECT subject, reason FROM suppressions WHERE subject IN ($1, $2)"),
            |db, sql| sqlx::query_as(sql)
                .bind(address.as_str())
                .bind(domain_key(address.domain()))
                .fetch_all(db)
                .await
        )?;
        let own = reasons.iter().find(|(subject, _)| subject == address.as_str());
        let Some((_, reason)) = own.or_else(|| reasons.first()) else { return Ok(None) };
        Suppression::from_word(reason)
            .map(Some)
            .ok_or_else(|| StoreError::corrupt("suppressions", "reason", "of an address"))
    }
}
