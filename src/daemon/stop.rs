//! Stopping in two stages.

use tokio_util::sync::CancellationToken;

/// What every loop listens to.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// First stage: begin nothing new, finish what has begun.
    pub claiming: CancellationToken,
    /// Second stage: leave everything as it is, now. What was being transmitted is in doubt.
    pub all: CancellationToken,
}
