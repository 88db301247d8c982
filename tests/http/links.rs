//! Clicks and pixels: what we signed works, anything else does not and says nothing.

use nurtured::{
    domain::{
        event::{EventKind, Judgement},
        id::MessageId,
        message::MessageKind,
    },
    token::{Keyring, MailRef},
};
use reqwest::{Method, StatusCode, header};

use super::rig::{PRICING, Rig, TEMPLATE, rig, rig_of};

#[tokio::test]
async fn a_click_is_recorded_and_led_to_its_target() {
    let rig = rig().await;
    let answer = rig.get(&rig.click_path(PRICING)).await;
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(answer.headers()[header::LOCATION], PRICING);
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers()[header::REFERRER_POLICY], "no-referrer");
    let hits = rig.hits().await;
    assert_eq!(hits.len(), 1);
    let click = &hits[0];
    assert_eq!(click.kind, EventKind::MAIL_CLICKED);
    assert_eq!(click.object.as_deref(), Some(TEMPLATE));
    assert_eq!(click.judgement, Judgement::Unsure);
    assert_eq!(click.message, Some(rig.mail.message));
    assert_eq!(click.data["url"].to_string(), PRICING);
}

#[tokio::test]
async fn an_opened_mail_gets_its_picture_and_an_event() {
    let rig = rig().await;
    let answer = rig.get(&rig.open_path()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "image/gif");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.bytes().await.unwrap().len(), 43);
    let hits = rig.hits().await;
    assert_eq!(hits.len(), 1);
    assert_eq!((&hits[0].kind, hits[0].judgement), (&EventKind::MAIL_OPENED, Judgement::Unsure));
}

/// What a stranger sees: everything but the date.
async fn seen(rig: &Rig, path: &str) -> (StatusCode, String, String) {
    let answer = rig.get(path).await;
    let status = answer.status();
    let mut headers = answer.headers().clone();
    headers.remove(header::DATE);
    (status, format!("{headers:?}"), answer.text().await.unwrap())
}

#[tokio::test]
async fn a_token_changed_in_any_byte_leads_nowhere() {
    let rig = rig().await;
    let missing = seen(&rig, "/nothing/here").await;
    assert_eq!(missing.0, StatusCode::NOT_FOUND);
    for path in [rig.click_path("https://www.example.com/a"), rig.unsubscribe_path()] {
        let (route, token) = path.split_at(3);
        for place in 0..token.len() {
            for other in ['A', 'b', '-', '0', '.'] {
                let mut changed: Vec<char> = token.chars().collect();
                if changed[place] == other {
                    continue;
                }
                changed[place] = other;
                let changed: String = changed.into_iter().collect();
                assert_eq!(
                    seen(&rig, &format!("{route}{changed}")).await,
                    missing,
                    "{place} {other}"
                );
            }
        }
    }
    assert!(rig.hits().await.is_empty());
}

#[tokio::test]
async fn foreign_swapped_and_broken_tokens_are_told_apart_by_nobody() {
    let rig = rig().await;
    let missing = seen(&rig, "/nothing/here").await;
    let stranger = Keyring::from_seed(8);
    let click = rig.click_path(PRICING);
    let foreign = stranger.click(&rig.mail, PRICING).unwrap();
    for path in [
        format!("/c/{foreign}"),
        format!("/u/{}", stranger.unsubscribe(&rig.mail)),
        format!("/c/{}", rig.keyring.open_pixel(&rig.mail)),
        format!("/c/{}", rig.keyring.unsubscribe(&rig.mail)),
        format!("/u/{}", rig.keyring.open_pixel(&rig.mail)),
        format!("/u/{}", &click[3..]),
        click[..click.len() - 1].to_owned(),
        format!("{click}A"),
        format!("{click}/x"),
        "/c/https%3A%2F%2Fevil.example".to_owned(),
        "/c/%00%ff".to_owned(),
        "/c/..%2f..%2fetc".to_owned(),
        "/c/".to_owned(),
        format!("/c/{}", "A".repeat(10_000)),
    ] {
        assert_eq!(seen(&rig, &path).await, missing, "{path}");
    }
    assert!(rig.hits().await.is_empty());
}

#[tokio::test]
async fn a_broken_pixel_is_a_picture_all_the_same_and_counts_for_nothing() {
    let rig = rig().await;
    let whole = seen(&rig, &rig.open_path()).await;
    let path = rig.open_path();
    for place in 3..path.len() {
        let mut changed = path.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(seen(&rig, &changed).await, whole, "{changed}");
    }
    assert_eq!(rig.hits().await.len(), 1, "the whole one");
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_page_to_itself() {
    let rig = rig().await;
    let large = rig.client.post(rig.url(&rig.unsubscribe_path())).body("x".repeat(100_000));
    for (what, answer) in [
        ("click", rig.get(&rig.click_path(PRICING)).await),
        ("pixel", rig.get(&rig.open_path()).await),
        ("page", rig.get(&rig.unsubscribe_path()).await),
        ("missing", rig.get("/c/nothing").await),
        ("method", rig.ask(Method::DELETE, &rig.unsubscribe_path()).await),
        ("health", rig.get("/health").await),
        ("large", large.send().await.unwrap()),
    ] {
        let headers = answer.headers();
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{what}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{what}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{what}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{what}: {policy}");
        assert!(!policy.contains("unsafe"), "{what}: {policy}");
        assert!(!headers.contains_key(header::SET_COOKIE), "{what}");
        assert!(!headers.contains_key(header::SERVER), "{what}");
    }
}

#[tokio::test]
async fn links_of_trial_mails_and_of_mails_to_our_people_work_and_count_for_nobody() {
    let rig = rig_of(MessageKind::Internal).await;
    let trial = MailRef { lead: rig.mail.lead, message: MessageId(999) };
    for mail in [rig.mail, trial] {
        let path = format!("/c/{}", rig.keyring.click(&mail, PRICING).unwrap());
        let answer = rig.get(&path).await;
        assert_eq!(answer.headers()[header::LOCATION], PRICING);
    }
    let answer = rig.ask(Method::POST, &rig.unsubscribe_path()).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(rig.hits().await.is_empty());
    assert_eq!(rig.suppressed().await, None);
}
