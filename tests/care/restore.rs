//! `nurtured backup` and `nurtured restore`, by the command line and a driven clock.

use std::os::unix::fs::{MetadataExt as _, chown};

use nurtured::store::Store;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::support::{crm::Crm, engine::at, postgres, site::Site, skipped::skipped};

/// A campaign that mails at once, after a day, and after another one; for one lead, at noon.
fn three_mails() -> Site {
    let site = Site::campaign();
    let steps: String = ["one", "two", "three"]
        .iter()
        .map(|name| {
            site.write(
                &format!("templates/{name}.md"),
                format!(
                    "---\nsubject: Number {name}\n---\n{{{{ postal_address }}}} [stop]({{{{ unsubscribe_url }}}})\n"
                ),
            );
            format!("  - email: {name}\n  - wait: 24h\n")
        })
        .collect();
    site.write(
        "workflows/hello.yaml",
        format!(
            "workflow: hello\npurpose: insights\nenter:\n  event: lead.imported\nsend:\n  now: yes\nsteps:\n{steps}"
        ),
    );
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("in.csv", "email,consent\nann@a.example,yes\n");
    site.json(&["leads", "import", "in.csv", "--purpose", "insights"]);
    site
}

/// Hours after now, which is when the lead came in.
fn after(hours: i64) -> String {
    let now = nurtured::clock::Clock::System.now();
    nurtured::domain::time::Instant::from_millis(now.millis() + hours * 3_600_000).to_string()
}

fn sent(site: &Site) -> Vec<String> {
    let Ok(files) = std::fs::read_dir(site.path("outbox")) else { return Vec::new() };
    let mut subjects: Vec<String> = files
        .map(|file| {
            let mail = std::fs::read_to_string(file.unwrap().path()).unwrap();
            mail.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned()
        })
        .collect();
    subjects.sort();
    subjects
}

async fn open(site: &Site) -> SqliteConnection {
    let file = format!("sqlite:{}", site.path("nurtured.db").display());
    SqliteConnection::connect(&file).await.unwrap()
}

/// What is paused, by whom, since when.
async fn pauses(site: &Site) -> Vec<(String, String, i64)> {
    let mut database = open(site).await;
    let rows = sqlx::query_as("SELECT scope, who, at FROM pauses ORDER BY scope");
    let rows = rows.fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    rows
}

/// Another machine, with the same keys and settings.
fn elsewhere(site: &Site) -> Site {
    let other = Site::new();
    std::fs::copy(site.path("nurtured.secrets"), other.path("nurtured.secrets")).unwrap();
    std::fs::copy(site.path("night.db"), other.path("night.db")).unwrap();
    other
}

#[test]
fn what_may_have_been_sent_since_the_backup_is_never_sent_again() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    let report = site.json(&["backup", "night.db"]);
    assert_eq!(report["file"], "night.db");
    site.json(&["tick", "--now", &after(26)]);
    assert_eq!(sent(&site), ["Number one", "Number two"]);

    // Lost at 30; the mail of the second day is not known of, and not sent again.
    let other = elsewhere(&site);
    let report = other.json(&["restore", "night.db", "--sent-until", &after(30)]);
    assert_eq!((&report["in_doubt"], &report["waiting"]), (&1.into(), &0.into()), "{report}");
    assert_eq!(report["paused"][0], "all");
    other.json(&["tick", "--now", &after(60)]);
    assert_eq!(sent(&other), [""; 0], "it is paused");
    other.json(&["resume", "all"]);
    other.json(&["tick", "--now", &after(61)]);
    assert_eq!(sent(&other), ["Number three"]);
    let lead = other.json(&["leads", "show", "ann@a.example"]);
    let states: Vec<_> =
        lead["messages"].as_array().unwrap().iter().map(|m| m["state"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|state| **state == "in_doubt").count(), 1, "{states:?}");

    // Nothing was sent since: nothing is left out.
    let other = elsewhere(&site);
    let report = other.json(&["restore", "night.db", "--nothing-sent"]);
    assert_eq!((&report["in_doubt"], &report["sent_until"]), (&0.into(), &serde_json::Value::Null));
    other.json(&["resume", "all"]);
    for hours in [27, 52] {
        other.json(&["tick", "--now", &after(hours)]);
    }
    assert_eq!(sent(&other), ["Number three", "Number two"]);
    assert!(at(report["last_act"].as_str().unwrap()) <= at(&after(1)));
}

