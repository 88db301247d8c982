//! Events: facts about a lead, in the past tense, never changed.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    id::{EnrolmentNo, MessageId, Rev},
    name::Name,
    question,
    time::Instant,
    value::Value,
    workflow::tries,
};

/// What happened, as `noun.past-participle`. The product's own kinds are constants; an import may
/// bring others.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKind(Cow<'static, str>);

impl EventKind {
    pub const MAIL_SENT: Self = Self(Cow::Borrowed("mail.sent"));
    pub const MAIL_FAILED: Self = Self(Cow::Borrowed("mail.failed"));
    pub const MAIL_IN_DOUBT: Self = Self(Cow::Borrowed("mail.in_doubt"));
    /// It was in doubt, and somebody knows that it did not arrive.
    pub const MAIL_LOST: Self = Self(Cow::Borrowed("mail.lost"));
    pub const MAIL_CANCELLED: Self = Self(Cow::Borrowed("mail.cancelled"));
    pub const MAIL_OPENED: Self = Self(Cow::Borrowed("mail.opened"));
    pub const MAIL_CLICKED: Self = Self(Cow::Borrowed("mail.clicked"));
    pub const MAIL_BOUNCED: Self = Self(Cow::Borrowed("mail.bounced"));
    pub const MAIL_COMPLAINED: Self = Self(Cow::Borrowed("mail.complained"));
    pub const PAGE_VISITED: Self = Self(Cow::Borrowed("page.visited"));
    pub const FORM_SUBMITTED: Self = Self(Cow::Borrowed("form.submitted"));
    pub const LEAD_REPLIED: Self = Self(Cow::Borrowed("lead.replied"));
    /// A question's button was pressed; the object is the question, `data.value` the answer.
    pub const LEAD_ANSWERED: Self = Self(Cow::Borrowed("lead.answered"));
    pub const LEAD_UNSUBSCRIBED: Self = Self(Cow::Borrowed("lead.unsubscribed"));
    pub const LEAD_IMPORTED: Self = Self(Cow::Borrowed("lead.imported"));
    pub const STAGE_CHANGED: Self = Self(Cow::Borrowed("stage.changed"));
    /// Somebody asked for an enrolment by hand; the object is the workflow.
    pub const ENROLMENT_REQUESTED: Self = Self(Cow::Borrowed("enrolment.requested"));
    /// Somebody took the lead out; the object is the workflow, without one out of all that it was in.
    pub const ENROLMENT_CANCELLED: Self = Self(Cow::Borrowed("enrolment.cancelled"));
    /// A workflow's clock has ticked; the object is the workflow.
    pub const SCHEDULE_TICKED: Self = Self(Cow::Borrowed("schedule.ticked"));
    /// Another system has taken what a `webhook` step told; the object is the target.
    pub const WEBHOOK_ANSWERED: Self = Self(Cow::Borrowed("webhook.answered"));
    /// It has not, for as long as it was tried; the object is the target.
    pub const WEBHOOK_FAILED: Self = Self(Cow::Borrowed("webhook.failed"));
    /// A lead was handed to sales; the object is the person.
    pub const HANDOFF_MADE: Self = Self(Cow::Borrowed("handoff.made"));
    pub const HANDOFF_ACCEPTED: Self = Self(Cow::Borrowed("handoff.accepted"));
    /// Sales gave it back; the object is the reason.
    pub const HANDOFF_RETURNED: Self = Self(Cow::Borrowed("handoff.returned"));
    pub const DEAL_OPENED: Self = Self(Cow::Borrowed("deal.opened"));
    pub const DEAL_WON: Self = Self(Cow::Borrowed("deal.won"));
    pub const DEAL_LOST: Self = Self(Cow::Borrowed("deal.lost"));
    /// A later judgement of an earlier hit; `revises` names it.
    pub const JUDGEMENT_REVISED: Self = Self(Cow::Borrowed("judgement.revised"));

    /// The product's own kinds.
    pub const OWN: [Self; 28] = [
        Self::MAIL_SENT,
        Self::MAIL_FAILED,
        Self::MAIL_IN_DOUBT,
        Self::MAIL_LOST,
        Self::MAIL_CANCELLED,
        Self::MAIL_OPENED,
        Self::MAIL_CLICKED,
        Self::MAIL_BOUNCED,
        Self::MAIL_COMPLAINED,
        Self::PAGE_VISITED,
        Self::FORM_SUBMITTED,
        Self::LEAD_REPLIED,
        Self::LEAD_ANSWERED,
        Self::LEAD_UNSUBSCRIBED,
        Self::LEAD_IMPORTED,
        Self::STAGE_CHANGED,
        Self::ENROLMENT_REQUESTED,
        Self::ENROLMENT_CANCELLED,
        Self::SCHEDULE_TICKED,
        Self::WEBHOOK_ANSWERED,
        Self::WEBHOOK_FAILED,
        Self::JUDGEMENT_REVISED,
        Self::HANDOFF_MADE,
        Self::HANDOFF_ACCEPTED,
        Self::HANDOFF_RETURNED,
        Self::DEAL_OPENED,
        Self::DEAL_WON,
        Self::DEAL_LOST,
    ];

