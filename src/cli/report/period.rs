//! `--since DATE --until DATE`: civil days in the zone of the policy.

use jiff::civil::Date;

use crate::{
    cli::failure::Failure,
    domain::{
        schedule::{date_at, day_begins},
        time::{Instant, Zone},
    },
    store::records::Period,
};

#[derive(Debug, clap::Args)]
pub(super) struct Days {
    /// From this day on, in the zone of the policy: 2027-03-28 [default: from the beginning]
    #[arg(long, value_name = "DATE")]
    since: Option<Date>,
    /// Until this day, which still counts [default: until now]
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
}

impl Days {
    /// # Errors
    /// When it ends before it begins.
    pub fn period(&self, zone: &Zone) -> Result<Period, Failure> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until < since
        {
            return Err(Failure::usage(format!("--until {until} is before --since {since}")));
        }
        let after =
            |date: Date| date.tomorrow().map_or(Instant::NEVER, |day| day_begins(day, zone));
        Ok(Period {
            from: self.since.map_or(Period::ALL.from, |date| day_begins(date, zone)),
            until: self.until.map_or(Period::ALL.until, after),
        })
    }
}

/// ` from 2027-03-01 until 2027-03-28`, both days included; empty of all time.
pub(super) fn text(from: Instant, until: Instant, zone: &Zone) -> String {
    let mut text = String::new();
    if from > Period::ALL.from {
        text += &format!(" from {}", date_at(from, zone));
    }
    if until < Period::ALL.until {
        let last = Instant::from_millis(until.millis().saturating_sub(1));
        text += &format!(" until {}", date_at(last, zone));
    }
    text
}
