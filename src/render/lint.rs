//! What can be said of a template before any lead: what it uses that is not there, and what no mail may do.

use std::collections::BTreeSet;

use super::{
    codes,
    context::{IN_LAYOUTS, MAPS},
    filters::{FILTERS, FUNCTIONS},
    html::{self, Node},
    links::{Utm, rewritten},
    problem::RenderProblem,
    source::{Part, Source},
    tags::{Tag, TagKind, Variable, Word, bound, statement, tags, variables, words},
    tree,
};
use crate::definitions::meant;

const STATEMENTS: [&str; 11] = [
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "set_global",
    "include",
    "break",
    "continue",
];
/// The words, tags and links of a source.
pub(super) fn lint(source: &Source, partials: &BTreeSet<&str>) -> Vec<RenderProblem> {
    let mut problems = Vec::new();
    for tag in source.tags() {
        let text = &source.text[tag.range.clone()];
        let start = tag.range.start;
        if matches!(tag.kind, TagKind::Comment | TagKind::Raw) {
            continue;
        }
        if tag.kind == TagKind::Statement {
            statement_problems(source, start, text, partials, &mut problems);
        }
        word_problems(source, start, text, &mut problems);
        problems.extend(codes::problems(source, start, text));
    }
    if matches!(source.part, Part::Body | Part::Layout | Part::Partial) {
        link_problems(source, &mut problems);
    }
    problems
}

fn statement_problems(
    source: &Source,
    start: usize,
    text: &str,
    partials: &BTreeSet<&str>,
    problems: &mut Vec<RenderProblem>,
) {
    let word = statement(text).unwrap_or_default();
    if !STATEMENTS.contains(&word) {
        let hint = meant(word, STATEMENTS);
        problems.push(source.problem(start, format!("mails have no `{{% {word} %}}`"), hint));
    }
    if word == "set" && !text.contains('=') {
        let message = "`set` takes one value here: {% set name = … %}".to_owned();
        problems.push(source.problem(start, message, None));
    }
    if word == "include" {
        if matches!(source.part, Part::Subject | Part::Preheader | Part::Calendar(_)) {
            problems.push(source.problem(start, "one line includes no file".to_owned(), None));
        }
        for (offset, word) in words(text) {
            let Word::Text(name) = word else { continue };
            if !partials.contains(name) {
                let message = format!("there is no file `templates/{name}` to include");
                let hint = meant(name, partials.iter().copied());
                problems.push(source.problem(start + offset, message, hint));
            }
        }
    }
}

fn word_problems(source: &Source, start: usize, text: &str, problems: &mut Vec<RenderProblem>) {
    let words: Vec<_> = words(text).collect();
    for (index, &(offset, word)) in words.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| words[index].1);
        let called = words.get(index + 1).is_some_and(|(_, word)| *word == Word::Sign('('));
        let mut say = |message: String, hint: Option<String>| {
            problems.push(source.problem(start + offset, message, hint));
        };
        match word {
            Word::Name("safe") if before == Some(Word::Sign('|')) => say(
                "`safe` would let a lead's data write HTML into the mail".to_owned(),
                Some("leave it out".to_owned()),
            ),
            Word::Name(name) if before == Some(Word::Sign('|')) && !FILTERS.contains(&name) => {
                say(format!("there is no filter `{name}`"), meant(name, FILTERS));
            }
            Word::Name(name)
                if called
                    && !FUNCTIONS.contains(&name)
                    && !matches!(
                        before,
                        Some(Word::Sign('|' | '.') | Word::Name("is" | "not"))
                    )
                    && !matches!(name, "if" | "elif" | "in" | "and" | "or" | "not" | "is") =>
            {
                say(format!("there is no function `{name}`"), meant(name, FUNCTIONS));
            }
            Word::Name(name) if name.starts_with("__") => {
                say(format!("`{name}`: names with two underscores in front are ours"), None);
            }
            Word::Sign('~') => say(
                "`~` would join a missing value as nothing".to_owned(),
                Some("write the parts side by side: {{ first_name }} {{ last_name }}".to_owned()),
            ),
            _ => {}
        }
    }
}

/// What stands in the place of each tag in [`nodes`].
pub(super) const MASK: &str = "zqmasked";

/// The HTML of a source, without what its tags will write; of one that tera cannot be given, nothing.
///
/// # Errors
/// The end of a sentence that starts with "its HTML".
pub(super) fn nodes(source: &Source) -> Result<Vec<Node>, String> {
    let Some(prepared) = &source.prepared else { return Ok(Vec::new()) };
    let page = &prepared.text;
    let mut masked = String::with_capacity(page.len());
    let mut at = 0;
    for tag in tags(page).unwrap_or_default() {
        masked.push_str(&page[at..tag.range.start]);
        masked.push_str(MASK);
        at = tag.range.end;
    }
    masked.push_str(&page[at..]);
    tree::elements(&masked).and_then(|_| html::read(&masked))
}

