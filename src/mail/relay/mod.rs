//! Relays: the servers (or a folder) that mail is handed to, once.
//!
//! A worker owns a [`Session`] and delivers one mail after the other over it. Between the relay's
//! 354 and the first octet of the mail stands the point of no return: a future of the caller's that
//! makes the hand-over durable and may still withdraw the mail.

use std::{future::Future, sync::Arc, time::Duration};

pub mod breaker;
pub mod classify;
mod configured;
mod connection;
mod data;
pub mod delivery;
pub mod folder;
mod probe;
pub mod reply;
pub mod retry;
pub mod smtp;
pub mod timeouts;
pub mod tls;
mod transaction;
mod wire;

pub use self::{
    breaker::{Breaker, Change, Permit},
    classify::{Fault, Heard, classify_reply},
    configured::BadRelay,
    delivery::{Delivery, Stage},
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
    /// The relay of this name, in a time in which a daemon that is lost may have handed it any mail.
    /// Nothing is handed over; every mail is in doubt.
    Lost(Arc<str>),
}

impl Relay {
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Smtp(relay) => &relay.name,
            Self::Folder(relay) => &relay.name,
            Self::Lost(name) => name,
        }
    }

    /// How many sessions may be open at once.
    #[must_use]
    pub fn connections(&self) -> usize {
        match self {
            Self::Smtp(relay) => relay.connections.max(1),
            Self::Folder(_) => 1,
            // Many at once share their commits.
            Self::Lost(_) => 128,
        }
    }

    /// Nothing leaves this machine.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self, Self::Folder(_))
    }

    /// The longest that a delivery may take, apart from the caller's own point of no return: the
    /// lease of a message must outlive it.
    #[must_use]
    pub fn longest_delivery(&self) -> Duration {
        match self {
            Self::Smtp(relay) => relay.timeouts.longest_delivery(),
            Self::Folder(_) | Self::Lost(_) => Duration::from_mins(1),
        }
    }

    /// From the point of no return to the last possible answer: no lease may be shorter, or a mail is
    /// in doubt that is still on its way.
    #[must_use]
    pub fn after_the_point_of_no_return(&self) -> Duration {
        match self {
            Self::Smtp(relay) => relay.timeouts.after_the_point_of_no_return(),
            Self::Folder(_) | Self::Lost(_) => Duration::ZERO,
        }
    }

    /// A session for one worker. Nothing is opened before the first delivery.
    #[must_use]
    pub fn session(&self) -> Session {
        match self {
            Self::Smtp(relay) => Session::Smtp(Box::new(smtp::SmtpSession::new(Arc::clone(relay)))),
            Self::Folder(relay) => Session::Folder(Arc::clone(relay)),
            Self::Lost(_) => Session::Lost,
        }
    }
}

/// One worker's way to a relay; at most one connection at a time.
#[derive(Debug)]
pub enum Session {
    Smtp(Box<smtp::SmtpSession>),
    Folder(Arc<FolderRelay>),
    Lost,
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
            Self::Lost if point_of_no_return().await => Delivery::InDoubt {
                reason: "it may have been sent before the database was restored".to_owned(),
            },
            Self::Lost => Delivery::Withdrawn,
        }
    }

    /// Takes leave of the relay, as courtesy; dropping the session is as good.
    pub async fn close(&mut self) {
        if let Self::Smtp(session) = self {
            session.close().await;
        }
    }
}
