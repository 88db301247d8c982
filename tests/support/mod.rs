//! What the integration tests share: servers, folders, clocks.

pub mod smtp;
