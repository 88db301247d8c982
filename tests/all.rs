//! One binary for all integration tests: it links once.

// A failed expectation is a failed test.
#![allow(clippy::unwrap_used)]

mod store_contract;
mod support;
