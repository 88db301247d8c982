//! Readers and sales in a rehearsal: what becomes of mails and cards by declared manners and a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Chance, Fate, Left, Mail, Manners};
use crate::{
    domain::{
        decide::tracked,
        decision::NewMessage,
        definitions::Definitions,
        event::{EventKind, Judgement},
        hand_off::{Answer, Reason},
        id::LeadId,
        lead::{LeadState, Suppression},
        message::MessageKind,
        name::Name,
        question::Ask,
        score::Temperature,
        time::Instant,
        value::Value,
        workflow::StepKind,
    },
    engine::judge::SETTLES_AFTER,
    render::Renderer,
    store::records::NewEvent,
};

/// Who tells of what happens in a rehearsal.
pub const SOURCE: &str = "rehearsal";

/// How long it takes from opening a mail to the next thing that is done with it.
const LOOK: Duration = Duration::from_secs(45);

/// How many half-lives the slowest reader takes at most.
const SLOWEST: f64 = 10.0;

/// All readers. Each is drawn by its address, so that the same seed tells the same of it in any database.
#[derive(Debug)]
pub struct Readers {
    definitions: Arc<Definitions>,
    manners: Manners,
    chance: Chance,
    /// What mails ask, by the mail: a question and its answers.
    asked: BTreeMap<Name, (Name, Vec<Name>)>,
}

impl Readers {
    #[must_use]
    pub fn new(
        definitions: Arc<Definitions>,
        renderer: &Renderer,
        manners: Manners,
        seed: u64,
    ) -> Self {
        let mails = definitions.templates.mails.keys();
        let asked = mails.filter_map(|mail| Some((mail.clone(), question_of(renderer, mail)?)));
        let asked = asked.collect();
        Self { manners, chance: Chance::new(seed), asked, definitions }
    }

    /// How warm a lead is, also where nobody may look.
    fn temperature(&self, lead: &LeadState, now: Instant) -> Temperature {
        let scoring = &self.definitions.scoring;
        scoring.temperature(scoring.engagement(&lead.facts, now))
    }
}

/// The first question that a mail asks, and what may be answered.
fn question_of(renderer: &Renderer, mail: &Name) -> Option<(Name, Vec<Name>)> {
    // In an order of their own: each language asks the same.
    let mut answers: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for ask in renderer.asked_by(mail) {
        if let Ask::Declared { key, value } = ask {
            answers.entry(key.clone()).or_default().insert(value.clone());
        }
    }
    let (key, answers) = answers.into_iter().next()?;
    Some((key, answers.into_iter().collect()))
}

impl Fate for Readers {
    fn of_mail(&self, lead: &LeadState, mail: &Mail<'_>) -> (Left, Vec<NewEvent>) {
        let Self { manners, chance, .. } = self;
        let (who, template) = (lead.address.as_str(), &mail.open.template);
        if chance.happens(manners.bounces.get(), who, "bounces") {
            let reason = "assumed: there is no such mailbox".to_owned();
            return (Left::Refused { hard: true, reason }, Vec::new());
        }
        let of_it = manners.mails.get(template);
        let temperature = self.temperature(lead, mail.now);
        let about = |matter: &str| format!("{matter} {template} {}", mail.open.id);
        let share = |matter: &str| chance.share(who, &about(matter));
        macro_rules! does {
            ($what:ident) => {{
                let shares = of_it.and_then(|it| it.$what).unwrap_or(manners.$what);
                share(stringify!($what)) < shares.at(temperature)
            }};
        }
        let (opens, clicks) = (does!(opens), does!(clicks));
        let mut at = mail.now + LOOK + late(manners.half_within.0, share("when"));
        let mut follows = Follows { lead: lead.lead, events: Vec::new() };
        // Of others there are no links and no picture to be seen by.
        if tracked(&self.definitions, lead) {
            if opens || clicks {
                follows.add_hit(at, EventKind::MAIL_OPENED, template);
            }
            if clicks {
                at = at + LOOK;
                follows.add_hit(at, EventKind::MAIL_CLICKED, template);
                for (page, likely) in &manners.visits {
                    if share(page) < likely.get() {
                        at = at + LOOK;
                        follows.add(at, EventKind::PAGE_VISITED, page.as_str().into());
                    }
                }
            }
        }
        at = at + LOOK;
        if let Some((key, answers)) = self.asked.get(template)
            && does!(answers)
            && let Some(answer) = chance.one_of(answers, who, &about("which answer"))
        {
            let event = follows.add(at, EventKind::LEAD_ANSWERED, key.clone());
            event.data.insert("value".into(), Value::Text(answer.clone()));
        }
        at = at + LOOK;
        if does!(replies) {
            follows.add(at, EventKind::LEAD_REPLIED, template.clone());
        }
        for (is_done, kind, reason) in [
            (does!(unsubscribes), EventKind::LEAD_UNSUBSCRIBED, Suppression::Unsubscribed),
            (does!(complaints), EventKind::MAIL_COMPLAINED, Suppression::Complained),
        ] {
            if is_done {
                follows.add(at, kind, template.clone()).suppress = Some(reason);
            }
        }
        (Left::Sent, follows.events)
    }

