//! Mail: composed, handed over, and what comes back.

pub mod inbound;
pub mod lmtp;
