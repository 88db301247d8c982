//! Mails that leave in a rehearsal: judged at the door as the sender judges them, and then it is told what became of them.

use std::sync::Arc;

use super::{Fate, Left, Mail, Witness, World};
use crate::{
    domain::{
        decide::may_send,
        event::EventKind,
        lead::Suppression,
        message::{MaySend, MessageKind},
        time::Instant,
        value::Value,
        workflow::Version,
    },
    engine::preparing::company_is_full,
};

impl<F: Fate> World<F> {
    /// Hands over what is to leave now, in the order of the engine. Returns whether there was anything.
    pub(super) fn post(&mut self, due: &[usize], now: Instant, witness: &mut impl Witness) -> bool {
        let leaves = |index: &&usize| {
            let person = &self.people[**index];
            person.parked.is_none() && person.post_at().is_some_and(|at| at <= now)
        };
        let mut leaving: Vec<usize> = due.iter().filter(leaves).copied().collect();
        leaving.sort_by_key(|&index| (self.people[index].post_at(), self.people[index].state.lead));
        for &index in &leaving {
            self.hand_over(index, now, witness);
        }
        !leaving.is_empty()
    }

    fn hand_over(&mut self, index: usize, now: Instant, witness: &mut impl Witness) {
        let definitions = Arc::clone(&self.definitions);
        let person = &mut self.people[index];
        let state = &person.state;
        let Some(open) = &state.open_message else { return };
        let of_it = state.enrolments.iter().find(|it| it.no == open.about.enrolment);
        let version = of_it.map_or_else(|| Version("".into()), |it| it.version.clone());
        let kind = MessageKind::Marketing;
        let about = (state.lead, &version, &*open.about.step);
        let account = person.account.as_ref().and_then(|name| self.accounts.get(name));
        let judged = match may_send(&definitions, state, &open.about, kind, &version, now) {
            MaySend::Now => account
                .and_then(|account| company_is_full(&definitions, about, account, now))
                .map_or(MaySend::Now, |(until, reason)| MaySend::NotBefore(until, reason)),
            judged => judged,
        };
        let mail = Mail { open, now };
        let (left, follows) = match judged {
            MaySend::NotBefore(until, reason) => {
                witness.put_off(index, state, &mail, until, &reason);
                return person.put_off(until, now);
            }
            MaySend::Never(reason) => (Left::Cancelled(reason), Vec::new()),
            MaySend::Now => self.fate.of_mail(state, &mail),
        };
        witness.left(&definitions, index, state, &mail, &left);
        if !matches!(left, Left::Cancelled(_) | Left::Parked(_)) {
            let (house, domain) = ((&self.fleet, &definitions.policy), state.address.domain());
            self.warming.count(house, state.lead, domain, left != Left::Sent);
        }
        let kind = match &left {
            Left::Sent => Some(EventKind::MAIL_SENT),
            Left::Refused { .. } => Some(EventKind::MAIL_FAILED),
            Left::Cancelled(_) => Some(EventKind::MAIL_CANCELLED),
            // Nothing is told: its step waits, and other mails may go.
            Left::Parked(_) => {
                person.state.open_message = None;
                None
            }
        };
        if let Some(mut event) = kind.and_then(|kind| person.outcome(kind, now)) {
            if let Left::Refused { reason, .. } | Left::Cancelled(reason) = &left {
                event.data.insert("reason".into(), Value::Text(reason.as_str().into()));
            }
            if let Left::Refused { hard, .. } = left {
                event.data.insert("hard".into(), Value::Bool(hard));
                event.suppress = hard.then_some(Suppression::HardBounce);
            }
            person.record(&definitions, event, now);
            if let Some(event) = person.state.new_events.last() {
                witness.happened(index, &person.state, event);
            }
        }
        for event in follows {
            person.foretell(event);
        }
        self.decide_batch(&[index], now, witness);
    }
}
