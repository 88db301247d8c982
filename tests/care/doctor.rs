//! `nurtured doctor`, with and without something to find.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::support::{
    crm::Crm,
    databases::TestDatabase,
    postgres,
    site::{Ran, Site},
    smtp::{Act, At, FakeSmtp, Script, say},
};

fn examine(site: &Site) -> (Ran, Value) {
    let ran = site.run(&["--json", "doctor"]);
    let report = ran.document();
    (ran, report)
}

/// What was found of one thing, worst first.
fn of<'r>(report: &'r Value, check: &str) -> (&'r str, String) {
    let findings = report["checks"].as_array().unwrap().iter();
    let of_it: Vec<&Value> = findings.filter(|finding| finding["check"] == check).collect();
    let worst = ["failed", "warning", "ok"]
        .into_iter()
        .find(|verdict| of_it.iter().any(|finding| finding["verdict"] == *verdict));
    let said = of_it.iter().map(|finding| finding["found"].as_str().unwrap()).collect::<Vec<_>>();
    (worst.unwrap_or_else(|| panic!("nothing of {check} in {report}")), said.join("\n"))
}

#[test]
fn a_folder_that_is_as_it_should_be_has_no_failure() {
    let site = Site::live();
    let (ran, report) = examine(&site);
    assert_eq!((ran.code, &report["failed"]), (0, &0.into()), "{report}");
    for check in
        ["campaign", "configuration", "secrets", "database", "disk", "clock", "live", "relay"]
    {
        assert_eq!(of(&report, check).0, "ok", "{report}");
    }
    assert_eq!(of(&report, "engine").0, "warning", "none runs");
    let text = site.run(&["doctor"]).out;
    assert!(text.contains("0 failed") && text.contains("> start `nurtured run`"), "{text}");
}

#[test]
fn each_thing_that_is_wrong_is_said_and_nothing_secret() {
    let site = Site::live();
    site.run(&["pause", "all"]);
    let secrets = site.path("nurtured.secrets");
    std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o644)).unwrap();
    site.write("workflows/broken.yaml", "workflow: broken\n");
    site.write("password", "hunter2\n");
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).unwrap().replace(
        "folder = \"outbox\"",
        "host = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nuser = \"ada\"\npassword_file = \"password\"\n\
         [public]\nbase_url = \"http://127.0.0.1:1\"\n[delivery]\nonly_to = [\"*@ours.example\"]",
    );
    site.write("nurtured.toml", toml);
    let (ran, report) = examine(&site);
    assert_eq!(ran.code, 1);
    for (check, verdict, part) in [
        ("secrets", "failed", "mode 644"),
        ("campaign", "warning", "error"),
        ("live", "warning", "paused: all"),
        ("relay", "failed", "connect: Connection refused"),
        ("who is mailed", "warning", "only_to"),
        ("names", "failed", "example.com is a name for examples"),
        ("daemon", "warning", "none answers"),
    ] {
        let (found, said) = of(&report, check);
        assert!(found == verdict && said.contains(part), "{check}: {found}, {said}");
    }
    assert!(!ran.out.contains("hunter2"));

    // A time that has not come yet is in the database: the clock was set back.
    let behind = Site::live();
    behind.write("in.csv", "email,consent\nann@a.example,yes\n");
    behind.json(&["leads", "import", "in.csv", "--purpose", "insights"]);
    let ahead = nurtured::clock::Clock::System.now().millis() + 3_600_000;
    let ahead = nurtured::domain::time::Instant::from_millis(ahead).to_string();
    behind.json(&["tick", "--now", &ahead]);
    assert_eq!(of(&examine(&behind).1, "clock").0, "failed");
}

