//! The LMTP door for mail that comes back.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{DaemonError, Loop, Parts, bind};
use crate::{
    domain::address::Address,
    engine::inbox::accept,
    mail::lmtp::{self, Handler, Limits, LmtpReply},
};

/// Listens where `[lmtp] listen` says; `None` where it says nothing.
pub(super) async fn door(parts: &Parts) -> Result<Option<Loop>, DaemonError> {
    let Some(lmtp) = &parts.config.lmtp else { return Ok(None) };
    let listener = bind(lmtp.listen, "[lmtp] listen").await?;
    let (parts, stop): (Parts, CancellationToken) = (parts.clone(), parts.stop.claiming.clone());
    let handler: Handler = Arc::new(move |envelope, raw| {
        let parts = parts.clone();
        async move {
            let recipients: Vec<Address> = envelope
                .recipients
                .iter()
                .filter_map(|recipient| Address::parse(recipient).ok())
                .collect();
            let now = parts.clock.now();
            match accept(&parts.store, &parts.keyring, &raw, &recipients, now).await {
                Ok(accepted) => {
                    parts.nudge.notify_one();
                    tracing::info!(
                        kind = accepted.kind,
                        matched = accepted.matched,
                        action = ?accepted.action,
                        "a mail came back"
                    );
                    LmtpReply::Accepted
                }
                // It stays with the mail server, which offers it again.
                Err(error) => {
                    tracing::error!(%error, "a mail that came back cannot be written down");
                    LmtpReply::Later("the database does not answer".to_owned())
                }
            }
        }
        .boxed()
    });
    let work = async move {
        lmtp::serve(listener, Limits::default(), handler, stop).await;
        Ok(())
    };
    Ok(Some(Loop { name: "lmtp", work: work.boxed() }))
}
