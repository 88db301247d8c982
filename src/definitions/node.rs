//! The tree that YAML is read into: with places, in order, and every scalar as it is written.
//!
//! Scalars stay text: what they mean is decided by the place they stand in, so `country: no` is the
//! text `no`, `007` keeps its zeros and nobody's boolean or octal is guessed at.

use super::problem::Span;

/// A node and where it stands. What comes out of the store has no place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub span: Span,
    pub data: Data,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    /// Nothing after the colon, `~` or `null`.
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file, each key once.
    Map(Vec<(Key, Node)>),
    /// Reported already: to be passed over in silence.
    Broken,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    pub text: String,
    pub style: Style,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// After `|` or `>`.
    Block,
    /// Out of the store.
    Stored,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub text: String,
    pub span: Span,
}

impl Node {
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// What it is, for "this should be a list, it is …".
    pub const fn what(&self) -> &'static str {
        match self.data {
            Data::Null => "empty",
            Data::Scalar(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "a map of keys",
            Data::Broken => "broken",
        }
    }
}
