//! The few pages that a reader of a mail may come to see. They work without scripts, load nothing and
//! name nobody: a link may be passed on.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::language::Language;

const LAYOUT: &str = include_str!("pages/page.html");
const STYLE: &str = include_str!("pages/page.css");

/// Nothing but our own style sheet and a form that posts back to us.
pub(super) static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    HeaderValue::try_from(format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    ))
    .unwrap_or(HeaderValue::from_static("default-src 'none'; form-action 'self'"))
});

/// What a page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Page<'a> {
    /// The link is not one of ours, whatever is wrong with it.
    NotFound,
    /// What will happen, and the button that makes it happen. True also of who has unsubscribed.
    AskUnsubscribe {
        /// What the mail was about.
        label: Option<&'a str>,
    },
    Unsubscribed,
    /// The link is of a mail that `send-test` wrote: there is nobody to take off.
    TestMail,
    /// It could not be recorded: nothing has happened.
    NotUnsubscribed,
    /// The click could not be recorded; where the link leads to, for the reader to go on by hand.
    NotCounted {
        target: &'a str,
    },
    TooLarge,
    Failed,
}

impl Page<'_> {
    const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AskUnsubscribe { .. } | Self::Unsubscribed | Self::TestMail => StatusCode::OK,
            Self::NotUnsubscribed | Self::NotCounted { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn respond(self, language: Language) -> Response {
        respond(self.status(), language, self.html(language))
    }

    fn html(self, language: Language) -> String {
        let (title, body) = self.text(language);
        sheet(language, title, &body)
    }

    fn text(self, language: Language) -> (&'static str, String) {
        use Language::{English, Italian};
        match (self, language) {
            (Self::NotFound, English) => (
                "This link does not work",
                "<p>It may have been cut off when it was copied. Please open it from the mail itself.</p>"
                    .into(),
            ),
            (Self::NotFound, Italian) => (
                "Questo link non funziona",
                "<p>Forse è stato troncato durante la copia. Aprilo direttamente dall’e-mail.</p>".into(),
            ),
            (Self::AskUnsubscribe { label }, English) => (
                "Unsubscribe?",
                about("The mail that brought you here", label)
                    + "<p>We will send you no more of these mails, whatever they are about, from now on and \
                       for good. Nothing else changes, and you need no account.</p>\n<form method=\"post\">\n\
                       <button type=\"submit\" name=\"confirm\" value=\"yes\">Unsubscribe</button>\n</form>\n\
                       <p><small>Nothing changes until you press the button. To leave everything as it is, \
                       just close this page.</small></p>",
            ),
            (Self::AskUnsubscribe { label }, Italian) => (
                "Annullare l’iscrizione?",
                about("L’e-mail che ti ha portato qui", label)
                    + "<p>Non ti invieremo più queste e-mail, di qualunque argomento, da subito e per \
                       sempre. Non cambia nient’altro e non serve alcun account.</p>\n<form method=\"post\">\n\
                       <button type=\"submit\" name=\"confirm\" value=\"yes\">Annulla l’iscrizione</button>\n\
                       </form>\n<p><small>Non cambia nulla finché non premi il pulsante. Per lasciare tutto \
                       com’è, basta chiudere questa pagina.</small></p>",
            ),
            (Self::Unsubscribed, English) => (
                "You are unsubscribed",
                "<p>We will send you no more of these mails. A mail that was on its way already may still \
                 arrive.</p>"
                    .into(),
            ),
            (Self::Unsubscribed, Italian) => (
                "Iscrizione annullata",
                "<p>Non ti invieremo più queste e-mail. Un messaggio già partito potrebbe ancora \
                 arrivare.</p>"
                    .into(),
            ),
            (Self::TestMail, English) => {
                ("This was a test mail", "<p>Nothing was changed.</p>".into())
            }
            (Self::TestMail, Italian) => {
                ("Era un’e-mail di prova", "<p>Non è cambiato nulla.</p>".into())
            }
            (Self::NotUnsubscribed, English) => (
                "You are not unsubscribed yet",
                "<p>We could not record it: something is wrong on our side. Please try again in a \
                 minute.</p>\n<form method=\"post\">\n<button type=\"submit\" name=\"confirm\" \
                 value=\"yes\">Try again</button>\n</form>"
                    .into(),
            ),
            (Self::NotUnsubscribed, Italian) => (
                "L’iscrizione non è ancora annullata",
                "<p>Non siamo riusciti a registrarlo: c’è un problema da parte nostra. Riprova fra un \
                 minuto.</p>\n<form method=\"post\">\n<button type=\"submit\" name=\"confirm\" \
                 value=\"yes\">Riprova</button>\n</form>"
                    .into(),
            ),
            (Self::NotCounted { target }, English) => {
                ("One more step", format!("<p>Please follow this link to go on:</p>{}", link(target)))
            }
            (Self::NotCounted { target }, Italian) => {
                ("Ancora un passo", format!("<p>Segui questo link per continuare:</p>{}", link(target)))
            }
            (Self::TooLarge, English) => {
                ("Too much", "<p>This request is larger than it needs to be.</p>".into())
            }
            (Self::TooLarge, Italian) => {
                ("Troppo grande", "<p>Questa richiesta è più grande del necessario.</p>".into())
            }
            (Self::Failed, English) => {
                ("Something went wrong", "<p>Please try again in a minute.</p>".into())
            }
            (Self::Failed, Italian) => {
                ("Qualcosa è andato storto", "<p>Riprova fra un minuto.</p>".into())
            }
        }
    }
}

