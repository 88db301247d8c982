//! A workflow as it is drawn: boxes with what stands in them, and ways between them.

use serde::Serialize;

use super::words;
use crate::{
    cli::report::{figure, percent},
    domain::{
        definitions::Definitions,
        name::Name,
        workflow::{StepIx, StepKind, Way, Workflow},
    },
    engine::report::workflow::{StepFigures, WorkflowReport},
};

/// Everything that is drawn.
#[derive(Debug)]
pub(super) struct Chart {
    pub workflow: Name,
    pub about: String,
    pub enter: Vec<String>,
    pub goal: Option<String>,
    pub leave: Option<String>,
    /// Where the way begins.
    pub first: Option<StepIx>,
    /// In document order.
    pub nodes: Vec<Node>,
    /// How many have entered and are inside, where a database says so.
    pub leads: Option<Leads>,
}

/// One step.
#[derive(Debug)]
pub(super) struct Node {
    pub id: Name,
    pub kind: &'static str,
    pub shape: Shape,
    /// What it does, the most important line first.
    pub text: Vec<String>,
    /// Where to go when it is done; `None` is the end.
    pub next: Option<StepIx>,
    pub ways: Vec<Way>,
    pub figures: Option<Figures>,
}

/// What a step is to the eye.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// A lead gets mail.
    Mail,
    /// Time passes.
    Wait,
    /// The way parts.
    Fork,
    /// Something is done at once.
    Act,
    Stop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Leads {
    pub entered: u64,
    pub inside: u64,
}

/// What is counted of a step, as `report workflow` counts it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(super) struct Figures {
    /// Enrolments that stand here now.
    pub here: u64,
    pub entered: u64,
    pub went_on: u64,
    pub went_on_rate: Option<f64>,
    /// Of a step that sends mail alone.
    pub sent: Option<u64>,
    pub sent_rate: Option<f64>,
    pub clicked: Option<u64>,
    pub clicked_rate: Option<f64>,
}

impl Chart {
    pub fn new(
        workflow: &Workflow,
        definitions: &Definitions,
        report: Option<&WorkflowReport>,
    ) -> Self {
        let figures_of = |id: &Name| {
            let steps = report.map(|report| &report.steps);
            steps?.iter().find(|step| step.step == *id).map(Figures::from)
        };
        // Nobody goes on from a stop.
        let on = |kind: &StepKind, figures: Figures| match kind {
            StepKind::Stop { .. } => Figures { went_on: 0, went_on_rate: None, ..figures },
            _ => figures,
        };
        let node = |(index, step): (usize, &crate::domain::workflow::Step)| Node {
            id: step.id.clone(),
            kind: step.kind.word(),
            shape: Shape::of(&step.kind),
            text: words::step(&step.kind, &definitions.schema),
            next: step.next,
            ways: workflow.steps.ways(StepIx(index), &definitions.segments),
            figures: figures_of(&step.id).map(|figures| on(&step.kind, figures)),
        };
        Self {
            workflow: workflow.name.clone(),
            about: workflow.about.clone(),
            enter: words::entry(workflow, &definitions.policy),
            goal: workflow.goal.as_ref().map(ToString::to_string),
            leave: workflow.leave.as_ref().map(ToString::to_string),
            first: workflow.steps.first(),
            nodes: workflow.steps.iter().enumerate().map(node).collect(),
            leads: report.map(|report| Leads { entered: report.leads, inside: report.inside }),
        }
    }

    /// Whether anybody may come to the end of the steps.
    pub fn has_end(&self) -> bool {
        self.nodes.iter().flat_map(|node| &node.ways).any(|way| way.to.is_none())
    }
}

impl Shape {
    fn of(kind: &StepKind) -> Self {
        match kind {
            StepKind::Email { .. } | StepKind::Stream(_) => Self::Mail,
            StepKind::Wait(_) | StepKind::WaitFor { .. } | StepKind::At { .. } => Self::Wait,
            StepKind::If { .. }
            | StepKind::Branch { .. }
            | StepKind::Split(_)
            | StepKind::Repeat { .. } => Self::Fork,
            StepKind::Stop { .. } => Self::Stop,
            StepKind::Enrol(_)
            | StepKind::Leave(_)
            | StepKind::Set(_)
            | StepKind::Tag { .. }
            | StepKind::Notify { .. }
            | StepKind::Webhook(_)
            | StepKind::HandOff(_) => Self::Act,
        }
    }
}

impl From<&StepFigures> for Figures {
    fn from(step: &StepFigures) -> Self {
        let is_mail = step.template.is_some() || step.kind == Some("stream");
        Self {
            here: step.waiting + step.held + step.ready + step.mailing,
            entered: step.entered,
            went_on: step.went_on,
            went_on_rate: step.rates.went_on,
            sent: is_mail.then_some(step.sent),
            sent_rate: step.rates.sent,
            clicked: is_mail.then_some(step.clicked),
            clicked_rate: step.rates.clicked.filter(|_| is_mail),
        }
    }
}

impl Figures {
    /// `12 here · 310 entered · sent 98 % · clicked 12 % · went on 80 %`
    pub fn text(&self) -> String {
        let mut parts = vec![
            format!("{} here", figure(self.here)),
            format!("{} entered", figure(self.entered)),
        ];
        let mut rate = |what: &str, rate: Option<f64>| {
            parts.extend(rate.map(|rate| format!("{what} {}", percent(Some(rate)))));
        };
        rate("sent", self.sent_rate);
        rate("clicked", self.clicked_rate);
        rate("went on", self.went_on_rate);
        parts.join(" · ")
    }
}

impl Leads {
    pub fn text(self) -> String {
        format!("{} entered · {} inside", figure(self.entered), figure(self.inside))
    }
}
