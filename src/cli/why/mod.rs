//! `nurtured why` and `nurtured why-not`: the reasons for what a lead got, and for what it did not.

mod text;

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;

use super::{
    context::{Context, lead},
    eval::instant,
    failure::Failure,
    live::Live,
};
use crate::{
    domain::{definitions::Definitions, name::Name, schedule::local_text, time::Instant},
    engine::{
        rehearsal::Chronicle,
        report::{
            why::{Moment, NoMoment, Subject, Why, why},
            why_not::{Bar, why_not},
        },
    },
};

/// Tells where a lead stands and how its last mail came about; or, of a mail or a workflow, each time that the lead
/// got or entered it: by which condition or event, which way it took, what held it back, and what conditions looked
/// at when it was decided.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The lead's address
    email: String,
    /// How this mail came about
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "workflow")]
    mail: Option<Name>,
    /// Its way through this workflow
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<Name>,
    /// As of which instant, none that is still to come [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Instant>,
}

/// Tells what stands first between a lead and a mail, or a workflow: in the order in which the engine asks, with when
/// it changes by itself, and what somebody could do about it.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(super) struct NotArguments {
    /// The lead's address
    email: String,
    /// Why it did not get this mail
    #[arg(long, value_name = "TEMPLATE", group = "subject")]
    mail: Option<Name>,
    /// Why it is not in this workflow
    #[arg(long, value_name = "WORKFLOW", group = "subject")]
    workflow: Option<Name>,
    /// As of which instant, none that is still to come [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Instant>,
}

#[derive(Serialize)]
struct Report {
    email: String,
    at: String,
    /// On whose clock times are written for people.
    zone: String,
    undecided: bool,
    #[serde(flatten)]
    why: Why,
}

#[derive(Serialize)]
struct NotReport {
    email: String,
    at: String,
    zone: String,
    undecided: bool,
    /// The first is what stands in the way first.
    bars: Vec<Bar>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { email, mail, workflow, at } = arguments;
    let subject = subject(mail.as_ref(), workflow.as_ref());
    asked(context, email, subject.as_ref(), *at, |moment, subject| {
        let why = why(moment, subject);
        let zone = moment.state.zone.clone();
        let report = Report {
            email: moment.past.record.address.as_str().to_owned(),
            at: moment.at.to_string(),
            zone: zone.name().to_owned(),
            undecided: moment.is_undecided,
            why,
        };
        context.output.result(&report, || {
            let text = text::why(&context.output, &report.email, &report.why, subject, &zone);
            text + &undecided(context, report.undecided)
        })
    })
    .await
}

pub(super) async fn run_not(context: &Context, arguments: &NotArguments) -> Result<(), Failure> {
    let NotArguments { email, mail, workflow, at } = arguments;
    let Some(subject) = subject(mail.as_ref(), workflow.as_ref()) else {
        return Err(Failure::usage("say about what: --mail or --workflow"));
    };
    asked(context, email, Some(&subject), *at, |moment, _| {
        let zone = moment.state.zone.clone();
        let email = moment.past.record.address.as_str().to_owned();
        let mut bars = why_not(moment, &subject);
        for advice in bars.iter_mut().filter_map(|bar| bar.advice.as_mut()) {
            *advice = advice.replace("EMAIL", &email);
        }
        let report = NotReport {
            email,
            at: moment.at.to_string(),
            zone: zone.name().to_owned(),
            undecided: moment.is_undecided,
            bars,
        };
        context.output.result(&report, || {
            let text = text::why_not(&context.output, &report.email, &report.bars, &subject, &zone);
            text + &undecided(context, report.undecided)
        })
    })
    .await
}

/// That where a lead stands is foretold.
fn undecided(context: &Context, is_it: bool) -> String {
    const SAID: &str = "Note: no engine has decided it yet by what is live, or by what happened last: where it \
                        stands is told as that will leave it.";
    if is_it { format!("\n\n{}", context.output.faint(SAID)) } else { String::new() }
}

fn subject(mail: Option<&Name>, workflow: Option<&Name>) -> Option<Subject> {
    let mail = mail.cloned().map(Subject::Mail);
    mail.or_else(|| workflow.cloned().map(Subject::Workflow))
}

async fn asked(
    context: &Context,
    email: &str,
    subject: Option<&Subject>,
    at: Option<Instant>,
    tell: impl FnOnce(&Moment<'_>, Option<&Subject>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let store = context.store().await?;
    let id = lead(&store, email).await?;
    let live = Live::expect(&store).await?;
    let chronicle = Chronicle::of(&store).await?;
    let pasts = store.pasts(&[id]).await?;
    let Some(past) = pasts.known.first() else {
        let reason = pasts.corrupt.first().map(|(_, reason)| reason.as_str());
        return Err(Failure::problems(format!(
            "the lead cannot be read: {}",
            reason.unwrap_or("it is gone")
        )));
    };
    known(&live, at.and_then(|at| chronicle.at(at)), past, subject)?;
    let about = (past, &chronicle);
    // Where a database was ticked ahead of the clock, now is where it stands.
    let recorded = past.events.last().map(|event| event.recorded_at);
    let decided = past.log.last().map(|logged| logged.at);
    let now = recorded.max(decided).map_or(context.now(), |last| last.max(context.now()));
    let moment = Moment::of(&store, about, &live.definitions, at, now).await?;
    tell(&moment, subject)?;
    store.close().await;
    Ok(())
}

/// # Errors
/// When nothing of that name is live, nor was at the instant that is asked about, nor was it ever anything to the lead.
fn known(
    live: &Live,
    then: Option<&Arc<Definitions>>,
    past: &crate::store::records::Past,
    subject: Option<&Subject>,
) -> Result<(), Failure> {
    match subject {
        None => Ok(()),
        Some(Subject::Workflow(name)) => {
            let was_live = then.is_some_and(|then| then.workflow(name).is_some());
            if was_live || past.enrolments.iter().any(|it| it.workflow == *name) {
                return Ok(());
            }
            live.expect_workflow(name)
        }
        Some(Subject::Mail(name)) => {
            let mails = &live.definitions.templates.mails;
            let was_live = then.is_some_and(|then| then.templates.mails.contains_key(name));
            if was_live
                || mails.contains_key(name)
                || past.messages.iter().any(|it| it.template == *name)
            {
                return Ok(());
            }
            Err(Failure::unknown(format!("mail `{name}`"), mails.keys()))
        }
    }
}

impl From<NoMoment> for Failure {
    fn from(error: NoMoment) -> Self {
        match error {
            NoMoment::Store(error) => error.into(),
            NoMoment::ToCome(_) => Self::usage(&error).hint(
                "it tells what was and what is; `nurtured simulate --live-copy --lead EMAIL` goes on from there",
            ),
            other => Self::problems(other),
        }
    }
}

/// `2027-03-28 09:00`, on a clock.
fn clock(at: Instant, zone: &crate::domain::time::Zone) -> String {
    local_text(at, zone)
}

/// Something under something else.
fn indented(text: &str, by: usize) -> String {
    let mut all = String::new();
    for line in text.lines() {
        let _ = writeln!(all, "{:by$}{line}", "");
    }
    all.trim_end().to_owned()
}
