//! `nurtured budget`: what may leave on the next days, and what is due.

use super::{
    context::Context,
    failure::Failure,
    live::Live,
    report::{Grid, figure, hanging},
};
use crate::{
    domain::time::Instant,
    engine::report::budget::{Budget, budget},
};

/// Reckons the next 14 days: how many mails may leave by relays, warm-ups and pacing, how many become due by what is
/// known now, and how many are left over to the next day. Nothing is changed.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// From this instant on, as 2027-03-28T09:00:00Z, or a date, from its midnight in UTC [default: the clock's]
    #[arg(long, value_name = "T", value_parser = super::eval::instant)]
    at: Option<Instant>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let live = Live::expect(&store).await?;
    let now = arguments.at.unwrap_or_else(|| context.now());
    let budget = budget(&store, &live.definitions, &config.fleet(), now).await?;
    context.output.result(&budget, || text(&budget, context))?;
    store.close().await;
    Ok(())
}

fn text(budget: &Budget, context: &Context) -> String {
    let mut grid = Grid::new(&["day", "may leave", "due", "leave", "left over"]);
    for day in &budget.days {
        let capacity = day.capacity.map_or_else(|| "no limit".to_owned(), figure);
        let figures = [day.due, day.leave, day.left_over].map(figure);
        grid.row([day.day.clone(), capacity].into_iter().chain(figures));
    }
    let mut lines = grid.lines(&context.output);
    lines.push(String::new());
    let last = budget.days.last().map_or("", |day| &day.day);
    lines.push(match &budget.drains_on {
        Some(day) => format!("All that is due has left by {day} ({}).", budget.zone),
        None => format!("There is more than can leave until {last} ({}).", budget.zone),
    });
    for late in &budget.too_late {
        lines.extend(hanging(
            "",
            2,
            &format!(
                "Too late: {} of `{}`, which must leave before {}",
                figure(late.mails),
                late.workflow,
                late.not_after
            ),
        ));
    }
    for (title, parts) in [("Counted", &budget.counted), ("Not counted", &budget.not_counted)] {
        lines.push(format!("{title}:"));
        lines.extend(parts.iter().flat_map(|part| hanging("  - ", 4, part)));
    }
    lines.join("\n")
}
