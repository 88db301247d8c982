//! The messages on their way: claimed and prepared, and their end not yet written.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, futures::Notified};

use super::claims::Claim;

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    count: AtomicUsize,
    less: Notify,
}

/// One message. Its claim is held until this is dropped, once its end is written.
#[derive(Debug)]
pub(super) struct OnItsWay {
    /// It goes although the relay is down, to find out whether it still is.
    pub is_probe: bool,
    among: Arc<Traffic>,
    _claim: Claim,
    /// Its part of the memory for mails.
    _room: Option<OwnedSemaphorePermit>,
}

impl Traffic {
    pub fn begin(
        self: &Arc<Self>,
        claim: Claim,
        is_probe: bool,
        room: Option<OwnedSemaphorePermit>,
    ) -> OnItsWay {
        self.count.fetch_add(1, Ordering::SeqCst);
        OnItsWay { is_probe, among: Arc::clone(self), _claim: claim, _room: room }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub fn is_none(&self) -> bool {
        self.count() == 0
    }

    /// Ready when one has ended.
    pub fn less(&self) -> Notified<'_> {
        self.less.notified()
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.among.count.fetch_sub(1, Ordering::SeqCst);
        self.among.less.notify_one();
    }
}
