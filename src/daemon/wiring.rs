//! The engine on the daemon's parts: its loops, and what it tells the metrics and the health.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Loop, Parts, Wired};
use crate::{
    domain::message::MessageState,
    engine::{
        Engine,
        releasing::{self, Applied},
        running::Turn,
        settling::Tally,
    },
    http::Metrics,
    mail::{
        dkim::Signers,
        relay::{Change, Relay},
    },
};

/// The longest turn of the decide loop before it is taken for dead; its longest sleep is far shorter.
const DECIDE_WITHIN: Duration = Duration::from_secs(120);

/// The same for sending and for keeping up: both have statements to wait for that take their time.
const TURN_WITHIN: Duration = Duration::from_mins(5);

/// Builds the engine, settles what an earlier process left behind, and gives its loops to the daemon.
///
/// `folder` is the campaign folder, applied at the start and on SIGHUP where `auto_apply` says so.
pub async fn wire(parts: &Parts, folder: PathBuf) -> anyhow::Result<Wired> {
    let pulses = [
        ("send", parts.health.pulse("send", TURN_WITHIN)),
        ("keep-up", parts.health.pulse("keep-up", TURN_WITHIN)),
    ];
    let at_rest = pulses.clone();
    let mut engine = engine(parts)?;
    engine.on_turn = Box::new(move |turned, turn| {
        let Some((_, pulse)) = pulses.iter().find(|(name, _)| *name == turned) else { return };
        pulse.beat();
        match turn {
            Turn::Begun => {}
            Turn::Well => pulse.well(),
            Turn::Failed(error) => pulse.failing(error),
        }
    });
    let engine = Arc::new(engine);
    let lease = parts.config.engine.lease;
    for relay in engine.outlets.iter().map(|outlet| &outlet.relay) {
        let (least, headroom) = (relay.after_the_point_of_no_return(), engine.headroom(relay));
        if headroom < least {
            tracing::warn!(
                "[engine] lease is {} s, but relay `{}` may take {} s to answer a mail: one that is answered \
                 later than {} s is in doubt",
                lease.as_secs(),
                relay.name(),
                least.as_secs(),
                headroom.as_secs()
            );
        }
    }
    let folder = parts.config.auto_apply.then_some(folder);
    auto_apply(parts, folder.as_deref(), "start").await;
    engine.follow_zone_rules().await?;
    engine.take_over().await?;
    engine.follow_relays().await?;
    match engine.live() {
        Some(live) => {
            // On SQLite nobody else can be at work on this file; on PostgreSQL leases tell.
            let alone = parts.store.admits_one_engine();
            let left = engine.recover(&live, alone, parts.clock.now()).await?;
            if left != Tally::default() {
                tracing::warn!(
                    in_doubt = left.in_doubt,
                    due_again = left.released,
                    "an earlier process left messages behind"
                );
            }
        }
        None => tracing::warn!("nothing is live yet: run `nurtured apply`"),
    }
    let claiming = &parts.stop.claiming;
    let pulse = parts.health.pulse("decide", DECIDE_WITHIN);
    let metrics = Arc::clone(&parts.metrics);
    let deciding = Arc::clone(&engine).decide_loop(claiming.clone(), move |done, turn, took| {
        pulse.beat();
        match turn {
            Ok(()) => pulse.well(),
            Err(error) => pulse.failing(&error),
        }
        if done.claimed > 0 {
            metrics.decided(done.decided, done.lost, took);
            metrics.parked(done.parked);
        }
    });
    let sending = Arc::clone(&engine).send_loop(claiming.clone());
    let calling = Arc::clone(&engine).call_loop(claiming.clone());
    let all_of_calls = parts.stop.all.clone();
    // What was asked without an answer is asked again, by the same key.
    let calling = async move {
        tokio::select! {
            ended = calling => ended?,
            () = all_of_calls.cancelled() => {}
        }
        Ok(())
    };
    let reloaded = parts.clone();
    let reload = Arc::clone(&parts.reload);
    let keeping_up = Arc::clone(&engine).keep_up(claiming.clone(), reload, move || {
        let (parts, folder) = (reloaded.clone(), folder.clone());
        async move { auto_apply(&parts, folder.as_deref(), "SIGHUP").await }
    });
    let all = parts.stop.all.clone();
    let sending = async move {
        tokio::select! {
            ended = sending => ended?,
            () = all.cancelled() => {
                // What was handed over without an answer is in doubt; a late answer may still settle it.
                if let Some(live) = engine.live() {
                    let alone = engine.store.admits_one_engine();
                    engine.recover(&live, alone, engine.clock.now()).await?;
                }
            }
        }
        at_rest.iter().for_each(|(_, pulse)| pulse.rest());
        Ok(())
    };
    let mut loops = vec![
        Loop { name: "decide", work: Box::pin(async move { Ok(deciding.await?) }) },
        Loop { name: "send", work: Box::pin(sending) },
        Loop { name: "call", work: Box::pin(calling) },
        Loop { name: "keep-up", work: Box::pin(async move { Ok(keeping_up.await?) }) },
    ];
    loops.extend(super::inbox::door(parts).await?);
    Ok(Wired { loops, chores: Vec::new() })
}

/// A folder with problems changes nothing: what is live goes on.
async fn auto_apply(parts: &Parts, folder: Option<&Path>, why: &str) {
    let Some(folder) = folder else { return };
    let now = parts.clock.now();
    match releasing::apply_folder(&parts.store, folder, "auto_apply", why, now).await {
        Ok(Applied::New(release)) => tracing::info!(release = %release.id, "applied by auto_apply"),
        Ok(Applied::Unchanged(_)) => {}
        Err(error) => tracing::error!(%error, "auto_apply changed nothing"),
    }
}

fn engine(parts: &Parts) -> anyhow::Result<Engine> {
    let (_, relays) = parts.config.sending()?;
    let relays = relays.iter().map(Relay::configured).collect::<Result<_, _>>()?;
    let mut engine = Engine::new(
        parts.store.clone(),
        parts.clock.clone(),
        Arc::clone(&parts.keyring),
        Arc::clone(&parts.config),
        relays,
    );
    engine.signers = Arc::new(Signers::configured(&parts.config)?);
    engine.nudge = Arc::clone(&parts.nudge);
    engine.current = parts.current.clone();
    let metrics = Arc::clone(&parts.metrics);
    engine.on_settled = Box::new(move |tally| count(&metrics, tally));
    engine.outlets.iter().for_each(|outlet| parts.metrics.relay(&outlet.name, true));
    let metrics = Arc::clone(&parts.metrics);
    engine.on_relay = Box::new(move |name, change| metrics.relay(name, change == Change::Up));
    let metrics = Arc::clone(&parts.metrics);
    let calls = Arc::clone(&parts.metrics);
    engine.on_called = Box::new(move |target, outcome| calls.called(target, outcome));
    engine.on_missed = Box::new(move |_, ticks| metrics.missed_ticks(ticks));
    Ok(engine)
}

fn count(metrics: &Metrics, tally: &Tally) {
    let states = [
        (MessageState::Sent, tally.sent),
        (MessageState::Failed, tally.failed),
        (MessageState::InDoubt, tally.in_doubt),
        (MessageState::Deferred, tally.deferred),
        (MessageState::Cancelled, tally.cancelled),
        (MessageState::Parked, tally.parked),
    ];
    for (state, count) in states.into_iter().filter(|(_, count)| *count > 0) {
        metrics.mails(state, count);
    }
}
