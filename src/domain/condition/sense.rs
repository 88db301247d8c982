//! Conditions that ask nothing: parts that are never true, whoever the lead is, or always.
//!
//! A row of `and` is never true where its parts bind one value to what no value is. That is looked for over all
//! ways in which the whole could be true; where there are too many of them, nothing is said. So what is said is true,
//! and what is not said may be so all the same.

mod bounds;
mod known;

use std::ops::Range;

use self::known::{Known, is_always_known};
use super::{
    Condition,
    node::{Node, NodeKind},
};

/// How many parts are looked at for one answer.
const MOST: usize = 2_000;

/// A part of a condition that asks nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonsense {
    pub is: Asks,
    /// Where it stands in the source.
    pub at: Range<usize>,
    /// The two parts that are enough to make it so, where there are two.
    pub pair: Option<[Range<usize>; 2]>,
}

/// What is wrong with a part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    /// It is true of no lead, at no time.
    Never,
    /// It is true of every lead, at all times.
    Always,
}

impl Condition {
    /// Its smallest parts that are never true, or always; not what is written as `true` or `false`.
    #[must_use]
    pub fn nonsense(&self) -> Vec<Nonsense> {
        let mut found = Vec::new();
        look(&self.0.root, &mut found);
        found.sort_by_key(|part: &Nonsense| part.at.start);
        found
    }

    /// Whether it is sure that it is true of no lead.
    #[must_use]
    pub fn is_never(&self) -> bool {
        holds(Asks::Never, &[&self.0.root])
    }

    /// Whether it is sure that it is true of every lead.
    #[must_use]
    pub fn is_always(&self) -> bool {
        holds(Asks::Always, &[&self.0.root])
    }
}

fn look(node: &Node, found: &mut Vec<Nonsense>) {
    if matches!(node.kind, NodeKind::Constant(_)) {
        return;
    }
    let is = [Asks::Never, Asks::Always].into_iter().find(|is| holds(*is, &[node]));
    let parts: &[Node] = match &node.kind {
        NodeKind::All(parts) | NodeKind::Any(parts) => parts,
        NodeKind::Not(inner) => std::slice::from_ref(&**inner),
        _ => &[],
    };
    let Some(is) = is else {
        return parts.iter().for_each(|part| look(part, found));
    };
    // A part that is so makes the whole so.
    let is_row = matches!(node.kind, NodeKind::All(_) | NodeKind::Any(_));
    if is_row && parts.iter().any(|part| holds(is, &[part])) {
        return parts.iter().filter(|part| holds(is, &[part])).for_each(|part| look(part, found));
    }
    let pair = if is_row { pair(is, parts) } else { None };
    let at = match &pair {
        Some([first, second]) => first.start..second.end.max(first.end),
        None => range(node),
    };
    found.push(Nonsense { is, at, pair });
}

/// Two parts of a row that make it so.
fn pair(is: Asks, parts: &[Node]) -> Option<[Range<usize>; 2]> {
    let mut sorted: Vec<&Node> = parts.iter().collect();
    sorted.sort_by_key(|part| part.span.start);
    sorted.iter().enumerate().find_map(|(place, second)| {
        let first = sorted[..place].iter().find(|first| holds(is, &[first, second]))?;
        Some([range(first), range(second)])
    })
}

fn range(node: &Node) -> Range<usize> {
    node.span.start.into()..node.span.end.into()
}

/// Whether these are never all true, or one of them always is.
fn holds(is: Asks, parts: &[&Node]) -> bool {
    let wanted = is == Asks::Never;
    let mut search = Search { room: MOST, is };
    let open = parts.iter().map(|part| (*part, wanted)).collect();
    !search.may_be(open, Vec::new(), Known::default())
}

/// A search for values by which parts are what is wanted of them: true, or where that is not wanted not true.
struct Search {
    room: usize,
    is: Asks,
}

type Wanted<'n> = (&'n Node, bool);
/// Of these one is enough.
type Choice<'n> = (&'n [Node], bool);

impl Search {
    /// Whether there may be such values.
    fn may_be<'n>(
        &mut self,
        mut open: Vec<Wanted<'n>>,
        mut choices: Vec<Choice<'n>>,
        mut known: Known<'n>,
    ) -> bool {
        while let Some((node, wanted)) = open.pop() {
            if self.room == 0 {
                return true;
            }
            self.room -= 1;
            match &node.kind {
                NodeKind::Constant(value) if *value == wanted => {}
                NodeKind::Constant(_) => return false,
                NodeKind::Not(inner) => open.push((inner, !wanted)),
                NodeKind::All(parts) if wanted => open.extend(parts.iter().map(|it| (it, true))),
                NodeKind::Any(parts) if !wanted => open.extend(parts.iter().map(|it| (it, false))),
                NodeKind::All(parts) | NodeKind::Any(parts) => choices.push((parts, wanted)),
                // It may be unknown, which is not true, whatever the others are.
                leaf if self.is == Asks::Always && !is_always_known(leaf) => {}
                leaf if known.take(leaf, wanted) => {}
                _ => return false,
            }
        }
        let Some((parts, wanted)) = choices.pop() else { return true };
        parts.iter().any(|part| self.may_be(vec![(part, wanted)], choices.clone(), known.clone()))
    }
}
