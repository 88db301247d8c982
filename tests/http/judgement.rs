//! Who is counted: people once they have settled, machines never.

use std::time::Duration;

use nurtured::domain::event::{EventKind, Judgement};
use reqwest::{Method, header};

use super::rig::{PRICING, SENT_AT, rig, rigs};

const LINKS: [&str; 3] = [
    "https://www.example.com/report",
    "https://www.example.com/pricing",
    "https://www.example.com/",
];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_person_counts_once_settled() {
    for rig in rigs().await {
        let at = rig.clock.now();
        rig.get(&rig.click_path(PRICING)).await;
        assert_eq!(rig.clicks_counted(at + seconds(19)).await, 0);
        assert_eq!(rig.clicks_counted(at + seconds(20)).await, 1);
    }
}

#[tokio::test]
async fn a_gateway_that_follows_all_links_is_never_a_person() {
    for rig in rigs().await {
        // It loads the picture and goes through the links at its leisure, one a second, as Chrome.
        rig.get(&rig.open_path()).await;
        for link in LINKS {
            rig.get(&rig.click_path(link)).await;
            rig.pass(seconds(1));
        }
        rig.get(&rig.unsubscribe_path()).await;
        rig.pass(seconds(15));
        rig.get(&rig.click_path(LINKS[0])).await;
        let hits = rig.hits().await;
        let clicks = hits.iter().filter(|hit| hit.kind == EventKind::MAIL_CLICKED).count();
        assert_eq!(clicks, 4, "recorded, not dropped");
        assert_eq!(rig.clicks_counted(rig.clock.now() + seconds(3_600)).await, 0);
        let unsure = hits.iter().filter(|hit| hit.judgement == Judgement::Unsure).count();
        assert_eq!(unsure, 0, "the first ones were judged anew: {hits:#?}");
    }
}

#[tokio::test]
async fn a_gateway_whose_requests_come_all_at_once_is_never_a_person() {
    let rig = rig().await;
    let paths = LINKS.map(|link| rig.click_path(link));
    let asked = paths.iter().map(|path| rig.get(path));
    for answer in futures::future::join_all(asked).await {
        assert!(answer.status().is_redirection());
    }
    assert_eq!(rig.hits().await.iter().filter(|hit| hit.revises.is_none()).count(), 3);
    assert_eq!(rig.clicks_counted(rig.clock.now() + seconds(3_600)).await, 0);
}

#[tokio::test]
async fn the_unsubscribe_link_of_a_mail_with_one_link_gives_a_gateway_away() {
    let rig = rig().await;
    rig.get(&rig.click_path(PRICING)).await;
    rig.pass(seconds(1));
    rig.get(&rig.unsubscribe_path()).await;
    // The page is shown before the hint is taken; a later hit stands behind it in the same queue.
    rig.get(&rig.open_path()).await;
    assert_eq!(rig.clicks_counted(rig.clock.now() + seconds(3_600)).await, 0);
    assert_eq!(rig.suppressed().await, None);
}

#[tokio::test]
async fn two_links_read_one_after_the_other_are_two_clicks() {
    let rig = rig().await;
    rig.get(&rig.click_path(LINKS[0])).await;
    rig.pass(seconds(12));
    rig.get(&rig.click_path(LINKS[1])).await;
    assert_eq!(rig.clicks_counted(rig.clock.now() + seconds(60)).await, 2);
}

#[tokio::test]
async fn heads_libraries_and_the_too_early_are_machines_and_say_why() {
    let rig = rig().await;
    rig.ask(Method::HEAD, &rig.click_path(PRICING)).await;
    let url = rig.url(&rig.click_path(PRICING));
    rig.client.get(&url).header(header::USER_AGENT, "python-requests/2.32").send().await.unwrap();
    rig.client.get(&url).header(header::USER_AGENT, "").send().await.unwrap();
    rig.clock.set(SENT_AT + seconds(2));
    rig.get(&rig.click_path(PRICING)).await;
    let hits = rig.hits().await;
    let why: Vec<String> = hits.iter().map(|hit| hit.data["because"].to_string()).collect();
    assert_eq!(why, ["head", "agent", "agent", "too_early"]);
    assert!(hits.iter().all(|hit| hit.judgement == Judgement::Machine));
}

#[tokio::test]
async fn one_mail_hit_in_a_loop_does_not_grow_without_end() {
    let rig = rig().await;
    let path = rig.click_path(PRICING);
    for _ in 0..300 {
        assert!(rig.get(&path).await.status().is_redirection());
    }
    assert_eq!(rig.hits().await.len(), 100);
    rig.pass(seconds(60));
    rig.get(&path).await;
    assert_eq!(rig.hits().await.len(), 101);
}
