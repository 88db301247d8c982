//! The one task that records hits, a batch at a time.

use std::{
    collections::HashMap,
    hash::{Hash as _, Hasher as _},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use siphasher::sip::SipHasher13;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Act, Hit, IntakeError, IntakeStats, Taken, Waiting,
    recent::{Place, Recent, RecentHit, RecentMail},
};
use crate::{
    clock::Clock,
    domain::{
        event::{EventKind, Judgement},
        id::MessageId,
        lead::Suppression,
        message::MessageKind,
        name::Name,
        time::Instant,
        value::Value,
    },
    engine::judge::{self, Approach, FirstJudgement, Signs, Target},
    store::{
        Store, StoreError,
        records::{MessageBrief, NewEvent, Recorded},
    },
};

/// Hits in one transaction.
const BATCH: usize = 256;
/// How often a batch is tried when the database prefers another transaction.
const TRIES: u32 = 3;
/// How often an idle intake shows that it is alive.
const BEAT: Duration = Duration::from_secs(10);
/// Where hits come from, in the events' `source`.
const SOURCE: &str = "http";

/// Drains the queue of the intake; see [`IntakeWorker::run`].
#[derive(Debug)]
pub struct IntakeWorker {
    store: Store,
    clock: Clock,
    nudge: Arc<Notify>,
    queue: mpsc::Receiver<Waiting>,
    stats: Arc<IntakeStats>,
    recent: Recent,
}

/// What somebody who waits is told.
type Answer = Result<Taken, IntakeError>;

/// What one batch is about to write.
#[derive(Default)]
struct Plan {
    events: Vec<NewEvent>,
    /// For each hit of the batch: its event, or what it is answered without one.
    answers: Vec<Planned>,
    mails: HashMap<MessageId, RecentMail>,
}

enum Planned {
    Event(usize),
    Ignored,
}

impl IntakeWorker {
    pub(super) fn new(
        store: Store,
        clock: Clock,
        nudge: Arc<Notify>,
        queue: mpsc::Receiver<Waiting>,
        stats: Arc<IntakeStats>,
    ) -> Self {
        Self { store, clock, nudge, queue, stats, recent: Recent::default() }
    }

