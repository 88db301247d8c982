//! What the store promises, on SQLite and PostgreSQL alike. Every public method of `Store` is in here.

mod accounts;
mod backups;
mod calls;
mod codes;
mod corruption;
mod decisions;
mod doubts;
mod figures;
mod glances;
mod imports;
mod intake;
mod lines;
mod made;
mod messages;
mod pasts;
mod pauses;
mod races;
mod ramps;
mod relays;
mod releases;
mod schedules;
mod schema;
mod shows;
mod suppressions;
mod sweeps;
mod timers;
