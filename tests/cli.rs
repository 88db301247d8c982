//! The contract of the command line: exit codes, and standard output for the result alone.

use nurtured::{
    engine::releasing,
    store::{DatabaseUrl, Store},
};

use crate::support::site::{POLICY, Site};

#[test]
fn help_and_version_are_results() {
    let site = Site::bare();
    for arguments in [&["--help"][..], &["--version"], &["leads", "import", "--help"]] {
        let ran = site.run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(!ran.out.is_empty());
    }
}

#[test]
fn wrong_usage_is_exit_2_with_nothing_on_standard_output() {
    let site = Site::new();
    for arguments in [
        &["--no-such-option"][..],
        &["no-such-command"],
        &["leads", "import"],
        &["leads", "import", "a.csv", "--basis", "hope"],
        &["pause"],
        &[],
    ] {
        let ran = site.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(!ran.err.is_empty());
    }
}

#[test]
fn without_a_configuration_it_says_where_it_looked() {
    let site = Site::bare();
    let ran = site.run(&["status"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("nurtured.toml")
            && ran.err.contains("nurtured init DIR")
            && ran.err.contains("--dir"),
        "{ran:?}"
    );
    let ran = site.run(&["--config", "elsewhere.toml", "status"]);
    assert!(ran.code == 2 && ran.err.contains("elsewhere.toml"), "{ran:?}");
}

#[test]
fn a_wrong_configuration_is_exit_1_with_every_place() {
    let site = Site::bare();
    site.write("nurtured.toml", "[databse]\nurl = \"x\"\n[log]\nformat = \"xml\"\n");
    let ran = site.run(&["status"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("nurtured.toml:1:2") && ran.err.contains("nurtured.toml:4:10"),
        "{ran:?}"
    );
}

#[test]
fn only_migrate_makes_a_database() {
    let site = Site::new();
    for arguments in
        [&["status"][..], &["leads", "show", "a@b.example"], &["leads", "import", "a.csv"]]
    {
        let ran = site.run(arguments);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.err.contains("nurtured migrate"), "{ran:?}");
        assert!(!site.path("nurtured.db").exists());
    }
    assert_eq!(site.run(&["migrate"]).code, 0);
    assert!(site.path("nurtured.db").exists());
    assert_eq!(site.run(&["status"]).code, 0);
}

#[test]
fn a_failure_under_json_is_one_document_too() {
    let site = Site::new();
    let ran = site.run(&["--json", "status"]);
    assert_eq!(ran.code, 3);
    let document = ran.document();
    assert_eq!(document["error"]["code"], 3);
    assert!(document["error"]["message"].as_str().is_some_and(|text| text.contains("migrate")));
}

#[test]
fn migrate_is_harmless_when_repeated_and_says_what_it_did() {
    let site = Site::new();
    let first = site.json(&["migrate"]);
    assert_eq!(first["secrets_created"], true);
    assert!(!first["applied"].as_array().expect("a list").is_empty());
    let secrets = std::fs::read(site.path("nurtured.secrets")).expect("made");
    let again = site.json(&["migrate"]);
    assert_eq!(again["secrets_created"], false);
    assert_eq!(again["applied"], serde_json::json!([]));
    assert_eq!(std::fs::read(site.path("nurtured.secrets")).expect("kept"), secrets);
}

#[cfg(unix)]
#[test]
fn the_secrets_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::migrated();
    let file = site.path("nurtured.secrets");
    let mode = std::fs::metadata(&file).expect("made").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("set");
    let ran = site.run(&["migrate"]);
    assert_eq!(ran.code, 3, "{ran:?}");
}

