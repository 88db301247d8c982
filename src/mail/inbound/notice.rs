//! Failures told in words, by servers that know no RFC 3464.

use super::{
    class::{self, Class},
    diagnostic::Diagnostic,
    mime::{self, Mail},
    report::{Action, RecipientReport, report},
};
use crate::domain::address::Address;

const MOST_ADDRESSES: usize = 20;
/// Octets told of one of several recipients.
const MOST_TOLD: usize = 8 * 1024;

/// Who tells of failures.
const SENDERS: &[&str] = &[
    "mailer-daemon",
    "mailerdaemon",
    "postmaster",
    "post_master",
    "mail-daemon",
    "maildaemon",
    "mailsystem",
    "mail-system",
    "postoffice",
    "bounce",
    "bounces",
];

/// What such mails are about.
const SUBJECTS: &[&str] = &[
    "undeliver",
    "non-deliver",
    "nondeliver",
    "delivery status",
    "delivery failure",
    "delivery failed",
    "delivery notification",
    "delivery error",
    "delivery problem",
    "delivery report",
    "failure notice",
    "failure notification",
    "mail delivery",
    "mail failure",
    "mail error",
    "mail could not",
    "mail was not delivered",
    "message could not be delivered",
    "message delivery",
    "message not delivered",
    "returned mail",
    "returned to sender",
    "returned message",
    "return receipt failure",
    "could not send message",
    "could not be delivered",
    "warning: could not",
    "warning: message",
    "unzustellbar",
    "mancata consegna",
    "non remis",
    "no se puede entregar",
    "permanent delivery",
    "delayed mail",
    "email could not",
    "rejected:",
    "unable to deliver",
];

/// How the text of a mail without a sender tells that ours failed.
const FAILED: &[&str] = &[
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "was not delivered",
    "wasn't delivered",
    "unable to deliver",
    "not deliver",
    "delivery failed",
    "delivery to the following",
    "permanent error",
];

/// How a server tells without a report that it has not given up.
const STILL_TRYING: &[&str] = &[
    "do not need to resend",
    "will keep trying",
    "will continue to try",
    "will continue trying",
    "will be retried",
];

/// Where our own mail begins, in the words of those who return it.
const RETURNED: &[&str] = &[
    "below this line is a copy",
    "this is a copy of the message",
    "original message follows",
    "original message header",
    "message header follows",
    "message headers follow",
    "unsent message follows",
    "unsent message below",
    "returned message follows",
    "text of the original message",
    "text of your message",
    "start of the original message",
    "----- original message -----",
    "-----original message-----",
    "your original message",
    "original message below",
    "contents of your message",
    "included below",
    "below is a copy of",
    "included is a copy of",
    "original mail as follows",
    "is attached below",
    "forwarded message",
    "the header of the original",
    "headers of the original message",
    "body of the message is",
    "copy of the original message",
    "message follows:",
    "original mail",
    "first lines of your message",
];

/// What is told of the recipients that failed, if that is what the mail is about. `ours` are the
/// addresses the mail came to.
pub(super) fn read(mail: &Mail<'_>, ours: &[Address]) -> Option<Vec<RecipientReport>> {
    let named: Vec<Address> = mail
        .headers("X-Failed-Recipients")
        .flat_map(mime::addresses_in)
        .take(MOST_ADDRESSES)
        .collect();
    if named.is_empty() && !tells_of_failure(mail) {
        return None;
    }
    let words = mail.words().unwrap_or_default();
    let told = before_our_mail(&words);
    let addresses = if named.is_empty() { addresses_told(told, ours) } else { named };
    if addresses.len() <= 1 {
        return Some(vec![judged(addresses.into_iter().next(), told)]);
    }
    let told = Told::new(told, &addresses);
    let reports = addresses.into_iter().enumerate();
    Some(reports.map(|(which, address)| judged(Some(address), &told.of(which))).collect())
}

fn judged(address: Option<Address>, told: &str) -> RecipientReport {
    let diagnostic = Diagnostic::read(told, None);
    let judged = class::judge(None, &diagnostic);
    let delayed = judged.class == Class::Soft && says_one_of(told, STILL_TRYING);
    report(judged, address, delayed.then_some(Action::Delayed), &diagnostic, told)
}

