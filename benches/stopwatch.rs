//! Time on the wall and on the processor: the second does not suffer from what else runs.

// Each bench uses a part of this.
#![allow(dead_code)]

use std::{
    fs,
    time::{Duration, Instant},
};

pub struct Stopwatch {
    started: Instant,
    used: Duration,
}

pub struct Lap {
    pub wall: Duration,
    /// Of all threads of this process.
    pub processor: Duration,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { started: Instant::now(), used: processor() }
    }

    pub fn lap(&self) -> Lap {
        Lap { wall: self.started.elapsed(), processor: processor().saturating_sub(self.used) }
    }
}

impl Lap {
    /// So many a second, by either clock.
    pub fn rates(&self, count: usize) -> (f64, f64) {
        #[allow(clippy::cast_precision_loss)]
        let count = count as f64;
        (count / self.wall.as_secs_f64(), count / self.processor.as_secs_f64())
    }
}

fn processor() -> Duration {
    processor_of("self")
}

/// Fields 14 and 15 of `stat` are hundredths of a second in the program and in the kernel for it, of
/// all threads, those that are gone as well (proc_pid_stat(5)).
pub fn processor_of(process: &str) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name, in parentheses, may hold spaces.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

/// A size out of the environment.
pub fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}
