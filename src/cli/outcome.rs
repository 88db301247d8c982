//! `nurtured outcome EMAIL accepted|returned`

use serde::Serialize;

use super::{
    context::{Context, lead, who},
    failure::Failure,
    live::Live,
};
use crate::{
    domain::{
        hand_off::{Answer, Reason},
        lead::{LeadState, Phase},
        name::Name,
        time::Instant,
        value::{Value, parse_date},
        workflow::StepKind,
    },
    store::records::{NewEvent, Recorded},
};

/// Records what sales says of a lead, as the buttons of a hand-off's card do. It answers the hand-offs that
/// wait for it, and counts also for a lead that was never handed over: `returned` makes it `recycled`, or
/// `disqualified` as the wrong person; who accepts it owns it. The last word counts; steps taken stand.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The lead's address
    email: String,
    /// accepted or returned
    #[arg(value_parser = ["accepted", "returned"])]
    outcome: String,
    /// Why it is returned: not_now, no_budget, wrong_person, other
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<Reason>,
    /// Until when the lead is left alone, as 2027-03-28
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Whose word it is: a person of the people file, by name or address
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    /// A few words, for the record
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

fn reason(text: &str) -> Result<Reason, String> {
    let known = Reason::ALL.into_iter().filter(|reason| *reason != Reason::NoAnswer);
    let word = text.replace('-', "_");
    known.clone().find(|reason| reason.word() == word).ok_or_else(|| {
        let words: Vec<&str> = known.map(Reason::word).collect();
        format!("known are {}", words.join(", "))
    })
}

#[derive(Serialize)]
struct Report {
    email: String,
    outcome: String,
    reason: Option<&'static str>,
    until: Option<String>,
    by: Option<Name>,
    /// The workflows whose hand-off it answers.
    answers: Vec<Name>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let now = context.now();
    let answer = answer(arguments)?;
    let until = arguments.until.as_deref().map(|text| until(text, answer, now)).transpose()?;
    let store = context.store().await?;
    let live = Live::expect(&store).await?;
    let by = arguments.by.as_deref().map(|by| person(&live, by)).transpose()?;
    let lead = lead(&store, &arguments.email).await?;
    let state = live.state(&store, lead, now).await?;
    let mut event = NewEvent::new(lead, answer.kind(), now, "cli");
    let mut note = |key: &str, value: Value| event.data.insert(key.into(), value);
    let text = |text: &str| Value::Text(text.into());
    if let Answer::Returned(reason) = answer {
        event.object = Some(reason.word().into());
        note("reason", text(reason.word()));
    }
    if let Some(until) = until {
        note("until", Value::Date(until));
    }
    if let Some(by) = &by {
        note("by", text(by));
    }
    if let Some(words) = arguments.note.as_deref().filter(|words| !words.trim().is_empty()) {
        note("note", text(words.trim()));
    }
    let earlier = store.events_of(lead).await?.iter().rev().find_map(Answer::of);
    if let Some(Answer::Returned(earlier)) = earlier {
        note(Answer::INSTEAD_OF, text(earlier.word()));
    }
    note("recorded_by", text(&who()));
    let recorded = store.record_events(&[event], now).await?;
    if !matches!(recorded[..], [Recorded::New { .. }]) {
        return Err(Failure::problems("it could not be recorded: a text holds a NUL character"));
    }
    let report = Report {
        email: state.as_ref().map_or(&*arguments.email, |it| it.address.as_str()).to_owned(),
        outcome: arguments.outcome.clone(),
        reason: match answer {
            Answer::Accepted => None,
            Answer::Returned(reason) => Some(reason.word()),
        },
        until: until.map(|until| until.to_string()),
        by,
        answers: state.map_or_else(Vec::new, |state| waiting(&live, &state)),
    };
    context.output.result(&report, || said(&report))?;
    store.close().await;
    Ok(())
}

fn answer(arguments: &Arguments) -> Result<Answer, Failure> {
    match (&*arguments.outcome, arguments.reason) {
        ("accepted", None) => Ok(Answer::Accepted),
        ("accepted", Some(_)) => Err(Failure::usage("a reason is for a lead that is returned")),
        (_, reason) => Ok(Answer::Returned(reason.unwrap_or(Reason::Other))),
    }
}

fn until(text: &str, answer: Answer, now: Instant) -> Result<Instant, Failure> {
    if answer == Answer::Accepted {
        return Err(Failure::usage("--until is for a lead that is returned"));
    }
    match parse_date(text) {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(Failure::usage(format!("--until {text} is over already"))),
        None => Err(Failure::usage(format!("`{text}` is no date: write 2027-03-28"))),
    }
}

fn person(live: &Live, by: &str) -> Result<Name, Failure> {
    let people = &live.definitions.people;
    let found = people.find(by).map(|(name, _)| name.clone());
    found.ok_or_else(|| Failure::unknown(format!("person `{by}`"), people.persons.keys()))
}

/// The workflows in which the lead is handed to somebody who has not answered.
fn waiting(live: &Live, state: &LeadState) -> Vec<Name> {
    let waits = state.enrolments.iter().filter(|enrolment| {
        let step = || {
            let steps = &live.definitions.structures.get(&enrolment.version)?.steps;
            Some(&steps.named(&enrolment.step)?.kind)
        };
        matches!(enrolment.phase, Phase::Waiting { .. })
            && matches!(step(), Some(StepKind::HandOff(_)))
    });
    waits.map(|enrolment| enrolment.workflow.clone()).collect()
}

fn said(report: &Report) -> String {
    let mut said = format!("{} is {}", report.email, report.outcome);
    if let Some(by) = &report.by {
        said += &format!(" by {by}");
    }
    if let Some(reason) = report.reason {
        said += &format!(": {reason}");
    }
    if let Some(until) = &report.until {
        said += &format!(", until {until}");
    }
    match report.answers.as_slice() {
        [] => said + ". No hand-off waited for it; it counts all the same.",
        [one] => said + &format!(". It answers the hand-off of {one}."),
        several => said + &format!(". It answers the hand-offs of {}.", several.join(", ")),
    }
}
