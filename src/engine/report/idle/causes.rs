//! The causes, each out of what was looked at.

use super::{Cause, Look};
use crate::{
    definitions::counted,
    domain::{time::Instant, workflow::ALL},
};

/// How reasons begin that decisions and senders give; what stands behind them is told as it is.
const WINDOW: &str = "outside of the window";
const ONLY_TO: &str = "held back by [delivery] only_to";
const BEHIND: &str = "a mail of ";

impl Look<'_> {
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        causes.extend(self.nothing_live());
        causes.extend(self.no_engine());
        causes.extend(self.relays());
        causes.extend(self.nobody());
        causes.extend(self.pauses());
        causes.extend(self.parked());
        causes.extend(self.queued());
        causes.extend(self.standing());
        causes
    }

    fn nothing_live(&self) -> Option<Cause> {
        let not_applied = &self.around.not_applied;
        match self.definitions {
            None => Some(stop("nothing_live", "nothing is live yet", "run `nurtured apply`")),
            Some(live) if live.workflows.is_empty() => Some(stop(
                "no_workflow",
                "no workflow is live",
                "write one in workflows/ and run `nurtured apply`",
            )),
            Some(_) if not_applied.is_empty() => None,
            Some(_) => Some(Cause {
                number: number(not_applied.len()),
                ..stop(
                    "not_applied",
                    &format!("in the campaign folder and not live: {}", not_applied.join(", ")),
                    "run `nurtured apply` if it should be",
                )
            }),
        }
    }

    fn no_engine(&self) -> Option<Cause> {
        let is_off = self.around.engine == Some(false);
        let says = format!("no engine is running; {} due", are(self.due, "lead"));
        is_off.then(|| stop("no_engine", &says, "start `nurtured run`, or run `nurtured tick`"))
    }

    fn relays(&self) -> Vec<Cause> {
        let down = self.around.relays_down.iter();
        down.map(|relay| {
            let says = format!("the relay {relay} is down, says the running daemon");
            stop(
                "relay_down",
                &says,
                "look why in its log; mails go on by themselves once it answers",
            )
        })
        .collect()
    }

    fn nobody(&self) -> Vec<Cause> {
        if self.leads == 0 {
            return vec![stop("no_leads", "there are no leads", "run `nurtured leads import`")];
        }
        if !self.inside.is_empty() || self.definitions.is_none() {
            return Vec::new();
        }
        let says = format!(
            "nobody is in a workflow; there {} {}",
            if self.leads == 1 { "is" } else { "are" },
            counted(self.leads, "lead")
        );
        let advice = "see who may enter by `nurtured eval CONDITION --lead EMAIL`; whoever was there before \
                      a workflow went live enters only with `existing: yes`";
        let mut causes = vec![stop("nobody_inside", &says, advice)];
        causes.extend(self.refusals.iter().map(|(reason, number)| Cause {
            cause: "not_let_in",
            number: *number,
            says: format!("{} not let in: {reason}", were(*number, "lead")),
            advice: None,
            until: None,
        }));
        causes
    }

    fn pauses(&self) -> Vec<Cause> {
        let mails = |scope: &str| -> u64 {
            let mails = self.queues.iter().filter(|queue| scope == ALL || queue.workflow == *scope);
            let held = self.inside.iter().filter(|inside| {
                inside.why == "paused" && (scope == ALL || inside.workflow == *scope)
            });
            mails.map(|queue| queue.number).chain(held.map(|inside| inside.number)).sum()
        };
        self.pauses
            .iter()
            .map(|(scope, since)| (scope, since, mails(scope)))
            // A pause of all keeps everything; one of a workflow where nothing waits is nothing's doing.
            .filter(|(scope, _, held)| **scope == ALL || *held > 0)
            .map(|(scope, since, held)| {
                let what = if *scope == ALL { "everything" } else { scope.as_str() };
                Cause {
                    cause: "paused",
                    number: if *scope == ALL { 0 } else { held },
                    says: format!("{what} is paused since {since}; {} waiting", are(held, "mail")),
                    advice: Some(format!("`nurtured resume {scope}`")),
                    until: None,
                }
            })
            .collect()
    }

    fn parked(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for group in self.parked.iter().filter(|group| group.template.is_some()) {
            causes.push(Cause {
                cause: "parked_mails",
                number: group.number,
                says: format!("{} parked: {}", are(group.number, "mail"), group.reason),
                advice: Some("mend it and run `nurtured apply`".to_owned()),
                until: None,
            });
        }
        if self.parked_leads > 0 {
            causes.push(Cause {
                cause: "parked_leads",
                number: self.parked_leads,
                says: format!("{} parked and not decided", are(self.parked_leads, "lead")),
                advice: Some("`nurtured status` says why".to_owned()),
                until: None,
            });
        }
        causes
    }

    /// Mails that are reserved and do not leave.
    fn queued(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for queue in self.queues.iter().filter(|queue| !self.is_paused(&queue.workflow)) {
            let (cause, advice) = match (queue.state.as_str(), queue.reason.as_str()) {
                ("claimed" | "transmitting", _) => ("under_way", None),
                (_, ONLY_TO) => ("only_to", Some("take [delivery] only_to out of nurtured.toml")),
                ("deferred", _) => ("deferred", None),
                (_, reason) if reason.starts_with(WINDOW) => ("window", None),
                (_, "") => ("due_later", None),
                _ => ("held", None),
            };
            // What could go this very moment is nothing's doing.
            if cause == "due_later" && queue.due_at <= self.now {
                continue;
            }
            let says = match cause {
                "under_way" => "with a sender".to_owned(),
                "due_later" => "reserved".to_owned(),
                "deferred" => format!("put off: {}", queue.reason),
                _ => queue.reason.clone(),
            };
            merge(&mut causes, cause, "mail", queue.number, &says, queue.due_at, advice);
        }
        causes
    }

    /// Leads inside of workflows who are not at a mail that is reserved.
    fn standing(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for inside in &self.inside {
            let (cause, says) = match (inside.state.as_str(), inside.why.as_str()) {
                // The mail itself tells.
                ("mailing", _) => continue,
                // Told as a pause.
                (_, "paused") if self.is_paused(&inside.workflow) => continue,
                ("waiting", _) => ("waiting", "at a wait".to_owned()),
                (_, "") => ("to_be_decided", "about to be decided".to_owned()),
                (_, why) if why.starts_with(WINDOW) => ("window", why.to_owned()),
                (_, why) if why.starts_with(BEHIND) => ("behind", why.to_owned()),
                (_, why) => ("held", why.to_owned()),
            };
            merge(&mut causes, cause, "lead", inside.number, &says, inside.due_at, None);
        }
        causes
    }
}

