//! `nurtured report workflow W`

use super::{
    grid::{Grid, bar, figure, money, percent, wrapped},
    one_form,
    period::{self, Days},
    print,
    sheet::{Sheet, or_empty},
};
use crate::{
    cli::{context::Context, failure::Failure, live::Live, output::Output},
    definitions::nearest,
    domain::{name::Name, schedule::local_text, time::Zone},
    engine::report::{
        Reason,
        workflow::{StepFigures, WorkflowReport, workflow_report},
    },
    store::Store,
};

/// Counts, for each step of a workflow, who came to it, what became of its mails, who opened, clicked,
/// answered, and who left there and why. With --since or --until, of those who entered in these days,
/// whenever the rest happened. Leads are counted once.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A workflow that is live, or was
    workflow: Name,
    #[command(flatten)]
    days: Days,
    /// Print CSV, a row a step, and one for the costs in each currency
    #[arg(long)]
    csv: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    one_form(context, arguments.csv)?;
    let store = context.store().await?;
    let live = Live::expect(&store).await?;
    expect_workflow(&store, &arguments.workflow).await?;
    let zone = &live.definitions.policy.zone;
    let period = arguments.days.period(zone)?;
    let report =
        workflow_report(&store, &live.definitions, &arguments.workflow, period, context.now())
            .await?;
    let text = || text(&report, zone, &context.output);
    print(context, arguments.csv, &report, || sheet(&report), text)?;
    store.close().await;
    Ok(())
}

/// One that was live once will do: its leads may still be inside.
async fn expect_workflow(store: &Store, name: &Name) -> Result<(), Failure> {
    let known = store.workflow_names().await?;
    if known.contains(name) {
        return Ok(());
    }
    let unknown = Failure::unknown(format!("workflow `{name}`"), &known);
    Err(match nearest(name, known.iter().map(|known| &**known)) {
        Some(near) => unknown.hint(format!("did you mean `{near}`?")),
        None => unknown,
    })
}

pub(super) fn text(report: &WorkflowReport, zone: &Zone, output: &Output) -> String {
    let live = match report.live_since {
        Some(at) => format!("live since {} ({})", local_text(at, zone), zone.name()),
        None => "not live any more".to_owned(),
    };
    let mut lines = vec![output.strong(&format!("{}, {live}", report.workflow))];
    let of_leads = if report.enrolments == report.leads {
        String::new()
    } else {
        format!(", {} times", figure(report.enrolments))
    };
    lines.extend(wrapped(
        0,
        &format!(
            "{} leads entered{}{of_leads}: {} inside, {} finished, {} reached the goal, {} left, {} cancelled.",
            figure(report.leads),
            period::text(report.since, report.until, zone),
            figure(report.inside),
            figure(report.finished),
            figure(report.goal),
            figure(report.left),
            figure(report.cancelled),
        ),
    ));
    let campaign = report.campaign.as_deref().unwrap_or_default();
    for sum in &report.costs {
        let goal = sum.per_goal.map_or_else(String::new, |each| {
            format!(", {} for each that reached the goal", money(each))
        });
        let cost = format!("{} {}{goal}", money(sum.amount), sum.currency);
        lines.extend(wrapped(0, &format!("Cost of the campaign {campaign}: {cost}.")));
    }
    lines.push(String::new());
    lines.extend(table(report).lines(output));
    for step in &report.steps {
        let details = details(step);
        if !details.is_empty() {
            lines.push(String::new());
            lines.push(output.strong(&step.step));
            lines.extend(details.iter().flat_map(|line| wrapped(2, line)));
        }
    }
    if report.steps.iter().any(|step| !step.live) {
        lines.push(String::new());
        lines.push("* only in an earlier version".to_owned());
    }
    lines.join("\n")
}

fn table(report: &WorkflowReport) -> Grid {
    let header = ["step", "entered", "", "here", "sent", "opened", "clicked", "left"];
    let mut grid = Grid::new(&header);
    let most = report.steps.iter().map(|step| step.entered).max().unwrap_or_default();
    for step in &report.steps {
        let name = format!("{}{}", step.step, if step.live { "" } else { " *" });
        let is_mail = step.template.is_some() || step.sent > 0;
        let sent = if is_mail { figure(step.sent) } else { String::new() };
        let rate = |rate| if is_mail { percent(rate) } else { String::new() };
        grid.row([
            name,
            figure(step.entered),
            bar(step.entered, most, 6),
            figure(step.waiting + step.held + step.ready + step.mailing),
            sent,
            rate(step.rates.opened),
            rate(step.rates.clicked),
            figure(step.left),
        ]);
    }
    grid
}

