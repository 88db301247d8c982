//! Visits inside of loops: which round, which round of the loop inside of that, which try.
//!
//! A visit is part of the key of a mail, so none may come twice at a step. It is a number with three decimal digits
//! for each: at a step in no loop the tries alone, in one loop `round * 1000 + try`, in two of them
//! `(outer round * 1000 + inner round) * 1000 + try`. Whoever moves to another version of their workflow may come to a step
//! once more: then visits begin a [`STAY`] further on.

/// How deep loops stand inside of each other at most.
pub const DEEPEST: usize = 2;

/// The most rounds of a loop.
pub const MOST_ROUNDS: i32 = 100;

/// One more than the rounds that a loop, or the tries that a visit, may have.
const ROOM: u64 = 1000;

/// One more than all visits of a stay in one version.
pub const STAY: u64 = ROOM * ROOM * ROOM;

/// The how-manieth time an enrolment is at its step in this round, for its mail was taken back, or its card is told again.
#[must_use]
pub const fn tries(visit: u64) -> u64 {
    visit % ROOM
}

/// Whether two visits of a step are tries of one arrival.
#[must_use]
pub const fn is_same_arrival(one: u64, other: u64) -> bool {
    one / ROOM == other / ROOM
}

/// The rounds of the loops around a visit, `depth` of them, the outermost first.
pub(super) fn rounds(visit: u64, depth: usize) -> Vec<u64> {
    let mut rest = visit % STAY / ROOM;
    let mut rounds = vec![0; depth];
    for round in rounds.iter_mut().rev() {
        *round = rest % ROOM;
        rest /= ROOM;
    }
    rounds
}

/// The first try in these rounds.
pub(super) fn first_try(rounds: impl Iterator<Item = u64>) -> u64 {
    rounds.fold(0, |visit, round| visit * ROOM + round) * ROOM + 1
}

/// The first try in the next round of the innermost loop.
pub const fn next_round(visit: u64) -> u64 {
    (visit / ROOM + 1) * ROOM + 1
}

/// How often the innermost loop has been gone round.
#[allow(clippy::cast_possible_truncation)] // below a thousand
pub const fn rounds_done(visit: u64) -> u32 {
    (visit / ROOM % ROOM) as u32
}
