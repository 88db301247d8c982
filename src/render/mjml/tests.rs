use super::{super::tags::tags, *};

fn page(body: &str) -> Result<String, Vec<Fault>> {
    let source = format!("<mjml><mj-body>{body}</mj-body></mjml>");
    let mut prepared = Prepared::default();
    compile(&source, &tags(&source).unwrap(), &mut prepared).map(|()| prepared.text)
}

fn column(content: &str) -> String {
    format!("<mj-section><mj-column>{content}</mj-column></mj-section>")
}

#[test]
fn tags_pass_through_wherever_they_may_stand() {
    let made = page(&format!(
        "{{% if score < 3 %}}\n{}{{% endif %}}{{# a note #}}",
        column(
            "{% for tag in tags %}<mj-text color=\"{{ colour }}\">{{ tag }} <b title='{% if a > 1 %}x{% endif %}'>\
             1 &lt; 2</b></mj-text>{% endfor %}<mj-button href=\"{{ ask(\"topic\", \"pricing\") }}\">{{ \"<\" }}\
             </mj-button><mj-raw>{% include \"partials/f.html\" %}</mj-raw>"
        )
    ))
    .unwrap();
    for piece in [
        "{% if score < 3 %}",
        "{% for tag in tags %}",
        ">{{ tag }} <b title=\"{% if a > 1 %}x{% endif %}\">1 &lt; 2</b></div>",
        "{% endfor %}",
        "color:{{ colour }};",
        "{{ \"<\" }}",
        "{% include \"partials/f.html\" %}",
        "<html lang=\"{{ language }}\"",
        "<title>{{ subject }}</title>",
        "{{ preheader }}",
    ] {
        assert!(made.contains(piece), "{piece}: {made}");
    }
    assert!(!made.contains("<!--{"), "{made}");
    assert!(!made.contains("zq0tag") && !made.contains("googleapis"), "{made}");
}

#[test]
fn wherever_raw_html_may_stand_statements_may() {
    const IF: &str = "{% if a %}";
    let hero = |content: &str| format!("<mj-hero>{IF}{content}{{% endif %}}</mj-hero>");
    for body in [
        hero("<mj-text>a</mj-text>"),
        hero(&format!("<mj-social>{IF}<mj-social-element>a</mj-social-element></mj-social>")),
        hero(&format!("<mj-navbar>{IF}<mj-navbar-link href=\"#\">a</mj-navbar-link></mj-navbar>")),
        hero(&format!(
            "<mj-accordion>{IF}<mj-accordion-element><mj-accordion-text>a</mj-accordion-text>\
             </mj-accordion-element></mj-accordion>"
        )),
        format!(
            "<mj-wrapper>{IF}<mj-section>{IF}<mj-group>{IF}<mj-column>a</mj-column></mj-group>\
                 </mj-section></mj-wrapper>"
        )
        .replace(">a<", "><"),
    ] {
        let made = page(&body).unwrap();
        assert_eq!(made.matches(IF).count(), body.matches(IF).count(), "{body}: {made}");
    }
}

#[test]
fn a_page_that_says_its_title_itself_keeps_it() {
    let source = "<mjml lang=\"it\"><mj-head><mj-title>T {{ company }}</mj-title><mj-preview>P</mj-preview>\
                  </mj-head><mj-body></mj-body></mjml>";
    let mut prepared = Prepared::default();
    compile(source, &tags(source).unwrap(), &mut prepared).unwrap();
    let made = prepared.text;
    assert!(
        made.contains("<title>T {{ company }}</title>") && made.contains("lang=\"it\""),
        "{made}"
    );
    assert!(!made.contains("{{ subject }}") && !made.contains("{{ preheader }}"), "{made}");
}

#[test]
fn the_same_source_makes_the_same_page() {
    let source = column(
        "<mj-navbar hamburger=\"hamburger\"><mj-navbar-link href=\"https://e.example\">a</mj-navbar-link>\
         </mj-navbar><mj-accordion><mj-accordion-element><mj-accordion-title>a</mj-accordion-title>\
         <mj-accordion-text>b</mj-accordion-text></mj-accordion-element></mj-accordion>",
    );
    assert_eq!(page(&source).unwrap(), page(&source).unwrap());
}

#[test]
fn what_stands_wrong_is_said_all_at_once() {
    let said = |body: &str| {
        let faults = page(body).unwrap_err();
        let start = "<mjml><mj-body>".len();
        faults
            .into_iter()
            .map(|it| {
                let rest = &format!("{body}</mj-body></mjml>")[it.offset.saturating_sub(start)..];
                let place = rest.split_inclusive('>').next().unwrap_or_default().to_owned();
                format!("{place} {} {}", it.message, it.hint.unwrap_or_default())
            })
            .collect::<Vec<_>>()
    };
    let all = [
        "<mj-sektion></mj-sektion><mj-text>a</mj-text><p>b</p>".to_owned(),
        column("text <mj-text><mj-text>a</mj-text></mj-text>{{ a }}<mj-image>b</mj-image>"),
        column("<mj-text>a"),
        column("<mj-text><b>a</mj-text>"),
        column("<mj-text>a</b></mj-text>"),
        column("<mj-include path=\"/etc/passwd\" />"),
        column("<mj-text color=>a</mj-text>"),
        "<mj-section {% if a %}x=\"1\"{% endif %}></mj-section>".to_owned(),
        "</mj-body></mjml><mjml><mj-body>".to_owned(),
        column(&format!("<mj-text>{}</mj-text>", "<b>".repeat(100_000))),
        column("<mj-carousel>{% if a %}<mj-carousel-image src=\"a\"/>{% endif %}</mj-carousel>"),
    ];
    let said: Vec<String> = all.iter().flat_map(|body| said(body)).collect();
    insta::assert_snapshot!(said.join("\n"));
}
