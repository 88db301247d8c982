//! What systemd is told (`Type=notify`, `WatchdogSec`). Without systemd, nothing happens.

use sd_notify::NotifyState;

use crate::http::Health;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager cannot be told");
    }
}

/// All doors are open.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
}

/// Says "alive" to the watchdog as long as every loop turns; when one does not, says nothing, and is
/// restarted.
pub(super) async fn watchdog(health: Health) {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(within / 3);
    let mut was_alive = true;
    loop {
        ticks.tick().await;
        let stalled = health.stalled();
        if stalled.is_empty() {
            tell(&[NotifyState::Watchdog]);
        } else if was_alive {
            tracing::error!(loops = stalled.join(", "), "does not turn any more");
        }
        was_alive = stalled.is_empty();
    }
}
