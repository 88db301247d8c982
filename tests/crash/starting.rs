//! Starts that cannot succeed say why, and with which exit code; and a relay that is not there.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, time::Duration};

use nurtured::domain::message::MessageState;
use tokio::net::TcpSocket;

use super::{
    campaign::{CONNECTIONS, Campaign, MAILS, Tuning},
    invariants,
};
use crate::support::{
    daemon::Daemon,
    smtp::{Act, At, FakeSmtp, Script},
};

/// A campaign whose relay is not needed.
fn campaign() -> Campaign {
    Campaign::on_sqlite("127.0.0.1:9".parse().unwrap(), Tuning::default())
}

/// Starts it, and expects that it ends with `code` and says all of `words`.
fn fails(campaign: &Campaign, code: i32, words: &[&str]) {
    let Err(ended) = Daemon::launch(&campaign.folder()) else { panic!("it started: {words:?}") };
    assert_eq!(ended.code, Some(code), "{ended:#?}");
    let said = ended.log.join("\n");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    assert!(said.matches("os error").count() <= 1, "a cause is said twice: {said}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let campaign = campaign();
    for section in ["public", "console"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let of_others = campaign.config();
        let mine = format!("[{section}]\nlisten = \"{address}\"");
        campaign.set_config(
            &of_others.replace(&format!("[{section}]\nlisten = \"127.0.0.1:0\""), &mine),
        );
        fails(&campaign, 3, &[&address, &format!("[{section}] listen"), "choose another port"]);
        campaign.set_config(&of_others);
    }
    assert_eq!(campaign.start().stop().0.code, Some(0), "nothing was left behind");
}

#[test]
fn a_relay_folder_that_cannot_be_written_to_is_named() {
    let campaign = campaign();
    campaign.site.write("taken", "a file, not a folder");
    let by_smtp = campaign.config();
    let (relay, _) = by_smtp.split_once("[[relay]]").unwrap().1.split_once("[sender]").unwrap();
    campaign.set_config(&by_smtp.replace(relay, "\nname = \"files\"\nfolder = \"taken/outbox\"\n"));
    fails(&campaign, 3, &["relay `files`", "taken/outbox", "cannot be written to"]);
    assert_eq!(campaign.site.run(&["tick"]).code, 3);
    campaign.set_config(&by_smtp);
    assert_eq!(campaign.start().stop().0.code, Some(0), "nothing was left behind");
}

#[test]
fn a_second_engine_on_a_file_is_refused_and_the_first_goes_on() {
    let campaign = campaign();
    let first = campaign.start();
    fails(&campaign, 3, &["already running"]);
    let ran = campaign.site.run(&["tick"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("already running") && ran.err.contains("stop the daemon"), "{ran:?}");
    assert_eq!(first.stop().0.code, Some(0));
    // Killed, it leaves no lock behind.
    campaign.start().kill();
    let ran = campaign.site.run(&["tick"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_database_that_cannot_be_used_is_named() {
    let campaign = campaign();
    let config = campaign.config();
    campaign.site.write("not-a-database", "this is a letter, and no database\n".repeat(100));
    campaign.site.write("a-file", "");
    campaign.site.write("barred", "");
    fs::create_dir(campaign.site.path("barred-journal")).unwrap();
    for (path, word) in [
        ("no/such/folder/leads.db", "cannot create"),
        ("a-file/leads.db", "cannot create"),
        ("not-a-database", "not a database"),
        // As where the folder cannot be written to, also for who may write everywhere.
        ("barred", "its folder must be writable"),
    ] {
        campaign.set_config(&config.replace("sqlite:nurtured.db", &format!("sqlite:{path}")));
        fails(&campaign, 3, &[path, word]);
        let ran = campaign.site.run(&["status"]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains(path), "{ran:?}");
        assert_eq!(ran.err.contains("must be writable"), path == "barred", "{ran:?}");
    }
    let nobody = "postgres://nobody:hunter2@127.0.0.1:9/leads";
    campaign.set_config(&config.replace("sqlite:nurtured.db", nobody));
    let Err(ended) = Daemon::launch(&campaign.folder()) else { panic!("it started") };
    let said = ended.log.join("\n");
    assert_eq!(ended.code, Some(3), "{said}");
    assert!(said.contains("127.0.0.1:9/leads") && !said.contains("hunter2"), "{said}");
}

/// A database server behind a firewall that drops packets is like one that never says a word.
#[test]
fn a_start_that_waits_for_the_database_can_be_stopped() {
    let campaign = campaign();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://nobody@{}/leads", mute.local_addr().unwrap());
    campaign.set_config(&campaign.config().replace("sqlite:nurtured.db", &url));
    let run = Daemon::spawn(&campaign.folder());
    let connection = mute.accept().unwrap();
    let (ended, took) = run.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(connection);
}

#[test]
fn keys_that_are_lost_or_open_to_others_end_the_start() {
    let campaign = campaign();
    let secrets = campaign.site.path("nurtured.secrets");
    let set_mode = |mode| {
        fs::set_permissions(&secrets, fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(0o644);
    fails(&campaign, 3, &["nurtured.secrets", "644", "chmod 600"]);
    set_mode(0o600);
    assert_eq!(campaign.start().stop().0.code, Some(0));
    fs::write(&secrets, "identity = \"short\"\n").unwrap();
    fails(&campaign, 3, &["nurtured.secrets"]);
    fs::remove_file(&secrets).unwrap();
    fails(&campaign, 3, &["nurtured.secrets", "bring back"]);
    assert!(!secrets.exists(), "keys are never made anew for an old database");
}

#[test]
fn a_configuration_that_is_missing_or_wrong_is_not_the_environment() {
    let campaign = campaign();
    let config = campaign.config();
    campaign.set_config(&config.replace("[[relay]]", "[[relais]]"));
    fails(&campaign, 1, &["relais"]);
    fs::remove_file(campaign.site.path("nurtured.toml")).unwrap();
    fails(&campaign, 2, &["nurtured.toml", "--dir"]);
}

#[test]
fn a_zone_that_does_not_exist_is_found_by_check_and_never_goes_live() {
    let campaign = campaign();
    let policy = fs::read_to_string(campaign.site.path("workflows/policy.yaml")).unwrap();
    campaign.site.write("workflows/policy.yaml", policy.replace("zone: UTC", "zone: Europe/Roma"));
    for command in ["check", "apply"] {
        let ran = campaign.site.run(&[command]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("policy.yaml:2") || ran.out.contains("policy.yaml:2"), "{ran:?}");
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("Europe/Roma") && said.contains("Europe/Rome"), "{ran:?}");
    }
    assert_eq!(campaign.start().stop().0.code, Some(0), "what was live still is");
}

#[test]
fn a_password_that_cannot_be_read_is_named_with_one_reason() {
    let campaign = campaign();
    let login = "tls = \"none\"\nuser = \"ada\"\npassword_file = \"no-password\"";
    campaign.set_config(&campaign.config().replace("tls = \"none\"", login));
    fails(&campaign, 3, &["no-password cannot be read: No such file", "os error 2"]);
}

/// Lines that a person would read.
fn loud(log: &[String]) -> Vec<&String> {
    log.iter().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect()
}

const SINK_UP: &str = "nurtured_relay_up{relay=\"sink\"}";

#[tokio::test]
async fn a_relay_that_refuses_its_port_is_told_of_at_the_first_mail() {
    let refuses = TcpSocket::new_v4().unwrap();
    refuses.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut campaign = Campaign::on_sqlite(refuses.local_addr().unwrap(), Tuning::default());
    let daemon = campaign.start();
    assert_eq!(daemon.figure(SINK_UP).await, 1);
    campaign.add_leads(1);
    daemon.until_logged("the relay is down");
    assert_eq!(daemon.figure(SINK_UP).await, 0);
    let log = daemon.log();
    let [line] = loud(&log)[..] else { panic!("{log:#?}") };
    for word in ["ERROR", "sink", "connect: Connection refused"] {
        assert!(line.contains(word), "`{word}` is not in: {line}");
    }
    assert!(!line.contains("example.com"), "{line}");
    assert_eq!(daemon.stop().0.code, Some(0));
}

#[tokio::test]
async fn a_relay_folder_that_is_gone_while_it_runs_is_told_of() {
    let mut campaign = campaign();
    let by_smtp = campaign.config();
    let (relay, _) = by_smtp.split_once("[[relay]]").unwrap().1.split_once("[sender]").unwrap();
    campaign.set_config(&by_smtp.replace(relay, "\nname = \"sink\"\nfolder = \"outbox\"\n"));
    let daemon = campaign.start();
    fs::remove_dir(campaign.site.path("outbox")).unwrap();
    campaign.site.write("outbox", "a file, not a folder");
    campaign.add_leads(1);
    daemon.until_logged("the relay is down");
    assert_eq!(daemon.figure(SINK_UP).await, 0);
    let log = daemon.log();
    let [line] = loud(&log)[..] else { panic!("{log:#?}") };
    assert!(line.contains("outbox cannot be written to"), "{line}");
    assert_eq!(daemon.stop().0.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_relay_it_runs_says_so_once_and_loses_nothing() {
    // It listens, so that attempts can be counted, and hangs up at once.
    let absent = Script::new()
        .on(|moment| if moment.at == At::Connect { Act::HangUp } else { Act::Default });
    let (addr, relay) = FakeSmtp::start(absent).await;
    let mut campaign = Campaign::on_sqlite(addr, Tuning::default());
    campaign.add_leads(200);
    let daemon = campaign.start();
    daemon.until_logged("the relay is down");
    assert_eq!(daemon.figure(SINK_UP).await, 0);
    campaign.until_nothing_moves().await;
    assert_eq!(daemon.console("/live").await.0, reqwest::StatusCode::OK);
    assert_eq!(daemon.console("/ready").await.0, reqwest::StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (connects, log) = (relay.connections(), daemon.log());
    assert!(connects <= 2 * CONNECTIONS, "{connects} connects");
    assert!(loud(&log).len() <= 2, "{:#?}", loud(&log));
    let (ended, took) = daemon.stop();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let stories = campaign.stories().await;
    let lost = stories
        .iter()
        .flat_map(|story| &story.messages)
        .find(|message| !matches!(message.state, MessageState::Reserved | MessageState::Deferred));
    assert!(lost.is_none(), "{lost:?}");
    assert_eq!(stories.iter().map(|story| story.messages.len()).sum::<usize>(), 200);

    // With another relay, what was not tried yet goes out at once, and nothing was in doubt.
    let (addr, there) = FakeSmtp::start(Script::new()).await;
    campaign.set_relay(addr);
    let daemon = campaign.start();
    campaign.until_quiet().await;
    daemon.stop();
    assert!(there.count() >= MAILS, "{}", there.count());
    invariants::check_all(&campaign, &[&there], MAILS, 0, "no relay at first").await;
}
