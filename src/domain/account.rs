//! Accounts: the company that a lead belongs to, and what its people share.
//!
//! Five people of one company who get the same mail on the same morning talk to each other; and when one of
//! them has answered, a person is talking to that company.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    address::Address,
    event::{Event, EventKind},
    id::LeadId,
    lead::Profile,
    name::Name,
    schedule::{WaitSpec, date_at, day_begins, local_text},
    time::{Instant, Zone},
};

/// What the policy says about companies.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountRules {
    pub people: Option<MostPeople>,
    /// After one of its people has replied, nobody of a company is written to for so long.
    pub reply_stops: Option<WaitSpec>,
}

/// How many people of a company are written to at most, in any so many days in a row on the policy's calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MostPeople {
    /// 1 to [`MostPeople::MOST`].
    pub people: u16,
    pub days: u16,
}

impl MostPeople {
    pub const MOST: u16 = 100;

    /// The beginning of the days that are counted.
    #[must_use]
    pub fn since(self, zone: &Zone, now: Instant) -> Instant {
        let back = (i32::from(self.days) - 1).days();
        date_at(now, zone).checked_sub(back).map_or(Instant::DAWN, |day| day_begins(day, zone))
    }
}

/// What is remembered of a company.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Account {
    /// When a mail was last reserved for each of its people; of so many as rules count.
    pub touched: BTreeMap<LeadId, Instant>,
    /// When one of them last replied.
    pub replied_at: Option<Instant>,
}

/// The company of a lead: as the CRM writes it, else the domain of its address, unless that is a provider's.
#[must_use]
pub fn account_of(profile: &Profile, address: &Address) -> Option<Name> {
    let written = profile.attributes.get("company").and_then(serde_json::Value::as_str);
    let words: Vec<&str> = written.unwrap_or_default().split_whitespace().collect();
    let mut name = words.join(" ").to_lowercase();
    if NO_COMPANY.contains(&name.as_str()) || !name.contains(char::is_alphanumeric) {
        return address.account_domain().map(|domain| Name::from(format!("@{domain}")));
    }
    name.truncate(name.floor_char_boundary(LONGEST_NAME));
    Some(Name::from(name))
}

/// What people write who have no company.
const NO_COMPANY: [&str; 12] = [
    "n/a",
    "na",
    "n.a.",
    "none",
    "no",
    "null",
    "unknown",
    "private",
    "self",
    "self employed",
    "self-employed",
    "freelance",
];

/// How it begins that nobody of a company is written to as one of them has replied.
pub const STOPPED: &str = "somebody of the company has replied on ";

/// What stands in it that as many of a company were written to as may be.
pub const CROWDED: &str = " of a company in ";

/// Bytes of a name by which companies are told apart: it is a key of the database.
const LONGEST_NAME: usize = 200;

impl AccountRules {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_none() && self.reply_stops.is_none()
    }
}

impl Account {
    /// Takes in that a person replied; returns whether that is news.
    pub fn hear(&mut self, event: &Event, now: Instant) -> bool {
        let is_reply = event.kind == EventKind::LEAD_REPLIED
            && event.counts_from().is_some_and(|from| from <= now);
        let is_later = self.replied_at.is_none_or(|known| known < event.occurred_at);
        if is_reply && is_later {
            self.replied_at = Some(event.occurred_at);
        }
        is_reply && is_later
    }

    /// Takes in that a mail is reserved for one of its people, and forgets who does not count any more.
    pub fn touch(&mut self, lead: LeadId, rules: &AccountRules, zone: &Zone, now: Instant) {
        self.touched.insert(lead, now);
        let since = rules.people.map_or(now, |most| most.since(zone, now));
        self.touched.retain(|_, at| *at >= since);
    }

    /// Takes in when the mail left that was reserved for one of its people. It may have been reserved long before;
    /// returns whether it was on another day, as days are what is counted.
    pub fn left(&mut self, lead: LeadId, at: Instant, zone: &Zone) -> bool {
        let Some(known) = self.touched.get_mut(&lead) else { return false };
        let is_another_day = date_at(*known, zone) != date_at(at, zone);
        if is_another_day {
            *known = at;
        }
        is_another_day
    }

    /// Until when a person of it is not written to for what the others were, and why.
    #[must_use]
    pub fn hold(
        &self,
        lead: LeadId,
        rules: &AccountRules,
        zone: &Zone,
        now: Instant,
    ) -> Option<(Instant, String)> {
        self.stopped(rules, zone, now).into_iter().chain(self.crowded(lead, rules, zone, now)).max()
    }

