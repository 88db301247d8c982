//! The first judgement of a hit: who is behind a click or an open, as far as one can say at once.
//!
//! Machines are recorded as machines, never dropped. What gives them away: asking with HEAD, their
//! name or the want of a browser's, coming before anybody could have read the mail, or going through the
//! links of one mail in a few seconds. Anything else is `unsure` and counts once it has settled, unless it
//! is revised by then.
//!
//! Pictures fetched by Gmail's and Yahoo's proxies are opens by proxy: they are fetched when the reader
//! opens the mail, so they are judged like a reader's own. Apple's are fetched whether or not anybody
//! reads, so they are a machine's.

pub mod agents;

use std::time::Duration;

use agents::Agent;

use crate::domain::{event::Judgement, time::Instant};

/// How long a hit stays unsure.
pub const SETTLES_AFTER: Duration = Duration::from_secs(20);
/// Sooner after the relay took the mail, nobody has received, opened and clicked it.
pub const TOO_EARLY: Duration = Duration::from_secs(5);
/// A mail that was sent later than this after a hit on it was not: the clock has been put back.
pub const CLOCK_SKEW: Duration = Duration::from_mins(1);
/// Two links of one mail within this span are not clicked by a hand.
pub const TWO_LINKS: Duration = Duration::from_secs(2);
/// Nor are three within this one.
pub const THREE_LINKS: Duration = Duration::from_secs(10);
/// How long a mail whose links were gone through is under suspicion.
pub const AFTERMATH: Duration = Duration::from_secs(20);

/// What a hit says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Approach {
    Click,
    Open,
}

/// A link of one mail, by what it leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Target(pub u64);

/// An earlier hit on a link of the same mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkHit {
    pub at: Instant,
    pub target: Target,
}

/// All that the first judgement goes by.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    pub approach: Approach,
    /// Asked with HEAD, as browsers do not.
    pub head: bool,
    /// Its user agent, empty if it named none.
    pub agent: &'a str,
    pub at: Instant,
    /// Whether the relay may still refuse the mail: scanners follow links before it is taken.
    pub on_its_way: bool,
    /// When the relay took the mail, as far as that is known.
    pub sent_at: Option<Instant>,
    /// Whether this hit makes a burst with earlier ones (see [`is_burst`]), or follows one.
    pub burst: bool,
}

/// Why a hit is taken for a machine's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Sign {
    Head,
    Agent,
    TooEarly,
    AllLinks,
}

impl Sign {
    /// The word kept with the event.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Agent => "agent",
            Self::TooEarly => "too_early",
            Self::AllLinks => "all_links",
        }
    }
}

/// The first judgement of a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FirstJudgement {
    Machine(Sign),
    /// Counts from `settles_at` on unless it is revised.
    Unsure {
        settles_at: Instant,
    },
}

impl FirstJudgement {
    #[must_use]
    pub const fn judgement(self) -> Judgement {
        match self {
            Self::Machine(_) => Judgement::Machine,
            Self::Unsure { .. } => Judgement::Unsure,
        }
    }

    #[must_use]
    pub const fn settles_at(self) -> Option<Instant> {
        match self {
            Self::Machine(_) => None,
            Self::Unsure { settles_at } => Some(settles_at),
        }
    }
}

/// Judges a hit by its signs.
#[must_use]
pub fn judge(signs: &Signs<'_>) -> FirstJudgement {
    let sign = if signs.head {
        Some(Sign::Head)
    } else if !may_be_a_person(signs.approach, agents::recognise(signs.agent)) {
        Some(Sign::Agent)
    } else if signs.on_its_way || signs.sent_at.is_some_and(|sent| is_too_early(signs.at, sent)) {
        Some(Sign::TooEarly)
    } else if signs.burst {
        Some(Sign::AllLinks)
    } else {
        None
    };
    sign.map_or(
        FirstJudgement::Unsure { settles_at: signs.at + SETTLES_AFTER },
        FirstJudgement::Machine,
    )
}

fn is_too_early(at: Instant, sent: Instant) -> bool {
    at < sent + TOO_EARLY && at >= sent - CLOCK_SKEW
}

fn may_be_a_person(approach: Approach, agent: Agent) -> bool {
    match agent {
        Agent::Ordinary => true,
        Agent::ImageProxy => approach == Approach::Open,
        Agent::Prefetcher | Agent::Machine => false,
    }
}