#[test]
fn without_a_database_or_a_configuration_it_says_what_it_can() {
    let site = Site::campaign();
    let (ran, report) = examine(&site);
    assert_eq!((ran.code, of(&report, "database").0), (1, "failed"), "{report}");
    assert!(of(&report, "secrets").1.contains("no secrets file"), "{report}");
    site.write("nurtured.toml", "[databse]\n[log]\nformat = \"xml\"\n");
    let (ran, report) = examine(&site);
    let (verdict, said) = of(&report, "configuration");
    assert_eq!((ran.code, verdict), (1, "failed"));
    assert!(said.contains(":1:2") && said.contains(":3:10"), "{said}");
    let bare = Site::bare();
    assert_eq!(examine(&bare).0.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_asked_and_gets_no_mail() {
    for (is_open, verdict) in [(true, "ok"), (false, "failed")] {
        let script = Script::new().on(move |moment| match moment.at {
            At::Connect if !is_open => say("554 5.3.2 no service"),
            _ => Act::Default,
        });
        let (addr, relay) = FakeSmtp::start(script).await;
        let site = Site::live();
        let toml = std::fs::read_to_string(site.path("nurtured.toml")).unwrap().replace(
            "folder = \"outbox\"",
            &format!(
                "host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n[public]\nbase_url = \"http://127.0.0.1:1\"",
                addr.port()
            ),
        );
        site.write("nurtured.toml", toml);
        let (_, report) = tokio::task::spawn_blocking(move || examine(&site)).await.unwrap();
        assert_eq!(of(&report, "relay").0, verdict, "{report}");
        assert_eq!(relay.count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_has_locked_is_not_waited_for() {
    let Some(db) = TestDatabase::postgres().await else { return };
    let url = postgres::url_text(&db.url);
    let mut somebody = PgConnection::connect(&url).await.unwrap();
    somebody.execute("BEGIN; LOCK TABLE lead_timer IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let site = Site::campaign();
    let ran =
        tokio::task::spawn_blocking(move || site.run(&["--database", &url, "--json", "doctor"]));
    let report = ran.await.unwrap().document();
    let (verdict, said) = of(&report, "database");
    assert!(verdict == "failed" && said.contains("could not be read within 5s"), "{report}");
    somebody.close().await.unwrap();
    db.store.close().await;
    postgres::drop_database(&db.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_our_tables_has_no_secrets_yet() {
    let Some(url) = postgres::fresh_database().await else { return postgres::skip() };
    let site = Site::campaign();
    let text = postgres::url_text(&url);
    let run = |arguments: &[&str]| site.run(&[&["--database", &text], arguments].concat());
    let secrets = || of(&run(&["--json", "doctor"]).document(), "secrets").1;
    let found = secrets();
    assert!(found.contains("nothing of ours in postgres://"), "{found}");
    // A slip in the URL leads there, too.
    assert!(found.contains(url.to_string().rsplit('/').next().unwrap()), "{found}");
    let advice = run(&["doctor"]).out;
    assert!(advice.contains("if that is the right database and was never used"), "{advice}");
    assert!(advice.contains("bring back the copy"), "{advice}");
    assert_eq!(run(&["migrate"]).code, 0);
    assert!(secrets().contains("holds keys"), "{}", secrets());
    std::fs::remove_file(site.path("nurtured.secrets")).unwrap();
    assert!(secrets().contains("bring back its copy"), "{}", secrets());
    postgres::drop_database(&url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhooks_secret_and_address_are_looked_at_and_nobody_is_called() {
    let crm = Crm::start(&[]).await;
    let site = Site::live();
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).unwrap();
    let hook = format!(
        "{toml}[webhook.crm]\nurl = \"http://127.0.0.1:{}/hook\"\nsecret_file = \"crm.secret\"\n",
        crm.port
    );
    site.write("nurtured.toml", &hook);
    let (ran, report) = examine(&site);
    let (verdict, said) = of(&report, "webhook");
    assert!(ran.code == 1 && verdict == "failed" && said.contains("crm.secret"), "{said}");
    site.write("crm.secret", "hunter2\n");
    let (verdict, said) = {
        let (_, report) = examine(&site);
        let (verdict, said) = of(&report, "webhook");
        (verdict.to_owned(), said)
    };
    assert_eq!(verdict, "failed", "{said}");
    assert!(said.contains("127.0.0.1 is not called: loopback"), "{said}");
    site.write("nurtured.toml", format!("{hook}[egress]\nallow = [\"127.0.0.1\"]\n"));
    let (ran, report) = examine(&site);
    assert_eq!((ran.code, of(&report, "webhook").0), (0, "ok"), "{report}");
    assert!(crm.calls().is_empty() && !report.to_string().contains("hunter2"));
}
