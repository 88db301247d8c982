//! What the integration tests share: servers, folders, clocks.

pub mod site;
pub mod smtp;
pub mod databases;
pub mod postgres;
