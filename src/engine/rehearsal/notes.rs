//! What happens in a test, as far as it is asked for afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::{Failure, Left, Mail, Witness};
use crate::domain::{
    case::{Expectation, Expected, When},
    decision::{Decision, Verb},
    definitions::Definitions,
    lead::{LeadState, Outcome},
    message::MessageKind,
    name::Name,
    time::{Instant, Zone},
};

/// What tests ask of all that happened.
#[derive(Debug, Default)]
pub(super) struct Notes {
    mails: Vec<(Name, Instant)>,
    /// Why a mail was held back last, by its workflow and step.
    held: Vec<(Name, Name, String)>,
    refused: BTreeMap<Name, String>,
    ended: Vec<(Name, Outcome, String)>,
    notices: BTreeSet<Name>,
}

impl Witness for Notes {
    fn decided(
        &mut self,
        _: &Definitions,
        _: usize,
        _: &LeadState,
        decision: &Decision,
        _: Instant,
    ) {
        for change in &decision.enrolments {
            if let Some(ended) = &change.ended {
                let workflow = change.enrolment.workflow.clone();
                self.ended.push((workflow, ended.outcome, ended.reason.clone()));
            }
        }
        for line in &decision.log {
            let (Some(workflow), reason) = (&line.workflow, &line.reason) else { continue };
            if line.what == Verb::Held
                && let Some(step) = &line.step
            {
                self.held.push((workflow.clone(), step.clone(), reason.clone()));
            } else if line.what == Verb::NotEntered {
                self.refused.insert(workflow.clone(), reason.clone());
            }
        }
        let notices = decision.messages.iter().filter(|it| it.kind == MessageKind::Internal);
        self.notices.extend(notices.map(|notice| notice.recipient.clone()));
    }

    fn left(&mut self, _: &Definitions, _: usize, _: &LeadState, mail: &Mail<'_>, came: &Left) {
        if *came == Left::Sent {
            self.mails.push((mail.open.template.clone(), mail.now));
        }
    }
}

impl Notes {
    /// What is not as it is expected of all that happened.
    pub fn misses(&self, expectation: &Expectation, zone: &Zone) -> Option<Failure> {
        let message = match &expectation.what {
            Expected::Mails(expected) => {
                let sent: Vec<&Name> = self.mails.iter().map(|(mail, _)| mail).collect();
                if sent.iter().copied().eq(expected) {
                    return None;
                }
                format!("expected {}, and {} left", listed(expected), listed(sent))
            }
            Expected::Mail { template, when } => self.misses_mail(template, *when, zone)?,
            Expected::NoMail(template) => {
                let (_, at) = self.mails.iter().find(|(mail, _)| mail == template)?;
                format!("`{template}` left on {}", on(*at, zone))
            }
            Expected::Ended { workflow, how } => self.misses_end(workflow, *how)?,
            Expected::Notice(person) if !self.notices.contains(person) => {
                format!("nobody wrote to {person}")
            }
            _ => return None,
        };
        Some(Failure { line: expectation.line, message, trace: None })
    }

    fn misses_mail(&self, template: &Name, when: Option<When>, zone: &Zone) -> Option<String> {
        let mut left = self.mails.iter().filter(|(mail, _)| mail == template).map(|(_, at)| *at);
        let is_meant = |at: Instant| when.is_none_or(|when| when.is_at(at, zone));
        if left.clone().any(is_meant) {
            return None;
        }
        if let Some(first) = left.next() {
            return Some(format!("`{template}` left on {}", on(first, zone)));
        }
        let why = match (self.held.last(), self.refused.iter().next()) {
            (Some((workflow, step, reason)), _) => {
                format!("; held back last: {reason} ({workflow}, {step})")
            }
            (None, Some((workflow, reason))) => format!("; not entered `{workflow}`: {reason}"),
            (None, None) => String::new(),
        };
        Some(format!("`{template}` did not leave{why}"))
    }

    fn misses_end(&self, workflow: &Name, how: Option<Outcome>) -> Option<String> {
        let ended: Vec<_> = self.ended.iter().filter(|(it, ..)| it == workflow).collect();
        let is_meant = |outcome: Outcome| how.is_none_or(|how| how == outcome);
        if ended.iter().any(|(_, outcome, _)| is_meant(*outcome)) {
            return None;
        }
        Some(match ended.last() {
            Some((_, outcome, reason)) => {
                format!("`{workflow}` ended as {}: {reason}", outcome.word())
            }
            None => match self.refused.get(workflow) {
                Some(reason) => format!("not entered `{workflow}`: {reason}"),
                None => format!("`{workflow}` has not ended"),
            },
        })
    }
}

fn on(at: Instant, zone: &Zone) -> String {
    at.timestamp().to_zoned(zone.tz().clone()).strftime("%a %Y-%m-%d at %H:%M").to_string()
}

fn listed<'n>(names: impl IntoIterator<Item = &'n Name>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "no mail".to_owned() } else { names.join(", ") }
}
