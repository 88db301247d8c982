//! `docs/templates.md` says what is so.

use super::*;

const PAGE: &str = include_str!("../../../docs/templates.md");

/// The fenced examples: what follows the three backticks, and the lines between.
fn examples() -> Vec<(&'static str, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in PAGE.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind, String::new())),
            (Some(_), Some(_)) => examples.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    examples
}

#[test]
fn the_examples_work() {
    let lead = lead(&[("first_name", text("Ada")), ("company", text("Lovelace & Sons"))]);
    let (spring, codes) = (campaigns::spring(), Codes::from([("spring".into(), "S-1".to_owned())]));
    let examples = examples();
    let (mut mails, mut lines, mut layouts, mut pages) = (0, 0, 0, 0);
    for (index, (kind, example)) in examples.iter().enumerate() {
        match *kind {
            "markdown" => {
                let renderer = renderer(&[("layouts/mail.html", LAYOUT), ("m.md", example)]);
                let campaign = Some(&spring);
                renderer.render(&Mail { campaign, codes: &codes, ..mail("m", &lead) }).unwrap();
                mails += 1;
            }
            "xml" => {
                let rendered = renderer(&[("m.mjml", example)]).render(&mail("m", &lead)).unwrap();
                assert!(rendered.text.starts_with("Hi Ada,"), "{}", rendered.text);
                pages += 1;
            }
            "html" => {
                let file = "---\nsubject: s\nlayout: mail\n---\nHello";
                let rendered = renderer(&[("layouts/mail.html", example), ("m.md", file)])
                    .render(&mail("m", &lead))
                    .unwrap();
                assert!(rendered.html.contains("font-family"), "{}", rendered.html);
                layouts += 1;
            }
            "tera" => {
                let (expected_kind, expected) = &examples[index + 1];
                assert_eq!(*expected_kind, "text");
                let made = one("s", example).render(&mail("m", &lead)).unwrap();
                assert!(made.text.starts_with(expected.as_str()), "{example}{}", made.text);
                lines += 1;
            }
            _ => {}
        }
    }
    assert!(mails >= 2 && lines >= 4 && layouts >= 1, "{mails} {lines} {layouts}");
    assert_eq!(pages, 1);
}

#[test]
fn every_filter_and_variable_is_explained() {
    let words = filters::FILTERS.iter().chain(&context::KNOWN).chain(&context::TO_LEADS);
    for word in words.chain(&context::TO_STAFF).chain(&context::IN_LAYOUTS) {
        assert!(
            PAGE.contains(&format!("`{word}`")) || PAGE.contains(&format!("`{{{{ {word} }}}}`")),
            "docs/templates.md does not explain `{word}`"
        );
    }
}
