//! Both answers as people read them.

use super::{clock, indented};
use crate::{
    cli::output::{Output, in_one_line},
    domain::{
        lead::Key,
        time::{Instant, Zone},
    },
    engine::report::{
        why::{Inside, Line, Standing, Story, Subject, Why},
        why_not::Bar,
    },
};

pub(super) fn why(
    output: &Output,
    email: &str,
    why: &Why,
    subject: Option<&Subject>,
    zone: &Zone,
) -> String {
    let mut parts = vec![format!(
        "{}   {}",
        output.strong(email),
        output.faint(&format!("times in {}", zone.name()))
    )];
    parts.extend(why.standing.as_ref().map(|standing| stands(standing, zone)));
    if why.stories.is_empty() {
        parts.push(match subject {
            None => "No mail has left for it.".to_owned(),
            Some(Subject::Mail(name)) => {
                format!("It never got `{name}`: `nurtured why-not {email} --mail {name}` says why.")
            }
            Some(Subject::Workflow(name)) => format!(
                "It was never in `{name}`: `nurtured why-not {email} --workflow {name}` says why."
            ),
        });
    }
    parts.extend(why.stories.iter().map(|story| told(output, story, zone)));
    parts.extend(why.unknown.iter().map(|unknown| output.faint(&format!("Note: {unknown}."))));
    parts.join("\n\n")
}

fn stands(standing: &Standing, zone: &Zone) -> String {
    let because = standing.stage_because.as_deref();
    let because = because.map(|because| format!(": {}", in_one_line(because)));
    let mut lines = vec![format!(
        "Stage {} since {}{}",
        standing.stage,
        clock(standing.stage_since, zone),
        because.unwrap_or_default()
    )];
    lines.extend(standing.suppressed.map(|reason| format!("Never written to: {reason}")));
    if standing.inside.is_empty() {
        lines.push("In no workflow".to_owned());
    }
    lines.extend(standing.inside.iter().flat_map(|inside| is_inside(inside, zone)));
    lines.push(match standing.next_at {
        Some(next) => format!("Next looked at on {}, if nothing happens before", clock(next, zone)),
        None => "Nothing changes by itself".to_owned(),
    });
    lines.join("\n")
}

fn is_inside(inside: &Inside, zone: &Zone) -> Vec<String> {
    let until = inside.until.map(|until| format!(", until {}", clock(until, zone)));
    let next = inside.next.as_ref().map(|next| format!("; then `{next}`"));
    vec![
        format!(
            "In `{}`{} since {} (version {})",
            inside.workflow,
            about(inside.key.as_ref()),
            clock(inside.entered_at, zone),
            short(&inside.version)
        ),
        format!(
            "  at `{}` since {}: {}{}{}",
            inside.step,
            clock(inside.since, zone),
            in_one_line(&inside.says),
            until.unwrap_or_default(),
            next.unwrap_or_default()
        ),
    ]
}

/// Of which of its passages, in a workflow with one for each key.
fn about(key: Option<&Key>) -> String {
    key.map(|key| format!(" for {}", in_one_line(&key.to_string()))).unwrap_or_default()
}

fn short(version: &str) -> &str {
    version.get(..8).unwrap_or(version)
}

fn told(output: &Output, story: &Story, zone: &Zone) -> String {
    let on = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| clock(at, zone));
    let reason = story.reason.as_deref().map(|reason| format!(": {}", in_one_line(reason)));
    let reason = reason.unwrap_or_default();
    let version = short(&story.version);
    let mut lines = Vec::new();
    if let Some(mail) = &story.mail {
        let state = match mail.sent_at {
            Some(sent) => format!("sent on {}", clock(sent, zone)),
            None => format!("{}{reason}", story.state.replace('_', " ")),
        };
        lines.push(output.strong(&format!("{}: {state}", mail.template)));
        lines.push(format!(
            "by `{}`{} (version {version}), step `{}`, reserved on {}",
            story.workflow,
            about(story.key.as_ref()),
            mail.step,
            clock(mail.reserved_at, zone)
        ));
        lines.push(match &mail.ground {
            Some(ground) => format!(
                "ground: {} for `{}`, from {}, since {}{}",
                ground.basis.replace('_', " "),
                ground.purpose,
                ground.source,
                clock(ground.since, zone),
                ground
                    .withdrawn_at
                    .map(|at| format!(", withdrawn on {}", clock(at, zone)))
                    .unwrap_or_default()
            ),
            None => "ground: none any more".to_owned(),
        });
    } else {
        let state = story.state.replace('_', " ");
        let end = match story.ended_at {
            Some(end) => format!("{state} on {}{reason}", clock(end, zone)),
            None => format!("inside, {state}"),
        };
        lines.push(output.strong(&format!(
            "{}{}: {end}",
            story.workflow,
            about(story.key.as_ref())
        )));
        lines.push(format!("version {version}, entered on {}", on(story.entered_at)));
    }
    lines.extend(story.lines.iter().map(|it| line(it, zone)));
    lines.join("\n")
}

fn line(line: &Line, zone: &Zone) -> String {
    let step = line.step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    let what = line.what.replace('_', " ");
    let reason = in_one_line(&line.reason);
    let mut text = format!("  {}  {what}{step}: {reason}", clock(line.at, zone));
    for condition in &line.conditions {
        text += "\n";
        text += &indented(&condition.to_string(), 20);
    }
    text
}

pub(super) fn why_not(
    output: &Output,
    email: &str,
    bars: &[Bar],
    subject: &Subject,
    zone: &Zone,
) -> String {
    let asked = match subject {
        Subject::Mail(name) => format!("Why {email} has not got `{name}`"),
        Subject::Workflow(name) => format!("Why {email} is not in `{name}`"),
    };
    let mut lines = vec![format!(
        "{}   {}",
        output.strong(&asked),
        output.faint(&format!("times in {}", zone.name()))
    )];
    for (number, bar) in (1..).zip(bars) {
        let of = bar.workflow.as_ref().map(|workflow| format!("`{workflow}`: "));
        lines.push(format!("{number}. {}{}", of.unwrap_or_default(), in_one_line(&bar.says)));
        if let Some(condition) = &bar.condition {
            lines.push(indented(&condition.to_string(), 3));
        }
        if let Some(until) = bar.until {
            lines.push(format!("   until {}, if nothing happens before", clock(until, zone)));
        }
        lines.extend(bar.advice.as_ref().map(|advice| format!("   {advice}")));
    }
    lines.join("\n")
}
