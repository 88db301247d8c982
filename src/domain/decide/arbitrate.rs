//! Arbitration: several workflows want to write to the same lead, one may.

use std::cmp::Reverse;

use super::work::Work;
use crate::domain::{
    decision::{Grants, NewMessage, Resource, Verb, Want},
    lead::{Held, Phase},
    message::MessageKind,
    name::Name,
    time::Instant,
    workflow::{Content, MailStep},
};

/// An enrolment that wants to send.
pub(super) struct Candidate<'a> {
    pub index: usize,
    pub mail: MailStep<'a>,
    /// When it may, if not now: for its hours, or because the lead asked for later.
    pub opens: Option<Instant>,
}

/// The lead's one open mail, as it stands in the way of others.
struct Ahead {
    reason: String,
    /// When it cannot leave any more today, if it keeps hours.
    closes: Option<Instant>,
}

impl<'a> Work<'a> {
    /// Reserves the mail of the first enrolment, by rank and then by age, whose hours it is and that the
    /// allocator does not refuse; the others are held until that mail is settled.
    pub fn arbitrate(&mut self, grants: &Grants) {
        if let Some(reason) = grants.lead_paused() {
            self.rest(reason);
            return;
        }
        let candidates = self.candidates(grants);
        if candidates.is_empty() {
            return;
        }
        if self.decision.withdraw.is_empty() {
            self.make_way(&candidates, grants);
        }
        // A mail being withdrawn may be on its way to the relay at this very moment: the next one waits
        // until the withdrawal is written.
        if !self.decision.withdraw.is_empty() {
            self.wake(self.lead.now.next());
            return;
        }
        let mut ahead = self.lead.state.open_message.as_ref().map(|open| {
            let holder = self.holder().and_then(|holder| self.enrolments[holder].mail_step());
            self.ahead(&open.workflow, holder)
        });
        for candidate in candidates {
            if let Some(ahead) = &ahead {
                self.hold_behind(&candidate, ahead);
            } else if let Some(opens) = candidate.opens {
                // A sign of life lets go of what waits for one.
                let settles = self.lead.contact().settles(self.lead.definitions, self.lead.now);
                self.wake(settles.unwrap_or(Instant::NEVER));
                let reason = self.lead.why_not_now(candidate.mail);
                self.hold(candidate.index, opens, &reason);
            } else if self.is_granted(candidate.index, grants) {
                let name = self.reserve(candidate.index);
                ahead = name.map(|name| self.ahead(&name, Some(candidate.mail)));
            }
        }
    }

