//! Finding leads by their addresses.

use std::collections::HashMap;

use serde::Serialize;

use super::{Result, Store, db::on_db, rows, suppressions::domain_key};
use crate::domain::{address::Address, id::LeadId};

/// A row of `addresses`.
#[derive(Debug, Serialize)]
pub(super) struct AddressRow<'a> {
    /// With its `@`.
    domain: &'a str,
    local: &'a str,
    lead: i64,
}

impl<'a> AddressRow<'a> {
    /// Of a canonical address.
    pub fn new(address: &'a str, lead: i64) -> Self {
        let (local, domain) = address.split_at(address.rfind('@').unwrap_or(address.len()));
        Self { domain, local, lead }
    }

    pub const fn key(&self) -> (&'a str, &'a str) {
        (self.domain, self.local)
    }
}

impl Store {
    pub async fn find_lead(&self, address: &Address) -> Result<Option<LeadId>> {
        let lead: Option<i64> = on_db!(
            self.db.read(),
            sql!("SELECT lead FROM addresses WHERE domain = $1 AND local = $2"),
            |db, sql| sqlx::query_scalar(sql)
                .bind(domain_key(address.domain()))
                .bind(address.local_part())
                .fetch_optional(db)
                .await
        )?;
        Ok(lead.map(LeadId))
    }

    /// Those that are known.
    pub async fn find_leads(&self, addresses: &[Address]) -> Result<HashMap<Address, LeadId>> {
        let rows: Vec<AddressRow> =
            addresses.iter().map(|address| AddressRow::new(address.as_str(), 0)).collect();
        let rows = rows::json("addresses", &rows)?;
        let found: Vec<(String, i64)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT a.local || a.domain, a.lead FROM ",
                each,
                " INNER JOIN addresses AS a ON a.domain = j.value ->> 'domain' AND a.local = j.value ->> 'local'"
            ),
            |db, sql| sqlx::query_as(sql).bind(rows).fetch_all(db).await
        )?;
        let mut found: HashMap<String, i64> = found.into_iter().collect();
        Ok(addresses
            .iter()
            .filter_map(|address| {
                let lead = found.remove(address.as_str())?;
                Some((address.clone(), LeadId(lead)))
            })
            .collect())
    }

    /// The next leads after one, by number: to go through all of them in bounded steps.
    pub async fn leads_after(&self, lead: LeadId, limit: i64) -> Result<Vec<LeadId>> {
        let found: Vec<i64> = on_db!(
            self.db.read(),
            sql!("SELECT lead FROM leads WHERE lead > $1 ORDER BY lead LIMIT $2"),
            |db, sql| sqlx::query_scalar(sql).bind(lead.0).bind(limit).fetch_all(db).await
        )?;
        Ok(found.into_iter().map(LeadId).collect())
    }
}
