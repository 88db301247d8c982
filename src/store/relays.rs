//! What all daemons know of the relays: which is down, by which mail goes slowly, and whose mails are whose.

use serde::Serialize;

use super::{
    Result, Store, StoreError, db::on_db, dialect::Text, gate::Turn, gather::gather,
    messages::kind, rows,
};
use crate::domain::{
    id::{LeadId, MessageId},
    message::MessageKind,
    name::Name,
    throttle::{Level, Stretch},
    time::Instant,
};

/// A mail that waits for a relay that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Astray {
    pub message: MessageId,
    pub lead: LeadId,
    pub kind: MessageKind,
}

/// A relay that is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    pub relay: Name,
    pub since: Instant,
    /// When one of the daemons asks it again.
    pub probe_at: Instant,
}

/// Who asks a relay that is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probing {
    Us,
    /// Nobody before then.
    NotBefore(Instant),
    /// It is not down any more.
    Nobody,
}

/// From one relay that mails wait for to the next.
pub(super) const VIAS: Text =
    sql!("WITH RECURSIVE ", vias, " SELECT relay.via FROM relay WHERE relay.via IS NOT NULL");

impl Store {
    /// The relays that mails wait for.
    pub async fn waiting_relays(&self) -> Result<Vec<Name>> {
        let vias: Vec<String> = on_db!(self.db.read(), VIAS, |db, sql| {
            sqlx::query_scalar(sql).fetch_all(db).await
        })?;
        Ok(vias.into_iter().map(Name::from).collect())
    }

    /// Mails that wait for none of these relays, at most so many.
    pub async fn astray(&self, relays: &[&Name], most: i64) -> Result<Vec<Astray>> {
        let vias = self.waiting_relays().await?;
        let mut astray = Vec::new();
        for via in vias.iter().filter(|via| !relays.contains(via)) {
            let found: Vec<(i64, i64, String)> = on_db!(
                self.db.read(),
                sql!(
                    "SELECT m.id, m.lead, m.kind FROM messages AS m \
                     WHERE m.state IN ('reserved', 'deferred') AND m.via = $1 LIMIT $2"
                ),
                |db, sql| gather(sqlx::query_as(sql).bind(via.as_str()).bind(most).fetch(db)).await
            )?;
            for (id, lead, word) in found {
                let corrupt = || StoreError::corrupt("messages", "kind", format!("message {id}"));
                let kind = kind(&word).ok_or_else(corrupt)?;
                astray.push(Astray { message: MessageId(id), lead: LeadId(lead), kind });
            }
        }
        Ok(astray)
    }

    /// Says of mails that wait by which relay they are to go.
    pub async fn assign_relays(&self, mails: &[(MessageId, Name)]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            id: i64,
            via: &'a Name,
        }
        if mails.is_empty() {
            return Ok(());
        }
        let mut rows: Vec<Row<'_>> = mails.iter().map(|(id, via)| Row { id: id.0, via }).collect();
        // All who lock several messages do it in this order.
        rows.sort_by_key(|row| row.id);
        let rows = rows::json("messages", &rows)?;
        let mut tx = self.db.begin(Turn::Work).await?;
        on_db!(
            tx.on(),
            sql!(
                "UPDATE messages AS t SET via = j.value ->> 'via', placed_on = NULL, reason = CASE WHEN t.state = 'reserved' \
                 AND t.via <> '' THEN 'its relay is another now' ELSE t.reason END FROM ",
                each,
                " WHERE t.id = CAST(j.value ->> 'id' AS BIGINT) AND t.state IN ('reserved', 'deferred')"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )?;
        tx.commit().await
    }

    /// The relays that are down.
    pub async fn relays_down(&self) -> Result<Vec<Down>> {
        let found: Vec<(String, i64, i64)> = on_db!(
            self.db.read(),
            sql!("SELECT b.relay, b.since, b.probe_at FROM breakers AS b ORDER BY b.relay"),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let down = |(relay, since, probe_at): (String, _, _)| Down {
            relay: relay.into(),
            since: Instant::from_millis(since),
            probe_at: Instant::from_millis(probe_at),
        };
        Ok(found.into_iter().map(down).collect())
    }

    /// Writes that a relay is down; who found that first, has said since when.
    pub async fn relay_is_down(&self, down: &Down) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO breakers (relay, since, probe_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (relay) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(down.relay.as_str())
                .bind(down.since.millis())
                .bind(down.probe_at.millis())
                .execute(db)
                .await
                .map(drop)
        )?;
        tx.commit().await
    }