    fn of_notice(&self, lead: &LeadState, notice: &NewMessage, now: Instant) -> Vec<NewEvent> {
        let structure = self.definitions.structures.get(&notice.version);
        let is_card = structure.is_some_and(|workflow| {
            let step = workflow.steps.named(&notice.about.step);
            step.is_some_and(|step| matches!(step.kind, StepKind::HandOff(_)))
        });
        if notice.kind != MessageKind::Internal || !is_card {
            return Vec::new();
        }
        let (who, sales) = (lead.address.as_str(), &self.manners.sales);
        let about = |matter: &str| {
            let of = &notice.about;
            format!("{matter} {} {} {}", of.enrolment, of.step, of.visit)
        };
        let share = |matter: &str| self.chance.share(who, &about(matter));
        let answer = if share("accepts") < sales.accepts.get() {
            Answer::Accepted
        } else if share("returns") < sales.returns.get() {
            Answer::Returned(Reason::NotNow)
        } else {
            return Vec::new();
        };
        let at = now + LOOK + late(sales.half_within.0, share("when"));
        let mut event = NewEvent::new(lead.lead, answer.kind(), at, SOURCE);
        event.about = Some(notice.about.clone());
        event.data.insert("by".into(), Value::Text(notice.recipient.clone()));
        if let Answer::Returned(reason) = answer {
            event.object = Some(reason.word().into());
        }
        let mut follows = vec![event];
        if answer == Answer::Accepted && share("wins") < sales.wins.get() {
            let at = at + late(sales.won_within.0, share("when won"));
            follows.push(NewEvent::new(lead.lead, EventKind::DEAL_WON, at, SOURCE));
        }
        follows
    }
}

/// What becomes of one mail.
struct Follows {
    lead: LeadId,
    events: Vec<NewEvent>,
}

impl Follows {
    fn add(&mut self, at: Instant, kind: EventKind, object: Name) -> &mut NewEvent {
        let mut event = NewEvent::new(self.lead, kind, at, SOURCE);
        event.object = Some(object);
        self.events.push(event);
        let last = self.events.len() - 1;
        &mut self.events[last]
    }

    /// One by a link or a picture, which counts once its judgement has settled.
    fn add_hit(&mut self, at: Instant, kind: EventKind, mail: &Name) {
        let hit = self.add(at, kind, mail.clone());
        (hit.judgement, hit.settles_at) = (Judgement::Unsure, Some(at + SETTLES_AFTER));
    }
}

/// How late somebody is of whom half are within a time, by a draw: as things decay.
fn late(half: Duration, share: f64) -> Duration {
    half.mul_f64((-(1.0 - share).log2()).min(SLOWEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_are_done_in_time_and_nobody_waits_for_ever() {
        let hours = |share| late(Duration::from_hours(6), share).as_secs_f64() / 3600.0;
        assert!((hours(0.5) - 6.0).abs() < 0.01 && (hours(0.75) - 12.0).abs() < 0.01);
        assert!(hours(0.0).abs() < 0.01 && (hours(1.0) - 60.0).abs() < 0.01);
    }
}
