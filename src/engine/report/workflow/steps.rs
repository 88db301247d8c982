//! The figures of each step.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::{
    domain::{
        event::EventKind,
        name::Name,
        workflow::{StepKind, Workflow},
    },
    engine::report::{Reason, add_reason, share, structures::Structures},
    store::records::{BackCount, Behind, MailCount, OpenCount, PassedOver, Standing},
};

/// One step. Where nothing else is said, leads, each once.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct StepFigures {
    pub step: Name,
    /// The key that it is written with; `None`: no version that can be read has it.
    pub kind: Option<&'static str>,
    pub template: Option<Name>,
    /// Whether the live version has it.
    pub live: bool,
    pub entered: u64,
    /// Of these, who went on to another step, or to the end.
    pub went_on: u64,
    /// Enrolments that stand here now: in a wait, held back, about to be decided, with a mail under way.
    pub waiting: u64,
    pub held: u64,
    pub ready: u64,
    pub mailing: u64,
    pub why_held: Vec<Reason>,
    /// Mails that are not over: reserved or in the sender's hands, put off, parked.
    pub reserved: u64,
    pub deferred: u64,
    pub parked: u64,
    /// Of these, why, as far as there is a reason.
    pub why_deferred: Vec<Reason>,
    /// Leads that passed it over, as its date was past, or as its mail had not left in time.
    pub skipped: u64,
    pub expired: u64,
    /// Mails, or notices, that the relay took.
    pub mails: u64,
    pub sent: u64,
    pub in_doubt: u64,
    pub failed: u64,
    pub withdrawn: u64,
    pub bounced: u64,
    pub opened: u64,
    pub opened_by_machines: u64,
    pub opened_unsure: u64,
    pub clicked: u64,
    pub clicked_by_machines: u64,
    pub clicked_unsure: u64,
    pub replied: u64,
    pub unsubscribed: u64,
    pub complained: u64,
    /// Enrolments that ended here before the end.
    pub left: u64,
    pub why_left: Vec<Left>,
    pub rates: Rates,
}

/// Why enrolments ended at a step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Left {
    /// `finished`, `goal`, `left` or `cancelled`.
    pub outcome: String,
    pub reason: String,
    pub number: u64,
}

/// Fractions: `sent` and `went_on` of those who entered, all others of those it was sent to, in doubt or not. `None`: of nobody.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Rates {
    pub sent: Option<f64>,
    pub went_on: Option<f64>,
    pub bounced: Option<f64>,
    pub opened: Option<f64>,
    pub clicked: Option<f64>,
    pub replied: Option<f64>,
    pub unsubscribed: Option<f64>,
    pub complained: Option<f64>,
}

/// The steps in their order, while they are counted.
pub(super) struct Board {
    steps: Vec<StepFigures>,
    places: HashMap<Name, usize>,
    /// Of all versions.
    kinds: BTreeMap<Name, (&'static str, Option<Name>)>,
}

impl Board {
    /// The steps of the live version come first, in their order; then what only earlier ones have.
    pub fn new(live: Option<&Workflow>, all: &Structures) -> Self {
        let mut board = Self { steps: Vec::new(), places: HashMap::new(), kinds: BTreeMap::new() };
        let live = live.into_iter().map(|live| (live, true));
        for (structure, is_live) in live.chain(all.iter().map(|elder| (elder, false))) {
            for step in structure.steps.iter() {
                let template = match &step.kind {
                    StepKind::Email { template, .. } => Some(template.clone()),
                    _ => None,
                };
                board.kinds.entry(step.id.clone()).or_insert((step.kind.word(), template));
                board.step(&step.id).live |= is_live;
            }
        }
        board
    }

    pub fn step(&mut self, step: &Name) -> &mut StepFigures {
        let next = self.steps.len();
        let place = *self.places.entry(step.clone()).or_insert(next);
        if place == next {
            let (kind, template) = self.kinds.get(step).cloned().unzip();
            let template = template.flatten();
            let step = step.clone();
            self.steps.push(StepFigures { step, kind, template, ..StepFigures::default() });
        }
        &mut self.steps[place]
    }

