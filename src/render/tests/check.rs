//! What `check` says of templates before any lead.

use super::*;

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let problems = Renderer::new(&definitions(files)).err().unwrap_or_default();
    problems
        .into_iter()
        .map(|p| {
            format!(
                "{}:{}:{}: {} ({})",
                p.file,
                p.line,
                p.column,
                p.message,
                p.hint.unwrap_or_default()
            )
        })
        .collect()
}

fn body(body: &str) -> Vec<String> {
    problems(&[("m.md", &format!("---\nsubject: s\nlayout: plain\n---\n{body}"))])
}

#[test]
fn every_mistake_is_said_at_once_where_it_is() {
    let said = problems(&[
        (
            "a.md",
            "---\nsubject: Hi {{ frist_name }}\nlayout: plain\n---\nHello {{ compnay }},\n\n{{ x | uper }}\n",
        ),
        ("b.md", "---\nsubject: s\nlayout: plian\n---\nx"),
        ("c.md", "---\nsubject: s\nlayout: plain\n---\nOne\n\nÉtè {% if company %}"),
        (
            "d.html",
            "---\nsubject: s\nlayout: plain\n---\n<p>\n  {% include \"partials/foter.html\" %}",
        ),
        ("partials/footer.html", "x"),
    ]);
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn unknown_variables_are_found_in_every_part() {
    let said = problems(&[
        (
            "a.md",
            "---\nsubject: Hi {{ frist_name }}\nlayout: mine\n---\nHello {{ compnay }}, {{ content }}",
        ),
        ("layouts/mine.html", "{{ content }}{% include \"partials/f.html\" %}{{ titel }}"),
        (
            "partials/f.html",
            "<a href=\"{{ unsubscribe_url }}\">x</a>\n {{ postal_adress }}{{ postal_address }}",
        ),
    ]);
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn fields_of_what_has_none_are_found_in_every_part() {
    let said = problems(&[
        (
            "a.md",
            "---\nsubject: \"{{ company.name }}\"\nlayout: mine\ndefaults: { plan: free }\n---\nHello {{ \
             owner.name or \"we\" }},\n\n{{ email[\"domain\"] }} {% if plan.price %}x{% endif %}{{ tags[0] }}{{ \
             entry.form }}\n{% for company in tags %}{{ company.name }}{% endfor %}\n{# stage.name #}\n",
        ),
        (
            "layouts/mine.html",
            "{{ content }}{{ sender_name.first }}{{ postal_address }}{{ unsubscribe_url }}",
        ),
        ("partials/f.html", "{{ company.name }}{{ card.why }}\n{{ zone.name }}"),
    ]);
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_bad_link_is_said_where_it_stands_and_not_inside_of_another() {
    let good =
        "www.example.com is ours: https://www.example.com/tip1, [a](https://www.example.com/)\n\n";
    for link in [
        "[x](www.example.com)",
        "[x](<www.example.com> \"title\")",
        "[x][y]\n\n[y]: www.example.com",
        "<a href=\"www.example.com\">x</a>",
        "<a href = 'www.example.com'>x</a>",
        "<a href=www.example.com>x</a>",
    ] {
        let text = format!("{good}{link}\n");
        let offset = good.len() + link.find("www").unwrap();
        let (above, line) = text[..offset].rsplit_once('\n').unwrap();
        let place = format!("m.md:{}:{}:", above.matches('\n').count() + 6, line.len() + 1);
        let said = body(&text);
        assert!(said.len() == 1 && said[0].contains(&place), "{link}, {place}: {said:?}");
    }
}

#[test]
fn what_no_mail_may_do_is_refused() {
    for (text, says) in [
        ("{{ company | safe }}", "`safe`"),
        ("{{ get_env(name=\"HOME\") }}", "no function `get_env`"),
        ("{{ throw(message=\"x\") }}", "no function `throw`"),
        ("{{ first_name ~ last_name }}", "side by side"),
        ("{% extends \"layouts/plain.html\" %}", "`{% extends %}`"),
        ("{% set x %}a{% endset %}", "`{% endset %}`"),
        ("{% component a() %}{% endcomponent %}", "`{% component %}`"),
        ("{{ __spend() }}", "`__spend`"),
        ("{{ __tera_context }}", "two underscores"),
        ("<script>x</script>", "<script>"),
        ("<p onclick=\"x\">", "`onclick=`"),
        ("<iframe src=\"https://e.example\"></iframe>", "<iframe>"),
        ("[x](/pricing)", "full address"),
        ("[x](javascript:alert)", "javascript"),
        ("{{ company", "not closed"),
        ("{% if company %}", "`{% if %}` is not closed"),
        ("{% endfor %}", "closes nothing"),
        ("{% if company %}{% endfor %}", "is not closed"),
        ("{{ 1 + }}", ""),
    ] {
        let said = body(text).join("\n");
        assert!(!said.is_empty() && said.contains(says), "{text}: {said}");
    }
    let deep = format!("{}{}", "{% if company %}".repeat(5000), "{% endif %}".repeat(5000));
    assert!(body(&deep)[0].contains("deep"));
}

#[test]
fn a_mail_to_a_lead_shows_who_sends_it_and_how_to_stop_it() {
    let said = problems(&[("m.md", "---\nsubject: s\n---\nHello")]).join("\n");
    assert!(said.contains("`unsubscribe_url`") && said.contains("`postal_address`"), "{said}");
    let own = "---\nsubject: s\n---\n{{ postal_address }} [stop]({{ unsubscribe_url }})";
    assert_eq!(problems(&[("m.md", own)]), [""; 0]);
}

#[test]
fn what_is_asked_must_be_declared() {
    let files = [
        (
            "m.md",
            "---\nsubject: \"{{ preferences() }}\"\nlayout: plain\n---\n[a]({{ ask(\"topci\", \"pricing\") }})\n\n\
             [b]({{ ask(\"topic\", \"prising\") }}) [c]({{ ask(\"topic\") }}) [d]({{ later(\"soon\") }})\n\
             [e]({{ later(90) }}) [f]({{ preferences(\"x\") }}) [g]({{ ask(\"topic\", company) }})\n",
        ),
        ("partials/asks.html", "<a href=\"{{ ask(\"later\", \"3mo\") }}\">x</a>"),
    ];
    insta::assert_snapshot!(problems(&files).join("\n"));
}

#[test]
fn a_mistake_hides_no_unknown_variable() {
    for mistake in [
        "[b](https://www.example.com/ \"button\") beside",
        "[d]({{ later(\"soon\") }})",
        "{{ company | uper }}",
        "{{ company + }}",
        "{% block title %}x{% endblock %}",
        "{% if company %}",
        "{{ company",
        "{# of {{ nobody }}",
        "{% raw %}{{ nobody }}",
        "[unused]: {{ company }}",
    ] {
        let good = "{% for tag in tags %}{{ tag }}{% endfor %}{# {{ note }} #}{{ x or 1 }}";
        let said = body(&format!("Hello {{{{ compnay }}}} {good}\n\n{mistake}\n"));
        let unknown: Vec<_> = said.iter().filter(|it| it.contains("no variable")).collect();
        assert!(said.len() > 2 && unknown.len() == 2, "{mistake}: {said:#?}");
        assert!(unknown[0].contains("m.md:5:10: there is no variable `compnay`"), "{said:#?}");
    }
}

#[test]
fn files_that_include_each_other_are_said() {
    let said = problems(&[
        ("partials/a.html", "{% include \"partials/b.html\" %}"),
        ("partials/b.html", "{% include \"partials/a.html\" %}"),
    ]);
    assert!(said.join("\n").to_lowercase().contains("circular"), "{said:?}");
}

#[test]
fn a_mail_that_is_right_has_no_problems() {
    let good = "{% for tag in tags %}{{ loop.index }} {{ tag | upper }}{% endfor %}{% set n = 1 %}{{ n + 1 }}\n\n\
                {% if company is starting_with(pat=\"A\") and not (first_name is defined) %}x{% endif %}\n\n\
                {% raw %}{{ as it is }}{% endraw %}{# and a note #} {{ today | date(format=\"%Y\") }}";
    assert_eq!(body(good), [""; 0]);
}

#[test]
fn mistakes_in_mjml_are_said_where_they_stand() {
    let said = problems(&[
        (
            "a.mjml",
            "---\nsubject: \"{{ subject }}\"\n---\n<mjml>\n<mj-body>\n  <mj-sektion>\n  </mj-sektion>\n  \
             <mj-section>{{ frist_name }}</mj-section>\n</mj-body>\n</mjml>\n",
        ),
        (
            "b.mjml",
            "---\nsubject: s\n---\n<mjml><mj-body>\n<mj-section><mj-column>\n<mj-text><a \
             href=\"www.example.com\">{{ subject }}{{ frist_name }}</a></mj-text>\n<mj-button \
             href=\"/x\">{{ company | uper }}</mj-button></mj-column></mj-section></mj-body></mjml>\n",
        ),
        ("c.mjml", "---\nsubject: s\n---\n<mjml><mj-body></mj-body></mjml>\n"),
    ]);
    insta::assert_snapshot!(said.join("\n"));
}
