//! Verdicts: the value of a checked condition at an instant, and how long it holds.
//!
//! Nothing here allocates, hashes or fails. Each leaf says exactly when it next changes, so `and` and
//! `or` need only take the right one of their parts' instants. A row is left early only when what
//! settles it holds for ever: with a finite hold a later part could make the whole hold longer.

use std::cell::Cell;

use super::{
    ast::Comparison,
    node::{BoolTerm, Like, Node, NodeKind, NumberTerm, Source, TextTerm},
    view::View,
};
use crate::domain::{
    time::Instant,
    value::{Value, ValueType, parse_date},
    verdict::{Truth, Verdict},
};

pub(super) const UNKNOWN: Verdict = Verdict::always(Truth::Unknown);

impl Node {
    pub fn verdict(&self, view: &View<'_>) -> Verdict {
        match &self.kind {
            NodeKind::Constant(value) => known(*value),
            NodeKind::Not(inner) => inner.verdict(view).negate(),
            NodeKind::All(parts) => {
                let mut whole = known(true);
                for part in parts {
                    whole = whole.and(part.verdict(view));
                    if whole.value == Truth::False && whole.holds_until.is_never() {
                        break;
                    }
                }
                whole
            }
            NodeKind::Any(parts) => {
                let mut whole = known(false);
                for part in parts {
                    whole = whole.or(part.verdict(view));
                    if whole.value == Truth::True && whole.holds_until.is_never() {
                        break;
                    }
                }
                whole
            }
            NodeKind::Has(source) => known(source.is_there(view)),
            NodeKind::Flag(source) => source.boolean(view).map_or(UNKNOWN, known),
            NodeKind::Bool { equal, left, right } => {
                let (left, right) = (left.boolean(view), right.value(view));
                both(left, right, |left, right| (left == right) == *equal)
            }
            NodeKind::Text { comparison, left, right } => {
                both(left.value(view), right.value(view), |left, right| match comparison {
                    Comparison::Equal => left == right,
                    Comparison::Unequal => left != right,
                    order => order.holds(left.cmp(right)),
                })
            }
            NodeKind::TextIn { item, list } => item
                .value(view)
                .map_or(UNKNOWN, |item| known(list.iter().any(|listed| **listed == *item))),
            NodeKind::TextLike { item, like } => {
                item.value(view).map_or(UNKNOWN, |item| known(like.fits(item)))
            }
            NodeKind::Number { comparison, left, right } => {
                both(left.value(view), right.value(view), |left, right| {
                    left.partial_cmp(&right).is_some_and(|ordering| comparison.holds(ordering))
                })
            }
            NodeKind::NumberIn { item, list } => {
                item.value(view).map_or(UNKNOWN, |item| known(list.contains(&item)))
            }
            NodeKind::Moment { comparison, reckoning } => reckoning.compared(*comparison, 0, view),
            NodeKind::MomentIn { item, list } => item.one_of(list, view),
            NodeKind::Stage(stages) => known(stages.has(view.stage)),
            NodeKind::Temperature(temperatures) => view.is_temperature(*temperatures),
            NodeKind::Engagement { at_least, bound } => view.is_engaged(*at_least, *bound),
            NodeKind::Fit { comparison, bound } => view.has_fit(*comparison, *bound),
            NodeKind::Tag(name) => known(view.tags.contains(name)),
            NodeKind::Segment(index) => {
                match view.known_segments.get(index.0).and_then(Cell::get) {
                    Some(verdict) => verdict,
                    // A segment's questions are over all history by themselves, and it cannot name
                    // `entry`, so it may look through this view.
                    None => view
                        .segments
                        .get(index.0)
                        .map_or(UNKNOWN, |segment| segment.condition.verdict(view)),
                }
            }
            NodeKind::Question(question) => question.verdict(view),
        }
    }
}

/// A value that no passing of time changes.
pub(super) fn known(value: bool) -> Verdict {
    Verdict::always(value.into())
}

/// What compares with something missing is unknown.
#[inline]
fn both<T>(left: Option<T>, right: Option<T>, compare: impl FnOnce(T, T) -> bool) -> Verdict {
    match (left, right) {
        (Some(left), Some(right)) => known(compare(left, right)),
        _ => UNKNOWN,
    }
}

impl Like {
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::StartsWith(start) => text.starts_with(start.as_str()),
            Self::EndsWith(end) => text.ends_with(end.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

impl TextTerm {
    #[inline]
    fn value<'v>(&'v self, view: &View<'v>) -> Option<&'v str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Value(source) => source.text(view),
        }
    }
}

impl NumberTerm {
    #[inline]
    fn value(&self, view: &View<'_>) -> Option<f64> {
        match self {
            Self::Literal(number) => Some(*number),
            Self::Value(source) => source.number(view),
        }
    }
}

impl BoolTerm {
    fn value(&self, view: &View<'_>) -> Option<bool> {
        match self {
            Self::Literal(value) => Some(*value),
            Self::Value(source) => source.boolean(view),
        }
    }
}

/// A value that came with an event as text is read as the type that it is compared with; what does
/// not fit is missing.
impl Source {
    pub fn is_there(&self, view: &View<'_>) -> bool {
        match self {
            Self::Attribute(slot) => view.attributes.get(slot.0).is_some_and(Option::is_some),
            Self::EntryObject => view.entry.is_some_and(|entry| entry.object.is_some()),
            Self::EntryKind | Self::EntryAt => view.entry.is_some(),
            Self::EntryKey(_) => self.stored(view).is_some(),
        }
    }

    /// The value of an attribute or of a key of the entering event.
    pub fn stored<'v>(&self, view: &View<'v>) -> Option<&'v Value> {
        match self {
            Self::Attribute(slot) => view.attributes.get(slot.0)?.as_ref(),
            Self::EntryKey(key) => view.entry?.data.get(key),
            _ => None,
        }
    }

    fn text<'v>(&self, view: &View<'v>) -> Option<&'v str> {
        match self {
            Self::EntryObject => view.entry?.object.as_deref(),
            Self::EntryKind => Some(view.entry?.kind.as_str()),
            _ => match self.stored(view)? {
                Value::Text(text) => Some(text),
                _ => None,
            },
        }
    }

    fn number(&self, view: &View<'_>) -> Option<f64> {
        match self.stored(view)? {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    fn boolean(&self, view: &View<'_>) -> Option<bool> {
        match self.stored(view)? {
            Value::Bool(value) => Some(*value),
            Value::Text(text) => match ValueType::Bool.parse(text) {
                Ok(Some(Value::Bool(value))) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn instant(&self, view: &View<'_>) -> Option<Instant> {
        match self {
            Self::EntryAt => Some(view.entry?.at),
            _ => match self.stored(view)? {
                Value::Date(at) => Some(*at),
                Value::Text(text) => parse_date(text),
                _ => None,
            },
        }
    }
}
