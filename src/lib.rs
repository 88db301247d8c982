//! `nurtured`: lead nurturing as files, one decision function, mail that is handed over at most once.
//!
//! Dependencies point one way: `domain ← config, clock ← definitions, token, mail, store ← render ←
//! engine ← http ← daemon ← cli ← main`. `tests/architecture.rs` holds the code to it.

pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod definitions;
pub mod domain;
pub mod engine;
pub mod http;
pub mod mail;
pub mod render;
pub mod store;
pub mod token;
