//! How the demo's people behave, and the draws that decide it.
//!
//! All of it is **assumed, not measured**: shares that make a story in which everything happens, not a
//! forecast. A draw depends on the seed, the lead and the matter alone, so that the same seed tells the same story,
//! whatever else happens in between.

use std::time::Duration;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(86_400);

/// A share of people for the curious, and for the others.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    pub curious: f64,
    pub others: f64,
}

// Readers.

/// Who is curious: opens most mails, and looks at what they lead to.
pub const CURIOUS: f64 = 0.35;
pub const OPEN: Shares = Shares { curious: 0.85, others: 0.3 };
/// Of those who opened: all that follows, in this order; who does one thing does no other.
pub const LEAVE: f64 = 0.015;
pub const WRITE_BACK: f64 = 0.02;
/// A mail has one such link at its foot, or several where it is what it asks.
pub const LATER: f64 = 0.03;
pub const LATER_IF_ASKED: f64 = 0.3;
pub const PREFERENCES: f64 = 0.01;
/// Where a mail asks something.
pub const ANSWER: Shares = Shares { curious: 0.7, others: 0.4 };
pub const CLICK: Shares = Shares { curious: 0.55, others: 0.15 };
/// Of those who clicked: who goes on to these pages.
pub const SEE_PRICES: Shares = Shares { curious: 0.4, others: 0.15 };
pub const SEE_DEMO: Shares = Shares { curious: 0.25, others: 0.1 };
/// Who takes the white paper from the website, once in the whole time.
pub const TAKE_WHITEPAPER: f64 = 0.33;
/// A mail is opened this long after it came at the soonest, and within this long after that, rather sooner.
pub const OPEN_AFTER: Duration = Duration::from_secs(600);
pub const OPEN_WITHIN: Duration = Duration::from_secs(48 * 3600);
/// How long a mail, or a page, is looked at.
pub const LOOK: Duration = Duration::from_secs(45);

// Sales.

/// Cards that nobody answers.
pub const SILENT: f64 = 0.2;
/// What is said to the others, by the card's own words.
pub const OUTCOMES: [(&str, f64); 6] = [
    ("accepted", 0.58),
    ("not_now_1mo", 0.08),
    ("not_now_3mo", 0.12),
    ("not_now_6mo", 0.05),
    ("no_budget", 0.11),
    ("wrong_person", 0.06),
];
/// How long it takes them, at work.
pub const ANSWERED_WITHIN: [Duration; 2] =
    [Duration::from_secs(1200), Duration::from_secs(30 * 3600)];
/// After a lead was accepted: a call, and with most a meeting.
pub const CALL_WITHIN: [Duration; 2] =
    [Duration::from_secs(4 * 3600), Duration::from_secs(2 * 86_400)];
pub const MEET: f64 = 0.8;
pub const MEETING_WITHIN: [Duration; 2] =
    [Duration::from_secs(4 * 86_400), Duration::from_secs(9 * 86_400)];
/// Of those who were met: who has budget, authority, a need and a time for it.
pub const QUALIFY: f64 = 0.7;
/// A deal is open this long. What is neither won nor lost stays so.
pub const DEAL_WITHIN: [Duration; 2] =
    [Duration::from_secs(18 * 86_400), Duration::from_secs(50 * 86_400)];
pub const WIN: f64 = 0.5;
pub const LOSE: f64 = 0.35;
/// In EUR.
pub const AMOUNT: [f64; 2] = [8_000.0, 60_000.0];

impl Shares {
    pub const fn of(self, curious: bool) -> f64 {
        if curious { self.curious } else { self.others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rehearsal::Chance;

    #[test]
    fn a_draw_is_the_same_each_time_and_another_for_another_seed() {
        let share = |seed| Chance::new(seed).share("ann@a.example", "open");
        assert_eq!(share(1).to_bits(), share(1).to_bits());
        assert_ne!(share(1).to_bits(), share(2).to_bits());
        let chance = Chance::new(1);
        let draws = (0..2000).map(|who| chance.weighed(&OUTCOMES, &who.to_string(), "card"));
        let accepted = draws.filter(|word| *word == Some("accepted")).count();
        assert!((1080..1240).contains(&accepted), "{accepted}");
        assert!((OUTCOMES.iter().map(|(_, share)| share).sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
