//! Chance in a rehearsal: draws that are the same each time.

use std::{hash::Hasher as _, time::Duration};

use siphasher::sip::SipHasher24;

/// Draws by a seed. A draw depends on the seed, on somebody and on the matter alone, so that the same seed tells the same
/// story, whatever else happens in between.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    seed: u64,
}

impl Chance {
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// A number in 0..1 for somebody and a matter: the same each time.
    pub fn share(self, who: &str, what: &str) -> f64 {
        let mut hasher = SipHasher24::new_with_keys(self.seed, 0);
        hasher.write(who.as_bytes());
        hasher.write_u8(0);
        hasher.write(what.as_bytes());
        #[allow(clippy::cast_precision_loss)] // 53 bits
        let share = (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64;
        share
    }

    pub fn happens(self, likely: f64, who: &str, what: &str) -> bool {
        self.share(who, what) < likely
    }

    pub fn between(self, [least, most]: [Duration; 2], who: &str, what: &str) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.share(who, what))
    }

    /// One of what is there, each as likely.
    pub fn one_of<'a, T>(self, all: &'a [T], who: &str, what: &str) -> Option<&'a T> {
        let share = self.share(who, what);
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let place = (share * all.len() as f64) as usize;
        all.get(place)
    }

    /// One of what is there, by its share; the last takes what is left.
    pub fn weighed<T: Copy>(self, all: &[(T, f64)], who: &str, what: &str) -> Option<T> {
        let mut left = self.share(who, what);
        let found = all.iter().find(|(_, share)| {
            left -= share;
            left < 0.0
        });
        found.or(all.last()).map(|(one, _)| *one)
    }
}
