//! The engine: what makes decisions happen.

pub mod import;
