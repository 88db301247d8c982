//! What happened in a period, of everything.

use std::collections::HashMap;

use super::count;
use crate::{
    domain::{
        id::{IdSource, LeadId},
        lead::Stage,
    },
    store::{
        Result, Store, StoreError,
        db::on_db,
        dialect::Text,
        records::{Gain, Happened, Period},
    },
};

/// What was settled before is passed over, by number of the row and by row of the table. A deal with several
/// leads counts once. What an import tells of long ago did not happen now.
const HAPPENED: Text = sql!(
    "SELECT 'new' AS what, '' AS word, COUNT(*) AS number FROM leads WHERE lead >= $3 AND lead < $4 \
     UNION ALL SELECT 'decided', '', COUNT(*) FROM lead_timer WHERE decided_at >= $1 AND decided_at < $2 \
     UNION ALL SELECT 'entered', '', COUNT(*) FROM enrolments WHERE entered_at >= $1 AND entered_at < $2 \
     UNION ALL SELECT 'ended', status, COUNT(*) FROM enrolments \
     WHERE status <> 'active' AND ended_at >= $1 AND ended_at < $2 GROUP BY status \
     UNION ALL SELECT kind, state, COUNT(*) FROM messages \
     WHERE settled_at >= $1 AND settled_at < $2 GROUP BY kind, state \
     UNION ALL SELECT 'deferred', '', COUNT(*) FROM attempts \
     WHERE outcome = 'deferred' AND at >= $1 AND at < $2 \
     UNION ALL SELECT 'event', CASE WHEN kind = 'mail.bounced' AND object IS NOT NULL \
     THEN kind || '.' || object ELSE kind END, COUNT(DISTINCT CASE WHEN kind = 'deal.won' AND object IS NOT NULL \
     THEN object ELSE CAST(lead AS TEXT) || ' ' || CAST(rev AS TEXT) END) FROM events \
     WHERE kind IN ",
    that_matter,
    " AND recorded_at >= $1 AND recorded_at < $2 \
     AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 2"
);

/// Of those who were decided since, as points are booked by decisions.
const GAINED: Text = sql!(
    "SELECT s.lead, s.rule, CAST(SUM(s.points) AS BIGINT) AS points, COUNT(*) AS times FROM lead_timer AS t \
     INNER JOIN score_ledger AS s ON s.lead = t.lead WHERE t.decided_at >= $1 \
     AND s.score = 'engagement' AND s.at >= $1 AND s.at < $2 GROUP BY s.lead, s.rule"
);

const WHO: Text = sql!("SELECT address, stage FROM leads WHERE lead = $1");

impl Store {
    /// What happened in a period.
    pub async fn happened(&self, period: Period) -> Result<Happened> {
        let rows: Vec<(String, String, i64)> =
            on_db!(self.db.read(), HAPPENED, |db, sql| sqlx::query_as(sql)
                .bind(period.from.millis())
                .bind(period.until.millis())
                .bind(IdSource::first_at(period.from))
                .bind(IdSource::first_at(period.until))
                .fetch_all(db)
                .await)?;
        let mut happened = Happened::default();
        for (what, word, number) in rows {
            let number = count(number);
            match what.as_str() {
                "new" => happened.new_leads = number,
                "decided" => happened.decided = number,
                "entered" => happened.entered = number,
                "ended" => drop(happened.ended.insert(word.into(), number)),
                "marketing" => drop(happened.mails.insert(word.into(), number)),
                "internal" if word == "sent" => happened.notices = number,
                "internal" => {}
                "deferred" => happened.deferred = number,
                _ => drop(happened.events.insert(word.into(), number)),
            }
        }
        Ok(happened)
    }

    /// Who gained most engagement in a period, at most `most` leads, and by which rules.
    pub async fn gained(&self, period: Period, most: usize) -> Result<Vec<Gain>> {
        let mut tx = self.db.snapshot().await?;
        let rows: Vec<(i64, String, i64, i64)> =
            on_db!(tx.on(), GAINED, |db, sql| sqlx::query_as(sql)
                .bind(period.from.millis())
                .bind(period.until.millis())
                .fetch_all(db)
                .await)?;
        let mut rules: HashMap<i64, Vec<(String, i64, i64)>> = HashMap::new();
        for (lead, rule, points, times) in rows {
            rules.entry(lead).or_default().push((rule, points, times));
        }
        let total = |rules: &[(String, i64, i64)]| rules.iter().map(|rule| rule.1).sum::<i64>();
        let mut leads: Vec<(i64, i64)> = rules
            .iter()
            .map(|(lead, rules)| (total(rules), *lead))
            .filter(|(gained, _)| *gained > 0)
            .collect();
        leads.sort_by_key(|&(gained, lead)| (std::cmp::Reverse(gained), lead));
        leads.truncate(most);
        let mut gains = Vec::new();
        for (gained, lead) in leads {
            let who: Option<(String, String)> = on_db!(tx.on(), WHO, |db, sql| {
                sqlx::query_as(sql).bind(lead).fetch_optional(db).await
            })?;
            let Some((address, stage)) = who else { continue };
            let mut rules = rules.remove(&lead).unwrap_or_default();
            rules.sort_by(|one, other| (other.1, &one.0).cmp(&(one.1, &other.0)));
            gains.push(Gain {
                lead: LeadId(lead),
                address,
                stage: Stage::from_word(&stage)
                    .ok_or_else(|| StoreError::corrupt("leads", "stage", lead))?,
                gained,
                rules: rules
                    .into_iter()
                    .map(|(rule, points, times)| (rule.into(), points, count(times)))
                    .collect(),
            });
        }
        tx.rollback().await?;
        Ok(gains)
    }
}
