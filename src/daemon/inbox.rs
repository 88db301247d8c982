//! The LMTP door for mail that comes back.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{DaemonError, Loop, Parts, bind};
use crate::{
    engine::inbox::{Action, Envelope, Inbox, InboxError},
    mail::{
        lmtp::{self, Handler, Limits, LmtpReply},
        unclaimed::Unclaimed,
    },
};

/// Listens where `[lmtp] listen` says; `None` where it says nothing.
pub(super) async fn door(parts: &Parts) -> Result<Option<Loop>, DaemonError> {
    let Some(lmtp) = &parts.config.lmtp else { return Ok(None) };
    let listener = bind(lmtp.listen, "[lmtp] listen").await?;
    let (parts, stop): (Parts, CancellationToken) = (parts.clone(), parts.stop.claiming.clone());
    let handler: Handler = Arc::new(move |envelope, raw| {
        let parts = parts.clone();
        async move {
            let envelope = Envelope::new(envelope.sender.is_none(), &envelope.recipients);
            take(&parts, &envelope, &raw).await
        }
        .boxed()
    });
    let work = async move {
        lmtp::serve(listener, Limits::default(), handler, stop).await;
        Ok(())
    };
    Ok(Some(Loop { name: "lmtp", work: work.boxed() }))
}

async fn take(parts: &Parts, envelope: &Envelope, raw: &[u8]) -> LmtpReply {
    let (store, keyring) = (&parts.store, &*parts.keyring);
    let unclaimed = &Unclaimed::new(&parts.config.inbound.keep);
    let inbox = Inbox { store, keyring, unclaimed };
    match inbox.accept(raw, envelope, parts.clock.now()).await {
        Ok(accepted) => {
            parts.nudge.notify_one();
            parts.metrics.returned(accepted.action);
            tracing::info!(
                kind = accepted.kind,
                matched = accepted.matched,
                action = accepted.action.word(),
                "a mail came back"
            );
            if accepted.action == Action::Dropped {
                let folder = parts.config.inbound.keep.display();
                tracing::warn!(%folder, "the folder for mail that is nobody's is full");
            }
            LmtpReply::Accepted
        }
        // It stays with the mail server, which offers it again.
        Err(error) => {
            tracing::error!(%error, "a mail that came back cannot be written down");
            LmtpReply::Later(
                match error {
                    InboxError::Store(_) => "the database does not answer",
                    InboxError::Keep(_) => "it cannot be kept",
                }
                .to_owned(),
            )
        }
    }
}
