//! The allocator: what is shared between leads is granted here, in one order, outside of decisions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    account::{self, Account},
    decision::{Grants, Resource, Want},
    event::{Event, EventKind},
    fleet::{Berth, Fleet},
    id::LeadId,
    lead::Held,
    message::MessageKind,
    name::Name,
    pace::{self, Answer, Heads, Line, Opening, Takes},
    pause,
    policy::Policy,
    ramp::Ramps,
    schedule::Day,
    time::Instant,
};

/// How it begins that a line has no room before its hours end.
pub const FULL: &str = "full until its hours end: ";

/// Grants wants in the order in which leads are decided. A refusal comes with a future slot, never a retry.
///
/// What it knows is as of when the batch was loaded, and what this batch made of it since; the commit finds out
/// whether another was faster, and then its leads are decided again.
#[derive(Debug)]
pub struct Allocator<'p> {
    policy: &'p Policy,
    fleet: &'p Fleet,
    ramps: &'p Ramps,
    /// Companies, as what was granted leaves them.
    pub accounts: BTreeMap<Name, Account>,
    /// Where lines begin, likewise.
    pub heads: Heads,
    /// What came of decisions, in their order.
    pub booked: Vec<Booking>,
    /// Accounts by which leads were decided.
    pub relied_on: BTreeMap<Name, BTreeSet<LeadId>>,
    /// Places in line that were given, in their order.
    pub taken: Vec<Taken>,
}

/// Who asks: a lead, its company, and the domain that its mail goes to.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub lead: LeadId,
    pub account: Option<&'a Name>,
    pub domain: &'a str,
    /// Since when its decision is due.
    pub due_at: Instant,
}

/// What a lead's decision means for its company.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booking {
    pub account: Name,
    pub lead: LeadId,
    pub what: Booked,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Booked {
    /// A mail is reserved for it.
    Touched(Instant),
    Replied(Instant),
}

/// A place in line that a lead has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub lead: LeadId,
    pub line: Name,
    /// Where the line begins after it, in microseconds since 1970.
    pub head: i64,
}

