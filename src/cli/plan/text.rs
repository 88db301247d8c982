//! A plan as people read it: short, aligned, first what concerns most.

use super::report::{Fates, Guard, Lost, OfPerson, Report, Step, Workflow};
use crate::{
    cli::{output::Output, tables},
    definitions::counted,
    engine::planning::{Fate, Forecast, StepWhat, What},
};

/// The width of what is named, and of what becomes of it.
const NAME: usize = 34;
const WHAT: usize = 10;

pub(in crate::cli) fn text(report: &Report, output: &Output) -> String {
    if !report.changed {
        return match &report.live {
            Some(live) => format!("Nothing changes: the folder is what release {live} made live."),
            None => "Nothing is live, and the folder holds nothing.".to_owned(),
        };
    }
    let mut lines = Vec::new();
    match &report.live {
        Some(live) => lines.push(format!("Against release {live}:")),
        None => lines.push("Nothing is live yet: everything is new.".to_owned()),
    }
    for workflow in &report.workflows {
        lines.push(String::new());
        of_workflow(&mut lines, workflow, output);
    }
    if !report.segments.is_empty() {
        lines.push(String::new());
    }
    for it in &report.segments {
        let members = match (it.what, it.members) {
            (_, None) => String::new(),
            (What::Added, Some(members)) => format!("{members} in it"),
            (_, Some(members)) => {
                let (entering, leaving) = (it.entering.unwrap_or(0), it.leaving.unwrap_or(0));
                format!("{members} in it: {entering} come in, {leaving} go out")
            }
        };
        lines.push(row(&format!("segment {}", it.segment), it.what.word(), &members));
    }
    for it in &report.stages {
        let stages = format!("{} to {}", it.from, it.to);
        lines.push(row("stage", "", &format!("{stages}: {}", counted(it.leads, "lead"))));
    }
    if report.mails.len() + report.house.len() > 0 {
        lines.push(String::new());
    }
    for it in &report.mails {
        let here = match it.here {
            0 => String::new(),
            here => format!("{here} at a step that sends it"),
        };
        lines.push(row(&format!("mail {}", it.mail), it.what.word(), &here));
    }
    for it in &report.house {
        let kind = format!("{:?}", it.kind).to_lowercase();
        let named = *it.name != *kind && !it.name.is_empty();
        let name = if named { format!("{kind} {}", it.name) } else { kind };
        lines.push(row(&name, it.what.word(), it.means));
    }
    // Of nobody who is concerned there is nothing to tell.
    let forecast = report.forecast.filter(|it| *it != Forecast::default());
    if let Some(Forecast { before, after }) = forecast {
        lines.push(String::new());
        let soon =
            |what: &str, before: u64, after: u64| row(what, "", &format!("{before} -> {after}"));
        lines.push(soon("mails to them in 24 hours", before.day, after.day));
        lines.push(soon("mails to them in 7 days", before.week, after.week));
    }
    lines.push(String::new());
    for Guard { workflow, leads } in &report.guards {
        lines.push(format!(
            "Guard: `{workflow}` would take in up to {} at once; `apply` asks before.",
            counted(*leads, "lead")
        ));
    }
    for Lost { workflow, step, leads } in &report.lost {
        lines.push(format!(
            "`apply` refuses this: {} at `{step}` of `{workflow}`, which is gone. Write where they come to: \
             on_change: {{ migrate: {{ {step}: end }} }}",
            counted(*leads, "lead")
        ));
    }
    if report.unreadable > 0 {
        lines.push(format!("{} cannot be read.", counted(report.unreadable, "lead")));
    }
    lines.push(match report.affected {
        0 if moves_members(report) => {
            "No lead goes another way now; segments have other members.".to_owned()
        }
        0 => "No lead is affected.".to_owned(),
        leads => format!("{} affected.", are(leads, "is", "are")),
    });
    match report.parked {
        0 => {}
        1 => lines.push("1 parked mail is tried again.".to_owned()),
        mails => lines.push(format!("{mails} parked mails are tried again.")),
    }
    lines.push(
        "Texts of mails, segments, scoring and policy are live at once for all; steps as on_change says."
            .to_owned(),
    );
    if let Some(people) = &report.people {
        lines.push(String::new());
        lines.push(of_people(people));
    }
    lines.join("\n")
}

