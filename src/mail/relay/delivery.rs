//! What became of a mail, and where in the dialogue it was decided.

use std::fmt;

use super::reply::Reply;

/// Where in the dialogue something was said or broke off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// Decided here, before the relay was asked.
    Local,
    Connect,
    Greeting,
    Tls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The reply to the whole mail.
    Dot,
}

impl Stage {
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Dot => "dot",
        }
    }
}

/// What became of one mail.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// 250 after the dot: the relay has it.
    Sent { reply: Reply },
    /// 5xx: this mail will not be taken, now or later.
    Refused { reply: Reply, stage: Stage },
    /// 4xx: the relay does not have it and may take it later.
    Later { reply: Reply, stage: Stage },
    /// Certain: the relay does not have it. It broke off, or could not be reached, before the mail.
    Unreachable { reason: String, stage: Stage },
    /// The mail was handed over, wholly or in part, and no reply came: nobody knows.
    InDoubt { reason: String },
    /// The point of no return said no. Nothing of the mail was sent.
    Withdrawn,
}

impl Delivery {
    /// No session could be opened, or the relay refuses us as sender: what a [`Breaker`] counts.
    #[must_use]
    pub fn relay_is_down(&self) -> bool {
        self.refuses_us()
            || matches!(
                self,
                Self::Unreachable {
                    stage: Stage::Connect | Stage::Greeting | Stage::Tls | Stage::Auth,
                    ..
                }
            )
    }

    /// Refused for good, and not for anything about the mail or the lead. Somebody has to set the relay or
    /// our account right.
    #[must_use]
    pub fn refuses_us(&self) -> bool {
        matches!(self, Self::Refused { reply, stage } if reply.refuses_us(*stage))
    }

    /// The relay has seen a recipient: what it refuses may yet be about that one.
    #[must_use]
    pub fn is_about_a_recipient(&self) -> bool {
        matches!(self, Self::Refused { stage, .. } if *stage >= Stage::Rcpt)
    }

    /// The outcome in a word, for logs and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Refused { .. } => "refused",
            Self::Later { .. } => "later",
            Self::Unreachable { .. } => "unreachable",
            Self::InDoubt { .. } => "in_doubt",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// Replies may quote addresses: their text stays out of logs.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent { reply } => write!(f, "Sent({reply:?})"),
            Self::Refused { reply, stage } => write!(f, "Refused({reply:?} at {stage:?})"),
            Self::Later { reply, stage } => write!(f, "Later({reply:?} at {stage:?})"),
            Self::Unreachable { reason, stage } => write!(f, "Unreachable({reason} at {stage:?})"),
            Self::InDoubt { reason } => write!(f, "InDoubt({reason})"),
            Self::Withdrawn => f.write_str("Withdrawn"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_refuses_us_is_down_and_one_that_refuses_a_mail_is_not() {
        let refused = |code, text, stage| {
            Delivery::Refused { reply: Reply::new(code, text), stage }.relay_is_down()
        };
        assert!(refused(550, "5.7.1 account suspended", Stage::Mail));
        assert!(refused(530, "5.7.0 authentication required", Stage::Mail));
        assert!(!refused(552, "5.3.4 too large", Stage::Mail));
        assert!(!refused(553, "5.6.7 the address is not ASCII", Stage::Local));
        assert!(refused(554, "5.7.1 <a@example.com>: Relay access denied", Stage::Rcpt));
        assert!(refused(554, "5.7.1 <x[192.0.2.1]>: Client host rejected", Stage::Rcpt));
        assert!(refused(530, "5.7.0 go away", Stage::Data));
        assert!(!refused(550, "5.1.1 <a@example.com>: user unknown", Stage::Rcpt));
        assert!(!refused(554, "5.7.1 blocked using zen.example", Stage::Rcpt));
        assert!(!refused(550, "5.7.1 relay access denied", Stage::Dot));
        assert!(!refused(550, "5.7.1 looks like spam", Stage::Dot));
    }
}
