//! Arms of a split: which lead takes which.
//!
//! Nothing is drawn and nothing is stored: a lead's arm follows from its address, the workflow and the step, so
//! that it is the same in another enrolment, in another database and in a rehearsal.

use std::{hash::Hasher as _, num::NonZeroU32};

use siphasher::sip::SipHasher13;

use super::{address::Address, name::Name, workflow::StepIx};

/// One arm of a `split`.
#[derive(Clone, Debug)]
pub struct Arm {
    pub name: Name,
    /// Its share is this part of the sum of all arms' weights.
    pub weight: NonZeroU32,
    /// `None`: it does nothing, and its leads go on below the step.
    pub then: Option<StepIx>,
}

impl Arm {
    pub const LARGEST_WEIGHT: u32 = 10_000;
}

/// The arm that a lead takes: each arm runs a race of its own for the lead, the faster the larger its weight, and
/// the first at the finish has it (weighted rendezvous hashing). So an edit of a weight moves leads to an arm that
/// grew or away from one that shrank, and nobody else; and arms may stand in any order.
///
/// Addresses are compared in lower case: `Ada@` and `ada@` are one person.
#[must_use]
pub fn arm_of<'a>(arms: &'a [Arm], workflow: &str, step: &str, lead: &Address) -> Option<&'a Arm> {
    let lead = lead.as_str().to_lowercase();
    let key = (hash((0, 0), &[workflow]), hash((0, 0), &[step]));
    let finish = |arm: &Arm| {
        // Evenly in (0, 1]: 53 bits are what a float holds.
        #[allow(clippy::cast_precision_loss)]
        let luck = ((hash(key, &[&arm.name, &lead]) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        -luck.ln() / f64::from(arm.weight.get())
    };
    let finishes = arms.iter().map(|arm| (finish(arm), arm));
    finishes.min_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, arm)| arm)
}

fn hash(key: (u64, u64), parts: &[&str]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
    for part in parts {
        hasher.write(part.as_bytes());
        // No byte of UTF-8: where a part ends.
        hasher.write_u8(0xff);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const LEADS: u32 = 100_000;

    fn arms(arms: &[(&str, u32)]) -> Vec<Arm> {
        let arm = |(name, weight): &(&str, u32)| Arm {
            name: (*name).into(),
            weight: NonZeroU32::new(*weight).unwrap(),
            then: None,
        };
        arms.iter().map(arm).collect()
    }

    /// The arms of all leads.
    fn taken<'a>(arms: &'a [Arm], workflow: &str, step: &str) -> Vec<&'a str> {
        let lead = |number| Address::parse(&format!("lead.{number}@example.com")).unwrap();
        let arm = |number| arm_of(arms, workflow, step, &lead(number)).unwrap().name.as_str();
        (0..LEADS).map(arm).collect()
    }

    fn share(part: usize, whole: usize) -> f64 {
        f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
    }

    #[test]
    fn shares_are_those_of_the_weights() {
        for weights in [
            vec![("a", 1), ("b", 1)],
            vec![("short", 50), ("long", 40), ("holdout", 10)],
            vec![("rare", 1), ("usual", 99)],
            vec![("a", 3), ("b", 3), ("c", 3), ("d", 3), ("e", 3), ("f", 3), ("g", 3)],
        ] {
            let arms = arms(&weights);
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            let taken = taken(&arms, "nurture", "split.a-b");
            taken.iter().for_each(|arm| *counts.entry(arm).or_default() += 1);
            let sum: u32 = weights.iter().map(|(_, weight)| weight).sum();
            for (name, weight) in weights {
                let right = f64::from(weight) / f64::from(sum);
                let found = share(counts[name], taken.len());
                // Five standard deviations.
                let room = 5.0 * (right * (1.0 - right) / f64::from(LEADS)).sqrt();
                assert!((found - right).abs() < room, "{name}: {found}, not {right}");
            }
        }
    }

    #[test]
    fn an_edit_of_the_weights_moves_nobody_without_need() {
        let before = arms(&[("a", 50), ("b", 40), ("c", 10)]);
        let old = taken(&before, "w", "s");
        let moved = |after: &[(&str, u32)]| {
            let after = arms(after);
            let new = taken(&after, "w", "s");
            let moved = old.iter().zip(&new).filter(|(old, new)| old != new);
            moved.map(|(old, new)| format!("{old} {new}")).collect::<Vec<_>>()
        };
        assert_eq!(moved(&[("c", 10), ("b", 40), ("a", 50)]), [""; 0], "another order");
        assert_eq!(moved(&[("a", 5), ("b", 4), ("c", 1)]), [""; 0], "the same shares");
        // Twice the weight: from 10 of 100 to 20 of 110, and nobody goes anywhere else.
        let grown = moved(&[("a", 50), ("b", 40), ("c", 20)]);
        assert!(grown.iter().all(|way| way.ends_with('c')), "some did not go to the larger arm");
        let room = share(grown.len(), old.len()) - (20.0 / 110.0 - 0.1);
        assert!(room.abs() < 0.005, "{room}");
        // Without an arm its leads are shared out, and all others stay.
        let gone = moved(&[("a", 50), ("b", 40)]);
        assert!(gone.iter().all(|way| way.starts_with('c')), "some were moved without need");
    }

    #[test]
    fn two_splits_know_nothing_of_each_other() {
        let arms = arms(&[("a", 1), ("b", 1)]);
        let splits = [("w", "s"), ("w", "s#2"), ("v", "s"), ("s", "w")];
        let taken: Vec<Vec<&str>> = splits.map(|(w, s)| taken(&arms, w, s)).into();
        for (place, one) in taken.iter().enumerate() {
            for other in &taken[..place] {
                let same = one.iter().zip(other).filter(|(one, other)| one == other).count();
                assert!((share(same, one.len()) - 0.5).abs() < 0.01, "{same} take the same arm");
            }
        }
    }

    #[test]
    fn an_address_is_one_lead_however_it_is_written() {
        let arms = arms(&[("a", 1), ("b", 1), ("c", 1)]);
        for number in 0..100 {
            let arm = |address: &str| {
                let address = Address::parse(&format!("{address}{number}@example.com")).unwrap();
                arm_of(&arms, "w", "s", &address).unwrap().name.clone()
            };
            assert_eq!(arm("Ada"), arm("ada"));
        }
    }

    /// What holds for a lead under one version of ours must hold under the next.
    #[test]
    fn arms_are_the_same_in_every_version() {
        let arms = arms(&[("a", 50), ("b", 40), ("c", 10)]);
        let taken = taken(&arms, "nurture", "split.a-b-c");
        assert_eq!(taken[..24].concat(), "bbcaaabcabaacabbabababaa");
    }
}
