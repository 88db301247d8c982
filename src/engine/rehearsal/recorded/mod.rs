//! Recorded pasts, decided again by this binary: for `nurtured why`, which tells them, and `nurtured replay`, which
//! compares them.
//!
//! A record says in which order things happened to a lead and it was decided, and mostly when. What happened comes
//! again as it came, mails leave as they left, and what leads share (the pace, their company) is granted as it was. What
//! decisions made of that comes out again.

mod again;
mod chronicle;
mod difference;
mod outset;
mod replay;
mod settled;
mod turns;

pub use again::{Again, Seen};
pub use chronicle::Chronicle;
pub use difference::{Difference, Key, keys};
pub use replay::{Gap, Period, Replayed};
pub use settled::Settled;
pub use turns::Decided;
