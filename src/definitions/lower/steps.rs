//! `steps:` → the flat list in which each step knows where to go next.

use super::{forks, step, step::Draft, step_id, workflow::Known};
use crate::{
    definitions::{
        node::{Data, Node},
        problem::File,
    },
    domain::workflow::{Step, StepIx, StepKind, Steps},
};

/// The most steps of a workflow.
const MOST: usize = 1_000;

/// `has_end` is whether the workflow has a goal or a leave, which end a wait without `up_to`.
pub(super) fn lower(
    file: &File<'_>,
    node: &Node,
    known: &Known<'_>,
    has_end: bool,
) -> Option<Steps> {
    let mut drafts = list(file, node, known, has_end)?;
    if matches!(&node.data, Data::List(items) if items.is_empty()) {
        let hint = "add: - email: cold/industry-report".to_owned();
        file.error("missing-value", node.span, "`steps` holds no step", Some(hint));
        return None;
    }
    let count = drafts.iter().map(Draft::size).sum::<usize>();
    if count > MOST {
        file.error("too-large", node.span, format!("more than {MOST} steps"), None);
        return None;
    }
    if !step_id::name_all(file, &mut drafts) {
        return None;
    }
    let mut flat = Flat { steps: Vec::with_capacity(count) };
    let first = flat.block(drafts, None);
    Steps::new(flat.steps, first).ok()
}

/// The steps of a block that could be read; the others are reported.
pub(super) fn list(
    file: &File<'_>,
    node: &Node,
    known: &Known<'_>,
    has_end: bool,
) -> Option<Vec<Draft>> {
    let items = match &node.data {
        Data::List(items) => items,
        Data::Broken => return None,
        _ => {
            let message = format!("steps are a list; this is {}", node.what());
            let hint = "begin each step with `- `, on a line of its own".to_owned();
            file.error("wrong-type", node.span, message, Some(hint));
            return None;
        }
    };
    let drafts: Vec<Draft> =
        items.iter().filter_map(|item| step::read(file, item, known, has_end)).collect();
    let end = drafts.iter().position(ends_here);
    if let Some((end, after)) = end.and_then(|end| Some((&drafts[end], drafts.get(end + 1)?))) {
        let why = match end.kind {
            StepKind::Stop { .. } => "it stands after a `stop`",
            StepKind::If { .. } => "both branches above it end in a `stop`",
            _ => "all ways above it end in a `stop`",
        };
        let hint = format!("put it before the `{}`, or delete it", end.kind.word());
        file.warning(
            "unreachable-step",
            after.at,
            format!("this step is never reached: {why}"),
            Some(hint),
        );
    }
    Some(drafts)
}

/// Whether nobody goes on after this step. After a `wait_for` whose branches both stop, somebody may:
/// where it is unknown whether it came to pass, neither is taken.
fn ends_here(draft: &Draft) -> bool {
    matches!(draft.kind, StepKind::Stop { .. }) || forks::ends_here(draft, ends_here)
}

struct Flat {
    steps: Vec<Step>,
}

impl Flat {
    /// Lays a block out in document order; its end goes on at `after`. Returns where it begins.
    fn block(&mut self, drafts: Vec<Draft>, after: Option<StepIx>) -> Option<StepIx> {
        if drafts.is_empty() {
            return None;
        }
        let first = StepIx(self.steps.len());
        let count = drafts.len();
        for (number, draft) in drafts.into_iter().enumerate() {
            let size = draft.size();
            let here = self.steps.len();
            let next = if number + 1 < count { Some(StepIx(here + size)) } else { after };
            self.steps.push(Step { id: draft.id, kind: draft.kind, next });
            let is_loop = self.steps[here].kind.is_loop();
            let after = if is_loop { Some(StepIx(here)) } else { next };
            let begins: Vec<Option<StepIx>> =
                draft.branches.into_iter().map(|branch| self.block(branch, after)).collect();
            for (branch, begin) in self.steps[here].kind.branches_mut().into_iter().zip(begins) {
                *branch = begin;
            }
        }
        Some(first)
    }
}
