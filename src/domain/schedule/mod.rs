//! Civil time: sending windows, waits, and what daylight saving does to them. The only such module.
//!
//! One rule: a local time that a change of the clock skips means the first valid instant after the
//! gap (03:00, not 03:30); one that comes twice means the first.

mod calendar;
mod dated;
mod day;
mod later;
mod occasion;
mod quiet;
mod resolve;
mod rules;
mod ticks;
mod wait;
mod wait_text;
mod weekday;
mod window;
mod window_text;

#[cfg(test)]
mod dated_tests;
#[cfg(test)]
mod resolve_tests;
#[cfg(test)]
mod wait_tests;
#[cfg(test)]
mod window_tests;

use resolve::resolve_with_gap;

pub use calendar::{Calendar, DaysOff, OwnDay, Place, Whose};
pub use dated::{DateError, DateExpr, Deadline, Shift};
pub use day::{Day, date_at, day_begins, local_text};
pub use later::{Later, end_of_quiet};
pub use occasion::{Coming, Occasion};
pub use quiet::QuietHours;
pub use resolve::{local, resolve};
pub use rules::zone_rules_mark;
pub use ticks::{Come, Ticks};
pub use wait::WaitSpec;
pub use wait_text::WaitError;
pub use weekday::{parse as weekday_of, parse_minutes as minutes};
pub use window::{Around, Window};
pub use window_text::WindowError;
