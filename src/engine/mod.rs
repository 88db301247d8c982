//! The engine: what turns events and time into decisions, and decisions into mail.

pub mod intake;
pub mod judge;
