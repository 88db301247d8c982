//! What is bound of a lead's values by parts that are true, or not true.

use super::{
    super::{
        ast::Comparison,
        node::{
            BoolTerm, Like, NodeKind, NumberTerm, Question, Reckoning, Source, Stages,
            Temperatures, TextTerm,
        },
    },
    bounds::{Bounds, whole},
};
use crate::domain::{lead::Stage, name::Name, score::Temperature};

/// What a sum of dates may be beyond which sums are cut off.
const FAR: i64 = i64::MAX / 4;

/// Each kind of value by itself: a text that came with an event may be read as a number, too.
#[derive(Clone, Debug, Default)]
pub(super) struct Known<'n> {
    stages: Stages,
    temperatures: Temperatures,
    engagement: Bounds<i64>,
    fit: Bounds<f64>,
    is_there: Vec<(&'n Source, bool)>,
    flags: Vec<(&'n Source, bool)>,
    texts: Vec<(&'n Source, Bounds<&'n str>)>,
    likes: Vec<(&'n Source, &'n Like, bool)>,
    numbers: Vec<(&'n Source, Bounds<f64>)>,
    sums: Vec<(Sum<'n>, Bounds<i64>)>,
    counts: Vec<(&'n Question, Bounds<i64>)>,
    /// Parts that are only compared with themselves, as they are told.
    others: Vec<(String, bool)>,
}

/// Dates with their signs, the first of them a plus, and how often `now`.
type Sum<'n> = (i64, Vec<(i64, &'n Source)>);

/// Whether a part is true or false of every lead that is decided, and never unknown.
pub(super) fn is_always_known(leaf: &NodeKind) -> bool {
    match leaf {
        NodeKind::Constant(_)
        | NodeKind::Has(_)
        | NodeKind::Stage(_)
        | NodeKind::Tag(_)
        | NodeKind::Fit { .. } => true,
        NodeKind::Question(question) => !question.behaviour,
        NodeKind::Moment { reckoning, .. } => reckoning.terms.is_empty(),
        _ => false,
    }
}

impl<'n> Known<'n> {
    /// Takes in that a part is true, or false; returns whether there may still be such a lead.
    pub fn take(&mut self, leaf: &'n NodeKind, wanted: bool) -> bool {
        match leaf {
            NodeKind::Stage(stages) => self.take_stages(*stages, wanted),
            NodeKind::Temperature(those) => self.take_temperatures(*those, wanted),
            NodeKind::Engagement { at_least, bound } => {
                let comparison = if *at_least { Comparison::AtLeast } else { Comparison::Less };
                take_whole(&mut self.engagement, comparison, bound.0, wanted)
            }
            NodeKind::Fit { comparison, bound } => self.fit.take(*comparison, *bound, wanted),
            NodeKind::Has(source) => take_same(&mut self.is_there, source, wanted),
            NodeKind::Flag(source) => self.take_flag(source, wanted),
            NodeKind::Bool { equal, left, right: BoolTerm::Literal(right) } => {
                self.take_flag(left, (equal == right) == wanted)
            }
            NodeKind::Text { comparison, left, right } => match (left, right) {
                (TextTerm::Value(source), TextTerm::Literal(text)) => {
                    self.text(source).take(*comparison, text, wanted) && self.fits(source)
                }
                (TextTerm::Literal(text), TextTerm::Value(source)) => {
                    self.text(source).take(comparison.flipped(), text, wanted) && self.fits(source)
                }
                _ => self.take_other(leaf, wanted),
            },
            NodeKind::TextIn { item: TextTerm::Value(source), list } => {
                let list: Vec<&str> = list.iter().map(Name::as_str).collect();
                self.text(source).take_one_of(&list, wanted) && self.fits(source)
            }
            NodeKind::TextLike { item: TextTerm::Value(source), like } => {
                self.likes.push((source, like, wanted));
                self.fits(source) && self.take_other(leaf, wanted)
            }
            NodeKind::Number { comparison, left, right } => match (left, right) {
                (NumberTerm::Value(source), NumberTerm::Literal(number)) => {
                    self.number(source).take(*comparison, *number, wanted) && self.has(source)
                }
                (NumberTerm::Literal(number), NumberTerm::Value(source)) => {
                    let comparison = comparison.flipped();
                    self.number(source).take(comparison, *number, wanted) && self.has(source)
                }
                _ => self.take_other(leaf, wanted),
            },
            NodeKind::NumberIn { item: NumberTerm::Value(source), list } => {
                self.number(source).take_one_of(list, wanted) && self.has(source)
            }
            NodeKind::Moment { comparison, reckoning } => {
                self.take_moment(*comparison, reckoning, wanted)
            }
            NodeKind::MomentIn { item, list } => self.take_moments(item, list, wanted),
            NodeKind::Question(question) => self.take_question(question, wanted),
            _ => self.take_other(leaf, wanted),
        }
    }

    fn take_stages(&mut self, stages: Stages, wanted: bool) -> bool {
        // What is kept are those that are no longer possible.
        let gone = if wanted { stages.others() } else { stages };
        Stage::ALL.into_iter().filter(|stage| gone.has(*stage)).for_each(|it| self.stages.add(it));
        !Stage::ALL.into_iter().all(|stage| self.stages.has(stage))
    }

    fn take_temperatures(&mut self, those: Temperatures, wanted: bool) -> bool {
        let gone = if wanted { those.others() } else { those };
        for temperature in Temperature::ALL.into_iter().filter(|it| gone.has(*it)) {
            self.temperatures.add(temperature);
        }
        !Temperature::ALL.into_iter().all(|temperature| self.temperatures.has(temperature))
    }

    /// What compares with something missing is unknown.
    fn has(&mut self, source: &'n Source) -> bool {
        take_same(&mut self.is_there, source, true)
    }

    fn take_flag(&mut self, source: &'n Source, value: bool) -> bool {
        take_same(&mut self.flags, source, value) && self.has(source)
    }

    fn text(&mut self, source: &'n Source) -> &mut Bounds<&'n str> {
        of(&mut self.texts, source)
    }

    /// Whether the few texts that it may be pass what it is tried for.
    fn fits(&mut self, source: &'n Source) -> bool {
        let Self { texts, likes, .. } = self;
        let text = of(texts, source);
        let mut likes = likes.iter().filter(|(of, ..)| *of == source);
        likes.all(|(_, like, wanted)| text.keep(|text| like.fits(text) == *wanted))
            && self.has(source)
    }

    fn number(&mut self, source: &'n Source) -> &mut Bounds<f64> {
        of(&mut self.numbers, source)
    }

    fn take_moment(
        &mut self,
        comparison: Comparison,
        reckoning: &'n Reckoning,
        wanted: bool,
    ) -> bool {
        if reckoning.offset.abs() > FAR {
            return true;
        }
        let (sum, is_turned) = sum(reckoning);
        let (comparison, bound) = if is_turned {
            (comparison.flipped(), reckoning.offset)
        } else {
            (comparison, -reckoning.offset)
        };
        take_whole(of(&mut self.sums, sum), comparison, bound, wanted) && self.has_all(reckoning)
    }

    fn take_moments(&mut self, item: &'n Reckoning, list: &[i64], wanted: bool) -> bool {
        // Of none it is none, also where it is missing.
        if list.is_empty() {
            return !wanted;
        }
        if item.offset.abs() > FAR {
            return true;
        }
        let (sum, is_turned) = sum(item);
        let list = list.iter().map(|at| at.saturating_sub(item.offset));
        let list: Vec<i64> = list.map(|at| if is_turned { -at } else { at }).collect();
        of(&mut self.sums, sum).take_one_of(&list, wanted) && self.has_all(item)
    }

    fn has_all(&mut self, reckoning: &'n Reckoning) -> bool {
        reckoning.terms.iter().all(|(_, source)| self.has(source))
    }

    /// The same hits are counted where only the number that is asked for differs.
    fn take_question(&mut self, question: &'n Question, wanted: bool) -> bool {
        let Ok(times) = i64::try_from(question.times) else { return true };
        let place = self.counts.iter().position(|(known, _)| known.counts_alike(question));
        let place = place.unwrap_or_else(|| {
            self.counts.push((question, Bounds::default()));
            self.counts.len() - 1
        });
        take_whole(&mut self.counts[place].1, Comparison::AtLeast, times, wanted)
    }

    fn take_other(&mut self, leaf: &NodeKind, wanted: bool) -> bool {
        take_same(&mut self.others, format!("{leaf:?}"), wanted)
    }
}

fn take_whole(bounds: &mut Bounds<i64>, comparison: Comparison, bound: i64, wanted: bool) -> bool {
    let comparison = if wanted { comparison } else { comparison.negated() };
    whole(comparison, bound).is_none_or(|(comparison, bound)| bounds.take(comparison, bound, true))
}

/// The sum of dates without what is added to it, and whether its signs are turned.
fn sum(reckoning: &Reckoning) -> (Sum<'_>, bool) {
    let mut terms: Vec<(i64, &Source)> =
        reckoning.terms.iter().map(|(sign, source)| (*sign, source)).collect();
    terms.sort_by_cached_key(|(sign, source)| (format!("{source:?}"), *sign));
    let first = terms.first().map_or(reckoning.slope, |(sign, _)| *sign);
    if first >= 0 {
        return ((reckoning.slope, terms), false);
    }
    terms.iter_mut().for_each(|(sign, _)| *sign = -*sign);
    ((-reckoning.slope, terms), true)
}

/// Whether it is known to be so, or not known before.
fn take_same<K: PartialEq>(known: &mut Vec<(K, bool)>, key: K, value: bool) -> bool {
    if let Some((_, known)) = known.iter().find(|(other, _)| *other == key) {
        return *known == value;
    }
    known.push((key, value));
    true
}

fn of<K: PartialEq, V: Default>(known: &mut Vec<(K, V)>, key: K) -> &mut V {
    let place = known.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
        known.push((key, V::default()));
        known.len() - 1
    });
    &mut known[place].1
}
