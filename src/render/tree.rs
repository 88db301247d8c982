//! The size of the tree that a browser's parser makes of a page. What lays a page out as text, and what writes
//! styles into it, walks such a tree and calls itself at each level.
//!
//! The tags alone do not tell: parsers close, open again and move what the author did not write. So the
//! same parser as theirs builds the tree here, without its content, and stops where it grows too large.

use std::{
    borrow::Cow,
    cell::{Cell, Ref, RefCell},
};

use html5ever::{
    Attribute, QualName, local_name, ns,
    tendril::StrTendril,
    tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts},
    tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilder, TreeBuilderOpts, TreeSink},
};

/// Deeper nesting is no mail; it would only exhaust a stack.
const DEPTH: usize = 200;
const ELEMENTS: usize = 20_000;

/// How many elements a page has, if they are no more and no deeper than those of a mail may be.
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
pub(super) fn elements(page: &str) -> Result<usize, String> {
    let tree = tree(page);
    if tree.is_deep.get() || tree.depth() > DEPTH {
        return Err(format!("is nested more than {DEPTH} elements deep"));
    }
    if tree.is_full() {
        return Err(format!("has more than {ELEMENTS} elements"));
    }
    Ok(tree.elements.borrow().len())
}

fn tree(page: &str) -> Tree {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let builder = TreeBuilder::new(Tree::default(), TreeBuilderOpts::default());
    let tokenizer = Tokenizer::new(Bounded(builder), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.sink
}

/// Passes nothing on to a tree that is too large: one tag can make as many elements as there are already,
/// and takes longer the more of them are open.
struct Bounded(TreeBuilder<usize, Tree>);

impl TokenSink for Bounded {
    type Handle = usize;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<usize> {
        if self.0.sink.is_deep.get() || self.0.sink.is_full() {
            return TokenSinkResult::Continue;
        }
        self.0.process_token(token, line)
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.0.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// Elements by their number; the first is the document.
struct Tree {
    elements: RefCell<Vec<Element>>,
    is_deep: Cell<bool>,
}

struct Element {
    name: QualName,
    parent: Option<usize>,
    /// Where it was put; it may have been moved since.
    depth: usize,
    /// With some that have another parent by now.
    children: Vec<usize>,
}

impl Element {
    const fn new(name: QualName) -> Self {
        Self { name, parent: None, depth: 0, children: Vec::new() }
    }
}

impl Default for Tree {
    fn default() -> Self {
        let document = QualName::new(None, ns!(), local_name!(""));
        let elements = RefCell::new(vec![Element::new(document)]);
        Self { elements, is_deep: Cell::new(false) }
    }
}

impl Tree {
    fn is_full(&self) -> bool {
        self.elements.borrow().len() > ELEMENTS
    }

    /// Elements within elements.
    fn depth(&self) -> usize {
        let elements = self.elements.borrow();
        let mut level = vec![0];
        let mut depth = 0;
        loop {
            let is_child = |parent: usize, child: usize| elements[child].parent == Some(parent);
            let children = level.iter().flat_map(|&parent| {
                let children = elements[parent].children.iter().copied();
                children.filter(move |&child| is_child(parent, child))
            });
            let mut next: Vec<usize> = children.collect();
            next.sort_unstable();
            next.dedup();
            if next.is_empty() {
                return depth;
            }
            (level, depth) = (next, depth + 1);
        }
    }

    fn push(&self, name: QualName) -> usize {
        let mut elements = self.elements.borrow_mut();
        elements.push(Element::new(name));
        elements.len() - 1
    }

    fn put(&self, parent: usize, child: usize) {
        let mut elements = self.elements.borrow_mut();
        elements[parent].children.push(child);
        elements[child].parent = Some(parent);
        elements[child].depth = elements[parent].depth + 1;
        self.is_deep.set(self.is_deep.get() || elements[child].depth > DEPTH);
    }
}

impl TreeSink for Tree {
    type Handle = usize;
    type Output = Self;
    type ElemName<'a> = Ref<'a, QualName>;

    fn finish(self) -> Self {
        self
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> usize {
        0
    }

    fn elem_name<'a>(&'a self, target: &'a usize) -> Ref<'a, QualName> {
        Ref::map(self.elements.borrow(), |elements| &elements[*target].name)
    }

    fn create_element(&self, name: QualName, _: Vec<Attribute>, _: ElementFlags) -> usize {
        self.push(name)
    }

    fn create_comment(&self, _: StrTendril) -> usize {
        self.push(QualName::new(None, ns!(), local_name!("")))
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> usize {
        self.push(QualName::new(None, ns!(), local_name!("")))
    }

    fn append(&self, parent: &usize, child: NodeOrText<usize>) {
        if let NodeOrText::AppendNode(child) = child {
            self.put(*parent, child);
        }
    }

    fn append_based_on_parent_node(
        &self,
        element: &usize,
        before: &usize,
        child: NodeOrText<usize>,
    ) {
        let parent = self.elements.borrow()[*element].parent;
        self.append(&parent.unwrap_or(*before), child);
    }

    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}

    fn get_template_contents(&self, target: &usize) -> usize {
        *target
    }

    fn same_node(&self, x: &usize, y: &usize) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &usize, child: NodeOrText<usize>) {
        let parent = self.elements.borrow()[*sibling].parent;
        self.append(&parent.unwrap_or(0), child);
    }

    fn add_attrs_if_missing(&self, _: &usize, _: Vec<Attribute>) {}

    fn remove_from_parent(&self, target: &usize) {
        self.elements.borrow_mut()[*target].parent = None;
    }

    fn reparent_children(&self, from: &usize, to: &usize) {
        let mut elements = self.elements.borrow_mut();
        for child in std::mem::take(&mut elements[*from].children) {
            if elements[child].parent == Some(*from) {
                elements[child].parent = Some(*to);
                elements[*to].children.push(child);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use css_inline::CSSInliner;
    use proptest::prelude::*;

    use super::*;
    use crate::render::html::{self, Node};

    const NAMES: &[&str] = &[
        "div", "p", "li", "ul", "dd", "b", "i", "a", "nobr", "span", "table", "tr", "td",
        "caption", "h1", "form", "button", "select", "option", "br", "svg", "g", "template",
    ];

    fn soup() -> impl Strategy<Value = String> {
        let name = || prop::sample::select(NAMES);
        let piece = prop_oneof![
            5 => name().prop_map(|name| format!("<{name}>")),
            4 => name().prop_map(|name| format!("</{name}>")),
            1 => name().prop_map(|name| format!("<{name}/>")),
            1 => (name(), 0..9).prop_map(|(name, id)| format!("<{name} id={id}>")),
            2 => Just("x".to_owned()),
        ];
        // The same again and again, as a loop makes it.
        (prop::collection::vec(piece, 1..12), 1_usize..15)
            .prop_map(|(pieces, times)| pieces.concat().repeat(times))
    }

    /// Depth and elements of the tree that styles are written into, in which no tag is left out.
    fn written(page: &str) -> (usize, usize) {
        let inliner = CSSInliner::options().load_remote_stylesheets(false).build();
        let (mut depth, mut deepest, mut elements) = (0_usize, 0, 0);
        for node in html::read(&inliner.inline(page).unwrap()).unwrap() {
            match node {
                Node::Start { name, .. } => {
                    elements += 1;
                    depth += 1;
                    deepest = deepest.max(depth);
                    depth -= usize::from(html::is_void(&name));
                }
                Node::End(name) if !html::is_void(&name) => depth -= 1,
                _ => {}
            }
        }
        (deepest, elements)
    }

    #[test]
    fn what_is_left_out_and_what_is_in_order_is_as_deep_as_it_is() {
        let page = "<table><tr><td><p>a <b>b</b><br>c<ul><li>d<li>e</table>";
        // html, head, body, table, tbody, tr, td, p, b, br, ul, li, li; and the document.
        assert_eq!((tree(page).depth(), elements(page)), (8, Ok(14)));
        let rows = format!("<table>{}</table>", "<tr><td>a<td><p>b".repeat(300));
        assert!(elements(&rows).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn it_is_the_tree_that_styles_are_written_into(page in soup()) {
            let (depth, elements) = written(&page);
            let ours = tree(&page);
            prop_assert_eq!(ours.depth(), depth, "{}", page);
            // The document, and what was taken out again.
            prop_assert!(ours.elements.borrow().len() > elements, "{}", page);
        }
    }
}
