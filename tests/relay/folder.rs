//! The relay that is a folder.

use std::{fs, path::Path, sync::Arc};

use nurtured::{
    domain::time::Instant,
    mail::{
        compose::Letter,
        relay::{Delivery, FolderRelay, Relay, Stage},
    },
};

use super::{assert_sent, assert_unreachable, deliver, letter, mail};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn mails_become_files_in_the_order_of_their_dates() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out/box");
    let relay = Relay::Folder(Arc::new(FolderRelay::new("files", &folder)));
    assert!(relay.is_folder());
    let mut session = relay.session();
    let later = Letter { date: Instant::from_millis(1_800_000_060_000), ..letter("a") };
    for mail in [later.compose().unwrap(), mail("z"), mail("z")] {
        let (delivery, asked) = deliver(&mut session, &mail).await;
        assert_sent(&delivery);
        assert_eq!(asked, 1);
    }
    assert_eq!(names(&folder), ["20270115T080000.000Z-z.eml", "20270115T080100.000Z-a.eml"]);
    let bytes = fs::read(folder.join("20270115T080000.000Z-z.eml")).unwrap();
    let sender = mail("z").envelope_from.unwrap();
    let path = format!("Return-Path: <{}>\r\n", sender.as_str());
    assert!(bytes == [path.as_bytes(), &mail("z").bytes].concat());
    let bounce = Letter { bounce_address: None, ..letter("b") }.compose().unwrap();
    assert_sent(&deliver(&mut session, &bounce).await.0);
    let bytes = fs::read(folder.join("20270115T080000.000Z-b.eml")).unwrap();
    assert!(bytes.starts_with(b"Return-Path: <>\r\n"));
}

#[tokio::test]
async fn a_withdrawn_mail_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let relay = Relay::Folder(Arc::new(FolderRelay::new("files", home.path())));
    let delivery = relay
        .session()
        .deliver(&mail("k-1"), || async {
            let shown = names(home.path()).into_iter().filter(|name| !name.starts_with('.'));
            assert_eq!(shown.count(), 0, "nothing is there before the point of no return");
            false
        })
        .await;
    assert!(delivery == Delivery::Withdrawn, "{delivery:?}");
    assert_eq!(names(home.path()), [""; 0]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_a_relay_that_is_down() {
    let home = tempfile::tempdir().unwrap();
    let in_the_way = home.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let relay = Relay::Folder(Arc::new(FolderRelay::new("files", &in_the_way)));
    let (delivery, asked) = deliver(&mut relay.session(), &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Connect);
    assert!(delivery.relay_is_down());
    assert_eq!(asked, 0);
}

#[test]
fn a_trial_makes_the_folder_and_leaves_nothing_in_it() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("out/box");
    FolderRelay::new("files", &folder).try_writing().unwrap();
    assert_eq!(names(&folder), [""; 0]);
    let in_the_way = home.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    assert!(FolderRelay::new("files", &in_the_way).try_writing().is_err());
}

#[tokio::test]
async fn a_key_chooses_no_path() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("outbox");
    let relay = Relay::Folder(Arc::new(FolderRelay::new("files", &folder)));
    let mut evil = mail("k-1");
    evil.key = "../../evil/x".to_owned();
    assert_sent(&deliver(&mut relay.session(), &evil).await.0);
    assert_eq!(names(home.path()), ["outbox"]);
    assert_eq!(names(&folder), ["20270115T080000.000Z-.._.._evil_x.eml"]);
}
