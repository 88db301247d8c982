//! PROMISES S1, S3: whatever a lead's attribute holds, it is data.

use proptest::prelude::*;

use super::*;

const BODY: &str = "Hi *{{ first_name }}* at {{ company }}\n\n\
                    [go](https://e.example/?n={{ first_name | urlencode }} \"{{ first_name }}\")\n";

const HOSTILE: [&str; 16] = [
    "{{ 7*7 }}",
    "{% include \"partials/footer.html\" %}",
    "{{ unsubscribe_url }}",
    "{# gone #}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "Ada\r\nBcc: eve@evil.example",
    "Ada\0Lovelace",
    "[x](http://evil.example)",
    "**bold** _it_ `code`",
    "<http://evil.example>",
    "Ada\u{2028}Bcc: eve@evil.example",
    "Ada\u{85}Bcc: eve",
    "zq0tag0z",
    "<!--zq0tag0z-->",
    "&lt;b&gt; &amp;",
];

fn rendered(first_name: &str) -> Rendered {
    static RENDERER: LazyLock<Renderer> = LazyLock::new(|| one("For {{ first_name }}", BODY));
    let lead = lead(&[("first_name", text(first_name)), ("company", text(first_name))]);
    RENDERER.render(&mail("m", &lead)).unwrap()
}

fn shown(page: &str) -> String {
    let mut shown = String::new();
    for node in html::read(page).unwrap() {
        if let Node::Text(text) = node {
            shown.push_str(&text);
        }
    }
    shown
}

#[test]
fn a_value_is_shown_as_it_is_and_does_nothing() {
    let plain = hrefs(&rendered("Ada").html);
    for value in HOSTILE {
        let mail = rendered(value);
        let literal = one_line(value);
        assert_eq!(mail.subject, format!("For {literal}"));
        assert!(
            shown(&mail.html).contains(&format!("Hi {literal} at {literal}")),
            "{value:?}: {}",
            mail.html
        );
        // `read` refuses scripts and handlers.
        assert!(html::read(&mail.html).is_ok(), "{value}");
        let links = hrefs(&mail.html);
        assert_eq!(links.len(), plain.len(), "{value}");
        let token = links[0].rsplit('/').next().unwrap();
        let (_, target) = KEYRING.read_click(token).unwrap();
        assert!(target.starts_with("https://e.example/?n="), "{target}");
    }
}

#[test]
fn no_control_reaches_a_header_or_a_part() {
    for value in HOSTILE {
        let mail = rendered(value);
        assert!(
            !mail.subject.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        );
        for part in [&mail.html, &mail.text] {
            assert!(!part.chars().any(|c| c.is_control() && c != '\n'), "{value:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_is_shown_literally(value in "\\PC{1,40}|.{1,40}") {
        let literal = one_line(&value);
        prop_assume!(!literal.is_empty());
        let mail = rendered(&value);
        prop_assert_eq!(&mail.subject, &one_line(&format!("For {literal}")));
        let shown = one_line(&shown(&mail.html));
        prop_assert!(shown.contains(&one_line(&format!("Hi {literal} at {literal}"))), "{}", shown);
        prop_assert_eq!(hrefs(&mail.html).len(), 2);
    }
}
