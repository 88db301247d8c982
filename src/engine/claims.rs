//! The claims that this process is at work on.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{clock::random_u64, store::records::ClaimToken};

/// The tokens of all claims that somebody here holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims(Arc<Mutex<HashSet<ClaimToken>>>);

/// One claim of some messages. Whoever is at work on one of them keeps a clone: until the last is dropped
/// the claim is not taken for one that was left behind, wherever the clock may have jumped.
#[derive(Clone, Debug)]
pub struct Claim {
    pub token: ClaimToken,
    /// By then it must have ended: our own clock stops us before the lease runs out for others.
    pub deadline: tokio::time::Instant,
    _held: Arc<Held>,
}

#[derive(Debug)]
struct Held {
    token: ClaimToken,
    among: Claims,
}

impl Claims {
    /// A new claim, under a token that nobody else has.
    pub fn begin(&self, deadline: tokio::time::Instant) -> Claim {
        let token = ClaimToken((random_u64() >> 1).cast_signed());
        self.tokens().insert(token);
        Claim { token, deadline, _held: Arc::new(Held { token, among: self.clone() }) }
    }

    pub fn holds(&self, token: ClaimToken) -> bool {
        self.tokens().contains(&token)
    }

    fn tokens(&self) -> MutexGuard<'_, HashSet<ClaimToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.among.tokens().remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_claim_is_held_as_long_as_anybody_is_at_work_on_it() {
        let claims = Claims::default();
        let claim = claims.begin(tokio::time::Instant::now());
        let (token, part) = (claim.token, claim.clone());
        drop(claim);
        assert!(claims.holds(token));
        drop(part);
        assert!(!claims.holds(token));
    }
}
