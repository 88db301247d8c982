//! One binary for all integration tests: it links once.

mod http;
mod store_contract;
mod support;
