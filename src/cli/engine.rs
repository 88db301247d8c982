//! An engine for one command: on the configured database, alone at work on it, under a driven clock.

use std::sync::Arc;

use super::failure::Failure;
use crate::{
    clock::Clock,
    config::Config,
    engine::{Engine, live::LiveError},
    mail::{
        dkim::Signers,
        relay::{BadRelay, Relay},
    },
    store::{EngineLock, Store, StoreError},
    token::Keyring,
};

/// Builds the engine on an open store. The lock is held as long as the engine is used.
pub(super) fn build(
    config: Config,
    store: Store,
    clock: Clock,
) -> Result<(Arc<Engine>, EngineLock), Failure> {
    let lock = store.engine_lock().map_err(|error| match error {
        StoreError::EngineRunning => {
            Failure::environment(error).hint("stop the daemon first, or leave the work to it")
        }
        other => other.into(),
    })?;
    let keyring = Arc::new(Keyring::load(&config.secrets.file.path()?)?);
    let (_, relays) = config.sending()?;
    let relays = relays.iter().map(Relay::configured).collect::<Result<_, _>>()?;
    let signers = Arc::new(Signers::configured(&config)?);
    let mut engine = Engine::new(store, clock, keyring, Arc::new(config), relays);
    engine.signers = signers;
    Ok((Arc::new(engine), lock))
}

/// Settles what an earlier process left behind.
pub(super) async fn recover(engine: &Engine) -> Result<(), Failure> {
    engine.follow_zone_rules().await?;
    engine.take_over().await?;
    if let Some(live) = engine.live() {
        let alone = engine.store.admits_one_engine();
        engine.recover(&live, alone, engine.clock.now()).await?;
    }
    Ok(())
}

impl From<BadRelay> for Failure {
    fn from(error: BadRelay) -> Self {
        Self::environment(error)
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Self {
        Self::environment(error)
    }
}
