//! The pages that readers of mails come to, asked for as a browser does.

use nurtured::{
    domain::id::{LeadId, MessageId},
    token::MailRef,
};
use reqwest::{Method, RequestBuilder, header};

use crate::{
    http::rig::{PRICING, rig},
    support::{
        databases::TestDatabase,
        engine::{Campaign, Read, Rig},
    },
};

pub struct ShippedPage {
    /// `page-unsubscribed.it`.
    pub name: String,
    pub html: String,
}

pub async fn pages() -> Vec<ShippedPage> {
    let mut pages = Vec::new();
    for language in ["en", "it"] {
        pages.extend(of_failures(language).await);
        pages.extend(of_a_mail(language).await);
    }
    pages
}

/// What a reader sees whose link is not good, or whose click cannot be recorded.
async fn of_failures(language: &str) -> Vec<ShippedPage> {
    let rig = rig().await;
    let nobody = MailRef { lead: LeadId(0), message: MessageId(0) };
    let get = |path: &str| rig.client.get(rig.url(path));
    let not_found = get("/u/of-another-house");
    let test_mail = get(&format!("/u/{}", rig.keyring.unsubscribe(&nobody)));
    let mut pages = vec![
        page("not-found", language, not_found).await,
        page("test-mail", language, test_mail).await,
    ];
    rig.worker.abort();
    let click = rig.click_path(PRICING);
    while rig.get(&click).await.status() != 503 {}
    let unsubscribe = rig.client.post(rig.url(&rig.unsubscribe_path()));
    pages.push(page("not-counted", language, get(&click)).await);
    pages.push(page("not-unsubscribed", language, unsubscribe).await);
    pages
}

/// What the links of a shipped mail that asks lead to.
async fn of_a_mail(language: &str) -> Vec<ShippedPage> {
    const EMAIL: &str = "giulia@castello.example";
    let campaign = Campaign::shipped().workflow(
        "ask",
        "enter: { when: city == \"Bergamo\", existing: yes }\nsteps:\n  - email: cold/one-question\n",
    );
    let database = TestDatabase::sqlite().await;
    let rig = Rig::new(&database, &campaign).await;
    rig.lead(EMAIL, &[("city", "Bergamo")]).await;
    rig.tick().await;
    let mail = Read::of(&rig.mails_to(EMAIL)[0]);
    let (questions, preferences) = (links(&mail.html, "/q/"), "preferences");
    let (answer, choose) = (&questions[0], &questions[questions.len() - 1]);
    let unsubscribe = mail.unsubscribe.as_ref().unwrap();
    let ask = |method: Method, url: &str| rig.browser.request(method, url);

    let mut pages = Vec::new();
    for (name, method, url) in [
        ("question", Method::GET, answer),
        ("answered", Method::POST, answer),
        (preferences, Method::GET, choose),
        ("saved", Method::POST, choose),
    ] {
        pages.push(page(name, language, ask(method, url)).await);
    }
    let chosen = pages.iter().find(|page| page.name.contains(preferences)).unwrap();
    let (house, _) = choose.rsplit_once('/').unwrap();
    let later = links(&chosen.html, "").into_iter().find(|link| !link.contains('/')).unwrap();
    let later = format!("{house}/{later}");
    for (name, method, url) in [
        ("later", Method::GET, &later),
        ("written-later", Method::POST, &later),
        ("unsubscribe", Method::GET, unsubscribe),
        ("unsubscribed", Method::POST, unsubscribe),
    ] {
        pages.push(page(name, language, ask(method, url)).await);
    }
    pages
}

/// Where the links of a page lead that have this in them.
fn links(html: &str, with: &str) -> Vec<String> {
    let links = html.split("<a ").skip(1).filter_map(|link| {
        let (_, href) = link.split_once("href=\"")?;
        Some(href.split_once('"')?.0.to_owned())
    });
    links.filter(|link| link.contains(with)).collect()
}

async fn page(name: &str, language: &str, request: RequestBuilder) -> ShippedPage {
    let answer = request.header(header::ACCEPT_LANGUAGE, language).send().await.unwrap();
    let html = answer.text().await.unwrap();
    assert!(html.contains(&format!("<html lang=\"{language}\">")), "{name}: {html}");
    ShippedPage { name: format!("page-{name}.{language}"), html }
}
