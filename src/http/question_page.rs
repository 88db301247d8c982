//! What the pages of questions say. As all pages they work without scripts, load nothing and name nobody.

use std::fmt::Write as _;

use axum::{http::StatusCode, response::Response};

use super::{
    language::Language,
    page::{escaped, respond, sheet},
};

/// Links lead to other tokens of the same mail, beside this page's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum QuestionPage<'a> {
    /// The question, the answer that was chosen in the mail, and the button.
    Ask {
        title: &'a str,
        label: &'a str,
    },
    Answered {
        title: &'a str,
        label: &'a str,
        preferences: &'a str,
    },
    /// The question, or this answer to it, is not asked any more.
    Closed,
    AskLater {
        day: &'a str,
    },
    Later {
        day: &'a str,
        preferences: &'a str,
    },
    Preferences {
        rows: &'a [Row<'a>],
        quiet_until: Option<&'a str>,
        /// How long, and the token of its page.
        later: &'a [(&'static str, String)],
        unsubscribe: &'a str,
    },
    Saved {
        preferences: &'a str,
    },
    /// It could not be looked up or recorded: nothing has happened.
    NotSaved,
}

/// One purpose on the page of preferences.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Row<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub ticked: bool,
}

impl QuestionPage<'_> {
    pub(super) fn respond(&self, language: Language) -> Response {
        let status = match self {
            Self::NotSaved => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::OK,
        };
        respond(status, language, self.html(language))
    }

    fn html(&self, language: Language) -> String {
        let (title, body) = self.text(language);
        sheet(language, &title, &body)
    }

    fn text(&self, language: Language) -> (String, String) {
        use Language::{English, Italian};
        let words = |english, italian| language.choose(english, italian).to_owned();
        match self {
            Self::Ask { title, label } => (
                escaped(title),
                answer(label)
                    + &button(&words("Send this answer", "Invia questa risposta"), language),
            ),
            Self::Answered { title, label, preferences } => (
                words("Thank you", "Grazie"),
                format!("<p>{}</p>\n", escaped(title))
                    + &answer(label)
                    + &words(
                        "<p>We have noted your answer.</p>",
                        "<p>Abbiamo annotato la tua risposta.</p>",
                    )
                    + &to_preferences(preferences, language),
            ),
            Self::Closed => (
                words("This question is closed", "Questa domanda è chiusa"),
                words(
                    "<p>We do not ask this any more. If you have answered it, we have noted that; nothing \
                     else changes.</p>",
                    "<p>Non lo chiediamo più. Se hai risposto, ne abbiamo preso nota; non cambia nient’altro.</p>",
                ),
            ),
            Self::AskLater { day } => (
                words("Shall we write to you later?", "Ti scriviamo più avanti?"),
                match language {
                    English => format!(
                        "<p>We will not write to you before <strong>{day}</strong>, but for what you have \
                         asked for yourself.</p>\n"
                    ),
                    Italian => format!(
                        "<p>Non ti scriveremo prima del <strong>{day}</strong>, se non per ciò che hai \
                         chiesto tu.</p>\n"
                    ),
                } + &button(&words("Write to me later", "Scrivetemi più avanti"), language),
            ),
            Self::Later { day, preferences } => (
                words("We will write to you later", "Ti scriveremo più avanti"),
                match language {
                    English => format!(
                        "<p>You will hear nothing from us before <strong>{day}</strong>. A mail that was on \
                         its way already may still arrive.</p>\n"
                    ),
                    Italian => format!(
                        "<p>Non avrai nostre notizie prima del <strong>{day}</strong>. Un messaggio già \
                         partito potrebbe ancora arrivare.</p>\n"
                    ),
                } + &to_preferences(preferences, language),
            ),
            Self::Preferences { rows, quiet_until, later, unsubscribe } => (
                words("What may we write to you about?", "Di che cosa possiamo scriverti?"),
                form(rows, language)
                    + &quiet(*quiet_until, later, language)
                    + &format!(
                        "<p><a href=\"../u/{unsubscribe}\">{}</a></p>",
                        words("No more mail at all", "Nessuna e-mail, di alcun tipo")
                    ),
            ),
            Self::Saved { preferences } => (
                words("Saved", "Salvato"),
                words(
                    "<p>Your choice holds from now on. A mail that was on its way already may still \
                     arrive.</p>",
                    "<p>La tua scelta vale da subito. Un messaggio già partito potrebbe ancora arrivare.</p>",
                ) + &to_preferences(preferences, language),
            ),
            Self::NotSaved => (
                words("Nothing was saved yet", "Non è stato ancora salvato nulla"),
                words(
                    "<p>Something is wrong on our side. Please open the link again in a minute.</p>",
                    "<p>C’è un problema da parte nostra. Riapri il link fra un minuto.</p>",
                ),
            ),
        }
    }
}

