//! How many mails leave soon, by what is live and by what would be: a rehearsal of those whom a release concerns, to
//! whom nothing else happens.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Serialize;

use crate::{
    domain::{
        definitions::Definitions, fleet::Fleet, lead::LeadState, name::Name, pause::Scope,
        time::Instant,
    },
    engine::rehearsal::{Cast, Left, Mail, Person, Witness, World},
    store::{Store, StoreError},
};

const DAY: Duration = Duration::from_hours(24);
pub(super) const WEEK: Duration = Duration::from_hours(7 * 24);
/// Leads decided in one go.
const BATCH: usize = 1_000;

/// Mails to those whom a release concerns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Forecast {
    /// In the next 24 hours, and in the next seven days, by what is live.
    pub before: Soon,
    /// Likewise, once it is made.
    pub after: Soon,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Soon {
    pub day: u64,
    pub week: u64,
}

/// Counts what leaves from an instant on.
struct Count {
    from: Instant,
    soon: Soon,
}

impl Witness for Count {
    fn left(&mut self, _: &Definitions, _: usize, _: &LeadState, mail: &Mail<'_>, came: &Left) {
        if *came == Left::Sent {
            self.soon.week += 1;
            self.soon.day += u64::from(mail.now <= self.from + DAY);
        }
    }
}

/// Looks ahead for these people, as they are by what is live and by what would be.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn forecast(
    store: &Store,
    fleet: &Fleet,
    (before, after): (Option<&Arc<Definitions>>, &Arc<Definitions>),
    (without, with): (Vec<Person>, Vec<Person>),
    now: Instant,
) -> Result<Forecast, StoreError> {
    let paused: BTreeSet<Name> = store
        .pauses()
        .await?
        .into_iter()
        .filter_map(|pause| match pause.scope {
            Scope::Workflow(name) => Some(name),
            _ => None,
        })
        .collect();
    let look = async |definitions: &Arc<Definitions>, people: Vec<Person>| {
        let cast = Cast::of_people(store, definitions, fleet, people).await?;
        let (definitions, fleet, paused) = (Arc::clone(definitions), fleet.clone(), paused.clone());
        let run = move || run(definitions, fleet, cast, paused, now);
        Ok::<_, StoreError>(tokio::task::spawn_blocking(run))
    };
    let gone = |error: tokio::task::JoinError| StoreError::Other(error.to_string());
    let without = match before {
        Some(before) => Some(look(before, without).await?),
        None => None,
    };
    let with = look(after, with).await?;
    let before = match without {
        Some(without) => without.await.map_err(gone)?,
        None => Soon::default(),
    };
    Ok(Forecast { before, after: with.await.map_err(gone)? })
}

fn run(
    definitions: Arc<Definitions>,
    fleet: Fleet,
    cast: Cast,
    paused: BTreeSet<Name>,
    now: Instant,
) -> Soon {
    let mut world = World::new(definitions, fleet, (), BATCH, now).with(cast).with_paused(paused);
    let mut count = Count { from: now, soon: Soon::default() };
    world.run(now + WEEK, &mut count);
    count.soon
}
