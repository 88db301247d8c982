//! Civil time: sending windows, waits, and what daylight saving does to them. The only such module.

mod wait;
mod window;

pub use wait::{WaitError, WaitSpec};
pub use window::{Window, WindowError};
