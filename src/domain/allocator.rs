//! The allocator: what is shared between leads is granted here, in one order, outside of decisions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    account::Account,
    decision::{Grants, Want},
    event::Event,
    id::LeadId,
    lead::Held,
    name::Name,
    pace::{self, Heads, Line},
    policy::Policy,
    time::Instant,
};

/// A mail is reserved as early as this before it may leave. Longer, and a slow line would keep those waiting who
/// share only a fast one with it.
const AHEAD: Duration = Duration::from_secs(1);
/// Whoever comes to its turn later than this waits for another: what an outage kept back does not burst.
pub const LATE: Duration = Duration::from_secs(60);

/// Grants wants in the order in which leads are decided. A refusal comes with a future slot, never a retry.
///
/// What it knows is as of when the batch was loaded, and what this batch made of it since; the commit finds out
/// whether another was faster, and then its leads are decided again.
#[derive(Debug)]
pub struct Allocator<'p> {
    policy: &'p Policy,
    accounts: BTreeMap<Name, Account>,
    heads: Heads,
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
    pub fn new(policy: &'p Policy, accounts: BTreeMap<Name, Account>, heads: Heads) -> Self {
        Self {
            policy,
            accounts,
            heads,
            booked: Vec::new(),
            relied_on: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// Takes in what happened to a lead before it is decided: whether it replied.
    pub fn hear(&mut self, asker: Asker<'_>, news: &[Event], now: Instant) {
        let Some(name) = asker.account.filter(|_| self.policy.accounts.reply_stops.is_some())
        else {
            return;
        };
        let known = self.accounts.entry(name.clone()).or_default();
        for event in news {
            if known.hear(event, now) {
                let what = Booked::Replied(event.occurred_at);
                self.booked.push(Booking { account: name.clone(), lead: asker.lead, what });
            }
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

    fn company_is_full(&mut self, asker: Asker<'_>, now: Instant) -> Option<(Instant, String)> {
        let rules = &self.policy.accounts;
        let name = asker.account.filter(|_| !rules.is_empty())?;
        self.relied_on.entry(name.clone()).or_default().insert(asker.lead);
        self.accounts.get(name)?.hold(asker.lead, rules, &self.policy.zone, now)
    }

    /// Refuses what has to wait for its turn in a line, and says when that is. Mails themselves are lined up within
    /// [`AHEAD`] alone; who has to wait longer is told a turn at the pace of the line, so that all come back one
    /// by one. Whoever has come to its turn goes before newcomers.
    fn stand_in_line(
        &mut self,
        asker: Asker<'_>,
        want: &Want,
        now: Instant,
    ) -> Option<(Instant, String)> {
        let lines = self.lines(asker, want);
        let turn = want.turn.as_ref().filter(|turn| now <= turn.until + LATE);
        if let Some(turn) = turn.filter(|turn| turn.until > now + AHEAD) {
            return Some((turn.until, turn.reason.clone()));
        }
        let (slot, line) = pace::slot(&self.heads, &lines, now)?;
        let (until, line) = if slot > now + AHEAD {
            let waiting = pace::slot(&self.heads, &[line.queue()], slot).map_or(slot, |(at, _)| at);
            (waiting, line)
        } else {
            let queues: Vec<Line> = lines.iter().map(Line::queue).collect();
            let (waiting, queue) = pace::slot(&self.heads, &queues, now)?;
            if turn.is_some() || waiting <= now + AHEAD {
                return None;
            }
            (waiting, lines.iter().find(|line| line.queue().name == queue.name)?)
        };
        let Line { name, rate } = line;
        if let Some((_, opens)) = want.hours.filter(|(closes, _)| until >= *closes) {
            return Some((opens, format!("full until its hours end: {name} takes {rate}")));
        }
        self.take(asker, &[line.queue()], until);
        Some((until, format!("{}{name} takes {rate}", Held::TURN)))
    }

    /// Books that a mail is reserved for a lead. Returns when it is due.
    pub fn reserve(&mut self, asker: Asker<'_>, want: Option<&Want>, now: Instant) -> Instant {
        if let Some(name) = asker.account.filter(|_| self.policy.accounts.people.is_some()) {
            let known = self.accounts.entry(name.clone()).or_default();
            known.touch(asker.lead, &self.policy.accounts, &self.policy.zone, now);
            let what = Booked::Touched(now);
            self.booked.push(Booking { account: name.clone(), lead: asker.lead, what });
        }
        let Some(want) = want else { return now };
        let lines = self.lines(asker, want);
        let slot = pace::slot(&self.heads, &lines, now).map_or(now, |(slot, _)| slot);
        self.take(asker, &lines, slot);
        // What the lead asked for goes at once; those behind it wait for it.
        if want.was_asked_for { now } else { slot }
    }

    fn take(&mut self, asker: Asker<'_>, lines: &[Line], slot: Instant) {
        pace::take(&mut self.heads, lines, slot);
        let taken = lines.iter().map(|Line { name, .. }| Taken {
            lead: asker.lead,
            line: name.clone(),
            head: self.heads.get(name).copied().unwrap_or(i64::MIN),
        });
        self.taken.extend(taken);
    }

    fn lines(&self, asker: Asker<'_>, want: &Want) -> Vec<Line> {
        let super::decision::Resource::Mail { workflow } = &want.resource;
        self.policy.pacing.lines(asker.domain, workflow)
    }

    /// Mails from before then count no more.
    #[must_use]
    pub fn forget_before(&self, now: Instant) -> Instant {
        self.policy.accounts.people.map_or(now, |most| most.since(&self.policy.zone, now))
    }
}
