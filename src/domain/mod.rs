//! The rules, pure: no clock, no randomness, no I/O, no async.

pub mod address;
pub mod allocator;
pub mod answer;
pub mod artefact;
pub mod campaign;
pub mod condition;
pub mod decide;
pub mod decision;
pub mod definitions;
pub mod event;
pub mod facts;
pub mod id;
pub mod language;
pub mod lead;
pub mod message;
pub mod name;
pub mod policy;
pub mod question;
pub mod schedule;
pub mod score;
pub mod template;
pub mod time;
pub mod value;
pub mod verdict;
pub mod workflow;