    /// Those who stand, or have ended, at a step.
    pub fn stand(&mut self, standing: &Standing) {
        let step = self.step(&standing.step);
        let number = standing.number;
        match standing.state.as_str() {
            "waiting" => step.waiting += number,
            "mailing" => step.mailing += number,
            "ready" if standing.why.is_empty() => step.ready += number,
            "ready" => {
                step.held += number;
                add_reason(&mut step.why_held, &standing.why, number);
            }
            outcome => {
                // Who came to the end has not left.
                if outcome != "finished" {
                    step.left += number;
                }
                let same =
                    |known: &&mut Left| known.outcome == outcome && known.reason == standing.why;
                match step.why_left.iter_mut().find(same) {
                    Some(known) => known.number += number,
                    None => step.why_left.push(Left {
                        outcome: outcome.to_owned(),
                        reason: standing.why.clone(),
                        number,
                    }),
                }
            }
        }
    }

    pub fn mails(&mut self, mails: &[MailCount]) {
        for found in mails {
            let step = self.step(&found.step);
            match found.state.as_str() {
                "sent" => (step.mails, step.sent) = (found.mails, found.leads),
                "in_doubt" => step.in_doubt = found.leads,
                "failed" => step.failed = found.leads,
                _ => step.withdrawn = found.leads,
            }
        }
    }

    pub fn open(&mut self, open: &[OpenCount]) {
        for found in open {
            let step = self.step(&found.step);
            match found.state.as_str() {
                "deferred" => step.deferred += found.number,
                "parked" => step.parked += found.number,
                _ => step.reserved += found.number,
            }
            if !found.reason.is_empty() {
                add_reason(&mut step.why_deferred, &found.reason, found.number);
            }
        }
    }

    pub fn passed_over(&mut self, passed_over: &[PassedOver]) {
        for found in passed_over {
            let step = self.step(&found.step);
            match found.what.as_str() {
                "skipped" => step.skipped = found.leads,
                _ => step.expired = found.leads,
            }
        }
    }

    pub fn back(&mut self, back: &[BackCount]) {
        for found in back {
            let step = self.step(&found.step);
            let leads = found.leads;
            let by_human = found.behind == Behind::Human;
            if found.kind == EventKind::MAIL_OPENED {
                match found.behind {
                    Behind::Human => step.opened += leads,
                    Behind::Machine => step.opened_by_machines += leads,
                    Behind::Unsure => step.opened_unsure += leads,
                }
            } else if found.kind == EventKind::MAIL_CLICKED {
                match found.behind {
                    Behind::Human => step.clicked += leads,
                    Behind::Machine => step.clicked_by_machines += leads,
                    Behind::Unsure => step.clicked_unsure += leads,
                }
            } else if by_human {
                for (kind, figure) in [
                    (EventKind::MAIL_BOUNCED, &mut step.bounced),
                    (EventKind::LEAD_REPLIED, &mut step.replied),
                    (EventKind::LEAD_UNSUBSCRIBED, &mut step.unsubscribed),
                    (EventKind::MAIL_COMPLAINED, &mut step.complained),
                ] {
                    if found.kind == kind {
                        *figure += leads;
                    }
                }
            }
        }
    }

    pub fn finish(mut self) -> Vec<StepFigures> {
        for step in &mut self.steps {
            step.why_left.sort_by(|one, other| {
                (other.number, &one.outcome, &one.reason).cmp(&(
                    one.number,
                    &other.outcome,
                    &other.reason,
                ))
            });
            let is_mail = step.template.is_some() || step.kind == Some("stream");
            // What is in doubt counts as sent: who had such a mail may have clicked in it.
            let of_sent = |part| share(part, step.sent + step.in_doubt);
            step.rates = Rates {
                sent: share(step.sent, step.entered).filter(|_| is_mail),
                went_on: share(step.went_on, step.entered),
                bounced: of_sent(step.bounced),
                opened: of_sent(step.opened),
                clicked: of_sent(step.clicked),
                replied: of_sent(step.replied),
                unsubscribed: of_sent(step.unsubscribed),
                complained: of_sent(step.complained),
            };
        }
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_all_who_may_have_the_mail() {
        let mut board = Board { steps: Vec::new(), places: HashMap::new(), kinds: BTreeMap::new() };
        let mails = |state: &str, leads| MailCount {
            step: "hello".into(),
            state: state.to_owned(),
            mails: leads,
            leads,
        };
        board.mails(&[mails("sent", 1), mails("in_doubt", 3)]);
        let step = board.step(&"hello".into());
        (step.clicked, step.bounced) = (2, 4);
        let rates = board.finish()[0].rates;
        assert_eq!((rates.clicked, rates.bounced), (Some(0.5), Some(1.0)));
    }
}