fn moves_members(report: &Report) -> bool {
    let known = report.segments.iter().filter(|segment| segment.what != What::Added);
    known.map(|it| it.entering.unwrap_or(0) + it.leaving.unwrap_or(0)).any(|moved| moved > 0)
}

fn row(name: &str, what: &str, rest: &str) -> String {
    format!("{name:<NAME$} {what:<WHAT$} {rest}").trim_end().to_owned()
}

fn are(leads: u64, one: &str, more: &str) -> String {
    format!("{} {}", counted(leads, "lead"), if leads == 1 { one } else { more })
}

fn of_workflow(lines: &mut Vec<String>, it: &Workflow, output: &Output) {
    let inside = match it.inside {
        0 => "nobody inside".to_owned(),
        inside => format!("{inside} inside"),
    };
    let keys = match it.keys.as_slice() {
        [] => String::new(),
        keys => format!("; {}", keys.join(", ")),
    };
    let name = format!("workflow {}", it.workflow);
    let line = row(&name, it.what.word(), &format!("{inside}{keys}"));
    lines.push(output.strong(&line));
    for Step { step, what, here } in &it.steps {
        let sign = match what {
            StepWhat::Added => '+',
            StepWhat::Removed => '-',
            StepWhat::Changed => '~',
            StepWhat::Moved => '>',
        };
        let here = if *here > 0 { format!("{here} at it") } else { String::new() };
        lines.push(row(&format!("  {sign} {step}"), what.word(), &here));
    }
    let said = said(&it.fates, it.on_change);
    if !said.is_empty() {
        lines.push(format!("  {}", said.join(", ")));
    }
}

/// What becomes of how many.
fn said(fates: &Fates, on_change: Option<&str>) -> Vec<String> {
    let old = match on_change {
        Some(_) => "go on in the version that they entered",
        None => "go on to its end",
    };
    let all = [
        (fates.enter, "come in at once"),
        (fates.mailed_at_once, "are mailed at once"),
        (fates.r#move, "move to another step"),
        (fates.wait_longer, "wait longer"),
        (fates.wait_shorter, "wait shorter"),
        (fates.leave, "leave"),
        (fates.drain, "finish what they are at, and leave"),
        (fates.sit_on_removed_step, "are at a step that is gone"),
        (fates.stay, "stay as they are"),
        (fates.stay_on_old_version, old),
    ];
    all.iter()
        .filter(|(many, _)| *many > 0)
        .map(|(many, do_it)| format!("{many} {do_it}"))
        .collect()
}

fn of_people(people: &[OfPerson]) -> String {
    let mut table = tables::new(&["Lead", "Workflow", "At", "Then"]);
    for it in people {
        let until = it.until.as_deref().map(|until| format!(" until {}", tables::minute(until)));
        let until = until.unwrap_or_default();
        let mail = it.mail.as_deref().unwrap_or_default();
        let then = match it.what {
            Fate::Stays => format!("stays{until}"),
            Fate::StaysOnOldVersion => format!("stays in the old version{until}"),
            Fate::SitsOnRemovedStep => "is at a step that is gone".to_owned(),
            Fate::WaitsLonger => format!("waits longer{until}"),
            Fate::WaitsShorter => format!("waits shorter{until}"),
            Fate::Moves => format!("moves to {}{until}", it.step),
            Fate::MailedAtOnce => format!("is mailed at once: {mail}"),
            Fate::Leaves => {
                let reason = it.reason.as_deref().unwrap_or_default();
                format!("leaves, {}: {reason}", it.outcome.unwrap_or_default())
            }
            Fate::Drains => format!("finishes what they are at{until}, and leaves"),
            Fate::Enters => format!("comes in, to {}{until}", it.step),
        };
        let anyway = if it.anyway { " (without a release, too)" } else { "" };
        let from = it.from.as_deref().unwrap_or_default();
        table.add_row([it.email.as_str(), &it.workflow, from, &format!("{then}{anyway}")]);
    }
    table.to_string()
}
