//! One binary for all integration tests: it links once.

// A failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::cast_possible_truncation, clippy::format_collect)]

mod architecture;
mod care;
mod civil;
mod cli;
mod crash;
mod demo;
mod dkim;
mod docs;
mod engine;
mod funnel;
mod http;
mod import;
mod one_lead_story;
mod relay;
mod sales;
mod shipped;
mod store_contract;
mod support;
