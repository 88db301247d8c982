//! How a mail came about, and what became of an enrolment: the lines of the log, with the conditions behind them.

use serde::Serialize;

use super::{Moment, Traces};
use crate::{
    domain::{condition::Trace, decision::Verb, lead::Key, name::Name, time::Instant},
    engine::report::{as_some_time, as_time},
    store::records::{EnrolmentRow, Logged, MessageRow},
};

/// One enrolment, or the mail of one of its steps.
#[derive(Debug, Serialize)]
pub struct Story {
    pub workflow: Name,
    /// The hash of the structure.
    pub version: Name,
    /// What it is about, in a workflow with one passage for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    #[serde(serialize_with = "as_some_time")]
    pub entered_at: Option<Instant>,
    /// How an enrolment ended, or what it is at; of a mail, the mail's state.
    pub state: String,
    #[serde(serialize_with = "as_some_time")]
    pub ended_at: Option<Instant>,
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// From its entry on.
    pub lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub struct Mail {
    pub template: Name,
    pub step: Name,
    #[serde(serialize_with = "as_time")]
    pub reserved_at: Instant,
    #[serde(serialize_with = "as_some_time")]
    pub sent_at: Option<Instant>,
    /// `null`: there is none any more.
    pub ground: Option<Ground>,
}

/// On what ground it was sent.
#[derive(Debug, Serialize)]
pub struct Ground {
    pub purpose: Name,
    pub basis: &'static str,
    pub source: Name,
    #[serde(serialize_with = "as_time")]
    pub since: Instant,
    #[serde(serialize_with = "as_some_time")]
    pub withdrawn_at: Option<Instant>,
}

/// A line of the decision log.
#[derive(Debug, Serialize)]
pub struct Line {
    #[serde(serialize_with = "as_time")]
    pub at: Instant,
    pub what: &'static str,
    pub step: Option<Name>,
    pub reason: String,
    /// The conditions that were asked, and what the lead had then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Trace>,
}

impl Story {
    pub(super) fn of_mail(moment: &Moment<'_>, traces: &Traces, mail: &MessageRow) -> Self {
        let past = moment.past;
        let enrolment = past.enrolments.iter().find(|it| it.no == mail.about.enrolment);
        let last = mail.sent_at.unwrap_or(mail.created_at).min(moment.at);
        let consent = past.record.profile.consents.get(&mail.purpose);
        let ground = consent.map(|consent| Ground {
            purpose: mail.purpose.clone(),
            basis: consent.basis.word(),
            source: consent.source.clone(),
            since: consent.at,
            withdrawn_at: consent.withdrawn_at,
        });
        Self {
            workflow: mail.workflow.clone(),
            version: mail.version.0.clone(),
            key: enrolment.and_then(|it| key(moment, it)),
            entered_at: enrolment.map(|it| it.entered_at),
            state: mail.state.word().to_owned(),
            ended_at: None,
            reason: mail.reason.clone().filter(|_| mail.sent_at.is_none()),
            lines: enrolment
                .map_or_else(Vec::new, |it| lines(moment, traces, it, last, Some(mail))),
            mail: Some(Mail {
                template: mail.template.clone(),
                step: mail.about.step.clone(),
                reserved_at: mail.created_at,
                sent_at: mail.sent_at.filter(|at| *at <= moment.at),
                ground,
            }),
        }
    }

    pub(super) fn of_enrolment(moment: &Moment<'_>, traces: &Traces, it: &EnrolmentRow) -> Self {
        let ended_at = it.ended_at.filter(|at| *at <= moment.at);
        let is_told = ended_at.is_some() || it.ended_at.is_none();
        Self {
            workflow: it.workflow.clone(),
            version: it.version.0.clone(),
            key: key(moment, it),
            entered_at: Some(it.entered_at),
            state: if is_told { it.state.clone() } else { "active".to_owned() },
            ended_at,
            reason: it.reason.clone().filter(|_| is_told),
            mail: None,
            lines: lines(moment, traces, it, ended_at.unwrap_or(moment.at), None),
        }
    }
}

fn key(moment: &Moment<'_>, it: &EnrolmentRow) -> Option<Key> {
    Key::of(moment.definitions.structure(&it.version, &it.workflow)?, &it.carries)
}

/// The lines of an enrolment until an instant; of a mail, until it was reserved, and what held it back after.
fn lines(
    moment: &Moment<'_>,
    traces: &Traces,
    enrolment: &EnrolmentRow,
    until: Instant,
    mail: Option<&MessageRow>,
) -> Vec<Line> {
    let is_of_it = |logged: &&Logged| {
        logged.line.workflow.as_ref() == Some(&enrolment.workflow)
            && logged.line.what != Verb::NotEntered
            && logged.at >= enrolment.entered_at
            && logged.at <= until
    };
    let mut lines: Vec<&Logged> = moment.past.log.iter().filter(is_of_it).collect();
    if let Some(mail) = mail {
        let is_it = |it: &&Logged| {
            it.line.what == Verb::Reserved && it.line.step.as_ref() == Some(&mail.about.step)
        };
        let reserved = lines.iter().rposition(|it| is_it(it) && it.at <= mail.created_at);
        lines.truncate(reserved.map_or(lines.len(), |place| place + 1));
    }
    // Of several that it went through in turn, its own.
    let begin =
        lines.iter().rposition(|it| it.line.what == Verb::Entered && it.at == enrolment.entered_at);
    lines.drain(..begin.unwrap_or(0));
    let line = |logged: &Logged| Line {
        at: logged.at,
        what: logged.line.what.word(),
        step: logged.line.step.clone(),
        reason: logged.line.reason.clone(),
        conditions: traces.of_line(logged),
    };
    lines.into_iter().map(line).collect()
}
