//! The real binary, killed, stopped, frozen and misled: nothing is sent twice, nothing is forgotten.

mod acknowledged;
mod campaign;
mod doubt;
mod frozen;
mod full;
mod invariants;
mod kills;
mod paced;
mod resent;
mod restored;
mod running;
mod starting;
mod stopping;
