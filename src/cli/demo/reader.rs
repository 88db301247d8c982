//! The demo's people: who opens, clicks, unsubscribes and takes the whitepaper, by a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::Hasher,
    time::Duration,
};

use siphasher::sip::SipHasher24;

use crate::domain::time::Instant;

/// A mail as the reader finds it in the folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Mail {
    pub to: String,
    pub subject: String,
    /// The opening pixel, where there is one.
    pub pixel: Option<String>,
    /// Links to somewhere else, in their order.
    pub links: Vec<String>,
    pub unsubscribe: Option<String>,
}

/// What a reader does with a mail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Act {
    Open,
    Click,
    Unsubscribe,
}

/// All readers. Each one has a character of their own, drawn from the seed and the address.
#[derive(Debug)]
pub(super) struct Reader {
    seed: u64,
    planned: BTreeMap<Instant, Vec<(Mail, Act)>>,
    silent: BTreeSet<String>,
}

impl Reader {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, planned: BTreeMap::new(), silent: BTreeSet::new() }
    }

    /// A number in 0..1 for a person and a matter: the same each time.
    fn chance(&self, who: &str, what: &str) -> f64 {
        let mut hasher = SipHasher24::new_with_keys(self.seed, 0);
        hasher.write(who.as_bytes());
        hasher.write_u8(0);
        hasher.write(what.as_bytes());
        #[allow(clippy::cast_precision_loss)]
        let share = (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64;
        share
    }

    /// Plans what becomes of a mail. Assumed, not measured: a third of the people are curious and
    /// open most mails, the others few; one opened mail in three is clicked, one in fifty of them
    /// makes somebody leave.
    pub(super) fn receives(&mut self, mail: &Mail, now: Instant) {
        let curious = self.chance(&mail.to, "character") < 0.35;
        let (opens, clicks) = if curious { (0.85, 0.55) } else { (0.25, 0.12) };
        if mail.links.is_empty() || self.chance(&mail.to, &format!("open {}", mail.subject)) > opens
        {
            return;
        }
        // Within two days, sooner rather than later.
        let late = self.chance(&mail.to, &format!("when {}", mail.subject)).powi(2) * 48.0 * 3600.0;
        let opened = now + Duration::from_secs_f64(600.0 + late);
        self.plan(opened, mail, Act::Open);
        let next = opened + Duration::from_secs(45);
        if self.chance(&mail.to, &format!("leave {}", mail.subject)) < 0.02 {
            self.plan(next, mail, Act::Unsubscribe);
        } else if self.chance(&mail.to, &format!("click {}", mail.subject)) < clicks {
            self.plan(next, mail, Act::Click);
        }
    }

    /// When somebody takes the whitepaper from the website, if they do: assumed, one in three.
    pub(super) fn takes_whitepaper(
        &self,
        who: &str,
        start: Instant,
        end: Instant,
    ) -> Option<Instant> {
        let span = Duration::from_millis(u64::try_from(end.since(start)).ok()?);
        let takes = self.chance(who, "whitepaper") < 0.33;
        takes.then(|| start + span.mul_f64(self.chance(who, "when the whitepaper")))
    }

    fn plan(&mut self, at: Instant, mail: &Mail, act: Act) {
        self.planned.entry(at).or_default().push((mail.clone(), act));
    }

    pub(super) fn next_act(&self) -> Instant {
        self.planned.keys().next().copied().unwrap_or(Instant::NEVER)
    }

    /// Takes what is planned up to an instant, in its order.
    pub(super) fn acts_until(&mut self, now: Instant) -> Vec<(Mail, Act)> {
        let later = self.planned.split_off(&now.next());
        let due = std::mem::replace(&mut self.planned, later);
        let mut acts: Vec<_> = due
            .into_values()
            .flat_map(|mut acts| {
                // Folders list mails of one instant in an order that depends on keys.
                acts.sort_by(|a, b| (&a.0.to, a.1).cmp(&(&b.0.to, b.1)));
                acts
            })
            .collect();
        acts.retain(|(mail, _)| !self.silent.contains(&mail.to));
        acts
    }

    pub(super) fn falls_silent(&mut self, who: &str) {
        self.silent.insert(who.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Mail {
        Mail {
            to: to.into(),
            subject: "s".into(),
            pixel: None,
            links: vec!["http://127.0.0.1/c/x".into()],
            unsubscribe: None,
        }
    }

    #[test]
    fn the_same_seed_reads_the_same_way_and_another_does_not() {
        let read = |seed| {
            let mut reader = Reader::new(seed);
            for index in 0..60 {
                reader.receives(&mail(&format!("lead{index}@example.com")), Instant::DAWN);
            }
            reader.acts_until(Instant::from_millis(i64::MAX - 1))
        };
        assert_eq!(read(1), read(1));
        assert_ne!(read(1), read(2));
        let acts = read(1);
        let count = |wanted| acts.iter().filter(|(_, act)| *act == wanted).count();
        assert!(count(Act::Open) > count(Act::Click) && count(Act::Click) > 0);
    }

    #[test]
    fn whoever_has_left_does_nothing_more() {
        let mut reader = Reader::new(1);
        reader.plan(Instant::DAWN, &mail("a@example.com"), Act::Click);
        reader.falls_silent("a@example.com");
        assert!(reader.acts_until(Instant::DAWN).is_empty());
    }
}
