//! How far relays are that warm up, and what came of their mails on a day.

use super::{Result, Store, db::on_db, dialect::Text, gate::Turn, gather::gather};
use crate::domain::{name::Name, ramp::Standing, schedule::Day, time::Instant};

/// How a relay stands with some receivers.
pub type Ramp = ((Name, Name), Standing);

/// What a day's mails by a relay to one domain came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOfRelay {
    pub domain: Name,
    pub what: DayFigure,
    pub number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayFigure {
    /// Tries, and what they came to is none of the two below.
    Tried,
    /// Tries that were put off.
    Deferred,
    /// Tries that were refused for good.
    Refused,
    /// Came back for good.
    Bounced,
    Complained,
}

pub(super) const TRIES: Text = sql!(
    "SELECT l.domain, a.outcome, COUNT(*) FROM attempts AS a JOIN messages AS m ON m.id = a.message \
     JOIN leads AS l ON l.lead = m.lead WHERE a.relay = $1 AND a.at >= $2 AND a.at < $3 \
     AND m.kind = 'marketing' GROUP BY l.domain, a.outcome"
);

/// By the condition of the index.
pub(super) const RETURNS: Text = sql!(
    "SELECT l.domain, e.kind, COUNT(*) FROM events AS e JOIN messages AS m ON m.id = e.message \
     JOIN leads AS l ON l.lead = e.lead WHERE e.kind IN ",
    that_matter,
    " \
     AND (e.kind = 'mail.complained' OR e.kind = 'mail.bounced' AND e.object = 'hard') \
     AND e.kind IN ('mail.bounced', 'mail.complained') AND e.recorded_at >= $2 AND e.recorded_at < $3 \
     AND m.relay = $1 GROUP BY l.domain, e.kind"
);

impl Store {
    /// How relays stand with their receivers, as far as it was ever written.
    pub async fn ramps(&self) -> Result<Vec<Ramp>> {
        type Row = (String, String, i64, i64, i64, Option<String>);
        let found: Vec<Row> = on_db!(
            self.db.read(),
            sql!(
                "SELECT r.relay, r.receivers, r.begun, r.step, r.day, r.held FROM ramps AS r \
                 ORDER BY r.relay, r.receivers"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let standing = |(relay, receivers, begun, step, day, held): Row| {
            let step = usize::try_from(step).unwrap_or_default();
            let standing = Standing { begun: Day(begun), step, day: Day(day), held };
            ((relay.into(), receivers.into()), standing)
        };
        Ok(found.into_iter().map(standing).collect())
    }

    /// Writes how a relay stands with some receivers. Returns whether it was us: nothing is changed where it does not
    /// stand any more as it was thought to (`None`: nowhere).
    pub async fn move_ramp(
        &self,
        (relay, receivers): (&Name, &Name),
        was: Option<&Standing>,
        is: &Standing,
    ) -> Result<bool> {
        let step = i64::try_from(is.step).unwrap_or(i64::MAX);
        let mut tx = self.db.begin(Turn::Act).await?;
        let changed = match was {
            None => on_db!(
                tx.on(),
                sql!(
                    "INSERT INTO ramps (relay, receivers, begun, step, day, held) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (relay, receivers) DO NOTHING"
                ),
                |db, sql| sqlx::query(sql)
                    .bind(relay.as_str())
                    .bind(receivers.as_str())
                    .bind(is.begun.0)
                    .bind(step)
                    .bind(is.day.0)
                    .bind(is.held.as_deref())
                    .execute(db)
                    .await
                    .map(|done| done.rows_affected())
            ),
            Some(was) => on_db!(
                tx.on(),
                sql!(
                    "UPDATE ramps SET begun = $3, step = $4, day = $5, held = $6 \
                     WHERE relay = $1 AND receivers = $2 AND begun = $7 AND day = $8"
                ),
                |db, sql| sqlx::query(sql)
                    .bind(relay.as_str())
                    .bind(receivers.as_str())
                    .bind(is.begun.0)
                    .bind(step)
                    .bind(is.day.0)
                    .bind(is.held.as_deref())
                    .bind(was.begun.0)
                    .bind(was.day.0)
                    .execute(db)
                    .await
                    .map(|done| done.rows_affected())
            ),
        }?;
        tx.commit().await?;
        Ok(changed > 0)
    }

    /// What came of marketing mails by a relay between two instants, by the domains that they were for.
    pub async fn day_of_relay(
        &self,
        relay: &Name,
        from: Instant,
        until: Instant,
    ) -> Result<Vec<DayOfRelay>> {
        let mut tx = self.db.snapshot().await?;
        let mut figures = Vec::new();
        for text in [TRIES, RETURNS] {
            let rows: Vec<(String, String, i64)> = on_db!(tx.on(), text, |db, sql| {
                let query = sqlx::query_as(sql);
                let query = query.bind(relay.as_str()).bind(from.millis()).bind(until.millis());
                gather(query.fetch(db)).await
            })?;
            figures.extend(rows.into_iter().map(|(domain, word, number)| DayOfRelay {
                domain: domain.trim_start_matches('@').into(),
                what: match word.as_str() {
                    "deferred" => DayFigure::Deferred,
                    "failed" => DayFigure::Refused,
                    "mail.bounced" => DayFigure::Bounced,
                    "mail.complained" => DayFigure::Complained,
                    _ => DayFigure::Tried,
                },
                number: u64::try_from(number).unwrap_or_default(),
            }));
        }
        tx.rollback().await?;
        Ok(figures)
    }
}
