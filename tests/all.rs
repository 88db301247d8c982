//! One binary for all integration tests: it links once.

mod cli;
mod import;
mod relay;
mod http;
mod store_contract;
mod support;
