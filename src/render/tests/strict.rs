//! Never "Hello ,": a missing value is an error that names it, unless something is given in its place.

use super::*;

fn said(subject: &str, body: &str) -> Result<String, String> {
    let lead = lead(&[("company", text("ACME")), ("city", text("  \r\n "))]);
    let rendered = one(subject, body).render(&mail("m", &lead));
    rendered.map(|mail| mail.text).map_err(|error| error.to_string())
}

#[test]
fn a_missing_value_is_named_with_its_place() {
    let error = said("s", "Hello,\n\n{{ company }} and {{ first_name }}").unwrap_err();
    assert!(error.starts_with("templates/m.md:7:22: the lead has no `first_name`"), "{error}");
    let error = said("For {{ last_name }}", "x").unwrap_err();
    assert!(error.contains("`last_name`"), "{error}");
    let error = said("s", "{{ entry.form }}").unwrap_err();
    assert!(error.contains("`entry.form`"), "{error}");
    let error = said("s", "{% if company %}\n{{ city }}\n{% endif %}").unwrap_err();
    assert!(
        error.starts_with("templates/m.md:6:4: the lead has no `city`"),
        "a blank is no value: {error}"
    );
    assert!(!error.contains("ACME") && !error.contains("lovelace"));
}

#[test]
fn no_use_of_a_missing_value_passes_silently() {
    for filter in filters::FILTERS.iter().filter(|filter| **filter != "default") {
        let error = said("s", &format!("a {{{{ first_name | {filter} }}}} b")).unwrap_err();
        assert!(error.contains("`first_name`"), "{filter}: {error}");
    }
    for body in [
        "{% for x in tags %}{% endfor %}{% for x in first_name %}{% endfor %}",
        "{% if first_name > 3 %}a{% endif %}",
        "{% set x = first_name %}{{ x }}",
        "{{ \"a\" | default(value=first_name) | truncate(length=first_name) }}",
    ] {
        assert!(said("s", body).is_err(), "{body}");
    }
}

#[test]
fn the_first_and_the_last_of_nothing_are_missing() {
    for filter in ["first", "last"] {
        let of_none = said("s", &format!("Hi {{{{ tags | {filter} }}}},"));
        let why = of_none.expect_err("tera's own would write nothing");
        assert!(why.starts_with("templates/m.md:5:") && why.contains("undefined"), "{why}");
        let filled = said("s", &format!("Hi {{{{ tags | {filter} or \"there\" }}}},"));
        assert!(filled.unwrap().starts_with("Hi there,"));
        let filled = format!("Hi {{{{ tags | {filter} | default(value=\"there\") }}}},");
        assert!(said("s", &filled).unwrap().starts_with("Hi there,"));
    }
    let first = "{{ [\"a\", \"b\"] | first }}{{ [\"a\", \"b\"] | last }}";
    assert!(said("s", first).unwrap().starts_with("ab\n"));
}

#[test]
fn a_default_fills_the_gap() {
    for body in [
        "{{ first_name or \"there\" }}",
        "{{ first_name | default(value=\"there\") }}",
        "{% if first_name %}{{ first_name }}{% else %}there{% endif %}",
        "{% if first_name is defined %}x{% else %}there{% endif %}",
    ] {
        assert!(said("s", body).unwrap().starts_with("there\n"), "{body}");
    }
    let mail_of = "---\nsubject: For {{ first_name }}\nlayout: plain\ndefaults:\n  first_name: you\n---\n{{ first_name }}";
    let renderer = renderer(&[("m.md", mail_of)]);
    assert_eq!(renderer.render(&mail("m", &lead(&[]))).unwrap().subject, "For you");
    let known = lead(&[("first_name", text("Ada"))]);
    assert_eq!(renderer.render(&mail("m", &known)).unwrap().subject, "For Ada");
}

#[test]
fn an_empty_subject_is_an_error() {
    assert!(said("{% if first_name %}x{% endif %}", "x").unwrap_err().contains("subject is empty"));
}

#[test]
fn the_language_falls_back_once() {
    let file = |word| format!("---\nsubject: {word}\nlayout: plain\n---\n{word}");
    let renderer = renderer(&[
        ("m.md", &file("plain")),
        ("m.it.md", &file("italian")),
        ("m.pt-BR.md", &file("brazilian")),
    ]);
    let lead = lead(&[]);
    let subject =
        |language| renderer.render(&Mail { language, ..mail("m", &lead) }).unwrap().subject;
    assert_eq!(subject("it"), "italian");
    assert_eq!(subject("it-CH"), "italian");
    assert_eq!(subject("pt-BR"), "brazilian");
    assert_eq!(subject("pt"), "plain");
    assert_eq!(subject("de"), "plain");
    let gone = renderer.render(&mail("gone", &lead));
    assert_eq!(gone, Err(RenderError::UnknownTemplate("gone".to_owned())));
}