#[test]
fn what_was_paused_at_the_backup_may_have_been_sent_since() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    site.json(&["pause", "hello"]);
    site.json(&["backup", "night.db"]);
    site.json(&["resume", "hello"]);
    site.json(&["tick", "--now", &after(26)]);
    assert_eq!(sent(&site), ["Number one", "Number two"]);

    let other = elsewhere(&site);
    let report = other.json(&["restore", "night.db", "--sent-until", &after(30)]);
    assert_eq!(report["in_doubt"], 1, "{report}");
    assert_eq!(report["paused"], serde_json::json!(["all", "hello"]));
    for scope in ["all", "hello"] {
        other.json(&["resume", scope]);
    }
    other.json(&["tick", "--now", &after(61)]);
    assert_eq!(sent(&other), ["Number three"]);
}

#[test]
fn a_database_that_is_there_or_in_use_is_left_as_it_is() {
    let site = three_mails();
    site.json(&["backup", "night.db"]);
    let before = std::fs::read(site.path("nurtured.db")).unwrap();
    let ran = site.run(&["restore", "night.db"]);
    assert!(ran.code == 1 && ran.err.contains("is there"), "{ran:?}");
    let ran = site.run(&["backup", "night.db"]);
    assert!(ran.code == 3 && ran.err.contains("is there already"), "{ran:?}");
    assert_eq!(std::fs::read(site.path("nurtured.db")).unwrap(), before);

    // An engine is at work on it.
    let lock = nurtured::store::EngineLock::on(Some(&site.path("nurtured.db"))).unwrap();
    for arguments in [&["restore", "night.db"][..], &["restore", "--in-place"]] {
        let ran = site.run(arguments);
        assert!(ran.code == 3 && ran.err.contains("stop the daemon"), "{ran:?}");
    }
    drop(lock);

    // A log beside it belongs to another database.
    let other = elsewhere(&site);
    other.write("nurtured.db-wal", "");
    assert_eq!(other.run(&["restore", "night.db"]).code, 1);
    assert!(!other.path("nurtured.db").exists());
}

#[test]
fn what_is_no_sound_backup_is_refused_and_leaves_nothing_behind() {
    let site = three_mails();
    site.json(&["backup", "night.db"]);
    let sound = std::fs::read(site.path("night.db")).unwrap();
    let half = &sound[..sound.len() / 2];
    let other = elsewhere(&site);
    std::fs::remove_file(other.path("night.db")).unwrap();
    let refused = |content: Option<&[u8]>, code: i32, why: &str| {
        if let Some(content) = content {
            other.write("night.db", content);
        }
        let ran = other.run(&["restore", "night.db"]);
        assert!(ran.code == code && ran.err.contains(why), "{why}: {ran:?}");
        let left: Vec<_> = std::fs::read_dir(other.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("restore") || name == "nurtured.db")
            .collect();
        assert!(left.is_empty(), "{left:?}");
    };
    refused(None, 1, "there is no file night.db");
    refused(Some(b""), 1, "no database of nurtured");
    refused(Some(b"email\nann@a.example\n"), 1, "no sound backup");
    refused(Some(half), 1, "no sound backup");
    // Its keys are not there.
    std::fs::rename(other.path("nurtured.secrets"), other.path("lost")).unwrap();
    refused(Some(&sound), 3, "secrets file");
    // A copy that was taken out from under a daemon.
    other.write("night.db-wal", "");
    refused(Some(&sound), 1, "in use");
}

#[test]
fn a_database_that_came_back_by_other_means_is_made_ready_where_it_is() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    let report = site.json(&["restore", "--in-place", "--sent-until", &after(30)]);
    assert_eq!(report["in_doubt"], 1, "{report}");
    site.json(&["resume", "all"]);
    site.json(&["tick", "--now", &after(61)]);
    assert_eq!(sent(&site), ["Number one", "Number three"]);
    assert_eq!(site.run(&["restore"]).code, 2, "a file, or --in-place");
}

#[test]
fn what_is_held_back_here_may_have_been_sent_there() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    site.json(&["backup", "night.db"]);

    // First tried out with a line that lets mail to nobody out.
    let other = elsewhere(&site);
    let toml = std::fs::read_to_string(other.path("nurtured.toml")).unwrap();
    other.write("nurtured.toml", format!("{toml}[delivery]\nonly_to = [\"*@ours.example\"]\n"));
    let report = other.json(&["restore", "night.db", "--sent-until", &after(30)]);
    assert_eq!(report["in_doubt"], 1, "{report}");
    other.write("nurtured.toml", toml);
    other.json(&["resume", "all"]);
    other.json(&["tick", "--now", &after(61)]);
    assert_eq!(sent(&other), ["Number three"]);
}

