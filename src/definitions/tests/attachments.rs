//! Files that go with mails: from a folder to definitions and artefacts, and what is wrong with them.

use std::{fs, path::Path};

use super::{BASE, campaign};
use crate::{
    definitions::{Checked, check, compile, read_folder, show, still_needed},
    domain::{artefact::ArtefactKind, id::ReleaseId},
};

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, content) in BASE
        .iter()
        .map(|(name, text)| (name, text.as_bytes()))
        .chain(files.iter().map(|(name, content)| (name, *content)))
    {
        write(root.path(), name, content);
    }
    root
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn mail(attachments: &str) -> String {
    format!("---\nsubject: Hello\nlayout: mail\nattachments:{attachments}\n---\nGood morning.\n")
}

fn files(checked: &Checked) -> Vec<&str> {
    let files = checked.artefacts.iter().filter(|it| it.kind == ArtefactKind::Attachment);
    files.map(|found| found.name.as_str()).collect()
}

#[test]
fn what_mails_name_goes_with_them_and_nothing_else_is_part_of_a_release() {
    let text =
        mail("\n  - files/2027/guide.pdf\n  - { file: files/prices.csv, name: Prezzi €.csv }");
    let root = folder(&[
        ("templates/cold/hello.md", text.as_bytes()),
        ("templates/cold/bye.md", b"---\nsubject: Bye\nattachments: files/prices.csv\n---\nx\n"),
        ("templates/files/2027/guide.pdf", b"%PDF-1.7 \xff\x00\x01"),
        ("templates/files/prices.csv", b"a,b\n1,2\n"),
        ("templates/files/draft.pdf", b"%PDF-1.7"),
        // No mail has it, so it is no matter.
        ("templates/files/empty.pdf", b""),
    ]);
    let checked = check(&read_folder(root.path()).unwrap());
    assert_eq!(checked.problems, []);
    assert_eq!(files(&checked), ["files/2027/guide.pdf", "files/prices.csv"]);
    let live = compile(&checked.artefacts, &[], ReleaseId(1), &[].into()).unwrap();
    for definitions in [&live, checked.definitions.as_ref().unwrap()] {
        let hello = &definitions.templates.mails["cold/hello"][""];
        let shown: Vec<_> = hello
            .attachments
            .iter()
            .map(|it| (it.name.as_str(), it.content_type, it.bytes()))
            .collect();
        assert_eq!(
            shown,
            [("guide.pdf", "application/pdf", 12), ("Prezzi €.csv", "text/csv; charset=utf-8", 8)]
        );
        // However many mails it goes with, it is held once.
        let bye = &definitions.templates.mails["cold/bye"][""].attachments[0];
        assert!(std::sync::Arc::ptr_eq(&bye.encoded, &hello.attachments[1].encoded));
    }
    // What it holds makes the version.
    write(root.path(), "templates/files/prices.csv", b"a,b\n1,3\n");
    let edited = check(&read_folder(root.path()).unwrap());
    let of = |checked: &Checked| {
        let found = checked.artefacts.iter().find(|it| &*it.name == "files/prices.csv");
        found.unwrap().version.clone()
    };
    assert_ne!(of(&checked), of(&edited));
}

#[test]
fn a_mail_that_leads_in_flight_still_get_keeps_its_files() {
    let text = mail(" files/guide.txt");
    let root = folder(&[
        ("templates/cold/hello.md", text.as_bytes()),
        ("templates/files/guide.txt", b"one two"),
    ]);
    let previous = check(&read_folder(root.path()).unwrap()).artefacts;
    let next = check(&campaign(&[(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: cold/bye\n",
    )]));
    let mut next = next.artefacts;
    next.retain(|found| &*found.name != "cold/hello");
    let pinned: Vec<_> =
        previous.iter().filter(|it| it.kind == ArtefactKind::Workflow).cloned().collect();
    let carried = still_needed(&next, &previous, &pinned);
    let names: Vec<&str> = carried.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["cold/hello", "files/guide.txt"]);
    let all = [next, carried].concat();
    let definitions = compile(&all, &pinned, ReleaseId(1), &[].into()).unwrap();
    assert_eq!(definitions.templates.mails["cold/hello"][""].attachments.len(), 1);
}

#[test]
#[cfg(unix)]
fn all_that_is_wrong_is_said_at_once_where_the_mail_names_it() {
    let text = mail(
        "\n  - files/guid.pdf\n  - files/large.zip\n  - files/empty.pdf\n  - files/latin.csv\n  \
         - files/pointer.pdf\n  - files/tool.exe\n  - files/page.svg\n  - ../secrets.txt\n  - /etc/passwd\n  \
         - guide.pdf\n  - templates/files/guide.pdf\n  - files/..%2fguide.pdf\n  - files/link.pdf\n  \
         - { file: files/guide.pdf, name: guide.exe }\n  - { file: files/guide.pdf, nam: x.pdf }\n  \
         - { file: files/guide.pdf, name: \"a/b.pdf\" }\n  - { name: x.pdf }\n  - files/guide.pdf\n  - files/guide.pdf",
    );
    let large = vec![b'x'; 7_250_000];
    let root = folder(&[
        ("templates/cold/hello.md", text.as_bytes()),
        ("templates/cold/hello.it.md", mail("").as_bytes()),
        ("templates/files/guide.pdf", b"%PDF-1.7"),
        ("templates/files/large.zip", &large),
        ("templates/files/empty.pdf", b""),
        ("templates/files/latin.csv", b"citt\xe0"),
        ("templates/files/pointer.pdf", b"version https://git-lfs.github.com/spec/v1\n"),
        ("templates/files/tool.exe", b"MZ"),
        ("templates/files/Guide (final).pdf", b"%PDF-1.7"),
    ]);
    let link = root.path().join("templates/files/link.pdf");
    std::os::unix::fs::symlink("/etc/hostname", link).unwrap();
    let sources = read_folder(root.path()).unwrap();
    insta::assert_snapshot!(show(&check(&sources).problems, &sources, false));
}

#[test]
fn a_mail_takes_ten_megabytes_of_files_and_no_more() {
    let (small, large) = (vec![b'x'; 2_000_000], vec![b'x'; 4_000_000]);
    let with = |list: &str| {
        let text = mail(list);
        let root = folder(&[
            ("templates/cold/hello.md", text.as_bytes()),
            ("templates/files/a.txt", &large),
            ("templates/files/b.txt", &large),
            ("templates/files/c.txt", &small),
            ("templates/files/d.txt", b"x"),
        ]);
        let found = check(&read_folder(root.path()).unwrap()).problems.into_iter();
        found.map(|it| (it.line, it.message)).collect::<Vec<_>>()
    };
    assert_eq!(with(" [files/a.txt, files/b.txt, files/c.txt]"), []);
    assert_eq!(
        with(" [files/a.txt, files/b.txt, files/c.txt, files/d.txt]"),
        [(4, "the attachments are larger than 10 MB together: 10 MB".to_owned())]
    );
}
