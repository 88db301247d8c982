//! Who is due, as far as it was looked up, in the order of their rows.
//!
//! Leads become due in no order that their rows have. Each row that a decision writes would be on a page of
//! its own then, and writing pages is most of the work. Of a long queue the oldest are looked up at once, and
//! taken in the order of their ids: neighbours share pages.

use std::collections::{HashSet, VecDeque};

use super::records::Quota;

/// So many of a lane are looked up at once: within them the oldest need not come first.
const LOOKED_UP: i64 = 100_000;

/// Leads that were due when they were looked up, by lane. Some may be no longer.
#[derive(Debug)]
pub struct Backlog {
    lanes: [VecDeque<i64>; 4],
    /// Taken by the claim before: perhaps not decided yet, so they still look due.
    in_hand: HashSet<i64>,
    /// Taken by this claim.
    taken: HashSet<i64>,
    /// How many of a lane are looked up at once.
    pub(super) at_once: i64,
}

impl Default for Backlog {
    fn default() -> Self {
        Self::of(LOOKED_UP)
    }
}

impl Backlog {
    /// One that looks up so many of a lane at once.
    #[must_use]
    pub fn of(at_once: i64) -> Self {
        let (in_hand, taken) = (HashSet::new(), HashSet::new());
        Self { lanes: Default::default(), in_hand, taken, at_once }
    }

    /// Whether all that were looked up have been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    /// What was taken has been decided, or never will be.
    pub fn settle(&mut self) {
        self.in_hand.clear();
        self.taken.clear();
    }

    /// Another claim begins, while what the one before has taken is in hand.
    pub(super) fn begin_claim(&mut self) {
        self.in_hand = std::mem::take(&mut self.taken);
    }

    pub(super) fn lacks(&self, lane: usize) -> bool {
        self.lanes[lane].is_empty()
    }

    pub(super) fn put(&mut self, lane: usize, mut leads: Vec<i64>) {
        leads.retain(|lead| !self.in_hand.contains(lead) && !self.taken.contains(lead));
        leads.sort_unstable();
        self.lanes[lane] = leads.into();
    }

    /// The next of each lane; what a lane leaves over goes to the others. A lead may be in two of them,
    /// as it has moved since.
    pub(super) fn take(&mut self, quota: &Quota) -> Vec<i64> {
        let shares = [quota.acts, quota.timers, quota.bulk, quota.sweep];
        let mut next = Vec::new();
        let mut spare = 0;
        for (lane, share) in self.lanes.iter_mut().zip(shares) {
            let most = usize::try_from(share).unwrap_or(0) + spare;
            let some = most.min(lane.len());
            spare = most - some;
            next.extend(lane.drain(..some));
        }
        for (lane, _) in self.lanes.iter_mut().zip(shares).filter(|(_, share)| *share > 0) {
            let some = spare.min(lane.len());
            spare -= some;
            next.extend(lane.drain(..some));
        }
        next.retain(|lead| !self.in_hand.contains(lead) && self.taken.insert(*lead));
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(backlog: &mut Backlog, quota: &Quota) -> Vec<i64> {
        backlog.begin_claim();
        let mut taken = backlog.take(quota);
        taken.sort_unstable();
        taken
    }

    #[test]
    fn each_lane_has_its_share_and_what_one_leaves_over_goes_to_the_others() {
        let quota = Quota { acts: 2, timers: 2, bulk: 1, sweep: 1 };
        let mut backlog = Backlog::default();
        backlog.put(0, vec![7]);
        backlog.put(1, vec![16, 15, 14, 13, 12, 11]);
        backlog.put(3, vec![32, 31]);
        assert_eq!(taken(&mut backlog, &quota), [7, 11, 12, 13, 31, 32]);
        assert_eq!(taken(&mut backlog, &quota), [14, 15, 16]);
        assert!(backlog.is_empty());
        assert!(taken(&mut backlog, &quota).is_empty());
    }

    #[test]
    fn what_is_being_decided_is_not_taken_again() {
        let quota = Quota::of(8);
        let mut backlog = Backlog::default();
        backlog.put(0, vec![1, 2]);
        assert_eq!(taken(&mut backlog, &quota), [1, 2]);
        // One of them has moved to another lane since it was looked up.
        backlog.lanes[1] = [2].into();
        backlog.put(0, vec![1, 2, 3]);
        assert_eq!(taken(&mut backlog, &quota), [3]);
        backlog.settle();
        backlog.put(0, vec![1, 2, 3]);
        assert_eq!(taken(&mut backlog, &quota), [1, 2, 3]);
    }
}