/// Whether a hit on `target` at `at` and the `earlier` ones of the same mail go through its links as
/// only a machine does. The unsubscribe link is a link like the others. Hits may come a little out of
/// order; those that are far ahead are from before the clock was put back.
#[must_use]
pub fn is_burst(at: Instant, target: Target, earlier: &[LinkHit]) -> bool {
    let distinct_within = |span: Duration| {
        let near = earlier.iter().filter(|hit| hit.at.is_within(span, at));
        let mut targets: Vec<Target> = near.map(|hit| hit.target).collect();
        targets.push(target);
        targets.sort_unstable();
        targets.dedup();
        targets.len()
    };
    distinct_within(TWO_LINKS) >= 2 || distinct_within(THREE_LINKS) >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
    const GMAIL: &str =
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    const NOON: Instant = Instant::from_millis(1_800_000_000_000);

    fn click() -> Signs<'static> {
        Signs {
            approach: Approach::Click,
            head: false,
            agent: CHROME,
            at: NOON,
            on_its_way: false,
            sent_at: Some(NOON - Duration::from_hours(1)),
            burst: false,
        }
    }

    #[test]
    fn an_ordinary_click_is_unsure_and_settles() {
        assert_eq!(
            judge(&click()),
            FirstJudgement::Unsure { settles_at: NOON + Duration::from_secs(20) }
        );
        assert_eq!(judge(&Signs { sent_at: None, ..click() }).judgement(), Judgement::Unsure);
    }

    #[test]
    fn each_sign_gives_a_machine_away() {
        let machine = FirstJudgement::Machine;
        assert_eq!(judge(&Signs { head: true, ..click() }), machine(Sign::Head));
        assert_eq!(judge(&Signs { agent: "curl/8.5.0", ..click() }), machine(Sign::Agent));
        assert_eq!(judge(&Signs { agent: "", ..click() }), machine(Sign::Agent));
        assert_eq!(judge(&Signs { burst: true, ..click() }), machine(Sign::AllLinks));
        let early = Signs { sent_at: Some(NOON - Duration::from_millis(4_999)), ..click() };
        assert_eq!(judge(&early), machine(Sign::TooEarly));
        let just_before = Signs { sent_at: Some(NOON + Duration::from_secs(1)), ..click() };
        assert_eq!(
            judge(&just_before),
            machine(Sign::TooEarly),
            "the reply of the relay is slower"
        );
        let scanned = Signs { on_its_way: true, sent_at: None, ..click() };
        assert_eq!(judge(&scanned), machine(Sign::TooEarly));
        let in_time = Signs { sent_at: Some(NOON - Duration::from_secs(5)), ..click() };
        assert_eq!(judge(&in_time).judgement(), Judgement::Unsure);
    }

    #[test]
    fn a_clock_that_was_put_back_makes_no_machines() {
        let hour = Duration::from_hours(1);
        let later = Signs { sent_at: Some(NOON + hour), ..click() };
        assert_eq!(judge(&later).judgement(), Judgement::Unsure);
        let ahead = [2, 3, 4].map(|target| LinkHit { at: NOON + hour, target: Target(target) });
        assert!(!is_burst(NOON, Target(1), &ahead));
        let out_of_order = LinkHit { at: NOON + Duration::from_millis(2), target: Target(2) };
        assert!(is_burst(NOON, Target(1), &[out_of_order]));
    }

    #[test]
    fn a_proxy_opens_for_its_reader_but_never_clicks() {
        let open = Signs { approach: Approach::Open, agent: GMAIL, ..click() };
        assert_eq!(judge(&open).judgement(), Judgement::Unsure);
        let clicked = Signs { agent: GMAIL, ..click() };
        assert_eq!(judge(&clicked), FirstJudgement::Machine(Sign::Agent));
        let apple = Signs { agent: "Mozilla/5.0", ..open };
        assert_eq!(judge(&apple), FirstJudgement::Machine(Sign::Agent));
    }

    #[test]
    fn links_gone_through_in_seconds_are_a_burst() {
        let hit = |before: u64, target| LinkHit {
            at: NOON - Duration::from_millis(before),
            target: Target(target),
        };
        assert!(!is_burst(NOON, Target(1), &[]));
        assert!(
            !is_burst(NOON, Target(1), &[hit(500, 1), hit(900, 1)]),
            "one link, again and again"
        );
        assert!(is_burst(NOON, Target(1), &[hit(2_000, 2)]));
        assert!(!is_burst(NOON, Target(1), &[hit(2_001, 2)]), "a person reads and goes on");
        assert!(is_burst(NOON, Target(1), &[hit(9_000, 2), hit(5_000, 3)]));
        assert!(!is_burst(NOON, Target(1), &[hit(11_000, 2), hit(5_000, 3)]));
    }
}
