//! What becomes of one lead by definitions that are not live: decided as the engine would, and not written.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::{
    decide::decide,
    decision::Grants,
    definitions::Definitions,
    id::{EnrolmentNo, MessageId},
    lead::{Ended, Enrolment, LeadState, Phase, Stage},
    message::MessageKind,
    name::Name,
    on_change::OnChange,
    time::Instant,
};

/// How often a lead is decided at most until there is nothing left to do at once.
const MOST: usize = 8;

/// What becomes of somebody in flight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// As they are, in the version that is live then.
    Stays,
    /// As they are, in the version that they are in.
    StaysOnOldVersion,
    /// In the version that they are in, until what they are at is over: then they leave.
    Drains,
    /// At a step that is gone, and nothing says where to.
    SitsOnRemovedStep,
    WaitsLonger,
    WaitsShorter,
    /// To another step, with no mail now.
    Moves,
    MailedAtOnce,
    Leaves,
    Enters,
}

/// Where an enrolment is, or how it ended.
#[derive(Clone, PartialEq, Debug)]
struct Position {
    step: Name,
    due: Option<Instant>,
    mail: Option<Name>,
    ended: Option<Ended>,
}

/// What becomes of one enrolment.
#[derive(Clone, PartialEq, Debug)]
pub struct Foreseen {
    pub workflow: Name,
    /// `None`: it enters.
    pub from: Option<Name>,
    pub what: Fate,
    /// Where it is then, or was when it ended.
    pub step: Name,
    /// Until when it waits or is held; `None`: nothing, or no date.
    pub until: Option<Instant>,
    pub mail: Option<Name>,
    /// How and why it ends.
    pub ended: Option<Ended>,
    /// It would be so without a release, as it is due.
    pub anyway: bool,
}

/// A lead after it was decided until nothing was left to do at once.
#[derive(Debug)]
pub struct Foresight {
    state: LeadState,
    ended: BTreeMap<EnrolmentNo, (Enrolment, Ended)>,
    /// The mail that was reserved for an enrolment.
    mails: BTreeMap<EnrolmentNo, Name>,
    wake_at: Instant,
}

impl Foresight {
    #[must_use]
    pub fn new(
        definitions: &Definitions,
        mut state: LeadState,
        grants: &Grants,
        now: Instant,
    ) -> Self {
        let (mut ended, mut mails) = (BTreeMap::new(), BTreeMap::new());
        let (mut at, mut wake_at) = (now, now);
        for _ in 0..MOST {
            let decision = decide(definitions, &state, grants, at);
            for (withdrawn, _) in &decision.withdraw {
                if let Some(open) = state.open_message.as_ref().filter(|it| it.id == *withdrawn) {
                    mails.remove(&open.about.enrolment);
                }
            }
            let to_lead = decision.messages.iter().filter(|it| it.kind == MessageKind::Marketing);
            mails.extend(to_lead.map(|it| (it.about.enrolment, it.template.clone())));
            // Called as no message is that is stored.
            let left = state.take_over(definitions, decision, MessageId(-1), at);
            ended.extend(left.ended.into_iter().map(|(it, over)| (it.no, (it, over))));
            wake_at = left.wake_at;
            if wake_at > at.next() {
                break;
            }
            at = at.next();
        }
        Self { state, ended, mails, wake_at }
    }

    /// Whether a mail to the lead may leave by then, if nothing happens to it.
    #[must_use]
    pub fn may_mail_until(&self, until: Instant) -> bool {
        self.wake_at <= until || self.state.open_message.is_some()
    }

    #[must_use]
    pub fn stage(&self) -> Stage {
        self.state.stage
    }

    fn position(&self, no: EnrolmentNo) -> Option<Position> {
        let mail = self.mails.get(&no).cloned();
        if let Some((enrolment, ended)) = self.ended.get(&no) {
            let (step, ended) = (enrolment.step.clone(), Some(ended.clone()));
            return Some(Position { step, due: None, mail, ended });
        }
        let enrolment = self.state.enrolments.iter().find(|enrolment| enrolment.no == no)?;
        Some(Position { mail, ..Position::of(enrolment) })
    }

