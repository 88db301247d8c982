//! Reports in the standard forms: RFC 3464 (delivery), RFC 5965 (complaints).

use std::{fmt, str::FromStr};

use super::{
    auto_reply,
    class::{self, Class, Judged},
    diagnostic::{Diagnostic, Status},
    fields::{self, Group},
    mime::{self, Mail},
    notice::{self, Told},
};
use crate::domain::address::Address;

/// How much of a server's answer is kept.
const MOST_WORDS: usize = 500;
const MOST_REPORTS: usize = 100;

/// What people write who want no more mails, in the languages of our users.
const OPT_OUTS: &[&str] = &[
    "unsubscribe",
    "unsubscribe me",
    "please unsubscribe",
    "please unsubscribe me",
    "remove me",
    "please remove me",
    "disiscrivimi",
    "cancellami",
    "annulla iscrizione",
    "annulla l'iscrizione",
    "annulla l’iscrizione",
];

/// What is reported of one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct RecipientReport {
    pub class: Class,
    /// As the reporter names it; `None` if it does not.
    pub address: Option<Address>,
    pub action: Option<Action>,
    /// The enhanced status code (RFC 3463), `5.1.1`.
    pub status: Option<Status>,
    /// The SMTP reply code, `550`.
    pub code: Option<u16>,
    /// What the server said, on one line, cut at 500 octets. Written by strangers; may hold addresses.
    pub words: String,
}

/// Without the words: they may hold addresses.
impl fmt::Debug for RecipientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientReport")
            .field("class", &self.class)
            .field("address", &self.address)
            .field("action", &self.action)
            .field("status", &self.status)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// RFC 3464 §2.3.3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim().to_ascii_lowercase().as_str() {
            "failed" | "failure" => Ok(Self::Failed),
            "delayed" => Ok(Self::Delayed),
            // `deliverable` is what verifying servers say.
            "delivered" | "deliverable" => Ok(Self::Delivered),
            "relayed" => Ok(Self::Relayed),
            "expanded" => Ok(Self::Expanded),
            _ => Err(()),
        }
    }
}

/// RFC 5965 §7.3 and RFC 6591.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FeedbackType {
    Abuse,
    Fraud,
    Virus,
    OptOut,
    NotSpam,
    /// A failure of SPF, DKIM or DMARC: about us, no person complained.
    AuthFailure,
    Other,
}

impl FeedbackType {
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_lowercase().as_str() {
            "abuse" => Self::Abuse,
            "fraud" => Self::Fraud,
            "virus" => Self::Virus,
            "opt-out" | "opt-out-list" => Self::OptOut,
            "not-spam" => Self::NotSpam,
            "auth-failure" | "dmarc" => Self::AuthFailure,
            _ => Self::Other,
        }
    }

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Abuse => "abuse",
            Self::Fraud => "fraud",
            Self::Virus => "virus",
            Self::OptOut => "opt-out",
            Self::NotSpam => "not-spam",
            Self::AuthFailure => "auth-failure",
            Self::Other => "other",
        }
    }

    /// What it means for the lead.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::NotSpam => Class::Delivered,
            Self::AuthFailure => Class::SenderFault,
            Self::OptOut => Class::OptOut,
            _ => Class::Complaint,
        }
    }
}

/// The reports of a `message/delivery-status` part.
pub(super) fn delivery(mail: &Mail<'_>) -> Option<Vec<RecipientReport>> {
    let words = mail.words().unwrap_or_default();
    let text = mail
        .part("message/delivery-status")
        .or_else(|| mail.part("message/global-delivery-status"))
        // Some relays lose the boundaries on the way.
        .or_else(|| mail.is_flattened_report().then(|| words.clone()))?;
    let groups = fields::parse(&text);
    let is_recipient = |group: &&Group| {
        ["final-recipient", "original-recipient", "action"]
            .iter()
            .any(|name| group.get(name).is_some())
    };
    let groups: Vec<&Group> = groups.iter().filter(is_recipient).take(MOST_REPORTS).collect();
    let told = notice::before_our_mail(&words);
    let reports: Vec<_> = if let [group] = groups[..] {
        vec![recipient(group, address(group), told)]
    } else {
        let named: Vec<Option<Address>> = groups.iter().map(|group| address(group)).collect();
        let known: Vec<Address> = named.iter().flatten().cloned().collect();
        let told = Told::new(told, &known);
        let told_of = |address: &Option<Address>| {
            let which = known.iter().position(|known| Some(known) == address.as_ref());
            which.map_or_else(String::new, |which| told.of(which))
        };
        let each = groups.iter().zip(named);
        each.map(|(group, address)| {
            let told = told_of(&address);
            recipient(group, address, &told)
        })
        .collect()
    };
    (!reports.is_empty()).then_some(reports)
}

