//! The story of a lead that is handed to sales: who it is, what it did, why it scores as it does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{Engine, desk::Desk, live::Live};
use crate::{
    domain::{
        decide::tracked,
        decision::ScoreKind,
        event::{Event, EventKind, Judgement},
        hand_off::Choice,
        id::MessageId,
        lead::LeadState,
        message::{MessageKind, MessageState},
        name::Name,
        question::Ask,
        score::MilliPoints,
        time::Instant,
        value::Value,
        workflow::StepKind,
    },
    render::{Card, CardAnswer, CardEvent, CardLine, CardMail, OutcomeLinks},
    store::{
        StoreError,
        records::{LedgerRow, MessageRow},
    },
    token::MailRef,
};

/// How many lines of a kind a card shows.
const LINES: usize = 6;

/// What sales asks for: budget, authority, need, timing, and what the lead stirred for.
const ANSWERS: [&str; 5] = ["budget", "authority", "need", "timing", "interest"];

/// All that is known of a lead.
#[derive(Debug)]
pub struct Story {
    events: Vec<Event>,
    messages: Vec<MessageRow>,
    ledger: Vec<LedgerRow>,
}

impl Engine {
    /// The stories for those of these messages that are cards.
    pub(super) async fn stories(
        &self,
        live: &Live,
        rows: &[MessageRow],
    ) -> Result<HashMap<MessageId, Story>, StoreError> {
        let mut stories = HashMap::new();
        for card in rows.iter().filter(|row| is_card(live, row)) {
            let story = Story {
                events: self.store.events_of(card.lead).await?,
                messages: self.store.messages_of(card.lead).await?,
                ledger: self.store.ledger(card.lead).await?,
            };
            stories.insert(card.id, story);
        }
        Ok(stories)
    }
}

fn is_card(live: &Live, row: &MessageRow) -> bool {
    let step = || live.definitions.structures.get(&row.version)?.steps.named(&row.about.step);
    row.kind == MessageKind::Internal
        && step().is_some_and(|step| matches!(step.kind, StepKind::HandOff(_)))
}

impl Desk<'_> {
    pub(super) fn card(
        &self,
        story: &Story,
        message: &MessageRow,
        lead: &LeadState,
        now: Instant,
    ) -> Card {
        let definitions = &self.live.definitions;
        let may_look = tracked(definitions, lead);
        Card {
            again: message.about.tries() > 1,
            fit: fit(lead),
            engagement: if may_look { story.engagement() } else { Vec::new() },
            events: story.did(may_look, now),
            mails: story.was_sent(may_look, now),
            answers: ANSWERS
                .into_iter()
                .filter_map(|name| {
                    let value = lead.attributes[definitions.schema.slot(name)?.0].as_ref()?;
                    Some(CardAnswer { name: name.to_owned(), value: said(value) })
                })
                .collect(),
            outcome: Some(self.outcome_links(message)),
        }
    }
}

impl Desk<'_> {
    fn outcome_links(&self, message: &MessageRow) -> OutcomeLinks {
        let mail = MailRef { lead: message.lead, message: message.id };
        let link = |choice: Choice| {
            let ask = Ask::Outcome { value: choice.word.into() };
            let base_url = self.config.public.base_url.trim_end_matches('/');
            format!("{base_url}/s/{}", self.keyring.question(&mail, &ask))
        };
        OutcomeLinks {
            accepted: link(Choice::ACCEPTED),
            in_1_month: link(Choice::IN_1_MONTH),
            in_3_months: link(Choice::IN_3_MONTHS),
            in_6_months: link(Choice::IN_6_MONTHS),
            no_budget: link(Choice::NO_BUDGET),
            wrong_person: link(Choice::WRONG_PERSON),
        }
    }
}

fn fit(lead: &LeadState) -> Vec<CardLine> {
    let mut rules: Vec<(&Name, &MilliPoints)> = lead.fit_rules.iter().collect();
    rules.sort_by_key(|(_, points)| Reverse(points.0));
    let line = |(rule, points): (&Name, &MilliPoints)| CardLine {
        rule: rule.to_string(),
        points: whole(*points),
        times: None,
        last: None,
    };
    rules.into_iter().take(LINES).map(line).collect()
}

impl Story {
    /// What each rule gave for hits that still count, before it fades.
    fn engagement(&self) -> Vec<CardLine> {
        let mut rules: BTreeMap<&Name, (i64, usize, Instant)> = BTreeMap::new();
        for row in &self.ledger {
            let line = &row.line;
            if line.score != ScoreKind::Engagement || line.event.is_none() {
                continue;
            }
            let (points, times, last) = rules.entry(&line.rule).or_insert((0, 0, line.at));
            *points += line.points.0;
            if line.points.0 > 0 {
                *times += 1;
                *last = line.at.max(*last);
            } else {
                *times = times.saturating_sub(1);
            }
        }
        let mut rules: Vec<_> = rules.into_iter().filter(|(_, (points, ..))| *points > 0).collect();
        rules.sort_by_key(|(_, (points, ..))| Reverse(*points));
        let line = |(rule, (points, times, last)): (&Name, (i64, usize, Instant))| CardLine {
            rule: rule.to_string(),
            points: whole(MilliPoints(points)),
            times: Some(times),
            last: Some(last.to_string()),
        };
        rules.into_iter().take(LINES).map(line).collect()
    }

    /// What the lead did, by its own hand as far as is known: not what we did, nor what machines did.
    fn did(&self, may_look: bool, now: Instant) -> Vec<CardEvent> {
        let shown = self.events.iter().rev().filter(|event| {
            !event.kind.is_of_our_making()
                && counts(event, now)
                && (may_look || !event.kind.is_behaviour())
        });
        let mut shown: Vec<&Event> = shown.collect();
        // An import tells of it in any order.
        shown.sort_by_key(|event| Reverse(event.occurred_at));
        let shown = shown.into_iter().take(LINES).map(|event| CardEvent {
            at: event.occurred_at.to_string(),
            kind: event.kind.to_string(),
            object: event.object.as_ref().map(ToString::to_string),
        });
        shown.collect()
    }

    fn was_sent(&self, may_look: bool, now: Instant) -> Vec<CardMail> {
        let clicked = |id: MessageId| {
            may_look
                && self.events.iter().any(|event| {
                    event.message == Some(id)
                        && event.kind == EventKind::MAIL_CLICKED
                        && counts(event, now)
                })
        };
        let sent = self.messages.iter().rev().filter(|message| {
            message.kind == MessageKind::Marketing
                && matches!(message.state, MessageState::Sent | MessageState::InDoubt)
        });
        let sent = sent.take(LINES).map(|message| CardMail {
            at: message.sent_at.unwrap_or(message.created_at).to_string(),
            mail: message.template.to_string(),
            clicked: clicked(message.id),
        });
        sent.collect()
    }
}

fn counts(event: &Event, now: Instant) -> bool {
    event.judgement != Judgement::Machine && event.counts_from().is_some_and(|from| from <= now)
}

fn said(value: &Value) -> String {
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

/// People read whole points.
#[allow(clippy::cast_possible_truncation)] // scores are far below 2^52
fn whole(points: MilliPoints) -> i64 {
    points.as_points().round() as i64
}
