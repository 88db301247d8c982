//! What the benches have in common: a busy house and leads with a past.

pub mod folder;
pub mod leads;
