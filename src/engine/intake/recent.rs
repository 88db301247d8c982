//! The last seconds of each mail: what the judgement of its next hit goes by.
//!
//! Kept in memory only. After a restart, or beside another daemon, a machine that goes through the
//! links of a mail is seen a little later, or not by this sign.

use std::{collections::HashMap, time::Duration};

use crate::{
    domain::{
        event::{EventKind, Judgement},
        id::{MessageId, Rev},
        name::Name,
        time::Instant,
    },
    engine::judge::{AFTERMATH, LinkHit, THREE_LINKS, Target, is_burst},
};

/// As long as an earlier hit can matter.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Recorded hits on one mail within that time. More are a loop, and one lead's history must not grow by it.
const HITS_A_MAIL: usize = 100;

/// A hit that was recorded and is not yet beyond doubt.
#[derive(Clone, Debug)]
pub(super) struct RecentHit {
    pub at: Instant,
    pub kind: EventKind,
    pub object: Option<Name>,
    pub judgement: Judgement,
    pub place: Place,
}

/// Where a hit is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// In the transaction that is being put together, at this index.
    Pending(usize),
    Recorded(Rev),
}

/// The last seconds of one mail.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentMail {
    links: Vec<LinkHit>,
    pub hits: Vec<RecentHit>,
    burst_at: Option<Instant>,
}

impl RecentMail {
    fn forget(&mut self, now: Instant) {
        self.links.retain(|link| link.at.is_within(REMEMBERED, now));
        self.hits.retain(|hit| hit.at.is_within(REMEMBERED, now));
    }

    pub fn is_full(&mut self, now: Instant) -> bool {
        self.forget(now);
        self.hits.len() >= HITS_A_MAIL
    }

    /// Whether its answers alone are a loop: what a scanner does to a mail silences no reader.
    pub fn is_full_of_answers(&mut self, now: Instant) -> bool {
        self.forget(now);
        let answers = self.hits.iter().filter(|hit| hit.kind == EventKind::LEAD_ANSWERED);
        answers.count() >= HITS_A_MAIL
    }

    /// Takes notice of a link of the mail; says whether somebody is going through all of them.
    pub fn follow(&mut self, at: Instant, target: Target) -> bool {
        self.forget(at);
        if is_burst(at, target, &self.links) {
            self.burst_at = Some(at);
        }
        if self.links.len() < HITS_A_MAIL {
            self.links.push(LinkHit { at, target });
        }
        self.is_after_burst(at)
    }

    pub fn is_after_burst(&self, at: Instant) -> bool {
        self.burst_at.is_some_and(|burst| burst.is_within(AFTERMATH, at))
    }

    /// The hits that belong to the burst that was just seen and are not judged so yet.
    pub fn still_unsure(&mut self, at: Instant) -> impl Iterator<Item = &mut RecentHit> {
        self.hits.iter_mut().filter(move |hit| {
            hit.at.is_within(THREE_LINKS, at) && hit.judgement == Judgement::Unsure
        })
    }
}

/// All mails that were hit in the last seconds.
#[derive(Debug, Default)]
pub(super) struct Recent {
    mails: HashMap<MessageId, RecentMail>,
    tidied_at: Instant,
}

impl Recent {
    /// What is remembered of a mail, to work on a copy until the transaction is through.
    pub fn of(&self, message: MessageId) -> RecentMail {
        self.mails.get(&message).cloned().unwrap_or_default()
    }

    pub fn keep(&mut self, mails: HashMap<MessageId, RecentMail>, now: Instant) {
        self.mails.extend(mails);
        if now.since(self.tidied_at).abs() >= 10_000 {
            self.tidied_at = now;
            self.mails.retain(|_, mail| {
                mail.forget(now);
                !mail.links.is_empty() || !mail.hits.is_empty()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Instant = Instant::from_millis(1_800_000_000_000);

    fn after(seconds: u64) -> Instant {
        NOON + Duration::from_secs(seconds)
    }

    #[test]
    fn a_burst_leaves_an_aftermath_and_is_then_forgotten() {
        let mut mail = RecentMail::default();
        assert!(!mail.follow(NOON, Target(1)));
        assert!(mail.follow(after(1), Target(2)));
        assert!(mail.follow(after(20), Target(1)), "still in the aftermath");
        assert!(!mail.follow(after(60), Target(1)));
    }

    #[test]
    fn what_is_ahead_of_a_clock_that_was_put_back_is_forgotten() {
        let mut mail = RecentMail::default();
        mail.follow(after(3_600), Target(1));
        assert!(mail.follow(after(3_601), Target(2)));
        assert!(!mail.is_after_burst(NOON));
        assert!(!mail.follow(NOON, Target(3)));
        assert_eq!(mail.links.len(), 1);
    }

    #[test]
    fn a_mail_is_full_for_half_a_minute_and_of_answers_by_answers_alone() {
        let hit = |kind| RecentHit {
            at: NOON,
            kind,
            object: None,
            judgement: Judgement::Human,
            place: Place::Pending(0),
        };
        let mut mail = RecentMail::default();
        mail.hits.extend((0..HITS_A_MAIL).map(|_| hit(EventKind::MAIL_CLICKED)));
        assert!(mail.is_full(after(29)) && !mail.is_full_of_answers(after(29)));
        mail.hits.extend((0..HITS_A_MAIL).map(|_| hit(EventKind::LEAD_ANSWERED)));
        assert!(mail.is_full_of_answers(after(29)));
        assert!(!mail.is_full_of_answers(after(31)) && !mail.is_full(after(31)));
    }

    #[test]
    fn mails_that_nobody_comes_by_any_more_are_forgotten() {
        let mut recent = Recent::default();
        let mut mail = recent.of(MessageId(1));
        mail.follow(NOON, Target(1));
        recent.keep(HashMap::from([(MessageId(1), mail)]), NOON);
        assert_eq!(recent.mails.len(), 1);
        recent.keep(HashMap::new(), after(45));
        assert_eq!(recent.mails.len(), 0);
    }
}