/// Adds to the cause that says the same.
fn merge(
    causes: &mut Vec<Cause>,
    cause: &'static str,
    what: &str,
    number: u64,
    why: &str,
    at: Instant,
    advice: Option<&str>,
) {
    let until = Some(at).filter(|at| !at.is_never());
    let ending = format!(": {why}");
    let known =
        causes.iter_mut().find(|known| known.cause == cause && known.says.ends_with(&ending));
    if let Some(known) = known {
        known.number += number;
        known.says = format!("{}{ending}", counted(known.number, what));
        known.until = [known.until, until].into_iter().flatten().min();
        return;
    }
    let says = format!("{}{ending}", counted(number, what));
    causes.push(Cause { cause, number, says, advice: advice.map(str::to_owned), until });
}

/// A cause that keeps everything.
fn stop(cause: &'static str, says: &str, advice: &str) -> Cause {
    let (says, advice) = (says.to_owned(), Some(advice.to_owned()));
    Cause { cause, number: 0, says, advice, until: None }
}

fn are(number: u64, what: &str) -> String {
    format!("{} {}", counted(number, what), if number == 1 { "is" } else { "are" })
}

fn were(number: u64, what: &str) -> String {
    format!("{} {}", counted(number, what), if number == 1 { "was" } else { "were" })
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{definitions::Definitions, id::LeadId, name::Name},
        engine::report::idle::Around,
        store::records::{Inside, Parked, Queue},
    };

    const NOW: Instant = Instant::from_millis(1_800_000_000_000);

    fn later(hours: i64) -> Instant {
        Instant::from_millis(NOW.millis() + hours * 3_600_000)
    }

    fn queue(workflow: &str, state: &str, reason: &str, number: u64, due_at: Instant) -> Queue {
        let (workflow, state) = (workflow.into(), state.to_owned());
        Queue { workflow, state, reason: reason.to_owned(), number, due_at }
    }

    fn inside(workflow: &str, state: &str, why: &str, number: u64, due_at: Instant) -> Inside {
        let (workflow, state) = (workflow.into(), state.to_owned());
        Inside { workflow, state, why: why.to_owned(), number, due_at }
    }

    fn look<'a>(definitions: Option<&'a Definitions>, around: &'a Around) -> Look<'a> {
        Look {
            definitions,
            around,
            now: NOW,
            leads: 10,
            due: 0,
            parked_leads: 0,
            inside: Vec::new(),
            queues: Vec::new(),
            parked: Vec::new(),
            pauses: Vec::new(),
            refusals: Vec::new(),
        }
    }

    fn told(look: &Look<'_>) -> Vec<(&'static str, u64, String)> {
        let causes = look.causes().into_iter();
        causes.map(|cause| (cause.cause, cause.number, cause.says)).collect()
    }

    #[test]
    fn before_anything_is_live_that_is_said_first() {
        let around = Around { engine: Some(false), ..Around::default() };
        let empty = Look { leads: 0, ..look(None, &around) };
        let causes: Vec<_> = told(&empty).into_iter().map(|(cause, ..)| cause).collect();
        assert_eq!(causes, ["nothing_live", "no_engine", "no_leads"]);
    }

    #[test]
    fn each_cause_is_told_with_its_number_and_its_end() {
        let around = Around { relays_down: vec!["main".into()], ..Around::default() };
        let definitions = Definitions::default();
        let hours = "outside of the window mon-fri 09:00-17:30 in Europe/Rome";
        let pauses: Vec<(Name, Instant)> = vec![("paused-one".into(), NOW)];
        let look = Look {
            parked_leads: 1,
            parked: vec![Parked {
                template: Some("offer".into()),
                reason: "`discount` has no value".into(),
                number: 2,
                lead: LeadId(1),
                example: None,
            }],
            queues: vec![
                queue("a", "reserved", hours, 3, later(2)),
                queue("b", "reserved", hours, 4, later(1)),
                queue("a", "reserved", "", 5, later(3)),
                queue("a", "reserved", "", 6, NOW),
                queue("a", "reserved", ONLY_TO, 7, later(1)),
                queue("a", "deferred", "452 full", 8, later(1)),
                queue("paused-one", "reserved", "", 9, NOW),
                queue("a", "transmitting", "", 1, NOW),
            ],
            inside: vec![
                inside("a", "waiting", "", 20, later(30)),
                inside("a", "mailing", "", 21, Instant::NEVER),
                inside("a", "ready", hours, 22, later(2)),
                inside("a", "ready", "a mail of `b` is on its way", 23, Instant::NEVER),
                inside("paused-one", "ready", "paused", 24, Instant::NEVER),
            ],
            pauses,
            ..look(Some(&definitions), &around)
        };
        insta::assert_debug_snapshot!(look.causes());
    }

    #[test]
    fn a_pause_that_keeps_nothing_is_no_cause() {
        let around = Around::default();
        let definitions = Definitions::default();
        let look = Look {
            inside: vec![inside("a", "waiting", "", 2, later(1))],
            pauses: vec![("a".into(), NOW), (ALL.into(), NOW)],
            ..look(Some(&definitions), &around)
        };
        let paused: Vec<_> =
            told(&look).into_iter().filter(|(cause, ..)| *cause == "paused").collect();
        let all = format!("everything is paused since {NOW}; 0 mails are waiting");
        assert_eq!(paused, [("paused", 0, all)]);
    }

    #[test]
    fn nobody_inside_is_told_with_why_they_were_not_let_in() {
        let around = Around::default();
        let definitions = Definitions::default();
        let refusals = vec![("no ground for the purpose `insights`".to_owned(), 4)];
        let look = Look { refusals, ..look(Some(&definitions), &around) };
        let causes = told(&look);
        assert_eq!(causes[1].0, "nobody_inside");
        let why = "4 leads were not let in: no ground for the purpose `insights`";
        assert_eq!(causes[2], ("not_let_in", 4, why.to_owned()));
    }
}
