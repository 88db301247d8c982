//! HTTP: what leads reach (tracking, unsubscribe) and what staff and Prometheus reach (metrics, health).
//!
//! The two have listeners of their own, so that neither can starve or expose the other.

pub mod console;
pub mod health;
mod hits;
mod language;
pub mod listener;
pub mod metrics;
mod outcome_page;
mod outcomes;
mod page;
pub mod public;
mod question_page;
mod questions;

pub use health::{Health, Pulse};
pub use listener::Limits;
pub use metrics::Metrics;
pub use public::Public;
