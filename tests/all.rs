//! One binary for all integration tests: it links once.

mod cli;
mod engine;
mod import;
mod one_lead_story;
mod relay;
mod http;
mod store_contract;
mod support;