#[test]
fn lost_secrets_are_not_silently_remade() {
    let site = Site::migrated();
    let file = site.path("nurtured.secrets");
    std::fs::remove_file(&file).expect("removed");
    let ran = site.run(&["migrate"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("--new-secrets") && !file.exists(), "{ran:?}");
    assert_eq!(site.run(&["migrate", "--new-secrets"]).code, 0);
    assert!(file.exists());
}

#[test]
fn new_secrets_are_not_made_over_those_that_are_there() {
    let site = Site::migrated();
    let secrets = std::fs::read(site.path("nurtured.secrets")).expect("made");
    let ran = site.run(&["migrate", "--new-secrets"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("nurtured.secrets") && ran.err.contains("move"), "{ran:?}");
    assert_eq!(std::fs::read(site.path("nurtured.secrets")).expect("kept"), secrets);
}

/// As under systemd, where the service alone gets its credentials.
#[test]
fn a_credential_is_asked_for_by_who_needs_it() {
    let site = Site::campaign();
    site.write(
        "nurtured.toml",
        "[public]\nbase_url = \"http://127.0.0.1:1\"\n\
         [[relay]]\nname = \"main\"\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nuser = \"u\"\n\
         password_file = \"credential:relay-password\"\n\
         [sender]\nfrom = \"Ada <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
         postal_address = \"Via Roma 1, 20121 Milano\"\n",
    );
    for arguments in [&["migrate"][..], &["apply"], &["pause", "all"], &["status"], &["check"]] {
        assert_eq!(site.run(arguments).code, 0, "{arguments:?}");
    }
    let ran = site.run(&["tick"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("credential:relay-password"), "{ran:?}");
    site.write("given/relay-password", "secret\n");
    let given = site.path("given").display().to_string();
    let ran = site.run_with(&["tick"], &[("CREDENTIALS_DIRECTORY", &given)], "");
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_set_up_that_could_not_write_the_secrets_can_be_done_again() {
    let site = Site::new();
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).expect("a file");
    site.write("nurtured.toml", format!("{toml}[secrets]\nfile = \"no/such/folder/keys\"\n"));
    let ran = site.run(&["migrate"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.err.contains("no/such/folder/keys") && ran.err.contains("[secrets] file"),
        "{ran:?}"
    );
    site.write("nurtured.toml", toml);
    assert_eq!(site.json(&["migrate"])["secrets_created"], true);
}

#[test]
fn the_database_can_be_named_by_option_and_environment() {
    let site = Site::bare();
    let url = "sqlite:other.db";
    assert_eq!(site.run_with(&["migrate"], &[("NURTURED_DATABASE", url)], "").code, 0);
    assert!(site.path("other.db").exists());
    assert_eq!(site.run(&["--database", url, "status"]).code, 0);
    let ran = site.run(&["--database", "mysql://u:hunter2@h/d", "status"]);
    assert_eq!(ran.code, 2);
    assert!(!ran.err.contains("hunter2"), "{ran:?}");
}

#[test]
fn a_database_that_cannot_be_made_is_exit_3() {
    let site = Site::new();
    let ran = site.run(&["--database", "sqlite:/proc/no/such/folder/n.db", "migrate"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let ran = site.run(&["--database", "postgres://nobody@127.0.0.1:1/none", "status"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    // Which file, and what the system says.
    std::fs::create_dir(site.path("n.db")).expect("a folder");
    let ran = site.run(&["--database", "sqlite:n.db", "status"]);
    assert!(ran.code == 3 && ran.err.contains("cannot open n.db: Is a directory"), "{ran:?}");
    let file = site.write("file", "");
    let ran = site.run(&["--database", &format!("sqlite:{}/n.db", file.display()), "status"]);
    assert!(ran.code == 3 && ran.err.contains("/n.db: Not a directory"), "{ran:?}");
}

#[test]
fn status_counts_what_is_there() {
    let site = Site::migrated();
    site.write("leads.csv", "email,lifecycle stage\na@b.example,lead\nc@d.example,customer\n");
    site.json(&["leads", "import", "leads.csv"]);
    let status = site.json(&["status"]);
    assert_eq!(status["leads"], 2);
    assert_eq!(status["by_stage"]["customer"], 1);
    assert_eq!(status["rehearsal"], false);
}

#[test]
fn segments_are_counted_before_they_are_live() {
    let site = Site::live();
    site.write(
        "leads.csv",
        "email,country\na@b.example,Italy\nc@d.example,Italy\ne@f.example,Austria\n",
    );
    site.json(&["leads", "import", "leads.csv"]);
    site.run(&["tick"]);
    site.write(
        "events.csv",
        "email,at,event,object\na@b.example,2024-02-01T10:00:00Z,page_visited,/roadmap\n",
    );
    site.json(&["events", "import", "events.csv"]);
    site.run(&["tick"]);
    let segments =
        "segments:\n  italians: country == \"Italy\"\n  planners: visited(\"/roadmap\")\n";
    site.write("workflows/segments.yaml", segments);
    let counted = site.run(&["segments", "--show", "1"]);
    assert_eq!(
        counted.out,
        " Segment    In it   Unknown \n\
         ────────────────────────────\n \
         italians   2       0       \n \
         planners   1       2       \n\n\
         Of 3 leads, by what is known of each.\n\
         Unknown: an attribute is missing, or their behaviour may not be looked at.\n\n\
         italians\n  a@b.example\n  and 1 more\n\n\
         planners\n  a@b.example\n"
    );
    site.json(&["apply"]);
    site.run(&["tick"]);
    site.write("workflows/segments.yaml", segments.replace("\"Italy\"", "\"Austria\""));
    let counted = &site.json(&["segments", "italians"])["segments"][0];
    assert_eq!(
        (&counted["members"], &counted["entering"], &counted["leaving"]),
        (&1.into(), &1.into(), &2.into())
    );
    let live = &site.json(&["segments", "italians", "--live"])["segments"][0];
    assert_eq!((&live["members"], &live["entering"]), (&2.into(), &0.into()));
    let when = site.json(&["segments", "--when", "in_segment(\"italians\") or visited()"]);
    assert_eq!(when["segments"][0]["members"], 2);
    assert!(when["segments"][0]["entering"].is_null());
    let wrong = site.run(&["segments", "romans"]);
    assert!(wrong.code == 1 && wrong.err.contains("italians"), "{wrong:?}");
    let wrong = site.run(&["segments", "--when", "visitd()"]);
    assert!(wrong.code == 1 && wrong.err.contains("visited"), "{wrong:?}");
}

#[test]
fn a_lead_is_shown_with_the_names_that_scripts_lean_on() {
    let site = Site::live();
    site.write(
        "leads.csv",
        "email,first_name,country,consent,consent_date,unsubscribed\n\
         Ann@Example.com,Ann,Italy,Yes,2024-01-03,false\n",
    );
    site.write(
        "events.csv",
        "email,at,event,object\nann@example.com,2024-02-01T10:00:00Z,page_visited,/pricing\n",
    );
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights", "--source", "crm"]);
    site.json(&["events", "import", "events.csv"]);
    let lead = site.json(&["leads", "show", "ANN@example.com"]);
    for name in [
        "email",
        "stage",
        "fit",
        "engagement",
        "temperature",
        "tags",
        "consents",
        "suppressed",
        "enrolments",
        "messages",
        "timeline",
    ] {
        assert!(lead.get(name).is_some(), "no {name} in {lead}");
    }
    assert_eq!(lead["email"], "ann@example.com");
    assert_eq!(lead["stage"], "lead");
    assert_eq!(lead["suppressed"], serde_json::Value::Null);
    assert_eq!(lead["attributes"]["country"], "Italy");
    assert_eq!(lead["consents"][0]["purpose"], "insights");
    assert_eq!(lead["consents"][0]["basis"], "consent");
    assert_eq!(lead["consents"][0]["at"], "2024-01-03T00:00:00Z");
    assert_eq!(lead["consents"][0]["source"], "crm");
    let timeline = lead["timeline"].as_array().expect("a list");
    let visit = timeline.iter().find(|line| line["kind"] == "page.visited").expect("the visit");
    assert_eq!(visit["at"], "2024-02-01T10:00:00Z");
    assert_eq!(visit["object"], "/pricing");

    let text = site.run(&["leads", "show", "ann@example.com"]);
    assert!(
        text.out.contains("ann@example.com   Ann") && text.out.contains("/pricing"),
        "{}",
        text.out
    );
    assert!(!text.out.contains('\u{1b}'), "colour in a pipe");
}

#[test]
fn an_unknown_lead_is_exit_1() {
    let site = Site::migrated();
    let ran = site.run(&["leads", "show", "nobody@example.com"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert_eq!(site.run(&["leads", "show", "not an address"]).code, 2);
    assert_eq!(site.run(&["why-score", "nobody@example.com"]).code, 1);
}

#[test]
fn what_needs_a_release_says_so() {
    let site = Site::migrated();
    site.write("in.csv", "email,consent\nann@a.example,yes\n");
    let import = ["leads", "import", "in.csv", "--purpose", "insights"];
    for arguments in [&["enrol", "w", "a@b.example"][..], &["pause", "w"], &import] {
        let ran = site.run(arguments);
        assert!(ran.code == 1 && ran.err.contains("nurtured apply"), "{ran:?}");
        assert_eq!(site.json(&["status"])["leads"], 0);
    }
}

#[test]
fn everything_can_be_paused_and_taken_up_again() {
    let site = Site::migrated();
    assert_eq!(site.run(&["resume", "all"]).code, 1);
    assert_eq!(site.json(&["pause", "all"])["pauses"][0]["scope"], "all");
    assert_eq!(site.json(&["status"])["paused"], serde_json::json!(["all"]));
    assert_eq!(site.json(&["resume", "all"])["pauses"], serde_json::json!([]));
}

#[test]
fn a_lead_a_company_and_a_relay_can_be_paused_with_a_reason() {
    let site = Site::live();
    site.write("in.csv", "email,consent,consent date\nann@acme.example,yes,2026-01-02\n");
    assert_eq!(site.run(&["leads", "import", "in.csv", "--purpose", "insights"]).code, 0);
    let ann = "ann@acme.example";
    let paused = site.json(&["pause", "--lead", ann, "--because", "in talks"]);
    let scope = paused["scope"].as_str().unwrap();
    assert_eq!(paused["pauses"][0]["because"], "in talks");
    let id = scope.strip_prefix("lead:").unwrap();
    assert_eq!(site.json(&["pause", "--account", ann])["scope"], "account:@acme.example");
    assert_eq!(site.json(&["pause", "--relay", "files"])["scope"], "relay:files");
    let said = site.run(&["status"]);
    for line in [
        format!("  the lead {id}, since "),
        "  the company @acme.example, since ".to_owned(),
        "  the relay files, since ".to_owned(),
        ": in talks".to_owned(),
    ] {
        assert!(said.out.contains(&line), "{line}: {}", said.out);
    }
    for (arguments, why) in [
        (&["pause", "--relay", "none"][..], "there are: files"),
        (&["pause", "--lead", "x"], "its address, or its ID"),
        (&["pause", "--lead", "nobody@acme.example"], "there is no lead"),
        (&["pause", "all", "--lead", id], "cannot be used with"),
        (&["pause"], "required"),
    ] {
        let ran = site.run(arguments);
        assert!(ran.code > 0 && ran.err.contains(why), "{arguments:?}: {ran:?}");
    }
    assert_eq!(site.json(&["resume", "--lead", id])["pauses"].as_array().unwrap().len(), 2);
    site.json(&["resume", "--account", "@acme.example"]);
    assert_eq!(site.json(&["resume", "--relay", "files"])["pauses"], serde_json::json!([]));
}

#[test]
fn apply_asks_before_many_leads_come_in_at_once() {
    let site = Site::live();
    site.write(
        "in.csv",
        "email,consent,consent date\nann@acme.example,yes,2026-01-02\nbob@b.example,yes,2026-01-02\n",
    );
    assert_eq!(site.run(&["leads", "import", "in.csv", "--purpose", "insights"]).code, 0);
    let policy = std::fs::read_to_string(site.path("workflows/campaign.yaml")).unwrap();
    site.write("workflows/campaign.yaml", format!("{policy}  guards: {{ audience: 1 }}\n"));
    site.write(
        "workflows/all.yaml",
        "workflow: all-of-them\npurpose: insights\nenter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: hello\n",
    );
    let refused = site.run(&["apply"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(
        refused.err.contains("`all-of-them` would take in up to 2 leads at once"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("nurtured apply --audience 2"), "{}", refused.err);
    // Nor does it come in by a signal, with nobody to ask.
    let by_itself = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let folder = site.path("");
        let store = Store::open(&DatabaseUrl::parse("sqlite:nurtured.db", &folder).unwrap()).await;
        let (store, now) = (store.unwrap(), "2027-01-01T12:00:00Z".parse().unwrap());
        let applied = releasing::apply_folder(&store, &folder, "auto_apply", "SIGHUP", now).await;
        store.close().await;
        applied.unwrap_err().to_string()
    });
    assert!(by_itself.contains("`policy.guards.audience` lets in 1 unasked"), "{by_itself}");
    assert_eq!(site.json(&["tick"])["decided"], 2, "by what was live before");
    assert_eq!(site.json(&["status"])["enrolments_active"], 0);
    assert_eq!(site.json(&["apply", "--audience", "2"])["changed"], true);
    assert_eq!(site.run(&["apply"]).code, 0, "just this is live");
}

#[test]
fn cancelling_asks_and_says_how_many() {
    let site = Site::live();
    site.write(
        "in.csv",
        "email,consent,consent date\nann@acme.example,yes,2026-01-02\nbob@b.example,yes,2026-01-02\n",
    );
    assert_eq!(site.run(&["leads", "import", "in.csv", "--purpose", "insights"]).code, 0);
    site.json(&["pause", "all"]);
    site.json(&["enrol", "hello", "ann@acme.example", "bob@b.example"]);
    site.json(&["tick"]);
    let refused = site.run(&["cancel", "hello"]);
    assert_eq!(refused.code, 4);
    assert!(refused.err.contains("takes 2 leads out of the workflow hello"), "{}", refused.err);
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    assert_eq!(site.json(&["status"])["enrolments_active"], 2);
    let one = site.json(&["cancel", "hello", "--lead", "ann@acme.example", "--yes"]);
    assert_eq!(one["leads"], 1);
    let ran = site.run(&["cancel", "all", "--yes", "--because", "a mistake"]);
    assert!(ran.out.starts_with("2 leads taken out"), "{}", ran.out);
    site.json(&["tick"]);
    let status = site.json(&["status"]);
    assert_eq!(
        (&status["enrolments_active"], &status["messages"]["cancelled"]),
        (&0.into(), &2.into())
    );
    let shown = site.run(&["leads", "show", "bob@b.example"]);
    assert!(shown.out.contains("a mistake"), "{}", shown.out);
    assert_eq!(site.run(&["cancel", "none", "--yes"]).code, 1);
    assert_eq!(site.run(&["cancel", "--yes"]).code, 2);
    let nobody = site.run(&["cancel", "hello"]);
    assert!(nobody.code == 0 && nobody.out.contains("Nobody"), "{nobody:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let site = Site::migrated();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nurtured"));
    command.current_dir(site.path("")).arg("status");
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), err.as_str()), (Some(0), ""));
}

#[test]
fn a_tick_that_could_not_reach_the_relay_says_why_and_ends_with_3() {
    let site = Site::campaign();
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let number = port.local_addr().expect("an address").port();
    drop(port);
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).expect("a file").replace(
        "folder = \"outbox\"",
        &format!("host = \"127.0.0.1\"\nport = {number}\ntls = \"none\""),
    );
    site.write("nurtured.toml", format!("{toml}[public]\nbase_url = \"http://127.0.0.1:1\"\n"));
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("in.csv", "email,consent\nann@a.example,yes\n");
    site.json(&["leads", "import", "in.csv", "--purpose", "insights"]);
    site.json(&["enrol", "hello", "ann@a.example"]);
    let ran = site.run(&["--json", "tick"]);
    assert_eq!((ran.code, &ran.document()["deferred"]), (3, &serde_json::json!(1)), "{ran:?}");
    assert!(ran.err.contains("connect: Connection refused"), "{ran:?}");
    let ran = site.run(&["tick", "--now", "tomorrow"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("2027-03-28"), "{ran:?}");
}

/// A campaign whose mails are real: a relay by SMTP, where nobody listens.
fn in_earnest(site: &Site) {
    let toml = std::fs::read_to_string(site.path("nurtured.toml")).expect("a file").replace(
        "folder = \"outbox\"",
        "host = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n[public]\nbase_url = \"http://127.0.0.1:1\"",
    );
    site.write("nurtured.toml", toml);
}

fn instant_after(minutes: i64) -> String {
    let now = nurtured::clock::Clock::System.now();
    nurtured::domain::time::Instant::from_millis(now.millis() + minutes * 60_000).to_string()
}

#[test]
fn a_pass_ahead_of_the_clock_is_for_rehearsals_and_for_files() {
    let ahead = instant_after(2);
    for (real, rehearsal, code) in
        [(true, false, 2), (true, true, 0), (false, false, 0), (false, true, 0)]
    {
        let site = Site::campaign();
        if real {
            in_earnest(&site);
        }
        let migrate: &[&str] = if rehearsal { &["migrate", "--rehearsal"] } else { &["migrate"] };
        site.json(migrate);
        site.json(&["apply"]);
        let ran = site.run(&["tick", "--now", &ahead]);
        assert_eq!(ran.code, code, "real: {real}, rehearsal: {rehearsal}: {ran:?}");
        assert!(code == 0 || ran.err.contains("ahead of the clock"), "{ran:?}");
    }
}

/// What cron began at the full hour and the machine got round to minutes later; and much later.
#[test]
fn a_pass_at_an_instant_that_is_over_is_made_by_the_clock_where_mails_are_real() {
    let site = Site::campaign();
    in_earnest(&site);
    // Open for ten hours of the day, of which now is none.
    let now = nurtured::clock::Clock::System.now().timestamp().to_zoned(jiff::tz::TimeZone::UTC);
    let (window, hours) = if now.hour() < 12 {
        ("13:00-23:00", now.hour() + 6)
    } else {
        ("01:00-11:00", now.hour() - 6)
    };
    site.write(
        "workflows/hello.yaml",
        format!(
            "workflow: hello\npurpose: insights\nenter:\n  event: lead.imported\n\
             send:\n  window: mon-sun {window}\nsteps:\n  - email: hello\n"
        ),
    );
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("in.csv", "email,zone,consent\nann@a.example,UTC,yes\n");
    site.json(&["leads", "import", "in.csv", "--purpose", "insights"]);
    for minutes in [2, 60 * i64::from(hours)] {
        let report = site.json(&["tick", "--now", &instant_after(-minutes)]);
        assert_eq!((&report["sent"], &report["failed"]), (&0.into(), &0.into()), "{report}");
    }
    let lead = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(lead["messages"], serde_json::json!([]));
    let last = lead["timeline"].as_array().and_then(|lines| lines.last()).expect("a line");
    assert_eq!(last["kind"], "decision.held");
    assert!(last["detail"].as_str().is_some_and(|why| why.contains("outside of the window")));
}

#[test]
fn check_says_every_problem_and_exits_with_1() {
    let site = Site::campaign();
    let ran = site.run(&["--json", "check"]);
    assert_eq!((ran.code, &ran.document()["problems"]), (0, &serde_json::json!([])), "{ran:?}");
    assert_eq!(site.run(&["check"]).out, "1 workflow, 0 segments, 1 mail: no problems.\n");
    site.write("templates/hello.md", "---\nsubject: Hi\n---\nHello {{ frist_name }}\n\n{{ postal_address }} [stop]({{ unsubscribe_url }})\n");
    site.write(
        "workflows/bad.yaml",
        "workflow: bad\npurpose: insigts\nenter:\n  by_hand: yes\nsteps:\n  - email: helo\n",
    );
    let ran = site.run(&["--json", "check"]);
    assert_eq!(ran.code, 1);
    let document = ran.document();
    let problems = document["problems"].as_array().expect("a list");
    let places: Vec<(String, u64)> = problems
        .iter()
        .map(|p| {
            (p["file"].as_str().expect("a file").to_owned(), p["line"].as_u64().expect("a line"))
        })
        .collect();
    for wanted in [("workflows/bad.yaml", 2), ("workflows/bad.yaml", 6), ("templates/hello.md", 4)]
    {
        assert!(
            places.contains(&(wanted.0.to_owned(), wanted.1)),
            "{wanted:?} not in {problems:#?}"
        );
    }
    for name in ["file", "line", "column", "rule", "severity", "message", "hint"] {
        assert!(problems[0].get(name).is_some(), "no {name}");
    }
    let human = site.run(&["check"]);
    assert!(human.out.contains('^') && human.out.contains("insights"), "{}", human.out);
    let ran = site.run(&["--dir", "nowhere", "check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn apply_makes_a_release_once_and_never_a_wrong_one() {
    let site = Site::campaign();
    assert_eq!(site.run(&["apply"]).code, 3, "no database yet");
    site.json(&["migrate"]);
    let first = site.json(&["apply"]);
    assert_eq!(
        (&first["changed"], &first["workflows"]),
        (&serde_json::json!(true), &serde_json::json!(["hello"]))
    );
    assert!(first["release"].is_string(), "no reader may round it: {first}");
    let again = site.json(&["apply"]);
    assert_eq!(
        (&again["changed"], &again["release"]),
        (&serde_json::json!(false), &first["release"])
    );
    site.write("workflows/hello.yaml", "workflow: hello\n");
    let ran = site.run(&["--json", "apply"]);
    assert_eq!((ran.code, &ran.document()["changed"]), (1, &serde_json::json!(false)));
    assert!(site.json(&["status"])["live_since"].is_string());
}

#[test]
fn a_deleted_workflow_goes_on_for_those_inside_and_can_be_paused() {
    let site = Site::campaign();
    let stays =
        "workflow: stays\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - wait: 3d\n";
    site.write("workflows/stays.yaml", stays);
    site.json(&["migrate"]);
    assert_eq!(site.json(&["apply"])["no_longer_entered"], serde_json::json!([]));
    site.write("in.csv", "email,consent\nann@a.example,yes\nbob@a.example,yes\n");
    site.json(&["leads", "import", "in.csv", "--purpose", "insights"]);
    site.json(&["enrol", "stays", "ann@a.example", "bob@a.example"]);
    site.json(&["tick"]);
    for gone in ["hello", "stays"] {
        std::fs::remove_file(site.path(&format!("workflows/{gone}.yaml"))).expect("removed");
    }
    let ran = site.run(&["apply"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(lines[0].ends_with("is live: no workflow."), "{ran:?}");
    assert_eq!(
        lines[1..],
        [
            "Nobody enters hello any more: nobody is inside.",
            "Nobody enters stays any more: 2 leads are inside and go on.",
        ]
    );
    // Of those that went with an earlier release it is said while anybody is inside.
    assert_eq!(
        site.json(&["apply"])["no_longer_entered"],
        serde_json::json!([{ "workflow": "stays", "inside": 2 }])
    );
    assert_eq!(site.json(&["pause", "stays"])["pauses"][0]["scope"], "stays");
    assert_eq!(site.json(&["resume", "stays"])["pauses"], serde_json::json!([]));
    let ran = site.run(&["pause", "hello"]);
    assert!(ran.code == 1 && ran.err.contains("there are: stays"), "{ran:?}");
}

#[test]
fn a_lead_is_enrolled_by_hand() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("leads.csv", "email\nann@a.example\n");
    site.json(&["leads", "import", "leads.csv"]);
    assert_eq!(site.json(&["enrol", "hello", "Ann@a.example"])["requested"], 1);
    let ran = site.run(&["--json", "enrol", "hello", "nobody@a.example"]);
    assert_eq!(
        (ran.code, &ran.document()["unknown"][0]),
        (1, &serde_json::json!("nobody@a.example"))
    );
    let ran = site.run(&["enrol", "helo", "ann@a.example"]);
    assert!(ran.code == 1 && ran.err.contains("hello"), "{ran:?}");
    // The purpose of an import must be one that is live.
    let ran = site.run(&["leads", "import", "leads.csv", "--purpose", "insigts"]);
    assert!(ran.code == 1 && ran.err.contains("insights"), "{ran:?}");
}

#[test]
fn mails_in_doubt_are_named_to_be_settled() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    assert!(site.run(&["doubt"]).out.contains("No mail is in doubt."));
    assert_eq!(site.json(&["doubt", "sent", "--all"])["settled"], 0);
    let ran = site.run(&["doubt", "lost", "17"]);
    assert!(ran.code == 1 && ran.out.contains("No mail 17 is in doubt."), "{ran:?}");
    for wrong in [
        &["doubt", "lost"][..],
        &["doubt", "--all"],
        &["doubt", "17"],
        &["doubt", "sent", "17", "--all"],
    ] {
        assert_eq!(site.run(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn what_the_command_line_names_and_is_not_there_is_exit_1() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("leads.csv", "email\nann@a.example\n");
    site.json(&["leads", "import", "leads.csv"]);
    let ann = ["--lead", "ann@a.example"];
    for (arguments, missing) in [
        (&["leads", "show", "bob@a.example"][..], "no lead bob@a.example"),
        (&["why-score", "bob@a.example"], "no lead bob@a.example"),
        (&["eval", "true", "--lead", "bob@a.example"], "no lead bob@a.example"),
        (&["eval", "true", "--context", "none.json"], "no file none.json"),
        (&["render", "hello", "--lead", "bob@a.example"], "no lead bob@a.example"),
        (&[&["render", "helo"], &ann[..]].concat(), "no mail `helo`"),
        (
            &[&["render", "hello", "--workflow", "w"], &ann[..]].concat(),
            "no workflow `w` that sends hello",
        ),
        (&[&["send-test", "helo", "--to", "a@b.example"], &ann[..]].concat(), "no mail `helo`"),
        (&["enrol", "w", "ann@a.example"], "no workflow `w`"),
        (&["pause", "w"], "no workflow `w`"),
        (&["resume", "w"], "`w` is not paused"),
        (&["leads", "import", "leads.csv", "--purpose", "news"], "no purpose `news`"),
        (&["leads", "import", "none.csv"], "no file none.csv"),
        (&["events", "import", "none.csv"], "no file none.csv"),
        (&["suppressions", "import", "none.csv"], "no file none.csv"),
    ] {
        let ran = site.run(arguments);
        assert!(ran.code == 1 && ran.err.contains(missing), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_mail_of_several_workflows_is_rendered_as_the_first_by_name_sends_it() {
    let site = Site::campaign();
    let another = |name: &str, priority| {
        let text = format!(
            "workflow: {name}\npriority: {priority}\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - email: hello\n"
        );
        site.write(&format!("workflows/{name}.yaml"), text);
    };
    another("a-second", 10);
    another("zero", 99);
    site.json(&["migrate"]);
    site.write("leads.csv", "email\nann@a.example\n");
    site.json(&["leads", "import", "leads.csv"]);
    for (arguments, sender) in [(&[][..], "a-second"), (&["--workflow", "zero"], "zero")] {
        let render = ["render", "hello", "--lead", "ann@a.example", "--eml"];
        let ran = site.run(&[&render[..], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(&format!("<{sender}.bounce.example.com>")), "{}", ran.out);
    }
}

#[test]
fn status_says_why_mails_are_deferred() {
    let site = Site::live();
    in_earnest(&site);
    site.write("leads.csv", "email,consent,consent_date\nann@a.example,yes,2026-01-02\n");
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    site.json(&["enrol", "hello", "ann@a.example"]);
    assert_eq!(site.json(&["status"])["deferred"], serde_json::json!([]));
    assert_eq!(site.run(&["tick"]).code, 3);
    let deferred = &site.json(&["status"])["deferred"];
    assert_eq!(deferred[0]["number"], 1, "{deferred}");
    let reason = deferred[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("connect: Connection refused"), "{reason}");
    let said = format!("Deferred, and tried again by themselves:\n  1 mail: {reason}");
    assert!(site.run(&["status"]).out.contains(&said));
}

#[test]
fn a_parked_mail_is_tried_again_by_apply_and_goes_out_once_its_lead_is_mended() {
    let site = Site::campaign();
    site.write(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter:\n  event: lead.imported\nsteps:\n  - email: hello\n",
    );
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello {{ first_name }}\n---\n[Leave]({{ unsubscribe_url }}), {{ postal_address }}\n",
    );
    site.json(&["migrate"]);
    site.json(&["apply"]);
    let header = "email,first_name,consent,consent_date\n";
    site.write("leads.csv", format!("{header}ann@a.example,,yes,2026-01-02\n"));
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    assert_eq!(site.json(&["tick"])["parked"], 1);
    let again = site.json(&["tick"]);
    assert_eq!(
        (&again["parked"], &again["parked_by"]),
        (&0.into(), &serde_json::json!([])),
        "it is not tried all the time"
    );
    assert_eq!(site.json(&["apply"])["changed"], false);
    let ran = site.run(&["tick"]);
    let said = "Parked, until what is wrong is mended:\n  1 mail hello (for example ";
    assert!(ran.out.contains("1 parked.") && ran.out.contains(said), "tried again: {ran:?}");
    assert!(ran.out.contains("): templates/hello.md:2"), "{ran:?}");
    assert!(!ran.out.contains("ann@"), "cron's output is kept like a log: {ran:?}");
    assert!(
        ran.out.contains("the lead has no `first_name`") && ran.out.contains("`nurtured apply`")
    );
    let status = site.run(&["status"]).out;
    assert!(
        status.contains("parked mails   1\nparked leads   0")
            && status.contains(&format!("{said}ann@a.example): templates/hello.md:2")),
        "{status}"
    );
    let parked = &site.json(&["status"])["parked"];
    let of = |field: &str| parked[0][field].as_str().unwrap_or_default().to_owned();
    assert_eq!((of("template"), of("example")), ("hello".into(), "ann@a.example".into()));
    assert_eq!((parked.as_array().map(Vec::len), &parked[0]["number"]), (Some(1), &1.into()));
    site.json(&["apply"]);
    let ticked = site.json(&["tick"]);
    assert_eq!(
        (&ticked["parked"], &ticked["parked_by"][0]["reason"]),
        (&1.into(), &parked[0]["reason"])
    );
    let lead = parked[0]["lead"].as_str().expect("a text");
    assert!(ran.out.contains(&format!("(for example lead {lead})")), "{ran:?}");
    assert_eq!(ticked["parked_by"][0]["lead"], lead);
    assert!(!ticked.to_string().contains("ann@"), "{ticked}");
    let shown = site.json(&["leads", "show", "ann@a.example"]);
    let last = shown["timeline"].as_array().and_then(|lines| lines.last()).expect("a line");
    assert_eq!((&last["kind"], &last["object"]), (&"mail.parked".into(), &"hello".into()));
    assert_eq!(last["detail"], parked[0]["reason"]);
    site.write("mended.csv", "email,first_name\nann@a.example,Ann\n");
    site.json(&["leads", "import", "mended.csv"]);
    assert_eq!(site.json(&["tick"])["sent"], 1);
    assert!(site.run(&["status"]).out.contains("parked mails   0\n"));
}

#[test]
fn a_condition_is_evaluated_for_a_lead_and_for_a_situation() {
    let site = Site::campaign();
    site.write("workflows/campaign.yaml", POLICY.replace("nobody", "everybody"));
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("leads.csv", "email,country\nann@a.example,Italy\n");
    site.write(
        "events.csv",
        "email,at,event,object\nann@a.example,2024-02-01T10:00:00Z,page_visited,/pricing\n",
    );
    site.json(&["leads", "import", "leads.csv"]);
    site.json(&["events", "import", "events.csv"]);
    let eval = |expression: &str, at: &str| {
        site.json(&["eval", expression, "--lead", "ann@a.example", "--at", at])
    };
    let visited = "country == \"Italy\" and visited(\"/pricing\").within(\"30d\")";
    let report = eval(visited, "2024-02-10T10:00:00Z");
    assert_eq!(
        (&report["value"], &report["holds_until"]),
        (&serde_json::json!(true), &serde_json::json!("2024-03-02T10:00:00Z")),
        "{report}"
    );
    assert_eq!(report["why"]["parts"].as_array().map(Vec::len), Some(2), "{report}");
    assert_eq!(eval(visited, "2024-03-02T10:00:00Z")["value"], false);
    // Before it happened it had not happened.
    assert_eq!(eval(visited, "2024-01-10T10:00:00Z")["value"], false);
    assert_eq!(eval("city == \"Rome\"", "2024-01-10")["value"], serde_json::Value::Null);
    // Who is not tracked may have come by all the same.
    site.write("workflows/campaign.yaml", POLICY);
    site.json(&["apply"]);
    assert_eq!(eval(visited, "2024-01-10T10:00:00Z")["value"], serde_json::Value::Null);

    let ran = site.run(&["eval", "contry = \"Italy\"", "--lead", "ann@a.example"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("country") && ran.err.contains("==") && ran.err.contains('^'),
        "{}",
        ran.err
    );

    site.write(
        "situation.json",
        r#"{"attributes": {"country": "Italy"}, "entry": {"at": "2024-02-01", "kind": "form.submitted", "object": "webinar"},
            "events": [{"at": "2024-02-03", "kind": "page.visited", "object": "/pricing"}]}"#,
    );
    let report = site.json(&[
        "eval",
        "entry.object == \"webinar\" and visited(\"/pricing\")",
        "--context",
        "situation.json",
        "--at",
        "2024-02-04",
    ]);
    assert_eq!(report["value"], true, "{report}");
    assert_eq!(site.run(&["eval", "true"]).code, 2);
}

/// The reasons spell each segment out, each time that it is named.
#[test]
fn a_condition_is_evaluated_if_it_is_not_too_long_with_its_segments_spelt_out() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    site.write("situation.json", r#"{"attributes": {"country": "Italy"}}"#);
    let eval = |expression: &str| site.run(&["eval", expression, "--context", "situation.json"]);
    let twice = |name: &str| format!("in_segment(\"{name}\") and in_segment(\"{name}\")");
    let chain = |length: usize, each: &dyn Fn(&str) -> String| {
        let mut segments = String::from("segments:\n  s0: country == \"Italy\"\n");
        for number in 1..=length {
            segments += &format!("  s{number}: {}\n", each(&format!("s{}", number - 1)));
        }
        site.write("workflows/segments.yaml", segments);
    };
    chain(10, &twice);
    let ran = eval("in_segment(\"s10\")");
    assert_eq!(
        (ran.code, ran.out.matches("country is \"Italy\"").count()),
        (0, 1024),
        "{}",
        ran.err
    );
    let of_all = |expression: &str| site.run(&["segments", "--when", expression]);
    assert_eq!(of_all("in_segment(\"s10\")").code, 0);
    for ran in [eval(&twice("s10")), of_all(&twice("s10"))] {
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("EXPR:1:1") && ran.err.contains("spelt out"), "{}", ran.err);
    }
    // As deep as may be.
    chain(4, &|name| format!("{}in_segment(\"{name}\")", "not ".repeat(62)));
    let ran = eval("in_segment(\"s4\")");
    assert_eq!((ran.code, ran.out.lines().count()), (0, 256), "{}", ran.err);
}

#[test]
fn a_mail_is_rendered_and_tried() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    site.write("leads.csv", "email,first_name\nann@a.example,Ann\nbob@a.example,\n");
    site.json(&["leads", "import", "leads.csv"]);
    let mail = site.json(&["render", "hello", "--lead", "ann@a.example"]);
    assert_eq!(
        (&mail["subject"], &mail["to"]),
        (&serde_json::json!("Hello Ann"), &serde_json::json!("ann@a.example"))
    );
    assert!(mail["html"].as_str().is_some_and(|html| html.contains("How are you?")));
    assert_eq!(
        site.json(&["render", "hello", "--lead", "bob@a.example"])["subject"],
        "Hello there"
    );
    let eml = site.run(&["render", "hello", "--lead", "ann@a.example", "--eml"]);
    assert!(eml.code == 0 && eml.out.contains("\r\nX-Nurtured-Key: "), "{eml:?}");
    for arguments in [
        &["--json", "render", "hello", "--lead", "ann@a.example", "--eml"][..],
        &["render", "hello", "--lead", "ann@a.example", "--json", "--eml"],
    ] {
        let ran = site.run(arguments);
        assert_eq!((ran.code, &ran.document()["error"]["code"]), (2, &2.into()), "{ran:?}");
    }
    let ran = site.run(&["render", "helo", "--lead", "ann@a.example"]);
    assert!(ran.code == 1 && ran.err.contains("hello"), "{ran:?}");

    let sent =
        site.json(&["send-test", "hello", "--lead", "ann@a.example", "--to", "ada@example.com"]);
    assert_eq!(
        (&sent["outcome"], &sent["subject"]),
        (&serde_json::json!("sent"), &serde_json::json!("[test] Hello Ann"))
    );
    let mails: Vec<_> = std::fs::read_dir(site.path("outbox")).expect("the outbox").collect();
    assert_eq!(mails.len(), 1);
    // Nothing of it is recorded of the lead.
    assert_eq!(site.json(&["leads", "show", "ann@a.example"])["messages"], serde_json::json!([]));
}

#[test]
fn a_mail_shows_each_reader_what_their_segment_is_to_see() {
    let site = Site::campaign();
    site.write(
        "workflows/campaign.yaml",
        format!(
            "{}    news: {{ label: News, basis: [consent] }}\n",
            POLICY.replace("tracking: nobody", "tracking: with insights")
        ),
    );
    site.write("workflows/news.yaml", "workflow: news\npurpose: news\nenter: { by_hand: yes }\nsend: { now: yes }\nsteps:\n  - email: news\n");
    site.write(
        "workflows/scoring.yaml",
        "scoring:\n  half_life: 30d\n  engagement:\n    - { name: saw prices, on: visited(\"/pricing\"), points: 20, cap: 20 }\n",
    );
    site.write(
        "workflows/segments.yaml",
        "segments:\n  stirring: engagement >= 10\n  quiet: engagement < 10\n",
    );
    site.write(
        "templates/news.md",
        "---\nsubject: News\n---\n{% if in_segment(\"stirring\") %}{% include \"partials/offer.html\" %}\
         {% elif in_segment(\"quiet\") %}Still there?{% else %}A word of news.{% endif %}\n\n\
         {{ postal_address }} [stop]({{ unsubscribe_url }})\n",
    );
    site.write("templates/partials/offer.html", "An offer.");
    site.json(&["migrate"]);
    assert_eq!(site.run(&["apply"]).code, 0);
    let rows = |leads: &str| format!("email,consent,consent date\n{leads}");
    let all = ["ann", "bob", "cid"].map(|name| format!("{name}@a.example,yes,2026-01-02\n"));
    site.write("all.csv", rows(&all.concat()));
    site.json(&["leads", "import", "all.csv", "--purpose", "news"]);
    // Cid agreed to news, and to nothing by which behaviour may be looked at.
    site.write("some.csv", rows(&all[..2].concat()));
    site.json(&["leads", "import", "some.csv", "--purpose", "insights"]);
    // What claims to come from the future is recorded as of now.
    let seen =
        |name: &str| format!("{name}@a.example,2099-01-01T00:00:00Z,page_visited,/pricing\n");
    site.write("events.csv", format!("email,at,event,object\n{}{}", seen("ann"), seen("cid")));
    site.json(&["events", "import", "events.csv"]);
    for name in ["ann", "bob", "cid"] {
        site.json(&["enrol", "news", &format!("{name}@a.example")]);
    }
    for _ in 0..2 {
        site.json(&["tick"]);
    }
    let mut said: Vec<String> = std::fs::read_dir(site.path("outbox"))
        .expect("the outbox")
        .map(|entry| {
            let mail = std::fs::read(entry.expect("a mail").path()).expect("read");
            let mail = mail_parser::MessageParser::default().parse(&mail).expect("a mail");
            let to = mail.to().and_then(|to| to.first()?.address()).unwrap_or_default();
            let text = mail.body_text(0).unwrap_or_default();
            format!("{to}: {}", text.lines().next().unwrap_or_default())
        })
        .collect();
    said.sort();
    assert_eq!(
        said,
        [
            "ann@a.example: An offer.",
            "bob@a.example: Still there?",
            "cid@a.example: A word of news."
        ]
    );
}

#[test]
fn a_mistake_elsewhere_makes_no_second_one_of_what_mails_ask_for() {
    let site = Site::campaign();
    site.write("workflows/segments.yaml", "segments:\n  clicked-once: clicked()\n");
    site.write(
        "workflows/questions.yaml",
        "questions:\n  topic: { title: What next?, answers: { pricing: Prices } }\n",
    );
    site.write(
        "templates/hello.md",
        "---\nsubject: Hello\n---\n{% if in_segment(\"clicked-once\") %}\n\n[Prices]({{ ask(\"topic\", \"pricing\") }})\n\n\
         {% endif %}\n\n{{ postal_address }} [stop]({{ unsubscribe_url }}) {{ fist_name }}\n",
    );
    site.write("workflows/wrong.yaml", "workflow: wrong\nenter: { by_hand: yes }\n");
    let ran = site.run(&["--json", "check"]);
    let document = ran.document();
    let files = document["problems"].as_array().expect("problems").iter();
    let files: Vec<_> = files.map(|it| it["file"].as_str().unwrap_or_default()).collect();
    let of_mails = files.iter().filter(|file| file.starts_with("templates/")).count();
    assert_eq!((ran.code, of_mails), (1, 1), "{document:#}");
}

#[test]
fn warnings_that_are_denied_are_errors() {
    let site = Site::campaign();
    let mail = std::fs::read_to_string(site.path("templates/hello.md")).expect("the mail");
    let long = "subject: What is to be said of this mail does not fit on the line that mail programs show of it";
    let subject = mail.lines().find(|line| line.starts_with("subject:")).expect("a subject");
    site.write("templates/hello.md", mail.replace(subject, long));
    site.write("templates/cold.mjm", "x");
    let found = |arguments: &[&str]| {
        let ran = site.run(&[&["--json", "check"][..], arguments].concat());
        let document = ran.document();
        (ran.code, document["errors"].as_u64(), document["warnings"].as_u64())
    };
    assert_eq!(found(&[]), (0, Some(0), Some(2)));
    assert_eq!(found(&["--deny", "warnings"]), (1, Some(2), Some(0)));
    assert_eq!(found(&["--deny", "mail-subject"]), (1, Some(1), Some(1)));
    assert_eq!(found(&["--deny", "mail-size,mail-alt"]), (0, Some(0), Some(2)));
    let but = ["--deny", "warnings", "--allow", "mail-subject", "--allow", "ignored-file"];
    assert_eq!(found(&but), (0, Some(0), Some(2)));
    let ran = site.run(&["check", "--deny", "mail-subjekt"]);
    assert!(ran.code == 1 && ran.err.contains("mail-subject"), "{ran:?}");
    assert_eq!(site.run(&["check", "--allow", "mail-subject"]).code, 2);
}

#[test]
fn a_file_of_tests_that_cannot_be_read_fails_what_runs_tests_and_not_apply() {
    let site = Site::live();
    site.write("workflows/My Test.test.yaml", "tests: hello\n");
    let latin = site.path("workflows/latin.test.yaml");
    std::fs::write(&latin, b"tests: \xe9\n").expect("written");
    let found = site.run(&["--json", "check"]);
    assert_eq!(found.code, 1, "{found:?}");
    let problems = found.document()["problems"].clone();
    let rules: Vec<_> = problems.as_array().expect("a list").iter().map(|it| &it["rule"]).collect();
    assert_eq!(rules, ["bad-name", "encoding"], "{problems}");
    for arguments in [&["test"][..], &["test", "workflows/latin.test.yaml"]] {
        let ran = site.run(arguments);
        assert!(ran.code == 1 && ran.err.contains("workflows/latin.test.yaml"), "{ran:?}");
    }
    assert_eq!(site.run(&["apply"]).code, 0);
}

#[test]
fn accepted_are_the_timelines_of_the_cases_that_ran_and_results_are_told_whatever_becomes_of_files()
{
    let site = Site::campaign();
    let case = |name: &str, rest: &str| format!("  - case: {name}\n    timeline: golden\n{rest}");
    let failing = "    expect: [{ mail: hello }]\n";
    let cases = case("one", "") + &case("two", "") + &case("three", failing);
    site.write(
        "workflows/hello.test.yaml",
        format!("tests: hello\nfrom: 2027-03-01 08:00\nuntil: 2d\ncases:\n{cases}"),
    );
    let accepted = |arguments: &[&str]| {
        site.run(&[&["--json", "test", "--accept"], arguments].concat()).document()["accepted"]
            .clone()
    };
    assert_eq!(accepted(&["--case", "two"]), 1);
    assert_eq!(accepted(&[]), 3);

    let ran = site.run(&["test", "--junit", "none/junit.xml"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("2 of 3 cases in 1 file passed"), "{ran:?}");
    assert!(ran.err.contains("none/junit.xml"), "{ran:?}");
    let ran = site.run(&["--json", "test", "--junit", "none/junit.xml"]);
    assert_eq!((ran.code, &ran.document()["failed"]), (3, &1.into()));

    site.write("leads.csv", "email,consent\nann@a.example,yes\nnobody,yes\n");
    let simulate = ["simulate", "--leads", "leads.csv", "--days", "2", "--html", "none/page.html"];
    let ran = site.run(&simulate);
    assert!(ran.code == 3 && ran.err.contains("none/page.html"), "{ran:?}");
    assert!(
        ran.out.starts_with("A rehearsal of 2 days") && ran.out.contains(" 1 lead, seed"),
        "{ran:?}"
    );
    let ran = site.run(&[&["--json"], &simulate[..]].concat());
    let document = ran.document();
    assert_eq!((ran.code, &document["leads"], &document["refused"]), (3, &1.into(), &1.into()));
}

/// A site of workflows that each take in who is imported from a source of their own.
fn of_sources(sources: &[&str]) -> Site {
    let site = Site::campaign();
    for (number, source) in sources.iter().enumerate() {
        let enter = format!("enter:\n  event: lead.imported\n  object: {source}\n");
        site.write(
            &format!("workflows/w{number}.yaml"),
            format!("workflow: w{number}\npurpose: insights\n{enter}steps:\n  - tag: in\n"),
        );
    }
    site.write("fair.csv", "email,consent,consent_date\nann@a.example,yes,2026-01-02\n");
    site
}

#[test]
fn leads_of_a_rehearsal_come_from_where_an_import_says_they_come_from() {
    let site = of_sources(&["fair.csv", "fair"]);
    let simulate = ["simulate", "--leads", "fair.csv", "--from", "2027-03-01T08:00:00Z"];
    let entered = |more: &[&str]| {
        let found = site.json(&[&simulate[..], more].concat());
        ["w0", "w1"].map(|name| found["workflows"][name]["entered"].as_u64())
    };
    assert_eq!(entered(&[]), [Some(1), Some(0)]);
    assert_eq!(entered(&["--source", "fair"]), [Some(0), Some(1)]);
    let ran = site.run(&["simulate", "--source", "fair"]);
    assert!(ran.code == 2 && ran.err.contains("--leads"), "{ran:?}");

    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.json(&["leads", "import", "fair.csv", "--purpose", "insights"]);
    site.json(&["tick"]);
    let enrolments = site.json(&["leads", "show", "ann@a.example"])["enrolments"].clone();
    assert_eq!(
        (enrolments.as_array().map(Vec::len), &enrolments[0]["workflow"]),
        (Some(1), &"w0".into())
    );
}

#[test]
fn a_page_of_a_rehearsal_is_the_same_each_time() {
    let site = of_sources(&["a", "b", "c", "d", "e", "f", "g", "h"]);
    let page = || {
        let from = ["--leads", "fair.csv", "--from", "2027-03-01T08:00:00Z"];
        let ran = site.run(&[&["simulate", "--html", "page.html"], &from[..]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        std::fs::read_to_string(site.path("page.html")).expect("a page")
    };
    let first = page();
    let names: Vec<usize> =
        (0..8).filter_map(|number| first.find(&format!("<td>w{number}</td>"))).collect();
    assert!(names.len() == 8 && names.is_sorted(), "{first}");
    assert_eq!(first, page());
}

#[test]
fn problems_of_tests_are_a_list_in_json_and_what_is_named_does_not_steer_the_terminal() {
    let site = Site::campaign();
    site.write(
        "workflows/hello.test.yaml",
        "tests: hello\ncases:\n  - case: one\n    expect: []\n",
    );
    let ran = site.run(&["--json", "test"]);
    assert_eq!((ran.code, &ran.document()["problems"][0]["line"]), (1, &3.into()), "{ran:?}");
    let ran = site.run(&["graph", "a\u{1b}[2Jb"]);
    assert!(ran.code == 1 && ran.err.contains("`a\\u{1b}[2Jb`"), "{ran:?}");
}

#[test]
fn what_is_said_of_a_file_of_leads_does_not_go_with_a_copy_of_the_database() {
    let site = Site::live();
    for option in [
        ["--mapping", "map.toml"],
        ["--source", "fair"],
        ["--purpose", "insights"],
        ["--basis", "consent"],
    ] {
        let ran = site.run(&["simulate", "--live-copy", option[0], option[1]]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains("--live-copy"), "{ran:?}");
    }
}

#[test]
fn problems_are_printed_as_annotations_those_of_tests_among_them() {
    let site = Site::campaign();
    site.write("workflows/hello.test.yaml", "tests: hello\ncases: []\nexpected: none\n");
    let ran = site.run(&["check", "--format", "github"]);
    let line = ran.out.lines().find(|line| line.contains("hello.test.yaml")).expect("a line");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(line.starts_with("::error file=") && line.contains(",line=3,col=1,"), "{line}");
    assert!(line.contains("title=unknown-key::"), "{line}");
    let ran = site.run(&["--json", "check"]);
    assert_eq!(ran.document()["problems"][0]["file"], "workflows/hello.test.yaml");
    assert!(site.run(&["check"]).out.contains("--> workflows/hello.test.yaml:3:1"));
    let schema = site.json(&["schema", "--tests"]);
    assert_eq!(schema["title"], "A file of tests");
}

#[test]
fn what_was_applied_goes_with_a_mail_and_not_what_lies_in_the_folder() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    let mail = std::fs::read_to_string(site.path("templates/hello.md")).expect("the mail");
    let attach =
        "---\nattachments: [files/guide.pdf, { file: files/guide.pdf, name: Führer.pdf }]\n";
    site.write("templates/hello.md", mail.replacen("---\n", attach, 1));
    let applied = b"%PDF-1.7 \xff\x00 as it was applied";
    site.write("templates/files/guide.pdf", applied);
    assert_eq!(site.run(&["apply"]).code, 0);
    site.write("leads.csv", "email,consent,consent date\nann@a.example,yes,2026-01-02\n");
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);

    let shown = site.json(&["render", "hello", "--lead", "ann@a.example"]);
    let of = |name: &str| serde_json::json!({ "name": name, "content_type": "application/pdf", "bytes": 29 });
    assert_eq!(shown["attachments"], serde_json::json!([of("guide.pdf"), of("Führer.pdf")]));
    let text = site.run(&["render", "hello", "--lead", "ann@a.example"]).out;
    assert!(text.contains("\nAttached: Führer.pdf (29 bytes)\n"), "{text}");
    let eml = site.run(&["render", "hello", "--lead", "ann@a.example", "--eml"]).out;
    assert_eq!(attached(eml.as_bytes()), [applied, applied]);

    site.write("templates/files/guide.pdf", "%PDF-1.7 of tomorrow");
    std::fs::remove_file(site.path("templates/files/guide.pdf")).expect("removed");
    let ran = site.run(&["check"]);
    assert!(ran.code == 1 && ran.out.contains("no file templates/files/guide.pdf"), "{ran:?}");
    site.json(&["enrol", "hello", "ann@a.example"]);
    site.json(&["tick"]);
    let mails: Vec<_> = std::fs::read_dir(site.path("outbox")).expect("the outbox").collect();
    assert_eq!(mails.len(), 1, "{mails:?}");
    let sent = std::fs::read(mails[0].as_ref().expect("a mail").path()).expect("read");
    assert_eq!(attached(&sent), [applied, applied]);
}

/// The files of a mail, in their order.
fn attached(mail: &[u8]) -> Vec<Vec<u8>> {
    let mail = mail_parser::MessageParser::default().parse(mail).expect("a mail");
    mail.attachments().map(|part| part.contents().to_vec()).collect()
}

#[test]
fn every_variant_of_a_mail_is_written_to_be_looked_through() {
    let site = Site::campaign();
    let mail = |subject: &str, hi: &str| {
        let footer = "{{ postal_address }} [x]({{ unsubscribe_url }})";
        format!("---\nsubject: {subject}\npreheader: p\n---\n{hi}\n\n{footer}\n")
    };
    site.write("templates/hello.md", mail("A <b> & {{ company or 'you' }}", "Hi"));
    site.write("templates/hello.it.md", mail("Ciao", "Ciao {{ first_name }}"));
    let ran = site.run(&["--json", "render", "hello", "--all", "look/here"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let report = ran.document();
    let mails = report["mails"].as_array().expect("mails");
    let said: Vec<_> = mails
        .iter()
        .map(|mail| {
            let text = |key: &str| mail[key].as_str().unwrap_or("-").to_owned();
            [text("language"), text("lead"), text("name"), text("subject")].join(" ")
        })
        .collect();
    assert_eq!(
        said,
        [
            "en full hello.full A <b> & Meridian Components",
            "en sparse hello.sparse A <b> & you",
            "it full hello.it.full Ciao",
            "it sparse - -"
        ]
    );
    let problem = mails[3]["problem"].as_str().expect("a problem");
    assert!(
        problem.contains("templates/hello.it.md:5:9") && problem.contains("first_name"),
        "{problem}"
    );
    let read =
        |name: &str| std::fs::read_to_string(site.path("look/here").join(name)).expect("a file");
    assert!(read("hello.it.full.html").contains("Ciao Giulia"));
    assert!(read("hello.full.txt").starts_with("Hi\n"));
    assert!(read("hello.sparse.eml").contains("\r\nList-Unsubscribe: "));
    let page = read("index.html");
    assert!(page.contains("sandbox title=\"A &lt;b&gt; &amp; you, narrow\""), "{page}");
    assert!(page.contains("src=\"hello.it.full.html\"") && page.contains("first_name"), "{page}");
    assert!(!site.path("nurtured.db").exists(), "no database is needed");

    site.write("templates/hello.it.md", mail("Ciao", "Ciao"));
    let ran = site.run(&["render", "hello", "--all", "look"]);
    assert!(ran.code == 0 && ran.out.starts_with("4 mails: open look/index.html"), "{ran:?}");
    for wrong in [&["render", "hello"][..], &["render", "hello", "--all", "x", "--eml"]] {
        assert_eq!(site.run(wrong).code, 2);
    }
}

#[test]
fn mail_without_our_signature_changes_nothing() {
    let site = Site::campaign();
    site.json(&["migrate"]);
    site.write("leads.csv", "email\nann@a.example\n");
    site.json(&["leads", "import", "leads.csv"]);
    let forged = "From: MAILER-DAEMON@a.example\r\nTo: bounce+aaaaaaaaaaaa.bbbbbbbb@bounce.example.com\r\n\
        Subject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nno such user\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822; ann@a.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n";
    let automatic =
        "From: ann@a.example\r\nTo: ada@example.com\r\nSubject: Re: Hello\r\n\r\nI am away.\r\n";
    let accept = ["--json", "inbox", "accept"];
    for (arguments, mail, action) in [
        (&accept[..], forged, "kept"),
        (&accept[..], "no mail at all", "kept"),
        (&accept[..], automatic, "kept"),
        (&[&accept[..], &["--sender", "<>"]].concat(), automatic, "ignored"),
        (&[&accept[..], &["--sender", "MAILER-DAEMON"]].concat(), automatic, "ignored"),
        (&[&accept[..], &["--sender", "ann@a.example"]].concat(), automatic, "kept"),
    ] {
        let ran = site.run_with(arguments, &[], mail);
        assert_eq!(ran.code, 0, "{ran:?}");
        let document = ran.document();
        assert_eq!(
            (&document["matched"], &document["action"]),
            (&serde_json::json!(false), &serde_json::json!(action)),
            "{document}"
        );
    }
    let kept = std::fs::read_dir(site.path("unclaimed")).expect("the folder");
    let mut kept: Vec<_> = kept.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    kept.sort();
    let mut expected = [forged, "no mail at all", automatic].map(|mail| mail.as_bytes().to_vec());
    expected.sort();
    assert_eq!(kept, expected);
    assert_eq!(
        site.json(&["leads", "show", "ann@a.example"])["suppressed"],
        serde_json::Value::Null
    );
}

#[test]
fn points_are_told_newest_first() {
    let site = Site::campaign();
    site.write("workflows/campaign.yaml", POLICY.replace("nobody", "everybody"));
    site.write(
        "workflows/points.yaml",
        "scoring:\n  engagement:\n    - { on: visited(), points: 2, cap: 10 }\n",
    );
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.write("leads.csv", "email\nann@a.example\n");
    site.json(&["leads", "import", "leads.csv"]);
    // What happened first may be heard of last.
    for day in ["2026-02-02", "2026-02-03", "2026-02-01"] {
        let visit = format!("email,at,event,object\nann@a.example,{day},page_visited,/x\n");
        site.write("visits.csv", visit);
        site.json(&["events", "import", "visits.csv"]);
        site.json(&["tick"]);
    }
    let ledger = &site.json(&["why-score", "ann@a.example"])["ledger"];
    let days: Vec<_> = ledger.as_array().expect("a list").iter().map(|it| &it["at"]).collect();
    assert_eq!(days, ["2026-02-03T00:00:00Z", "2026-02-02T00:00:00Z", "2026-02-01T00:00:00Z"]);
    let text = site.run(&["why-score", "ann@a.example"]).out;
    assert!(text.find("2026-02-03") < text.find("2026-02-01"), "{text}");
    assert_eq!(ledger[0]["object"], "/x");
    assert!(text.contains(" page.visited   /x"), "{text}");
}

#[test]
fn reports_of_an_empty_database_are_zeros() {
    let site = Site::live();
    let report = site.json(&["report", "workflow", "hello"]);
    assert_eq!((&report["enrolments"], &report["leads"]), (&0.into(), &0.into()));
    assert_eq!(report["steps"][0]["step"], "email.hello");
    let text = site.run(&["report", "workflow", "hello"]);
    assert!(text.out.contains("0 leads entered"), "{text:?}");
    assert_eq!(site.json(&["report", "funnel"])["leads"], 0);
    assert_eq!(site.json(&["report", "today"])["sent"], 0);
    for report in ["funnel", "today"] {
        let ran = site.run(&["report", report]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    }
    // Also before anything is live.
    let site = Site::migrated();
    assert_eq!(site.json(&["report", "funnel"])["leads"], 0);
    assert_eq!(
        site.json(&["report", "funnel", "--by", "source"])["by"]["groups"],
        serde_json::json!([])
    );
    assert_eq!(site.run(&["report", "today", "--midnight"]).code, 0);
    let ran = site.run(&["report", "workflow", "hello"]);
    assert!(ran.code == 1 && ran.err.contains("nurtured apply"), "{ran:?}");
}

#[test]
fn a_report_of_a_workflow_that_is_not_there_says_which_was_meant() {
    let site = Site::live();
    let ran = site.run(&["report", "workflow", "helo"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("there is no workflow `helo`"), "{ran:?}");
    assert!(ran.err.contains("did you mean `hello`?"), "{ran:?}");
    let ran = site.run(&["report", "workflow", "something-else"]);
    assert!(ran.code == 1 && ran.err.contains("there are: hello"), "{ran:?}");
}

#[test]
fn the_funnel_counts_leads_by_an_attribute_that_is_a_text() {
    let site = Site::live();
    site.write("in.csv", "email,source\na@a.example,Fair\nb@b.example,Fair\nc@c.example,\n");
    site.json(&["leads", "import", "in.csv"]);
    let by = &site.json(&["report", "funnel", "--by", "source"])["by"];
    assert_eq!(by["attribute"], "source");
    let groups: Vec<_> = by["groups"].as_array().unwrap().iter().collect();
    assert_eq!((&groups[0]["value"], &groups[0]["leads"]), (&"Fair".into(), &2.into()));
    assert_eq!((&groups[1]["value"], &groups[1]["leads"]), (&serde_json::Value::Null, &1.into()));
    assert_eq!(groups[0]["by_stage"], serde_json::json!({ "lead": 2 }));
    let text = site.run(&["report", "funnel", "--by", "source"]).out;
    assert!(text.contains("\nFair ") && text.contains("\n(none) "), "{text}");
    for (attribute, code, said) in [
        ("sorce", 1, "did you mean `source`?"),
        ("shoes", 1, "there are: "),
        ("created_on", 2, "`created_on` is a date"),
        ("email", 2, "`email` says who a lead is"),
        ("external_id", 2, "`external_id` says who a lead is"),
    ] {
        let ran = site.run(&["report", "funnel", "--by", attribute]);
        assert!(ran.code == code && ran.err.contains(said), "{attribute}: {ran:?}");
    }
}

#[test]
fn a_report_has_one_form_and_days_in_their_order() {
    let site = Site::live();
    for arguments in [
        &["report", "workflow", "hello", "--csv", "--json"][..],
        &["report", "funnel", "--csv", "--json"],
        &["report", "today", "--csv", "--json"],
        &["report", "funnel", "--since", "2027-03-02", "--until", "2027-03-01"],
        &["report", "funnel", "--since", "yesterday"],
    ] {
        let ran = site.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
    }
    let ran = site.run(&["report", "workflow", "hello", "--csv"]);
    assert_eq!(ran.out.lines().count(), 2, "{ran:?}");
    assert!(ran.out.starts_with("\"step\",\"kind\","), "{ran:?}");
    let ran = site.run(&["report", "today", "--csv"]);
    assert!(ran.out.contains("\"mails sent\",\"\",\"0\""), "{ran:?}");
}

#[test]
fn a_report_counts_what_a_tick_did() {
    let site = Site::live();
    site.write(
        "leads.csv",
        "email,consent,consent date\nann@a.example,yes,2026-01-02\nben@b.example,no,\n",
    );
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    site.json(&["enrol", "hello", "ann@a.example", "ben@b.example"]);
    let idle = site.json(&["why-idle"]);
    assert_eq!(idle["causes"][0]["cause"], "no_engine");
    site.json(&["tick"]);
    let report = site.json(&["report", "workflow", "hello"]);
    let step = &report["steps"][0];
    assert_eq!((&step["entered"], &step["sent"]), (&1.into(), &1.into()), "{report}");
    assert_eq!((&report["finished"], &step["rates"]["sent"]), (&1.into(), &1.0.into()));
    let today = site.json(&["report", "today"]);
    assert_eq!((&today["new_leads"], &today["sent"]), (&2.into(), &1.into()), "{today}");
    let none = site.json(&["report", "workflow", "hello", "--until", "2026-01-01"]);
    assert_eq!(none["enrolments"], 0);

    // Ben has no ground, and it is said.
    let idle = site.json(&["why-idle"]);
    let causes: Vec<&str> = idle["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["cause"].as_str().unwrap())
        .collect();
    assert_eq!(causes, ["nobody_inside", "not_let_in", "no_engine"], "{idle}");
    assert!(idle["causes"][1]["says"].as_str().unwrap().contains("no ground for the purpose"));
    assert_eq!(idle["causes"][0]["says"], "all who were in a workflow are out of it: 1 finished");
    site.json(&["pause", "all"]);
    site.write("workflows/more.yaml", "segments:\n  all: stage == \"lead\"\n");
    let said = site.run(&["why-idle"]);
    assert!(
        said.out.contains("everything is paused") && said.out.contains("nurtured resume all"),
        "{said:?}"
    );
    assert!(said.out.contains("not live: workflows/more.yaml"), "{said:?}");
    assert!(said.out.contains("Nothing will happen by itself."), "{said:?}");
}

#[test]
fn a_broken_file_has_no_plan_and_the_others_are_told_of_all_the_same() {
    let site = Site::live();
    assert_eq!(site.run(&["plan"]).code, 0);
    site.write("workflows/one.yaml", "workflow: one\nstepps: []\n");
    site.write("workflows/two.yaml", "workflow: two\npurpose: nothing\n");
    let ran = site.run(&["plan"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains("one.yaml") && ran.err.contains("two.yaml"), "{ran:?}");
    let ran = site.run(&["--json", "plan"]);
    assert!(ran.code == 1 && ran.document()["problems"].as_array().expect("a list").len() >= 2);
    assert_eq!(site.run(&["apply"]).code, 1);
    assert_eq!(site.json(&["releases"])["releases"].as_array().expect("a list").len(), 1);
}

/// A mail that cannot be written to who has no name.
fn of_name(subject: &str) -> String {
    let body = "[Leave]({{ unsubscribe_url }}), {{ postal_address }}\n";
    format!("---\nsubject: {subject} {{{{ first_name }}}}\n---\n{body}")
}

/// A site of a workflow with one lead in it, whose first step this is.
fn with_somebody_at(step: &str) -> Site {
    let site = Site::campaign();
    let enter = "enter:\n  event: lead.imported\n";
    site.write(
        "workflows/hello.yaml",
        format!("workflow: hello\npurpose: insights\n{enter}steps:\n  - {step}\n"),
    );
    site.write("templates/hello.md", of_name("Hello"));
    site.write(
        "leads.csv",
        "email,first_name,consent,consent_date\nann@a.example,,yes,2026-01-02\n",
    );
    site.json(&["migrate"]);
    site.json(&["apply"]);
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    site.json(&["tick"]);
    site
}

#[test]
fn who_is_to_leave_after_what_they_are_at_is_affected_by_a_plan() {
    let site = with_somebody_at("wait: 3d");
    let way = std::fs::read_to_string(site.path("workflows/hello.yaml")).expect("a file");
    site.write("workflows/hello.yaml", format!("{way}  - tag: more\non_change: drain\n"));
    let ran = site.run(&["plan", "--people"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.contains("\n  1 finish what they are at, and leave\n"), "{ran:?}");
    assert!(ran.out.contains("\n1 lead is affected.\n"), "{ran:?}");
    assert!(
        ran.out.contains(" finishes what they are at until ") && ran.out.contains(", and leaves")
    );
    let plan = site.run(&["--json", "plan", "--people"]).document();
    let workflow = &plan["workflows"][0];
    assert_eq!((&workflow["drain"], &workflow["stay_on_old_version"]), (&1.into(), &0.into()));
    assert_eq!((&plan["affected"], &plan["people"][0]["what"]), (&1.into(), &"drains".into()));

    site.json(&["apply"]);
    site.write("workflows/hello.yaml", format!("{way}  - tag: others\non_change: drain\n"));
    let ran = site.run(&["plan"]);
    assert!(ran.code == 0 && ran.out.contains("No lead is affected."), "{ran:?}");
}

#[test]
fn parked_mails_are_tried_again_and_a_plan_says_how_many() {
    let site = with_somebody_at("email: hello");
    let ran = site.run(&["plan"]);
    assert!(ran.code == 0 && ran.out.starts_with("Nothing changes"), "{ran:?}");
    assert_eq!(site.json(&["plan"])["parked"], 1);

    site.write("templates/hello.md", of_name("Good morning"));
    let ran = site.run(&["plan"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let said = "No lead is affected.\n1 parked mail is tried again.\n";
    assert!(ran.out.contains(said), "{ran:?}");
    let plan = site.run(&["--json", "plan"]).document();
    assert_eq!((&plan["parked"], &plan["affected"]), (&1.into(), &0.into()));

    site.write("templates/hello.md", of_name("Hello").replace("name }}", "name or \"you\" }}"));
    site.json(&["apply"]);
    assert_eq!(site.json(&["tick"])["sent"], 1);
    site.write("templates/hello.md", of_name("Good evening"));
    let ran = site.run(&["plan"]);
    assert!(ran.code == 0 && !ran.out.contains("parked"), "{ran:?}");
}

#[test]
fn a_rollback_needs_a_release_to_go_back_to() {
    let site = Site::new();
    assert_eq!(site.run(&["migrate"]).code, 0);
    let ran = site.run(&["rollback"]);
    assert!(ran.code == 1 && ran.err.contains("nothing is live yet"), "{ran:?}");
    let site = Site::live();
    let ran = site.run(&["rollback"]);
    assert!(ran.code == 1 && ran.err.contains("nothing was live before"), "{ran:?}");
    let ran = site.run(&["rollback", "7"]);
    assert!(ran.code == 1 && ran.err.contains("no release 7"), "{ran:?}");
    let first = site.json(&["releases"])["releases"][0].clone();
    site.write(
        "workflows/more.yaml",
        "workflow: more\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - tag: in\n",
    );
    assert_eq!(site.run(&["apply"]).code, 0);
    let back = site.json(&["rollback", first["release"].as_str().expect("a text")]);
    assert_eq!(
        (&back["changed"], &back["plan"]["workflows"][0]["what"]),
        (&true.into(), &"removed".into())
    );
    let all = site.json(&["releases"]);
    assert_eq!(all["releases"][0]["hash"], first["hash"], "the same folder");
    assert!(
        all["releases"][0]["reason"].as_str().expect("a text").starts_with("rollback to release")
    );
    assert_eq!(
        site.json(&["rollback", first["release"].as_str().expect("a text")])["changed"],
        false
    );
}

#[test]
fn a_rollback_is_checked_beside_the_configuration() {
    let site = Site::live();
    let without = std::fs::read_to_string(site.path("nurtured.toml")).expect("a file");
    let webhook =
        "[webhook.crm]\nurl = \"https://crm.example/hook\"\nsecret_file = \"crm.secret\"\n";
    site.write("nurtured.toml", format!("{without}{webhook}"));
    site.write(
        "workflows/hook.yaml",
        "workflow: hook\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - webhook: crm\n",
    );
    assert_eq!(site.run(&["apply"]).code, 0);
    std::fs::remove_file(site.path("workflows/hook.yaml")).expect("removed");
    assert_eq!(site.run(&["apply"]).code, 0);
    site.write("nurtured.toml", &without);
    let ran = site.run(&["rollback"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
    assert!(ran.err.contains("no target `crm`") && ran.err.contains("put back"), "{ran:?}");
    site.write("nurtured.toml", format!("{without}{webhook}"));
    assert_eq!(site.run(&["rollback"]).code, 0);

    // What it says is to be done can be done: the files of that release are in no folder.
    let steps = |more: &str| {
        format!(
            "workflow: hello\npurpose: insights\non_change: migrate\nenter:\n  by_hand: yes\nsteps:\n{more}  - email: hello\n"
        )
    };
    for more in ["  - tag: in\n", "  - wait: 9d\n    id: think\n"] {
        site.write("workflows/hello.yaml", steps(more));
        assert_eq!(site.run(&["apply"]).code, 0);
    }
    site.write("leads.csv", "email,consent\nann@a.example,yes\n");
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    site.json(&["enrol", "hello", "ann@a.example"]);
    site.json(&["tick"]);
    let ran = site.run(&["rollback"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("1 lead is at the step `think`"), "{ran:?}");
    assert!(ran.err.contains("back into the campaign folder"), "{ran:?}");
}

#[test]
fn why_says_of_whom_nobody_has_decided_yet_and_nothing_of_what_is_to_come() {
    let site = Site::live();
    site.write("leads.csv", "email,consent\nann@a.example,yes\n");
    site.json(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    site.json(&["tick"]);
    let why = ["why", "ann@a.example"];
    let why_not = ["why-not", "ann@a.example", "--workflow", "all-of-them"];
    assert_eq!(site.json(&why)["undecided"], false);
    site.write(
        "workflows/all-of-them.yaml",
        "workflow: all-of-them\npurpose: insights\nenter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - wait: 3d\n",
    );
    assert_eq!(site.run(&["apply"]).code, 0);
    for arguments in [&why[..], &why_not] {
        assert_eq!(site.json(arguments)["undecided"], true);
        let said = site.run(arguments);
        assert!(said.out.contains("Note: no engine has decided it yet"), "{said:?}");
    }
    site.json(&["tick"]);
    let by_hand = site.json(&["why-not", "ann@a.example", "--workflow", "hello"]);
    let advice = by_hand["bars"][0]["advice"].as_str().expect("a text");
    assert!(advice.contains("`nurtured enrol hello ann@a.example`"), "{by_hand}");
    for arguments in [&why[..], &why_not] {
        assert_eq!(site.json(arguments)["undecided"], false);
        assert!(!site.run(arguments).out.contains("Note:"));
        let later = [arguments, &["--at", "2199-01-01"]].concat();
        let ran = site.run(&later);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains("is still to come"), "{ran:?}");
    }
}

#[test]
fn a_workflow_is_drawn_with_figures_where_there_are_any() {
    let site = Site::campaign();
    let ran = site.run(&["graph", "hello"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("flowchart TD\n"), "{ran:?}");
    assert!(!ran.out.contains("entered"), "{ran:?}");
    assert!(ran.err.contains("without figures: there is no database"), "{ran:?}");
    assert_eq!(site.run(&["graph", "hello", "--live"]).code, 3);
    assert_eq!(site.run(&["graph", "hello", "--mermaid", "--svg", "a.svg"]).code, 2);
    let unknown = site.run(&["graph", "helo"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("there are: hello"), "{unknown:?}");
    // Nobody is told of a database where none was named.
    let alone = Site::bare();
    for file in ["workflows/campaign.yaml", "workflows/hello.yaml", "templates/hello.md"] {
        alone.write(file, std::fs::read(site.path(file)).expect("a file"));
    }
    let ran = alone.run(&["graph", "hello"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");

    for command in ["migrate", "apply"] {
        assert_eq!(site.run(&[command]).code, 0);
    }
    site.write("leads.csv", "email,consent\nann@a.example,yes\nbo@b.example,yes\n");
    site.run(&["leads", "import", "leads.csv", "--purpose", "insights"]);
    assert_eq!(site.run(&["enrol", "hello", "ann@a.example"]).code, 0);
    assert_eq!(site.run(&["tick"]).code, 0);
    // What is only in the folder is drawn, too, without figures.
    site.write(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter:\n  by_hand: yes\nsteps:\n  - email: hello\n  - wait: 3d\n",
    );
    let drawn = site.run(&["--json", "graph", "hello", "--svg", "hello.svg"]).document();
    let report = site.run(&["--json", "report", "workflow", "hello"]).document();
    let (step, counted) = (&drawn["steps"][0], &report["steps"][0]);
    assert_eq!(drawn["leads"]["entered"], 1);
    for figure in ["entered", "went_on", "sent"] {
        assert_eq!(step["figures"][figure], counted[figure], "{figure}");
    }
    let here = ["waiting", "held", "ready", "mailing"].map(|it| counted[it].as_u64().expect("it"));
    assert_eq!(step["figures"]["here"], here.iter().sum::<u64>());
    assert_eq!(step["ways"][0]["to"], "wait.3d");
    assert!(drawn["steps"][1]["figures"].is_null());
    assert!(std::fs::read_to_string(site.path("hello.svg")).expect("a file").contains("entered"));
    let live = site.run(&["--json", "graph", "hello", "--live"]).document();
    assert_eq!(live["steps"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_test_writes_its_mails_and_one_that_cannot_be_written_does_not_leave() {
    let site = Site::campaign();
    site.write(
        "templates/seats.md",
        "---\nsubject: Seats\n---\n{{ city }} {{ postal_address }} [stop]({{ unsubscribe_url }})\n",
    );
    site.write(
        "templates/after.md",
        "---\nsubject: After\n---\n{{ postal_address }} [stop]({{ unsubscribe_url }})\n",
    );
    let workflow = |send: &str| {
        let text = format!(
            "workflow: seats\npurpose: insights\nenter: {{ event: form.submitted, object: contact }}\nsend: {{ now: yes{send} }}\n\
             steps:\n  - email: seats\n  - email: after\n"
        );
        site.write("workflows/seats.yaml", text);
    };
    let case = |city: &str, mails: &str| {
        let text = format!(
            "tests: seats\nfrom: 2027-03-01 08:00\nuntil: 2d\nlead:\n  attributes: {{ first_name: Ada{city} }}\ncases:\n  \
             - case: one\n    happens: [{{ at: 1h, submitted: contact }}]\n    expect: [{{ mails: [{mails}] }}]\n"
        );
        site.write("workflows/seats.test.yaml", text);
    };
    let shown = |city: &str, mails: &str| {
        case(city, mails);
        let ran = site.run(&["test", "--timelines", "workflows/seats.test.yaml"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.out
    };
    workflow("");
    shown(", city: Rome", "seats, after");
    let parked = shown("", "");
    assert!(parked.contains("mail parked seats") && parked.contains("has no `city`"), "{parked}");
    workflow(", on_failure: skip");
    let skipped = shown("", "after");
    assert!(skipped.contains("mail refused seats"), "{skipped}");
}

#[test]
fn what_is_named_and_not_there_is_told_with_what_there_is() {
    let site = Site::live();
    let cases = "tests: hello\nfrom: 2027-03-01 08:00\nuntil: 2d\ncases:\n  - case: a mail on monday\n    \
                 expect: [{ no_mail: hello }]\n";
    site.write("workflows/hello.test.yaml", cases);
    let ran = site.run(&["test", "--case", "tuesday"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("`tuesday`") && ran.err.contains("`a mail on monday`"), "{ran:?}");

    let config = site.path("none.toml");
    let config = config.to_str().expect("a path");
    for command in ["check", "test", "plan"] {
        let ran = site.run(&["--config", config, command]);
        assert!(ran.code == 2 && ran.err.contains("none.toml"), "{command}: {ran:?}");
    }
}

#[test]
fn of_a_database_that_was_ticked_ahead_why_tells_as_of_then() {
    let site = Site::live();
    site.write(
        "workflows/monthly.yaml",
        "workflow: monthly\npurpose: insights\nenter:\n  event: lead.imported\nsend:\n  now: yes\nsteps:\n  - email: hello\n",
    );
    site.json(&["apply"]);
    site.write("ann.csv", "email,consent\nann@a.example,yes\n");
    site.json(&["leads", "import", "ann.csv", "--purpose", "insights"]);
    let ahead = nurtured::clock::Clock::System.now() + std::time::Duration::from_hours(24 * 30);
    site.json(&["tick", "--now", &ahead.to_string()]);
    let sent = &site.json(&["leads", "show", "ann@a.example"])["messages"][0];
    assert_eq!(sent["state"], "sent", "{sent}");
    let mail = sent["template"].as_str().expect("a name").to_owned();
    let why = site.run(&["why", "ann@a.example", "--mail", &mail]);
    assert!(why.code == 0 && !why.out.contains("never got"), "{why:?}");
}
