//! The pages that readers of mails come to, asked for as a browser does.

use reqwest::{Method, header};

use crate::http::rig::{PRICING, Rig, rig};
use nurtured::{
    domain::id::{LeadId, MessageId},
    token::MailRef,
};

pub struct ShippedPage {
    /// `unsubscribed.it`.
    pub name: String,
    pub html: String,
}

pub async fn pages() -> Vec<ShippedPage> {
    let mut pages = Vec::new();
    for language in ["en", "it"] {
        let rig = rig().await;
        let nobody = MailRef { lead: LeadId(0), message: MessageId(0) };
        let test_mail = format!("/u/{}", rig.keyring.unsubscribe(&nobody));
        let (ours, click) = (rig.unsubscribe_path(), rig.click_path(PRICING));
        for (name, method, path) in [
            ("not-found", Method::GET, "/u/of-another-house"),
            ("unsubscribe", Method::GET, &ours),
            ("unsubscribed", Method::POST, &ours),
            ("test-mail", Method::GET, &test_mail),
        ] {
            pages.push(page(&rig, name, language, method, path).await);
        }
        // Nothing can be recorded any more.
        rig.worker.abort();
        while rig.get(&click).await.status() != 503 {}
        pages.push(page(&rig, "not-counted", language, Method::GET, &click).await);
        pages.push(page(&rig, "not-unsubscribed", language, Method::POST, &ours).await);
    }
    pages
}

async fn page(rig: &Rig, name: &str, language: &str, method: Method, path: &str) -> ShippedPage {
    let request = rig.client.request(method, rig.url(path));
    let answer = request.header(header::ACCEPT_LANGUAGE, language).send().await.unwrap();
    let html = answer.text().await.unwrap();
    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{name}: {html}");
    ShippedPage { name: format!("page-{name}.{language}"), html }
}
