//! Mail: composing it, handing it to a relay, what the relay's reply means, and what comes back.

pub mod calendar;
pub mod compose;
pub mod dkim;
pub mod header_text;
pub mod inbound;
pub mod lmtp;
pub mod relay;
pub mod unclaimed;
