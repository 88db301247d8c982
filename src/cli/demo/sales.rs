//! The people who get cards: what they say, and what becomes of those they take.

use std::{collections::BTreeMap, time::Duration};

use super::{
    agenda::{Act, Agenda},
    crm::{Deal, Qualified},
    mail::Mail,
    manners::{
        AMOUNT, ANSWERED_WITHIN, CALL_WITHIN, DAY, DEAL_WITHIN, HOUR, LOSE, MEET, MEETING_WITHIN,
        OUTCOMES, QUALIFY, SILENT, WIN,
    },
};
use crate::{
    domain::{id::LeadId, name::Name, time::Instant},
    engine::rehearsal::Chance,
};

#[derive(Debug)]
pub struct Sales {
    chance: Chance,
    /// How often a person was handed a lead, and when last: two workflows may do so at once.
    cards: BTreeMap<(LeadId, Name), (u32, Instant)>,
    /// How often a lead was accepted, and when last.
    accepted: BTreeMap<LeadId, (u32, Instant)>,
    /// Who has a card of a lead out of a workflow and said nothing so far.
    waited_for: BTreeMap<(LeadId, Name), Vec<Name>>,
    /// Deals so far, for their numbers.
    deals: u32,
}

impl Sales {
    pub fn new(chance: Chance) -> Self {
        let (cards, accepted) = (BTreeMap::new(), BTreeMap::new());
        Self { chance, cards, accepted, waited_for: BTreeMap::new(), deals: 0 }
    }

    /// Plans what becomes of a card. Returns who had one before and said nothing.
    pub fn receive(
        &mut self,
        agenda: &mut Agenda,
        card: &Mail,
        person: &Name,
        address: &str,
        now: Instant,
    ) -> Vec<Name> {
        let cards = self.cards.entry((card.lead, person.clone())).or_default();
        let number = occasion(cards, now);
        let about = |matter: &str| format!("{matter} {person} {number}");
        let waited_for = self.waited_for.entry((card.lead, card.workflow.clone())).or_default();
        let before = waited_for.clone();
        waited_for.push(person.clone());
        if self.chance.happens(SILENT, address, &about("silent")) {
            return before;
        }
        let word = self.chance.weighed(&OUTCOMES, address, &about("outcome"));
        let found = word.and_then(|word| Some((word, card.links.outcomes.get(word)?.clone())));
        if let Some((word, link)) = found {
            let after = self.chance.between(ANSWERED_WITHIN, address, &about("when"));
            let act = Act::Press { link, person: person.clone(), word };
            agenda.add(at_work(now + after), card.lead, &Name::default(), act);
        }
        before
    }

    /// Somebody has said what becomes of a lead; whom they take, they call.
    pub fn said(
        &mut self,
        agenda: &mut Agenda,
        lead: LeadId,
        address: &str,
        word: &str,
        now: Instant,
    ) {
        self.waited_for.retain(|(waiting, _), _| *waiting != lead);
        let accepted = self.accepted.entry(lead).or_default();
        if word == "accepted" && accepted.1 != now {
            let number = occasion(accepted, now);
            self.call(agenda, lead, address, number, now);
        }
    }

