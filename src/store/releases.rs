//! Releases: which artefacts are live from an instant on.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::FromRow;

use super::{
    Result, Store, StoreError,
    db::{Tx, on_db},
    gate::Turn,
    records::ReleaseRow,
    rows,
};
use crate::domain::{
    artefact::{Artefact, ArtefactKind, ArtefactRef},
    definitions::{Door, Since},
    id::ReleaseId,
    name::Name,
    time::Instant,
    workflow::Version,
};

/// Bytes of files that are stored in one statement.
const AT_A_TIME: usize = 4_000_000;

/// An artefact that is asked for.
#[derive(Serialize)]
struct Wanted<'a> {
    version: &'a str,
}

#[derive(FromRow)]
struct StoredRelease {
    release: i64,
    at: i64,
    who: String,
    reason: String,
    manifest: String,
    live_since: String,
}

impl TryFrom<StoredRelease> for ReleaseRow {
    type Error = StoreError;

    fn try_from(row: StoredRelease) -> Result<Self> {
        fn read<T: DeserializeOwned>(text: &str, column: &'static str, release: i64) -> Result<T> {
            rows::decode(text, "releases", column, format!("release {release}"))
        }
        Ok(Self {
            id: ReleaseId(row.release),
            at: Instant::from_millis(row.at),
            who: row.who,
            reason: row.reason,
            manifest: read(&row.manifest, "manifest", row.release)?,
            live_since: read(&row.live_since, "live_since", row.release)?,
        })
    }
}

/// Since when each workflow of a release is live that is made now.
#[must_use]
pub fn live_since(
    manifest: &[ArtefactRef],
    doors: &BTreeMap<Name, i64>,
    before: Option<&ReleaseRow>,
    release: ReleaseId,
    now: Instant,
) -> BTreeMap<Name, Since> {
    let workflows = manifest.iter().filter(|artefact| artefact.kind == ArtefactKind::Workflow);
    let since = |artefact: &ArtefactRef| {
        let name = &artefact.name;
        let mark = doors.get(name).copied().unwrap_or_default();
        let door = Door { mark, at: now, release };
        let since = match before.and_then(|before| before.live_since.get(name)) {
            None => Since { at: now, release, door },
            Some(known) if known.door.mark == mark => *known,
            Some(known) => Since { door, ..*known },
        };
        (name.clone(), since)
    };
    workflows.map(since).collect()
}

