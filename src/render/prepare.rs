//! From a source to what tera compiles: Markdown and MJML made HTML around the tags, and bounds put into loops.
//! Remembers where everything was, so that an error names the place that the author wrote.

use std::fmt::Write as _;

use pulldown_cmark::{Options, Parser, html};

use super::{
    buttons, codes,
    marks::Marked,
    meter::{SPEND, WEIGH},
    mjml,
    questions::calls,
    segments,
    tags::{Tag, TagKind, names, statement, tags},
};

/// Bytes of a tag, and blocks within blocks: more is no mail.
const LONGEST_TAG: usize = 2_000;
const DEEPEST: usize = 20;

/// How a source is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Markdown,
    Mjml,
    /// HTML, or a text without any markup.
    AsItIs,
    /// As it is, and its every inclusion is counted.
    Partial,
}

/// What is wrong with a source, at which byte of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub offset: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), hint: None }
    }
}

/// What tera compiles, and where it came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Prepared {
    pub text: String,
    /// Offsets here and in the source at which a piece begins, in order of the first.
    map: Vec<(usize, usize)>,
}

impl Prepared {
    /// The place in the source of an offset in [`Self::text`]: exact inside tags.
    pub fn source_offset(&self, offset: usize) -> usize {
        let next = self.map.partition_point(|(here, _)| *here <= offset);
        next.checked_sub(1).map_or(0, |index| {
            let (here, source) = self.map[index];
            let end = self.map.get(next).map_or(self.text.len(), |(here, _)| *here);
            source + offset.min(end) - here
        })
    }

    pub fn push(&mut self, piece: &str, source: usize) {
        self.map.push((self.text.len(), source));
        self.text.push_str(piece);
    }
}

/// # Errors
/// All that keeps tera from being given it.
pub(super) fn prepare(source: &str, form: Form) -> Result<Prepared, Vec<Fault>> {
    let one = |fault| vec![fault];
    let tags = tags(source).map_err(|offset| one(Fault::at(offset, "this tag is not closed")))?;
    blocks(source, &tags).map_err(one)?;
    let mut prepared = Prepared::default();
    if form == Form::Partial {
        prepared.push(&format!("{{{{ {SPEND}() }}}}"), 0);
    }
    match form {
        Form::Markdown => markdown(source, &tags, &mut prepared).map_err(one)?,
        Form::Mjml => mjml::compile(source, &tags, &mut prepared)?,
        Form::AsItIs | Form::Partial => {
            let mut at = 0;
            for tag in &tags {
                prepared.push(&source[at..tag.range.start], at);
                push_tag(source, tag, &mut prepared);
                at = tag.range.end;
            }
            prepared.push(&source[at..], at);
        }
    }
    Ok(prepared)
}

/// Blocks are closed, and neither so deep nor are tags so long that compiling them would take for ever.
fn blocks(source: &str, tags: &[Tag]) -> Result<(), Fault> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    for tag in tags {
        let (text, start) = (&source[tag.range.clone()], tag.range.start);
        if text.len() > LONGEST_TAG && matches!(tag.kind, TagKind::Print | TagKind::Statement) {
            return Err(Fault::at(start, format!("a tag may have {LONGEST_TAG} bytes")));
        }
        let closes = match statement(text) {
            Some(word @ ("if" | "for")) => {
                if open.len() == DEEPEST {
                    return Err(Fault::at(start, format!("blocks may be {DEEPEST} deep")));
                }
                open.push((word, start));
                continue;
            }
            Some("endif") => "if",
            Some("endfor") => "for",
            _ => continue,
        };
        match open.pop() {
            Some((word, _)) if word == closes => {}
            Some((word, start)) => return Err(Fault::at(start, unclosed(word))),
            None => {
                return Err(Fault::at(start, format!("`{{% end{closes} %}}` closes nothing")));
            }
        }
    }
    open.pop().map_or(Ok(()), |(word, start)| Err(Fault::at(start, unclosed(word))))
}

fn unclosed(word: &str) -> String {
    format!("`{{% {word} %}}` is not closed: `{{% end{word} %}}` is missing")
}

/// A tag with its questions made links and its segments made values, and after a loop's head or a `set` the call that bounds it.
pub(super) fn push_tag(source: &str, tag: &Tag, prepared: &mut Prepared) {
    let (text, start) = (&source[tag.range.clone()], tag.range.start);
    let mut at = 0;
    if matches!(tag.kind, TagKind::Print | TagKind::Statement) {
        let links = calls(text).into_iter().filter_map(|call| Some((call.compiled()?, call.range)));
        let names = codes::unnamed_arguments(text);
        let names = names.into_iter().map(|(offset, name)| (name.to_owned(), offset..offset));
        let inside = segments::calls(text).into_iter();
        let inside = inside.filter_map(|call| Some((call.compiled()?, call.start..call.end)));
        let mut edits: Vec<_> = links.chain(names).chain(inside).collect();
        edits.sort_by_key(|(_, range)| range.start);
        for (written, range) in edits {
            prepared.push(&text[at..range.start], start + at);
            prepared.push(&written, start + range.start);
            at = range.end;
        }
    }
    prepared.push(&text[at..], start + at);
    let call = match statement(text) {
        Some("for") => format!("{SPEND}()"),
        Some("set" | "set_global") => match names(text).nth(1) {
            Some(name) => format!("{WEIGH}(v={name})"),
            None => return,
        },
        _ => return,
    };
    // `-%}` eats the blanks after it; so must what stands there now.
    let end = if text.ends_with("-%}") { "-}}" } else { "}}" };
    let _ = write!(prepared.text, "{{{{ {call} {end}");
}