impl<'p> Allocator<'p> {
    /// With what is known of the companies of a batch's leads, and of the lines that their mails stand in.
    #[must_use]
    pub fn new(
        policy: &'p Policy,
        (fleet, ramps): (&'p Fleet, &'p Ramps),
        accounts: BTreeMap<Name, Account>,
        heads: Heads,
    ) -> Self {
        Self {
            policy,
            fleet,
            ramps,
            accounts,
            heads,
            booked: Vec::new(),
            relied_on: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// Takes in what happened to a lead before it is decided: whether it replied, and when its mail left.
    pub fn hear(&mut self, asker: Asker<'_>, news: &[Event], now: Instant) {
        let Some(name) = asker.account.filter(|_| !self.policy.accounts.is_empty()) else { return };
        let known = self.accounts.entry(name.clone()).or_default();
        for event in news {
            let left = event.kind == EventKind::MAIL_SENT || event.kind == EventKind::MAIL_IN_DOUBT;
            let what = if known.hear(event, now) {
                Booked::Replied(event.occurred_at)
            } else if left && known.left(asker.lead, event.occurred_at, &self.policy.zone) {
                Booked::Touched(event.occurred_at)
            } else {
                continue;
            };
            self.booked.push(Booking { account: name.clone(), lead: asker.lead, what });
        }
    }

    /// Answers the wants of one lead's decision. Returns whether it refused any that was not refused
    /// before: then the lead is to be decided again.
    pub fn grant(
        &mut self,
        asker: Asker<'_>,
        wants: &[Want],
        grants: &mut Grants,
        now: Instant,
    ) -> bool {
        let mut is_news = false;
        for want in wants.iter().filter(|want| !want.was_asked_for) {
            if grants.refusal(want).is_some() {
                continue;
            }
            let refusal =
                self.company_is_full(asker, now).or_else(|| self.stand_in_line(asker, want, now));
            if let Some((slot, reason)) = refusal {
                grants.refuse(want, slot, reason);
                is_news = true;
            }
        }
        is_news
    }

    /// What a mail's lines depend on: its relay, its domain, whose mail it is, and whether it is overdue.
    #[must_use]
    pub fn lines_by<'a>(
        &self,
        asker: Asker<'a>,
        want: &'a Want,
        now: Instant,
    ) -> (Option<&'p Name>, &'a str, &'a Resource, bool) {
        let relay = self.fleet.relay_of(asker.lead).map(|relay| &relay.name);
        let is_late = self.policy.pacing.late(asker.due_at, now).is_some();
        (relay, asker.domain, &want.resource, is_late)
    }

    /// When the mail of a want may leave, as lines are now, and how long after it another in the same lines.
    #[must_use]
    pub fn soonest(&self, asker: Asker<'_>, want: &Want, now: Instant) -> (Instant, Duration) {
        let lines = self.lines(asker, want, now);
        let distance = lines.iter().map(Line::distance).max().unwrap_or_default();
        (pace::first(&self.heads, &lines, now), distance)
    }

    fn company_is_full(&mut self, asker: Asker<'_>, now: Instant) -> Option<(Instant, String)> {
        let rules = &self.policy.accounts;
        let name = asker.account.filter(|_| !rules.is_empty())?;
        self.relied_on.entry(name.clone()).or_default().insert(asker.lead);
        self.accounts.get(name)?.hold(asker.lead, rules, &self.policy.zone, now)
    }

    /// Refuses what has to wait for its turn, and says when that is.
    fn stand_in_line(
        &mut self,
        asker: Asker<'_>,
        want: &Want,
        now: Instant,
    ) -> Option<(Instant, String)> {
        let lines = self.lines(asker, want, now);
        let turn = turn_of(want, &lines);
        if let Some(turn) = turn.filter(|turn| turn.until > now) {
            return Some((turn.until, turn.reason.clone()));
        }
        let keeps = want.keeps.as_ref();
        let opening = Opening {
            closes: keeps.and_then(|keeps| keeps.closes),
            window: keeps
                .map(|keeps| (&keeps.window, self.policy.place(&keeps.zone, keeps.country))),
        };
        match pace::ask(&mut self.heads, &lines, turn.is_some(), opening, now) {
            Answer::Go(_) => None,
            Answer::Full(opens, line) => Some((opens, format!("{FULL}{line}"))),
            Answer::Wait(until, line) => {
                self.note(asker, &line.names());
                self.note_days(asker, &lines);
                Some((until, turn_in(line)))
            }
        }
    }

    /// Books that a mail is reserved for a lead. Returns when it is due, and the day whose places it has taken.
    pub fn reserve(
        &mut self,
        asker: Asker<'_>,
        want: Option<&Want>,
        now: Instant,
    ) -> (Instant, Option<Day>) {
        let was_asked_for = want.is_some_and(|want| want.was_asked_for);
        let counts = self.policy.accounts.people.is_some() && !was_asked_for;
        if let Some(name) = asker.account.filter(|_| counts) {
            let known = self.accounts.entry(name.clone()).or_default();
            known.touch(asker.lead, &self.policy.accounts, &self.policy.zone, now);
            let what = Booked::Touched(now);
            self.booked.push(Booking { account: name.clone(), lead: asker.lead, what });
        }
        let Some(want) = want else { return (now, None) };
        let lines = self.lines(asker, want, now);
        // What the lead asked for goes at once, and each of its lines moves on by itself.
        let at = if was_asked_for { now } else { pace::first(&self.heads, &lines, now) };
        pace::take(&mut self.heads, &lines, at);
        for line in &lines {
            self.note(asker, std::slice::from_ref(&line.name));
        }
        if turn_of(want, &lines).is_none() {
            pace::plan(&mut self.heads, &lines, at);
            self.note_days(asker, &lines);
        }
        (at, lines.iter().find_map(|line| line.day_of(at)))
    }

    /// The relay by which a mail to a lead, or about it, is to go.
    #[must_use]
    pub fn relay_of(&self, kind: MessageKind, lead: LeadId) -> Name {
        self.fleet.relay_for(kind, lead).map_or_else(|| Name::new(""), |relay| relay.name.clone())
    }

    /// Notes where lines begin after a lead has taken a place in them.
    fn note(&mut self, asker: Asker<'_>, lines: &[Name]) {
        for line in lines {
            if let Some(&head) = self.heads.get(line) {
                self.taken.push(Taken { lead: asker.lead, line: line.clone(), head });
            }
        }
    }

    /// Those of days are planned ahead, too.
    fn note_days(&mut self, asker: Asker<'_>, lines: &[Line]) {
        for line in lines.iter().filter(|line| matches!(line.takes, Takes::Days(_))) {
            self.note(asker, &line.names());
        }
    }

    fn lines(&self, asker: Asker<'_>, want: &Want, now: Instant) -> Vec<Line> {
        let Resource::Mail { workflow } = &want.resource;
        let relay = self.fleet.relay_of(asker.lead);
        let mut lines = lines(self.policy, (relay, self.ramps), asker.domain, workflow);
        lines.extend(self.policy.pacing.late(asker.due_at, now));
        lines
    }

    /// Mails from before then count no more.
    #[must_use]
    pub fn forget_before(&self, now: Instant) -> Instant {
        self.policy.accounts.people.map_or(now, |most| most.since(&self.policy.zone, now))
    }
}

/// The turn that a want has come with. It is good as long as its line is what it was.
fn turn_of<'w>(want: &'w Want, lines: &[Line]) -> Option<&'w Held> {
    want.turn.as_ref().filter(|turn| {
        let told = turn.reason.trim_end_matches('…');
        lines.iter().any(|line| turn_in(line).starts_with(told))
    })
}

/// The lines that a mail of a workflow stands in, by a relay and to a domain.
#[must_use]
pub fn lines(
    policy: &Policy,
    (relay, ramps): (Option<&Berth>, &Ramps),
    domain: &str,
    workflow: &str,
) -> Vec<Line> {
    let mut lines = policy.pacing.lines(domain, workflow, &policy.zone);
    lines.extend(relay.into_iter().flat_map(|relay| lines_of(relay, ramps, policy, domain)));
    lines
}

/// The lines among them that are the relay's.
#[must_use]
pub fn lines_of(relay: &Berth, ramps: &Ramps, policy: &Policy, domain: &str) -> Vec<Line> {
    relay.line().into_iter().chain(ramps.lines(relay, policy, domain)).collect()
}

/// Whether there are any lines to stand in.
#[must_use]
pub fn has_lines(policy: &Policy, fleet: &Fleet) -> bool {
    !policy.pacing.is_empty() || fleet.has_rates() || has_days(policy, fleet)
}

/// Whether some of them take so many a day.
#[must_use]
pub fn has_days(policy: &Policy, fleet: &Fleet) -> bool {
    policy.pacing.has_days() || fleet.warming().next().is_some()
}

/// Whether a reason for which a mail is held, as the log has it, is one that its lead alone does not explain: somebody
/// has paused it, others are before it in a line, or their company has had enough.
#[must_use]
pub fn is_of_others(reason: &str) -> bool {
    let begins = [pause::HELD, Held::TURN, FULL, account::STOPPED];
    begins.iter().any(|begin| reason.starts_with(begin)) || reason.contains(account::CROWDED)
}

/// How it reads that a mail waits for its turn in a line.
#[must_use]
pub fn turn_in(line: &Line) -> String {
    format!("{}{line}", Held::TURN)
}
