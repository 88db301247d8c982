//! Finding leads by their addresses.

use std::collections::HashMap;

use serde::Serialize;

use super::{Result, Store, db::on_db, rows};
use crate::domain::{address::Address, id::LeadId};

impl Store {
    pub async fn find_lead(&self, address: &Address) -> Result<Option<LeadId>> {
        let lead: Option<i64> = on_db!(
            self.db.read(),
            sql!("SELECT lead FROM addresses WHERE address = $1"),
            |db, sql| sqlx::query_scalar(sql).bind(address.as_str()).fetch_optional(db).await
        )?;
        Ok(lead.map(LeadId))
    }

    /// Those that are known.
    pub async fn find_leads(&self, addresses: &[Address]) -> Result<HashMap<Address, LeadId>> {
        #[derive(Serialize)]
        struct Row<'a> {
            address: &'a Address,
        }
        let rows: Vec<Row> = addresses.iter().map(|address| Row { address }).collect();
        let rows = rows::json("addresses", &rows)?;
        let found: Vec<(String, i64)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT a.address, a.lead FROM addresses AS a \
                 WHERE a.address IN (SELECT j.value ->> 'address' FROM ",
                each,
                ")"
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
