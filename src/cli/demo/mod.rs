//! `nurtured demo`: weeks of nurturing in a minute, on this machine alone.
//!
//! A fresh rehearsal database, a small shipped list of leads, the campaign folder's workflows, mails
//! as `.eml` files, and seeded people who open, click and unsubscribe through the real HTTP endpoints
//! on a free loopback port, and now and then take a whitepaper from the website.

mod print;
mod reader;
mod setting;

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

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
    #[arg(long, default_value_t = 12)]
    seed: u64,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let end = context.now();
    // Whole weeks back, from a Monday morning on: two runs on one day tell the same story.
    let start = setting::monday_before(end, arguments.weeks);
    let mut setting = Setting::build(context, &arguments.out, start).await?;
    let mut tale = Tale::new(&context.output);
    tale.opens(start, arguments.weeks);
    tale.imported(&setting.imported);
    tale.applied(&setting.workflows);

    let mut reader = Reader::new(arguments.seed);
    let mut visits = BTreeSet::new();
    for who in setting.people().await? {
        let at = reader.takes_whitepaper(who.as_str(), start, end);
        visits.extend(at.map(|at| (at, who)));
    }
    let mut now = start;
    let mut week_end = start + WEEK;
    loop {
        let report = setting.tick(now).await?;
        tale.ticked(&report);
        for mail in setting.new_mails()? {
            if mail.unsubscribe.is_none() {
                tale.noticed(&mail, now);
            } else {
                tale.mailed(&mail);
                reader.receives(&mail, now);
            }
        }
        // A wake-up in this very instant would have been part of the pass.
        let wake = report.next_wake_at.unwrap_or(Instant::NEVER);
        let visit = visits.first().map_or(Instant::NEVER, |(at, _)| *at);
        let next = wake.min(reader.next_act()).min(visit).max(now.next()).min(end);
        while week_end <= next {
            tale.week(week_end, &setting.census(week_end).await?);
            week_end = week_end + WEEK;
        }
        if next >= end {
            // The days since the last whole week.
            if week_end < end + WEEK {
                tale.week(end, &setting.census(end).await?);
            }
            break;
        }
        now = next;
        setting.set_clock(now);
        while let Some((_, who)) = visits.first().filter(|(at, _)| *at <= now).cloned() {
            visits.pop_first();
            setting.takes_whitepaper(&who, now).await?;
            tale.visited();
        }
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
    let parked = setting.parked().await?;
    tale.ends(&setting.census(end).await?, &hot, parked, &setting)?;
    setting.close().await;
    Ok(())
}