/// Final first: it is the address that failed; the original may be one that forwards to it.
fn address(group: &Group) -> Option<Address> {
    ["final-recipient", "original-recipient"]
        .into_iter()
        .find_map(|name| group.typed(name).and_then(|text| mime::addresses_in(text).next()))
}

/// `told` is what the part for people says of this recipient.
fn recipient(group: &Group, address: Option<Address>, told: &str) -> RecipientReport {
    let action = group.bare("action").and_then(|text| text.parse().ok());
    let stated: Option<Status> = group.bare("status").and_then(|text| text.parse().ok());
    let said = group.typed("diagnostic-code").unwrap_or_default();
    let for_people = Diagnostic::read(told, stated);
    let mut diagnostic = Diagnostic::read(said, stated);
    diagnostic.after_data |= for_people.after_data;
    diagnostic.before_recipient |= for_people.before_recipient;
    let mut judged = class::judge(action, &diagnostic);
    // Many servers keep what they were told for the part that people read.
    if !judged.sure {
        let again = class::judge(action, &for_people);
        if again.sure {
            (judged, diagnostic) = (again, for_people);
        }
    }
    report(judged, address, action, &diagnostic, if said.is_empty() { told } else { said })
}

/// The type and the reports of a `message/feedback-report` part.
pub(super) fn complaint(mail: &Mail<'_>) -> Option<(FeedbackType, Vec<RecipientReport>)> {
    let text = mail.part("message/feedback-report")?;
    let groups = fields::parse(&text);
    let group = groups.iter().find(|group| group.get("feedback-type").is_some())?;
    let feedback = group.bare("feedback-type").map_or(FeedbackType::Other, FeedbackType::read);
    let named = ["original-rcpt-to", "removal-recipient", "redacted-address"];
    let address = named
        .iter()
        .find_map(|name| group.get(name).and_then(|text| mime::addresses_in(text).next()));
    let judged = Judged { class: feedback.class(), sure: true };
    Some((feedback, vec![report(judged, address, None, &Diagnostic::default(), feedback.word())]))
}

/// A mail that some mailers send for a person who pressed "unsubscribe" or wrote just that.
pub(super) fn opt_out(mail: &Mail<'_>) -> Option<(FeedbackType, Vec<RecipientReport>)> {
    let by_header = mail.header("X-Apple-Unsubscribe").is_some();
    if !by_header && (auto_reply::is_automatic(mail) || !says_unsubscribe(mail)) {
        return None;
    }
    let feedback = FeedbackType::OptOut;
    let judged = Judged { class: feedback.class(), sure: true };
    let report = report(judged, mail.address("From"), None, &Diagnostic::default(), "unsubscribe");
    Some((feedback, vec![report]))
}

/// In the subject, or as the first line of an answer: nothing but a wish to hear no more.
fn says_unsubscribe(mail: &Mail<'_>) -> bool {
    let subject = mail.subject().unwrap_or_default().to_lowercase();
    let subject = subject.trim();
    if is_opt_out(subject.strip_prefix("re:").unwrap_or(subject)) {
        return true;
    }
    let words = mail.words().unwrap_or_default();
    words.lines().map(str::trim).find(|line| !line.is_empty()).is_some_and(is_opt_out)
}

fn is_opt_out(line: &str) -> bool {
    let line = line.to_lowercase();
    let line = line.trim_matches(|c: char| !c.is_alphanumeric());
    OPT_OUTS.contains(&line)
}

pub(super) fn report(
    judged: Judged,
    address: Option<Address>,
    action: Option<Action>,
    diagnostic: &Diagnostic,
    said: &str,
) -> RecipientReport {
    let words: Vec<&str> = said
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let words = words.join(" ");
    RecipientReport {
        class: judged.class,
        address,
        action,
        status: diagnostic.status,
        code: diagnostic.code,
        words: words[..words.floor_char_boundary(MOST_WORDS)].to_owned(),
    }
}
