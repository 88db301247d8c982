//! What leads reach: clicks, opening pixels, unsubscribing, questions, health; and the outcomes of our own
//! people.
//!
//! A GET changes nothing about a lead but its history; only a POST unsubscribes or answers. Every answer but a
//! picture is given after what it answers is on disk.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{
        DefaultBodyLimit, Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    limit::RequestBodyLimitLayer,
    set_header::SetResponseHeaderLayer,
    timeout::{RequestBodyTimeoutLayer, TimeoutLayer},
};

use super::{
    language::Language,
    metrics::{HitKind, HitOutcome, Metrics},
    outcomes,
    page::{POLICY, Page},
    questions,
};
use crate::{
    domain::lead::Suppression,
    engine::{
        intake::{Act, Hit, Intake, IntakeError, Taken},
        live::Current,
    },
    store::{Store, records::Subscription},
    token::{Keyring, MailRef},
};

/// Larger than any one-click body, far smaller than what would hurt.
pub const BODY_LIMIT: usize = 4_096;
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Longer than the intake lets anybody wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long a page that is true without it waits for the database.
pub(super) const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// A transparent picture of one pixel.
const PIXEL: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// What the public routes work with.
#[derive(Clone, Debug)]
pub struct Public {
    pub keyring: Arc<Keyring>,
    pub intake: Intake,
    pub metrics: Arc<Metrics>,
    pub store: Store,
    pub current: Current,
}

