//! Dates against dates and against `now`: whole milliseconds, exact.

use super::{
    ast::Comparison,
    eval::{UNKNOWN, known},
    node::Reckoning,
    view::View,
};
use crate::domain::{time::Instant, verdict::Verdict};

impl Reckoning {
    /// Its value at `view.now`; `None` if something is missing.
    fn value(&self, view: &View<'_>) -> Option<i64> {
        let mut sum = self.offset.saturating_add(self.slope.saturating_mul(view.now.millis()));
        for (sign, source) in &self.terms {
            let at = source.instant(view)?;
            sum = sum.saturating_add(sign.saturating_mul(at.millis()));
        }
        Some(sum)
    }

    /// `self comparison other`.
    pub fn compared(&self, comparison: Comparison, other: i64, view: &View<'_>) -> Verdict {
        let Some(value) = self.value(view) else { return UNKNOWN };
        let difference = value.saturating_sub(other);
        let holds = comparison.holds(difference.cmp(&0));
        let holds_until = match changes_after(comparison, difference, self.slope) {
            Some(elapsed) => Instant::from_millis(view.now.millis().saturating_add(elapsed)),
            None => Instant::NEVER,
        };
        Verdict { value: holds.into(), holds_until }
    }

    pub fn one_of(&self, list: &[i64], view: &View<'_>) -> Verdict {
        list.iter().fold(known(false), |whole, listed| {
            whole.or(self.compared(Comparison::Equal, *listed, view))
        })
    }
}

/// The least `t > 0` for which `difference + slope · t` compares with 0 otherwise than at `t = 0`.
fn changes_after(comparison: Comparison, difference: i64, slope: i64) -> Option<i64> {
    let (comparison, difference, slope) = match slope {
        0 => return None,
        ..0 => (comparison.flipped(), difference.checked_neg()?, slope.checked_neg()?),
        _ => (comparison, difference, slope),
    };
    if difference > 0 {
        return None;
    }
    let now = comparison.holds(difference.cmp(&0));
    // It grows: it may come to 0, and then it is above.
    let distance = difference.checked_neg()?;
    let quotient = distance / slope;
    let reaches = if distance % slope == 0 { quotient } else { quotient + 1 };
    [reaches, quotient + 1].into_iter().find(|&t| {
        let then = slope.saturating_mul(t).cmp(&distance);
        t > 0 && comparison.holds(then) != now
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ];

    proptest! {
        #[test]
        fn the_change_is_the_first_one(
            comparison in prop::sample::select(&ALL[..]),
            difference in -60i64..60,
            slope in -4i64..=4,
        ) {
            let at = |t: i64| comparison.holds((difference + slope * t).cmp(&0));
            let searched = (1..200).find(|&t| at(t) != at(0));
            prop_assert_eq!(changes_after(comparison, difference, slope), searched);
        }
    }
}
