//! What a batch of hits is about to write: each judged by its signs and by the last seconds of its mail.

use std::{
    collections::HashMap,
    hash::{Hash as _, Hasher as _},
};

use siphasher::sip::SipHasher13;

use super::{
    Act, Hit,
    recent::{Place, Recent, RecentHit, RecentMail},
};
use crate::{
    domain::{
        event::{EventKind, Judgement},
        id::MessageId,
        lead::Suppression,
        message::MessageKind,
        name::Name,
        question::fact_object,
        time::Instant,
        value::Value,
    },
    engine::answering::Answer,
    engine::judge::{self, Approach, FirstJudgement, Signs, Target},
    store::records::{MessageBrief, NewEvent},
};

/// Where hits come from, in the events' `source`.
const SOURCE: &str = "http";

/// What one batch is about to write.
#[derive(Default)]
pub(super) struct Plan {
    pub events: Vec<NewEvent>,
    /// For each hit of the batch: its event, or what it is answered without one.
    pub answers: Vec<Planned>,
    pub mails: HashMap<MessageId, RecentMail>,
}

pub(super) enum Planned {
    Event(usize),
    Ignored,
}

impl Plan {
    /// Takes one more hit of the batch, in order.
    pub fn take(&mut self, hit: &Hit, at: Instant, brief: Option<&MessageBrief>, recent: &Recent) {
        let planned = self.add(hit, at, brief, recent);
        self.answers.push(planned);
    }

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
            // Our own people answer for leads in mails to them, and nobody else does.
            Act::Outcome(word) => {
                return match brief {
                    Some(brief) if brief.kind == MessageKind::Internal => {
                        self.put(word.event(hit.mail, at, SOURCE))
                    }
                    _ => Planned::Ignored,
                };
            }
            Act::Click { url } => (Some(EventKind::MAIL_CLICKED), Approach::Click, Some(url)),
            Act::Open => (Some(EventKind::MAIL_OPENED), Approach::Open, None),
            Act::Answer(answer) => return self.answer(hit, answer, at, brief, recent),
            Act::LookAtQuestion { link } => (None, Approach::Click, Some(link)),
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
            Some(kind) if !mail.is_full(at) => {
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

    /// Said by a person, whatever we still know about the mail: it was asked by one of ours.
    fn answer(
        &mut self,
        hit: &Hit,
        answer: &Answer,
        at: Instant,
        brief: Option<&MessageBrief>,
        recent: &Recent,
    ) -> Planned {
        // What our own people are sent asks them, and has buttons of its own.
        if brief.is_some_and(|brief| brief.kind == MessageKind::Internal) {
            return Planned::Ignored;
        }
        let event = answered(hit, answer, at, brief);
        let mut mail =
            self.mails.remove(&hit.mail.message).unwrap_or_else(|| recent.of(hit.mail.message));
        let planned = if mail.is_full_of_answers(at) {
            Planned::Ignored
        } else {
            mail.hits.push(RecentHit {
                at,
                kind: event.kind.clone(),
                object: event.object.clone(),
                judgement: Judgement::Human,
                place: Place::Pending(self.events.len()),
            });
            self.put(event)
        };
        self.mails.insert(hit.mail.message, mail);
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

fn answered(hit: &Hit, answer: &Answer, at: Instant, brief: Option<&MessageBrief>) -> NewEvent {
    let mut event = NewEvent::new(hit.mail.lead, EventKind::LEAD_ANSWERED, at, SOURCE);
    let value = answer.data.get("value").map(ToString::to_string).unwrap_or_default();
    let after = answer.after.map_or(0, |rev| rev.0);
    let what = fact_object(answer.ask.key(), &value);
    event.dedupe = Some(format!("answered:{}:{after}:{what}", hit.mail.message));
    event.object = Some(answer.ask.key().into());
    event.data.clone_from(&answer.data);
    event.message = brief.map(|brief| brief.id);
    event.profile.clone_from(&answer.profile);
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
