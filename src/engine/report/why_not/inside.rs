//! What stands between a lead that is in a workflow and a mail of it.

use super::{Bar, mails};
use crate::{
    domain::{
        lead::{Enrolment, Phase},
        name::Name,
        schedule::local_text,
        workflow::StepIx,
    },
    engine::report::why::{Inside, Moment},
    store::records::EnrolmentRow,
};

/// Of an enrolment that goes on.
pub fn bar(moment: &Moment<'_>, enrolment: &Enrolment, mail: Option<&Name>) -> Bar {
    let stand = Inside::of(moment, enrolment);
    let since = local_text(stand.since, &moment.state.zone);
    let Some(workflow) = moment.definitions.structures.get(&enrolment.version) else {
        let says = format!("it is at the step `{}`, and its version is not known", enrolment.step);
        return Bar::new("inside", says);
    };
    let Some(mail) = mail else {
        let says =
            format!("it is inside, at the step `{}` since {since}: {}", stand.step, stand.says);
        return Bar::new("inside", says).until(stand.until);
    };
    let steps = &workflow.steps;
    let sends = |at: StepIx| moment.definitions.mails_of(&steps.get(at).kind).contains(mail);
    let here = steps.find(&enrolment.step);
    if here.is_some_and(sends) {
        return match &enrolment.phase {
            Phase::Ready { held: Some(held) } => {
                let says = format!("it is held back at `{}`: {}", stand.step, held.reason);
                let bar = Bar::new("held", says).until(Some(held.until));
                if held.until.is_never() { bar.advice(never(&held.reason)) } else { bar }
            }
            Phase::Mailing
                if enrolment.waits_for_a_word(workflow, moment.state.open_message.as_ref()) =>
            {
                Bar::new("in_doubt", stand.says).advice("`nurtured doubt` says what became of it")
            }
            Phase::Mailing | Phase::Ready { held: None } => {
                let says = format!("nothing: it is due at `{}`", stand.step);
                Bar::new("due", says).advice("the daemon does it with its next round, if it runs")
            }
            Phase::Waiting { due } => {
                Bar::new("held", format!("it waits at `{}`", stand.step)).until(Some(due.at))
            }
        };
    }
    let ahead = here.is_some_and(|here| {
        let all = (0..steps.iter().count()).map(StepIx);
        all.into_iter().any(|at| sends(at) && steps.may_come_to(here, at))
    });
    if !ahead {
        if let Some(bar) = mails::failed(moment, enrolment.no, mail) {
            return bar;
        }
        let says = format!(
            "its way went past the step that sends it: it is at `{}` since {since}",
            stand.step
        );
        let advice = format!("`nurtured why EMAIL --workflow {}` tells its way", stand.workflow);
        return Bar::new("passed", says).advice(advice);
    }
    let says = format!(
        "it is not at the step that sends it yet: at `{}` since {since}, {}",
        stand.step, stand.says
    );
    Bar::new("not_yet", says).until(stand.until)
}

/// What lets go of a mail that is held with no end.
fn never(reason: &str) -> &'static str {
    if reason.starts_with("a mail of ") {
        "it goes when that mail is settled: a lead has one mail on its way at a time"
    } else if reason.starts_with("sunset") {
        "a sign of life of the lead lets go: a click, a visit, an answer"
    } else {
        "only an event lets go, or somebody who edits the files"
    }
}

/// Of one that is over.
pub fn ended(moment: &Moment<'_>, it: &EnrolmentRow, mail: Option<&Name>) -> Bar {
    let on = |at| local_text(at, &moment.state.zone);
    let why = it.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let so = if mail.is_some() { " without it" } else { "" };
    let says = format!(
        "it was in it from {} to {}, and came to its end{so} at the step `{}`: {}{why}",
        on(it.entered_at),
        on(it.ended_at.unwrap_or(it.entered_at)),
        it.step,
        it.state
    );
    Bar::new("ended", says)
}