/// Links that are written out can be judged now; those with tags in them when they are rendered.
fn link_problems(source: &Source, problems: &mut Vec<RenderProblem>) {
    let nodes = match nodes(source) {
        Ok(nodes) => nodes,
        Err(why) => {
            problems.push(source.problem(0, format!("its HTML {why}"), None));
            return;
        }
    };
    let utm = Utm::default();
    for node in &nodes {
        let Node::Start { name, attributes, .. } = node else { continue };
        let Some((_, href)) = attributes.iter().find(|(key, _)| key == "href") else { continue };
        if !html::is_link(name) || href.contains(MASK) {
            continue;
        }
        if let Err(why) = rewritten(href, None, &utm) {
            let offset = target(&source.text, href).unwrap_or(0);
            problems.push(source.problem(offset, format!("the link `{href}` {why}"), None));
        }
    }
}

/// Where an address stands as the target of a link; else where it stands at all, which may be inside of a
/// longer one.
pub(super) fn target(text: &str, href: &str) -> Option<usize> {
    let is_target = |offset: usize| {
        let before = text[..offset].trim_end_matches([' ', '\t', '<']);
        let after = text[offset + href.len()..].chars().next();
        (before.ends_with(['(', '"', '\'', '=']) || before.ends_with("]:"))
            && after.is_none_or(|c| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>'))
    };
    let mut places = text.match_indices(href).map(|(offset, _)| offset);
    places.clone().find(|offset| is_target(*offset)).or_else(|| places.next())
}

/// The variables that a source reads which tera cannot: a mistake in it hides no other. Names that it gives values
/// itself are left out, wherever it does.
pub(super) fn names_read(source: &Source) -> BTreeSet<String> {
    let own = bound(&source.text);
    let is_known = |tag: &str| statement(tag).is_none_or(|word| STATEMENTS.contains(&word));
    let tags = source.tags().into_iter().filter(is_read).map(|tag| &source.text[tag.range]);
    let names = tags.filter(|tag| is_known(tag)).flat_map(variables).map(|variable| variable.name);
    names.filter(|name| !own.contains(name)).map(str::to_owned).collect()
}

/// The variables that this very source shows, and gives nothing in their place.
pub(super) fn names_shown_bare(source: &Source) -> impl Iterator<Item = &str> {
    let tags = source.tags().into_iter().filter(is_read).map(|tag| &source.text[tag.range]);
    tags.flat_map(variables).filter(|variable| !variable.guarded).map(|variable| variable.name)
}

fn is_read(tag: &Tag) -> bool {
    !matches!(tag.kind, TagKind::Comment | TagKind::Raw)
}

/// The variables that `names` holds and `known` does not, where this very source reads them.
pub(super) fn unknown_variables(
    source: &Source,
    names: impl IntoIterator<Item = String>,
    known: &BTreeSet<&str>,
) -> Vec<RenderProblem> {
    let mut problems = Vec::new();
    for name in names {
        if known.contains(name.as_str()) || name.starts_with("__") {
            continue;
        }
        let place = source.tags().into_iter().filter(is_read).find_map(|tag| {
            let found =
                variables(&source.text[tag.range.clone()]).into_iter().find(|v| v.name == name)?;
            Some(tag.range.start + found.offset)
        });
        // What only an included file reads is said of that file.
        let Some(offset) = place else { continue };
        let hint = if IN_LAYOUTS.contains(&name.as_str()) {
            Some(format!("`{name}` is for layouts"))
        } else {
            meant(&name, known.iter().copied())
        };
        problems.push(source.problem(offset, format!("there is no variable `{name}`"), hint));
    }
    problems
}

/// Where a field is read of a variable of `known` that has none: every lead's mail would fail there.
pub(super) fn fields_of_texts(source: &Source, known: &BTreeSet<&str>) -> Vec<RenderProblem> {
    let own = bound(&source.text);
    let mut problems = Vec::new();
    for tag in source.tags().into_iter().filter(is_read) {
        for Variable { offset, name, path, .. } in variables(&source.text[tag.range.clone()]) {
            let Some(field) = path.first() else { continue };
            if !known.contains(name) || MAPS.contains(&name) || own.contains(name) {
                continue;
            }
            let flat = format!("{name}_{field}");
            let hint = if known.contains(flat.as_str()) {
                format!("did you mean `{flat}`?")
            } else {
                format!("write {{{{ {name} }}}}")
            };
            let message = format!("`{name}` has no fields: there is no `{name}.{field}`");
            problems.push(source.problem(tag.range.start + offset, message, Some(hint)));
        }
    }
    problems
}
