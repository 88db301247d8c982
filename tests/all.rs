//! One binary for all integration tests: it links once.

mod architecture;
mod cli;
mod http;
mod import;
mod relay;
mod store_contract;
mod support;
