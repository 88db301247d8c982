//! PROMISES S2: whatever a template does, it ends, soon and small.

use std::time::{Duration, Instant as Stopwatch};

use super::*;

fn outcome(files: &[(&str, &str)]) -> RenderError {
    let renderer = renderer(files);
    let started = Stopwatch::now();
    let error = renderer.render(&mail("m", &lead(&[]))).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}: {error}", started.elapsed());
    error
}

/// On a busy machine time may be over first.
fn ended(error: &RenderError) -> bool {
    matches!(error, RenderError::TooManySteps { .. } | RenderError::TooSlow { .. })
}

fn body(body: &str) -> String {
    format!("---\nsubject: s\nlayout: plain\n---\n{body}")
}

#[test]
fn loops_end() {
    let quiet =
        "{% for a in range(end=100000) %}{% for b in range(end=100000) %}{% endfor %}{% endfor %}";
    assert!(ended(&outcome(&[("m.md", &body(quiet))])));
    let nested =
        format!("{}{}", "{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(20), "{% endfor %}".repeat(20));
    assert!(matches!(outcome(&[("m.md", &body(&nested))]), RenderError::TooManySteps { .. }));
    let huge = "{% for a in range(end=1000000000) %}{% endfor %}";
    assert!(matches!(outcome(&[("m.md", &body(huge))]), RenderError::Failed { .. }));
}

#[test]
fn includes_that_multiply_end() {
    let mut files = vec![("m.md".to_owned(), body("{% include \"partials/0.html\" %}"))];
    for number in 0..30 {
        let next = format!("{{% include \"partials/{}.html\" %}}", number + 1).repeat(10);
        files.push((
            format!("partials/{number}.html"),
            if number == 29 { String::new() } else { next },
        ));
    }
    let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    assert!(ended(&outcome(&files)));
}

#[test]
fn output_and_variables_stay_small() {
    let line = format!("{{% for a in range(end=60000) %}}{}{{% endfor %}}", "x".repeat(1000));
    assert!(matches!(outcome(&[("m.md", &body(&line))]), RenderError::TooLarge { .. }));
    let laughs =
        format!("{{% set a = [\"ha\"] %}}{}{{{{ a }}}}", "{% set a = [a, a, a, a] %}".repeat(40));
    assert!(matches!(outcome(&[("m.md", &body(&laughs))]), RenderError::TooLarge { .. }));
}

#[test]
fn html_that_would_exhaust_a_stack_is_refused() {
    let deep = format!("{}x", "<div>".repeat(50_000));
    let problems = Renderer::new(&definitions(&[("m.md", &body(&deep))])).unwrap_err();
    assert!(problems[0].message.contains("elements deep"), "{problems:?}");
    let deep = "{% for a in range(end=9000) %}<div>{% endfor %}";
    assert!(matches!(outcome(&[("m.md", &body(deep))]), RenderError::Html { .. }));
}

#[test]
fn a_long_value_is_named() {
    let long = lead(&[("first_name", text(&"a".repeat(10_000_000)))]);
    let error = one("s", "x").render(&mail("m", &long)).unwrap_err();
    assert_eq!(error, RenderError::LongValue { name: "first_name".to_owned(), limit: 10_000 });
}

#[test]
fn more_links_than_a_mail_can_have_are_refused() {
    let body = "{% for a in range(end=501) %}[x](https://e.example/{{ a }}) {% endfor %}";
    let error = one("s", body).render(&mail("m", &lead(&[]))).unwrap_err();
    assert!(error.to_string().contains("500 links"), "{error}");
}
