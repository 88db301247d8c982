//! One binary for all integration tests: it links once.

mod store_contract;
mod support;
