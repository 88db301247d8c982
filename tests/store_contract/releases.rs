use std::collections::{BTreeMap, BTreeSet};

use nurtured::{
    domain::{
        artefact::{Artefact, ArtefactKind, ArtefactRef},
        definitions::{Door, Since},
        id::ReleaseId,
        workflow::Version,
    },
    store::records::ReleaseRow,
};

use super::made::*;
use crate::support::databases::for_each_database;

fn artefact(kind: ArtefactKind, name: &str, content: &str) -> Artefact {
    Artefact {
        kind,
        name: name.into(),
        version: Version(content.into()),
        file: format!("workflows/{name}.yaml"),
        content: content.to_owned(),
    }
}

fn manifest(artefacts: &[Artefact]) -> Vec<ArtefactRef> {
    artefacts
        .iter()
        .map(|artefact| ArtefactRef {
            kind: artefact.kind,
            name: artefact.name.clone(),
            version: artefact.version.clone(),
            carried: artefact.kind == ArtefactKind::Mail,
        })
        .collect()
}

#[tokio::test]
async fn the_newest_release_is_live_and_workflows_keep_their_age() {
    for_each_database(async |db| {
        assert_eq!(db.store.live_release().await.unwrap(), None);
        let old = [
            artefact(ArtefactKind::Workflow, "reawaken", "v1"),
            artefact(ArtefactKind::Workflow, "gone", "v2"),
            artefact(ArtefactKind::Mail, "cold/report", "# Hi {{ 'x' }}"),
        ];
        let doors = |mark| ["reawaken", "gone", "fresh"].map(|name| (name.into(), mark)).into();
        let first = db
            .store
            .save_release(&old, &manifest(&old), &doors(1), "ada", "start", NOON)
            .await
            .unwrap();
        assert_eq!(db.store.live_release().await.unwrap(), Some(first.clone()));
        assert_eq!(first.live_since.len(), 2);
        let new = [
            artefact(ArtefactKind::Workflow, "reawaken", "v3"),
            artefact(ArtefactKind::Workflow, "fresh", "v4"),
        ];
        // On a rehearsal the clock may have been further on before: the later release is live all the same.
        let earlier = NOON - HOUR;
        let second = db
            .store
            .save_release(&new, &manifest(&new), &doors(2), "ada", "", earlier)
            .await
            .unwrap();
        assert!(second.id > first.id);
        let door = |release: &ReleaseRow, mark| Door { mark, at: release.at, release: release.id };
        let since =
            |release: &ReleaseRow, door| Since { at: release.at, release: release.id, door };
        assert_eq!(first.live_since["reawaken"], since(&first, door(&first, 1)));
        // It is as old as it was; how leads come in is new.
        assert_eq!(second.live_since["reawaken"], since(&first, door(&second, 2)));
        assert_eq!(second.live_since["fresh"], since(&second, door(&second, 2)));
        assert_eq!(second.live_since.len(), 2);
        assert_eq!(db.store.live_release().await.unwrap(), Some(second.clone()));
        let versions: Vec<Version> = old.iter().map(|old| old.version.clone()).collect();
        let stored = db.store.artefacts(&versions).await.unwrap();
        let names: BTreeSet<String> =
            stored.iter().map(|artefact| artefact.content.clone()).collect();
        assert_eq!(names, old.iter().map(|old| old.content.clone()).collect());
        assert_eq!(db.store.artefacts(&[]).await.unwrap(), []);
        // Saved again: an artefact is its content, nothing is stored twice.
        db.store
            .save_release(&old, &manifest(&old), &doors(2), "ada", "again", NOON)
            .await
            .unwrap();
        let third = db.store.live_release().await.unwrap().unwrap();
        assert_eq!(db.store.release(second.id).await.unwrap(), Some(second.clone()));
        assert_eq!(db.store.release(ReleaseId(7)).await.unwrap(), None);
        let newest = db.store.releases(2).await.unwrap();
        assert_eq!(newest, [third.clone(), second.clone()]);
        assert_eq!(third.live_since["reawaken"], second.live_since["reawaken"]);
        assert_eq!(db.store.artefacts(&versions).await.unwrap(), stored);
    })
    .await;
}

#[tokio::test]
async fn a_large_file_of_mails_comes_back_as_it_was_however_often_it_is_released() {
    for_each_database(async |db| {
        // As mails have it: lines of base64, some of them more than one statement takes.
        let lines = |letter: &str| [letter.repeat(76).as_str()].repeat(60_000).join("\r\n");
        let file = |name: &str| Artefact {
            content: lines(name),
            ..artefact(ArtefactKind::Attachment, &format!("files/{name}.txt"), name)
        };
        let files = [file("a"), file("b"), file("c")];
        let versions: Vec<Version> = files.iter().map(|file| file.version.clone()).collect();
        for round in 0..2 {
            let released = &files[..2 + round];
            db.store
                .save_release(released, &manifest(released), &BTreeMap::new(), "ada", "", NOON)
                .await
                .unwrap();
            assert!(db.store.artefacts(&versions).await.unwrap() == released);
        }
    })
    .await;
}