/// The public routes with their limits and headers.
pub fn router(public: Public) -> Router {
    let headers = ServiceBuilder::new()
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY.clone()))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")))
        .layer(fixed(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")))
        .layer(fixed(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")))
        .layer(fixed(
            header::HeaderName::from_static("x-robots-tag"),
            HeaderValue::from_static("noindex, nofollow"),
        ))
        .layer(fixed(header::CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Router::new()
        .route("/c/{token}", get(click))
        .route("/o/{file}", get(open))
        .route("/u/{token}", get(ask_unsubscribe).post(unsubscribe))
        .route("/q/{token}", get(questions::ask).post(questions::answer))
        .route("/s/{token}", get(outcomes::ask).post(outcomes::take))
        .route("/health", get(|| async { "ok\n" }))
        .fallback(|headers: HeaderMap| async move { not_found(&headers) })
        .with_state(public)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(RequestBodyTimeoutLayer::new(BODY_WITHIN))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CatchPanicLayer::custom(|_| Page::Failed.respond(Language::default())))
        .layer(headers)
}

/// The last part of a path, or why it is not even text.
pub(super) type Token = Result<Path<String>, PathRejection>;

/// What is not text is no token of ours either.
pub(super) fn text(token: Token) -> String {
    token.map(|Path(text)| text).unwrap_or_default()
}

/// A header that every answer carries, whatever went wrong inside.
fn fixed(name: header::HeaderName, value: HeaderValue) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, value)
}

/// Redirects to the target that we signed, and to no other.
async fn click(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    token: Token,
) -> Response {
    let Some((mail, target)) = public.keyring.read_click(&text(token)) else {
        return not_found(&headers);
    };
    let Ok(location) = HeaderValue::try_from(target.as_str()) else {
        return not_found(&headers);
    };
    let act = Act::Click { url: target.clone() };
    let recorded = public.take(HitKind::Click, hit(mail, act, &method, &headers)).await;
    if recorded.is_err() {
        return Page::NotCounted { target: &target }.respond(language(&headers));
    }
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

/// A picture, whatever happens: a mail must not show a broken one.
async fn open(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    file: Token,
) -> Response {
    if let Some(mail) =
        text(file).strip_suffix(".gif").and_then(|token| public.keyring.read_open_pixel(token))
    {
        // Its failure is counted and logged; the picture is the same.
        let _ = public.take(HitKind::Open, hit(mail, Act::Open, &method, &headers)).await;
    }
    ([(header::CONTENT_TYPE, "image/gif")], PIXEL.as_slice()).into_response()
}

/// Says what the button will do, or that it was done. Scanners and prefetchers come here too, and change
/// nothing.
async fn ask_unsubscribe(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    token: Token,
) -> Response {
    let Some(mail) = public.keyring.read_unsubscribe(&text(token)) else {
        return not_found(&headers);
    };
    if is_test(mail) {
        return Page::TestMail.respond(language(&headers));
    }
    public.intake.notice(hit(mail, Act::LookAtUnsubscribe, &method, &headers));
    let known = public.subscription(mail).await;
    if let Some(Suppression::Unsubscribed | Suppression::Complained) = known.suppressed {
        return Page::Unsubscribed.respond(language(&headers));
    }
    let live = public.current.get();
    let policy = live.as_ref().map(|live| &live.definitions.policy);
    let label = policy.zip(known.purpose.as_ref()).map(|(policy, purpose)| policy.label(purpose));
    Page::AskUnsubscribe { label }.respond(language(&headers))
}

/// RFC 8058: done by one POST, with no cookie, no redirect, no second question. The body says nothing
/// that the token does not, and an objection is not refused for its form: any body will do, be it
/// `List-Unsubscribe=One-Click` in either encoding or our own form's.
async fn unsubscribe(
    State(public): State<Public>,
    method: Method,
    headers: HeaderMap,
    token: Token,
    body: Body,
) -> Response {
    if let Err(answer) = whole(body, &headers) {
        return *answer;
    }
    let Some(mail) = public.keyring.read_unsubscribe(&text(token)) else {
        return not_found(&headers);
    };
    if is_test(mail) {
        return Page::TestMail.respond(language(&headers));
    }
    match public.take(HitKind::Unsubscribe, hit(mail, Act::Unsubscribe, &method, &headers)).await {
        Ok(Taken::Recorded(_) | Taken::Already | Taken::Nobody) => {
            Page::Unsubscribed.respond(language(&headers))
        }
        Ok(Taken::Ignored) => not_found(&headers),
        Err(_) => Page::NotUnsubscribed.respond(language(&headers)),
    }
}

/// What came with a POST, or why it did not.
pub(super) type Body = Result<axum::body::Bytes, BytesRejection>;

/// The body, or the answer to one that is too large or did not come in time: then nothing was done.
pub(super) fn whole(body: Body, headers: &HeaderMap) -> Result<axum::body::Bytes, Box<Response>> {
    body.map_err(|rejection| {
        Box::new(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Page::TooLarge.respond(language(headers)),
            _ => rejection.into_response(),
        })
    })
}

impl Public {
    pub(super) async fn take(&self, kind: HitKind, hit: Hit) -> Result<Taken, IntakeError> {
        let taken = self.intake.take(hit).await;
        self.metrics.hit(kind, HitOutcome::of(taken));
        taken
    }

    /// What the unsubscribe page tells. Nothing where the database does not answer: the page is true
    /// without it, and its button must be there.
    async fn subscription(&self, mail: MailRef) -> Subscription {
        let asked = self.store.subscription(mail.lead, mail.message);
        match tokio::time::timeout(LOOK_WITHIN, asked).await {
            Ok(Ok(known)) => known,
            Ok(Err(_)) | Err(_) => Subscription::default(),
        }
    }
}

/// `send-test` writes its mails to nobody that is in the database.
pub(super) const fn is_test(mail: MailRef) -> bool {
    mail.lead.0 == 0
}

pub(super) fn hit(mail: MailRef, act: Act, method: &Method, headers: &HeaderMap) -> Hit {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes).unwrap_or_default();
    Hit {
        mail,
        act,
        head: method == Method::HEAD,
        agent: String::from_utf8_lossy(agent).into_owned(),
    }
}

/// The same for every link that is not ours, whatever is wrong with it.
pub(super) fn not_found(headers: &HeaderMap) -> Response {
    Page::NotFound.respond(language(headers))
}

pub(super) fn language(headers: &HeaderMap) -> Language {
    Language::accepted(headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pixel_is_a_whole_gif() {
        assert_eq!(PIXEL.len(), 43);
        assert!(PIXEL.starts_with(b"GIF89a\x01\x00\x01\x00") && PIXEL.ends_with(b";"));
    }
}
