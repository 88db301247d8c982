//! Relays: the servers (or a folder) that mail is handed to, once.
//!
//! A worker owns a [`Session`] and delivers one mail after the other over it. Between the relay's
//! 354 and the first octet of the mail stands the point of no return: a future of the caller's that
//! makes the hand-over durable and may still withdraw the mail.

use std::{fmt, future::Future, sync::Arc};

pub mod breaker;
pub mod classify;
mod configured;
mod connection;
mod data;
pub mod folder;
pub mod reply;
pub mod retry;
pub mod smtp;
pub mod timeouts;
mod tls;
mod transaction;
mod wire;

pub use self::{
    breaker::{Breaker, Change, Permit},
    classify::{Fault, classify_reply},
    configured::BadRelay,
    folder::FolderRelay,
    reply::{Enhanced, Reply},
    retry::next_try,
    smtp::{Credentials, SmtpRelay, Tls},
    timeouts::Timeouts,
};
use super::compose::Composed;

/// Where mail is handed to. Closed: a new kind is a change here.
#[derive(Clone, Debug)]
pub enum Relay {
    Smtp(Arc<SmtpRelay>),
    Folder(Arc<FolderRelay>),
}

impl Relay {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Smtp(relay) => &relay.name,
            Self::Folder(relay) => &relay.name,
        }
    }

    /// How many sessions may be open at once.
    #[must_use]
    pub fn connections(&self) -> usize {
        match self {
            Self::Smtp(relay) => relay.connections.max(1),
            Self::Folder(_) => 1,
        }
    }

    /// Nothing leaves this machine.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The longest that a delivery may take after its point of no return has been asked for and
    /// before it: a lease of a message must outlive it.
    #[must_use]
    pub fn longest_delivery(&self) -> std::time::Duration {
        match self {
            Self::Smtp(relay) => relay.timeouts.longest_delivery(),
            Self::Folder(_) => std::time::Duration::from_secs(60),
        }
    }

    /// A session for one worker. Nothing is opened before the first delivery.
    #[must_use]
    pub fn session(&self) -> Session {
        match self {
            Self::Smtp(relay) => Session::Smtp(smtp::SmtpSession::new(Arc::clone(relay))),
            Self::Folder(relay) => Session::Folder(Arc::clone(relay)),
        }
    }
}

/// One worker's way to a relay; at most one connection at a time.
#[derive(Debug)]
pub enum Session {
    Smtp(smtp::SmtpSession),
    Folder(Arc<FolderRelay>),
}

impl Session {
    /// Hands one mail over.
    ///
    /// `point_of_no_return` is called at most once, when the relay is ready to take the mail and has
    /// not seen an octet of it. If it yields `false`, the mail is withdrawn and none is sent.
    /// Dropping the returned future drops the connection, so that a later mail never reads the
    /// replies of an earlier one.
    pub async fn deliver<F, Fut>(&mut self, mail: &Composed, point_of_no_return: F) -> Delivery
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = bool>,
    {
        match self {
            Self::Smtp(session) => session.deliver(mail, point_of_no_return).await,
            Self::Folder(relay) => relay.deliver(mail, point_of_no_return).await,
        }
    }

    /// Takes leave of the relay, as courtesy; dropping the session is as good.
    pub async fn close(&mut self) {
        if let Self::Smtp(session) = self {
            session.close().await;
        }
    }
}

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
    /// No session could be opened: what a [`Breaker`] counts.
    #[must_use]
    pub const fn relay_is_down(&self) -> bool {
        matches!(
            self,
            Self::Unreachable {
                stage: Stage::Connect | Stage::Greeting | Stage::Tls | Stage::Auth,
                ..
            }
        )
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