    /// Until when nobody of it is written to, as one has replied.
    fn stopped(
        &self,
        rules: &AccountRules,
        zone: &Zone,
        now: Instant,
    ) -> Option<(Instant, String)> {
        let replied_at = self.replied_at?;
        let until = rules.reply_stops.as_ref()?.due(replied_at, zone).at;
        let reason = || format!("{STOPPED}{}", local_text(replied_at, zone));
        (until > now).then(|| (until, reason()))
    }

    fn crowded(
        &self,
        lead: LeadId,
        rules: &AccountRules,
        zone: &Zone,
        now: Instant,
    ) -> Option<(Instant, String)> {
        let most = rules.people?;
        let since = most.since(zone, now);
        let others = self.touched.iter().filter(|(person, at)| **person != lead && **at >= since);
        let mut days: Vec<Date> = others.map(|(_, at)| date_at(*at, zone)).collect();
        days.sort_unstable();
        // Room is made when so many of them do not count any more that the rest leaves a place.
        let last_of_surplus = days.len().checked_sub(usize::from(most.people))?;
        let free = days.get(last_of_surplus)?.checked_add(i32::from(most.days).days()).ok()?;
        let (n, days) = (most.people, most.days);
        let people = if n == 1 { "person" } else { "people" };
        Some((day_begins(free, zone), format!("{n} {people}{CROWDED}{days} days")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400_000;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_company_is_what_the_crm_calls_it_or_else_a_domain() {
        let of = |company: Option<&str>, email: &str| {
            let mut profile = Profile::default();
            if let Some(company) = company {
                profile.attributes.insert("company".into(), company.into());
            }
            account_of(&profile, &address(email)).map(|name| name.to_string())
        };
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(of(Some(" ACME  Ltd "), "a@gmail.com"), some("acme ltd"));
        assert_eq!(of(Some("  "), "a@mail.acme.co.uk"), some("@acme.co.uk"));
        assert_eq!(of(None, "a@acme.example"), some("@acme.example"));
        assert_eq!(of(None, "a@gmail.com"), None);
        assert_eq!(of(Some("N/A"), "a@acme.example"), some("@acme.example"));
        assert_eq!(of(Some("--"), "a@gmail.com"), None);
        assert_eq!(of(Some(&"é".repeat(150)), "a@gmail.com"), Some("é".repeat(100)));
    }

    proptest! {
        /// Whoever asks in whatever order: never more people than are allowed, in any days in a row; and who is
        /// refused may go at the very instant that was named, if nobody else does.
        #[test]
        fn no_more_people_than_are_allowed(
            asks in prop::collection::vec((0i64..6, 0i64..40, 0i64..DAY), 1..80),
            (people, days) in (1u16..4, 1u16..9),
            zone in prop::sample::select(vec!["Europe/Rome", "America/New_York", "Pacific/Apia"]),
        ) {
            let zone = Zone::named(zone).unwrap();
            let rules = AccountRules { people: Some(MostPeople { people, days }), reply_stops: None };
            let start: Instant = "2027-03-20T00:00:00Z".parse().unwrap();
            let mut asks: Vec<(Instant, LeadId)> = asks
                .into_iter()
                .map(|(lead, day, ms)| (Instant::from_millis(start.millis() + day * DAY + ms), LeadId(lead)))
                .collect();
            asks.sort_unstable();
            let (mut account, mut written) = (Account::default(), Vec::<(Date, LeadId)>::new());
            for (now, lead) in asks {
                match account.hold(lead, &rules, &zone, now) {
                    None => {
                        account.touch(lead, &rules, &zone, now);
                        written.push((date_at(now, &zone), lead));
                    }
                    Some((free, _)) => {
                        prop_assert!(free > now);
                        prop_assert_eq!(account.hold(lead, &rules, &zone, free), None);
                        let before = Instant::from_millis(free.millis() - 1);
                        prop_assert!(account.hold(lead, &rules, &zone, before).is_some());
                    }
                }
            }
            for (day, _) in &written {
                let since = *day - (i32::from(days) - 1).days();
                let near = written.iter().filter(|(at, _)| (since..=*day).contains(at));
                let mut who: Vec<LeadId> = near.map(|(_, lead)| *lead).collect();
                who.sort_unstable();
                who.dedup();
                prop_assert!(who.len() <= usize::from(people), "{day}: {written:?}");
            }
        }
    }
}
