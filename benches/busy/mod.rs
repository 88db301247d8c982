//! What the benches have in common: a busy house and leads with a past.

// Each bench uses a part of this.
#![allow(dead_code)]

pub mod folder;
pub mod leads;
