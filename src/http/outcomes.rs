//! The buttons of a hand-off's card: a GET says what the button will do, or what was said before, and
//! changes nothing; the button's POST is on disk before it is answered, and pressed twice it is the same.

use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::Response,
};

use super::{
    hits::{HitKind, HitOutcome},
    language::Language,
    outcome_page::{OutcomePage, Said},
    page::Page,
    public::{Body, LOOK_WITHIN, Public, Token, hit, is_test, language, not_found, text, whole},
};
use crate::{
    domain::{
        event::Event,
        hand_off::{Answer, Choice},
        people::People,
        policy::Policy,
        question::Ask,
        time::Zone,
    },
    engine::{
        hearing::Hearing,
        intake::{Act, Taken},
    },
    render::date_in_words,
    token::MailRef,
};

/// In the form: the word that this one is said instead of, by its rev.
const INSTEAD_OF: &str = "instead_of";

pub(super) async fn ask(
    State(public): State<Public>,
    headers: HeaderMap,
    token: Token,
) -> Response {
    match Press::begin(&public, token, &headers).await {
        Ok(press) => press.shows(&public),
        Err(answer) => answer,
    }
}

pub(super) async fn take(
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
    let press = match Press::begin(&public, token, &headers).await {
        Ok(press) => press,
        Err(answer) => return answer,
    };
    if press.is_known() {
        public.metrics.hit(HitKind::Outcome, HitOutcome::Repeated);
        return press.shows(&public);
    }
    // Something else was said: that it is to be changed is asked for on its own page.
    if press.hearing.last().is_some_and(|last| !says_instead_of(&body, last)) {
        return press.shows(&public);
    }
    let word = press.hearing.word(press.choice, public.intake.now(), &zone(&public));
    let act = Act::Outcome(Box::new(word));
    let taken = public.take(HitKind::Outcome, hit(press.mail, act, &method, &headers)).await;
    match taken {
        Ok(Taken::Recorded(_)) => OutcomePage::Noted(press.choice).respond(press.language),
        // Somebody was faster, by this link or by another.
        Ok(Taken::Already) => match press.again(&public).await {
            Some(press) => press.shows(&public),
            None => OutcomePage::NotSaved.respond(press.language),
        },
        Ok(Taken::Nobody | Taken::Ignored) => Page::NotFound.respond(press.language),
        Err(_) => OutcomePage::NotSaved.respond(press.language),
    }
}

/// One request for a button's page.
struct Press {
    mail: MailRef,
    choice: Choice,
    hearing: Hearing,
    language: Language,
}

impl Press {
    /// The request, or its answer where there is nothing to be asked.
    async fn begin(public: &Public, token: Token, headers: &HeaderMap) -> Result<Self, Response> {
        let language = language(headers);
        let Some((mail, Ask::Outcome { value })) = public.keyring.read_question(&text(token))
        else {
            return Err(not_found(headers));
        };
        if is_test(mail) {
            return Err(Page::TestMail.respond(language));
        }
        let choice = Choice::from_word(&value).ok_or_else(|| not_found(headers))?;
        let hearing = tokio::time::timeout(LOOK_WITHIN, Hearing::of(&public.store, mail)).await;
        match hearing {
            Ok(Ok(Some(hearing))) => Ok(Self { mail, choice, hearing, language }),
            Ok(Ok(None)) => Err(not_found(headers)),
            Ok(Err(_)) | Err(_) => Err(OutcomePage::NotSaved.respond(language)),
        }
    }

    /// As it stands now.
    async fn again(&self, public: &Public) -> Option<Self> {
        let hearing = Hearing::of(&public.store, self.mail).await.ok()??;
        Some(Self { hearing, ..*self })
    }

    fn is_known(&self) -> bool {
        self.hearing.has_heard(self.choice)
    }

    fn shows(&self, public: &Public) -> Response {
        let page = match self.hearing.last() {
            None => OutcomePage::Ask(self.choice),
            Some(_) if self.is_known() => OutcomePage::Noted(self.choice),
            Some(last) => {
                let live = public.current.get();
                let people = live.as_ref().map(|live| &live.definitions.people);
                OutcomePage::Change {
                    choice: self.choice,
                    said: said(last, people, self.language),
                    instead_of: last.rev,
                }
            }
        };
        page.respond(self.language)
    }
}

fn said(event: &Event, people: Option<&People>, language: Language) -> Said {
    let by = event.data.get("by").map(ToString::to_string);
    let named = by.as_deref().zip(people).and_then(|(by, people)| people.find(by));
    let on = event.occurred_at.timestamp().to_zoned(jiff::tz::TimeZone::UTC);
    Said {
        answer: Answer::of(event).unwrap_or(Answer::Accepted),
        by: named.map(|(_, person)| person.name.clone()).or(by),
        on: date_in_words(on.day(), on.month(), on.year(), language.tag()),
    }
}

fn says_instead_of(body: &[u8], last: &Event) -> bool {
    let rev = last.rev.to_string();
    url::form_urlencoded::parse(body).any(|(key, value)| key == INSTEAD_OF && value == rev)
}

/// The house's: sales counts months by its own calendar.
fn zone(public: &Public) -> Zone {
    let live = public.current.get();
    live.map_or_else(|| Policy::default().zone, |live| live.definitions.policy.zone.clone())
}