#[test]
fn what_could_not_be_written_may_have_been_mended_and_sent() {
    for backup_at in [1, 26] {
        let site = three_mails();
        site.write(
            "templates/two.md",
            "---\nsubject: Number two\n---\n{{ code(\"spring\") }} {{ postal_address }} [stop]({{ unsubscribe_url }})\n",
        );
        site.json(&["apply"]);
        for hours in [1, 26] {
            let report = site.json(&["tick", "--now", &after(hours)]);
            assert_eq!(report["parked"], i32::from(hours == 26), "{report}");
            if hours == backup_at {
                site.json(&["backup", "night.db"]);
            }
        }
        let import = |site: &Site| {
            site.write("codes.txt", "ABC\n");
            site.json(&["codes", "import", "spring", "codes.txt"]);
        };
        import(&site);
        site.json(&["tick", "--now", &after(27)]);
        assert_eq!(sent(&site), ["Number one", "Number two"]);

        let other = elsewhere(&site);
        let report = other.json(&["restore", "night.db", "--sent-until", &after(30)]);
        assert_eq!(report["in_doubt"], 1, "{report}");
        import(&other);
        other.json(&["resume", "all"]);
        other.json(&["tick", "--now", &after(61)]);
        assert_eq!(sent(&other), ["Number three"], "backup at {backup_at}");
    }
}

/// A restore calls nobody; the daemon calls afterwards, and whoever was told of it before knows it by its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_called_since_is_called_again_by_the_same_key() {
    let crm = Crm::start(&[]).await;
    let site = three_mails();
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).unwrap();
    let hook = format!(
        "[webhook.crm]\nurl = \"http://127.0.0.1:{}/hook\"\nsecret_file = \"crm.secret\"\n\
         [egress]\nallow = [\"127.0.0.1\"]\n",
        crm.port
    );
    site.write("crm.secret", "secret\n");
    site.write("nurtured.toml", format!("{toml}{hook}"));
    let workflow = std::fs::read_to_string(site.path("workflows/hello.yaml")).unwrap();
    site.write("workflows/hello.yaml", workflow.replace("  - email: two", "  - webhook: crm"));
    site.json(&["apply"]);
    site.json(&["tick", "--now", &after(1)]);
    site.json(&["backup", "night.db"]);
    site.json(&["tick", "--now", &after(26)]);
    assert_eq!((sent(&site).len(), crm.calls().len()), (1, 1));

    let other = elsewhere(&site);
    for file in ["nurtured.toml", "crm.secret"] {
        std::fs::copy(site.path(file), other.path(file)).unwrap();
    }
    other.json(&["restore", "night.db", "--sent-until", &after(30)]);
    other.json(&["tick", "--now", &after(31)]);
    assert_eq!(crm.calls().len(), 1, "nobody is called meanwhile, nor while it is paused");
    other.json(&["resume", "all"]);
    other.json(&["tick", "--now", &after(32)]);
    let calls = crm.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].0["idempotency-key"], calls[1].0["idempotency-key"]);
    assert_eq!(calls[0].1, calls[1].1);
}

#[tokio::test]
async fn a_lead_that_was_parked_at_the_backup_may_have_been_written_to_since() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    let mut database = open(&site).await;
    let park = "INSERT INTO parked_leads (lead, reason, at) SELECT lead, 'broken', 0 FROM leads; \
                UPDATE lead_timer SET lane = 4, wake_at = 9223372036854775807";
    database.execute(park).await.unwrap();
    database.close().await.unwrap();
    let report = site.json(&["restore", "--in-place", "--sent-until", &after(30)]);
    assert_eq!(report["in_doubt"], 1, "{report}");
    site.json(&["resume", "all"]);
    site.json(&["tick", "--now", &after(61)]);
    assert_eq!(sent(&site), ["Number one", "Number three"]);
}