    /// Plans a call, and what follows from it.
    fn call(
        &mut self,
        agenda: &mut Agenda,
        lead: LeadId,
        address: &str,
        number: u32,
        now: Instant,
    ) {
        let chance = self.chance;
        let about = |matter: &str| format!("{matter} {number}");
        let happens = |likely: f64, matter: &str| chance.happens(likely, address, &about(matter));
        let between =
            |span: [Duration; 2], matter: &str| chance.between(span, address, &about(matter));
        let mut plan = |at: Instant, act: Act| agenda.add(at, lead, &Name::default(), act);

        let called = at_work(now + between(CALL_WITHIN, "call"));
        plan(called, Act::Call);
        if !happens(MEET, "meet") {
            return;
        }
        let met = at_work(called + between(MEETING_WITHIN, "meeting"));
        plan(met, Act::Meet);
        let needs = ["faster approvals", "fewer invoices by hand", "one place for contracts"];
        let need = chance.one_of(&needs, address, &about("need")).copied().unwrap_or(needs[0]);
        let learned = at_work(met + 2 * HOUR);
        if !happens(QUALIFY, "qualify") {
            let lead_status = if happens(0.5, "status") { "Not now" } else { "No budget" };
            let qualified = Qualified { yes: false, need, timing: "later", lead_status };
            plan(learned, Act::Qualify(qualified));
            return;
        }
        let timing = if happens(0.5, "timing") { "now" } else { "this-quarter" };
        let qualified = Qualified { yes: true, need, timing, lead_status: "In progress" };
        plan(learned, Act::Qualify(qualified));

        let [least, most] = AMOUNT;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few thousand euros
        let hundreds =
            ((least + (most - least) * chance.share(address, &about("amount"))) / 100.0) as u64;
        self.deals += 1;
        let deal = Deal { id: format!("D-{:03}", self.deals), amount: hundreds * 100, won: None };
        let opened = at_work(learned + DAY);
        plan(opened, Act::Deal(deal.clone()));
        let closed = at_work(opened + between(DEAL_WITHIN, "close"));
        let end = chance.share(address, &about("end"));
        if end < WIN {
            plan(closed, Act::Deal(Deal { won: Some(true), ..deal }));
        } else if end < WIN + LOSE {
            plan(closed, Act::Deal(Deal { won: Some(false), ..deal }));
            let lead_status = if happens(0.5, "lost") { "Not now" } else { "No budget" };
            let qualified = Qualified { yes: false, need, timing: "later", lead_status };
            plan(closed + HOUR, Act::Qualify(qualified));
        }
    }
}

/// The how-manieth time it is; what is at one instant is one.
fn occasion((number, last): &mut (u32, Instant), now: Instant) -> u32 {
    if *number == 0 || *last != now {
        (*number, *last) = (*number + 1, now);
    }
    *number
}

/// This instant, or the next at which an office is open: monday to friday, 8 to 16 UTC.
fn at_work(at: Instant) -> Instant {
    const DAY_MS: i64 = 86_400_000;
    const HOUR_MS: i64 = 3_600_000;
    let (mut day, mut time) = (at.millis().div_euclid(DAY_MS), at.millis().rem_euclid(DAY_MS));
    if time >= 16 * HOUR_MS {
        // Whoever comes by in the evening is answered in the morning, at the same minute.
        (day, time) = (day + 1, 8 * HOUR_MS + time % HOUR_MS);
    } else if time < 8 * HOUR_MS {
        time = 8 * HOUR_MS + time % HOUR_MS;
    }
    // 1 January 1970 was a thursday.
    match (day + 3).rem_euclid(7) {
        5 => day += 2,
        6 => day += 1,
        _ => {}
    }
    Instant::from_millis(day * DAY_MS + time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_works_at_night_or_on_a_sunday() {
        let at = |text: &str| at_work(text.parse().unwrap()).to_string();
        assert_eq!(at("2026-11-25T10:30:00Z"), "2026-11-25T10:30:00Z");
        assert_eq!(at("2026-11-25T18:30:00Z"), "2026-11-26T08:30:00Z");
        assert_eq!(at("2026-11-27T18:30:00Z"), "2026-11-30T08:30:00Z");
        assert_eq!(at("2026-11-29T03:05:00Z"), "2026-11-30T08:05:00Z");
    }

    #[test]
    fn who_is_accepted_is_called_and_who_is_returned_is_not() {
        let mut agenda = Agenda::default();
        let mut sales = Sales::new(Chance::new(1));
        sales.said(&mut agenda, LeadId(1), "a@a.example", "no_budget", Instant::DAWN);
        assert_eq!(agenda.next(), Instant::NEVER);
        let now = Instant::from_millis(1_800_000_000_000);
        sales.said(&mut agenda, LeadId(1), "a@a.example", "accepted", now);
        // By the card of another workflow.
        sales.said(&mut agenda, LeadId(1), "a@a.example", "accepted", now);
        let first = agenda.until(agenda.next());
        assert_eq!(first.iter().map(|plan| &plan.act).collect::<Vec<_>>(), [&Act::Call]);
    }
}
