//! A relay that is an SMTP server, and a worker's session with it.

use std::{
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use secrecy::SecretString;

use super::{
    Delivery, Stage, connection::Connection, timeouts::Timeouts, tls::client_config,
    transaction::transact,
};
use crate::mail::compose::Composed;

/// How a connection is protected (RFC 8314). Certificate and name are always verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tls {
    /// For a relay on this machine. Credentials are not sent to any other.
    None,
    /// Port 587. A relay that does not offer it is not used.
    StartTls,
    /// Port 465.
    #[default]
    Implicit,
}

/// A user and a password (AUTH PLAIN or LOGIN).
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: String,
    pub password: SecretString,
}

/// An SMTP server that mail is handed to.
pub struct SmtpRelay {
    pub name: String,
    /// A name or an IP address; the certificate must hold it.
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub credentials: Option<Credentials>,
    /// What we call ourselves at EHLO: our host's name, or an IP address.
    pub helo_name: String,
    /// How many connections may be open at once.
    pub connections: usize,
    pub timeouts: Timeouts,
    /// Authorities trusted beside the Web's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// A connection is closed after so many mails …
    pub mails_per_connection: u32,
    /// … or at this age …
    pub longest_connection: Duration,
    /// … or when it has been idle for so long, before the relay's own time-out does it.
    pub longest_idle: Duration,
    client_config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl SmtpRelay {
    /// With implicit TLS, 4 connections, and the limits of RFC 5321.
    #[must_use]
    pub fn new(name: &str, host: &str, port: u16) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            tls: Tls::default(),
            credentials: None,
            helo_name: String::new(),
            connections: 4,
            timeouts: Timeouts::default(),
            extra_roots: Vec::new(),
            mails_per_connection: 1000,
            longest_connection: Duration::from_mins(10),
            longest_idle: Duration::from_mins(1),
            client_config: OnceLock::new(),
        }
    }

    /// The certificates of a PEM text, for [`extra_roots`](Self::extra_roots).
    ///
    /// # Errors
    /// When it holds none, or something that is none.
    pub fn roots_of_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match roots {
            Ok(roots) if roots.is_empty() => Err("it holds no certificate in PEM".to_owned()),
            Ok(roots) => Ok(roots),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Made once: connections share it, and so their TLS tickets.
    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, String> {
        self.client_config.get_or_init(|| client_config(&self.extra_roots).map(Arc::new)).clone()
    }
}

impl fmt::Debug for SmtpRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpRelay")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// One worker's connection to the relay, opened when needed and kept between mails.
pub struct SmtpSession {
    relay: Arc<SmtpRelay>,
    /// Out of its place while a mail is on its way: a delivery that is dropped takes it along.
    connection: Option<Connection>,
}

impl SmtpSession {
    #[must_use]
    pub const fn new(relay: Arc<SmtpRelay>) -> Self {
        Self { relay, connection: None }
    }

    /// See [`Session::deliver`](super::Session::deliver).
    pub async fn deliver<F, Fut>(&mut self, mail: &Composed, point_of_no_return: F) -> Delivery
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = bool>,
    {
        let handed_over = AtomicBool::new(false);
        let attempt = self.attempt(mail, point_of_no_return, &handed_over);
        AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(|_| {
            let reason = "the mail library panicked: this is a bug".to_owned();
            if handed_over.load(Ordering::SeqCst) {
                Delivery::InDoubt { reason }
            } else {
                Delivery::Unreachable { reason, stage: Stage::Local }
            }
        })
    }

    async fn attempt<F, Fut>(
        &mut self,
        mail: &Composed,
        point_of_no_return: F,
        handed_over: &AtomicBool,
    ) -> Delivery
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = bool>,
    {
        let mut point_of_no_return = Some(point_of_no_return);
        let limits = &Arc::clone(&self.relay).timeouts;
        if let Some(mut kept) = self.kept().await {
            let done =
                transact(&mut kept, mail, limits, &mut point_of_no_return, handed_over).await;
            // Closed while it was idle, before a word about this mail: a new one may be tried.
            if !done.stale {
                return self.settle(kept, done);
            }
        }
        let mut fresh = match Connection::open(&self.relay).await {
            Ok(connection) => connection,
            Err(unreachable) => return unreachable,
        };
        let done = transact(&mut fresh, mail, limits, &mut point_of_no_return, handed_over).await;
        self.settle(fresh, done)
    }

    fn settle(
        &mut self,
        mut connection: Connection,
        done: super::transaction::Outcome,
    ) -> Delivery {
        if done.keep {
            connection.mails += 1;
            connection.used = tokio::time::Instant::now();
            self.connection = Some(connection);
        }
        done.delivery
    }

    /// The connection of the mail before, unless it has served long enough.
    async fn kept(&mut self) -> Option<Connection> {
        let connection = self.connection.take()?;
        let relay = &self.relay;
        let worn = connection.mails >= relay.mails_per_connection
            || connection.opened.elapsed() >= relay.longest_connection
            || connection.used.elapsed() >= relay.longest_idle;
        if worn {
            connection.quit(relay.timeouts.quit).await;
            return None;
        }
        Some(connection)
    }

    /// Takes leave with QUIT; waits for the answer only shortly.
    pub async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.quit(self.relay.timeouts.quit).await;
        }
    }
}

impl fmt::Debug for SmtpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSession")
            .field("relay", &self.relay.name)
            .field("connected", &self.connection.is_some())
            .finish()
    }
}
