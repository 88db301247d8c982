//! The pages of questions: a GET shows what was chosen in the mail and one button, and changes nothing; the
//! button's POST is on disk before it is answered, and pressed twice it is the same.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Method, header},
    response::Response,
};

use super::{
    hits::{HitKind, HitOutcome},
    language::Language,
    page::Page,
    public::{Body, LOOK_WITHIN, Public, Token, hit, is_test, language, not_found, text, whole},
    question_page::{QuestionPage, Row},
};
use crate::{
    domain::{
        name::Name,
        question::{Ask, fact_object},
        schedule::Later,
        time::Instant,
    },
    engine::{
        answering::{Answer, Choice, Reader},
        intake::{Act, IntakeError, Taken},
        live::Live,
    },
    render::date_in_words,
    token::MailRef,
};

/// One request for the page of a question.
struct Visit {
    public: Public,
    live: Arc<Live>,
    mail: MailRef,
    ask: Ask,
    /// `None`: the lead is not there any more. An error: nobody knows now.
    reader: Result<Option<Reader>, Unknown>,
    /// Of our own words.
    language: Language,
    /// Of the campaign's, the best first.
    languages: Vec<String>,
    now: Instant,
}

/// The database does not tell.
#[derive(Clone, Copy)]
struct Unknown;

pub(super) async fn ask(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    token: Token,
) -> Response {
    let Some((mail, ask)) = public.keyring.read_question(&text(token)) else {
        return not_found(&headers);
    };
    if is_test(mail) {
        return Page::TestMail.respond(language(&headers));
    }
    let link = fact_object(ask.key(), ask.value());
    public.intake.notice(hit(mail, Act::LookAtQuestion { link }, &method, &headers));
    match Visit::begin(public, mail, ask, &headers).await {
        Some(visit) => visit.asks(),
        None => QuestionPage::NotSaved.respond(language(&headers)),
    }
}

pub(super) async fn answer(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    token: Token,
    body: Body,
) -> Response {
    let body = match whole(body, &headers) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let Some((mail, ask)) = public.keyring.read_question(&text(token)) else {
        return not_found(&headers);
    };
    if is_test(mail) {
        return Page::TestMail.respond(language(&headers));
    }
    match Visit::begin(public, mail, ask, &headers).await {
        Some(visit) => visit.answers(&body, &method, &headers).await,
        None => QuestionPage::NotSaved.respond(language(&headers)),
    }
}

impl Visit {
    /// `None` before the first release.
    async fn begin(public: Public, mail: MailRef, ask: Ask, headers: &HeaderMap) -> Option<Self> {
        let live = public.current.get()?;
        let now = public.intake.now();
        let reader = Reader::of(&public.store, &live.definitions, mail, &ask, now);
        let reader = match tokio::time::timeout(LOOK_WITHIN, reader).await {
            Ok(Ok(reader)) => Ok(reader),
            Ok(Err(_)) | Err(_) => Err(Unknown),
        };
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let preferred = Language::preferred(accepted);
        let of_mail = reader.as_ref().ok().and_then(Option::as_ref);
        let of_mail = of_mail.map(|reader| reader.state.language.to_string());
        let house = live.definitions.policy.language.to_string();
        let ours = || Language::of(of_mail.as_deref().unwrap_or(&house));
        let language = preferred.or_else(ours).unwrap_or_default();
        // The mail was read in the lead's language; what their browser asks for goes before it.
        let browser = preferred.map(|language| language.tag().to_owned());
        let last = Some(language.tag().to_owned());
        let languages = [browser, of_mail, Some(house), last].into_iter().flatten().collect();
        Some(Self { public, live, mail, ask, reader, language, languages, now })
    }

    fn respond(&self, page: &QuestionPage<'_>) -> Response {
        page.respond(self.language)
    }

    fn asks(&self) -> Response {
        if let Some(left) = self.has_left() {
            return left;
        }
        match &self.ask {
            Ask::Declared { key, value } => match self.declared(key, value) {
                Some((title, label)) => self.respond(&QuestionPage::Ask { title, label }),
                None => self.respond(&QuestionPage::Closed),
            },
            Ask::Later { after } => match Later::parse(after) {
                Ok(later) => {
                    let reader = self.reader.as_ref().ok().and_then(Option::as_ref);
                    let until = reader.and_then(|it| it.later_by(self.mail, &self.ask, self.now));
                    let until = until.unwrap_or_else(|| later.until(self.now, self.zone()));
                    let day = self.day(until);
                    self.respond(&QuestionPage::AskLater { day: &day })
                }
                Err(_) => Page::NotFound.respond(self.language),
            },
            Ask::Preferences => match &self.reader {
                Ok(Some(reader)) => self.preferences(reader),
                Ok(None) => Page::NotFound.respond(self.language),
                Err(Unknown) => self.respond(&QuestionPage::NotSaved),
            },
            Ask::Outcome { .. } => Page::NotFound.respond(self.language),
        }
    }

