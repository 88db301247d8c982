//! What stands in the boxes.

use crate::domain::{
    hand_off::{Persist, Receiver},
    lead::Outcome,
    name::Name,
    policy::Policy,
    schedule::WaitSpec,
    value::{Schema, Value},
    webhook::OnFailure,
    workflow::{Again, Enter, InDoubt, MailFailure, StepKind, Workflow},
};

/// Who enters, and how often: a line each.
pub(super) fn entry(workflow: &Workflow, policy: &Policy) -> Vec<String> {
    let who = |condition: &dyn std::fmt::Display| format!("who: {condition}");
    let mut lines = match &workflow.enter {
        Enter::When(condition) => vec![format!("when {condition}")],
        Enter::On { kind, object, filter } => {
            let object = object.as_ref().map(|object| format!(" {object}")).unwrap_or_default();
            let filter = filter.as_ref().map(|filter| format!("where: {filter}"));
            [format!("event {kind}{object}")].into_iter().chain(filter).collect()
        }
        Enter::Date(entry) => {
            let filter = entry.filter.as_ref().map(|filter| who(filter));
            let date = format!("date {} {}", entry.attribute, entry.occasion);
            [date].into_iter().chain(filter).collect()
        }
        Enter::Schedule(ticking) => {
            let zone = ticking.zone(policy).name();
            vec![format!("schedule {} in {zone}", ticking.ticks), who(&ticking.who)]
        }
        Enter::Ended { workflow, outcome } => {
            let how = outcome.map_or("any", Outcome::word);
            vec![format!("workflow {workflow}, ended: {how}")]
        }
        Enter::ByHand => vec!["by hand".to_owned()],
    };
    lines.extend(workflow.each.as_ref().map(|key| format!("once for each {key}")));
    match workflow.again {
        Again::Never => {}
        Again::Always => lines.push("again: always".to_owned()),
        Again::After(after) => {
            let (days, rest) = (after.as_secs() / 86_400, after.as_secs() % 86_400);
            let after =
                if rest == 0 { format!("{days}d") } else { WaitSpec::Exact(after).to_string() };
            lines.push(format!("again after {after}"));
        }
    }
    lines
}

/// What a step does: first its key with what matters most, then the rest, a line each.
pub(super) fn step(kind: &StepKind, schema: &Schema) -> Vec<String> {
    let word = kind.word();
    let with = |what: &dyn std::fmt::Display| format!("{word}: {what}");
    let mut more = Vec::new();
    let first = match kind {
        StepKind::Email { template, now, not_after, in_doubt, on_failure } => {
            more.extend((*now == Some(true)).then(|| "now".to_owned()));
            more.extend(not_after.as_ref().map(|deadline| format!("not after {deadline}")));
            more.extend(in_doubt.map(doubt));
            more.extend(on_failure.map(failure));
            with(template)
        }
        StepKind::At { date, .. } => with(date),
        StepKind::Wait(spec) => with(spec),
        StepKind::WaitFor { awaited, up_to, .. } => {
            more.extend(up_to.as_ref().map(|up_to| format!("up to {up_to}")));
            match awaited.as_slice() {
                [one] if one.name.is_none() => with(&one.condition),
                several => {
                    let named = several.iter().map(|one| match &one.name {
                        Some(name) => format!("{name}: {}", one.condition),
                        None => one.condition.to_string(),
                    });
                    more.splice(0..0, named);
                    word.to_owned()
                }
            }
        }
        StepKind::If { condition, .. } => with(condition),
        StepKind::Branch { cases, .. } => {
            let named = cases
                .iter()
                .filter_map(|case| Some(format!("{}: {}", case.name.as_ref()?, case.condition)));
            more.extend(named);
            word.to_owned()
        }
        StepKind::Split(_) => word.to_owned(),
        StepKind::Repeat { times, until, .. } => {
            more.extend(until.as_ref().map(|until| format!("until {until}")));
            format!("{word}: {times} times")
        }
        StepKind::Stream(stream) => {
            let every: Vec<String> = stream.every.iter().map(ToString::to_string).collect();
            more.push(format!("every {}", every.join(", ")));
            with(&stream.name)
        }
        StepKind::Enrol(other) | StepKind::Leave(other) => with(other),
        StepKind::Set(values) => {
            let one = |name: &Name, value: &Option<Value>| match value {
                Some(value) => format!("{name} = {value}"),
                None => format!("{name} cleared"),
            };
            let values =
                values.iter().map(|(slot, value)| one(&schema.attribute(*slot).name, value));
            with(&values.collect::<Vec<_>>().join(", "))
        }
        StepKind::Tag { add, remove } => {
            let add = add.iter().map(|tag| format!("+{tag}"));
            let signs: Vec<String> =
                add.chain(remove.iter().map(|tag| format!("−{tag}"))).collect();
            with(&signs.join(" "))
        }
        StepKind::Notify { to, template } => {
            more.extend(template.as_ref().map(|template| format!("template {template}")));
            with(to)
        }
        StepKind::Webhook(step) => {
            let told = step.attributes.iter().map(|slot| schema.attribute(*slot).name.to_string());
            let told: Vec<String> = told
                .chain(step.data.iter().map(|(key, value)| format!("{key} = {value}")))
                .collect();
            more.extend((!told.is_empty()).then(|| told.join(", ")));
            if step.on_failure != OnFailure::Skip {
                more.push(format!("on failure: {}", step.on_failure.word()));
            }
            with(&step.target)
        }
        StepKind::HandOff(step) => {
            let after = &step.silence.after;
            more.extend(step.template.as_ref().map(|template| format!("template {template}")));
            more.push(match step.silence.persist {
                Persist::No => format!("silent after {after}"),
                Persist::Remind => format!("reminded after {after}"),
                Persist::NextPerson => format!("next person after {after}"),
                Persist::Return => format!("taken back after {after}"),
            });
            match &step.to {
                Receiver::Owner { else_to } => with(&format!("owner, else {else_to}")),
                Receiver::People(team) => with(team),
            }
        }
        StepKind::Stop { reason } => {
            reason.as_ref().map_or_else(|| word.to_owned(), |reason| with(reason))
        }
    };
    [first].into_iter().chain(more).collect()
}

fn doubt(what: InDoubt) -> String {
    let word = InDoubt::WORDS.iter().find(|(_, one)| *one == what).map_or("", |(word, _)| word);
    format!("in doubt: {word}")
}

fn failure(what: MailFailure) -> String {
    let word = MailFailure::WORDS.iter().find(|(_, one)| *one == what).map_or("", |(word, _)| word);
    format!("on failure: {word}")
}