fn answer(label: &str) -> String {
    format!("<p><strong>{}</strong></p>\n", escaped(label))
}

fn button(text: &str, language: Language) -> String {
    let nothing_yet = language.choose(
        "Nothing changes until you press the button. To leave everything as it is, just close this page.",
        "Non cambia nulla finché non premi il pulsante. Per lasciare tutto com’è, basta chiudere questa \
         pagina.",
    );
    format!(
        "<form method=\"post\">\n<button type=\"submit\" name=\"confirm\" value=\"yes\">{text}</button>\n\
         </form>\n<p><small>{nothing_yet}</small></p>"
    )
}

fn to_preferences(token: &str, language: Language) -> String {
    let text = language.choose("What we may write to you about", "Di che cosa possiamo scriverti");
    format!("\n<p><a href=\"{token}\">{text}</a></p>")
}

/// What is ticked now is sent along: only what somebody ticks themselves is a consent.
fn form(rows: &[Row<'_>], language: Language) -> String {
    let mut form = String::from("<form method=\"post\">\n");
    for Row { name, label, ticked } in rows {
        let (name, label) = (escaped(name), escaped(label));
        let (checked, had) = if *ticked {
            (" checked", format!("<input type=\"hidden\" name=\"had\" value=\"{name}\">"))
        } else {
            ("", String::new())
        };
        let _ = writeln!(
            form,
            "<p><input type=\"hidden\" name=\"shown\" value=\"{name}\">{had}<label><input \
             type=\"checkbox\" name=\"purpose\" value=\"{name}\"{checked}> {label}</label></p>"
        );
    }
    let save = language.choose("Save", "Salva");
    let _ = writeln!(form, "<button type=\"submit\">{save}</button>\n</form>");
    form
}

/// Until when the lead is left in peace, and longer.
fn quiet(until: Option<&str>, later: &[(&'static str, String)], language: Language) -> String {
    let mut text = String::new();
    if let Some(day) = until {
        let _ = match language {
            Language::English => writeln!(text, "<p>Until {day} we do not write to you.</p>"),
            Language::Italian => writeln!(text, "<p>Fino al {day} non ti scriviamo.</p>"),
        };
    }
    let rather = language.choose("Rather later?", "Meglio più avanti?");
    let links = later.iter().map(|(after, token)| {
        let months: u8 = after.trim_end_matches("mo").parse().unwrap_or(1);
        let text = match (language, months) {
            (Language::English, 1) => "in a month".to_owned(),
            (Language::English, months) => format!("in {months} months"),
            (Language::Italian, 1) => "fra un mese".to_owned(),
            (Language::Italian, months) => format!("fra {months} mesi"),
        };
        format!("<a href=\"{token}\">{text}</a>")
    });
    let _ = writeln!(text, "<p>{rather} {}</p>", links.collect::<Vec<_>>().join(", "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_say_what_the_button_does_and_what_was_done() {
        let rows = [
            Row { name: "insights", label: "Research & <news>", ticked: true },
            Row { name: "offers", label: "Offers", ticked: false },
        ];
        let later = [("1mo", "T1".to_owned()), ("3mo", "T3".to_owned())];
        let (title, label, preferences, day) =
            ("What {body} next?", "\"Prices\"", "TOKEN", "26 February 2027");
        let pages = [
            QuestionPage::Ask { title, label },
            QuestionPage::Answered { title, label, preferences },
            QuestionPage::Closed,
            QuestionPage::AskLater { day },
            QuestionPage::Later { day, preferences },
            QuestionPage::Preferences {
                rows: &rows,
                quiet_until: Some(day),
                later: &later,
                unsubscribe: "UNSUBSCRIBE",
            },
            QuestionPage::Saved { preferences },
            QuestionPage::NotSaved,
        ];
        let mut said = String::new();
        for language in [Language::English, Language::Italian] {
            for page in &pages {
                let html = page.html(language);
                for forbidden in
                    ["<script", "<img", "<link", " style=", "src=", "<news>", "<h1>What {"]
                {
                    assert!(!html.contains(forbidden), "{forbidden} in {html}");
                }
                let main = html.split("<main>").nth(1).unwrap().split("</main>").next().unwrap();
                let _ = writeln!(said, "--- {}\n{}", language.tag(), main.trim());
                let buttons = html.matches("<button").count();
                let asks = matches!(
                    page,
                    QuestionPage::Ask { .. }
                        | QuestionPage::AskLater { .. }
                        | QuestionPage::Preferences { .. }
                );
                assert_eq!(buttons, usize::from(asks), "{html}");
            }
        }
        insta::assert_snapshot!(said);
    }
}
