//! Whose fault a refusal is.

use super::{
    Stage,
    reply::{Enhanced, Reply},
};

/// What a refusal says about the lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The address does not exist: it is not written to again.
    Hard,
    /// It exists, or nobody knows; this mail did not get through.
    Soft,
    /// We, our relay or this mail are at fault: it never counts against the lead.
    SenderFault,
}

impl Reply {
    /// What this refusal says about the lead. What is said before RCPT is never about the lead; what
    /// is said after it may come from a filter that speaks of an unknown user, and is believed only
    /// with a code that says so.
    #[must_use]
    pub fn fault(&self, stage: Stage) -> Fault {
        let fault = classify_reply(self.code, self.enhanced, &self.text);
        match (stage, fault) {
            (Stage::Data | Stage::Dot, Fault::Hard) if !names_the_address(self.enhanced) => {
                Fault::Soft
            }
            (Stage::Rcpt | Stage::Data | Stage::Dot, fault) => fault,
            (_, Fault::Hard) => Fault::SenderFault,
            (_, fault) => fault,
        }
    }
}

/// Bad mailbox, bad system, bad syntax, moved, null MX (RFC 3463 §3.2, RFC 7505).
const fn names_the_address(enhanced: Option<Enhanced>) -> bool {
    matches!(enhanced, Some(Enhanced { class: 5, subject: 1, detail: 1 | 2 | 3 | 6 | 10 }))
}

/// Words by which a server says that it does not want *us*, or *this*; they outweigh its codes.
const AGAINST_US: &[&str] = &[
    "spam",
    "blacklist",
    "blocklist",
    "block list",
    "blocked",
    "black list",
    "reputation",
    "dnsbl",
    "rbl",
    "unsolicited",
    "dmarc",
    "dkim",
    "spf ",
    "spf)",
    "sender policy",
    "policy",
    "authentication",
    "not authorized",
    "not authorised",
    "unauthenticated",
    "relay access",
    "relaying",
    "relay not",
    "unable to relay",
    "not permitted to relay",
    "banned",
    "rate limit",
    "too many",
    "virus",
    "malware",
    "phish",
    "reverse dns",
    "ptr record",
    "sender address",
    "sender verify",
    "sender rejected",
    "content",
    "message too large",
    "exceeds",
    "starttls",
];

/// Words by which a server says that it holds the mail back for now.
const FOR_NOW: &[&str] = &[
    "full",
    "quota",
    "over limit",
    "insufficient storage",
    "out of storage",
    "temporar",
    "try again",
    "greylist",
    "graylist",
    "suspended",
    "on hold",
    "not accepting",
];

/// Words by which a server says that there is no such address.
const NO_SUCH_ADDRESS: &[&str] = &[
    "user unknown",
    "unknown user",
    "no such user",
    "no such mailbox",
    "no such recipient",
    "no such address",
    "no such person",
    "no such local user",
    "unknown recipient",
    "recipient unknown",
    "unknown mailbox",
    "mailbox unknown",
    "unknown account",
    "account unknown",
    "unknown address",
    "address unknown",
    "unknown local",
    "user not found",
    "mailbox not found",
    "recipient not found",
    "recipientnotfound",
    "address not found",
    "account not found",
    "does not exist",
    "doesn't exist",
    "not exist",
    "no longer exist",
    "user doesn",
    "invalid recipient",
    "invalid mailbox",
    "invalid user",
    "no mailbox here",
    "no mailbox by that name",
    "not our customer",
    "not a valid mailbox",
    "not a valid user",
    "unrouteable address",
    "unroutable address",
    "domain not found",
    "host not found",
    "host unknown",
    "unknown host",
    "no such domain",
    "name or service not known",
    "nullmx",
    "null mx",
    "does not accept mail",
    "has moved",
    "no longer available at this address",
    "user is unknown",
    "not our user",
    "is not known",
    "not a known user",
];

