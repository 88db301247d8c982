use super::super::tests::definitions;
use crate::{
    definitions::Problem,
    domain::{
        attachment::{Attachment, FileType},
        definitions::Definitions,
    },
    render::Renderer,
};

fn advice_of(definitions: &Definitions) -> Vec<Problem> {
    let renderer = Renderer::new(definitions).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let mut advice = renderer.advice(definitions, "2027-03-01T08:00:00Z".parse().unwrap());
    assert!(!advice.iter().any(Problem::is_error));
    advice.sort_by_key(|it| (it.file.clone(), it.line, it.column));
    advice
}

fn advice(files: &[(&str, &str)]) -> String {
    let shown = |it: &Problem| {
        format!("{}:{}:{}: {}: {}", it.file, it.line, it.column, it.rule, it.message)
    };
    advice_of(&definitions(files)).iter().map(shown).collect::<Vec<_>>().join("\n")
}

fn mail(body: &str) -> String {
    format!("---\nsubject: s\npreheader: p\nlayout: plain\n---\n{body}\n")
}

#[test]
fn what_is_shown_of_a_lead_has_a_default() {
    let shown = advice(&[
        (
            "a.md",
            "---\nsubject: \"For {{ company }}\"\npreheader: p\nlayout: plain\n---\nHi {{ first_name }}, \
             {{ first_name | upper }} of {{ city or \"your town\" }}{% if industry %} in {{ industry }}{% endif %}\n",
        ),
        (
            "b.md",
            "---\nsubject: s\npreheader: p\nlayout: plain\ndefaults: { first_name: there }\n---\nHi {{ first_name }} {{ email }}\n",
        ),
    ]);
    insta::assert_snapshot!(shown, @r"
    templates/a.md:2:17: mail-default: who has no `company` does not get this mail
    templates/a.md:6:7: mail-default: who has no `first_name` does not get this mail
    ");
}

#[test]
fn each_rule_is_said_where_it_is_broken() {
    let long = "word ".repeat(30_000);
    let many = "[x](https://e.example)\n".repeat(30);
    let shown = advice(&[
        (
            "a.md",
            "---\nsubject: \"{{ company }}: a subject that goes on and on, far beyond what is read\"\nlayout: plain\n---\nHi\n",
        ),
        (
            "b.md",
            "---\nsubject: BUY IT NOW!!\npreheader: p\n---\nHi {{ postal_address }} {{ unsubscribe_url }}\n\n<a href=\"{{ unsubscribe_url }}\">x</a>\n",
        ),
        (
            "c.md",
            &mail(
                "[x](http://e.example/a) ![](HTTP://e.example/b.png) <img src=\"https://e.example/c.png\">",
            ),
        ),
        (
            "d.md",
            &mail(
                "[www.bank.example.com](https://evil.example.org/x) [e.g.](https://e.example) \
                        [www.example.com](https://go.example.com/) [Node.js](https://nodejs.org) [{{ city or \"a\" }}.com](https://e.example) \
                        and words enough that it is no mail of pictures at all, not even of small ones.",
            ),
        ),
        ("e.md", &mail("<div>a <b>b</div>\n\n*c*</i>\n\n`<u>` <span>d")),
        ("f.html", &mail(&format!("<p>{long}{}</p>", "x".repeat(10)))),
        ("g.md", &mail(&many)),
        ("h.html", "---\nsubject: s\nlayout: half\n---\n<td>x</i>\n"),
        (
            "layouts/half.html",
            "{% include \"partials/top.html\" %}{{ content }}</table>{{ postal_address }}<a href=\"{{ unsubscribe_url }}\">x</a>",
        ),
        ("partials/top.html", "<table>"),
    ]);
    for line in shown.lines() {
        let rule = format!("`{}`", line.split(": ").nth(1).unwrap());
        for page in
            [include_str!("../../../docs/workflows.md"), include_str!("../../../docs/templates.md")]
        {
            assert!(page.contains(&rule), "{rule} is not explained");
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn attachments_are_a_load_for_who_did_not_ask_for_the_mail() {
    let mail = mail("Hi").replace("layout:", "attachments: files/a.txt\nlayout:");
    let mut definitions = definitions(&[("a.md", &mail)]);
    let kind = FileType::of("a.txt").unwrap();
    let mut with = |bytes| {
        let attachment = Attachment {
            file: "files/a.txt".into(),
            name: "a.txt".to_owned(),
            content_type: kind.content_type,
            encoded: kind.encoded(&vec![b'x'; bytes]).unwrap().into(),
        };
        let mails = definitions.templates.mails.get_mut("a").unwrap();
        mails.get_mut("").unwrap().attachments = [attachment].into();
        let advice = advice_of(&definitions).into_iter();
        advice.map(|it| (it.rule, it.line, it.message)).collect::<Vec<_>>()
    };
    assert_eq!(with(1_000_000), [], "they are no part of its HTML");
    let message = "its attachments come to 1.2 MB: who did not ask for a mail takes no such load, and \
                   filters distrust it";
    assert_eq!(with(1_200_000), [("mail-attachments", 4, message.to_owned())]);
}

#[test]
fn what_is_right_is_not_warned_of() {
    let shown = advice(&[
        (
            "a.html",
            &mail(
                "{% if city %}<table class=a>{% else %}<table>{% endif %}<tr><td>x<tr><td>y</table>\
                 {% if city %}<b>{{ city }}</b>{% endif %}<!--[if mso]><td><![endif]--><br><p>z",
            ),
        ),
        ("b.html", &mail("{% for x in tags %}<i>{% endfor %}{% for x in tags %}</i>{% endfor %}")),
        ("c.md", &mail("1 < 2 and `<b>` [Example.com](https://www.example.com/a?b)")),
        ("d.md", &mail("{{ entry.form }} http://e.example")),
    ]);
    assert_eq!(shown, "");
}

#[test]
fn the_shipped_mails_need_none() {
    let shipped = advice_of(&crate::render::tests::shipped::campaign());
    assert!(shipped.is_empty(), "{shipped:#?}");
}
