//! Discount codes: pools of them, and whose each is. One is given once, and for good.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    gate::Turn,
    records::{CodeWanted, Given, Pool},
    rows,
};
use crate::domain::{name::Name, time::Instant};

/// Whose a code is.
type Owner = (String, i64, i64);

#[derive(Serialize)]
struct WantedRow<'a> {
    pool: &'a str,
    lead: i64,
    enrolment: i64,
    message: i64,
    code: Option<&'a str>,
}

impl<'a> WantedRow<'a> {
    fn new(wanted: &'a CodeWanted, code: Option<&'a str>) -> Self {
        let CodeWanted { pool, lead, enrolment, message } = wanted;
        Self { pool, lead: lead.0, enrolment: enrolment.0, message: message.0, code }
    }
}

fn owner(wanted: &CodeWanted) -> Owner {
    (wanted.pool.to_string(), wanted.lead.0, wanted.enrolment.0)
}

impl Store {
    /// Puts codes into a pool, which is made if it is not there; returns how many were not in it. What is
    /// in it stays as it is, whether given or not.
    pub async fn add_codes(
        &self,
        pool: &Name,
        codes: &[String],
        warn_below: Option<i64>,
        now: Instant,
    ) -> Result<u64> {
        #[derive(Serialize)]
        struct Row<'a> {
            pool: &'a str,
            code: &'a str,
            place: i64,
        }
        let row = |code| Row { pool, code, place: self.ids.next(now) };
        let mut codes: Vec<Row> = codes.iter().map(|code| row(code.as_str())).collect();
        // In order, so that two imports cannot wait for each other; their places keep that of the file.
        codes.sort_by_key(|row| row.code);
        let rows = rows::json("codes", &codes)?;
        let mut tx = self.db.begin(Turn::Bulk).await?;
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO code_pools (pool, warn_below) VALUES ($1, COALESCE(CAST($2 AS BIGINT), 50)) ON CONFLICT (pool) \
                 DO UPDATE SET warn_below = COALESCE(CAST($2 AS BIGINT), code_pools.warn_below)"
            ),
            |db, sql| sqlx::query(sql)
                .bind(pool.as_str())
                .bind(warn_below)
                .execute(db)
                .await
                .map(drop)
        )?;
        let added = on_db!(
            tx.on(),
            sql!(
                "INSERT INTO codes (pool, code, place) SELECT j.value ->> 'pool', j.value ->> 'code', \
                 CAST(j.value ->> 'place' AS BIGINT) FROM ",
                each,
                " WHERE true ON CONFLICT (pool, code) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?;
        tx.commit().await?;
        Ok(added)
    }

    /// How many of these codes are not in the pool.
    pub async fn foresee_codes(&self, pool: &Name, codes: &[String]) -> Result<u64> {
        #[derive(Serialize)]
        struct Row<'a> {
            code: &'a str,
        }
        let rows: Vec<Row> = codes.iter().map(|code| Row { code }).collect();
        let rows = rows::json("codes", &rows)?;
        let known: i64 = on_db!(
            self.db.read(),
            sql!(
                "SELECT COUNT(*) FROM codes AS c WHERE c.pool = $2 AND c.code IN (SELECT j.value ->> 'code' FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(rows).bind(pool.as_str()).fetch_one(db).await
        )?;
        Ok((codes.len() as u64).saturating_sub(known.unsigned_abs()))
    }

    /// Gives each enrolment its code of a pool: the one that it has, else the next that nobody has. `None`
    /// in the answer: the pool has none left.
    pub async fn give_codes(&self, wanted: &[CodeWanted], now: Instant) -> Result<Given> {
        let mut tx = self.db.begin(Turn::Work).await?;
        tx.lock_pools(wanted).await?;
        let mut given = tx.codes_of(wanted).await?;
        let mut missing: BTreeMap<&str, Vec<&CodeWanted>> = BTreeMap::new();
        for one in wanted.iter().filter(|one| !given.contains_key(&owner(one))) {
            let of_pool = missing.entry(&one.pool).or_default();
            if of_pool.iter().all(|other| owner(other) != owner(one)) {
                of_pool.push(one);
            }
        }
        let mut low = Vec::new();
        for (pool, wanted) in missing {
            let free = tx.free_codes(pool, wanted.len()).await?;
            let rows: Vec<WantedRow> = wanted
                .iter()
                .zip(&free)
                .map(|(wanted, code)| WantedRow::new(wanted, Some(code)))
                .collect();
            tx.assign(&rows, now).await?;
            given.extend(wanted.iter().zip(&free).map(|(one, code)| (owner(one), code.clone())));
            low.extend(tx.is_low(pool, free.len()).await?);
        }
        tx.commit().await?;
        let codes = wanted.iter().map(|one| given.get(&owner(one)).cloned()).collect();
        Ok(Given { codes, low })
    }

    /// All pools, by name: what is left of them and what was given.
    pub async fn code_pools(&self) -> Result<Vec<Pool>> {
        #[derive(FromRow)]
        struct Row {
            pool: String,
            warn_below: i64,
            unused: i64,
            given: i64,
        }
        let found: Vec<Row> = on_db!(
            self.db.read(),
            sql!(
                "SELECT p.pool, p.warn_below, \
                 (SELECT COUNT(*) FROM codes AS c WHERE c.pool = p.pool AND c.lead IS NULL) AS unused, \
                 (SELECT COUNT(*) FROM codes AS c WHERE c.pool = p.pool AND c.lead IS NOT NULL) AS given \
                 FROM code_pools AS p ORDER BY p.pool"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let pool = |row: Row| Pool {
            pool: row.pool.into(),
            left: row.unused.unsigned_abs(),
            given: row.given.unsigned_abs(),
            warn_below: row.warn_below.unsigned_abs(),
        };
        Ok(found.into_iter().map(pool).collect())
    }
}

impl Tx {
    /// One after the other, in order: whoever finds a pool empty must not have overlooked a code that somebody
    /// else was about to be given and was not.
    async fn lock_pools(&mut self, wanted: &[CodeWanted]) -> Result<()> {
        let rows: Vec<WantedRow> = wanted.iter().map(|one| WantedRow::new(one, None)).collect();
        let rows = rows::json("codes", &rows)?;
        let _locked: Vec<String> = on_db!(
            self.on(),
            sql!(
                "SELECT t.pool FROM code_pools AS t WHERE t.pool IN (SELECT j.value ->> 'pool' FROM ",
                each,
                ") ORDER BY t.pool",
                lock
            ),
            |db, sql| sqlx::query_scalar(sql).bind(rows).fetch_all(db).await
        )?;
        Ok(())
    }

    async fn codes_of(&mut self, wanted: &[CodeWanted]) -> Result<HashMap<Owner, String>> {
        #[derive(FromRow)]
        struct Row {
            pool: String,
            lead: i64,
            enrolment: i64,
            code: String,
        }
        let rows: Vec<WantedRow> = wanted.iter().map(|one| WantedRow::new(one, None)).collect();
        let rows = rows::json("codes", &rows)?;
        let found: Vec<Row> = on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT j.value ->> 'pool' AS pool, \
                 CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment FROM ",
                each,
                ") SELECT c.pool, c.lead, c.enrolment, c.code FROM r INNER JOIN codes AS c \
                 ON c.pool = r.pool AND c.lead = r.lead AND c.enrolment = r.enrolment \
                 WHERE c.lead IS NOT NULL"
            ),
            |db, sql| sqlx::query_as(sql).bind(rows).fetch_all(db).await
        )?;
        let entry = |row: Row| ((row.pool, row.lead, row.enrolment), row.code);
        Ok(found.into_iter().map(entry).collect())
    }

    /// The next codes that nobody has.
    async fn free_codes(&mut self, pool: &str, count: usize) -> Result<Vec<String>> {
        Ok(on_db!(
            self.on(),
            sql!(
                "SELECT c.code FROM codes AS c WHERE c.pool = $1 AND c.lead IS NULL ORDER BY c.place LIMIT $2"
            ),
            |db, sql| sqlx::query_scalar(sql)
                .bind(pool)
                .bind(i64::try_from(count).unwrap_or(i64::MAX))
                .fetch_all(db)
                .await
        )?)
    }

    async fn assign(&mut self, given: &[WantedRow<'_>], now: Instant) -> Result<()> {
        if given.is_empty() {
            return Ok(());
        }
        let rows = rows::json("codes", given)?;
        let assigned = on_db!(
            self.on(),
            sql!(
                "WITH r AS MATERIALIZED (SELECT j.value ->> 'pool' AS pool, j.value ->> 'code' AS code, \
                 CAST(j.value ->> 'lead' AS BIGINT) AS lead, \
                 CAST(j.value ->> 'enrolment' AS BIGINT) AS enrolment, \
                 CAST(j.value ->> 'message' AS BIGINT) AS message FROM ",
                each,
                ") UPDATE codes SET lead = r.lead, enrolment = r.enrolment, message = r.message, \
                 given_at = $2 FROM r WHERE codes.pool = r.pool AND codes.code = r.code \
                 AND codes.lead IS NULL"
            ),
            |db, sql| sqlx::query(sql)
                .bind(rows)
                .bind(now.millis())
                .execute(db)
                .await
                .map(|done| done.rows_affected())
        )?;
        if assigned == given.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Other("codes were given to others meanwhile".to_owned()))
    }

    /// The pool and how many are left of it, if these that were just given have brought it below its
    /// mark.
    async fn is_low(&mut self, pool: &str, given: usize) -> Result<Option<(Name, u64)>> {
        let warn_below: Option<i64> = on_db!(
            self.on(),
            sql!("SELECT warn_below FROM code_pools WHERE pool = $1"),
            |db, sql| sqlx::query_scalar(sql).bind(pool).fetch_optional(db).await
        )?;
        let Some(warn_below) = warn_below else { return Ok(None) };
        // No more than matter.
        let left: i64 = on_db!(
            self.on(),
            sql!(
                "SELECT COUNT(*) FROM (SELECT 1 AS one FROM codes AS c WHERE c.pool = $1 AND c.lead IS NULL \
                 LIMIT $2) AS unused"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(pool).bind(warn_below).fetch_one(db).await
        )?;
        let before = left + i64::try_from(given).unwrap_or(i64::MAX - left);
        let crossed = left < warn_below && before >= warn_below;
        Ok(crossed.then(|| (pool.into(), left.unsigned_abs())))
    }
}
