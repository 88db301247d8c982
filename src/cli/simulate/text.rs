//! A simulation in the terminal.

use std::collections::BTreeMap;

use jiff::civil::Weekday;

use super::{Report, Timeline};
use crate::{
    cli::{
        output::Output,
        report::{Grid, bar, figure, figures, hanging, shortened, wrapped},
    },
    definitions::counted,
    domain::{name::Name, schedule::Day},
    engine::rehearsal::{DayOfRamp, Forecast, Manners},
};

/// Above a file of what is assumed.
pub(super) const ASSUMED: &str = "\
# What a rehearsal assumes of readers and sales. None of it is measured.
# Shares are of mails, by the temperature of their lead; one share alone is the same for all.
";

/// Days that are shown one by one; of more, weeks are.
const DAYS: usize = 31;
const BAR: u64 = 30;
/// How many reasons are told.
const REASONS: usize = 12;

pub(super) fn text(output: &Output, report: &Report) -> String {
    let Report { forecast, .. } = report;
    let mut lines = wrapped(
        0,
        &format!(
            "A rehearsal of {} from {}, {}, seed {}: {}. Nothing was sent.",
            counted(report.days, "day"),
            report.from.get(..16).unwrap_or(&report.from).replace('T', " "),
            figures(forecast.leads, "lead"),
            report.seed,
            figures(forecast.mails, "mail"),
        ),
    );
    lines.extend(wrapped(0, &assumed(&report.assumed)));
    let mut part = |title: &str, body: Vec<String>| {
        if !body.is_empty() {
            lines.push(String::new());
            lines.push(output.strong(title));
            lines.extend(body);
        }
    };
    part("Mails", calendar(forecast));
    part("By receiver", receivers(output, forecast));
    part("Warm-up", ramps(&report.ramps));
    part("Workflows", workflows(output, forecast));
    part("Held back", held(forecast));
    part("What readers and sales did (assumed)", acts(forecast));
    part("Stages", stages(forecast));
    part("Leads", leads(report));
    for timeline in &report.timelines {
        part(&format!("{} ({})", timeline.email, timeline.zone), story(timeline));
    }
    lines.join("\n")
}

/// What is assumed, in a sentence.
fn assumed(manners: &Manners) -> String {
    format!(
        "Assumed, not measured: of the mails to cold leads {} are opened, {} clicked, {} answered by a reply; {} \
         unsubscribe. `--print-readers` shows it all.",
        manners.opens.cold, manners.clicks.cold, manners.replies.cold, manners.unsubscribes.cold
    )
}

/// A bar a day, or a week.
fn calendar(forecast: &Forecast) -> Vec<String> {
    let days = &forecast.calendar;
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return vec!["none".to_owned()];
    };
    let by_week = usize::try_from(last.day.since(first.day)).unwrap_or(0) >= DAYS;
    let begins = |day: Day| if by_week { Day(day.0 - day.weekday()) } else { day };
    let mut periods: BTreeMap<Day, u64> = BTreeMap::new();
    let (mut day, end) = (begins(first.day), last.day);
    while day <= end {
        periods.insert(day, 0);
        day = if by_week { Day(day.0 + 7) } else { day.next() };
    }
    for day in days {
        *periods.entry(begins(day.day)).or_default() += day.mails;
    }
    let largest = periods.values().copied().max().unwrap_or_default();
    let width = figure(largest).len();
    let line = |(day, mails): (Day, u64)| {
        let date = day.date();
        let name = if by_week {
            format!("week of {}", date.strftime("%e %b %Y"))
        } else {
            date.strftime("%a %e %b %Y").to_string()
        };
        let is_end = date.weekday() == Weekday::Sunday && !by_week;
        let gap = if is_end { " " } else { "" };
        let bar = bar(mails, largest, BAR);
        format!("  {name}  {:>width$}  {bar}{gap}", figure(mails)).trim_end().to_owned()
    };
    periods.into_iter().map(line).collect()
}

fn receivers(output: &Output, forecast: &Forecast) -> Vec<String> {
    let mut grid = Grid::new(&["receiver", "mails", "busiest minute", "at most"]);
    for (name, receiver) in forecast.receivers.iter().filter(|(_, it)| it.mails > 0) {
        grid.row([
            name.to_string(),
            figure(receiver.mails),
            figure(receiver.busiest_minute),
            receiver.rate.clone().unwrap_or_else(|| "–".to_owned()),
        ]);
    }
    indented(grid.lines(output))
}

/// Where each warm-up begins and ends, and on how many days it was the bound.
fn ramps(days: &[DayOfRamp]) -> Vec<String> {
    let mut all: BTreeMap<(&Name, &Name), Vec<&DayOfRamp>> = BTreeMap::new();
    for day in days {
        all.entry((&day.relay, &day.receivers)).or_default().push(day);
    }
    let line = |((relay, receivers), days): ((&Name, &Name), Vec<&DayOfRamp>)| {
        let (first, last) = (days.first()?, days.last()?);
        let full = days.iter().filter(|day| day.mails >= u64::from(day.takes)).count();
        Some(format!(
            "  {relay}, {receivers}: from {} to {} a day until {}; full on {}",
            first.takes,
            last.takes,
            last.day,
            counted(full as u64, "day")
        ))
    };
    all.into_iter().filter_map(line).collect()
}

