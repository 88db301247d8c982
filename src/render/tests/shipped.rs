//! The mails that come with the product, and what all of them go through.

use super::*;

/// The shipped campaign, as the product reads it.
pub(crate) fn campaign() -> Definitions {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let checked = crate::definitions::check(&crate::definitions::read_folder(folder).unwrap());
    checked.definitions.unwrap_or_else(|| panic!("{:#?}", checked.problems))
}

fn shipped_renderer() -> Renderer {
    Renderer::new(&campaign()).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

const MAILS: [&str; 10] = [
    "cold/industry-report",
    "cold/one-question",
    "cold/case-study",
    "welcome/whitepaper",
    "welcome/next-step",
    "webinar/invitation",
    "webinar/reminder",
    "webinar/on-the-day",
    "webinar/thanks",
    "webinar/missed",
];

#[test]
fn every_shipped_mail_renders_for_a_lead_with_only_an_address() {
    let (renderer, definitions) = (shipped_renderer(), campaign());
    let mut lead = lead(&[]);
    lead.attributes.resize(definitions.schema.len(), None);
    for name in MAILS {
        let campaign =
            name.starts_with("webinar/").then(|| &definitions.campaigns["autumn-webinar"]);
        for language in ["en", "it", "ja"] {
            let mail = Mail { language, campaign, ..mail(name, &lead) };
            let rendered = renderer.render(&mail).unwrap();
            assert_eq!(rendered.calendar.is_some(), name == "webinar/on-the-day");
            assert_eq!(&*rendered.language, if language == "it" { "it" } else { "en" });
            let own = rendered.unsubscribe_url.clone().unwrap();
            for part in [&rendered.html, &rendered.text] {
                assert!(part.contains(&own) && part.contains("Via Roma 1"), "{name}: {part}");
                assert!(!part.contains("{{") && !part.contains("{%"), "{name}: {part}");
            }
            // And that to preferences, and the one to unsubscribe.
            let links = if name == "cold/one-question" { 4 } else { 1 };
            assert_eq!(hrefs(&rendered.html).len(), links + 2, "{name}");
            assert!(rendered.html.len() < 20_000, "clipped by mail programs otherwise");
            assert!(rendered.subject.chars().count() <= 60, "{}", rendered.subject);
        }
    }
}

#[test]
fn a_shipped_mail_looks_like_this() {
    let lead = lead(&[("first_name", text("Ada")), ("company", text("Lovelace & Sons"))]);
    let rendered = shipped_renderer().render(&mail("cold/industry-report", &lead)).unwrap();
    insta::assert_snapshot!("industry-report.html", rendered.html);
    insta::assert_snapshot!(
        "industry-report.txt",
        format!("{}\n\n{}", rendered.subject, rendered.text)
    );
}

#[test]
fn of_a_shipped_mail_to_another_lead_only_the_paragraphs_that_differ_are_laid_out() {
    let renderer = shipped_renderer();
    let count = |name: &str| {
        renderer
            .render(&mail("cold/industry-report", &lead(&[("first_name", text(name))])))
            .unwrap();
        renderer.paragraphs.count()
    };
    let first = count("Ada");
    assert!(first > 5, "{first} parts");
    assert_eq!(count("Grace"), first + 1, "the one with the name");
    assert_eq!(count("Ada"), first + 1);
}

#[test]
fn the_charset_comes_before_the_styles_that_stay() {
    let layout = "<html><head><style>@media print { p { color: red } }</style><title>t</title>\
                  <meta http-equiv=Content-Type content='text/html; charset=utf-8'>\
                  <meta charset=utf-8></head><body>{{ content }} {{ postal_address }} \
                  <a href=\"{{ unsubscribe_url }}\">stop</a></body></html>";
    let files = [("layouts/mine.html", layout), ("m.md", "---\nsubject: s\nlayout: mine\n---\nHi")];
    let html = renderer(&files).render(&mail("m", &lead(&[]))).unwrap().html;
    assert!(html.starts_with("<html><head><meta charset=\"utf-8\"><style>@media print"), "{html}");
    assert_eq!(html.matches("charset").count(), 1, "{html}");
}

#[test]
fn the_built_in_notice_looks_like_this() {
    let lead = lead(&[("first_name", text("Ada")), ("company", text("Lovelace & Sons"))]);
    let standing = Standing {
        engagement: Some(MilliPoints(42_400)),
        temperature: Some(crate::domain::score::Temperature::Hot),
    };
    let notice = Mail { links: None, standing: Some(standing), ..mail("", &lead) };
    let rendered = shipped_renderer().render(&notice).unwrap();
    insta::assert_snapshot!("notice.txt", format!("{}\n\n{}", rendered.subject, rendered.text));
    assert_eq!(rendered.unsubscribe_url, None);
    assert_eq!(hrefs(&rendered.html), [""; 0]);
    assert!(!rendered.html.contains("<img"));
}

#[test]
fn every_link_is_accounted_for() {
    let body = "[a](https://e.example/a?x=1) [m](mailto:ada@example.com) <a href='#top'>t</a>\n\n\
                <a name=x>n</a> ![i](https://e.example/i.png) <https://e.example/auto>\n\n\
                <map><area href=\"https://e.example/map\"></map> [b](https://e.example/{{ company | urlencode }})";
    let lead = lead(&[("company", text("A & B"))]);
    let renderer = one("s", body);
    let tracked = renderer.render(&mail("m", &lead)).unwrap();
    let targets: Vec<String> = hrefs(&tracked.html)
        .into_iter()
        .map(|href| match href.strip_prefix("https://go.example.com/c/") {
            Some(token) => KEYRING.read_click(token).unwrap().1,
            None => href,
        })
        .collect();

    let mut plain = mail("m", &lead);
    plain.links = plain.links.map(|links| Links { tracked: false, ..links });
    let untracked = renderer.render(&plain).unwrap();
    assert_eq!(hrefs(&untracked.html), targets, "the same targets, with no detour");

    let utm = "utm_source=nurtured&utm_medium=email&utm_campaign=reawaken-cold&utm_content=m";
    assert_eq!(
        targets,
        [
            format!("https://e.example/a?x=1&{utm}"),
            "mailto:ada@example.com".to_owned(),
            "#top".to_owned(),
            format!("https://e.example/auto?{utm}"),
            format!("https://e.example/map?{utm}"),
            format!("https://e.example/A%20%26%20B?{utm}"),
            tracked.unsubscribe_url.clone().unwrap(),
        ]
    );
    assert!(
        tracked.html.contains("src=\"https://e.example/i.png\""),
        "pictures stay where they are"
    );
    for (href, target) in hrefs(&tracked.html).iter().zip(&targets) {
        let shown = target.starts_with("http") && !target.contains("/map");
        assert!(
            !shown || tracked.text.contains(href.as_str()),
            "{href} is in the text too: {}",
            tracked.text
        );
    }
}

#[test]
fn the_pixel_is_only_for_those_who_may_be_tracked() {
    let lead = lead(&[]);
    let renderer = one("s", "x");
    let tracked = renderer.render(&mail("m", &lead)).unwrap();
    let token = tracked
        .html
        .split("https://go.example.com/o/")
        .nth(1)
        .unwrap()
        .split(".gif")
        .next()
        .unwrap();
    assert_eq!(KEYRING.read_open_pixel(token), Some(MAIL_REF));
    assert!(!tracked.text.contains("/o/"));

    let mut plain = mail("m", &lead);
    plain.links = plain.links.map(|links| Links { tracked: false, ..links });
    let untracked = renderer.render(&plain).unwrap();
    assert!(
        !untracked.html.contains("<img") && !untracked.html.contains("/c/"),
        "{}",
        untracked.html
    );
}

#[test]
fn the_text_part_is_text() {
    let page = "<html><head><title>T</title><style>.a { color: red }</style></head><body>\
                <div style='display: none'>hidden <b>line</b></div><table role=presentation><tr><td class=a>One \
                <td>Two</table>{{ content }}<p>{{ postal_address }} <a href=\"{{ unsubscribe_url }}\">stop</a></p></body></html>";
    let renderer = renderer(&[
        ("layouts/mine.html", page),
        (
            "m.md",
            "---\nsubject: s\nlayout: mine\n---\nA **word** &amp; more\n\n| a | b |\n|---|---|\n| c | d |\n",
        ),
    ]);
    let lead = lead(&[]);
    let rendered = renderer.render(&mail("m", &lead)).unwrap();
    for word in ["color", "hidden", "line", "─", "│", "<", "&amp;", "T\n"] {
        assert!(!rendered.text.contains(word), "{word}: {}", rendered.text);
    }
    for word in ["One\n", "Two\n", "A word & more", "c\n", "/u/"] {
        assert!(rendered.text.contains(word), "{word}: {}", rendered.text);
    }
    assert!(!rendered.html.contains("<style>.a"), "styles are inlined: {}", rendered.html);
    assert!(rendered.html.contains("style=\"color: red"), "{}", rendered.html);
}

/// The shipped campaign with a workflow that sends `alerts/hot` by this step.
fn with_step(step: &str, body: &str) -> Result<Renderer, String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = crate::definitions::read_folder(folder).unwrap();
    let workflow =
        "workflow: alert\nabout: Tells.\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n";
    sources.files.insert("workflows/alert.yaml".to_owned(), format!("{workflow}{step}\n"));
    sources.files.insert("templates/alerts/hot.md".to_owned(), body.to_owned());
    let checked = crate::definitions::check(&sources);
    let definitions = checked.definitions.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    Renderer::new(&definitions).map_err(|problems| format!("{problems:?}"))
}

