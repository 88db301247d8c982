//! What is rendered, and what comes of it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{
        address::Mailbox,
        attachment::Attachment,
        campaign::Campaign,
        lead::{Entry, LeadState},
        name::Name,
        score::{MilliPoints, Temperature},
        time::Instant,
    },
    mail::calendar::Event,
    render::{Card, Inside, Links},
};

/// Who the mails are from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sender {
    /// As people read it.
    pub name: String,
    pub postal_address: String,
}

impl Sender {
    /// One that nobody is, to see a mail with.
    #[must_use]
    pub fn made_up() -> Self {
        Self {
            name: "Ada Rossi".to_owned(),
            postal_address: "Example S.r.l., Via Roma 1, 20121 Milano, Italy".to_owned(),
        }
    }
}

/// How a lead stands, for notices to our own people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// `None`: unknown, for want of a ground to look at it.
    pub engagement: Option<MilliPoints>,
    pub temperature: Option<Temperature>,
}

/// Discount codes by their pools.
pub type Codes = BTreeMap<Name, String>;

/// One mail to be rendered.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// Empty: the built-in notice to our own people.
    pub template: &'a str,
    /// Who it is to; for a notice, who it is about.
    pub lead: &'a LeadState,
    /// The reader's language: the lead's, or our own person's.
    pub language: &'a str,
    /// The event that the enrolment was entered by.
    pub entry: Option<&'a Entry>,
    pub workflow: &'a str,
    /// The one that the workflow names.
    pub campaign: Option<&'a Campaign>,
    /// Those that were given to this mail.
    pub codes: &'a Codes,
    /// Of those that it asks for.
    pub segments: &'a Inside,
    pub sender: &'a Sender,
    /// `None` for mail to our own people: nothing tracked, no unsubscribe link.
    pub links: Option<Links<'a>>,
    /// For mail to our own people.
    pub standing: Option<Standing>,
    /// For the card of a hand-off.
    pub card: Option<&'a Card>,
    pub now: Instant,
}

/// A rendered mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line without controls.
    pub subject: String,
    pub html: String,
    pub text: String,
    pub reply_to: Option<Mailbox>,
    /// The language that it is written in.
    pub language: Name,
    /// The file that it was made from.
    pub file: String,
    /// For the reader's calendar.
    pub calendar: Option<Event>,
    pub attachments: Arc<[Attachment]>,
    /// For `List-Unsubscribe`; `None` for mail to our own people.
    pub unsubscribe_url: Option<String>,
}

/// Without what it says: that is about a person.
impl std::fmt::Debug for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendered")
            .field("file", &self.file)
            .field("html_bytes", &self.html.len())
            .field("text_bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}