    /// What becomes of those who were in flight, and who enters. Of the definitions the first are live, the second would
    /// be. `anyway`: what would become of them without a release, where the lead is due.
    #[must_use]
    pub fn of_all(
        &self,
        (live, definitions): (Option<&Definitions>, &Definitions),
        before: &[Enrolment],
        anyway: Option<&Self>,
    ) -> Vec<Foreseen> {
        let mut found: Vec<Foreseen> = Vec::new();
        for was in before {
            let Some(is) = self.position(was.no) else { continue };
            let without = match anyway {
                Some(anyway) => anyway.position(was.no),
                None => Some(Position::of(was)),
            };
            let what = self.fate(definitions, was, &is);
            found.push(Foreseen {
                anyway: match what {
                    // They are where they would be without: what comes then is another matter.
                    Fate::Drains => live.is_some_and(|live| drains(live, was)),
                    _ => anyway.is_some() && without.as_ref() == Some(&is),
                },
                workflow: was.workflow.clone(),
                from: Some(was.step.clone()),
                what,
                step: is.step,
                until: is.due.filter(|due| !due.is_never()),
                mail: is.mail,
                ended: is.ended,
            });
        }
        let is_new = |no: EnrolmentNo| !before.iter().any(|was| was.no == no);
        let ended = self.ended.values().map(|(enrolment, _)| enrolment);
        for new in self.state.enrolments.iter().chain(ended).filter(|it| is_new(it.no)) {
            let Some(is) = self.position(new.no) else { continue };
            let enters_anyway = |anyway: &Self| {
                let active = anyway.state.enrolments.iter();
                let mut all = active.chain(anyway.ended.values().map(|(enrolment, _)| enrolment));
                all.any(|it| is_new(it.no) && it.workflow == new.workflow)
            };
            found.push(Foreseen {
                anyway: anyway.is_some_and(enters_anyway),
                workflow: new.workflow.clone(),
                from: None,
                what: Fate::Enters,
                step: is.step,
                until: is.due.filter(|due| !due.is_never()),
                mail: is.mail,
                ended: is.ended,
            });
        }
        found
    }

    fn fate(&self, definitions: &Definitions, was: &Enrolment, is: &Position) -> Fate {
        let live = definitions.workflow(&was.workflow);
        let version = self.state.enrolments.iter().find(|it| it.no == was.no).map(|it| &it.version);
        let is_old = live.is_none_or(|live| Some(&live.workflow.version) != version);
        if is.ended.is_some() {
            return Fate::Leaves;
        }
        if is.mail.is_some() {
            return Fate::MailedAtOnce;
        }
        if is.step != was.step {
            return Fate::Moves;
        }
        if drains(definitions, was) {
            return Fate::Drains;
        }
        if is_old
            && let Some(live) = live
            && matches!(live.workflow.on_change, OnChange::Migrate(_))
            && live.workflow.landing(&was.step).is_none()
        {
            return Fate::SitsOnRemovedStep;
        }
        match (Position::of(was).due, is.due) {
            (Some(was), Some(is)) if is < was => Fate::WaitsShorter,
            (Some(was), Some(is)) if is > was => Fate::WaitsLonger,
            (None, Some(_)) => Fate::WaitsLonger,
            _ if is_old => Fate::StaysOnOldVersion,
            _ => Fate::Stays,
        }
    }
}

fn drains(definitions: &Definitions, enrolment: &Enrolment) -> bool {
    let live = definitions.workflow(&enrolment.workflow);
    live.is_some_and(|live| live.workflow.drains(&enrolment.version))
}

impl Position {
    fn of(enrolment: &Enrolment) -> Self {
        let due = match &enrolment.phase {
            Phase::Waiting { due } => Some(due.at),
            Phase::Ready { held } => held.as_ref().map(|held| held.until),
            Phase::Mailing => None,
        };
        Self { step: enrolment.step.clone(), due, mail: None, ended: None }
    }
}
