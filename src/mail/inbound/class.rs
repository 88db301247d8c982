//! What a report means for the lead: from codes and words to a class.

use std::fmt;

use super::{
    diagnostic::{Diagnostic, Status},
    phrases::{self, Says},
    report::Action,
};

/// What became of a mail, by what it means for the lead. The gravest for the lead comes last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// A person answered.
    Reply,
    /// A machine answered for a person.
    AutoReply,
    Delivered,
    /// We are at fault: blocked, unauthenticated, against a policy. Never counts against the lead.
    SenderFault,
    /// Not now, or not sure that never.
    Soft,
    /// The address or its domain does not exist: never write there again.
    Hard,
    /// The person wants no more of it.
    OptOut,
    /// The person said that it was spam.
    Complaint,
}

impl Class {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::AutoReply => "auto_reply",
            Self::Delivered => "delivered",
            Self::SenderFault => "sender_fault",
            Self::Soft => "soft",
            Self::Hard => "hard",
            Self::OptOut => "opt_out",
            Self::Complaint => "complaint",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether a class rests on words or a telling code, or is what remains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Judged {
    pub(super) class: Class,
    pub(super) sure: bool,
}

impl Judged {
    const fn sure(class: Class) -> Self {
        Self { class, sure: true }
    }
}

/// Judges one failed or delayed delivery.
///
/// Words come before codes, as many servers answer everything with 5.0.0 or 5.7.1; but a *hard*
/// needs words and codes that do not contradict each other, since it is the one mistake that cannot
/// be made good: a lead lost.
pub(super) fn judge(action: Option<Action>, diagnostic: &Diagnostic) -> Judged {
    match action {
        Some(Action::Delivered | Action::Relayed | Action::Expanded) => {
            return Judged::sure(Class::Delivered);
        }
        // RFC 3464 §2.3.3: the server goes on trying.
        Some(Action::Delayed) => return Judged::sure(Class::Soft),
        Some(Action::Failed) | None => {}
    }
    if diagnostic.status.is_some_and(|status| status.class == 2) {
        return Judged::sure(Class::Delivered);
    }
    match phrases::find(diagnostic) {
        Some(Says::SenderFault) => Judged::sure(Class::SenderFault),
        Some(Says::NoSuchUser | Says::NoSuchHost) | None if is_about_sender(diagnostic) => {
            Judged::sure(Class::SenderFault)
        }
        Some(Says::Trouble) if is_policy(diagnostic) => Judged::sure(Class::SenderFault),
        Some(Says::Soft | Says::Trouble) => Judged::sure(Class::Soft),
        Some(says @ (Says::NoSuchUser | Says::NoSuchHost)) => {
            let contradicted = contradicts(says, diagnostic);
            Judged::sure(if contradicted { Class::Soft } else { Class::Hard })
        }
        None => by_code(diagnostic),
    }
}

/// Judges a reply that we heard ourselves, `550 5.1.1 …`, by the rules for those that are reported.
///
/// `before_recipient`: no recipient had been named; `after_recipient`: it had been accepted.
#[must_use]
pub fn class_of_reply(reply: &str, before_recipient: bool, after_recipient: bool) -> Class {
    let heard = Diagnostic::read(reply, None);
    judge(None, &Diagnostic { before_recipient, after_data: after_recipient, ..heard }).class
}

/// Whether a server that we spoke to says in words that it takes no mail from us, whoever it is for.
#[must_use]
pub fn does_not_let_in(reply: &str) -> bool {
    phrases::does_not_let_in(&Diagnostic::read(reply, None))
}

/// Whether a server that we spoke to says in words that it is about who we are, and not about this mail.
#[must_use]
pub fn is_about_our_standing(reply: &str) -> bool {
    phrases::is_about_our_standing(&Diagnostic::read(reply, None))
}

/// Whether the codes, or the moment of the refusal, speak against an address that does not exist.
fn contradicts(says: Says, diagnostic: &Diagnostic) -> bool {
    // The recipient had been accepted: some hosts then say "unknown" of a mail they filtered.
    if diagnostic.after_data {
        return true;
    }
    match diagnostic.status {
        // The states of a mailbox and of a mail system are those of one that is there.
        Some(Status { subject: 2 | 3, .. }) => true,
        Some(Status { subject: 7, detail, .. }) => detail != 27,
        Some(Status { class: 4, subject, .. }) => says == Says::NoSuchHost || subject != 1,
        _ => diagnostic.code.is_some_and(|code| code < 500),
    }
}

/// Said before a recipient was named, or with a code of the sender's address: RFC 3463 §3.2, RFC 7505 §4.2.
fn is_about_sender(diagnostic: &Diagnostic) -> bool {
    let code = diagnostic.status.map(|status| (status.subject, status.detail));
    let of_sender = match code {
        Some((1, 7 | 8)) => true,
        Some((7, 27)) => !phrases::is_recipients_null_mx(diagnostic),
        _ => false,
    };
    diagnostic.before_recipient || of_sender
}

fn is_policy(diagnostic: &Diagnostic) -> bool {
    diagnostic.status.is_some_and(|status| status.subject == 7 && status.detail != 13)
}

/// RFC 3463 §3, RFC 7505, and the registry of enhanced status codes.
fn by_code(diagnostic: &Diagnostic) -> Judged {
    let Some(status) = diagnostic.status.filter(|status| !status.says_nothing()) else {
        return Judged { class: Class::Soft, sure: false };
    };
    let class = match (status.class, status.subject, status.detail) {
        (5, 1, 1..=4 | 6 | 10) | (5, 4, 4) if !diagnostic.after_data => Class::Hard,
        (_, 1, 7 | 8) | (_, 2, 3) | (_, 3, 4) | (5, 5, _) | (_, 6, _) | (_, 7, 0..=12 | 14..) => {
            Class::SenderFault
        }
        _ => Class::Soft,
    };
    // `x.y.0` is "other": words, if there are any, know better.
    Judged { class, sure: status.detail != 0 }
}