pub(super) fn respond(status: StatusCode, language: Language, html: String) -> Response {
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}

/// A whole page; `title` and `body` are HTML.
pub(super) fn sheet(language: Language, title: &str, body: &str) -> String {
    LAYOUT
        .replace("{lang}", language.tag())
        .replace("{style}", STYLE)
        // What follows must not be looked for in it.
        .replace("{title}", &title.replace('{', "&#123;"))
        .replace("{body}", body)
}

/// What a mail was about, if that is known.
fn about(mail: &str, label: Option<&str>) -> String {
    label.map_or_else(String::new, |label| {
        format!("<p>{mail}: <strong>{}</strong></p>\n", escaped(label))
    })
}

fn link(target: &str) -> String {
    let target = escaped(target);
    format!("\n<p><a rel=\"noreferrer nofollow\" href=\"{target}\">{target}</a></p>")
}

/// For text and attribute values in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_no_script_and_load_nothing() {
        for language in [Language::English, Language::Italian] {
            for page in [
                Page::NotFound,
                Page::AskUnsubscribe { label: None },
                Page::AskUnsubscribe { label: Some("Research & news") },
                Page::Unsubscribed,
                Page::TestMail,
                Page::NotUnsubscribed,
                Page::NotCounted { target: "https://www.example.com/a?b=1&c=2" },
                Page::TooLarge,
                Page::Failed,
            ] {
                let html = page.html(language);
                for forbidden in
                    ["<script", "<img", "<link", "onclick", " style=", "src=", "@import", "{"]
                {
                    let text = html.replace(STYLE, "");
                    assert!(!text.contains(forbidden), "{forbidden} in {page:?}");
                }
                assert!(html.contains(&format!("<html lang=\"{}\">", language.tag())));
            }
        }
    }

    #[test]
    fn the_style_sheet_is_the_one_that_the_policy_admits() {
        let html = Page::NotFound.html(Language::English);
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let hash = BASE64_STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(POLICY.to_str().unwrap().contains(&hash));
    }

    #[test]
    fn a_target_cannot_break_out_of_its_page() {
        let target = "https://example.com/\"><script>alert('x')</script>&{body}";
        let html = Page::NotCounted { target }.html(Language::English);
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&#34;&#62;&#60;script&#62;"));
    }

    #[test]
    fn the_page_that_asks_says_what_the_mail_was_about_and_is_true_also_of_who_has_left() {
        for language in [Language::English, Language::Italian] {
            let html = Page::AskUnsubscribe { label: Some("<b>R&D</b> {body}") }.html(language);
            assert!(
                html.contains("<strong>&#60;b&#62;R&#38;D&#60;/b&#62; {body}</strong>"),
                "{html}"
            );
            let html = Page::AskUnsubscribe { label: None }.html(language);
            assert!(!html.contains("<strong>"), "{html}");
            for untrue in ["still", "subscribed until", "Resta iscritto", "To stay", "Per restare"]
            {
                assert!(!html.contains(untrue), "{untrue}: {html}");
            }
        }
    }

    #[test]
    fn only_the_page_that_asks_or_asks_again_has_a_button() {
        let has = |page: Page<'_>| page.html(Language::Italian).contains("<form method=\"post\">");
        assert!(has(Page::AskUnsubscribe { label: None }) && has(Page::NotUnsubscribed));
        assert!(!has(Page::Unsubscribed) && !has(Page::NotFound));
    }
}