impl Store {
    /// Makes the artefacts of `manifest` live. Those of `artefacts` that are not stored yet are; a
    /// workflow whose name was live before keeps its `live_since`, and its door if the mark of it in
    /// `doors` is the same.
    ///
    /// In the same transaction the sweep over all leads begins, from the first lead on, and one for an
    /// earlier release is over; what is parked gets another try, as what parked it may be mended.
    pub async fn save_release(
        &self,
        artefacts: &[Artefact],
        manifest: &[ArtefactRef],
        doors: &BTreeMap<Name, i64>,
        who: &str,
        reason: &str,
        now: Instant,
    ) -> Result<ReleaseRow> {
        let mut tx = self.db.begin(Turn::Act).await?;
        // The sweep and then the timers, before all else: in this order a step of the sweep locks them.
        tx.one_release_at_a_time().await?;
        tx.open_sweep().await?;
        tx.unpark_all(now).await?;
        tx.insert_artefacts(artefacts).await?;
        let before = tx.newest_release().await?;
        // The newest is the one with the largest id, also where a driven clock went back.
        let floor = before.as_ref().map_or(0, |before| before.id.0 + 1);
        let id = ReleaseId(self.ids.next(now).max(floor));
        let live_since = live_since(manifest, doors, before.as_ref(), id, now);
        let row = ReleaseRow {
            id,
            at: now,
            who: who.to_owned(),
            reason: reason.to_owned(),
            manifest: manifest.to_vec(),
            live_since,
        };
        let (manifest, live_since) = (rows::encode(&row.manifest)?, rows::encode(&row.live_since)?);
        on_db!(
            tx.on(),
            sql!(
                "INSERT INTO releases (release, at, who, reason, manifest, live_since) \
                 VALUES ($1, $2, $3, $4, $5, $6)"
            ),
            |db, sql| sqlx::query(sql)
                .bind(row.id.0)
                .bind(row.at.millis())
                .bind(&row.who)
                .bind(&row.reason)
                .bind(manifest)
                .bind(live_since)
                .execute(db)
                .await
                .map(drop)
        )?;
        tx.begin_sweep(row.id, now).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The release that is live now.
    pub async fn live_release(&self) -> Result<Option<ReleaseRow>> {
        let mut tx = self.db.snapshot().await?;
        let newest = tx.newest_release().await?;
        tx.rollback().await?;
        Ok(newest)
    }

    /// A release by its id.
    pub async fn release(&self, release: ReleaseId) -> Result<Option<ReleaseRow>> {
        let row: Option<StoredRelease> = on_db!(
            self.db.read(),
            sql!(
                "SELECT release, at, who, reason, manifest, live_since FROM releases \
                 WHERE release = $1"
            ),
            |db, sql| sqlx::query_as(sql).bind(release.0).fetch_optional(db).await
        )?;
        row.map(ReleaseRow::try_from).transpose()
    }

    /// The newest releases, the live one first.
    pub async fn releases(&self, limit: i64) -> Result<Vec<ReleaseRow>> {
        let rows: Vec<StoredRelease> = on_db!(
            self.db.read(),
            sql!(
                "SELECT release, at, who, reason, manifest, live_since FROM releases \
                 ORDER BY release DESC LIMIT $1"
            ),
            |db, sql| sqlx::query_as(sql).bind(limit).fetch_all(db).await
        )?;
        rows.into_iter().map(ReleaseRow::try_from).collect()
    }

    /// Every workflow that was ever made live.
    pub async fn workflow_names(&self) -> Result<Vec<Name>> {
        let names: Vec<String> = on_db!(
            self.db.read(),
            sql!("SELECT DISTINCT name FROM artefacts WHERE kind = 'workflow' ORDER BY name"),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        Ok(names.into_iter().map(Name::from).collect())
    }

    /// The release that was live before this one.
    pub async fn release_before(&self, release: ReleaseId) -> Result<Option<ReleaseRow>> {
        let row: Option<StoredRelease> = on_db!(
            self.db.read(),
            sql!(
                "SELECT release, at, who, reason, manifest, live_since FROM releases \
                 WHERE release < $1 ORDER BY release DESC LIMIT 1"
            ),
            |db, sql| sqlx::query_as(sql).bind(release.0).fetch_optional(db).await
        )?;
        row.map(ReleaseRow::try_from).transpose()
    }

    /// The artefacts of these versions, each under every kind and name that it was stored as.
    pub async fn artefacts(&self, versions: &[Version]) -> Result<Vec<Artefact>> {
        #[derive(FromRow)]
        struct Stored {
            kind: String,
            name: String,
            version: String,
            file: String,
            content: String,
        }
        let wanted: BTreeSet<&str> = versions.iter().map(|version| version.0.as_str()).collect();
        let rows: Vec<Wanted> = wanted.into_iter().map(|version| Wanted { version }).collect();
        let rows = rows::json("artefacts", &rows)?;
        let found: Vec<Stored> = on_db!(
            self.db.read(),
            sql!(
                "SELECT a.kind, a.name, a.version, a.file, a.content FROM artefacts AS a \
                 WHERE a.version IN (SELECT j.value ->> 'version' FROM ",
                each,
                ") ORDER BY a.kind, a.name, a.version"
            ),
            |db, sql| sqlx::query_as(sql).bind(rows).fetch_all(db).await
        )?;
        found
            .into_iter()
            .map(|row| {
                let kind = serde_json::from_value(row.kind.clone().into()).map_err(|_| {
                    let key = format!("{} {} {}", row.kind, row.name, row.version);
                    StoreError::corrupt("artefacts", "kind", key)
                })?;
                Ok(Artefact {
                    kind,
                    name: row.name.into(),
                    version: Version(row.version.into()),
                    file: row.file,
                    content: row.content,
                })
            })
            .collect()
    }

    /// The structures that active enrolments are pinned to.
    pub async fn active_versions(&self) -> Result<Vec<Version>> {
        let versions: Vec<String> = on_db!(
            self.db.read(),
            sql!(
                "SELECT DISTINCT version FROM enrolments WHERE status = 'active' ORDER BY version"
            ),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        Ok(versions.into_iter().map(|version| Version(version.into())).collect())
    }
}

impl Tx {
    /// Which release is live as this transaction sees it.
    pub(super) async fn live_release_id(&mut self) -> Result<Option<ReleaseId>> {
        let id: Option<i64> = on_db!(
            self.on(),
            sql!("SELECT release FROM releases ORDER BY release DESC LIMIT 1"),
            |db, sql| sqlx::query_scalar(sql).fetch_optional(db).await
        )?;
        Ok(id.map(ReleaseId))
    }

    /// Waits for a release that is being made, which leaves another sweep behind than we would see now.
    async fn one_release_at_a_time(&mut self) -> Result<()> {
        on_db!(
            self.on(),
            sql!("SELECT t.key FROM meta AS t WHERE t.key = 'rehearsal'", lock),
            |db, sql| sqlx::query(sql).execute(db).await.map(drop)
        )?;
        Ok(())
    }

    async fn newest_release(&mut self) -> Result<Option<ReleaseRow>> {
        let row: Option<StoredRelease> = on_db!(
            self.on(),
            sql!(
                "SELECT release, at, who, reason, manifest, live_since FROM releases \
                 ORDER BY release DESC LIMIT 1"
            ),
            |db, sql| sqlx::query_as(sql).fetch_optional(db).await
        )?;
        row.map(ReleaseRow::try_from).transpose()
    }

    /// Files of mails are large, and most releases bring none: those that are there are not sent again, and
    /// the others a few at a time.
    async fn insert_artefacts(&mut self, artefacts: &[Artefact]) -> Result<()> {
        let (files, others): (Vec<&Artefact>, Vec<&Artefact>) =
            artefacts.iter().partition(|found| found.kind == ArtefactKind::Attachment);
        self.insert_some(&others).await?;
        let there = self.files_there(&files).await?;
        let mut some = Vec::new();
        let mut bytes = 0;
        for file in files.into_iter().filter(|file| !there.contains(file.version.0.as_str())) {
            bytes += file.content.len();
            some.push(file);
            if bytes >= AT_A_TIME {
                self.insert_some(&std::mem::take(&mut some)).await?;
                bytes = 0;
            }
        }
        self.insert_some(&some).await
    }

    /// Which of these files of mails are stored.
    async fn files_there(&mut self, files: &[&Artefact]) -> Result<BTreeSet<String>> {
        if files.is_empty() {
            return Ok(BTreeSet::new());
        }
        let rows: Vec<Wanted> =
            files.iter().map(|file| Wanted { version: &file.version.0 }).collect();
        let rows = rows::json("artefacts", &rows)?;
        let there: Vec<String> = on_db!(
            self.on(),
            sql!(
                "SELECT a.version FROM artefacts AS a WHERE a.kind = 'attachment' \
                 AND a.version IN (SELECT j.value ->> 'version' FROM ",
                each,
                ")"
            ),
            |db, sql| sqlx::query_scalar(sql).bind(rows).fetch_all(db).await
        )?;
        Ok(there.into_iter().collect())
    }

    async fn insert_some(&mut self, artefacts: &[&Artefact]) -> Result<()> {
        #[derive(Serialize)]
        struct Row<'a> {
            kind: ArtefactKind,
            name: &'a str,
            version: &'a str,
            file: &'a str,
            content: &'a str,
        }
        if artefacts.is_empty() {
            return Ok(());
        }
        let rows: Vec<Row> = artefacts
            .iter()
            .map(|artefact| Row {
                kind: artefact.kind,
                name: &artefact.name,
                version: artefact.version.0.as_str(),
                file: &artefact.file,
                content: &artefact.content,
            })
            .collect();
        let rows = rows::json("artefacts", &rows)?;
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO artefacts (kind, name, version, file, content) \
                 SELECT j.value ->> 'kind', j.value ->> 'name', j.value ->> 'version', j.value ->> 'file', \
                 j.value ->> 'content' FROM ",
                each,
                " WHERE true ON CONFLICT (kind, name, version) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql).bind(rows).execute(db).await.map(drop)
        )?;
        Ok(())
    }
}
