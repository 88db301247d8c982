//! One binary for all integration tests: it links once.

mod cli;
mod crash;
mod http;
mod import;
mod relay;
mod store_contract;
mod support;
