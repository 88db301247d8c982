//! The lines that mails stand in.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use super::{
    Batch, Result, Shared, Store,
    db::{Tx, on_db},
    gate::Turn,
    gather::gather,
    rows,
};
use crate::domain::{
    allocator::Taken,
    id::{LeadId, MessageId},
    name::Name,
    pace::{self, Answer, Heads, Line, Opening},
    schedule::Day,
    time::Instant,
};

#[derive(Serialize)]
struct Row<'a> {
    line: &'a Name,
    head: i64,
}

/// A mail that asks whether it may leave.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    pub lines: Vec<Line>,
    /// It goes before those who come for the first time.
    pub has_turn: bool,
    pub opening: Opening<'a>,
}

/// The head of a line in which nobody stood yet.
const NOBODY: i64 = 0;

impl Store {
    /// Where the lines begin in which mails of a batch stand. Where its leads are locked, so are the lines: one
    /// daemon after the other gives places.
    pub async fn line_heads(&self, batch: &mut Batch, lines: &BTreeSet<Name>) -> Result<Heads> {
        if lines.is_empty() {
            return Ok(Heads::new());
        }
        let heads = if batch.is_locked {
            batch.tx.lock_lines(lines).await?
        } else {
            batch.tx.lines(lines).await?
        };
        Ok(batch.shared.look_at(heads, lines))
    }

    /// Where these lines begin, by their names; where nobody stood yet, none.
    pub async fn where_lines_begin(&self, lines: &BTreeSet<Name>) -> Result<Heads> {
        if lines.is_empty() {
            return Ok(Heads::new());
        }
        let mut tx = self.db.snapshot().await?;
        let heads = tx.lines(lines).await?;
        tx.rollback().await?;
        Ok(heads)
    }

    /// Asks for mails, in this order, whether they may leave. Those that may have their places.
    pub async fn line_up<'l>(
        &self,
        mails: &'l [Asked<'l>],
        now: Instant,
    ) -> Result<Vec<Answer<'l>>> {
        let names: BTreeSet<Name> =
            mails.iter().flat_map(|mail| &mail.lines).flat_map(Line::names).collect();
        if names.is_empty() {
            return Ok(vec![Answer::Go(now); mails.len()]);
        }
        let mut tx = self.db.begin(Turn::Work).await?;
        let mut heads = tx.lock_lines(&names).await?;
        let mut answers = Vec::with_capacity(mails.len());
        for Asked { lines, has_turn, opening } in mails {
            let answer = pace::ask(&mut heads, lines, *has_turn, *opening, now);
            if let Answer::Go(at) = answer {
                pace::take(&mut heads, lines, at);
                if !has_turn {
                    pace::plan(&mut heads, lines, at);
                }
            }
            answers.push(answer);
        }
        tx.write_heads(&heads).await?;
        tx.commit().await?;
        Ok(answers)
    }

    /// Notes of mails that they have taken the places of a day.
    pub async fn placed_on(&self, mails: &[MessageId], day: Day) -> Result<()> {
        if mails.is_empty() {
            return Ok(());
        }
        let ids: BTreeSet<i64> = mails.iter().map(|mail| mail.0).collect();
        let mut tx = self.db.begin(Turn::Work).await?;
        on_db!(
            tx.on(),
            sql!(
                // All who lock several messages do it in this order.
                "WITH these AS MATERIALIZED (SELECT t.id FROM messages AS t WHERE t.id IN \
                 (SELECT CAST(j.value AS BIGINT) FROM ",
                each,
                ") ORDER BY t.id",
                lock,
                ") UPDATE messages SET placed_on = $2 WHERE id IN (SELECT these.id FROM these)"
            ),
            |db, sql| sqlx::query(sql).bind(rows::ids(ids)).bind(day.0).execute(db).await.map(drop)
        )?;
        tx.commit().await
    }
}

impl Tx {
    async fn lines(&mut self, lines: &BTreeSet<Name>) -> Result<Heads> {
        let names = keys(lines)?;
        let found: Vec<(String, i64)> = on_db!(
            self.on(),
            sql!(
                "SELECT t.line, t.head FROM lines AS t WHERE t.line IN (SELECT j.value ->> 'line' FROM ",
                each,
                ")"
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(names).fetch(db)).await
        )?;
        Ok(found.into_iter().map(|(line, head)| (line.into(), head)).collect())
    }

    /// Locks lines, in the order of their names.
    async fn lock_lines(&mut self, lines: &BTreeSet<Name>) -> Result<Heads> {
        let names = keys(lines)?;
        // So that there is a row to lock.
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO lines (line, head) SELECT j.value ->> 'line', \
                 CAST(j.value ->> 'head' AS BIGINT) FROM ",
                each,
                " WHERE true ORDER BY 1 ON CONFLICT (line) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql).bind(&names).execute(db).await.map(drop)
        )?;
        let found: Vec<(String, i64)> = on_db!(
            self.on(),
            sql!(
                "SELECT t.line, t.head FROM lines AS t WHERE t.line IN (SELECT j.value ->> 'line' FROM ",
                each,
                ") ORDER BY t.line",
                lock
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(&names).fetch(db)).await
        )?;
        Ok(found.into_iter().map(|(line, head)| (line.into(), head)).collect())
    }

    /// The leads that were given a place in a line that has moved on since it was looked at.
    pub(super) async fn overtaken_in_line(&mut self, shared: &Shared) -> Result<HashSet<LeadId>> {
        let lines: BTreeSet<Name> = shared.taken.iter().map(|place| place.line.clone()).collect();
        if lines.is_empty() {
            return Ok(HashSet::new());
        }
        let heads = self.lock_lines(&lines).await?;
        let head = |heads: &Heads, line| heads.get(line).copied().unwrap_or(NOBODY);
        let moved = shared
            .taken
            .iter()
            .filter(|place| head(&heads, &place.line) != head(&shared.heads, &place.line));
        Ok(moved.map(|place| place.lead).collect())
    }

    /// Writes the places that those have taken who are written.
    pub(super) async fn move_lines(
        &mut self,
        taken: &[Taken],
        is_written: impl Fn(LeadId) -> bool,
    ) -> Result<()> {
        let mut heads = Heads::new();
        for place in taken.iter().filter(|place| is_written(place.lead)) {
            let head = heads.entry(place.line.clone()).or_insert(place.head);
            *head = (*head).max(place.head);
        }
        self.write_heads(&heads).await
    }

    async fn write_heads(&mut self, heads: &Heads) -> Result<()> {
        if heads.is_empty() {
            return Ok(());
        }
        let written: Vec<Row<'_>> =
            heads.iter().map(|(line, head)| Row { line, head: *head }).collect();
        let written = rows::json("lines", &written)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "UPDATE lines AS t SET head = CAST(j.value ->> 'head' AS BIGINT) FROM ",
                each,
                " WHERE t.line = j.value ->> 'line'"
            ),
            |db, sql| sqlx::query(sql).bind(written).execute(db).await.map(drop)
        )?)
    }
}

fn keys(lines: &BTreeSet<Name>) -> Result<String> {
    rows::json("lines", &lines.iter().map(|line| Row { line, head: NOBODY }).collect::<Vec<_>>())
}
