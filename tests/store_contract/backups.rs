use std::os::unix::fs::PermissionsExt as _;

use nurtured::store::{DatabaseUrl, Store, StoreError};

use super::made::*;
use crate::support::databases::{TestDatabase, for_each_database};

#[tokio::test]
async fn a_copy_holds_everything_is_its_owners_alone_and_is_never_written_over() {
    let db = TestDatabase::sqlite().await;
    let leads = import(&db.store, &["a@x.example", "b@x.example"]).await;
    let file = db.folder().unwrap().join("copy of it.db");
    let bytes = db.store.copy_to(&file).await.unwrap();
    let about = std::fs::metadata(&file).unwrap();
    assert_eq!((about.len(), about.permissions().mode() & 0o777), (bytes, 0o600));
    assert!(db.store.copy_to(&file).await.unwrap_err().to_string().contains("already"));
    // Nothing is left beside it: no draft, no log.
    let mut names: Vec<_> = std::fs::read_dir(db.folder().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("test.db"))
        .collect();
    names.sort();
    assert_eq!(names, ["copy of it.db"]);

    let copy = Store::open(&DatabaseUrl::of_file(&file)).await.unwrap();
    copy.check_schema().await.unwrap();
    copy.check_integrity().await.unwrap();
    copy.check_quickly().await.unwrap();
    assert_eq!(copy.leads_after(nurtured::domain::id::LeadId(i64::MIN), 10).await.unwrap(), leads);
    import(&copy, &["c@x.example"]).await;
    copy.close_into_one_file().await.unwrap();
    // Moved alone, it is whole.
    let moved = file.with_file_name("moved.db");
    std::fs::rename(&file, &moved).unwrap();
    let again = Store::open(&DatabaseUrl::of_file(&moved)).await.unwrap();
    assert_eq!(again.census(NOON).await.unwrap().leads, 3);
    again.close().await;
}

#[tokio::test]
async fn damage_is_found_and_not_copied() {
    let db = TestDatabase::sqlite().await;
    let names: Vec<String> = (0..2_000).map(|number| format!("lead{number}@x.example")).collect();
    import(&db.store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let file = db.url.file().unwrap().to_owned();
    db.store.clone().close_into_one_file().await.unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let pages = bytes.len() / 4_096;
    bytes[(pages - 40) * 4_096..(pages - 10) * 4_096].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    let damaged = Store::open(&db.url).await.unwrap();
    assert!(matches!(damaged.check_integrity().await, Err(StoreError::Environment(_))));
    let copy = file.with_file_name("copy.db");
    damaged.copy_to(&copy).await.unwrap_err();
    assert!(!copy.exists());
    damaged.close().await;
}

#[tokio::test]
async fn the_last_act_is_known_and_a_server_is_left_to_its_own_tools() {
    for_each_database(async |db| {
        assert_eq!(db.store.last_act().await.unwrap(), None);
        let leads = import(&db.store, &["a@x.example"]).await;
        db.store.record_events(&[clicked(leads[0])], NOON + HOUR).await.unwrap();
        assert_eq!(db.store.last_act().await.unwrap(), Some(NOON + HOUR));
        db.store.check_integrity().await.unwrap();
        db.store.check_quickly().await.unwrap();
        let by_its_clock = db.store.lease_clock(NOON).await.unwrap();
        assert_eq!(by_its_clock == NOON, db.name == "sqlite", "a server has its own");
        if db.name == "postgres" {
            let refused = db.store.copy_to(std::path::Path::new("/nowhere/copy.db")).await;
            assert!(refused.unwrap_err().to_string().contains("pg_dump"));
        }
    })
    .await;
}
