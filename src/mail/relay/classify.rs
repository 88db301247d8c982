//! Whose fault a refusal is.

use super::{
    Delivery, Stage,
    reply::{Enhanced, Reply},
};
use crate::{
    domain::throttle::Word,
    mail::inbound::{Class, class_of_reply, does_not_let_in, is_about_our_standing},
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
    /// is said after it may come from a filter, and is not believed of an address that was taken.
    #[must_use]
    pub fn fault(&self, stage: Stage) -> Fault {
        let before = !matches!(stage, Stage::Rcpt | Stage::Data | Stage::Dot);
        let after = matches!(stage, Stage::Data | Stage::Dot);
        match class_of_reply(&self.to_string(), before, after) {
            // "Not now" is never "never".
            Class::Hard if self.is_permanent() => Fault::Hard,
            Class::SenderFault => Fault::SenderFault,
            // A quarrel about the protocol, without a word or a code on the lead.
            _ if self.enhanced.is_none() && is_about_the_dialogue(self.code) => Fault::SenderFault,
            _ => Fault::Soft,
        }
    }
}

impl Reply {
    /// Whether the relay takes no mail from us, whatever it is and whoever it is for: said ahead of a
    /// recipient, or at one by servers that keep it until then, as Postfix does (`smtpd_delay_reject`).
    #[must_use]
    pub fn refuses_us(&self, stage: Stage) -> bool {
        let enhanced = self.enhanced.map(|code| (code.subject, code.detail));
        let is_size = self.code == 552 || matches!(enhanced, Some((3, 4) | (2, 3)));
        self.is_permanent()
            && match stage {
                Stage::Local | Stage::Dot => false,
                Stage::Rcpt | Stage::Data => {
                    matches!(self.code, 530..=538) || does_not_let_in(&self.to_string())
                }
                _ => !is_size,
            }
    }
}

impl Reply {
    /// Whether the receiving server takes no mail from us for who we are: unauthenticated, blocked, of bad repute
    /// (RFC 7372; Gmail's 5.7.26 to 5.7.30, Outlook's 5.7.5xx and 5.7.6xx). Any other mail would fare the same,
    /// until somebody has seen to it.
    #[must_use]
    pub fn is_about_our_standing(&self, stage: Stage) -> bool {
        let code = self.enhanced.map(|code| (code.subject, code.detail));
        self.is_permanent()
            && matches!(stage, Stage::Rcpt | Stage::Data | Stage::Dot)
            && self.fault(stage) == Fault::SenderFault
            && (matches!(code, Some((7, 20..=30 | 500..=699)))
                || is_about_our_standing(&self.to_string()))
    }

    /// Whether "later" was said of a reader's own mailbox (RFC 3463 §3.2, §3.3), not to the sender.
    fn is_about_a_mailbox(&self) -> bool {
        self.enhanced.is_some_and(|code| matches!(code.subject, 1 | 2))
    }
}

/// What a delivery tells of how much mail a server takes from us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    pub word: Word,
    /// It is said of all mail by the relay, whoever it is for.
    pub of_all: bool,
}

impl Delivery {
    /// `None`: nothing.
    #[must_use]
    pub fn heard(&self) -> Option<Heard> {
        match self {
            Self::Sent { .. } => Some(Heard { word: Word::Taken, of_all: false }),
            Self::Later { reply, stage } => {
                let of_all = *stage < Stage::Rcpt;
                let word = Word::Later { to_all: reply.code == 421 };
                (of_all || !reply.is_about_a_mailbox()).then_some(Heard { word, of_all })
            }
            Self::Refused { reply, stage } if reply.is_about_our_standing(*stage) => {
                Some(Heard { word: Word::NotFromUs, of_all: false })
            }
            _ => None,
        }
    }
}

/// RFC 5321 §4.2.3, RFC 7504, RFC 4954, RFC 3207.
const fn is_about_the_dialogue(code: u16) -> bool {
    matches!(code, 500..=504 | 521 | 530..=538 | 555)
}

/// Whose fault a refusal of a recipient is, by its enhanced code (RFC 3463), its code and its words:
/// the rules are those for bounces, so that a refusal means the same heard or reported.
#[must_use]
pub fn classify_reply(code: u16, enhanced: Option<Enhanced>, text: &str) -> Fault {
    Reply { code, enhanced, text: text.to_owned() }.fault(Stage::Rcpt)
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
            "550 5.7.1 no such user here",
            "452 4.2.2 mailbox full",
            "552 5.2.2 over quota",
            "550 5.2.1 mailbox disabled",
            "450 4.1.1 user unknown",
            "421 4.3.2 shutting down",
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
            "550 [5.1.8] Sender address does not exist",
            "550 5.7.27 Sender address has null MX",
            "550 Invalid domain name in HELO",
            "550 example.com does not accept mail from your network",
            "503 bad sequence of commands",
            "553 5.6.7 the address is not ASCII, and the relay does not offer SMTPUTF8",
        ] {
            assert_eq!(fault(line), Fault::SenderFault, "{line}");
        }
    }

    #[test]
    fn who_we_are_is_told_from_what_a_mail_is() {
        let standing = |line: &str| {
            let (code, text) = line.split_once(' ').unwrap();
            Reply::new(code.parse().unwrap(), text).is_about_our_standing(Stage::Dot)
        };
        for line in [
            "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example",
            "550 5.7.1 the IP address has a bad reputation",
            "554 5.7.9 Message not accepted for policy reasons: DMARC",
        ] {
            assert!(standing(line), "{line}");
        }
        for line in [
            "550 5.7.1 rejected as spam",
            "552 5.3.4 Message size exceeds fixed limit",
            "554 5.7.1 virus found",
            "550 5.1.1 user unknown",
            "421 4.7.32 rate limited: DMARC",
        ] {
            assert!(!standing(line), "{line}");
        }
    }

    #[test]
    fn later_is_said_to_the_sender_unless_it_is_said_of_a_mailbox() {
        let heard = |code, text, stage| {
            let later = Delivery::Later { reply: Reply::new(code, text), stage };
            later.heard().map(|heard| (heard.word, heard.of_all))
        };
        let later = |to_all| Word::Later { to_all };
        for (code, text, stage, wanted) in [
            (421, "4.7.0 too many mails", Stage::Rcpt, Some((later(true), false))),
            (451, "4.7.1 greylisted", Stage::Rcpt, Some((later(false), false))),
            (452, "4.2.2 mailbox full", Stage::Rcpt, None),
            (450, "4.1.1 user unknown", Stage::Rcpt, None),
            (421, "4.3.2 not now", Stage::Mail, Some((later(true), true))),
            (451, "4.3.0 try again", Stage::Dot, Some((later(false), false))),
        ] {
            assert_eq!(heard(code, text, stage), wanted, "{code} {text}");
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
    fn a_recipient_that_was_taken_is_not_believed_to_be_unknown() {
        let reply = Reply::new(550, "5.1.1 user unknown");
        assert_eq!((reply.fault(Stage::Rcpt), reply.fault(Stage::Dot)), (Fault::Hard, Fault::Soft));
    }

    #[test]
    fn what_an_address_is_called_says_nothing() {
        let full = Reply::new(552, "5.2.2 <user-unknown@example.com> mailbox full");
        assert_eq!(full.fault(Stage::Rcpt), Fault::Soft);
        let gone = Reply::new(550, "5.1.1 <spam@example.com> user unknown");
        assert_eq!(gone.fault(Stage::Rcpt), Fault::Hard);
    }
}
