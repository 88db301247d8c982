//! What the integration tests share: servers, folders, clocks.

pub mod crm;
pub mod daemon;
pub mod databases;
pub mod engine;
pub mod faketime;
pub mod inbox;
pub mod postgres;
pub mod sink;
pub mod site;
pub mod skipped;
pub mod smtp;