    /// Records until `stop`; then takes nothing more, records what is in the queue, and returns. `beat`
    /// is called once a round, and now and then while there is nothing to do.
    pub async fn run(mut self, stop: CancellationToken, beat: impl Fn() + Send) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut closing = false;
        let mut idle = tokio::time::interval(BEAT);
        loop {
            beat();
            tokio::select! {
                biased;
                taken = self.queue.recv_many(&mut batch, BATCH) => {
                    if taken == 0 {
                        return;
                    }
                    self.settle(std::mem::take(&mut batch)).await;
                }
                () = stop.cancelled(), if !closing => {
                    closing = true;
                    self.queue.close();
                }
                _ = idle.tick() => {}
            }
        }
    }

    /// Records a batch and answers everybody in it.
    async fn settle(&mut self, batch: Vec<Waiting>) {
        match self.record(&batch).await {
            Ok(taken) => answer(batch, taken),
            Err(error) if batch.len() > 1 && !error.is_transient() => {
                // One of them cannot be recorded: it must not take the others with it.
                for waiting in batch {
                    let alone = [waiting];
                    let taken = self.record(&alone).await;
                    answer(alone, taken.unwrap_or_else(|error| vec![Err(refused(&error))]));
                }
            }
            Err(error) => {
                let error = refused(&error);
                answer(batch, std::iter::repeat(Err(error)));
            }
        }
    }

    async fn record(&mut self, batch: &[Waiting]) -> Result<Vec<Answer>, StoreError> {
        let mut messages: Vec<MessageId> =
            batch.iter().map(|waiting| waiting.hit.mail.message).collect();
        messages.sort_unstable();
        messages.dedup();
        let briefs = self.store.message_briefs(&messages).await?;
        let mut plan = Plan::default();
        for waiting in batch {
            let hit = &waiting.hit;
            // A token names both; a mail that has moved to another lead is nobody's hit.
            let brief = briefs.get(&hit.mail.message).filter(|brief| brief.lead == hit.mail.lead);
            let recent = &self.recent;
            let planned = plan.add(hit, waiting.at, brief, recent);
            plan.answers.push(planned);
        }
        let now = self.clock.now();
        let recorded = if plan.events.is_empty() {
            Vec::new()
        } else {
            let recorded = self.write(&plan.events, now).await?;
            self.stats.transactions.fetch_add(1, Ordering::Relaxed);
            self.nudge.notify_one();
            recorded
        };
        Ok(self.conclude(plan, &recorded, now))
    }

    /// One transaction. Losing it to another one is no reason to refuse anybody.
    async fn write(&self, events: &[NewEvent], now: Instant) -> Result<Vec<Recorded>, StoreError> {
        for _ in 1..TRIES {
            match self.store.record_events(events, now).await {
                Err(StoreError::Conflict) => {}
                recorded => return recorded,
            }
        }
        self.store.record_events(events, now).await
    }

    /// After the transaction: what is remembered, and what everybody is told.
    fn conclude(&mut self, plan: Plan, recorded: &[Recorded], now: Instant) -> Vec<Answer> {
        let Plan { events, answers, mut mails } = plan;
        for mail in mails.values_mut() {
            mail.hits.retain_mut(|hit| match hit.place {
                Place::Recorded(_) => true,
                Place::Pending(index) => match recorded.get(index) {
                    Some(Recorded::New { rev, .. }) => {
                        hit.place = Place::Recorded(*rev);
                        true
                    }
                    _ => false,
                },
            });
        }
        self.recent.keep(mails, now);
        let taken: Vec<Answer> = answers
            .into_iter()
            .map(|planned| match planned {
                Planned::Ignored => Ok(Taken::Ignored),
                Planned::Event(index) => match recorded.get(index) {
                    Some(Recorded::New { .. }) => Ok(Taken::Recorded(events[index].judgement)),
                    Some(Recorded::Duplicate) => Ok(Taken::Already),
                    Some(Recorded::NoSuchLead) => Ok(Taken::Nobody),
                    Some(Recorded::Unstorable) | None => Err(IntakeError::Unavailable),
                },
            })
            .collect();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let on_disk = |taken: &&Answer| matches!(taken, Ok(Taken::Recorded(_) | Taken::Already));
        let hits = taken.iter().filter(on_disk).count();
        let revised =
            events.iter().filter(|event| event.kind == EventKind::JUDGEMENT_REVISED).count();
        self.stats.hits.fetch_add(count(hits), Ordering::Relaxed);
        self.stats.revised.fetch_add(count(revised), Ordering::Relaxed);
        taken
    }
}

impl Plan {
    fn add(
        &mut self,
        hit: &Hit,
        at: Instant,
        brief: Option<&MessageBrief>,
        recent: &Recent,
    ) -> Planned {
        let (kind, approach, url) = match &hit.act {
            // An objection holds whatever we still know about the mail; but what our own people are
            // sent is not the lead's to object to.
            Act::Unsubscribe => {
                return match brief {
                    Some(brief) if brief.kind == MessageKind::Internal => Planned::Ignored,
                    _ => self.put(unsubscribed(hit, at, brief)),
                };
            }
            Act::Click { url } => (Some(EventKind::MAIL_CLICKED), Approach::Click, Some(url)),
            Act::Open => (Some(EventKind::MAIL_OPENED), Approach::Open, None),
            Act::LookAtUnsubscribe => (None, Approach::Click, None),
        };
        let Some(brief) = brief.filter(|brief| brief.kind == MessageKind::Marketing) else {
            return Planned::Ignored;
        };
        let mut mail = self.mails.remove(&brief.id).unwrap_or_else(|| recent.of(brief.id));
        let burst = match approach {
            Approach::Open => mail.is_after_burst(at),
            Approach::Click => mail.follow(at, target(url.map(String::as_str))),
        };
        if burst {
            self.revise(hit, at, brief, &mut mail);
        }
        let planned = match kind {
            Some(kind) if !mail.is_full() => {
                let signs = Signs {
                    approach,
                    head: hit.head,
                    agent: &hit.agent,
                    at,
                    on_its_way: brief.state.is_open(),
                    sent_at: brief.sent_at,
                    burst,
                };
                let first = judge::judge(&signs);
                let place = Place::Pending(self.events.len());
                let object = Some(brief.template.clone());
                let judgement = first.judgement();
                mail.hits.push(RecentHit { at, kind: kind.clone(), object, judgement, place });
                self.put(hit_event(kind, first, hit, at, brief, url))
            }
            _ => Planned::Ignored,
        };
        self.mails.insert(brief.id, mail);
        planned
    }

