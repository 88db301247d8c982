//! What the integration tests share: servers, folders, clocks.
