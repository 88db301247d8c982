//! Where the steps inside of a step are written.

use super::{forks, hand_off, split, wait_for};
use crate::definitions::node::Node;

const BRANCHES: [&str; 2] = ["then", "else"];

/// Keys of a step that hold steps, of all kinds: one without a value is told.
pub(super) fn keys<'a>() -> impl Iterator<Item = &'a str> {
    BRANCHES.into_iter().chain(hand_off::BRANCHES)
}

/// The lists of a step, in the order of [`StepKind::branches_mut`](crate::domain::workflow::StepKind::branches_mut).
pub(in crate::definitions) fn lists(node: &Node) -> Vec<Option<&Node>> {
    let outcomes = wait_for::outcomes(node);
    if node.get("hand_off").is_some() {
        hand_off::branches(node).into()
    } else if let Some(branch) = node.get("branch") {
        forks::cases(branch).chain([node.get("else")]).collect()
    } else if let Some(split) = node.get("split") {
        split::arms(split).collect()
    } else if node.get("repeat").is_some() {
        vec![node.get("steps")]
    } else if outcomes.is_empty() {
        BRANCHES.map(|key| node.get(key)).into()
    } else {
        outcomes.into_iter().chain(["else"]).map(|key| node.get(key)).collect()
    }
}
