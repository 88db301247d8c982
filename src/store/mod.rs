//! The store: all SQL, over SQLite and PostgreSQL alike.

pub mod records;
