//! Webhooks: calls are claimed, made outside of any transaction, and settled.
//!
//! A call is made at least once, each time with the same key: whose answer could not be written any more is made
//! again when its lease is over.

mod post;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use self::post::post;
use super::{Engine, live::LiveError, running::Outage};
use crate::{
    clock::random_u64,
    config::{Egress, Target},
    domain::time::Instant,
    store::{
        StoreError,
        records::{Call, Called, ClaimToken},
    },
};

/// Calls at once.
const ROOM: i64 = 16;

/// How long a call may take, from looking up its host to the head of the answer.
const WITHIN: Duration = Duration::from_secs(30);

/// How long a claimed call is ours: longer than it may take and be written.
const LEASE: Duration = Duration::from_mins(3);

/// How long a call is tried.
const TRIED: Duration = Duration::from_hours(24);

/// After the first try in vain; twice as long after each other one, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_hours(4);

/// How often it is looked for calls where none is due.
const LOOK: Duration = Duration::from_secs(2);

impl Engine {
    /// Makes the calls that are due, until told to stop.
    ///
    /// # Errors
    /// Never for the database being away: that is waited for.
    pub async fn call_loop(self: Arc<Self>, stop: CancellationToken) -> Result<(), LiveError> {
        let mut outage = Outage::default();
        while !stop.is_cancelled() {
            let made = match self.call().await {
                Ok(made) => {
                    outage.over("calling webhooks");
                    made
                }
                Err(error) => {
                    outage.failed("calling webhooks", &error, self.clock.now());
                    0
                }
            };
            if made == 0 {
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        Ok(())
    }

    /// Makes some of the calls that are due; returns how many. Nobody is called in a database for rehearsals, nor while
    /// the time since a backup is lived through again.
    ///
    /// # Errors
    /// When the database fails: what was claimed is made again when its lease is over.
    pub async fn call(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        if self.next_call_at(now).await? > now {
            return Ok(0);
        }
        let token = ClaimToken((random_u64() >> 1).cast_signed());
        let calls = self.store.claim_calls(now, token, LEASE, ROOM).await?;
        let each = calls.iter().map(|call| self.call_one(call));
        futures::future::join_all(each).await.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(calls.len())
    }

    /// When one is to be made; [`Instant::NEVER`] where none is made.
    pub(super) async fn next_call_at(&self, now: Instant) -> Result<Instant, StoreError> {
        if self.outlets.iter().any(|outlet| outlet.is_lost()) {
            return Ok(Instant::NEVER);
        }
        let next = self.store.next_call_at(now).await?;
        let is_made = !next.is_never() && !self.store.is_rehearsal().await?;
        Ok(if is_made { next } else { Instant::NEVER })
    }

    async fn call_one(&self, call: &Call) -> Result<(), StoreError> {
        let answer = match tokio::time::timeout(WITHIN, self.ask(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", WITHIN.as_secs())),
        };
        let now = self.clock.now();
        let called = called(call, answer, now);
        if self.store.settle_call(call, &called, now).await? {
            let outcome = match &called {
                Called::Answered { .. } => "answered",
                Called::Again { .. } => "failed",
                Called::GivenUp { .. } => "given_up",
            };
            if let Called::Again { reason, .. } | Called::GivenUp { reason } = &called {
                tracing::warn!(webhook = %call.target, call = %call.id, reason, outcome, "a webhook failed");
            }
            (self.on_called)(&call.target, outcome);
            self.nudge.notify_one();
        }
        Ok(())
    }

    async fn ask(&self, call: &Call) -> Result<u16, String> {
        let Some(target) = self.config.webhook(&call.target) else {
            return Err(format!("nurtured.toml has no [webhook.{}]", call.target));
        };
        let secret = target.secret().map_err(|error| error.to_string())?;
        let key = self.keyring.call_key(call.lead, &call.about);
        let body = body(&key, &call.told)?;
        post(target, &self.config.egress, &secret, &key, body, self.clock.now()).await
    }
}

/// Whether a target could be called now, as far as its address goes: it is looked up, and not called.
///
/// # Errors
/// Why not.
pub async fn may_be_called(target: &Target, egress: &Egress) -> Result<(), String> {
    post::addresses(&target.url, egress).await.map(drop)
}

/// The key stands first, then what is told.
fn body(key: &str, told: &str) -> Result<String, String> {
    let told: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(told).map_err(|error| format!("what is told is no JSON: {error}"))?;
    let mut whole = serde_json::Map::from_iter([("key".to_owned(), key.into())]);
    whole.extend(told);
    serde_json::to_string(&whole).map_err(|error| error.to_string())
}

fn called(call: &Call, answer: Result<u16, String>, now: Instant) -> Called {
    let reason = match answer {
        Ok(status) => return Called::Answered { status },
        Err(reason) => reason,
    };
    let doublings = u32::try_from(call.attempts.clamp(0, 16)).unwrap_or(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let over = call.first_tried_at.unwrap_or(now) + TRIED;
    if now >= over {
        return Called::GivenUp { reason };
    }
    // The last try is when the day is over.
    Called::Again { until: (now + pause).min(over), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        event::StepRef,
        id::{EnrolmentNo, LeadId, MessageId},
    };

    #[test]
    fn a_call_is_tried_for_a_day_at_growing_distances() {
        let begin: Instant = "2027-03-16T11:00:00Z".parse().unwrap();
        let mut call = Call {
            id: MessageId(1),
            lead: LeadId(1),
            about: StepRef { enrolment: EnrolmentNo(1), step: "webhook.crm".into(), visit: 1 },
            workflow: "hello".into(),
            target: "crm".into(),
            told: "{}".to_owned(),
            attempts: 0,
            first_tried_at: None,
            token: ClaimToken(1),
        };
        let (mut now, mut pauses) = (begin, Vec::new());
        loop {
            match called(&call, Err("answered 500".to_owned()), now) {
                Called::Again { until, .. } => {
                    pauses.push(until.since(now) / 1_000);
                    call.first_tried_at.get_or_insert(now);
                    (now, call.attempts) = (until, call.attempts + 1);
                }
                Called::GivenUp { reason } => {
                    assert_eq!(reason, "answered 500");
                    break;
                }
                Called::Answered { .. } => unreachable!(),
            }
        }
        assert_eq!(&pauses[..5], [30, 60, 120, 240, 480]);
        assert!(pauses.iter().all(|pause| *pause <= 4 * 3_600), "{pauses:?}");
        assert_eq!(now, begin + TRIED);
    }

    #[test]
    fn the_key_stands_first() {
        let told = r#"{"lead":{"id":"7"},"data":{"b":1,"a":2}}"#;
        let whole = body("k", told).unwrap();
        assert_eq!(whole, r#"{"key":"k","lead":{"id":"7"},"data":{"b":1,"a":2}}"#);
    }
}