#[test]
fn a_notice_of_our_own_is_for_our_own_people() {
    const NOTIFY: &str = "  - notify: sales\n    template: alerts/hot";
    const MAIL: &str = "  - email: alerts/hot";
    let body =
        "---\nsubject: Hot lead\n---\n{{ email }} has {{ fit }} and {{ temperature or \"?\" }}";
    let lead = lead(&[]);
    let renderer = with_step(NOTIFY, body).unwrap();
    let made = renderer.render(&Mail { links: None, ..mail("alerts/hot", &lead) }).unwrap();
    assert_eq!(made.text, "ada@lovelace.example has 35 and ?\n");

    let said = with_step(MAIL, body).unwrap_err();
    assert!(said.contains("no variable `fit`"), "{said}");
    let said = with_step(NOTIFY, "---\nsubject: s\nlayout: mail\n---\nx").unwrap_err();
    assert!(said.contains("another layout"), "{said}");
    // Before a step names it, it may become either.
    assert!(Renderer::new(&definitions(&[("m.md", body)])).is_ok());
}

#[test]
fn our_own_people_get_no_codes() {
    let body = "---\nsubject: s\n---\n{{ email }}:\n{{ code(\"spring\") }}";
    for step in [
        "  - notify: sales\n    template: alerts/hot",
        "  - hand_off: sales\n    template: alerts/hot",
    ] {
        let said = with_step(step, body).unwrap_err();
        assert!(said.contains("line: 5, column: 4, message: \"`code` is for leads"), "{said}");
    }
}

