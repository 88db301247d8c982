//! The causes, each out of what was looked at.

use std::cmp::Reverse;

use super::{Cause, Look, reasons};
use crate::{definitions::counted, domain::time::Instant, engine::codes, store::Down};

/// What to do where nobody decides.
const START: &str = "start `nurtured run`, or run `nurtured tick`";

impl Look<'_> {
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        causes.extend(self.nothing_live());
        causes.extend(self.no_engine());
        causes.extend(self.relays());
        causes.extend(self.nobody());
        causes.extend(self.pauses());
        causes.extend(self.parked());
        causes.extend(self.in_doubt());
        causes.extend(self.queued());
        causes.extend(self.standing());
        // What stops everything comes first; then what keeps most; then what keeps nothing yet.
        causes.sort_by_key(|cause| (cause.to_come, cause.number > 0, Reverse(cause.number)));
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
        let mails = self.queues.iter().any(|queue| queue.due_at <= self.now);
        let due = match self.due {
            0 if mails => "mails are due".to_owned(),
            0 => "nothing is due".to_owned(),
            leads => format!("{} due", are(leads, "lead")),
        };
        is_off.then(|| Cause {
            to_come: self.due == 0 && !mails,
            ..stop("no_engine", &format!("no engine is running; {due}"), START)
        })
    }

    fn relays(&self) -> Vec<Cause> {
        let down = self.relays_down.iter().filter(|down| !self.is_relay_paused(&down.relay));
        down.map(|Down { relay, since, .. }| {
            let says = format!("the relay {relay} is down since {since}");
            let advice = "`nurtured doctor` looks why; mails go on by themselves once it answers";
            stop("relay_down", &says, advice)
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
        let mut causes = vec![self.nobody_inside()];
        causes.extend(self.refusals.iter().map(|(reason, number)| Cause {
            cause: "not_let_in",
            number: *number,
            says: format!("{} not let in: {reason}", were(*number, "lead")),
            advice: None,
            until: None,
            last_until: None,
            to_come: false,
        }));
        causes
    }

    /// All have gone again, or nobody has come: not yet, or not at all.
    fn nobody_inside(&self) -> Cause {
        let undecided = format!("{} due and not decided yet", are(self.due, "lead"));
        let says = match (self.ended.is_empty(), self.due) {
            (true, 0) => {
                let leads = counted(self.leads, "lead");
                format!("nobody has ever entered a workflow, of {leads}")
            }
            (true, _) => format!("nobody is in a workflow yet; {undecided}"),
            (false, due) => {
                let ended = self.ended.iter().map(|(outcome, leads)| format!("{leads} {outcome}"));
                let ended = ended.collect::<Vec<_>>().join(", ");
                let more = if due > 0 { format!("; {undecided}") } else { String::new() };
                format!("all who were in a workflow are out of it: {ended}{more}")
            }
        };
        let is_on = self.around.engine == Some(true);
        let mut live = self.definitions.iter().flat_map(|live| live.workflows.iter());
        let advice = match (self.due, self.ended.is_empty()) {
            (1.., _) if is_on => "the engine that runs decides them".to_owned(),
            (1.., _) => START.to_owned(),
            (0, false) => "`nurtured report workflow WORKFLOW` says how each went".to_owned(),
            (0, true) => {
                let mut advice =
                    "see who may enter by `nurtured eval CONDITION --lead EMAIL`".to_owned();
                if live.any(|live| !live.workflow.existing) {
                    advice.push_str(
                        "; whoever was there before a workflow went live enters only with `existing: yes`",
                    );
                }
                advice
            }
        };
        stop("nobody_inside", &says, &advice)
    }

    fn parked(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for group in self.parked.iter().filter(|group| group.template.is_some()) {
            let (why, advice) = match codes::remedy(&group.reason) {
                Some((why, command)) => (why, format!("`{command}`")),
                None => (group.reason.as_str(), "mend it and run `nurtured apply`".to_owned()),
            };
            let says = format!("{} parked: {why}", are(group.number, "mail"));
            causes.push(Cause { number: group.number, ..stop("parked_mails", &says, &advice) });
        }
        if self.parked_leads > 0 {
            let says = format!("{} parked and not decided", are(self.parked_leads, "lead"));
            causes.push(Cause {
                number: self.parked_leads,
                ..stop("parked_leads", &says, "`nurtured status` says why")
            });
        }
        causes
    }

    /// Leads whose workflow waits until somebody says what became of a mail.
    fn in_doubt(&self) -> Option<Cause> {
        let says = match self.waits_for_word {
            0 => return None,
            1 => "1 lead waits for somebody's word on a mail in doubt (in_doubt: hold)".to_owned(),
            leads => {
                format!("{leads} leads wait for somebody's word on mails in doubt (in_doubt: hold)")
            }
        };
        let advice = "`nurtured doubt` lists them, and takes the word";
        Some(Cause { number: self.waits_for_word, ..stop("in_doubt", &says, advice) })
    }

    /// Mails that are reserved and do not leave.
    fn queued(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = Vec::new();
        for queue in self.queues.iter().filter(|queue| !self.is_paused(&queue.workflow)) {
            let (word, told) = reasons::about(&queue.reason);
            let (cause, advice) = match (queue.state.as_str(), word) {
                ("claimed" | "transmitting", _) => ("under_way", None),
                (_, "only_to") => (word, Some("take [delivery] only_to out of nurtured.toml")),
                ("deferred", _) => ("deferred", None),
                _ if told.is_empty() => ("due_later", None),
                _ => (word, None),
            };
            // What could go this very moment is nothing's doing.
            if cause == "due_later" && queue.due_at <= self.now {
                continue;
            }
            let says = match cause {
                "under_way" => "with a sender".to_owned(),
                "due_later" => "reserved".to_owned(),
                "deferred" => format!("put off: {}", queue.reason),
                _ => told.to_owned(),
            };
            let span = [queue.due_at, queue.last_due_at];
            merge(&mut causes, cause, "mail", queue.number, &says, span, advice);
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
                (_, why) if self.is_of_people(why) => continue,
                ("waiting", _) => ("waiting", "at a wait".to_owned()),
                (_, "") => ("to_be_decided", "about to be decided".to_owned()),
                (_, why) => {
                    let (cause, told) = reasons::about(why);
                    (cause, told.to_owned())
                }
            };
            let span = [inside.due_at, inside.last_due_at];
            merge(&mut causes, cause, "lead", inside.number, &says, span, None);
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
    span: [Instant; 2],
    advice: Option<&str>,
) {
    let [until, last_until] = span.map(|at| Some(at).filter(|at| !at.is_never()));
    let ending = format!(": {why}");
    let known =
        causes.iter_mut().find(|known| known.cause == cause && known.says.ends_with(&ending));
    if let Some(known) = known {
        known.number += number;
        known.says = format!("{}{ending}", counted(known.number, what));
        known.until = [known.until, until].into_iter().flatten().min();
        known.last_until = known.last_until.max(last_until);
        return;
    }
    let says = format!("{}{ending}", counted(number, what));
    let advice = advice.map(str::to_owned);
    causes.push(Cause { cause, number, says, advice, until, last_until, to_come: false });
}

/// A cause that keeps everything.
fn stop(cause: &'static str, says: &str, advice: &str) -> Cause {
    let (says, advice) = (says.to_owned(), Some(advice.to_owned()));
    Cause { cause, number: 0, says, advice, until: None, last_until: None, to_come: false }
}

pub(super) fn are(number: u64, what: &str) -> String {
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        domain::{
            definitions::Definitions,
            id::LeadId,
            pause::{Pause, Scope},
        },
        engine::report::idle::Around,
        store::records::{Inside, Parked, Queue},
    };

    const NOW: Instant = Instant::from_millis(1_800_000_000_000);

    fn later(hours: i64) -> Instant {
        Instant::from_millis(NOW.millis() + hours * 3_600_000)
    }

    fn queue(workflow: &str, state: &str, reason: &str, number: u64, due_at: Instant) -> Queue {
        let (workflow, state) = (workflow.into(), state.to_owned());
        let reason = reason.to_owned();
        Queue { workflow, via: "main".into(), state, reason, number, due_at, last_due_at: due_at }
    }

    fn inside(workflow: &str, state: &str, why: &str, number: u64, due_at: Instant) -> Inside {
        let (workflow, state) = (workflow.into(), state.to_owned());
        Inside { workflow, state, why: why.to_owned(), number, due_at, last_due_at: due_at }
    }

    fn pause(scope: &str, because: Option<&str>) -> Pause {
        let because = because.map(str::to_owned);
        Pause { scope: Scope::from(scope), who: "ann".to_owned(), since: NOW, because }
    }

    fn look<'a>(definitions: Option<&'a Definitions>, around: &'a Around) -> Look<'a> {
        Look {
            definitions,
            around,
            now: NOW,
            leads: 10,
            due: 0,
            parked_leads: 0,
            waits_for_word: 0,
            inside: Vec::new(),
            queues: Vec::new(),
            parked: Vec::new(),
            pauses: Vec::new(),
            relays_down: Vec::new(),
            ended: BTreeMap::new(),
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
        assert_eq!(causes, ["nothing_live", "no_leads", "no_engine"]);
    }

    #[test]
    fn each_cause_is_told_with_its_number_and_its_end() {
        let around = Around::default();
        let probe_at = later(1);
        let down = |relay: &str| Down { relay: relay.into(), since: NOW, probe_at };
        let definitions = Definitions::default();
        let hours = "outside of the window mon-fri 09:00-17:30 in Europe/Rome";
        let because = "the landing page is down";
        let pauses =
            vec![pause("paused-one", Some(because)), pause("lead:7", None), pause("relay:b", None)];
        let look = Look {
            // What is paused is not told twice.
            relays_down: vec![down("main"), down("b")],
            parked_leads: 1,
            waits_for_word: 30,
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
                queue("a", "reserved", "held back by [delivery] only_to", 7, later(1)),
                queue("a", "reserved", "pace: provider google, 20 per minute", 10, later(1)),
                queue("b", "reserved", "pace: provider google, 20 per minute", 11, later(4)),
                queue("a", "deferred", "452 full", 8, later(1)),
                queue("paused-one", "reserved", "", 9, NOW),
                queue("a", "transmitting", "", 1, NOW),
            ],
            inside: vec![
                inside("a", "waiting", "", 20, later(30)),
                inside("a", "mailing", "", 21, Instant::NEVER),
                inside("a", "ready", hours, 22, later(2)),
                inside("a", "ready", "cap: 2 mails in 7 days", 25, later(50)),
                inside("b", "ready", "cap: 2 mails in 7 days", 26, later(40)),
                inside("a", "ready", "min_gap: at least 3d between two mails", 27, later(5)),
                inside("a", "ready", "somebody of the company has replied on 3 Mar", 28, later(6)),
                inside("a", "ready", "somebody of the company has replied on 4 Mar", 29, later(7)),
                inside("a", "ready", "a mail of `b` is on its way", 23, Instant::NEVER),
                inside("paused-one", "ready", "paused", 24, Instant::NEVER),
                inside("a", "ready", "paused: the lead, by ann", 1, Instant::NEVER),
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
            pauses: vec![pause("a", None), pause("all", None), pause("account:acme", None)],
            ..look(Some(&definitions), &around)
        };
        let paused: Vec<_> =
            told(&look).into_iter().filter(|(cause, ..)| *cause == "paused").collect();
        let all = format!("everything is paused since {NOW} by ann; 0 mails are waiting");
        assert_eq!(paused, [("paused", 0, all)]);
        assert_eq!(told(&look).last().unwrap().0, "paused", "what keeps nothing yet goes last");
    }

    #[test]
    fn an_engine_that_is_off_goes_first_only_where_something_is_due() {
        let around = Around { engine: Some(false), ..Around::default() };
        let definitions = Definitions::default();
        let later = inside("a", "waiting", "", 2, later(1));
        let idle = Look { inside: vec![later], ..look(Some(&definitions), &around) };
        let off = |says: &str| ("no_engine", 0, format!("no engine is running; {says}"));
        assert_eq!(told(&idle).last(), Some(&off("nothing is due")));
        let busy = Look { due: 2, definitions: None, ..idle };
        assert_eq!(told(&busy)[1], off("2 leads are due"));
        let mails = vec![queue("a", "reserved", "", 1, NOW)];
        let busy = Look { due: 0, queues: mails, ..busy };
        assert_eq!(told(&busy)[1], off("mails are due"));
    }

    #[test]
    fn what_is_alike_is_told_with_the_first_and_the_last_instant() {
        let around = Around::default();
        let wait = |hours, last| Inside {
            last_due_at: later(last),
            ..inside("a", "waiting", "", 2, later(hours))
        };
        let inside = vec![wait(3, 3), wait(1, 9), wait(2, 2)];
        let causes = Look { inside, ..look(None, &around) }.causes();
        let waiting = causes.iter().find(|cause| cause.cause == "waiting").unwrap();
        assert_eq!((waiting.until, waiting.last_until), (Some(later(1)), Some(later(9))));
    }

    #[test]
    fn a_mail_that_lacks_a_code_asks_for_codes() {
        let around = Around::default();
        let reason = codes::dry(&"spring".into());
        let parked = |reason: &str| Parked {
            template: Some("offer".into()),
            reason: reason.to_owned(),
            number: 1,
            lead: LeadId(1),
            example: None,
        };
        let parked = vec![parked(&reason), parked("no: way")];
        let look = Look { parked, ..look(None, &around) };
        let causes: Vec<_> = look.parked();
        assert_eq!(causes[0].says, "1 mail is parked: no code is left in the pool `spring`");
        assert_eq!(causes[0].advice.as_deref(), Some("`nurtured codes import spring FILE`"));
        assert_eq!(causes[1].says, "1 mail is parked: no: way");
        assert_eq!(causes[1].advice.as_deref(), Some("mend it and run `nurtured apply`"));
    }

    #[test]
    fn nobody_inside_says_whether_they_have_left_or_are_yet_to_come() {
        let definitions = Definitions::default();
        let said = |engine, due, ended: &[(&str, u64)]| {
            let around = Around { engine, ..Around::default() };
            let ended = ended.iter().map(|(outcome, leads)| ((*outcome).into(), *leads)).collect();
            let cause = Look { due, ended, ..look(Some(&definitions), &around) }.nobody_inside();
            format!("{}; {}", cause.says, cause.advice.unwrap_or_default())
        };
        insta::assert_snapshot!(
            [
                said(None, 0, &[]),
                said(None, 3, &[]),
                said(Some(true), 1, &[]),
                said(None, 0, &[("finished", 7), ("left", 2)]),
                said(Some(false), 3, &[("finished", 7)]),
            ]
            .join("\n")
        );
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
