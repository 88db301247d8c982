//! What sales says by the buttons of a card: what is known of the hand-off, and the event of an answer.
//!
//! The first word on a hand-off counts. Another one is taken where it names the word that it is said
//! instead of: so nothing changes by a link that is followed once more, and two who press at once do not
//! both win.

use crate::{
    domain::{
        event::{Event, StepRef},
        hand_off::{Answer, Choice},
        id::Rev,
        message::MessageKind,
        name::Name,
        schedule::Later,
        time::{Instant, Zone},
        value::Value,
    },
    store::{
        Store, StoreError,
        records::{MessageRow, NewEvent},
    },
    token::MailRef,
};

/// A card that was sent, and what has been said since.
#[derive(Debug)]
pub struct Hearing {
    card: MessageRow,
    last: Option<Event>,
}

/// A word to be recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    choice: Choice,
    until: Option<Instant>,
    by: Name,
    about: StepRef,
    instead_of: Option<(Rev, Option<Answer>)>,
}

impl Hearing {
    /// `None`: there is no such card any more.
    ///
    /// # Errors
    /// When the database does not tell.
    pub async fn of(store: &Store, mail: MailRef) -> Result<Option<Self>, StoreError> {
        let card = store.message(mail.message).await?;
        let is_it =
            |card: &MessageRow| card.lead == mail.lead && card.kind == MessageKind::Internal;
        let Some(card) = card.filter(is_it) else { return Ok(None) };
        let mut events = store.events_of(mail.lead).await?;
        let is_of_it = |event: &Event| match &event.about {
            Some(about) => about.enrolment == card.about.enrolment && about.step == card.about.step,
            // Said by hand, or by an import, of the lead as such.
            None => event.occurred_at >= card.created_at,
        };
        events.retain(|event| Answer::of(event).is_some() && is_of_it(event));
        Ok(Some(Self { card, last: events.pop() }))
    }

    /// What was said last.
    #[must_use]
    pub fn last(&self) -> Option<&Event> {
        self.last.as_ref()
    }

    /// Whether just this was said.
    #[must_use]
    pub fn has_heard(&self, choice: Choice) -> bool {
        self.last.as_ref().is_some_and(|last| match last.data.get("choice") {
            Some(Value::Text(word)) => word == choice.word,
            _ => choice.later.is_none() && Answer::of(last) == Some(choice.answer),
        })
    }

    /// The word of whom the card was sent to.
    #[must_use]
    pub fn word(&self, choice: Choice, now: Instant, zone: &Zone) -> Word {
        let later = choice.later.and_then(|later| Later::parse(later).ok());
        Word {
            choice,
            until: later.map(|later| later.until(now, zone)),
            by: self.card.recipient.clone(),
            about: self.card.about.clone(),
            instead_of: self.last.as_ref().map(|last| (last.rev, Answer::of(last))),
        }
    }
}

impl Word {
    pub(super) fn event(&self, mail: MailRef, at: Instant, source: &str) -> NewEvent {
        let mut event = NewEvent::new(mail.lead, self.choice.answer.kind(), at, source);
        let mut note = |key: &str, value: Value| event.data.insert(key.into(), value);
        note("choice", Value::Text(self.choice.word.into()));
        note("by", Value::Text(self.by.clone()));
        if let Some(until) = self.until {
            note("until", Value::Date(until));
        }
        if let Some((_, Some(Answer::Returned(earlier)))) = self.instead_of {
            note(Answer::INSTEAD_OF, Value::Text(earlier.word().into()));
        }
        if let Answer::Returned(reason) = self.choice.answer {
            note("reason", Value::Text(reason.word().into()));
            event.object = Some(reason.word().into());
        }
        let StepRef { enrolment, step, .. } = &self.about;
        let instead_of = self.instead_of.map_or_else(Rev::default, |(rev, _)| rev);
        event.dedupe = Some(format!("handoff:{enrolment}:{step}:{instead_of}"));
        event.about = Some(self.about.clone());
        event.message = Some(mail.message);
        event
    }
}
