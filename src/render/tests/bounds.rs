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
    for piece in [
        "<div>",
        // No browser closes anything for these ends.
        "<div></i>",
        "<div/>",
        "<i><div></i>",
        "<div><table><td></div>",
        "<div><style></style><svg><style><g></div>",
        // A list item within a term within a list item …
        "<li><dd>",
        "<p hidden><div></p>",
    ] {
        let deep = format!("{{% for a in range(end=9000) %}}{piece}{{% endfor %}}");
        let error = outcome(&[("m.html", &body(&deep))]);
        assert!(error.to_string().contains("elements deep"), "{piece}: {error}");
    }
}

#[test]
fn html_that_would_exhaust_memory_is_refused() {
    let styled = |style: &str, piece: &str, count: usize| {
        let body = body(&format!(
            "<style>{style}</style>{{% for a in range(end={count}) %}}{piece}{{% endfor %}}"
        ));
        outcome(&[("m.html", &body)]).to_string()
    };
    let long = "x".repeat(300_000);
    let error = styled(&format!("p{{color:{long}}}"), "<p>a</p>", 100);
    assert!(error.contains("too many for styles"), "{error}");
    let error = styled(&format!("p{{color:{}}}", &long[..100_000]), "<p>a</p>", 100);
    assert!(error.contains("by its styles"), "{error}");
    let nested = format!("p{}{}{{color:red}}", ":not(".repeat(20_000), ")".repeat(20_000));
    assert!(styled(&nested, "<p>a</p>", 1).contains("brackets"));
    let error = styled("", &"<b></b><hr>".repeat(100), 100);
    assert!(error.contains("20000 elements"), "{error}");
    // Browsers open all of the first again in each of the second.
    let reopened: Vec<_> = (0..150).map(|n| format!("<b id=b{n}>")).collect();
    let reopened = reopened.concat();
    let error = styled("", &format!("{{% if loop.first %}}<p>{reopened}{{% endif %}}<p>a"), 200);
    assert!(error.contains("20000 elements"), "{error}");
}

#[test]
fn styles_as_nested_as_they_may_be_are_no_danger() {
    let nested = format!("p{}{}{{color:red}}", ":not(".repeat(499), ")".repeat(499));
    let layers = format!("{}{}", "@layer a{".repeat(499), "}".repeat(499));
    for style in [nested, layers] {
        let files = [("m.html", &*body(&format!("<style>{style}</style><p>a</p>")))];
        assert!(renderer(&files).render(&mail("m", &lead(&[]))).is_ok());
    }
}

#[test]
fn the_bounds_are_those_of_the_mail_and_not_of_each_of_its_parts() {
    let loops = "{% for a in range(end=9000) %}{% endfor %}";
    let file = format!("---\nsubject: s{loops}\npreheader: p{loops}\nlayout: plain\n---\nx{loops}");
    assert!(ended(&outcome(&[("m.md", &file)])));
    let file = format!("---\nsubject: s{loops}\nlayout: plain\n---\nx{loops}");
    assert!(renderer(&[("m.md", &file)]).render(&mail("m", &lead(&[]))).is_ok());
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