/// What is behind a step's figures, where there is anything.
fn details(step: &StepFigures) -> Vec<String> {
    let mut lines = Vec::new();
    let mut list = |title: &str, figures: &[(u64, &str)]| {
        let parts: Vec<String> = figures
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", figure(*number)))
            .collect();
        if !parts.is_empty() {
            lines.push(format!("{title}: {}", parts.join(", ")));
        }
    };
    list(
        "here now",
        &[
            (step.waiting, "waiting"),
            (step.held, "held"),
            (step.ready, "about to be decided"),
            (step.mailing, "with a mail under way"),
        ],
    );
    list(
        "passed over",
        &[
            (step.skipped, "as its date was past"),
            (step.expired, "as the mail had not left in time"),
        ],
    );
    list(
        "mails",
        &[
            (step.reserved, "reserved"),
            (step.deferred, "deferred"),
            (step.parked, "parked"),
            (step.in_doubt, "in doubt"),
            (step.failed, "failed"),
            (step.withdrawn, "withdrawn"),
            (step.bounced, "bounced"),
        ],
    );
    list(
        "clicked",
        &[
            (step.clicked, "by people"),
            (step.clicked_by_machines, "by machines"),
            (step.clicked_unsure, "not sure yet"),
        ],
    );
    list(
        "opened",
        &[
            (step.opened, "by people"),
            (step.opened_by_machines, "by machines"),
            (step.opened_unsure, "not sure yet"),
        ],
    );
    list(
        "answers",
        &[
            (step.replied, "replied"),
            (step.unsubscribed, "unsubscribed"),
            (step.complained, "complained"),
        ],
    );
    let why = |title: &str, reasons: &[Reason]| {
        let told = reasons.iter().take(REASONS);
        told.map(|found| format!("{title} {}: {}", figure(found.number), found.reason))
            .collect::<Vec<_>>()
    };
    lines.extend(why("held", &step.why_held));
    lines.extend(why("mail held", &step.why_deferred));
    let ends = step.why_left.iter().take(REASONS);
    lines.extend(ends.map(|end| format!("{} {}: {}", end.outcome, figure(end.number), end.reason)));
    let rest = [step.why_held.len(), step.why_deferred.len(), step.why_left.len()];
    if rest.iter().any(|&reasons| reasons > REASONS) {
        lines.push("… and less frequent reasons: --json has them".to_owned());
    }
    lines
}

/// Reasons of each kind that are told.
const REASONS: usize = 5;

/// An empty cell.
const NONE: String = String::new();

pub(super) fn sheet(report: &WorkflowReport) -> Sheet {
    let header = [
        "step",
        "kind",
        "template",
        "live",
        "entered",
        "went_on",
        "waiting",
        "held",
        "ready",
        "mailing",
        "reserved",
        "deferred",
        "parked",
        "skipped",
        "expired",
        "mails",
        "sent",
        "in_doubt",
        "failed",
        "withdrawn",
        "bounced",
        "opened",
        "opened_by_machines",
        "opened_unsure",
        "clicked",
        "clicked_by_machines",
        "clicked_unsure",
        "replied",
        "unsubscribed",
        "complained",
        "left",
        "sent_rate",
        "went_on_rate",
        "opened_rate",
        "clicked_rate",
        "why_held",
        "why_deferred",
        "why_left",
        "currency",
        "cost",
        "cost_per_goal",
    ];
    let mut sheet = Sheet::new(header);
    let reasons = |reasons: &[Reason]| {
        let each = reasons.iter().map(|found| format!("{} {}", found.number, found.reason));
        each.collect::<Vec<_>>().join("; ")
    };
    for step in &report.steps {
        let texts = [
            step.step.to_string(),
            step.kind.unwrap_or_default().to_owned(),
            step.template.as_ref().map(ToString::to_string).unwrap_or_default(),
            if step.live { "yes" } else { "no" }.to_owned(),
        ];
        let figures = [
            step.entered,
            step.went_on,
            step.waiting,
            step.held,
            step.ready,
            step.mailing,
            step.reserved,
            step.deferred,
            step.parked,
            step.skipped,
            step.expired,
            step.mails,
            step.sent,
            step.in_doubt,
            step.failed,
            step.withdrawn,
            step.bounced,
            step.opened,
            step.opened_by_machines,
            step.opened_unsure,
            step.clicked,
            step.clicked_by_machines,
            step.clicked_unsure,
            step.replied,
            step.unsubscribed,
            step.complained,
            step.left,
        ];
        let rates = step.rates;
        let rates = [rates.sent, rates.went_on, rates.opened, rates.clicked].map(or_empty);
        let left: Vec<String> = step
            .why_left
            .iter()
            .map(|end| format!("{} {}: {}", end.number, end.outcome, end.reason))
            .collect();
        let whys = [reasons(&step.why_held), reasons(&step.why_deferred), left.join("; ")];
        let figures = figures.iter().map(ToString::to_string);
        sheet.row(texts.into_iter().chain(figures).chain(rates).chain(whys).chain([NONE; 3]));
    }
    for sum in &report.costs {
        sheet.some([
            ("kind", "costs".to_owned()),
            ("currency", sum.currency.to_string()),
            ("cost", sum.amount.to_string()),
            ("cost_per_goal", or_empty(sum.per_goal)),
        ]);
    }
    sheet
}