    async fn answers(self, body: &[u8], method: &Method, headers: &HeaderMap) -> Response {
        if let Some(left) = self.has_left() {
            return left;
        }
        let reader = match &self.reader {
            Ok(Some(reader)) => reader,
            Ok(None) => return Page::NotFound.respond(self.language),
            Err(Unknown) => return self.respond(&QuestionPage::NotSaved),
        };
        let (answer, until) = match &self.ask {
            Ask::Declared { .. } if reader.given(self.mail, &self.ask).is_some() => (None, None),
            Ask::Declared { .. } => (Some(reader.answer(&self.ask)), None),
            Ask::Later { after } => {
                let Ok(later) = Later::parse(after) else {
                    return Page::NotFound.respond(self.language);
                };
                match reader.later_by(self.mail, &self.ask, self.now) {
                    Some(until) => (None, Some(until)),
                    None => {
                        let until = later.until(self.now, self.zone());
                        (Some(reader.later(&self.ask, &later, self.now)), Some(until))
                    }
                }
            }
            Ask::Preferences => {
                let policy = &self.live.definitions.policy;
                (reader.preferences(policy, &choice(body)), None)
            }
            Ask::Outcome { .. } => return Page::NotFound.respond(self.language),
        };
        match self.record(answer, method, headers).await {
            Ok(Taken::Recorded(_) | Taken::Already) => self.done(until),
            Ok(Taken::Nobody) => Page::NotFound.respond(self.language),
            Ok(Taken::Ignored) | Err(_) => self.respond(&QuestionPage::NotSaved),
        }
    }

    /// `None`: it is on disk from before.
    async fn record(
        &self,
        answer: Option<Answer>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Taken, IntakeError> {
        let Some(answer) = answer else {
            self.public.metrics.hit(HitKind::Answer, HitOutcome::Repeated);
            return Ok(Taken::Already);
        };
        let act = Act::Answer(Box::new(answer));
        self.public.take(HitKind::Answer, hit(self.mail, act, method, headers)).await
    }

    fn done(&self, until: Option<Instant>) -> Response {
        let preferences = self.public.keyring.question(&self.mail, &Ask::Preferences);
        let preferences = preferences.as_str();
        match &self.ask {
            Ask::Declared { key, value } => match self.declared(key, value) {
                Some((title, label)) => {
                    self.respond(&QuestionPage::Answered { title, label, preferences })
                }
                // It was asked when the mail was written: it is kept, and says so in the log.
                None => self.respond(&QuestionPage::Closed),
            },
            Ask::Later { .. } => {
                let day = self.day(until.unwrap_or(self.now));
                self.respond(&QuestionPage::Later { day: &day, preferences })
            }
            Ask::Preferences | Ask::Outcome { .. } => {
                self.respond(&QuestionPage::Saved { preferences })
            }
        }
    }

    fn preferences(&self, reader: &Reader) -> Response {
        let policy = &self.live.definitions.policy;
        let rows = policy.purposes.keys().map(|purpose| Row {
            name: purpose,
            label: policy.label(purpose),
            ticked: reader.is_written_about(policy, purpose),
        });
        let quiet_until = reader.quiet_until(self.now).map(|until| self.day(until));
        let later = Later::OFFERED.map(|after| {
            let ask = Ask::Later { after: after.into() };
            (after, self.public.keyring.question(&self.mail, &ask))
        });
        self.respond(&QuestionPage::Preferences {
            rows: &rows.collect::<Vec<_>>(),
            quiet_until: quiet_until.as_deref(),
            later: &later,
            unsubscribe: &self.public.keyring.unsubscribe(&self.mail),
        })
    }

    /// Who gets no mail at all is told so, whatever is asked. Answers of others go on.
    fn has_left(&self) -> Option<Response> {
        let is_about_mail = matches!(self.ask, Ask::Later { .. } | Ask::Preferences);
        let reader = self.reader.as_ref().ok()?.as_ref()?;
        (is_about_mail && reader.has_left()).then(|| Page::Unsubscribed.respond(self.language))
    }

    /// The question and the answer that was chosen, if they are asked still.
    fn declared(&self, key: &str, value: &str) -> Option<(&str, &str)> {
        let question = self.live.definitions.questions.get(key)?;
        let languages: Vec<&str> = self.languages.iter().map(String::as_str).collect();
        let label = question.answer(value)?.label.read_in(&languages);
        Some((question.title.read_in(&languages), label))
    }

    fn zone(&self) -> &crate::domain::time::Zone {
        match &self.reader {
            Ok(Some(reader)) => &reader.state.zone,
            Ok(None) | Err(Unknown) => &self.live.definitions.policy.zone,
        }
    }

    /// A date without a time, in words.
    fn day(&self, date: Instant) -> String {
        let date = date.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
        date_in_words(date.day(), date.month(), date.year(), self.language.tag())
    }
}

/// What a browser sends of the form of preferences.
fn choice(body: &[u8]) -> Choice {
    let mut choice = Choice::default();
    for (key, value) in url::form_urlencoded::parse(body) {
        let names = match &*key {
            "shown" => &mut choice.shown,
            "had" => &mut choice.had,
            "purpose" => &mut choice.ticked,
            _ => continue,
        };
        names.insert(Name::from(&*value));
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_was_shown_what_was_ticked_and_what_is() {
        let choice = choice(b"shown=a&shown=b%2Dc&had=a&purpose=b-c&save=yes&%ff=%00&&=");
        let names = |names: &[&str]| names.iter().map(|name| Name::new(name)).collect();
        assert_eq!(
            choice,
            Choice { shown: names(&["a", "b-c"]), had: names(&["a"]), ticked: names(&["b-c"]) }
        );
    }
}
