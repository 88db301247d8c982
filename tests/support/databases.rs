//! The same test on both databases, each time a fresh one.

use std::path::Path;

use nurtured::{
    domain::time::Instant,
    store::{DatabaseUrl, Store},
};

use super::postgres;

/// A fresh, migrated database.
pub struct TestDatabase {
    pub store: Store,
    pub url: DatabaseUrl,
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    _folder: Option<tempfile::TempDir>,
}

/// Noon of a Monday: the instant at which tests start.
pub const NOON: Instant = Instant::from_millis(1_798_459_200_000); // 2026-12-28T12:00:00Z

impl TestDatabase {
    /// A file in a folder of its own.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = DatabaseUrl::parse("sqlite:test.db", folder.path()).expect("our own URL");
        Self::migrated("sqlite", url, Some(folder)).await
    }

    /// `None`, having said so, where PostgreSQL is left out on purpose.
    pub async fn postgres() -> Option<Self> {
        let Some(url) = postgres::fresh_database().await else {
            postgres::skip();
            return None;
        };
        Some(Self::migrated("postgres", url, None).await)
    }

    async fn migrated(
        name: &'static str,
        url: DatabaseUrl,
        folder: Option<tempfile::TempDir>,
    ) -> Self {
        let store = Store::create(&url).await.expect("a database");
        store.migrate(false, NOON).await.expect("its tables");
        Self { store, url, name, _folder: folder }
    }

    /// The folder of an SQLite file.
    #[allow(dead_code)] // not every test looks
    pub fn folder(&self) -> Option<&Path> {
        self.url.file().and_then(Path::parent)
    }
}

/// Runs a test on SQLite, then on PostgreSQL; a failure says on which.
pub async fn for_each_database<F>(test: F)
where
    F: AsyncFn(&TestDatabase),
{
    let sqlite = TestDatabase::sqlite().await;
    eprintln!("on SQLite");
    test(&sqlite).await;
    sqlite.store.close().await;
    if let Some(on_server) = TestDatabase::postgres().await {
        eprintln!("on PostgreSQL");
        test(&on_server).await;
        on_server.store.close().await;
        postgres::drop_database(&on_server.url).await;
    }
}
