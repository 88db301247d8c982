//! What conditions look at, so that of many leads no more is read.

use std::collections::BTreeSet;

use super::{
    Condition,
    node::{BoolTerm, Node, NodeKind, NumberTerm, Source, TextTerm},
};
use crate::domain::{
    definitions::{Segment, SegmentIx},
    facts::FactIx,
    score::Scoring,
    value::Slot,
};

/// What some conditions look at.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reads {
    pub facts: BTreeSet<FactIx>,
    /// In an order in which each names only earlier ones.
    pub segments: BTreeSet<SegmentIx>,
    pub attributes: BTreeSet<Slot>,
    pub stage: bool,
    pub tags: bool,
    /// Whether behaviour may be looked at.
    pub behaviour: bool,
}

impl Reads {
    /// What a condition looks at, also through segments and scores.
    fn add(&mut self, condition: &Condition, segments: &[Segment], scoring: &Scoring) {
        condition.0.root.each(&mut |part| self.add_leaf(part, segments, scoring));
    }

    /// Adds a segment, once: others may name it many times, and those others again.
    pub fn add_segment(&mut self, index: SegmentIx, segments: &[Segment], scoring: &Scoring) {
        if let Some(segment) = segments.get(index.0)
            && self.segments.insert(index)
        {
            self.add(&segment.condition, segments, scoring);
        }
    }

    fn add_leaf(&mut self, part: &Node, segments: &[Segment], scoring: &Scoring) {
        match &part.kind {
            NodeKind::Has(source) | NodeKind::Flag(source) => self.add_source(source),
            NodeKind::Bool { left, right, .. } => {
                self.add_source(left);
                if let BoolTerm::Value(source) = right {
                    self.add_source(source);
                }
            }
            NodeKind::Text { left, right, .. } => {
                self.add_text(left);
                self.add_text(right);
            }
            NodeKind::TextIn { item, .. } | NodeKind::TextLike { item, .. } => self.add_text(item),
            NodeKind::Number { left, right, .. } => {
                self.add_number(left);
                self.add_number(right);
            }
            NodeKind::NumberIn { item, .. } => self.add_number(item),
            NodeKind::Moment { reckoning: item, .. } | NodeKind::MomentIn { item, .. } => {
                item.terms.iter().for_each(|(_, source)| self.add_source(source));
            }
            NodeKind::Temperature(_) | NodeKind::Engagement { .. } => {
                self.behaviour = true;
                self.facts.extend(scoring.engagement.iter().map(|rule| rule.fact));
            }
            NodeKind::Fit { .. } => {
                scoring.fit.iter().for_each(|rule| self.add(&rule.when, segments, scoring));
            }
            NodeKind::Tag(_) => self.tags = true,
            NodeKind::Segment(index) => self.add_segment(*index, segments, scoring),
            NodeKind::Question(question) => {
                self.behaviour |= question.behaviour;
                self.facts.insert(question.fact);
            }
            NodeKind::Stage(_) => self.stage = true,
            NodeKind::Constant(_) | NodeKind::Not(_) | NodeKind::All(_) | NodeKind::Any(_) => {}
        }
    }

    fn add_source(&mut self, source: &Source) {
        if let Source::Attribute(slot) = source {
            self.attributes.insert(*slot);
        }
    }

    fn add_text(&mut self, term: &TextTerm) {
        if let TextTerm::Value(source) = term {
            self.add_source(source);
        }
    }

    fn add_number(&mut self, term: &NumberTerm) {
        if let NumberTerm::Value(source) = term {
            self.add_source(source);
        }
    }
}
