//! Signals, as the daemon understands them.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use super::DaemonError;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM or SIGINT. The second one is in earnest.
    Stop,
    /// SIGHUP.
    Reload,
}

/// Where signals come from: the system, or whoever holds the sender.
#[derive(Debug)]
pub struct Signals {
    receiver: mpsc::Receiver<Signal>,
    /// Without a sender nothing ever comes, rather than an end of the stream.
    _sender: mpsc::Sender<Signal>,
}

impl Signals {
    /// Signals that are sent by hand: for tests, and for a daemon inside of another program.
    #[must_use]
    pub fn by_hand() -> (mpsc::Sender<Signal>, Self) {
        let (sender, receiver) = mpsc::channel(16);
        (sender.clone(), Self { receiver, _sender: sender })
    }

    /// Listens to SIGTERM, SIGINT and SIGHUP. From now on they no longer end the process.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn of_the_system() -> Result<Self, DaemonError> {
        let (sender, signals) = Self::by_hand();
        for (kind, meaning) in [
            (SignalKind::terminate(), Signal::Stop),
            (SignalKind::interrupt(), Signal::Stop),
            (SignalKind::hangup(), Signal::Reload),
        ] {
            let mut stream = signal(kind).map_err(|error| {
                DaemonError::Environment(format!("cannot listen to signals: {error}"))
            })?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while stream.recv().await.is_some() && sender.send(meaning).await.is_ok() {}
            });
        }
        Ok(signals)
    }

    pub(super) async fn next(&mut self) -> Signal {
        match self.receiver.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Waits for the next signal to stop.
    pub(super) async fn stop(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}