fn tells_of_failure(mail: &Mail<'_>) -> bool {
    let from = mail.header("From").unwrap_or_default().to_ascii_lowercase();
    let subject = mail.subject().unwrap_or_default().to_lowercase();
    let by_sender = from
        .split(|c: char| c.is_whitespace() || "<>\"()".contains(c))
        .any(|word| SENDERS.contains(&word.split('@').next().unwrap_or(word)));
    // What a person forwards to us or answers is a person's mail.
    let passed_on =
        ["fwd:", "fw:", "re:"].iter().any(|mark| subject.trim_start().starts_with(mark));
    // Even a postmaster may answer as a person.
    by_sender && (!passed_on || has_reply_code(mail))
        || !passed_on && SUBJECTS.iter().any(|words| subject.contains(words))
        || mail.has_null_sender() && says_so(mail)
}

fn says_so(mail: &Mail<'_>) -> bool {
    says_one_of(&mail.words().unwrap_or_default(), FAILED)
}

/// Whatever its case and its lines.
fn says_one_of(text: &str, phrases: &[&str]) -> bool {
    let words = text.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let words = words.join(" ");
    phrases.iter().any(|phrase| words.contains(phrase))
}

fn has_reply_code(mail: &Mail<'_>) -> bool {
    mail.words().is_some_and(|words| Diagnostic::read(&words, None).code.is_some())
}

/// The text up to where our own mail is returned: its words must not be taken for the server's.
pub(super) fn before_our_mail(text: &str) -> &str {
    let mut offset = 0;
    let mut fields_in_a_row = 0;
    let mut fields_start = 0;
    for line in text.split_inclusive('\n') {
        let lower = line.trim().to_lowercase();
        if RETURNED.iter().any(|words| lower.contains(words)) {
            return &text[..offset];
        }
        if !line.starts_with([' ', '\t']) && is_mail_field(&lower) {
            if fields_in_a_row == 0 {
                fields_start = offset;
            }
            fields_in_a_row += 1;
            if fields_in_a_row == 3 {
                return &text[..fields_start];
            }
        } else if !line.starts_with([' ', '\t']) || lower.is_empty() {
            fields_in_a_row = 0;
        }
        offset += line.len();
    }
    text
}

fn is_mail_field(lower: &str) -> bool {
    [
        "received:",
        "return-path:",
        "message-id:",
        "from:",
        "to:",
        "subject:",
        "date:",
        "mime-version:",
        "content-type:",
        "x-mailer:",
        "reply-to:",
        "dkim-signature:",
    ]
    .iter()
    .any(|name| lower.starts_with(name))
}

/// Those that are named outside of quoted fields (`To: …` is whom we meant, not who failed), or,
/// when there are none, anywhere.
fn addresses_told(told: &str, ours: &[Address]) -> Vec<Address> {
    let outside = |line: &&str| !is_mail_field(&line.trim().to_lowercase());
    let found = distinct(told.lines().filter(outside), ours);
    if found.is_empty() { distinct(told.lines(), ours) } else { found }
}

fn distinct<'a>(lines: impl Iterator<Item = &'a str>, ours: &[Address]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for address in lines.flat_map(mime::addresses_in) {
        let about_us = ours.contains(&address) || SENDERS.contains(&address.local_part());
        if !about_us && !found.contains(&address) {
            found.push(address);
        }
        if found.len() == MOST_ADDRESSES {
            break;
        }
    }
    found
}

/// A text that tells of several recipients, line by line with those that it names.
pub(super) struct Told<'a> {
    lines: Vec<(Vec<usize>, &'a str)>,
}

impl<'a> Told<'a> {
    pub(super) fn new(text: &'a str, about: &[Address]) -> Self {
        let index = |found: Address| about.iter().position(|address| *address == found);
        let named = |line| mime::addresses_in(line).filter_map(index).collect();
        Self { lines: text.lines().map(|line| (named(line), line)).collect() }
    }

    /// The lines that name one of them, each with what follows up to the next that is named.
    pub(super) fn of(&self, which: usize) -> String {
        let mut text = String::new();
        let mut inside = false;
        for (named, line) in &self.lines {
            if !named.is_empty() {
                inside = named.contains(&which);
            }
            if inside && text.len() + line.len() < MOST_TOLD {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }
}
