//! Mail: composing it, handing it to a relay, and what the relay's reply means.

pub mod compose;
pub mod header_text;
pub mod relay;
//! Mail: composed, handed over, and what comes back.

pub mod inbound;
