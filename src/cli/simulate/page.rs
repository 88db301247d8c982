//! A simulation as a page with charts: one file, no scripts, nothing from elsewhere.

use serde::Serialize;
use tera::{Context, Tera};

use super::{Report, text::largest_first};
use crate::{
    cli::{failure::Failure, report::figures},
    domain::schedule::Day,
};

const PAGE: &str = include_str!("page.html");

/// The chart of days: its size, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;

/// The part of one receiver on one day.
#[derive(Serialize)]
struct Bar {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Which receiver, from 0.
    colour: usize,
    title: String,
}

/// Below the chart.
#[derive(Serialize)]
struct Month {
    x: f64,
    name: String,
}

/// A name, its figure, and how long its bar is, in percent.
#[derive(Serialize)]
struct Row {
    name: String,
    figure: u64,
    share: f64,
    more: String,
}

pub(super) fn page(report: &Report) -> Result<String, Failure> {
    let failed = |error: tera::Error| Failure::environment(format!("the page: {error}"));
    let mut tera = Tera::default();
    tera.add_raw_template("page.html", PAGE).map_err(failed)?;
    let mut context = Context::new();
    let forecast = &report.forecast;
    let receivers: Vec<&str> =
        forecast.receivers.iter().filter(|(_, it)| it.mails > 0).map(|(name, _)| &**name).collect();
    let (bars, months, largest) = chart(report, &receivers);
    context.insert("report", report);
    let counts = [(forecast.leads, "lead"), (forecast.mails, "mail"), (forecast.untouched, "lead")];
    let counts = counts.map(|(number, word)| figures(number, word));
    context.insert("counts", &counts);
    context.insert("receivers", &receivers);
    // As lists: the renderer goes through a map in no order.
    context.insert("at_receivers", &forecast.receivers.iter().collect::<Vec<_>>());
    context.insert("workflows", &forecast.workflows.iter().collect::<Vec<_>>());
    context.insert("moves", &forecast.moves.iter().collect::<Vec<_>>());
    context.insert("bars", &bars);
    context.insert("months", &months);
    context.insert("largest", &largest);
    context.insert("size", &[WIDTH, HEIGHT]);
    let held =
        forecast.held.iter().map(|it| (it.reason.clone(), it.times, figures(it.leads, "lead")));
    context.insert("held", &rows(held.collect()));
    let templates = largest_first(&forecast.templates).into_iter();
    let templates = templates.map(|(name, mails)| (name.to_string(), mails, String::new()));
    context.insert("templates", &rows(templates.collect()));
    let timelines: Vec<(String, Vec<String>)> = report
        .timelines
        .iter()
        .map(|it| {
            let zone = it.zone();
            let lines = it.lines.iter().map(|line| line.shown(&zone)).collect();
            (format!("{} ({})", it.email, it.zone), lines)
        })
        .collect();
    context.insert("timelines", &timelines);
    context.insert("assumed", &report.assumed.to_yaml()?);
    tera.render("page.html", &context).map_err(failed)
}

#[allow(clippy::cast_precision_loss)] // lengths of bars
fn rows(figures: Vec<(String, u64, String)>) -> Vec<Row> {
    let largest = figures.iter().map(|(_, figure, _)| *figure).max().unwrap_or(0).max(1) as f64;
    let row = |(name, figure, more): (String, u64, String)| Row {
        share: rounded(figure as f64 / largest * 100.0),
        name,
        figure,
        more,
    };
    figures.into_iter().map(row).collect()
}

/// One stack a day.
#[allow(clippy::cast_precision_loss)] // as above
fn chart(report: &Report, receivers: &[&str]) -> (Vec<Bar>, Vec<Month>, u64) {
    let days = &report.forecast.calendar;
    let largest = days.iter().map(|day| day.mails).max().unwrap_or(0);
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return (Vec::new(), Vec::new(), largest);
    };
    let (first, last) = (first.day, last.day);
    let width = WIDTH / (last.since(first) + 1) as f64;
    let x = |day: Day| day.since(first) as f64 * width;
    let mut bars = Vec::new();
    for day in days {
        let mut y = HEIGHT;
        for (colour, receiver) in receivers.iter().enumerate() {
            let Some(mails) = day.by_receiver.get(*receiver) else { continue };
            let height = *mails as f64 / largest.max(1) as f64 * HEIGHT;
            y -= height;
            bars.push(Bar {
                x: rounded(x(day.day)),
                y: rounded(y),
                width: rounded((width * 0.85).max(0.5)),
                height: rounded(height),
                colour,
                title: format!("{}: {mails} to {receiver}", day.day),
            });
        }
    }
    let begins = (first.0..=last.0).map(Day).filter(|day| day.date().day() == 1);
    let month =
        |day: Day| Month { x: rounded(x(day)), name: day.date().strftime("%b %Y").to_string() };
    (bars, begins.map(month).collect(), largest)
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
