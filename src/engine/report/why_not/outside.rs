//! What stands between a lead and a workflow that it is not in.

use super::Bar;
use crate::{
    domain::{
        condition::{Condition, Trace, View},
        decide::{Door, by_hand_from, door},
        decision::Verb,
        enter::Enter,
        lead::Outcome,
        name::Name,
        schedule::local_text,
        time::Instant,
        workflow::{StepKind, Workflow},
    },
    engine::{preparing::view, report::why::Moment},
};

pub fn bar(moment: &Moment<'_>, workflow: &Workflow) -> Bar {
    let (definitions, state, at) = (&moment.definitions, &moment.state, moment.at);
    let name = &workflow.name;
    let on = |at: Instant| local_text(at, &state.zone);
    let by_hand = by_hand(moment, workflow);
    let Some(door) = door(definitions, state, name, at) else {
        return Bar::new("not_live", format!("the workflow `{name}` is not live"));
    };
    let bar = match door {
        Door::Open => Bar::new("due", "nothing: it comes in with the next decision")
            .advice("the daemon does it with its next round, if it runs"),
        Door::Condition(verdict) => {
            let condition = match &workflow.enter {
                Enter::When(condition) => Some(told(moment, condition, Instant::DAWN)),
                _ => None,
            };
            Bar::new("entry", "the condition to enter is not true")
                .until(Some(verdict.holds_until))
                .condition(condition)
        }
        Door::FoundInside(since) => {
            let says = format!(
                "`existing: no`, and the condition was true already when it went live, on {}",
                on(since)
            );
            Bar::new("existing", says).advice(&*by_hand)
        }
        Door::Again(Some(from)) => {
            Bar::new("again", "it has been in, and the re-entry rule does not let it in so soon")
                .until(Some(from))
        }
        Door::Again(None) => {
            Bar::new("again", "it has been in, and comes in only once: `again: never`")
        }
        Door::MustBeFalseFirst => Bar::new(
            "again",
            "it has been in, and the condition to enter has been true ever since: it must be false before",
        ),
        Door::Out(outcome, verdict) => {
            let (word, says, condition) = match outcome {
                Outcome::Goal => ("goal", "its goal is reached already", &workflow.goal),
                _ => ("leave", "it would leave at once", &workflow.leave),
            };
            let condition = condition.as_ref().map(|it| told(moment, it, at.next()));
            Bar::new(word, says).until(Some(verdict.holds_until)).condition(condition)
        }
        Door::Event { kind, object } => {
            let of = object.map(|object| format!(" of `{object}`")).unwrap_or_default();
            Bar::new("event", format!("it comes in by the event `{kind}`{of}")).advice(&*by_hand)
        }
        Door::Date { attribute, next, last, asked } => {
            let by = format!("it comes in by its date `{attribute}`");
            let says = match (next, last) {
                (Some(_), _) => by,
                (None, Some(last)) => {
                    format!("{by}, and its time is past: that was {}", on(last))
                }
                (None, None) if state_has(moment, workflow) => {
                    format!("{by}, and that is beyond the calendar")
                }
                (None, None) => format!("{by}, and has none"),
            };
            let bar = Bar::new("date", says).until(next).advice(&*by_hand);
            match (&workflow.enter, asked) {
                (Enter::Date(entry), Some(asked)) if next.is_some() && !asked.is_true() => {
                    let says = format!("{}, if its `where` is true then: now it is not", bar.says);
                    let filter = entry.filter.as_ref();
                    let condition = filter.map(|it| told(moment, it, Instant::DAWN));
                    Bar { says, ..bar }.condition(condition)
                }
                _ => bar,
            }
        }
        Door::Tick(next) => {
            let says = "it comes in when the clock of the workflow ticks, if it is meant";
            Bar::new("schedule", says).until(next).advice(&*by_hand)
        }
        Door::Ended(other) => {
            Bar::new("after", format!("it comes in when `{other}` ends for it")).advice(&*by_hand)
        }
        Door::ByHand => Bar::new("by_hand", by_word(moment, name)).advice(&*by_hand),
    };
    let refused = moment.past.log.iter().rfind(|logged| {
        logged.line.what == Verb::NotEntered
            && logged.line.workflow.as_ref() == Some(name)
            && logged.at <= at
    });
    let Some(refused) = refused.filter(|_| bar.bar != "existing") else { return bar };
    let says =
        format!("{}; on {} it was not let in: {}", bar.says, on(refused.at), refused.line.reason);
    Bar { says, ..bar }
}

/// How somebody could bring it in who does not wait for what it waits for.
fn by_hand(moment: &Moment<'_>, workflow: &Workflow) -> String {
    let (definitions, state, at) = (&moment.definitions, &moment.state, moment.at);
    let name = &workflow.name;
    if let Some(each) = &workflow.each {
        return format!("it enters by an event that carries `{each}`, and not by hand");
    }
    let asks = format!("`nurtured enrol {name} EMAIL` asks for it by hand");
    match by_hand_from(definitions, state, name, at).filter(|from| *from > at) {
        Some(from) => format!("{asks}, from {} on", local_text(from, &state.zone)),
        None => asks,
    }
}

/// Of a workflow with no door of its own: who brings leads in.
fn by_word(moment: &Moment<'_>, name: &Name) -> String {
    let enrols = |workflow: &Workflow| {
        let is_it = |kind: &StepKind| matches!(kind, StepKind::Enrol(into) if into == name);
        workflow.steps.iter().any(|step| is_it(&step.kind))
    };
    let live = moment.definitions.workflows.iter().map(|live| &live.workflow);
    let by: Vec<String> = live.filter(|it| enrols(it)).map(|it| format!("`{}`", it.name)).collect();
    if by.is_empty() {
        return "it comes in by hand alone".to_owned();
    }
    format!("it comes in by hand, or by an `enrol` step of {}", by.join(" or "))
}

fn state_has(moment: &Moment<'_>, workflow: &Workflow) -> bool {
    match &workflow.enter {
        Enter::Date(entry) => moment.state.attributes[entry.slot.0].is_some(),
        _ => false,
    }
}

fn told(moment: &Moment<'_>, condition: &Condition, since: Instant) -> Trace {
    let definitions = &moment.definitions;
    let view = View { since, ..view(definitions, &moment.state, moment.at) };
    condition.explain(&view, &definitions.schema)
}