fn markdown(source: &str, tags: &[Tag], prepared: &mut Prepared) -> Result<(), Fault> {
    // Tags alone on their lines are comments, which are blocks of their own and end a paragraph.
    let marked = Marked::new(source, tags, |index| alone_on_its_line(source, tags, index));
    let mut page = String::with_capacity(marked.text.text.len() * 2);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let events = Parser::new_ext(&marked.text.text, options).into_offset_iter();
    let events = buttons::framed(events).map_err(|offset| {
        let why = "a button stands in a paragraph of its own, or of buttons alone";
        Fault::at(marked.text.source_offset(offset), why)
    })?;
    html::push_html(&mut page, events.into_iter());
    let lost = "Markdown drops this tag where it stands; move it into the text";
    marked.restore(&page, prepared).map_err(|offset| Fault::at(offset, lost))
}

/// Whether there are only tags and blanks on the lines of this tag, and none of them prints.
fn alone_on_its_line(source: &str, tags: &[Tag], index: usize) -> bool {
    let quiet = |tag: &Tag| matches!(tag.kind, TagKind::Statement | TagKind::Comment);
    if !quiet(&tags[index]) {
        return false;
    }
    let mut at = index;
    loop {
        let start = at.checked_sub(1).map_or(0, |before| tags[before].range.end);
        let gap = &source[start..tags[at].range.start];
        if !gap.rsplit('\n').next().unwrap_or_default().trim().is_empty() {
            return false;
        }
        if at == 0 || gap.contains('\n') {
            break;
        }
        at -= 1;
        if !quiet(&tags[at]) {
            return false;
        }
    }
    at = index;
    loop {
        let end = tags.get(at + 1).map_or(source.len(), |after| after.range.start);
        let gap = &source[tags[at].range.end..end];
        if !gap.split('\n').next().unwrap_or_default().trim().is_empty() {
            return false;
        }
        if at + 1 == tags.len() || gap.contains('\n') {
            return true;
        }
        at += 1;
        if !quiet(&tags[at]) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(source: &str) -> String {
        prepare(source, Form::Markdown).unwrap().text
    }

    #[test]
    fn markdown_leaves_tags_alone() {
        assert_eq!(page("Hi *{{ a }}*,"), "<p>Hi <em>{{ a }}</em>,</p>\n");
        assert_eq!(
            page(r#"[x](https://e.example/?a={{ a | urlencode }}&b="c")"#),
            "<p><a href=\"https://e.example/?a={{ a | urlencode }}&amp;b=%22c%22\">x</a></p>\n"
        );
        assert_eq!(page("{{ a * b * c }}"), "<p>{{ a * b * c }}</p>\n");
    }

    #[test]
    fn statements_on_lines_of_their_own_make_no_paragraphs() {
        assert_eq!(
            page("One\n{% if a %}\n\nTwo\n\n{% endif %}\nThree"),
            "<p>One</p>\n{% if a %}\n<p>Two</p>\n{% endif %}\n<p>Three</p>\n"
        );
        assert_eq!(page("{% if a %}{% endif %}\n\nx"), "{% if a %}{% endif %}\n<p>x</p>\n");
        assert_eq!(page("{% if a %}{{ a }}{% endif %}"), "<p>{% if a %}{{ a }}{% endif %}</p>\n");
        assert_eq!(page("a {% if a %}\nb{% endif %}"), "<p>a {% if a %}\nb{% endif %}</p>\n");
    }

    #[test]
    fn loops_and_variables_are_metered() {
        let text =
            prepare("{% for x in y -%} a {% endfor %}{% set b = 1 %}", Form::AsItIs).unwrap().text;
        assert_eq!(
            text,
            "{% for x in y -%}{{ __spend() -}} a {% endfor %}{% set b = 1 %}{{ __weigh(v=b) }}"
        );
        assert_eq!(prepare("a", Form::Partial).unwrap().text, "{{ __spend() }}a");
    }

    #[test]
    fn places_lead_back_to_the_source() {
        let source =
            "# Title\n\nHello {{ first_name }}\n\n{% for x in y %}\n\n{{ x }}\n\n{% endfor %}\n";
        for form in [Form::Markdown, Form::AsItIs, Form::Partial] {
            let prepared = prepare(source, form).unwrap();
            for word in ["first_name", "for x", "x }}", "endfor"] {
                let here = prepared.text.find(word).unwrap();
                assert_eq!(Some(prepared.source_offset(here)), source.find(word), "{word}");
            }
        }
    }

    #[test]
    fn a_button_with_text_beside_it_is_said_where_it_stands() {
        let source = "{{ first_name }}, [b](https://e.example/ \"button\")";
        let faults = prepare(source, Form::Markdown).unwrap_err();
        assert_eq!(Some(faults[0].offset), source.find('['), "{faults:?}");
        let alone = page("{% if a %}\n[{{ b }}]({{ c }} \"button\")\n{% endif %}");
        assert!(alone.contains("<td><a href=\"{{ c }}\">{{ b }}</a></td>"), "{alone}");
    }

    #[test]
    fn a_tag_that_markdown_would_drop_is_said() {
        assert!(prepare("[unused]: {{ a }}\n\nx", Form::Markdown).is_err());
        assert_eq!(prepare("x {{ a", Form::Markdown).unwrap_err()[0].offset, 2);
    }
}
