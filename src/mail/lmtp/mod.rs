//! A small LMTP server (RFC 2033): the local MTA hands over mail that came back.
//!
//! LMTP and not SMTP, so that there is no queue here: what is answered 250 has been taken by the
//! handler, everything else stays with the MTA, which tries again or tells the sender.

mod command;
mod session;
mod wire;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Takes one mail. It must be idempotent: an MTA that does not hear the answer sends again.
pub type Handler = Arc<dyn Fn(Envelope, Vec<u8>) -> BoxFuture<'static, LmtpReply> + Send + Sync>;

/// How much one client may ask for, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Sessions at a time; more are told to come later.
    pub connections: usize,
    /// Octets of one mail.
    pub message_bytes: usize,
    /// Octets of one command (RFC 5321 §4.5.3.1.4 asks for 512, extensions for more).
    pub command_bytes: usize,
    pub recipients: usize,
    /// Commands that make no sense, before we hang up.
    pub mistakes: u32,
    /// For one command to arrive, and for an answer to be read.
    pub command_timeout: Duration,
    /// For a mail to arrive, from DATA to the dot.
    pub data_timeout: Duration,
    /// For the handler.
    pub handler_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16,
            message_bytes: 5 * 1024 * 1024,
            command_bytes: 2048,
            recipients: 100,
            mistakes: 20,
            command_timeout: Duration::from_mins(5),
            data_timeout: Duration::from_mins(10),
            handler_timeout: Duration::from_mins(1),
        }
    }
}

/// The envelope of a mail, as the MTA gave it, in its spelling.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `None` is the null sender `<>`, of bounces and auto replies.
    pub sender: Option<String>,
    /// At least one.
    pub recipients: Vec<String>,
}

/// Masked: addresses stay out of logs.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sender = if self.sender.is_some() { "<…>" } else { "<>" };
        write!(f, "Envelope({sender} to {})", self.recipients.len())
    }
}

/// The handler's answer for all recipients of a mail. The text is sent to the MTA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LmtpReply {
    /// On disk: the MTA may forget it.
    Accepted,
    /// Not now: the MTA keeps it and tries again.
    Later(String),
    /// Never: the MTA tells the sender.
    Refused(String),
}

/// Serves until `shutdown`, then until the sessions have ended: each at its next command, after the
/// answer to a mail that the handler has already been given.
pub async fn serve(
    listener: TcpListener,
    limits: Limits,
    handler: Handler,
    shutdown: CancellationToken,
) {
    let sessions = TaskTracker::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let mut stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "LMTP: a connection could not be accepted");
                // Out of file descriptors: give the sessions time to end.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            // Into the buffer of a fresh socket: does not wait for the client.
            let _ = stream.write_all(b"421 4.3.2 too many connections, try again later\r\n").await;
            continue;
        };
        let (handler, shutdown) = (Arc::clone(&handler), shutdown.clone());
        sessions.spawn(async move {
            if let Err(error) = session::run(stream, limits, handler, shutdown).await {
                tracing::debug!(%error, "LMTP: a session ended early");
            }
            drop(place);
        });
    }
    sessions.close();
    sessions.wait().await;
}