fn workflows(output: &Output, forecast: &Forecast) -> Vec<String> {
    let titles = ["workflow", "entered", "mails", "goal", "finished", "left", "inside"];
    let mut grid = Grid::new(&titles);
    for (name, it) in &forecast.workflows {
        let figures = [it.entered, it.mails, it.goal, it.finished, it.left, it.inside];
        grid.row([name.to_string()].into_iter().chain(figures.map(figure)));
    }
    indented(grid.lines(output))
}

fn indented(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("  {line}")).collect()
}

fn held(forecast: &Forecast) -> Vec<String> {
    let mut lines = Vec::new();
    for holding in forecast.held.iter().take(REASONS) {
        let first = format!("  {:>9}  ", figure(holding.times));
        let leads = figures(holding.leads, "lead");
        lines.extend(hanging(&first, 13, &format!("{} ({leads})", holding.reason)));
    }
    let more = forecast.held.len().saturating_sub(REASONS);
    if more > 0 {
        lines.push(format!("  and {} more; --json has them all", counted(more as u64, "reason")));
    }
    lines
}

fn acts(forecast: &Forecast) -> Vec<String> {
    let width = forecast.acts.values().map(|count| figure(*count).len()).max().unwrap_or(0);
    let line = |(act, count): (&String, &u64)| format!("  {:>width$}  {act}", figure(*count));
    let mut lines: Vec<String> = forecast.acts.iter().map(line).collect();
    if forecast.notices > 0 {
        lines.push(format!(
            "  {:>width$}  notices and cards to our own people",
            figure(forecast.notices)
        ));
    }
    if forecast.webhooks > 0 {
        lines.push(format!(
            "  {:>width$}  calls to other systems, which would have been made",
            figure(forecast.webhooks)
        ));
    }
    lines
}

fn stages(forecast: &Forecast) -> Vec<String> {
    let all: Vec<&str> = crate::domain::lead::Stage::ALL.iter().map(|stage| stage.word()).collect();
    let of = |stages: &BTreeMap<&'static str, u64>, stage: &str| {
        stages.get(stage).copied().unwrap_or_default()
    };
    let mut lines: Vec<String> = all
        .into_iter()
        .map(|stage| (stage, of(&forecast.stages_before, stage), of(&forecast.stages_after, stage)))
        .filter(|(_, before, after)| before + after > 0)
        .map(|(stage, before, after)| {
            format!("  {stage:<13}{:>9} -> {:<9}", figure(before), figure(after))
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.extend(
        forecast.moves.iter().map(|(way, count)| format!("  {} went from {way}", figure(*count))),
    );
    lines
}

fn leads(report: &Report) -> Vec<String> {
    let forecast = &report.forecast;
    let mut lines = Vec::new();
    if forecast.untouched > 0 {
        let (some, untouched) = (forecast.untouched_some.join(", "), forecast.untouched);
        let are = if untouched == 1 { "is" } else { "are" };
        let all = usize::try_from(untouched) == Ok(forecast.untouched_some.len());
        let ends = if all { "" } else { " …" };
        let text = format!("{} {are} touched by nothing: {some}{ends}", figures(untouched, "lead"));
        lines.extend(wrapped(2, &text));
        let mut because: Vec<(&String, &u64)> = forecast.untouched_because.iter().collect();
        because.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), *reason));
        for (reason, count) in because.into_iter().take(REASONS) {
            lines.extend(hanging(&format!("  {:>9}  ", figure(*count)), 13, reason));
        }
    }
    for (stream, leads) in &forecast.exhausted {
        let (have, wait) = if *leads == 1 { ("has", "waits") } else { ("have", "wait") };
        let leads = figures(*leads, "lead");
        lines.push(format!("  {leads} {have} had all of the stream {stream} and {wait} for more"));
    }
    if let Some(most) = forecast.most_mailed.first() {
        let some = forecast.most_mailed.iter().take(3);
        let some: Vec<String> =
            some.map(|it| format!("{} ({})", shortened(&it.email, 40), it.mails)).collect();
        let text = format!(
            "{} is the most that one lead gets: {}",
            figures(most.mails, "mail"),
            some.join(", ")
        );
        lines.extend(wrapped(2, &text));
    }
    if forecast.parked > 0 {
        let text = format!(
            "{} could not be decided: {}",
            figures(forecast.parked, "lead"),
            forecast.parked_because.join("; ")
        );
        lines.extend(wrapped(2, &text));
    }
    if report.unreadable > 0 {
        lines.push(format!("  {} cannot be read", figures(report.unreadable, "lead")));
    }
    lines.push(format!("  each was decided {} times a year on average", report.decisions_a_year));
    lines
}

fn story(timeline: &Timeline) -> Vec<String> {
    let zone = timeline.zone();
    let lines = timeline.lines.iter();
    lines.flat_map(|line| hanging("  ", 4, &line.shown(&zone))).collect()
}

/// Names with their figures, the largest first.
pub(super) fn largest_first(figures: &BTreeMap<Name, u64>) -> Vec<(&Name, u64)> {
    let mut all: Vec<(&Name, u64)> = figures.iter().map(|(name, it)| (name, *it)).collect();
    all.sort_by_key(|(name, figure)| (std::cmp::Reverse(*figure), *name));
    all
}
