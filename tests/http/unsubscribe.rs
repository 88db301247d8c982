//! Unsubscribing: by POST alone, at once, for good, and never a "done" that is not true.

use nurtured::{
    domain::{
        event::EventKind,
        id::{LeadId, MessageId},
        lead::Suppression,
    },
    store::Store,
    token::MailRef,
};
use reqwest::{Method, StatusCode, header};

use super::rig::{hits_of, rig, rigs};
use crate::support::site::shared;

#[tokio::test]
async fn one_click_unsubscribes_without_cookies_or_redirect_and_again_does_no_harm() {
    for rig in rigs().await {
        for round in 0..3 {
            let answer = rig
                .client
                .post(rig.url(&rig.unsubscribe_path()))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body("List-Unsubscribe=One-Click")
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "round {round}");
            assert!(!answer.headers().contains_key(header::SET_COOKIE));
            assert!(!answer.headers().contains_key(header::LOCATION));
            assert!(answer.text().await.unwrap().contains("You are unsubscribed"));
            assert_eq!(rig.suppressed().await, Some(Suppression::Unsubscribed));
        }
        let hits = rig.hits().await;
        assert_eq!(hits.len(), 1, "{hits:?}");
        assert_eq!(hits[0].kind, EventKind::LEAD_UNSUBSCRIBED);
    }
}

#[tokio::test]
async fn an_objection_is_not_refused_for_its_form() {
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", multipart),
        ("application/x-www-form-urlencoded", "confirm=yes"),
        ("text/plain", ""),
    ] {
        let rig = rig().await;
        let request = rig.client.post(rig.url(&rig.unsubscribe_path()));
        let answer = request.header(header::CONTENT_TYPE, kind).body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{kind}");
        assert_eq!(rig.suppressed().await, Some(Suppression::Unsubscribed), "{kind}");
    }
}

#[tokio::test]
async fn the_link_of_a_test_mail_changes_nothing_and_says_so() {
    let rig = rig().await;
    let nobody = MailRef { lead: LeadId(0), message: MessageId(0) };
    let url = rig.url(&format!("/u/{}", rig.keyring.unsubscribe(&nobody)));
    for request in [rig.client.get(&url), rig.client.post(&url).body("List-Unsubscribe=One-Click")]
    {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(answer.text().await.unwrap().contains("This was a test mail"));
    }
    assert!(rig.hits().await.is_empty());
}

#[tokio::test]
async fn the_page_says_what_will_happen_and_changes_nothing() {
    let rig = rig().await;
    let english = rig.get(&rig.unsubscribe_path()).await;
    assert_eq!(english.status(), StatusCode::OK);
    let english = english.text().await.unwrap();
    assert!(english.contains("<form method=\"post\">") && english.contains("Unsubscribe</button>"));
    assert!(!english.contains("<script"));
    let request = rig.client.get(rig.url(&rig.unsubscribe_path()));
    let italian = request.header(header::ACCEPT_LANGUAGE, "it-IT,it;q=0.9,en;q=0.5").send().await;
    let italian = italian.unwrap();
    assert_eq!(italian.headers()[header::CONTENT_LANGUAGE], "it");
    assert!(italian.text().await.unwrap().contains("Annulla l’iscrizione</button>"));
    assert_eq!(rig.suppressed().await, None);
    assert!(rig.hits().await.is_empty());
}

#[tokio::test]
async fn who_has_unsubscribed_is_told_so_by_the_page_too() {
    for rig in rigs().await {
        let page = async || rig.get(&rig.unsubscribe_path()).await.text().await.unwrap();
        let asking = page().await;
        assert!(asking.contains("Nothing changes until you press the button"), "{asking}");
        assert_eq!(rig.ask(Method::POST, &rig.unsubscribe_path()).await.status(), StatusCode::OK);
        let done = page().await;
        assert!(done.contains("You are unsubscribed") && !done.contains("<form"), "{done}");
    }
}

/// Who looks at links in mails before, or instead of, their reader; the last one says that it is a browser.
const SCANNERS: [&str; 7] = [
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "python-requests/2.32.3",
    "",
    super::rig::CHROME,
];

#[tokio::test]
async fn no_scanner_unsubscribes_anybody_by_looking() {
    let public = shared("mail/user-agents/crawler-user-agents.json");
    let public = public.map_or_else(Vec::new, |set| {
        let text = std::fs::read_to_string(set).unwrap();
        serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap()
    });
    let public = public
        .iter()
        .flat_map(|crawler| crawler["instances"].as_array().into_iter().flatten())
        .filter_map(serde_json::Value::as_str)
        .filter(|agent| header::HeaderValue::try_from(*agent).is_ok());
    let agents: Vec<&str> = SCANNERS.into_iter().chain(public).collect();
    let rig = rig().await;
    let url = rig.url(&rig.unsubscribe_path());
    for agent in agents {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let request = rig.client.request(method, &url).header(header::USER_AGENT, agent);
            assert!(!request.send().await.unwrap().status().is_server_error(), "{agent}");
        }
    }
    assert_eq!(rig.suppressed().await, None);
    assert!(rig.hits().await.is_empty());
}

#[tokio::test]
async fn a_body_too_large_is_refused_and_does_nothing() {
    let rig = rig().await;
    let url = rig.url(&rig.unsubscribe_path());
    let large = "x".repeat(64 * 1_024);
    let answer = rig.client.post(&url).body(large).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(rig.suppressed().await, None);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_called_done() {
    for rig in rigs().await {
        rig.store.close().await;
        let answer = rig.ask(Method::POST, &rig.unsubscribe_path()).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
        let page = answer.text().await.unwrap();
        assert!(page.contains("not unsubscribed yet") && page.contains("Try again"), "{page}");
        let asking = rig.get(&rig.unsubscribe_path()).await;
        assert_eq!(asking.status(), StatusCode::OK, "the button is there all the same");
        assert!(asking.text().await.unwrap().contains("<form method=\"post\">"));
        let click = rig.get(&rig.click_path("https://www.example.com/?a=1&b=2")).await;
        assert_eq!(click.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(click.headers().contains_key(header::RETRY_AFTER));
        assert!(!click.headers().contains_key(header::LOCATION));
        assert!(
            click.text().await.unwrap().contains("href=\"https://www.example.com/?a=1&#38;b=2\"")
        );
        assert_eq!(
            rig.get(&rig.open_path()).await.status(),
            StatusCode::OK,
            "a picture all the same"
        );
        let again = Store::open(&rig.database.url).await.unwrap();
        assert!(hits_of(&again, rig.mail.lead).await.is_empty());
    }
}
