//! One binary for all integration tests: it links once.

mod cli;
mod engine;
mod http;
mod import;
mod one_lead_story;
mod relay;
mod store_contract;
mod support;
