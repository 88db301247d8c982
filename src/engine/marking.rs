//! The point of no return, for all connections of the relay together.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{Engine, group::Group};
use crate::{
    domain::id::MessageId,
    store::{StoreError, records::ClaimToken},
};

/// What the point of no return says of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Written: the mail goes.
    Ours,
    /// Still ours, but the mail must not go now: it is paused, its window closed, the lead objected.
    Held,
    /// Somebody withdrew it.
    Gone,
}

impl Engine {
    pub(super) fn start_marks(
        self: &Arc<Self>,
        tracker: &TaskTracker,
    ) -> Group<(MessageId, ClaimToken), Mark> {
        let engine = Arc::clone(self);
        Group::start(tracker, 256, move |marks: Vec<(MessageId, ClaimToken)>| {
            let engine = Arc::clone(&engine);
            async move {
                match engine.mark(&marks).await {
                    Ok(answers) => answers,
                    Err(error) => {
                        tracing::error!(%error, "the point of no return cannot be written; nothing is handed over");
                        Vec::new()
                    }
                }
            }
        })
    }

    async fn mark(&self, claims: &[(MessageId, ClaimToken)]) -> Result<Vec<Mark>, StoreError> {
        let ours = self.store.mark_transmitting(claims, self.clock.now()).await?;
        let others: Vec<_> =
            claims.iter().zip(&ours).filter(|(_, ours)| !**ours).map(|(claim, _)| *claim).collect();
        let held = self.store.still_claimed(&others).await?;
        let mark = |(claim, ours): (&(MessageId, ClaimToken), bool)| match ours {
            true => Mark::Ours,
            false if held.contains(&claim.0) => Mark::Held,
            false => Mark::Gone,
        };
        Ok(claims.iter().zip(ours).map(mark).collect())
    }
}
