//! `nurtured graph WORKFLOW`: a workflow as a picture.

mod chart;
mod layout;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;
mod words;
mod wrap;

use std::{fs, path::PathBuf, sync::Arc};

use serde::Serialize;

use self::chart::{Chart, Figures, Leads};
use super::{context::Context, failure::Failure, folder::Folder, live::Live};
use crate::{
    domain::{
        definitions::Definitions,
        name::Name,
        workflow::{StepIx, Workflow},
    },
    engine::report::workflow::{WorkflowReport, workflow_report},
    store::{Store, records::Period},
};

/// Draws a workflow of the campaign folder: every step, and every way between them. Where the database has it
/// live, each step says how many are there, how many came, and what part of them was written to, clicked and went
/// on, as `report workflow` counts them. Without a database it is the structure alone.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which workflow
    workflow: Name,
    /// Write a picture into this file, to be looked at in a browser and printed
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print Mermaid's flowchart text, for GitHub or a wiki, as is done where nothing else is said
    #[arg(long, conflicts_with_all = ["svg", "json"])]
    mermaid: bool,
    /// Draw what is live, not what is in the campaign folder
    #[arg(long)]
    live: bool,
}

/// The picture as data.
#[derive(Serialize)]
struct Report<'c> {
    workflow: &'c Name,
    about: &'c str,
    live: bool,
    enter: &'c [String],
    goal: Option<&'c str>,
    leave: Option<&'c str>,
    /// `None` without figures.
    leads: Option<Leads>,
    first: Option<&'c Name>,
    steps: Vec<Step<'c>>,
    svg: Option<String>,
}

#[derive(Serialize)]
struct Step<'c> {
    step: &'c Name,
    kind: &'static str,
    text: &'c [String],
    ways: Vec<Way<'c>>,
    figures: Option<Figures>,
}

#[derive(Serialize)]
struct Way<'c> {
    when: &'c str,
    /// `None`: the end.
    to: Option<&'c Name>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let name = &arguments.workflow;
    let (definitions, report) = if arguments.live {
        let store = context.store().await?;
        let live = Live::expect(&store).await?;
        live.expect_workflow(name)?;
        let report = counted(context, &store, &live.definitions, name).await?;
        store.close().await;
        (live.definitions, Some(report))
    } else {
        let folder = Folder::check(context)?.into_live(context)?;
        let report = if folder.definitions.workflow(name).is_some() {
            of_database(context, name).await
        } else {
            None
        };
        (folder.definitions, report)
    };
    let workflow = expected(&definitions, name)?;
    let chart = Chart::new(&workflow, &definitions, report.as_ref());
    if let Some(file) = &arguments.svg {
        let picture = svg::svg(&chart, &layout::drawing(&chart));
        fs::write(file, picture).map_err(Failure::at(file))?;
    }
    context.output.result(&data(&chart, arguments), || match &arguments.svg {
        Some(file) => format!("{} is drawn in {}", chart.workflow, file.display()),
        None => mermaid::text(&chart),
    })
}

fn expected(definitions: &Definitions, name: &Name) -> Result<Arc<Workflow>, Failure> {
    match definitions.workflow(name) {
        Some(live) => Ok(Arc::clone(&live.workflow)),
        None => {
            let names = definitions.workflows.iter().map(|live| &live.workflow.name);
            Err(Failure::unknown(format!("workflow `{name}`"), names))
        }
    }
}

/// The figures, where there is a database that has the workflow live. That there is none is no failure: the
/// structure is drawn alone, and why is said where a database was named.
async fn of_database(context: &Context, name: &Name) -> Option<WorkflowReport> {
    match looked_up(context, name).await {
        Ok(report) => report,
        Err(failure) => {
            if context.config().is_ok() {
                context.output.note(&format!("without figures: {}", failure.message()));
            }
            None
        }
    }
}

async fn looked_up(context: &Context, name: &Name) -> Result<Option<WorkflowReport>, Failure> {
    let store = context.store().await?;
    let live = Live::load(&store).await?;
    let found = match live.filter(|live| live.definitions.workflow(name).is_some()) {
        Some(live) => Some(counted(context, &store, &live.definitions, name).await?),
        None => None,
    };
    store.close().await;
    Ok(found)
}

async fn counted(
    context: &Context,
    store: &Store,
    definitions: &Definitions,
    name: &Name,
) -> Result<WorkflowReport, Failure> {
    Ok(workflow_report(store, definitions, name, Period::ALL, context.now()).await?)
}

fn data<'c>(chart: &'c Chart, arguments: &Arguments) -> Report<'c> {
    let id = |step: StepIx| &chart.nodes[step.0].id;
    let step = |node: &'c chart::Node| Step {
        step: &node.id,
        kind: node.kind,
        text: &node.text,
        ways: node.ways.iter().map(|way| Way { when: &way.when, to: way.to.map(id) }).collect(),
        figures: node.figures,
    };
    Report {
        workflow: &chart.workflow,
        about: &chart.about,
        live: arguments.live,
        enter: &chart.enter,
        goal: chart.goal.as_deref(),
        leave: chart.leave.as_deref(),
        leads: chart.leads,
        first: chart.first.map(id),
        steps: chart.nodes.iter().map(step).collect(),
        svg: arguments.svg.as_ref().map(|file| file.display().to_string()),
    }
}
