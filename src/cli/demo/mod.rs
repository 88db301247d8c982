//! `nurtured demo`: weeks of nurturing in a minute, on this machine alone.
//!
//! A fresh rehearsal database, a small shipped list of leads, the campaign folder's workflows, mails
//! as `.eml` files, and a seeded reader who opens, clicks and unsubscribes through the real HTTP
//! endpoints on a free loopback port.

mod print;
mod reader;
mod setting;

use std::{path::PathBuf, time::Duration};

use self::{
    print::Tale,
    reader::{Act, Reader},
    setting::Setting,
};
use super::{context::Context, failure::Failure};
use crate::domain::time::Instant;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Walks a small example through weeks, with mails as files. Nothing leaves this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for the demo's database and mails; made anew each time
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
    /// How many weeks to walk through, up to now
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=104))]
    weeks: u32,
    /// Another number, other readers
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let end = context.now();
    // Whole weeks back, from a Monday morning on: two runs on one day tell the same story.
    let start = setting::monday_before(end, arguments.weeks);
    let mut tale = Tale::new(&context.output);
    tale.opens(start, arguments.weeks);

    let mut setting = Setting::build(context, &arguments.out, start).await?;
    tale.imported(&setting.imported);
    tale.applied(&setting.workflows);

    let mut reader = Reader::new(arguments.seed);
    let mut now = start;
    let mut week_end = start + WEEK;
    loop {
        let report = setting.tick(now).await?;
        tale.ticked(&report);
        for mail in setting.new_mails()? {
            tale.mailed(&mail);
            reader.receives(&mail, now);
        }
        // A wake-up in this very instant would have been part of the pass.
        let wake = report.next_wake_at.unwrap_or(Instant::NEVER);
        let next = wake.min(reader.next_act()).max(now.next()).min(end);
        while week_end <= next {
            tale.week(week_end, &setting.census(week_end).await?);
            week_end = week_end + WEEK;
        }
        if next >= end {
            break;
        }
        now = next;
        setting.set_clock(now);
        for (mail, act) in reader.acts_until(now) {
            setting.act(&mail, act).await?;
            tale.acted(&mail, act);
            if act == Act::Unsubscribe {
                reader.falls_silent(&mail.to);
            }
        }
    }
    setting.set_clock(end);
    let hot = setting.hottest(end, 5).await?;
    tale.ends(&setting.census(end).await?, &hot, &setting)?;
    setting.close().await;
    Ok(())
}
