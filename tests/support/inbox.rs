//! Mail that comes back to a rig.

use std::path::PathBuf;

use nurtured::{
    domain::address::Address,
    engine::inbox::{Accepted, Envelope, Inbox, InboxError},
    mail::unclaimed::Unclaimed,
};

use super::engine::Rig;

impl Rig {
    /// Where mail is kept that is nobody's.
    pub fn unclaimed(&self) -> PathBuf {
        self.folder.path().join("unclaimed")
    }

    /// A mail comes in, to this address.
    pub async fn comes_back(&self, raw: &[u8], to: &str) -> Accepted {
        let recipients = vec![Address::parse(to).unwrap()];
        self.arrives(raw, &Envelope { null_sender: false, recipients }).await.unwrap()
    }

    pub async fn arrives(&self, raw: &[u8], envelope: &Envelope) -> Result<Accepted, InboxError> {
        let unclaimed = Unclaimed::new(&self.unclaimed());
        let (store, keyring) = (&self.store, &*self.keyring);
        let inbox = Inbox { store, keyring, unclaimed: &unclaimed };
        inbox.accept(raw, envelope, self.clock.now()).await
    }
}