#[test]
fn a_campaign_is_read_by_its_fields() {
    const MAIL: &str = "  - email: alerts/hot\ncampaign: autumn-webinar";
    let of = |text: &str| format!("---\nsubject: s\nlayout: mail\n---\nOn\n{text}");
    for bare in ["{{ campaign }}", "{{ campaign or \"x\" }}", "{{ campaign | upper }}"] {
        let said = with_step(MAIL, &of(bare)).unwrap_err();
        assert!(said.contains("line: 6, column: 4, message: \"`campaign` is"), "{said}");
        assert!(said.contains("write campaign.title"), "{said}");
        assert!(with_step("  - email: alerts/hot", &of(bare)).is_ok(), "the lead's own");
    }
    let asks =
        "{% if campaign %}{{ campaign.title or \"x\" }}{% endif %}{{ campaign[\"title\"] or 1 }}";
    for fine in [asks, "{# campaign #}", "{{ campaign is defined }}"] {
        assert!(with_step(MAIL, &of(fine)).is_ok(), "{fine}");
    }
}

#[test]
fn a_reason_tells_nothing_about_the_lead() {
    let body = "[x](ftp://e.example/?who={{ email }}) ";
    let error = one("s", body).render(&mail("m", &lead(&[]))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "templates/m.md: the link `ftp://e.example/…` starts with `ftp:`, which no mail may hold"
    );
}

#[test]
fn a_renderer_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Renderer>();
}

#[test]
fn a_file_with_line_ends_of_windows_is_the_same_mail() {
    let body = "Hi\n\n{% if company %}\nOne\n{% endif %}\n\n- a\n- b\n\n{% for x in [1, 2] -%}\n{{ x }}\n{% endfor %}";
    let lead = lead(&[("company", text("ACME"))]);
    let unix = one("s", body).render(&mail("m", &lead)).unwrap();
    let windows = one("s", &body.replace('\n', "\r\n")).render(&mail("m", &lead)).unwrap();
    assert_eq!(windows.text, unix.text);
    assert!(!windows.html.contains('\r'));
}
