//! `nurtured demo`: half a year of nurturing in seconds, on this machine alone.
//!
//! A fresh rehearsal database, a small shipped list of leads, the campaign folder's workflows, mails
//! as `.eml` files, and made-up people on both sides: leads who open, click, answer, leave and look at the
//! website, and sales, who answer cards, call, meet, win and lose. All that has a page is done by the real HTTP
//! endpoints, on a free loopback port. How they behave is assumed in [`manners`].

mod agenda;
mod counts;
mod crm;
mod doors;
mod ending;
mod folder;
mod mail;
mod manners;
mod readers;
mod roster;
mod sales;
mod screen;
mod setting;
mod tale;

use std::{path::PathBuf, time::Duration};

use jiff::civil::Date;

use self::{
    agenda::{Act, Agenda},
    readers::Readers,
    roster::Roster,
    sales::Sales,
    setting::Setting,
    tale::Tale,
};
use super::{context::Context, failure::Failure};
use crate::{
    definitions::counted,
    domain::{lead::Stage, time::Instant},
    engine::rehearsal::Chance,
};

const FIRST_DAY: Date = jiff::civil::date(2024, 1, 1);
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// How long the engine leaves acts be, so that an opened mail, its click and their settling are one pass.
const PASS_AFTER: Duration = Duration::from_secs(3 * 60);

/// Walks a small example through weeks: mails as files, made-up leads and sales people. Nothing leaves this
/// machine.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The folder for the demo's database and mails; made anew each time
    #[arg(long, value_name = "DIR", default_value = "demo")]
    out: PathBuf,
    /// How many weeks to walk through
    #[arg(long, default_value_t = 26, value_parser = clap::value_parser!(u32).range(1..=104))]
    weeks: u32,
    /// The day on which it begins [default: the monday so many weeks before the last one]
    #[arg(long, value_name = "DATE")]
    start: Option<Date>,
    /// Another number, other people
    #[arg(long, default_value_t = 23)]
    seed: u64,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let (start, end) = span(arguments, context.now())?;
    let mut setting = Setting::build(context, &arguments.out, start).await?;
    let mut tale = Tale::opens(&context.output, start, arguments.weeks);
    tale.imported(&setting.imported);
    tale.applied(&setting.workflows);
    let chance = Chance::new(arguments.seed);
    let mut walk = Walk {
        roster: setting.roster().await?,
        agenda: Agenda::default(),
        readers: Readers::new(chance),
        sales: Sales::new(chance),
        told_until: start,
    };
    for (lead, who) in walk.roster.all() {
        walk.readers.visit(&mut walk.agenda, lead, &who.address, [start, end]);
    }
    let mut pass_at = start;
    let mut week_end = start + WEEK;
    loop {
        let now = pass_at.min(walk.agenda.next()).min(end);
        while week_end <= now {
            tale.week(week_end, &setting.store.census(week_end).await?);
            week_end = week_end + WEEK;
        }
        setting.set_clock(now);
        if now == end {
            break;
        }
        if walk.acts(&mut setting, &mut tale, now).await? {
            pass_at = pass_at.min(now + PASS_AFTER);
        }
        if now == pass_at {
            pass_at = walk.pass(&mut setting, &mut tale, now).await?;
        }
    }
    tale.ends();
    ending::tell(context, &tale, &setting, &walk.roster, arguments.weeks, end).await?;
    setting.close().await;
    Ok(())
}

/// Whole weeks from monday to monday, if nobody says otherwise: two runs in one week tell the same story.
fn span(arguments: &Arguments, now: Instant) -> Result<(Instant, Instant), Failure> {
    let start = match arguments.start {
        Some(day) => setting::morning_of(day),
        None => setting::monday_before(now, arguments.weeks),
    };
    let end = start + WEEK * arguments.weeks;
    if end > now {
        let (weeks, day) = (counted(arguments.weeks, "week"), start.timestamp());
        let day = day.strftime("%-d %b %Y");
        return Err(Failure::usage(format!("{weeks} from {day} on are not over yet")));
    }
    // The leads agreed to be written to shortly before, and ids count from there.
    if start < setting::morning_of(FIRST_DAY) {
        let day = FIRST_DAY.strftime("%-d %b %Y");
        return Err(Failure::usage(format!("nothing is told of the time before {day}")));
    }
    Ok((start, end))
}

/// All people, and what they are going to do.
struct Walk {
    roster: Roster,
    agenda: Agenda,
    readers: Readers,
    sales: Sales,
    told_until: Instant,
}

impl Walk {
    /// Whether anybody did anything.
    async fn acts(
        &mut self,
        setting: &mut Setting,
        tale: &mut Tale<'_>,
        now: Instant,
    ) -> Result<bool, Failure> {
        let due = self.agenda.until(now);
        for plan in &due {
            setting.perform(plan, &self.roster, now).await?;
            tale.acted(plan, &self.roster, now);
            match &plan.act {
                Act::Unsubscribe { .. } => self.agenda.leaves(plan.lead),
                Act::Press { word, .. } => {
                    let address = &self.roster.of(plan.lead).address;
                    self.sales.said(&mut self.agenda, plan.lead, address, word, now);
                }
                _ => {}
            }
        }
        Ok(!due.is_empty())
    }

    /// One pass of the engine, and what becomes of its mails. Returns when the next one is due.
    async fn pass(
        &mut self,
        setting: &mut Setting,
        tale: &mut Tale<'_>,
        now: Instant,
    ) -> Result<Instant, Failure> {
        let report = setting.tick(now).await?;
        tale.ticked(&report, now);
        if report.decided > 0 {
            self.tell_moves(setting, tale, now).await?;
        }
        let mails = if report.sent > 0 { setting.new_mails().await? } else { Vec::new() };
        for mail in mails {
            let address = &self.roster.of(mail.lead).address;
            match &mail.person {
                None => {
                    tale.mailed(&mail);
                    self.readers.receive(&mut self.agenda, &mail, address, now);
                }
                Some(person) if mail.links.outcomes.is_empty() => {
                    tale.noticed(&mail, person, &self.roster, now);
                }
                Some(person) => {
                    let before = self.sales.receive(&mut self.agenda, &mail, person, address, now);
                    tale.handed(&mail, person, &before, &self.roster, now);
                }
            }
        }
        // A wake-up in this very instant would have been part of the pass.
        Ok(report.next_wake_at.unwrap_or(Instant::NEVER).max(now.next()))
    }

    /// Tells of those who came to another stage since the last pass.
    async fn tell_moves(
        &mut self,
        setting: &Setting,
        tale: &mut Tale<'_>,
        now: Instant,
    ) -> Result<(), Failure> {
        let (changes, _) = setting.store.milestones().await?;
        for change in changes.iter().filter(|change| change.at >= self.told_until) {
            if change.to == Stage::Mql {
                let why = setting.why(change.lead, now).await?;
                tale.stirred(change.lead, &why, &self.roster, now);
            } else {
                tale.moved(change.lead, change.to, &self.roster, now);
            }
        }
        self.told_until = now.next();
        Ok(())
    }
}
