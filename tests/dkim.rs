//! Mails that the program signs hold before dkimpy, an independent verifier, and changed ones do not.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::support::{
    sink::SmtpSink,
    site::{POLICY, Site},
    skipped::skipped,
};

const RSA: &str = include_str!("dkim/keys/rsa.pem");

/// One that has dkimpy and, for Ed25519, PyNaCl: Debian's may, where the first of the path does not.
fn python() -> Option<PathBuf> {
    let has_dkimpy = |python: &PathBuf| {
        let output = Command::new(python).args(["-c", "import dkim, nacl.signing"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "/usr/bin/python3"].map(PathBuf::from).into_iter().find(has_dkimpy);
    if found.is_none() {
        skipped(
            "signatures against an independent verifier: no python3 has dkimpy (python3-dkim, python3-nacl)",
        );
    }
    found
}

/// A site that signs by an RSA key and one that `dkim new` makes, and that leads reach by HTTPS.
fn site() -> Site {
    let site = Site::bare();
    let key = site.write("rsa.pem", RSA);
    fs::set_permissions(key, fs::Permissions::from_mode(0o600)).unwrap();
    site.write("workflows/campaign.yaml", POLICY);
    site.write(
        "workflows/people.yaml",
        "people:\n  ben: { name: Ben Weber, email: ben@example.com }\n",
    );
    site.write(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter:\n  by_hand: yes\nsend:\n  now: yes\nsteps:\n  \
         - email: hello\n  - notify: ben\n",
    );
    site.write(
        "templates/hello.md",
        "---\nsubject: Größe und  Preis – {{ first_name or \"you\" }} 😀 and more than fits on one line of a header\n\
         attachments: { file: files/prices.csv, name: Größe.csv }\n---\n\
         Wie geht’s?  \n\n\n.\n\n{{ postal_address }} [stop]({{ unsubscribe_url }})\n\n",
    );
    site.write("templates/files/prices.csv", "seats,price\n".repeat(1_000));
    configure(&site, "folder = \"outbox\"");
    let made = site.json(&["dkim", "new", "example.com", "ed", "--file", "ed.pem"]);
    let record = site.json(&["dkim", "record", "Example.COM", "RSA", "rsa.pem"]);
    let records = [&made, &record].map(|it| (it["name"].as_str().unwrap(), it["value"].clone()));
    site.write("records.json", json!(std::collections::BTreeMap::from(records)).to_string());
    let leads = "email,first name,consent,consent date\nann@example.org,Änn,yes,2026-01-02\n\
                 bob@example.org,,yes,2026-01-02\n";
    site.write("leads.csv", leads);
    for command in [
        &["migrate"][..],
        &["apply"],
        &["leads", "import", "leads.csv", "--purpose", "insights"],
        &["enrol", "hello", "ann@example.org"],
        &["enrol", "hello", "bob@example.org"],
    ] {
        let ran = site.run(command);
        assert_eq!(ran.code, 0, "{command:?}: {ran:?}");
    }
    site
}

fn configure(site: &Site, relay: &str) {
    site.write(
        "nurtured.toml",
        format!(
            "[database]\nurl = \"sqlite:nurtured.db\"\n[public]\nbase_url = \"https://go.example.com\"\n\
             [[relay]]\nname = \"main\"\n{relay}\n\
             [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
             postal_address = \"Via Roma 1, 20121 Milano\"\n\
             [[dkim]]\ndomain = \"example.com\"\nselector = \"rsa\"\nkey_file = \"rsa.pem\"\n\
             [[dkim]]\ndomain = \"example.com\"\nselector = \"ed\"\nkey_file = \"ed.pem\"\n"
        ),
    );
}

fn verify(python: &Path, site: &Site, mails: &[PathBuf]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dkim/verify.py");
    let mut command = Command::new(python);
    let output = command.arg(script).arg(site.path("records.json")).args(mails).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    eprint!("{}", text(&output.stdout));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_mail_holds_and_none_with_an_octet_changed() {
    let Some(python) = python() else { return };
    let site = site();
    for _ in 0..2 {
        assert_eq!(site.run(&["tick"]).code, 0);
    }
    let mails = files(&site.path("outbox"));
    let texts: Vec<String> = mails.iter().map(|it| fs::read_to_string(it).unwrap()).collect();
    // To two leads, and to Ben about each of them.
    assert_eq!(texts.len(), 4, "{texts:#?}");
    let one_click =
        |text: &&String| text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    assert_eq!(texts.iter().filter(one_click).count(), 2);
    let attached = |text: &&String| text.contains("filename*0*=utf-8''Gr%C3%B6%C3%9Fe.csv");
    assert_eq!(texts.iter().filter(attached).count(), 2);
    let feedback = |text: &&String| text.contains("Feedback-ID: -:hello:marketing:example.com\r\n");
    assert_eq!(texts.iter().filter(feedback).count(), 2);
    verify(&python, &site, &mails);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_takes_holds_as_well() {
    let Some(python) = python() else { return };
    let Some(sink) = SmtpSink::start().await else { return };
    let site = site();
    configure(
        &site,
        &format!("host = \"127.0.0.1\"\nport = {}\ntls = \"none\"", sink.address.port()),
    );
    let to = ["--lead", "ann@example.org", "--to", "ada@example.com"];
    let ran = site.run(&[&["send-test", "hello"][..], &to].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    verify(&python, &site, &[site.write("taken.eml", &mails[0])]);
}

#[test]
fn no_mail_goes_unsigned_where_a_key_cannot_be_used() {
    let site = site();
    fs::set_permissions(site.path("rsa.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = site.run(&["tick"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("nurtured.toml:15:12: the DKIM key"), "{}", ran.err);
    assert!(ran.err.contains("run `chmod 600"), "{}", ran.err);
    assert!(!site.path("outbox").exists() || files(&site.path("outbox")).is_empty());
}

#[test]
fn a_key_is_never_written_over_and_belongs_to_its_owner() {
    let site = Site::bare();
    let new = ["dkim", "new", "example.com", "s1"];
    let ran = site.run(&new);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("s1._domainkey.example.com. IN TXT \"v=DKIM1; k=ed25519; p="),
        "{}",
        ran.out
    );
    let file = site.path("s1.example.com.pem");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&file).unwrap();
    assert_eq!(site.run(&new).code, 3);
    assert_eq!(fs::read(&file).unwrap(), before);
    assert_eq!(site.run(&["dkim", "new", "example.com", "-s"]).code, 2);
    assert_eq!(site.run(&["dkim", "record", "example.com", "s1", "nowhere.pem"]).code, 1);
}
