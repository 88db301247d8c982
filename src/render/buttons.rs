//! Buttons in Markdown: links with the title `button`, in a paragraph of nothing else.

use std::ops::Range;

use pulldown_cmark::{CowStr, Event, Tag, TagEnd};

/// What makes a link a button.
const TITLE: &str = "button";
/// A cell of its own, which a layout gives its colour: Outlook on Windows gives a link neither
/// background nor padding.
const OPEN: &str = "<table class=\"button\" role=\"presentation\"><tr><td>";
const CLOSE: &str = "</td></tr></table>\n";

/// The page with each button in a cell.
///
/// # Errors
/// Where the first button stands that has other text beside it.
pub(super) fn framed<'a>(
    events: impl Iterator<Item = (Event<'a>, Range<usize>)>,
) -> Result<Vec<Event<'a>>, usize> {
    let mut page = Vec::new();
    let (mut paragraph, mut buttons) = (None, Vec::new());
    for (event, range) in events {
        if is_button(&event) {
            buttons.push(range.start);
        }
        let begins = event == Event::Start(Tag::Paragraph);
        let ends = event == Event::End(TagEnd::Paragraph);
        page.push(event);
        if begins {
            paragraph = Some((page.len(), buttons.len()));
        }
        if let (true, Some((inside, before))) = (ends, paragraph)
            && buttons.len() > before
            && only_buttons(&page[inside..page.len() - 1])
        {
            let line = page.split_off(inside - 1);
            page.extend(line.into_iter().flat_map(cell));
            buttons.truncate(before);
        }
    }
    buttons.first().map_or(Ok(page), |&button| Err(button))
}

fn is_button(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(Tag::Link { title, .. }) if &**title == TITLE)
}

fn only_buttons(inside: &[Event<'_>]) -> bool {
    let mut in_link = false;
    inside.iter().all(|event| match event {
        Event::Start(Tag::Link { .. }) => {
            in_link = true;
            is_button(event)
        }
        Event::End(TagEnd::Link) => {
            in_link = false;
            true
        }
        Event::SoftBreak | Event::HardBreak => true,
        Event::Text(text) => in_link || text.trim().is_empty(),
        _ => in_link,
    })
}

/// What an event of a paragraph of buttons becomes: the paragraph itself, and its line breaks, go.
fn cell(event: Event<'_>) -> Vec<Event<'_>> {
    match event {
        Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) | Event::HardBreak => vec![],
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            let title = CowStr::Borrowed("");
            let link = Tag::Link { link_type, dest_url, title, id };
            vec![Event::Html(OPEN.into()), Event::Start(link)]
        }
        end @ Event::End(TagEnd::Link) => vec![end, Event::Html(CLOSE.into())],
        other => vec![other],
    }
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Parser, html};

    use super::*;

    fn page(source: &str) -> Result<String, usize> {
        let mut page = String::new();
        html::push_html(&mut page, framed(Parser::new(source).into_offset_iter())?.into_iter());
        Ok(page)
    }

    #[test]
    fn a_link_with_the_title_button_is_a_cell_of_its_own() {
        assert_eq!(
            page("a\n\n[One *more*](https://e.example/1 \"button\")\n\nb").unwrap(),
            "<p>a</p>\n<table class=\"button\" role=\"presentation\"><tr><td>\
             <a href=\"https://e.example/1\">One <em>more</em></a></td></tr></table>\n<p>b</p>\n"
        );
    }

    #[test]
    fn several_in_a_paragraph_are_as_many_buttons() {
        let two = "[a](https://e.example/1 \"button\")\n[b](https://e.example/2 \"button\")  ";
        let made = page(two).unwrap();
        assert_eq!(made.matches("<table class=\"button\"").count(), 2, "{made}");
        assert!(!made.contains("<p>") && !made.contains("title="), "{made}");
    }

    #[test]
    fn other_links_stay_as_they_are() {
        let plain = "[a](https://e.example/ \"Button\") and [b](https://e.example/)";
        let made = page(plain).unwrap();
        assert!(made.contains("title=\"Button\"") && !made.contains("<table"), "{made}");
    }

    #[test]
    fn a_button_beside_other_text_is_told_of() {
        assert_eq!(page("ab [c](https://e.example/ \"button\")"), Err(3));
        assert_eq!(page("- [c](https://e.example/ \"button\")"), Err(2));
        assert_eq!(page("[a](b \"button\") [c](d)"), Err(0));
    }
}