#[tokio::test]
async fn a_restore_that_does_not_come_to_its_end_leaves_everything_paused() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(1)]);
    site.json(&["pause", "hello"]);
    std::fs::rename(site.path("nurtured.secrets"), site.path("lost")).unwrap();
    assert_eq!(site.run(&["restore", "--in-place"]).code, 3);
    std::fs::rename(site.path("lost"), site.path("nurtured.secrets")).unwrap();
    site.json(&["resume", "hello"]);
    site.json(&["tick", "--now", &after(26)]);
    assert_eq!(sent(&site), ["Number one"]);

    // Who paused what, and since when, is as it was.
    site.json(&["pause", "hello"]);
    let before = pauses(&site).await;
    let report = site.json(&["restore", "--in-place", "--sent-until", &after(30)]);
    assert_eq!(report["in_doubt"], 1, "{report}");
    let after = pauses(&site).await;
    assert!(before == after && before.len() == 2, "{before:?}, {after:?}");
}

#[test]
fn what_root_brings_back_belongs_to_the_service() {
    let site = three_mails();
    site.json(&["backup", "night.db"]);
    let other = elsewhere(&site);
    let folder = std::fs::metadata(other.path("")).unwrap();
    if folder.uid() != 0 {
        skipped("whose a restored database is: only root gives files away");
        return;
    }
    chown(other.path(""), Some(65_534), Some(65_534)).unwrap();
    other.json(&["restore", "night.db"]);
    for name in ["nurtured.db", "nurtured.db.lock"] {
        let file = std::fs::metadata(other.path(name)).unwrap();
        assert_eq!(
            (file.uid(), file.gid(), file.mode() & 0o777),
            (65_534, 65_534, 0o600),
            "{name}"
        );
    }
}

#[test]
fn until_when_mails_were_sent_lies_between_the_last_act_and_now() {
    let site = three_mails();
    site.json(&["tick", "--now", &after(0)]);
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).unwrap();
    // Where mails are in earnest, time does not run ahead of the clock.
    let earnest = "host = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n[public]\nbase_url = \"http://127.0.0.1:1\"";
    site.write("nurtured.toml", toml.replace("folder = \"outbox\"", earnest));
    let day = |hours| after(hours)[..10].to_owned();
    for (until, why) in [
        (after(-48), "knows of something at"),
        (day(-48), "knows of something at"),
        (after(1), "nothing was sent after now"),
        (day(24), "nothing was sent after now"),
    ] {
        let ran = site.run(&["restore", "--in-place", "--sent-until", &until]);
        assert!(ran.code == 2 && ran.err.contains(why), "{until}: {ran:?}");
    }
    assert_eq!(site.json(&["status"])["paused"], serde_json::json!([]), "nothing was changed");
    let report = site.json(&["restore", "--in-place", "--sent-until", &day(0)]);
    let (until, now) = (at(report["sent_until"].as_str().unwrap()), at(&after(0)));
    assert!(until <= now && until > at(&after(-1)), "today, as far as it has come: {report}");

    // By a clock of its own, to the end of the day.
    site.write("nurtured.toml", toml);
    let report = site.json(&["restore", "--in-place", "--sent-until", &day(48)]);
    assert_eq!(report["sent_until"], format!("{}T23:59:59.999Z", day(48)));
}

#[test]
fn codes_that_were_given_since_are_told_of_where_there_are_any() {
    let site = three_mails();
    let ran = site.run(&["restore", "--in-place", "--nothing-sent"]);
    assert!(ran.code == 0 && !ran.out.contains("codes"), "{ran:?}");
    site.write("codes.txt", "ABC\n");
    site.json(&["codes", "import", "spring", "codes.txt"]);
    let ran = site.run(&["restore", "--in-place"]);
    assert!(ran.out.contains("codes given since then are free again (spring)"), "{ran:?}");
    assert_eq!(site.json(&["restore", "--in-place"])["code_pools"], serde_json::json!(["spring"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_on_a_server_is_not_restored_beside_a_daemon() {
    let Some(url) = postgres::fresh_database().await else { return postgres::skip() };
    let site = Site::campaign();
    let text = postgres::url_text(&url);
    let run = |arguments: &[&str]| site.run(&[&["--database", &text], arguments].concat());
    assert_eq!(run(&["migrate"]).code, 0);
    let daemon = Store::open(&url).await.unwrap();
    daemon.ping().await.unwrap();
    let ran = run(&["restore", "--in-place"]);
    assert!(ran.code == 3 && ran.err.contains("stop the daemon"), "{ran:?}");
    daemon.close().await;
    let ran = run(&["restore", "--in-place"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    postgres::drop_database(&url).await;
}
