//! Mail that comes back: delivery reports, complaints, auto replies, receipts, replies of people.
//!
//! Everything in here is written by strangers. What it claims is only a claim until the signature
//! in the address that it came to has been verified, which is not done here.

mod auto_reply;
mod class;
mod diagnostic;
mod fields;
mod limits;
mod mime;
mod notice;
mod phrases;
mod report;
mod returned;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::domain::address::Address;

pub use class::{Class, class_of_reply, does_not_let_in, is_about_our_standing};
pub use diagnostic::Status;
pub use limits::Unreadable;
pub use report::{Action, FeedbackType, RecipientReport};

/// A mail as it came in, understood.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    pub kind: Kind,
    /// For delivery reports and complaints: what is said of each recipient; at least one.
    pub reports: Vec<RecipientReport>,
    /// For complaints.
    pub feedback: Option<FeedbackType>,
    /// Addresses that it came to, by its headers: among them our signed bounce address. In the
    /// canonical form, so in lower case. The envelope's recipient is better where it is known.
    pub recipients: Vec<Address>,
    /// Who it says it is from.
    pub from: Option<Address>,
    pub subject: Option<String>,
    /// Its own Message-ID, without angle brackets.
    pub message_id: Option<String>,
    /// The Message-ID of our mail, as the report returns it or as the reply refers to it.
    pub original_message_id: Option<String>,
    /// The `X-Nurtured-Key` of our mail, where the report returns it.
    pub original_key: Option<String>,
}

/// What a mail that came in is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// What became of a mail of ours (RFC 3464, or in the words of some mail server).
    Delivery,
    /// An abuse report (RFC 5965).
    Complaint,
    /// A machine answered for a person (RFC 3834), or a list or robot wrote.
    AutoReply,
    /// A disposition notification: displayed, deleted (RFC 8098). No bounce.
    Receipt,
    /// A person wrote.
    Reply,
}

impl Kind {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Receipt => "receipt",
            Self::Reply => "reply",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Incoming {
    /// The gravest class that it reports, for mails that went to one recipient, as ours do. For
    /// the other kinds, what the mail itself is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.kind {
            Kind::Delivery | Kind::Complaint => {
                self.reports.iter().map(|report| report.class).max().unwrap_or(Class::Soft)
            }
            Kind::AutoReply => Class::AutoReply,
            Kind::Receipt => Class::Delivered,
            Kind::Reply => Class::Reply,
        }
    }
}

/// Without the subject: what people write stays out of logs.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("kind", &self.kind)
            .field("reports", &self.reports)
            .field("feedback", &self.feedback)
            .field("recipients", &self.recipients)
            .field("original_message_id", &self.original_message_id)
            .field("original_key", &self.original_key)
            .finish_non_exhaustive()
    }
}

/// Reads a mail as it came in, line ends of either kind. `null_sender`: its envelope was from `<>`; a
/// `Return-Path` in the mail says the same where the envelope is not known.
///
/// # Errors
/// When it is no mail, or larger or more deeply nested than any honest report.
pub fn parse_report(raw: &[u8], null_sender: bool) -> Result<Incoming, Unreadable> {
    limits::check(raw)?;
    let mail = mime::Mail::parse(raw, null_sender)?;
    let returned = returned::Returned::find(&mail);
    let mut incoming = Incoming {
        kind: Kind::Reply,
        reports: Vec::new(),
        feedback: None,
        recipients: mail.recipients(),
        from: mail.address("From"),
        subject: mail.subject(),
        message_id: mail.header("Message-ID").and_then(returned::message_id),
        original_message_id: returned.message_id,
        original_key: returned.key,
    };
    if let Some(reports) = report::delivery(&mail) {
        (incoming.kind, incoming.reports) = (Kind::Delivery, reports);
    } else if let Some((feedback, report)) =
        report::complaint(&mail).or_else(|| report::opt_out(&mail))
    {
        incoming.kind = Kind::Complaint;
        (incoming.feedback, incoming.reports) = (Some(feedback), report);
    } else if mail.part("message/disposition-notification").is_some() {
        incoming.kind = Kind::Receipt;
    } else if let Some(reports) = notice::read(&mail, &incoming.recipients) {
        (incoming.kind, incoming.reports) = (Kind::Delivery, reports);
    } else if auto_reply::is_automatic(&mail) {
        incoming.kind = Kind::AutoReply;
    }
    // A reply quotes text, not headers: what it refers to stands in its own.
    let reference = mail.header("In-Reply-To").or_else(|| mail.header("References"));
    let reference = reference.and_then(returned::last_message_id);
    let opts_out = incoming.feedback == Some(FeedbackType::OptOut) && reference.is_some();
    if matches!(incoming.kind, Kind::Reply | Kind::AutoReply) || opts_out {
        incoming.original_message_id = reference;
    }
    Ok(incoming)
}
