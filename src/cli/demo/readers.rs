//! The leads as readers: who opens, clicks, answers, leaves, looks at the website, by a seed.

use std::time::Duration;

use super::{
    agenda::{Act, Agenda},
    mail::Mail,
    manners::{
        ANSWER, CLICK, CURIOUS, LATER, LATER_IF_ASKED, LEAVE, LOOK, MINUTE, OPEN, OPEN_AFTER,
        OPEN_WITHIN, PREFERENCES, SEE_DEMO, SEE_PRICES, TAKE_WHITEPAPER, WRITE_BACK,
    },
};
use crate::{
    domain::{id::LeadId, name::Name, time::Instant},
    engine::rehearsal::Chance,
};

/// All readers. Each one has a character of their own, drawn from the seed and the address.
#[derive(Clone, Copy, Debug)]
pub struct Readers {
    chance: Chance,
}

impl Readers {
    pub const fn new(chance: Chance) -> Self {
        Self { chance }
    }

    /// Plans what becomes of a mail that came to a lead with this address.
    pub fn receive(self, agenda: &mut Agenda, mail: &Mail, address: &str, now: Instant) {
        let about = |matter: &str| format!("{matter} {}", mail.template);
        let share = |matter: &str| self.chance.share(address, &about(matter));
        let does = |likely: f64, matter: &str| share(matter) < likely;
        let curious = self.chance.happens(CURIOUS, address, "character");
        if !does(OPEN.of(curious), "open") {
            return;
        }
        let mut at = now + OPEN_AFTER + OPEN_WITHIN.mul_f64(share("when").powi(2));
        let mut plan = |at: Instant, act: Act| agenda.add(at, mail.lead, &mail.template, act);
        let links = &mail.links;
        if let Some(pixel) = links.pixel.clone() {
            plan(at, Act::Open { pixel });
        }
        at = at + LOOK;
        let asks_later = if links.later.len() > 1 { LATER_IF_ASKED } else { LATER };
        let laters: Vec<&String> = links.later.values().collect();
        let answers: Vec<&String> = links.answers.values().collect();
        let later = self.chance.one_of(&laters, address, &about("until"));
        let answer = self.chance.one_of(&answers, address, &about("answer"));
        if let Some(link) = links.unsubscribe.clone().filter(|_| does(LEAVE, "leave")) {
            plan(at, Act::Unsubscribe { link });
        } else if does(WRITE_BACK, "write back") {
            plan(at + 5 * MINUTE, Act::WriteBack);
        } else if let Some(link) = later.filter(|_| does(asks_later, "later")) {
            plan(at, Act::Later { link: (*link).clone() });
        } else if let Some(link) = links.preferences.clone().filter(|_| does(PREFERENCES, "choose"))
        {
            plan(at, Act::Preferences { link });
        } else if answers.len() > 1
            && let Some(link) = answer.filter(|_| does(ANSWER.of(curious), "say"))
        {
            plan(at, Act::Answer { link: (*link).clone() });
        } else if let Some(link) = links.clicks.first().filter(|_| does(CLICK.of(curious), "click"))
        {
            plan(at, Act::Click { link: link.clone() });
            for (page, likely) in [("/pricing", SEE_PRICES), ("/demo", SEE_DEMO)] {
                if does(likely.of(curious), page) {
                    at = at + LOOK;
                    plan(at, Act::Visit { page });
                }
            }
        }
    }

    /// Plans when somebody takes the white paper from the website, if they do.
    pub fn visit(
        self,
        agenda: &mut Agenda,
        lead: LeadId,
        address: &str,
        [start, end]: [Instant; 2],
    ) {
        if self.chance.happens(TAKE_WHITEPAPER, address, "whitepaper") {
            let span = Duration::from_millis(end.since(start).unsigned_abs());
            let at = start + span.mul_f64(self.chance.share(address, "when the whitepaper"));
            agenda.add(at, lead, &Name::default(), Act::Submit { form: "whitepaper" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::mail::Links;

    fn read(seed: u64) -> Vec<Act> {
        let (readers, mut agenda) = (Readers::new(Chance::new(seed)), Agenda::default());
        let links =
            Links { pixel: Some("/o/x".into()), clicks: vec!["/c/x".into()], ..Links::default() };
        let name = Name::from("hello");
        for lead in 0..60 {
            let mail = Mail {
                lead: LeadId(lead),
                template: name.clone(),
                workflow: name.clone(),
                subject: "Hello".into(),
                person: None,
                links: links.clone(),
            };
            readers.receive(&mut agenda, &mail, &format!("lead{lead}@a.example"), Instant::DAWN);
        }
        let all = agenda.until(Instant::from_millis(i64::MAX - 1));
        all.into_iter().map(|plan| plan.act).collect()
    }

    #[test]
    fn the_same_seed_reads_the_same_way_and_another_does_not() {
        assert_eq!(read(1), read(1));
        assert_ne!(read(1), read(2));
        let acts = read(1);
        let count = |is: fn(&Act) -> bool| acts.iter().filter(|act| is(act)).count();
        let opens = count(|act| matches!(act, Act::Open { .. }));
        let clicks = count(|act| matches!(act, Act::Click { .. }));
        assert!(opens > clicks && clicks > 0, "{opens} {clicks}");
    }
}
