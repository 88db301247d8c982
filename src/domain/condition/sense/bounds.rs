//! What one value may be, as far as comparisons with it say.

use std::cmp::Ordering;

use super::super::ast::Comparison;

/// Between two ends, one of some, none of others.
#[derive(Clone, Debug)]
pub(super) struct Bounds<T> {
    least: Option<T>,
    most: Option<T>,
    among: Option<Vec<T>>,
    not: Vec<T>,
}

impl<T> Default for Bounds<T> {
    fn default() -> Self {
        Self { least: None, most: None, among: None, not: Vec::new() }
    }
}

impl<T: PartialOrd + Copy> Bounds<T> {
    /// Takes in that the value compares so; returns whether there may still be one.
    pub fn take(&mut self, comparison: Comparison, other: T, wanted: bool) -> bool {
        let comparison = if wanted { comparison } else { comparison.negated() };
        match comparison {
            Comparison::Equal => return self.take_one_of(&[other], true),
            Comparison::Unequal => self.not.push(other),
            Comparison::Less | Comparison::AtMost => {
                if self.most.is_none_or(|most| other < most) {
                    self.most = Some(other);
                }
            }
            Comparison::Greater | Comparison::AtLeast => {
                if self.least.is_none_or(|least| other > least) {
                    self.least = Some(other);
                }
            }
        }
        // An end that does not belong to it.
        if matches!(comparison, Comparison::Less | Comparison::Greater) {
            self.not.push(other);
        }
        self.may_be()
    }

    /// Takes in that the value is one of these, or none of them.
    pub fn take_one_of(&mut self, list: &[T], wanted: bool) -> bool {
        if !wanted {
            self.not.extend(list);
            return self.may_be();
        }
        match &mut self.among {
            Some(among) => among.retain(|one| list.contains(one)),
            None => self.among = Some(list.to_vec()),
        }
        self.may_be()
    }

    /// Takes in a test, of which only what it says of a known few is looked at.
    pub fn keep(&mut self, passes: impl Fn(&T) -> bool) -> bool {
        if let Some(among) = &mut self.among {
            among.retain(passes);
        }
        self.may_be()
    }

    fn may_be(&mut self) -> bool {
        let (least, most, not) = (self.least, self.most, &self.not);
        let is_open = |value: &T| {
            least.is_none_or(|least| *value >= least)
                && most.is_none_or(|most| *value <= most)
                && !not.contains(value)
        };
        if let Some(among) = &mut self.among {
            among.retain(is_open);
            return !among.is_empty();
        }
        match (least, most) {
            (Some(least), Some(most)) => match least.partial_cmp(&most) {
                Some(Ordering::Greater) => false,
                Some(Ordering::Equal) => is_open(&least),
                _ => true,
            },
            _ => true,
        }
    }
}

/// Of whole numbers the ends belong to it, so that between 5 and 6 there is none.
pub(super) fn whole(comparison: Comparison, bound: i64) -> Option<(Comparison, i64)> {
    Some(match comparison {
        Comparison::Less => (Comparison::AtMost, bound.checked_sub(1)?),
        Comparison::Greater => (Comparison::AtLeast, bound.checked_add(1)?),
        same => (same, bound),
    })
}