/// Whose fault a refusal is, by its enhanced code (RFC 3463), its code and its words.
///
/// Hard only where the reply says so: a wrong *hard* silences a lead for good, a wrong *soft* costs
/// one more try.
#[must_use]
pub fn classify_reply(code: u16, enhanced: Option<Enhanced>, text: &str) -> Fault {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let subject = enhanced.map(|e| (e.subject, e.detail));

    if code / 100 != 5 {
        return match subject {
            // RFC 7372 and the big providers' demands of bulk senders.
            Some((7, 20..=40)) => Fault::SenderFault,
            _ if says(FOR_NOW) => Fault::Soft,
            _ if says(AGAINST_US) => Fault::SenderFault,
            _ => Fault::Soft,
        };
    }
    match subject {
        // Exchange Online says so of an address that its directory does not hold.
        Some((4, 1)) if text.contains("recipient address rejected: access denied") => {
            return Fault::Hard;
        }
        // Disabled, full; routing and network; an address that needs SMTPUTF8.
        Some((2, 1 | 2) | (4, 0 | 2..=3 | 5..=7) | (6, 7 | 9 | 10)) => return Fault::Soft,
        // Sender's address or system, size, protocol, content, authentication.
        Some((1, 7 | 8) | (2, 3) | (3, 4) | (5, 1..) | (6, _) | (7, 20..)) => {
            return Fault::SenderFault;
        }
        _ => {}
    }
    if says(AGAINST_US) {
        return Fault::SenderFault;
    }
    if says(FOR_NOW) {
        return Fault::Soft;
    }
    match subject {
        _ if names_the_address(enhanced) => Fault::Hard,
        // No route to the host: there is none.
        Some((4, 4)) => Fault::Hard,
        _ if says(NO_SUCH_ADDRESS) => Fault::Hard,
        Some((5 | 7, _)) => Fault::SenderFault,
        None if matches!(code, 500..=504 | 521 | 530..=538 | 552 | 555) => Fault::SenderFault,
        _ => Fault::Soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(line: &str) -> Fault {
        let (code, text) = line.split_once(' ').unwrap_or((line, ""));
        Reply::new(code.parse().unwrap(), text).fault(Stage::Rcpt)
    }

    #[test]
    fn an_address_that_does_not_exist_is_hard() {
        for line in [
            "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown in local recipient table",
            "550 5.1.1 The email account that you tried to reach does not exist.",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
            "556 5.1.10 Recipient address has a null MX",
            "550 No such user here",
            "550 unknown user",
            "551 user not found",
            "550 5.7.1 no such user here",
            "554 delivery error: This user doesn't have an example.com account",
            "550 5.1.2 bad destination system",
        ] {
            assert_eq!(fault(line), Fault::Hard, "{line}");
        }
    }

    #[test]
    fn what_may_pass_is_soft() {
        for line in [
            "450 4.2.0 Greylisted, see http://example.com",
            "451 4.7.1 Greylisting in action, please try again later",
            "452 4.2.2 mailbox full",
            "552 5.2.2 over quota",
            "550 5.2.1 mailbox disabled",
            "450 4.1.1 user unknown",
            "421 4.3.2 shutting down",
            "550 Requested action not taken: mailbox unavailable",
            "553 5.6.7 the address is not ASCII, and the relay does not offer SMTPUTF8",
        ] {
            assert_eq!(fault(line), Fault::Soft, "{line}");
        }
    }

    #[test]
    fn what_is_said_against_us_is_not_the_leads_fault() {
        for line in [
            "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
            "421 4.7.32 Your email has been rate limited because the From: header is not aligned",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
            "550 5.1.1 rejected as spam",
            "554 5.7.1 <ann@example.com>: Relay access denied",
            "552 5.3.4 Message size exceeds fixed limit",
            "530 5.7.0 Must issue a STARTTLS command first",
            "550 5.1.8 Sender address rejected: Domain not found",
            "503 bad sequence of commands",
        ] {
            assert_eq!(fault(line), Fault::SenderFault, "{line}");
        }
    }

    #[test]
    fn a_refusal_of_the_sender_never_counts_against_the_lead() {
        let reply = Reply::new(550, "5.1.1 user unknown");
        assert_eq!(reply.fault(Stage::Rcpt), Fault::Hard);
        assert_eq!(reply.fault(Stage::Mail), Fault::SenderFault);
        assert_eq!(reply.fault(Stage::Local), Fault::SenderFault);
    }

    #[test]
    fn after_the_recipient_was_taken_only_a_code_says_that_it_does_not_exist() {
        assert_eq!(Reply::new(550, "5.1.1 user unknown").fault(Stage::Dot), Fault::Hard);
        assert_eq!(Reply::new(550, "user unknown").fault(Stage::Dot), Fault::Soft);
        assert_eq!(Reply::new(550, "user unknown").fault(Stage::Rcpt), Fault::Hard);
    }
}
