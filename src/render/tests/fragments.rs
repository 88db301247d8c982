//! What a mail shows only to some of its readers.

use super::*;

const BODY: &str = "{% if in_segment(\"stirring\") %}{% include \"partials/offer.html\" %}\
                    {% elif in_segment('quiet') %}Still there?{% else %}A word of news.{% endif %}";

fn shown(inside: &[&str]) -> (String, String) {
    let text = format!(
        "---\nsubject: \"{{% if in_segment('stirring') %}}Now{{% else %}}Some day{{% endif %}}\"\nlayout: plain\n---\n{BODY}\n"
    );
    let renderer = renderer(&[
        (
            "partials/offer.html",
            "<b>An offer{% if not in_segment(\"quiet\") %} for you{% endif %}</b>",
        ),
        ("m.md", &text),
    ]);
    let asked: Vec<&str> = renderer.segments("m", "en").map(|name| &**name).collect();
    assert!(["quiet", "stirring"].iter().all(|name| asked.contains(name)), "{asked:?}");
    let segments: Inside = inside.iter().map(|name| Name::from(*name)).collect();
    let lead = lead(&[]);
    let rendered = renderer.render(&Mail { segments: &segments, ..mail("m", &lead) }).unwrap();
    let first = rendered.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    (rendered.subject, first.trim().to_owned())
}

#[test]
fn each_branch_is_for_who_is_in_its_segment_and_the_last_for_all_others() {
    let said = |subject: &str, text: &str| (subject.to_owned(), text.to_owned());
    assert_eq!(shown(&["stirring"]), said("Now", "An offer for you"));
    assert_eq!(shown(&["quiet"]), said("Some day", "Still there?"));
    assert_eq!(shown(&[]), said("Some day", "A word of news."));
}

#[test]
fn a_segment_that_there_is_not_is_said_where_it_is_asked_for() {
    let problems = |body: &str| {
        let text = format!("---\nsubject: s\nlayout: plain\n---\n{body}\n");
        let found = Renderer::new(&definitions(&[("m.md", &text)])).err().unwrap_or_default();
        let found = found.into_iter().map(|it| {
            format!(
                "{}:{}:{}: {} ({})",
                it.file,
                it.line,
                it.column,
                it.message,
                it.hint.unwrap_or_default()
            )
        });
        found.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(problems(
        "{% if in_segment(\"stiring\") %}a{% endif %}\n{% if first_name and in_segment(\"nobody\") %}b{% endif %}\n\
         {% if in_segment(first_name) %}c{% endif %}\n{{ in_segment(\"quiet\") }}",
    ));
    assert_eq!(problems("{{ \"a\" if in_segment(\"quiet\") else \"b\" }}"), "");
}
