//! Streams: at their cadence the next content that the lead has not had.

use super::work::Work;
use crate::domain::{
    lead::Phase,
    name::Name,
    stream::{Exhausted, Stream, next_content},
    time::Instant,
    workflow::{Workflow, next_round, rounds_done},
};

impl Work<'_> {
    /// Sends the next content as an email step does. Returns whether the enrolment moved and is still active.
    pub fn stream(&mut self, index: usize, workflow: &Workflow, stream: &Stream) -> bool {
        let enrolment = &self.enrolments[index].enrolment;
        if let Phase::Waiting { .. } = &enrolment.phase {
            let due = self.due(index, |at, _| crate::domain::lead::Due { at, civil: None });
            if due > self.now() {
                // Its mail has come due, and was put off since: it may be too late meanwhile.
                let has_come = self.enrolments[index].enrolment.armed_at <= self.now();
                if has_come && self.expire(index) {
                    return self.enrolments[index].is_active();
                }
                self.wake(due);
                return false;
            }
        }
        let enrolment = &self.enrolments[index].enrolment;
        // What is on its way, or was in doubt, has its content.
        if enrolment.phase != Phase::Mailing && enrolment.doubt.is_none() {
            let is_told = matches!(&enrolment.phase, Phase::Ready { held: Some(held) } if held.reason == stream.exhausted());
            match self.next_content(&stream.name) {
                Some(_) if is_told => {
                    // Only now there is something that could be too late.
                    let now = self.now();
                    let enrolment = self.enrolments[index].enrolment.to_mut();
                    (enrolment.armed_at, enrolment.phase) = (now, Phase::READY);
                }
                Some(_) => {}
                None if stream.when_exhausted == Exhausted::Wait => {
                    self.enrolments[index].wants_to_send = false;
                    self.hold(index, Instant::NEVER, &stream.exhausted());
                    return false;
                }
                None => {
                    self.advance(index, &stream.exhausted());
                    self.past(index);
                    return self.enrolments[index].is_active();
                }
            }
        }
        if self.expire(index) {
            return self.enrolments[index].is_active();
        }
        self.email(index, workflow);
        false
    }

    /// A mail of a stream is done: waits for the next, or goes on where it was the last.
    pub fn next_of_stream(&mut self, index: usize, stream: &Stream) {
        let place = self.lead.place();
        let enrolment = &self.enrolments[index].enrolment;
        let mails = rounds_done(enrolment.visit) + 1;
        let pause = stream.pause_after(mails).filter(|_| !stream.is_over_after(mails));
        let Some(pause) = pause else {
            self.advance(index, &format!("up_to: {mails} mails of the stream"));
            return self.past(index);
        };
        let due = pause.due(self.now(), place);
        let enrolment = self.enrolments[index].enrolment.to_mut();
        enrolment.visit = next_round(enrolment.visit);
        // From when on its next mail may be too late.
        enrolment.armed_at = due.at;
        enrolment.phase = Phase::Waiting { due };
        enrolment.doubt = None;
    }

    /// The content that the lead gets next, by what is live.
    pub fn next_content(&self, stream: &Name) -> Option<&Name> {
        let contents = self.lead.definitions.streams.get(stream)?;
        next_content(contents, &self.lead.received)
    }
}
