//! Messages that are due, looked up a relay and a workflow at a time: what is paused, or is another relay's, is
//! never walked over, however much of it there is.

use std::{cmp::Reverse, time::Duration};

use super::{
    Result, Store,
    db::{Tx, on_db},
    dialect::Text,
    gate::Turn,
    messages::{StoredMessage, readable},
    records::{ClaimToken, MessageRow},
};
use crate::domain::{name::Name, time::Instant};

/// From one relay and workflow that has open messages to the next, and the first that is due of each kind.
pub(super) const HEADS: Text = sql!(
    "WITH RECURSIVE ",
    vias,
    ", line(via, workflow) AS (\
     SELECT relay.via, (SELECT t.workflow FROM messages AS t WHERE t.state IN ('reserved', 'deferred') \
     AND t.via = relay.via ORDER BY t.workflow LIMIT 1) FROM relay WHERE relay.via IS NOT NULL \
     UNION ALL SELECT line.via, (SELECT t.workflow FROM messages AS t \
     WHERE t.state IN ('reserved', 'deferred') AND t.via = line.via \
     AND t.workflow > line.workflow ORDER BY t.workflow LIMIT 1) \
     FROM line WHERE line.workflow IS NOT NULL) \
     SELECT line.via, line.workflow, k.kind, (SELECT t.due_at FROM messages AS t \
     WHERE t.state IN ('reserved', 'deferred') AND t.via = line.via AND t.workflow = line.workflow \
     AND t.kind = k.kind \
     ORDER BY t.due_at LIMIT 1) AS due_at \
     FROM line CROSS JOIN (SELECT 'marketing' AS kind UNION ALL SELECT 'internal') AS k \
     WHERE line.workflow IS NOT NULL \
     AND ($1 OR (NOT EXISTS (SELECT 1 FROM pauses AS p WHERE p.scope = 'all') \
     AND (k.kind = 'internal' \
     OR NOT EXISTS (SELECT 1 FROM pauses AS p WHERE p.scope = line.workflow))))"
);

pub(super) const CLAIM: Text = sql!(
    "WITH due AS MATERIALIZED (SELECT t.id FROM messages AS t \
     WHERE t.state IN ('reserved', 'deferred') AND t.via = $7 AND t.workflow = $5 AND t.kind = $6 \
     AND t.due_at <= $1 \
     ORDER BY t.due_at, t.id LIMIT $4",
    skip,
    ") UPDATE messages SET state = 'claimed', token = $2, lease_until = $3, \
     relay = $8 \
     WHERE id IN (SELECT due.id FROM due) \
     RETURNING id, lead, enrolment, step, visit, recipient, kind, workflow, version, purpose, \
     template, state, due_at, attempts, token, created_at, first_tried_at, sent_at, reason, via, \
     placed_on"
);

/// Whose mails are claimed, and by whom.
#[derive(Clone, Debug)]
pub struct Route {
    /// The relay that hands them over.
    pub by: Name,
    /// The relays that they were to go by: its own name, and those that it stands in for.
    pub of: Vec<Name>,
}

impl Route {
    /// That of a relay that stands in for nobody.
    #[must_use]
    pub fn own(relay: &Name) -> Self {
        Self { by: relay.clone(), of: vec![relay.clone()] }
    }
}

/// The first message by a relay, of a workflow and a kind, that waits and is not paused.
struct Head {
    via: String,
    workflow: String,
    kind: String,
    due_at: Instant,
}

/// Who claims, and what.
struct Claim {
    now: Instant,
    token: ClaimToken,
    lease_until: Instant,
    by: Name,
}

impl Store {
    /// Claims due messages of a route that are not paused, within a workflow the longest due first. Each workflow
    /// has its share, so that the backlog of one holds up nobody else's mail; what some leave over goes to those whose
    /// mail has been due for longest. The claimer has them for as long as the `lease`; every later write of
    /// the claim is fenced by `token`.
    pub async fn claim_messages(
        &self,
        route: &Route,
        now: Instant,
        token: ClaimToken,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<MessageRow>> {
        let mut due = self.heads().await?;
        due.retain(|head| head.due_at <= now && head.is_on(route));
        if due.is_empty() {
            return Ok(Vec::new());
        }
        due.sort_by_key(|head| Reverse(head.due_at));
        let lease_until = self.lease_clock(now).await? + lease;
        let claim = Claim { now, token, lease_until, by: route.by.clone() };
        let mut claimed = Vec::new();
        let mut tx = self.db.begin(Turn::Work).await?;
        let (mut left, mut behind) = (limit, Vec::new());
        while let Some(head) = due.pop().filter(|_| left > 0) {
            let shares = count(&due) + 1;
            let share = (left + shares - 1) / shares;
            let some = tx.claim_behind(&head, &claim, share).await?;
            left -= count(&some);
            if count(&some) == share {
                behind.push(head);
            }
            claimed.extend(some);
        }
        for head in behind {
            if left > 0 {
                let some = tx.claim_behind(&head, &claim, left).await?;
                left -= count(&some);
                claimed.extend(some);
            }
        }
        tx.commit().await?;
        let mut claimed: Vec<MessageRow> = readable(claimed).map(|(message, _)| message).collect();
        claimed.sort_by_key(|message| (message.due_at, message.id));
        Ok(claimed)
    }

    /// When the next message that is not paused is due; [`Instant::NEVER`] if none is.
    pub async fn next_due_message(&self) -> Result<Instant> {
        let heads = self.heads().await?;
        Ok(heads.iter().map(|head| head.due_at).min().unwrap_or(Instant::NEVER))
    }

    /// When the next message of a route that is not paused is due; [`Instant::NEVER`] if none is.
    pub async fn next_due_by(&self, route: &Route) -> Result<Instant> {
        let heads = self.heads().await?;
        let due = heads.iter().filter(|head| head.is_on(route)).map(|head| head.due_at);
        Ok(due.min().unwrap_or(Instant::NEVER))
    }

    /// Read beside the writer. A pause that comes after it is seen at the point of no return.
    async fn heads(&self) -> Result<Vec<Head>> {
        let found: Vec<(String, String, String, Option<i64>)> =
            on_db!(self.db.read(), HEADS, |db, sql| sqlx::query_as(sql)
                .bind(self.db.ignores_pauses)
                .fetch_all(db)
                .await)?;
        let head = |(via, workflow, kind, due_at): (_, _, _, Option<i64>)| {
            Some(Head { via, workflow, kind, due_at: Instant::from_millis(due_at?) })
        };
        Ok(found.into_iter().filter_map(head).collect())
    }
}

fn count<T>(some: &[T]) -> i64 {
    i64::try_from(some.len()).unwrap_or(i64::MAX)
}

impl Head {
    fn is_on(&self, route: &Route) -> bool {
        route.of.iter().any(|relay| relay.as_str() == self.via)
    }
}

impl Tx {
    async fn claim_behind(
        &mut self,
        head: &Head,
        claim: &Claim,
        limit: i64,
    ) -> Result<Vec<StoredMessage>> {
        Ok(on_db!(self.on(), CLAIM, |db, sql| sqlx::query_as(sql)
            .bind(claim.now.millis())
            .bind(claim.token.0)
            .bind(claim.lease_until.millis())
            .bind(limit)
            .bind(&head.workflow)
            .bind(&head.kind)
            .bind(&head.via)
            .bind(claim.by.as_str())
            .fetch_all(db)
            .await)?)
    }
}
