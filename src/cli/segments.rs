//! `nurtured segments`: who is in a segment, before anything goes live.

use std::sync::Arc;

use serde::Serialize;

use super::{
    context::Context,
    eval::{compiled, instant},
    failure::Failure,
    folder::Folder,
    live::Live,
    tables,
};
use crate::{
    definitions::counted,
    domain::{
        condition::Scope,
        definitions::{Definitions, SegmentIx},
        name::Name,
        time::Instant,
    },
    engine::members::{self, Members, Question},
    store::Store,
};

/// Counts all leads in the database by the segments of the campaign folder as it stands, or by a condition.
/// Nothing is written.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Only these segments
    #[arg(value_name = "SEGMENT", conflicts_with = "when")]
    segments: Vec<Name>,
    /// Those for whom this condition is true, instead of a segment
    #[arg(long, value_name = "EXPR")]
    when: Option<String>,
    /// By what is live instead of the campaign folder
    #[arg(long)]
    live: bool,
    /// Name the first so many of each
    #[arg(long, value_name = "N", default_value_t = 0)]
    show: u16,
    /// At which instant [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Instant>,
}

#[derive(Serialize)]
struct Report {
    at: String,
    leads: u64,
    /// Leads that are to be decided.
    due: u64,
    unreadable: u64,
    segments: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    /// `null`: the condition of the command line.
    segment: Option<Name>,
    members: u64,
    /// Of those, who were not in it when they were decided last; `null`: it is not live, or a condition.
    entering: Option<u64>,
    leaving: Option<u64>,
    unknown: u64,
    addresses: Vec<String>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let at = arguments.at.unwrap_or_else(|| context.now());
    let (store, live, mut definitions) = if arguments.live {
        let store = context.store().await?;
        let live = Live::expect(&store).await?.definitions;
        (store, Some(Arc::clone(&live)), live)
    } else {
        // First what is wrong with the folder: that needs no database.
        let folder = Folder::check(context)?.into_live(context)?.definitions;
        let store = context.store().await?;
        let live = Live::load(&store).await?.map(|live| live.definitions);
        (store, live, folder)
    };
    let segments = match &arguments.when {
        Some(source) => {
            let (mut with, condition) = compiled(context, source, &definitions, Scope::Lead)?;
            let asked = with.ask(condition);
            definitions = Arc::new(with);
            vec![asked]
        }
        None => chosen(&definitions, &arguments.segments)?,
    };
    let question = Question {
        definitions: Arc::clone(&definitions),
        live: live.clone(),
        segments: segments.clone(),
        now: at,
        some: arguments.show.into(),
        listed: Vec::new(),
        page: members::PAGE,
    };
    let due = store.due_leads(context.now()).await?;
    let count = members::count(&store, question).await?;
    let mut rows = Vec::with_capacity(segments.len());
    for (segment, members) in segments.iter().zip(&count.segments) {
        let name = &definitions.segments[segment.0].name;
        let name = arguments.when.is_none().then_some(name);
        let is_live =
            name.zip(live.as_ref()).is_some_and(|(name, live)| live.segment(name).is_some());
        rows.push(row(&store, name, is_live, members).await?);
    }
    store.close().await;
    let report = Report {
        at: at.to_string(),
        leads: count.leads,
        due,
        unreadable: count.unreadable,
        segments: rows,
    };
    context.output.result(&report, || text(&report))?;
    Ok(())
}

/// All, or those that are named.
fn chosen(definitions: &Definitions, names: &[Name]) -> Result<Vec<SegmentIx>, Failure> {
    let known = || definitions.segments.iter().map(|segment| &segment.name);
    if names.is_empty() {
        return Ok((0..definitions.segments.len()).map(SegmentIx).collect());
    }
    let place = |name: &Name| {
        let place = known().position(|known| known == name);
        place.map(SegmentIx).ok_or_else(|| Failure::unknown(format!("segment `{name}`"), known()))
    };
    names.iter().map(place).collect()
}

async fn row(
    store: &Store,
    name: Option<&Name>,
    is_live: bool,
    members: &Members,
) -> Result<Row, Failure> {
    let records = store.records(&members.some).await?;
    Ok(Row {
        segment: name.cloned(),
        members: members.inside,
        entering: is_live.then_some(members.entering),
        leaving: is_live.then_some(members.leaving),
        unknown: members.unknown,
        addresses: records.iter().map(|record| record.address.as_str().to_owned()).collect(),
    })
}

fn text(report: &Report) -> String {
    if report.segments.is_empty() {
        return "There are no segments.".to_owned();
    }
    let some_unknown = report.segments.iter().any(|row| row.unknown > 0);
    let some_live = report.segments.iter().any(|row| row.entering.is_some());
    let mut header = vec!["Segment", "In it"];
    if some_live {
        header.extend(["Come in", "Go out"]);
    }
    if some_unknown {
        header.push("Unknown");
    }
    let mut table = tables::new(&header);
    for row in &report.segments {
        let name = row.segment.as_deref().unwrap_or("(the condition)");
        let mut cells = vec![name.to_owned(), row.members.to_string()];
        if some_live {
            let change = |count: Option<u64>| count.map_or("not live".into(), |n| n.to_string());
            cells.extend([change(row.entering), change(row.leaving)]);
        }
        if some_unknown {
            cells.push(row.unknown.to_string());
        }
        table.add_row(cells);
    }
    let mut lines = vec![table.to_string()];
    lines.push(format!("\nOf {}, by what is known of each.", counted(report.leads, "lead")));
    if some_unknown {
        lines.push(
            "Unknown: an attribute is missing, or their behaviour may not be looked at.".to_owned(),
        );
    }
    if report.due > 0 {
        let due = counted(report.due, "lead");
        lines.push(format!("{due} due: what came in since their last decision may not count yet."));
    }
    if report.unreadable > 0 {
        lines.push(format!("{} cannot be read.", counted(report.unreadable, "lead")));
    }
    for row in report.segments.iter().filter(|row| !row.addresses.is_empty()) {
        lines.push(format!("\n{}", row.segment.as_deref().unwrap_or("The condition")));
        lines.extend(row.addresses.iter().map(|address| format!("  {address}")));
        let more = row.members - row.addresses.len() as u64;
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
    }
    lines.join("\n")
}