    pub async fn relay_is_up(&self, relay: &Name) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), sql!("DELETE FROM breakers WHERE relay = $1"), |db, sql| {
            sqlx::query(sql).bind(relay.as_str()).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Asks to be the one who asks a relay that is down; nobody else is before `next`.
    pub async fn probe(&self, relay: &Name, now: Instant, next: Instant) -> Result<Probing> {
        let mut tx = self.db.begin(Turn::Act).await?;
        let ours: Option<i64> = on_db!(
            tx.on(),
            // A clock that was set back must not keep it shut for longer than that.
            sql!(
                "UPDATE breakers SET probe_at = $3 WHERE relay = $1 \
                 AND (probe_at <= $2 OR probe_at > $3) RETURNING probe_at"
            ),
            |db, sql| sqlx::query_scalar(sql)
                .bind(relay.as_str())
                .bind(now.millis())
                .bind(next.millis())
                .fetch_optional(db)
                .await
        )?;
        let theirs: Option<i64> = on_db!(
            tx.on(),
            sql!("SELECT b.probe_at FROM breakers AS b WHERE b.relay = $1"),
            |db, sql| sqlx::query_scalar(sql).bind(relay.as_str()).fetch_optional(db).await
        )?;
        tx.commit().await?;
        Ok(match (ours, theirs) {
            (Some(_), _) => Probing::Us,
            (None, Some(at)) => Probing::NotBefore(Instant::from_millis(at)),
            (None, None) => Probing::Nobody,
        })
    }

    /// A relay that is down may be asked again from then on: who was to ask it did not.
    pub async fn probe_again(&self, relay: &Name, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), sql!("UPDATE breakers SET probe_at = $2 WHERE relay = $1"), |db, sql| {
            sqlx::query(sql).bind(relay.as_str()).bind(now.millis()).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// Forgets on which stretches mail has been going slowly since before then.
    pub async fn forget_throttles(&self, before: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), sql!("DELETE FROM throttles WHERE since < $1"), |db, sql| {
            sqlx::query(sql).bind(before.millis()).execute(db).await.map(drop)
        })?;
        tx.commit().await
    }

    /// The stretches on which mail goes slowly, how slowly, and since when.
    pub async fn throttles(&self) -> Result<Vec<(Stretch, Level, Instant)>> {
        let found: Vec<(String, String, i64, i64)> = on_db!(
            self.db.read(),
            sql!(
                "SELECT t.relay, t.receiver, t.level, t.since FROM throttles AS t \
                 ORDER BY t.relay, t.receiver"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let known = |(relay, receiver, level, since): (String, String, i64, i64)| {
            let stretch = Stretch { relay: relay.into(), receiver: receiver.into() };
            Some((stretch, Level::new(level)?, Instant::from_millis(since)))
        };
        Ok(found.into_iter().filter_map(known).collect())
    }

    /// Lets mail on a stretch go at another level; `None`: as fast as it may. Nothing is changed where another daemon
    /// was faster, and the level is not what it was thought to be.
    pub async fn throttle(
        &self,
        stretch: &Stretch,
        was: Option<Level>,
        level: Option<Level>,
        now: Instant,
    ) -> Result<()> {
        let (was, level) = (was.map(Level::number), level.map(Level::number));
        let text = match (was, level) {
            (None, None) => return Ok(()),
            (None, Some(_)) => sql!(
                "INSERT INTO throttles (relay, receiver, level, since) \
                 SELECT $1, $2, CAST($4 AS BIGINT), CAST($5 AS BIGINT) \
                 WHERE CAST($3 AS BIGINT) IS NULL ON CONFLICT (relay, receiver) DO NOTHING"
            ),
            (Some(_), Some(_)) => sql!(
                "UPDATE throttles SET level = $4, since = $5 WHERE relay = $1 AND receiver = $2 AND level = $3"
            ),
            (Some(_), None) => sql!(
                "DELETE FROM throttles WHERE relay = $1 AND receiver = $2 AND level = $3 \
                 AND CAST($4 AS BIGINT) IS NULL AND since <= $5"
            ),
        };
        let mut tx = self.db.begin(Turn::Act).await?;
        on_db!(tx.on(), text, |db, sql| sqlx::query(sql)
            .bind(stretch.relay.as_str())
            .bind(stretch.receiver.as_str())
            .bind(was)
            .bind(level)
            .bind(now.millis())
            .execute(db)
            .await
            .map(drop))?;
        tx.commit().await
    }
}