    /// Who wants to send and is not paused, the first in rank first.
    fn candidates(&mut self, grants: &Grants) -> Vec<Candidate<'a>> {
        let mut candidates = Vec::new();
        for index in 0..self.enrolments.len() {
            let active = &self.enrolments[index];
            let (true, Some(mail)) = (active.wants_to_send, active.mail_step()) else { continue };
            if grants.is_paused(&mail.workflow.name) {
                self.hold(index, Instant::NEVER, "paused");
                continue;
            }
            let opens = self.lead.opens(mail);
            candidates.push(Candidate { index, mail, opens });
        }
        candidates.sort_by_key(|candidate| {
            let enrolment = &self.enrolments[candidate.index].enrolment;
            (Reverse(rank(candidate.mail)), enrolment.entered_at, enrolment.no)
        });
        candidates
    }

    /// Asks the allocator; held until the slot that it offers, if it refuses.
    fn is_granted(&mut self, index: usize, grants: &Grants) -> bool {
        let want = self.want(index, grants);
        let refusal = grants.refusal(&want).cloned();
        self.decision.wants.push(want);
        if let Some((slot, reason)) = &refusal {
            self.hold(index, *slot, reason);
        }
        refusal.is_none()
    }

    pub fn want(&self, index: usize, grants: &Grants) -> Want {
        let active = &self.enrolments[index];
        let mail = active.mail_step();
        let turn = match &active.enrolment.phase {
            Phase::Ready { held: Some(held) } if held.waits_for_its_turn() => Some(held.clone()),
            _ => None,
        };
        Want {
            resource: Resource::Mail { workflow: active.enrolment.workflow.clone() },
            about: active.about(),
            was_asked_for: mail.is_some_and(|mail| mail.now),
            turn,
            keeps: mail.filter(|_| grants.has_lines()).and_then(|mail| self.lead.keeps(mail)),
        }
    }

    fn ahead(&self, name: &Name, holder: Option<MailStep<'a>>) -> Ahead {
        Ahead {
            reason: format!("a mail of `{name}` is on its way"),
            closes: holder.and_then(|holder| self.lead.closes(holder)),
        }
    }

    /// Holds a candidate until the open mail is settled. It may take its place when its own hours come,
    /// or the other's are over.
    fn hold_behind(&mut self, candidate: &Candidate<'_>, ahead: &Ahead) {
        for at in [candidate.opens, ahead.closes].into_iter().flatten() {
            self.wake(at);
        }
        // Told once: who is held for the hours stays so.
        let phase = &self.enrolments[candidate.index].enrolment.phase;
        let by_hours = matches!(phase, Phase::Ready { held: Some(held) } if Some(held.until) == candidate.opens);
        if !by_hours {
            self.hold(candidate.index, Instant::NEVER, &ahead.reason);
        }
    }

    fn reserve(&mut self, index: usize) -> Option<Name> {
        let now = self.now();
        let active = &self.enrolments[index];
        let workflow = active.workflow?;
        let MailStep { content, again, .. } = active.mail_step()?;
        let about = active.about();
        let template = match content {
            Content::Template(template) => template.clone(),
            // One that was in doubt keeps what it was reserved with.
            Content::NextOf(stream) if again.is_some() => stream.clone(),
            Content::NextOf(stream) => self.next_content(stream)?.clone(),
        };
        let active = &mut self.enrolments[index];
        active.enrolment.to_mut().phase = Phase::Mailing;
        self.decision.messages.push(NewMessage {
            about: about.clone(),
            kind: MessageKind::Marketing,
            recipient: Name::new(""),
            workflow: workflow.name.clone(),
            version: workflow.version.clone(),
            purpose: workflow.purpose.clone(),
            template: template.clone(),
            priority: workflow.priority,
            due_at: now,
            relay: Name::new(""),
            placed_on: None,
            again,
        });
        self.log(Verb::Reserved, Some(&workflow.name), Some(&about.step), &template);
        Some(workflow.name.clone())
    }

    /// Holds a step back; a reason is logged when it is new.
    pub fn hold(&mut self, index: usize, until: Instant, reason: &str) {
        self.wake(until);
        let active = &mut self.enrolments[index];
        let known = match &active.enrolment.phase {
            Phase::Ready { held } => held.as_ref(),
            _ => None,
        };
        // Until the same instant for another reason (of a cap and the hours after it the cap is the first to
        // let go): the one that was told will do.
        let is_told =
            |known: &Held| known.until == until && (known.reason == reason || !until.is_never());
        if known.is_some_and(is_told) {
            return;
        }
        let held = Held { reason: super::work::brief(reason), until };
        if known == Some(&held) {
            return;
        }
        let news = known.is_none_or(|known| known.reason != held.reason);
        let enrolment = active.enrolment.to_mut();
        enrolment.phase = Phase::Ready { held: Some(held) };
        if news {
            let (workflow, step) = (enrolment.workflow.clone(), enrolment.step.clone());
            self.log(Verb::Held, Some(&workflow), Some(&step), reason);
        }
    }
}

/// What the lead asked for goes first, then by priority.
pub(super) fn rank(mail: MailStep<'_>) -> (bool, i32) {
    (mail.now, mail.workflow.priority)
}