    /// Behaviour: seen only of those who may be tracked, so that of others its silence says nothing.
    #[must_use]
    pub fn is_behaviour(&self) -> bool {
        [Self::MAIL_OPENED, Self::MAIL_CLICKED, Self::PAGE_VISITED].contains(self)
    }

    /// Made by nurtured itself of what it does: nobody else tells of it, and it is nothing that a lead did.
    #[must_use]
    pub fn is_of_our_making(&self) -> bool {
        [
            Self::MAIL_SENT,
            Self::MAIL_FAILED,
            Self::MAIL_IN_DOUBT,
            Self::MAIL_LOST,
            Self::MAIL_CANCELLED,
            Self::LEAD_IMPORTED,
            Self::STAGE_CHANGED,
            Self::ENROLMENT_REQUESTED,
            Self::ENROLMENT_CANCELLED,
            Self::SCHEDULE_TICKED,
            Self::WEBHOOK_ANSWERED,
            Self::WEBHOOK_FAILED,
            Self::JUDGEMENT_REVISED,
            Self::HANDOFF_MADE,
        ]
        .contains(self)
    }

    /// Told by other systems, which know what it is about: of deals, and whatever is not the product's own.
    #[must_use]
    pub fn is_told_by_others(&self) -> bool {
        !Self::OWN.contains(self)
            || [Self::DEAL_OPENED, Self::DEAL_WON, Self::DEAL_LOST].contains(self)
    }

    /// Reads a kind out of a file.
    ///
    /// # Errors
    /// When it is not lower-case words joined by dots, `a.b`, of at most 60 characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        let word = |part: &str| {
            !part.is_empty()
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if text.len() <= 60 && text.split('.').count() >= 2 && text.split('.').all(word) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(format!("`{text}` is not an event: write it like `page.visited`"))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What its objects name.
    #[must_use]
    pub fn objects(&self) -> Objects {
        match self.as_str() {
            "mail.sent" | "mail.failed" | "mail.in_doubt" | "mail.lost" | "mail.cancelled"
            | "mail.opened" | "mail.clicked" | "mail.complained" => Objects::Mails,
            "stage.changed" => Objects::Stages,
            "handoff.returned" => Objects::Reasons,
            "lead.answered" => Objects::Questions,
            _ => Objects::Any,
        }
    }
}

/// What the objects of a kind of event name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objects {
    /// Templates.
    Mails,
    /// The stage that a lead came to.
    Stages,
    /// Why sales gave a lead back.
    Reasons,
    /// Questions, by their keys.
    Questions,
    /// Pages, forms, whatever an import says; of a bounce, its class.
    Any,
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Who was behind a hit. Stored, never dropped; a later `judgement.revised` corrects it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// Counts at once. Also what any event is that is not a hit.
    #[default]
    Human,
    /// Never counts.
    Machine,
    /// Counts once `settles_at` has come.
    Unsure,
}

impl Judgement {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::Unsure => "unsure",
        }
    }

    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Human, Self::Machine, Self::Unsure].into_iter().find(|j| j.word() == word)
    }
}

/// One visit of one step by one enrolment: what a message is for, and what its outcome is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct StepRef {
    pub enrolment: EnrolmentNo,
    pub step: Name,
    pub visit: u64,
}

impl StepRef {
    /// The how-manieth visit it is since it came to the step, from 1.
    #[must_use]
    pub const fn tries(&self) -> u64 {
        tries(self.visit)
    }
}

/// The data an event carries beside its object.
pub type EventData = BTreeMap<Name, Value>;

/// An event of one lead, as recorded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the lead's history; with the lead, its name.
    pub rev: Rev,
    pub kind: EventKind,
    /// What it was about: a template, a page, a form, a stage.
    pub object: Option<Name>,
    /// When it happened; never after `recorded_at` (later ones are clamped at the door).
    pub occurred_at: Instant,
    pub recorded_at: Instant,
    pub judgement: Judgement,
    /// For an unsure hit: from when on it counts unless revised.
    pub settles_at: Option<Instant>,
    /// The message that this is a hit on or an outcome of.
    pub message: Option<MessageId>,
    /// For the outcome of a message: the step that sent it.
    pub about: Option<StepRef>,
    /// For `judgement.revised`: the event that is judged anew.
    pub revises: Option<Rev>,
    pub data: EventData,
}

impl Event {
    /// From when on conditions count it; `None` for a machine's hit.
    #[must_use]
    pub fn counts_from(&self) -> Option<Instant> {
        match self.judgement {
            Judgement::Human => Some(self.occurred_at),
            Judgement::Unsure => Some(self.settles_at.unwrap_or(self.occurred_at)),
            Judgement::Machine => None,
        }
    }

    /// What facts tell it by: its object; of an answer, both the question and what was answered.
    #[must_use]
    pub fn fact_object(&self) -> Option<Cow<'_, str>> {
        let object = self.object.as_deref()?;
        if self.kind != EventKind::LEAD_ANSWERED {
            return Some(object.into());
        }
        let value = self.data.get("value").map(ToString::to_string).unwrap_or_default();
        Some(question::fact_object(object, &value).into())
    }
}