    fn put(&mut self, event: NewEvent) -> Planned {
        self.events.push(event);
        Planned::Event(self.events.len() - 1)
    }

    /// Somebody goes through the links of this mail: what was unsure about it a moment ago was a machine.
    fn revise(&mut self, hit: &Hit, at: Instant, brief: &MessageBrief, mail: &mut RecentMail) {
        for earlier in mail.still_unsure(at) {
            earlier.judgement = Judgement::Machine;
            match earlier.place {
                Place::Pending(index) => {
                    let event = &mut self.events[index];
                    event.judgement = Judgement::Machine;
                    event.settles_at = None;
                    event.data.insert("because".into(), because(judge::Sign::AllLinks));
                }
                Place::Recorded(rev) => {
                    let mut event = NewEvent::new(
                        hit.mail.lead,
                        EventKind::JUDGEMENT_REVISED,
                        earlier.at,
                        SOURCE,
                    );
                    event.object.clone_from(&earlier.object);
                    event.judgement = Judgement::Machine;
                    event.message = Some(brief.id);
                    event.revises = Some(rev);
                    event.data.insert("kind".into(), Value::Text(earlier.kind.as_str().into()));
                    event.data.insert("because".into(), because(judge::Sign::AllLinks));
                    event.dedupe = Some(format!("revised:{rev}"));
                    self.events.push(event);
                }
            }
        }
    }
}

fn hit_event(
    kind: EventKind,
    first: FirstJudgement,
    hit: &Hit,
    at: Instant,
    brief: &MessageBrief,
    url: Option<&String>,
) -> NewEvent {
    let mut event = NewEvent::new(hit.mail.lead, kind, at, SOURCE);
    event.object = Some(brief.template.clone());
    event.judgement = first.judgement();
    event.settles_at = first.settles_at();
    event.message = Some(brief.id);
    if let Some(url) = url {
        event.data.insert("url".into(), Value::Text(url.as_str().into()));
    }
    if let FirstJudgement::Machine(sign) = first {
        event.data.insert("because".into(), because(sign));
    }
    event
}

fn unsubscribed(hit: &Hit, at: Instant, brief: Option<&MessageBrief>) -> NewEvent {
    let mut event = NewEvent::new(hit.mail.lead, EventKind::LEAD_UNSUBSCRIBED, at, SOURCE);
    event.object = brief.map(|brief| brief.template.clone());
    event.message = brief.map(|brief| brief.id);
    event.suppress = Some(Suppression::Unsubscribed);
    event.dedupe = Some(format!("unsubscribed:{}", hit.mail.message));
    event
}

fn because(sign: judge::Sign) -> Value {
    Value::Text(Name::new(sign.word()))
}

/// The page of the unsubscribe link is a target like the others.
fn target(url: Option<&str>) -> Target {
    let mut hasher = SipHasher13::new();
    url.hash(&mut hasher);
    Target(hasher.finish())
}

fn refused(error: &StoreError) -> IntakeError {
    tracing::warn!(%error, "hits could not be recorded");
    IntakeError::Unavailable
}

fn answer(batch: impl IntoIterator<Item = Waiting>, taken: impl IntoIterator<Item = Answer>) {
    for (waiting, taken) in batch.into_iter().zip(taken) {
        if let Some(sender) = waiting.answer {
            // Whoever waited may have gone.
            let _ = sender.send(taken);
        }
    }
}
