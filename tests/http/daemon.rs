//! The daemon around it.
