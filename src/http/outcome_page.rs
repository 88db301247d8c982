//! What the pages of outcomes say to our own people. As all pages they work without scripts, load nothing
//! and do not name the lead: a link may be passed on.

use axum::{http::StatusCode, response::Response};

use super::{
    language::Language,
    page::{escaped, respond, sheet},
};
use crate::domain::{
    hand_off::{Answer, Choice, Reason},
    id::Rev,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum OutcomePage {
    /// What the button will do.
    Ask(Choice),
    /// It is on disk, from now or from before.
    Noted(Choice),
    /// Something else was said before.
    Change { choice: Choice, said: Said, instead_of: Rev },
    /// It could not be looked up or recorded: nothing has happened.
    NotSaved,
}

/// What was said before, by whom and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Said {
    pub answer: Answer,
    pub by: Option<String>,
    /// In words.
    pub on: String,
}

impl OutcomePage {
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
        let words = |english, italian| language.choose(english, italian).to_owned();
        match self {
            Self::Ask(choice) => (
                format!("{}?", name(*choice, language)),
                follows(choice.answer, language) + &button(None, language),
            ),
            Self::Noted(choice) => (
                words("Noted, thank you", "Annotato, grazie"),
                format!("<p><strong>{}</strong></p>\n", name(*choice, language))
                    + &follows(choice.answer, language),
            ),
            Self::Change { choice, said, instead_of } => (
                words("Something else was said before", "Era già stato detto altro"),
                said.told(language)
                    + &words("<p>Change it to: <strong>", "<p>Cambiarlo in: <strong>")
                    + &name(*choice, language)
                    + "</strong>?</p>\n"
                    + &follows(choice.answer, language)
                    + &button(Some(*instead_of), language),
            ),
            Self::NotSaved => (
                words("This is not noted yet", "Non è ancora annotato"),
                words(
                    "<p>Something is wrong on our side. Please try again in a minute.</p>",
                    "<p>C’è un problema da parte nostra. Riprova fra un minuto.</p>",
                ),
            ),
        }
    }
}

impl Said {
    fn told(&self, language: Language) -> String {
        let by = self
            .by
            .as_deref()
            .map(|by| format!(" {} <strong>{}</strong>", language.choose("by", "da"), escaped(by)));
        let what = escaped(&words_of(self.answer, language));
        let on = language.choose("on", "il");
        format!("<p>{what}{} {on} {}.</p>\n", by.unwrap_or_default(), escaped(&self.on))
    }
}

fn name(choice: Choice, language: Language) -> String {
    let name = words_of(choice.answer, language);
    match choice.later {
        Some("1mo") => name + language.choose(", ask again in one month", ", fra un mese"),
        Some("3mo") => name + language.choose(", ask again in three months", ", fra tre mesi"),
        Some(_) => name + language.choose(", ask again in six months", ", fra sei mesi"),
        None => name,
    }
}

fn words_of(answer: Answer, language: Language) -> String {
    let (english, italian) = match answer {
        Answer::Accepted => ("Accepted", "Accettato"),
        Answer::Returned(Reason::NotNow) => ("Not now", "Non ora"),
        Answer::Returned(Reason::NoBudget) => ("No budget", "Manca il budget"),
        Answer::Returned(Reason::WrongPerson) => ("The wrong person", "La persona sbagliata"),
        Answer::Returned(Reason::Other) => ("Returned", "Restituito"),
        Answer::Returned(Reason::NoAnswer) => {
            ("Taken back without an answer", "Ripreso senza risposta")
        }
    };
    language.choose(english, italian).to_owned()
}

/// What comes of an answer.
fn follows(answer: Answer, language: Language) -> String {
    let (english, italian) = match answer {
        Answer::Accepted => ("The lead is yours.", "Il lead è tuo."),
        Answer::Returned(Reason::WrongPerson) => (
            "The lead is disqualified and is not handed over again.",
            "Il lead è squalificato e non viene più affidato.",
        ),
        Answer::Returned(Reason::NotNow) => (
            "Marketing takes the lead back and leaves it alone until then.",
            "Il lead torna al marketing, che fino ad allora lo lascia in pace.",
        ),
        Answer::Returned(_) => ("Marketing takes the lead back.", "Il lead torna al marketing."),
    };
    format!("<p>{}</p>\n", language.choose(english, italian))
}

fn button(instead_of: Option<Rev>, language: Language) -> String {
    let hidden = instead_of
        .map(|rev| format!("<input type=\"hidden\" name=\"instead_of\" value=\"{rev}\">\n"));
    let label = match instead_of {
        None => language.choose("Confirm", "Conferma"),
        Some(_) => language.choose("Change it", "Cambia"),
    };
    let nothing = language.choose(
        "Nothing changes until you press the button.",
        "Non cambia nulla finché non premi il pulsante.",
    );
    format!(
        "<form method=\"post\">\n{}<button type=\"submit\" name=\"confirm\" value=\"yes\">{label}</button>\n\
         </form>\n<p><small>{nothing}</small></p>",
        hidden.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_no_script_load_nothing_and_only_those_that_ask_have_a_button() {
        let said = Said {
            answer: Answer::Returned(Reason::NoAnswer),
            by: Some("<script>{body}".into()),
            on: "28 March 2027".into(),
        };
        for language in [Language::English, Language::Italian] {
            for choice in Choice::ALL {
                let change = OutcomePage::Change { choice, said: said.clone(), instead_of: Rev(7) };
                for (page, asks) in [
                    (OutcomePage::Ask(choice), true),
                    (OutcomePage::Noted(choice), false),
                    (change, true),
                    (OutcomePage::NotSaved, false),
                ] {
                    let html = page.html(language);
                    assert_eq!(html.contains("<form method=\"post\">"), asks, "{page:?}");
                    for forbidden in ["<script", "<img", "<link", "onclick", " style=", "src="] {
                        assert!(!html.contains(forbidden), "{forbidden} in {page:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_said_before_is_told_with_who_and_when() {
        let said = Said {
            answer: Answer::Accepted,
            by: Some("Ada Rossi".into()),
            on: "28 March 2027".into(),
        };
        let choice = Choice::IN_3_MONTHS;
        let page = OutcomePage::Change { choice, said, instead_of: Rev(7) };
        let html = page.html(Language::English);
        assert!(
            html.contains("Accepted by <strong>Ada Rossi</strong> on 28 March 2027."),
            "{html}"
        );
        assert!(html.contains("Not now, ask again in three months"), "{html}");
        assert!(html.contains("name=\"instead_of\" value=\"7\""), "{html}");
    }
}