#[test]
fn values_are_written_as_people_write_them() {
    let mut definitions = definitions(&[(
        "m.md",
        "---\nsubject: s\nlayout: plain\n---\n{{ seats }} {{ rate }} {{ vip }} {{ renewal | date }} {{ entry.form }}",
    )]);
    for (name, value) in [
        ("seats", Value::Number(25.0)),
        ("rate", Value::Number(1.5)),
        ("vip", Value::Bool(true)),
        ("renewal", Value::Date("2027-03-28T00:00:00Z".parse().unwrap())),
    ] {
        definitions.schema.declare(name.into(), value.kind());
    }
    let mut lead = lead(&[]);
    lead.attributes.extend([
        Some(Value::Number(25.0)),
        Some(Value::Number(1.5)),
        Some(Value::Bool(true)),
        Some(Value::Date("2027-03-28T00:00:00Z".parse().unwrap())),
    ]);
    let entry = crate::domain::lead::Entry {
        rev: Rev(1),
        kind: crate::domain::event::EventKind::FORM_SUBMITTED,
        object: None,
        at: Instant::DAWN,
        data: [("form".into(), text("whitepaper"))].into(),
        same: Vec::new(),
    };
    let renderer = Renderer::new(&definitions).unwrap();
    let rendered = renderer.render(&Mail { entry: Some(&entry), ..mail("m", &lead) }).unwrap();
    assert!(
        rendered.text.starts_with("25 1.5 true 28 March 2027 whitepaper\n"),
        "{}",
        rendered.text
    );
}

/// A check cannot see what an `if` leaves out.
#[test]
fn no_mail_goes_out_without_its_way_out_and_its_address() {
    let lead = lead(&[]);
    let render = |footer: &str| {
        let layout = format!("<html><body>{{{{ content }}}}<p>{footer}</p></body></html>");
        let files = [("layouts/mine.html", layout.as_str()), ("m.md", MINE)];
        renderer(&files).render(&mail("m", &lead))
    };
    const MINE: &str = "---\nsubject: s\nlayout: mine\n---\nHello";
    let link = "<a href=\"{{ unsubscribe_url }}\">stop</a>";
    assert!(render(&format!("{link} {{{{ postal_address }}}}")).is_ok());
    for (footer, without) in [
        (
            format!("{{% if stage == \"sql\" %}}{link}{{% endif %}} {{{{ postal_address }}}}"),
            "link",
        ),
        ("{{ unsubscribe_url }} {{ postal_address }}".to_owned(), "link"),
        (format!("<span style=\"display:none\">{link}</span> {{{{ postal_address }}}}"), "link"),
        (
            format!("{link}{{% if stage == \"sql\" %}}{{{{ postal_address }}}}{{% endif %}}"),
            "postal",
        ),
    ] {
        let error = render(&footer).unwrap_err().to_string();
        assert!(error.contains("templates/m.md") && error.contains(without), "{footer}: {error}");
    }
}

#[test]
fn what_a_mail_asks_are_signed_links_that_are_not_tracked_and_notes_in_its_text() {
    let body = "{% include \"partials/asks.html\" %}\n\n[b]({{ ask(\"topic\", \"pricing\") }}) \
                [c]({{ later(\"90d\") }}) {% if company %}[d]({{ preferences() }}){% endif %}";
    let front = "---\nsubject: s\nlayout: plain\n---\n";
    let renderer = renderer(&[
        ("m.md", &format!("{front}{body}")),
        ("partials/asks.html", "<a href=\"{{ later(\"3mo\") }}\">x</a>"),
    ]);
    let lead = lead(&[("company", text("Lovelace"))]);
    let made = renderer.render(&mail("m", &lead)).unwrap();
    let asked: Vec<_> = hrefs(&made.html)
        .iter()
        .filter_map(|href| href.strip_prefix("https://go.example.com/q/").map(ToOwned::to_owned))
        .map(|token| KEYRING.read_question(&token).unwrap())
        .map(|(mail, ask)| (mail == MAIL_REF, ask.key().to_owned(), ask.value().to_owned()))
        .collect();
    let ask = |key: &str, value: &str| (true, key.to_owned(), value.to_owned());
    assert_eq!(
        asked,
        [ask("later", "3mo"), ask("topic", "pricing"), ask("later", "90d"), ask("preferences", "")]
    );
    assert!(made.text.contains("x [1]") && made.text.contains("[4] https://go.example.com/q/"));
}

#[test]
fn a_notice_to_our_own_people_asks_nothing() {
    let mut definitions =
        definitions(&[("n.md", "---\nsubject: s\n---\n{{ fit }} [x]({{ preferences() }})")]);
    definitions.templates.layouts.clear();
    let said = Renderer::new(&definitions).unwrap_err();
    assert!(said.iter().any(|problem| problem.message.contains("asks no questions")), "{said:?}");
}
