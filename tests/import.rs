//! Imports through the binary: every kind of dirt is taken, merged or refused with its reason.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use nurtured::{
    domain::{
        address::Address,
        lead::{Basis, Suppression},
        value::Schema,
    },
    engine::import::{
        EventsImport, LeadsImport, Mapping, SuppressionsImport, import_events, import_leads,
        import_suppressions,
    },
    store::records::ImportRun,
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::behind,
    site::{Site, shared},
};

fn import(site: &Site, content: impl AsRef<[u8]>, more: &[&str]) -> Value {
    site.write("in.csv", content);
    let mut arguments = vec!["leads", "import", "in.csv"];
    arguments.extend(more);
    site.json(&arguments)
}

fn reasons(report: &Value) -> Vec<String> {
    let findings = report["findings"]["first"].as_array().expect("a list");
    findings
        .iter()
        .map(|f| format!("{}/{}: {}", f["row"], f["column"].as_str().unwrap_or(""), f["reason"]))
        .collect()
}

fn figures(report: &Value) -> [u64; 5] {
    ["rows", "created", "updated", "merged", "rejected"]
        .map(|name| report[name].as_u64().expect("a figure"))
}

#[test]
fn addresses_are_one_whatever_their_case_spaces_and_domain_form() {
    let site = Site::migrated();
    let report = import(
        &site,
        "email,first_name,job_title\n\
         ann@bücher.example,Ann,CTO\n\
         \"  ANN@XN--BCHER-KVA.example \",,\n\
         Ann@BÜCHER.example,Anna,\n",
        &[],
    );
    assert_eq!(figures(&report), [3, 1, 0, 2, 0]);
    let lead = site.json(&["leads", "show", "ann@bücher.example"]);
    // A later value is taken, an empty cell erases nothing.
    assert_eq!(lead["attributes"]["first_name"], "Anna");
    assert_eq!(lead["attributes"]["job_title"], "CTO");
}

#[test]
fn importing_again_changes_nothing_and_an_edit_updates() {
    let site = Site::migrated();
    let file = "email,first_name\nann@a.example,Ann\nbob@a.example,Bob\n";
    assert_eq!(figures(&import(&site, file, &[])), [2, 2, 0, 0, 0]);
    let again = import(&site, file, &[]);
    assert_eq!((figures(&again), &again["unchanged"]), ([2, 0, 0, 0, 0], &json!(2)));
    let edited = import(&site, file.replace("Bob", "Robert"), &[]);
    assert_eq!((figures(&edited), &edited["unchanged"]), ([2, 0, 1, 0, 0], &json!(1)));
}

#[test]
fn rows_far_apart_that_undo_each_other_change_nothing() {
    let site = Site::migrated();
    let far: String = (0..2_500).map(|n| format!("l{n}@far.example,\n")).collect();
    let file = format!(
        "email,city\nann@a.example,Rome\nbob@a.example,\n{far}Ann@a.example,Bari\nbob@a.example,Como\nann@a.example,\n"
    );
    let first = import(&site, &file, &[]);
    assert_eq!(figures(&first), [2505, 2502, 0, 3, 0]);
    let again = import(&site, &file, &[]);
    assert_eq!((figures(&again), &again["unchanged"]), ([2505, 0, 0, 3, 0], &json!(2502)));
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(ann["attributes"]["city"], "Bari");
    let lines = ann["timeline"].as_array().expect("a list");
    let imported = lines.iter().filter(|line| line["kind"] == "lead.imported").count();
    assert_eq!(imported, 1, "{ann}");
}

#[test]
fn bad_addresses_are_refused_with_a_reason_and_kept_for_mending() {
    let site = Site::migrated();
    let report = import(
        &site,
        "email,first_name,phone\n\
         ann@a.example,Ann,1\n\
         n/a,No,2\n\
         ,Empty,3\n\
         bob at a.example,Bob,4\n\
         bob@@a.example,Bob,=1+1\n\
         bob@a.example.,Bob,+39 02 1234\n\
         bob,Bob,7\n",
        &[],
    );
    assert_eq!(figures(&report), [7, 1, 0, 0, 6]);
    assert_eq!(report["rejects_file"], "in.rejects.csv");
    let mut rejects = csv::Reader::from_path(site.path("in.rejects.csv")).expect("a file");
    let headers: Vec<String> =
        rejects.headers().expect("headers").iter().map(ToOwned::to_owned).collect();
    assert_eq!(headers[4..], ["email", "first_name", "phone"]);
    let rows: Vec<csv::StringRecord> = rejects.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 6);
    assert_eq!(&rows[0][0], "3", "the row's number as a spreadsheet shows it");
    assert!(rows.iter().all(|row| !row[2].is_empty() && !row[3].is_empty()));
    // No spreadsheet takes these for formulas.
    assert_eq!((&rows[3][6], &rows[4][6]), ("'=1+1", "'+39 02 1234"));

    // Mended in place and imported, the file gives what the rows said.
    let text = std::fs::read_to_string(site.path("in.rejects.csv")).expect("a file");
    let mended = text.replace("bob@a.example.", "bob@a.example").replace("bob@@", "eve@");
    site.write("mended.csv", mended);
    let report = site.json(&["leads", "import", "mended.csv"]);
    assert_eq!(figures(&report), [6, 2, 0, 0, 4]);
    assert_eq!(report["unknown_columns"], json!([]));
    let lead = site.json(&["leads", "show", "bob@a.example"]);
    assert_eq!(lead["attributes"]["phone"], "+39 02 1234");
}

#[test]
fn rows_are_counted_as_a_spreadsheet_shows_them() {
    let site = Site::migrated();
    let first = |report: &Value| report["findings"]["first"][0]["row"].clone();
    let file = "\nemail,first_name\n\nann@a.example,\"Ann\n\nMarie\"\n\nbob,Bob\n";
    assert_eq!(first(&import(&site, file, &[])), 6);
    let rejects = std::fs::read_to_string(site.path("in.rejects.csv")).expect("a file");
    assert!(rejects.contains(r#""6","email","it has no `@`","#), "{rejects}");
    assert!(rejects.ends_with("\"bob\",\"Bob\"\n"), "{rejects}");
    site.write("events.csv", "email,at,event\n\n\nbob,2024-01-01,page_visited\n");
    assert_eq!(first(&site.json(&["events", "import", "events.csv"])), 4);
    site.write("stop.txt", "ann@a.example\r\n\r\nnobody at all\r\n");
    assert_eq!(first(&site.json(&["suppressions", "import", "stop.txt"])), 3);
}

#[test]
fn a_cell_that_cannot_be_read_is_left_out_and_the_row_kept() {
    let site = Site::migrated();
    let report = import(
        &site,
        "email,zone,created_on,stage,language\n\
         ann@a.example,Europe/Rom,yesterday,Chieftain,12\n\
         bob@a.example,europe/rome,2024-01-03,Marketing Qualified Lead,it-IT\n",
        &[],
    );
    assert_eq!(figures(&report), [2, 2, 0, 0, 0]);
    assert_eq!(report["findings"]["total"], 4, "{report}");
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!((&ann["attributes"], &ann["stage"]), (&json!({}), &json!("lead")));
    let bob = site.json(&["leads", "show", "bob@a.example"]);
    assert_eq!(bob["attributes"]["zone"], "Europe/Rome");
    assert_eq!(bob["attributes"]["language"], "it-IT");
    assert_eq!(bob["stage"], "mql");
}

#[test]
fn a_known_lead_keeps_its_stage() {
    let site = Site::migrated();
    import(&site, "email,stage\nann@a.example,customer\n", &[]);
    import(&site, "email,stage\nann@a.example,lead\n", &[]);
    assert_eq!(site.json(&["leads", "show", "ann@a.example"])["stage"], "customer");
}

#[test]
fn consent_is_what_the_column_says() {
    let site = Site::live();
    let file = "email,marketing consent,consent date\n\
                yes@a.example,Yes,2024-01-03\n\
                no@a.example,No,\n\
                empty@a.example,,\n\
                undated@a.example,yes,\n\
                odd@a.example,perhaps,2024-01-03\n";
    let report = import(&site, file, &["--purpose", "insights"]);
    assert_eq!(figures(&report), [5, 5, 0, 0, 0]);
    let consents = |email: &str| site.json(&["leads", "show", email])["consents"].clone();
    assert_eq!(consents("yes@a.example")[0]["at"], "2024-01-03T00:00:00Z");
    let granted = |email: &str| {
        let all = consents(email);
        let all = all.as_array().expect("a list");
        all.iter().any(|consent| consent["withdrawn_at"].is_null())
    };
    assert!(granted("undated@a.example"));
    for email in ["no@a.example", "empty@a.example", "odd@a.example"] {
        assert!(!granted(email), "{email}");
    }
    // Without a purpose nothing is taken, and that is said.
    let report = import(&site, file.replace("@a.", "@b."), &[]);
    assert!(report["notes"][0].as_str().is_some_and(|note| note.contains("--purpose")), "{report}");
    assert_eq!(consents("yes@b.example"), json!([]));

    // A no takes back what was given, for good; of whom nothing is known it says nothing.
    let withdrawn = "email,consent\nyes@a.example,No\nno@a.example,No\n";
    let report = import(&site, withdrawn, &["--purpose", "insights"]);
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(1), &json!(1)));
    import(&site, file, &["--purpose", "insights"]);
    assert!(!granted("yes@a.example"));
    assert_eq!(consents("yes@a.example")[0]["at"], "2024-01-03T00:00:00Z");
    assert_eq!(consents("no@a.example"), json!([]));
}

#[test]
fn a_withdrawn_consent_is_renewed_by_a_later_date_alone_and_the_report_says_so() {
    let site = Site::live();
    let purpose = ["--purpose", "insights"];
    let head = "email,consent,consent date\n";
    import(&site, format!("{head}ann@a.example,yes,2024-01-03\n"), &purpose);
    import(&site, format!("{head}ann@a.example,no,\n"), &purpose);
    let consent = || site.json(&["leads", "show", "ann@a.example"])["consents"][0].clone();
    let withdrawn = consent()["withdrawn_at"].as_str().expect("withdrawn").to_owned();
    for row in ["yes,2024-01-04", "yes,", "yes,-"] {
        for more in [&purpose[..], &["--purpose", "insights", "--dry-run"]] {
            let report = import(&site, format!("{head}ann@a.example,{row}\n"), more);
            assert_eq!(report["unchanged"], 1, "{row}: {report}");
            let told = reasons(&report);
            assert!(told.iter().any(|reason| reason.contains(&withdrawn)), "{row}: {told:?}");
        }
    }
    let other = [&purpose[..], &["--basis", "soft_opt_in"]].concat();
    let report = import(&site, "email\nann@a.example\n", &other);
    assert!(reasons(&report)[0].contains("withdrawn"), "{report}");
    assert_eq!(consent()["withdrawn_at"], withdrawn);

    // Later than that, to the millisecond.
    let at: nurtured::domain::time::Instant = withdrawn.parse().expect("an instant");
    let later = at.next().to_string();
    let report = import(&site, format!("{head}ann@a.example,yes,{later}\n"), &purpose);
    assert_eq!((&report["updated"], &report["findings"]["total"]), (&json!(1), &json!(0)));
    assert_eq!((&consent()["at"], &consent()["withdrawn_at"]), (&json!(later), &Value::Null));
}

#[test]
fn an_opt_out_of_a_purpose_withdraws_its_consent() {
    let site = Site::live();
    let purpose = ["--purpose", "insights"];
    let yes = "ann@a.example,yes\nbob@a.example,yes\neve@a.example,yes\n";
    import(&site, format!("email,consent\n{yes}"), &purpose);
    let head = "email,consent,Opted out of email: Insights\n";
    let file = format!("{head}ann@a.example,yes,true\nbob@a.example,,No\neve@a.example,,perhaps\n");
    let report = import(&site, &file, &purpose);
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.contains("\"Opted out of email: Insights\" is written to all the same"), "{note}");

    site.write("map.toml", "[columns]\n\"Opted out of email: Insights\" = \"withdrawn\"\n");
    let mapping = ["--mapping", "map.toml"];
    let report = import(&site, &file, &mapping);
    assert!(report["notes"].to_string().contains("--purpose"), "{report}");
    assert_eq!((&report["unchanged"], &report["rejected"]), (&json!(3), &json!(0)));
    // Whatever the row says of the consent. Where nobody can tell, the row is refused.
    let report = import(&site, &file, &[purpose, mapping].concat());
    assert_eq!((&report["updated"], &report["rejected"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["still_written_to"], json!({ "first": [4], "total": 1 }));
    let withdrawn = |email: &str| {
        !site.json(&["leads", "show", email])["consents"][0]["withdrawn_at"].is_null()
    };
    assert!(withdrawn("ann@a.example") && !withdrawn("bob@a.example"));
    assert_eq!(site.json(&["status"])["suppressions"], 0);
    // A file of opt-outs alone needs no column of consents.
    let file = "email,Opted out of email: Insights\nbob@a.example,yes\n";
    import(&site, file, &[purpose, mapping].concat());
    assert!(withdrawn("bob@a.example"));
}

#[test]
fn a_consent_is_not_taken_whose_date_proves_nothing() {
    let site = Site::live();
    let file = "email,consent,consent date\n\
                ann@a.example,yes,last May\n\
                bob@a.example,yes,2999-01-03\n";
    let report = import(&site, file, &["--purpose", "insights"]);
    assert_eq!(figures(&report), [2, 2, 0, 0, 0]);
    assert_eq!(
        reasons(&report),
        [
            "2/consent date: \"`last May` is not a date\"",
            "3/consent date: \"`2999-01-03` is in the future\""
        ]
    );
    for email in ["ann@a.example", "bob@a.example"] {
        assert_eq!(site.json(&["leads", "show", email])["consents"], json!([]));
    }
}

#[test]
fn without_the_column_only_another_ground_holds_for_every_row() {
    let site = Site::live();
    site.write("in.csv", "email\nann@a.example\n");
    let ran = site.run(&["leads", "import", "in.csv", "--purpose", "insights"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let more = ["--purpose", "insights", "--basis", "legitimate-interest"];
    import(&site, "email\nann@a.example\n", &more);
    let lead = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(lead["consents"][0]["basis"], "legitimate_interest");
}

#[test]
fn with_the_column_every_ground_is_taken_row_by_row() {
    let site = Site::live();
    let file = "email,consent,consent date\nyes@a.example,yes,2024-01-03\nno@a.example,no,\n\
                nothing@a.example,,\nunclear@a.example,perhaps,\nfuture@a.example,yes,2999-01-03\n";
    import(&site, file, &["--purpose", "insights", "--basis", "soft_opt_in"]);
    for (name, count) in [("yes", 1), ("no", 0), ("nothing", 0), ("unclear", 0), ("future", 0)] {
        let lead = site.json(&["leads", "show", &format!("{name}@a.example")]);
        let consents = lead["consents"].as_array().expect("a list");
        assert_eq!(consents.len(), count, "{name}: {consents:?}");
        assert!(consents.iter().all(|consent| consent["basis"] == "soft_opt_in"), "{consents:?}");
    }
}

#[test]
fn unsubscribed_rows_are_suppressed_and_no_import_lifts_that() {
    let site = Site::migrated();
    let head = "email,unsubscribed\n";
    let report = import(&site, format!("{head}ann@a.example,true\nbob@a.example,false\n"), &[]);
    assert_eq!(report["suppressed"], 1);
    import(&site, format!("{head}ann@a.example,false\n"), &[]);
    let suppressed = |email: &str| site.json(&["leads", "show", email])["suppressed"].clone();
    assert_eq!(suppressed("ann@a.example"), "unsubscribed");
    assert_eq!(suppressed("bob@a.example"), Value::Null);
    let words = "ida@a.example,Opted out\nleo@a.example,n/a\numa@a.example,\nkim@a.example,-\nlou@a.example,--\nmax@a.example,.\nsue@a.example,#N/A\njan@a.example,nein\nliz@a.example,Subscribed\n";
    let report = import(&site, format!("{head}{words}"), &[]);
    assert_eq!((&report["created"], &report["suppressed"]), (&json!(9), &json!(1)), "{report}");
    assert_eq!(suppressed("ida@a.example"), "unsubscribed");
    assert_eq!(suppressed("jan@a.example"), Value::Null);
    assert_eq!(suppressed("liz@a.example"), Value::Null);
    assert_eq!(suppressed("leo@a.example"), Value::Null);
    assert_eq!(suppressed("uma@a.example"), Value::Null);
    assert_eq!(suppressed("kim@a.example"), Value::Null);
    // Nor does a broken cell beside it make an objection void.
    let broken = format!("{},x\nzoe@a.example,yes,{}\n", head.trim_end(), "x".repeat(70_000));
    let report = import(&site, broken, &[]);
    assert_eq!((&report["rejected"], &report["suppressed"]), (&json!(1), &json!(1)), "{report}");
    import(&site, "email\nzoe@a.example\n", &[]);
    assert_eq!(suppressed("zoe@a.example"), "unsubscribed");
}

#[test]
fn an_objection_that_cannot_be_read_refuses_its_row_and_is_told_of_whom_it_may_be() {
    let site = Site::migrated();
    let head = "email,unsubscribed\n";
    import(&site, format!("{head}ann@a.example,\nbob@a.example,yes\n"), &[]);
    site.write("stop.txt", "@stop.example\n");
    site.json(&["suppressions", "import", "stop.txt"]);
    // Two of leads known before; two of whom this file makes leads, in whatever order; five of nobody, of
    // the suppressed, and of an address that is none.
    let rows = "ann@a.example,since May\nbob@a.example,?\nnew@a.example,?\neve@a.example,!\n\
                eve@a.example,no\numa@a.example,no\numa@a.example,perhaps\nzoe@a.example,perhaps\n\
                zoe@a.example,yes\nleo@stop.example,no\nleo@stop.example,?\nbroken,?\n";
    let site_json = |more: &[&str]| import(&site, format!("{head}{rows}"), more);
    for more in [&["--dry-run"][..], &[]] {
        let report = site_json(more);
        assert_eq!(figures(&report), [12, 4, 0, 0, 8], "{report}");
        assert_eq!(report["still_written_to"], json!({ "first": [2, 5, 8], "total": 3 }));
        assert_eq!(reasons(&report)[0], "2/unsubscribed: \"`since May` is neither yes nor no\"");
    }
    let again = site.run(&["leads", "import", "in.csv", "--dry-run"]).out;
    assert!(again.contains("ATTENTION: 3 refused rows may be objections"), "{again}");
    assert!(again.contains("as before: rows 2, 5, 8. Mend"), "{again}");
    let suppressed = |email: &str| site.json(&["leads", "show", email])["suppressed"].clone();
    assert_eq!(suppressed("ann@a.example"), Value::Null);
    assert_eq!(site.run(&["leads", "show", "new@a.example"]).code, 1);
    // Mended, it says what it says.
    let rejects = std::fs::read_to_string(site.path("in.rejects.csv")).expect("a file");
    site.write("mended.csv", rejects.replace("\"since May\"", "\"yes\"").replace("\"?\"", "no"));
    let report = site.json(&["leads", "import", "mended.csv"]);
    assert_eq!((&report["created"], &report["rejected"]), (&json!(1), &json!(4)), "{report}");
    assert_eq!(suppressed("ann@a.example"), "unsubscribed");
    assert_eq!(suppressed("new@a.example"), Value::Null);
}

#[test]
fn a_doubt_far_before_the_row_that_makes_its_lead_is_told() {
    let site = Site::migrated();
    let others: String = (0..10_000).map(|n| format!("x{n}@a.example,?\n")).collect();
    let file = format!("email,unsubscribed\nann@a.example,?\n{others}ann@a.example,no\n");
    for more in [&["--dry-run"][..], &[]] {
        let report = import(&site, &file, more);
        assert_eq!(report["still_written_to"], json!({ "first": [2], "total": 1 }), "{more:?}");
    }
}

#[test]
fn a_row_of_another_width_may_be_an_objection_of_whom_it_names() {
    let site = Site::live();
    import(&site, "email\nann@a.example\nbob@a.example\nida@a.example\n", &[]);
    // A cell too many, one too few, one that is shifted; of nobody that is known; two leads in one row.
    let rows = "ann@a.example,Rossi, Ltd,yes\nbob@a.example,Rossi\nLtd,Rossi, ida@A.example,yes\n\
                new@a.example,Rossi\nann@a.example,bob@a.example,Ltd,yes\n";
    let doubts = |last: &str, more: &[&str]| {
        let report = import(&site, format!("email,company,{last}\n{rows}"), more);
        assert_eq!(
            (&report["rejected"], &report["suppressed"]),
            (&json!(5), &json!(0)),
            "{report}"
        );
        report["still_written_to"].clone()
    };
    let told = json!({ "first": [2, 3, 4, 6], "total": 4 });
    let none = json!({ "first": [], "total": 0 });
    assert_eq!(doubts("unsubscribed", &[]), told);
    assert_eq!(doubts("phone", &[]), none);
    // Opt-outs of a purpose, where the file is about one.
    assert_eq!(doubts("withdrawn", &[]), none);
    assert_eq!(doubts("withdrawn", &["--purpose", "insights"]), told);
}

#[test]
fn who_is_in_rows_behind_an_open_quote_may_have_objected() {
    let site = Site::live();
    import(&site, "email\nann@a.example\nbob@a.example\n", &[]);
    let rows = "email,unsubscribed,company\nann@a.example,no,\"A\nbob@a.example,yes,B\n";
    let report = import(&site, rows, &[]);
    assert_eq!((&report["rejected"], &report["suppressed"]), (&json!(1), &json!(0)), "{report}");
    assert_eq!(report["still_written_to"], json!({ "first": [2], "total": 1 }));
    assert!(reasons(&report)[0].contains("its quote is not closed"), "{report}");
}

#[test]
fn a_plain_objection_counts_whoever_the_other_cells_of_its_row_name() {
    let site = Site::live();
    import(&site, "email\nann@a.example\nbob@a.example\n", &[]);
    // Refused, as the note is too long; that it names somebody on a line of its own is no doubt.
    let note = "Talked to\nbob@a.example\n".repeat(4_000);
    let report =
        import(&site, format!("email,unsubscribed,note\nann@a.example,yes,\"{note}\"\n"), &[]);
    assert_eq!((&report["rejected"], &report["suppressed"]), (&json!(1), &json!(1)), "{report}");
    assert_eq!(report["still_written_to"], json!({ "first": [], "total": 0 }));
    assert_eq!(site.json(&["leads", "show", "ann@a.example"])["suppressed"], "unsubscribed");
}

#[test]
fn of_several_columns_of_objections_any_yes_is_one() {
    let site = Site::live();
    let head = "email,Email Opt Out,Unsubscribed from all email\n";
    import(&site, format!("{head}leo@a.example,no,\n"), &[]);
    // A plain yes beside a doubt is one, a doubt beside a no refuses the row.
    let rows = "ann@a.example,yes,no\nbob@a.example,no,yes\nida@a.example,perhaps,yes\n\
                uma@a.example,no,\nleo@a.example,no,perhaps\n";
    let report = import(&site, format!("{head}{rows}"), &[]);
    assert_eq!((&report["created"], &report["suppressed"]), (&json!(4), &json!(3)), "{report}");
    let doubt = "6/Unsubscribed from all email: \"`perhaps` is neither yes nor no\"";
    assert_eq!(reasons(&report), [doubt]);
    assert_eq!(report["still_written_to"], json!({ "first": [6], "total": 1 }));
    let show = |email: &str| site.json(&["leads", "show", email]);
    for (email, suppressed) in [
        ("ann@a.example", json!("unsubscribed")),
        ("bob@a.example", json!("unsubscribed")),
        ("ida@a.example", json!("unsubscribed")),
        ("uma@a.example", Value::Null),
    ] {
        assert_eq!(show(email)["suppressed"], suppressed, "{email}");
    }
    // Of opt-outs of a purpose as well.
    let purpose = ["--purpose", "insights"];
    import(&site, "email,consent\numa@a.example,yes\nleo@a.example,yes\n", &purpose);
    site.write(
        "map.toml",
        "[columns]\n\"No news\" = \"withdrawn\"\n\"No calls\" = \"withdrawn\"\n",
    );
    let file = "email,No news,No calls\numa@a.example,no,yes\nleo@a.example,no,no\n";
    let note = import(&site, file, &["--mapping", "map.toml"])["notes"].to_string();
    assert!(note.contains("No news") && note.contains("No calls"), "{note}");
    import(&site, file, &[&purpose[..], &["--mapping", "map.toml"]].concat());
    let withdrawn = |email: &str| !show(email)["consents"][0]["withdrawn_at"].is_null();
    assert!(withdrawn("uma@a.example") && !withdrawn("leo@a.example"));
}

#[test]
fn refused_rows_are_no_failure_and_every_import_says_so() {
    let site = Site::migrated();
    site.write("in.csv", "email,at,event\nnobody,,\n");
    for what in ["leads", "events", "suppressions"] {
        let ran = site.run(&[what, "import", "in.csv"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("1 rejected"), "{ran:?}");
        let help = site.run(&[what, "import", "--help"]).out;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("Refused rows do not make it fail: it exits with 0"), "{help}");
    }
}

#[test]
fn rejects_are_never_written_over_their_own_file() {
    let site = Site::migrated();
    let file = "email\nnobody\n";
    site.write("in.csv", file);
    let ran = site.run(&["leads", "import", "in.csv", "--rejects", "./in.csv"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("--rejects"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(site.path("in.csv")).expect("a file"), file);
}

#[test]
fn refused_json_lines_stay_json_lines() {
    let site = Site::migrated();
    let good = r#"{"email":"ann@a.example","at":"2024-01-03","event":"page_visited"}"#;
    site.write("in.jsonl", format!("{good}\nnot json\n"));
    let report = site.json(&["events", "import", "in.jsonl"]);
    assert_eq!(report["rejects_file"], "in.rejects.jsonl", "{report}");
    let rejects = std::fs::read_to_string(site.path("in.rejects.jsonl")).expect("a file");
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(lines.len(), 2, "{rejects}");
    let first: Value = serde_json::from_str(lines[0]).expect("json");
    assert_eq!(first["nurtured_reason"], "no lead has this address");
    assert_eq!(lines[1], "not json");
    import(&site, "email\nann@a.example\n", &[]);
    let again = site.json(&["events", "import", "in.rejects.jsonl"]);
    assert_eq!(again["recorded"], 1, "{again}");
}

#[test]
fn a_dry_run_writes_nothing() {
    let site = Site::migrated();
    let file = "email,unsubscribed\nann@a.example,true\nANN@a.example,\nbroken,\n";
    let report = import(&site, file, &["--dry-run"]);
    assert_eq!(figures(&report), [3, 1, 0, 1, 1]);
    assert_eq!(report["rejects_file"], Value::Null);
    assert!(!site.path("in.rejects.csv").exists());
    let status = site.json(&["status"]);
    assert_eq!((&status["leads"], &status["suppressions"]), (&json!(0), &json!(0)));
}

/// Whatever is known already: a dry run answers as the import after it does.
#[test]
fn a_dry_run_foretells_what_the_import_reports() {
    let site = Site::migrated();
    let agree = |arguments: &[&str]| {
        let mut dry = site.json(&[arguments, &["--dry-run"]].concat());
        let mut real = site.json(arguments);
        for report in [&mut dry, &mut real] {
            report["dry_run"].take();
            report["rejects_file"].take();
        }
        assert_eq!(dry, real, "{arguments:?}");
        real
    };
    import(&site, "email,city\nann@a.example,Rome\nbob@a.example,Bari\neve@a.example,\n", &[]);
    // Repeated also over a thousand rows, which is more than is written at once.
    let far: String = (0..1_200).map(|n| format!("l{n}@far.example,,\n")).collect();
    let head = "email,city,unsubscribed\n";
    let known = "ann@a.example,Rome,\nbob@a.example,Como,\neve@a.example,,yes\n";
    site.write(
        "leads.csv",
        format!("{head}{known}new@a.example,Rome,\n{far}{known}new@a.example,,\n"),
    );
    let report = agree(&["leads", "import", "leads.csv"]);
    let all = ["created", "updated", "unchanged", "merged", "suppressed"];
    assert_eq!(all.map(|name| &report[name]), [1201, 1, 2, 4, 2].map(Value::from).each_ref());

    let visit = |n: usize| format!("ann@a.example,2024-01-03,page_visited,/{n}\n");
    let head = "email,at,event,object\n";
    site.write("some.csv", format!("{head}{}", visit(1)));
    agree(&["events", "import", "some.csv"]);
    let many: String = (0..1_200).chain([1, 2, 2]).map(visit).collect();
    site.write("events.csv", format!("{head}{many}no@a.example,2024-01-03,page_visited,\n"));
    let report = agree(&["events", "import", "events.csv"]);
    assert_eq!((&report["recorded"], &report["duplicates"]), (&json!(1199), &json!(4)));

    let list: String = (0..1_200).map(|n| format!("l{n}@far.example\n")).collect();
    site.write(
        "stop.txt",
        format!("eve@a.example\n@new.example\n{list}@new.example\nL1@far.example\n"),
    );
    let report = agree(&["suppressions", "import", "stop.txt"]);
    assert_eq!((&report["added"], &report["known"]), (&json!(1201), &json!(3)));
}

#[test]
fn encodings_and_separators() {
    let site = Site::migrated();
    // A byte order mark, semicolons, all three line ends, a blank row.
    let file =
        "\u{feff}email;first_name\r\nann@a.example;Zoë\rbob@a.example;Bob\n\n;\neve@a.example;Eve";
    assert_eq!(figures(&import(&site, file, &[])), [3, 3, 0, 0, 0]);
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(ann["attributes"]["first_name"], "Zoë");

    site.write("latin.csv", b"email,first_name\nzoe@a.example,Zo\xEB\n");
    let ran = site.run(&["leads", "import", "latin.csv"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Windows-1252") && ran.err.contains("line 2"), "{ran:?}");

    let report =
        import(&site, b"email,first_name\nz@a.example,Zo\xEB\ny@a.example,Zo\xC3\xAB\n", &[]);
    assert_eq!(figures(&report), [2, 1, 0, 0, 1]);
    assert!(reasons(&report)[0].contains("not UTF-8"), "{report}");
}

#[test]
fn files_that_are_no_table_of_leads_are_refused_as_a_whole() {
    let site = Site::migrated();
    let wide: String = (0..300).map(|n| format!("c{n},")).collect();
    for (content, word) in [
        ("", "empty"),
        ("name,company\nAnn,Acme\n", "e-mail address"),
        ("email,name,Name\na@b.example,,\n", "two columns are called"),
        (&*wide, "columns"),
    ] {
        site.write("in.csv", content);
        let ran = site.run(&["leads", "import", "in.csv"]);
        assert!(ran.code == 1 && ran.err.contains(word), "{word}: {ran:?}");
    }
    let ran = site.run(&["leads", "import", "nowhere.csv"]);
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[test]
fn rows_that_do_not_fit_are_refused_one_by_one() {
    let site = Site::migrated();
    let long = "x".repeat(70_000);
    let file = format!(
        "email,first_name\nann@a.example\nbob@a.example,Bob,more\neve@a.example,{long}\nzoe@a.example,Zoe\n"
    );
    let report = import(&site, file, &[]);
    assert_eq!(figures(&report), [4, 1, 0, 0, 3]);
}

/// With their cells shifted they would be other people's.
#[test]
fn rejects_that_are_not_mended_are_refused_again_with_all_their_cells() {
    let site = Site::migrated();
    let header = "email,first_name,last_name";
    let rows = ["bob@a.example,Bob,Smith, Jr.", "ann@a.example,Ann", "eve@@a.example,Eve,Hart"];
    import(&site, format!("{header}\n{}\n", rows.join("\n")), &[]);
    let kept = |name: &str| -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true).from_path(site.path(name));
        let rows = reader.expect("a file").into_records().map(|row| row.expect("a row"));
        rows.map(|row| row.iter().skip(4).map(ToOwned::to_owned).collect()).collect()
    };
    let first = kept("in.rejects.csv");
    let lengths: Vec<usize> = first.iter().map(Vec::len).collect();
    assert_eq!((lengths, &*first[1][3]), (vec![3, 4, 2, 3], " Jr."));
    let mut name = "in.rejects.csv".to_owned();
    for _ in 0..3 {
        let report = site.json(&["leads", "import", &name]);
        assert_eq!(figures(&report), [3, 0, 0, 0, 3], "{name}: {report}");
        name = name.replace(".csv", ".rejects.csv");
        assert_eq!(kept(&name), first, "{name}");
    }
    // A spreadsheet has made all rows as long as the longest.
    let report = import(
        &site,
        format!("{header},\nbob@a.example,Bob,Smith, Jr.\neve@a.example,Eve,Hart,\n"),
        &[],
    );
    assert_eq!(figures(&report), [2, 1, 0, 0, 1], "{report}");
    assert_eq!(reasons(&report), ["2/: \"it has 4 cells, the header has 3\""]);

    site.write("stop.txt", "one@a.example,x\nnobody at all,y\n");
    site.json(&["suppressions", "import", "stop.txt"]);
    let rejects = std::fs::read_to_string(site.path("stop.rejects.csv")).expect("a file");
    site.write("mended.csv", rejects.replace("nobody at all", "two@a.example"));
    assert_eq!(site.json(&["suppressions", "import", "stop.rejects.csv"])["rejected"], 1);
    assert_eq!(site.json(&["suppressions", "import", "mended.csv"])["added"], 1);
}

#[test]
fn a_rejects_file_of_an_earlier_import_is_told_apart() {
    let site = Site::migrated();
    let tells = |what: &str, rows: &str| {
        site.write("in.csv", format!("email,at,event\n{rows}\n"));
        let notes = site.json(&[what, "import", "in.csv"])["notes"].to_string();
        notes.contains("in.rejects.csv is of an earlier import")
    };
    for what in ["leads", "events", "suppressions"] {
        std::fs::remove_file(site.path("in.rejects.csv")).unwrap_or_default();
        let good = "ann@a.example,2024-01-01,page_visited";
        assert!(!tells(what, good), "{what}");
        assert!(!tells(what, "nobody,,"), "{what}");
        assert!(tells(what, good), "{what}");
        assert!(site.path("in.rejects.csv").exists());
    }
}

#[test]
fn a_quote_that_never_closes_does_not_fill_the_memory() {
    let site = Site::migrated();
    let mut file = String::from("email,first_name\nann@a.example,Ann\nbob@a.example,\"Bob\n");
    file.push_str(&"eve@a.example,Eve\n".repeat(100_000));
    site.write("in.csv", file);
    let ran = site.run(&["leads", "import", "in.csv"]);
    assert!(ran.code == 1 && ran.err.contains("row 3"), "{ran:?}");
}

#[test]
fn control_characters_and_markup_are_inert() {
    let site = Site::migrated();
    let file = "email,first_name,company\n\
                ann@a.example,\"An\u{0}n\r\nBcc: x@y.example\",{{ 7*7 }}\n\
                \"bob@a.example\r\nBcc: x@y.example\",Bob,<script>\n";
    let report = import(&site, file, &[]);
    assert_eq!(figures(&report), [2, 1, 0, 0, 1]);
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(ann["attributes"]["first_name"], "An n Bcc: x@y.example");
    assert_eq!(ann["attributes"]["company"], "{{ 7*7 }}");
}

#[test]
fn other_headers_are_mapped_by_a_file() {
    let site = Site::migrated();
    site.write(
        "map.toml",
        "ignore = [\"Notes\"]\n[columns]\n\"Mail\" = \"email\"\n\"Plan\" = \"plan\"\n\"Phase\" = \"stage\"\n\
         [stages]\n\"Prospect\" = \"mql\"\n",
    );
    let file = "Mail,Plan,Phase,Notes,Shoe size\nann@a.example,gold,Prospect,x,42\n";
    let report = import(&site, file, &["--mapping", "map.toml"]);
    assert_eq!(report["unknown_columns"], json!(["Shoe size"]));
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!(ann["attributes"], json!({"plan": "gold"}));
    assert_eq!(ann["stage"], "mql");
    // Nothing declares it: it may be a slip.
    let note = report["notes"][0].as_str().expect("a note");
    assert!(note.contains("`plan`") && note.contains("`attributes:`"), "{note}");
    site.write("map.toml", "[columns]\n\"Mail\" = \"email\"\n\"Plan\" = \"job_titel\"\n");
    let report = import(&site, file, &["--mapping", "map.toml", "--dry-run"]);
    assert!(report["notes"][0].to_string().contains("did you mean `job_title`?"), "{report}");
    site.write("map.toml", "[colums]\n");
    let ran = site.run(&["leads", "import", "in.csv", "--mapping", "map.toml"]);
    assert!(ran.code == 1 && ran.err.contains("colums"), "{ran:?}");
}

#[test]
fn what_the_folder_declares_is_known_once_it_is_applied_and_the_report_says_so() {
    let site = Site::campaign();
    site.write("workflows/attributes.yaml", "attributes:\n  seats: number\n");
    assert_eq!(site.run(&["migrate"]).code, 0);
    site.write("map.toml", "[columns]\n\"Shoes\" = \"shoes\"\n");
    let file = "email,seats,Shoes\nann@a.example,40,x\n";
    let seats = || site.json(&["leads", "show", "ann@a.example"])["attributes"]["seats"].clone();
    let notes = |more: &[&str]| import(&site, file, more)["notes"].to_string();
    for more in [&[][..], &["--mapping", "map.toml"]] {
        assert!(notes(more).contains("run `nurtured apply`, then import the file again"));
    }
    assert_eq!(seats(), Value::Null);
    assert_eq!(site.run(&["apply"]).code, 0);
    assert!(!notes(&["--mapping", "map.toml"]).contains("nothing is live"));
    assert!(notes(&[]).contains("mapping file"));
    assert_eq!(seats(), 40.0);
}

#[test]
fn an_objection_of_somebody_unknown_is_remembered() {
    let site = Site::migrated();
    let csv = "email,at,event\n\
               ann@a.example,2024-01-01,lead.unsubscribed\n\
               bob@a.example,2024-01-01,mail.complained\n\
               eve@a.example,2024-01-01,page_visited\n";
    site.write("events.csv", csv);
    let report = site.json(&["events", "import", "events.csv"]);
    assert_eq!((&report["unknown_leads"], &report["recorded"]), (&3.into(), &0.into()));
    assert_eq!(
        (&site.json(&["status"])["suppressions"], &report["suppressed"]),
        (&2.into(), &2.into())
    );
}

#[test]
fn a_report_of_events_says_how_many_suppress() {
    let site = Site::migrated();
    import(&site, "email\nann@a.example\nbob@a.example\n", &[]);
    let csv = "email,at,event\n\
               ann@a.example,2024-01-01,lead.unsubscribed\n\
               ann@a.example,2024-01-02,mail_complained\n\
               bob@a.example,2024-01-01,page_visited\n\
               no@a.example,2024-01-01,lead_unsubscribed\n";
    site.write("events.csv", csv);
    for more in [&["--dry-run"][..], &[], &[]] {
        let arguments = [&["events", "import", "events.csv"], more].concat();
        assert_eq!(site.json(&arguments)["suppressed"], 3, "{more:?}");
        assert!(
            site.run(&arguments).out.contains("3 rows are of suppressed addresses"),
            "{more:?}"
        );
    }
    assert_eq!(site.json(&["leads", "show", "ann@a.example"])["suppressed"], "complained");
    assert_eq!(site.json(&["leads", "show", "bob@a.example"])["suppressed"], Value::Null);
}

#[test]
fn events_are_recorded_once() {
    let site = Site::migrated();
    import(&site, "email\nann@a.example\n", &[]);
    let csv = "email,at,event,object,outcome\n\
               ann@a.example,2024-01-01T07:16:04Z,form_submitted,webinar,\n\
               ann@a.example,2024-01-02,sales_call,,connected\n\
               nobody@a.example,2024-01-02,sales_call,,connected\n\
               ann@a.example,long ago,sales_call,,\n\
               ann@a.example,2099-01-01,page_visited,/,\n";
    site.write("events.csv", csv);
    let report = site.json(&["events", "import", "events.csv"]);
    let count = |report: &Value, name: &str| report[name].as_u64().expect("a figure");
    let all = ["rows", "recorded", "duplicates", "rejected", "unknown_leads", "clamped"];
    assert_eq!(all.map(|name| count(&report, name)), [5, 3, 0, 2, 1, 1], "{report}");
    let again = site.json(&["events", "import", "events.csv"]);
    assert_eq!(count(&again, "duplicates"), 3, "{again}");

    // The same in JSON lines is the same event.
    site.write(
        "events.jsonl",
        "{\"email\":\"ann@a.example\",\"at\":\"2024-01-01T07:16:04Z\",\"event\":\"form.submitted\",\"object\":\"webinar\"}\n\
         \n{\"email\":\"ann@a.example\",\"at\":\"2024-03-01T00:00:00Z\",\"event\":\"deal.won\",\"data\":{\"amount\":1200}}\nnonsense\n",
    );
    let report = site.json(&["events", "import", "events.jsonl"]);
    assert_eq!(all.map(|name| count(&report, name)), [3, 1, 1, 1, 0, 0], "{report}");
    let kinds: BTreeSet<String> = site.json(&["leads", "show", "ann@a.example"])["timeline"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["kind"].as_str().expect("a kind").to_owned())
        .collect();
    for kind in ["form.submitted", "sales.call", "page.visited", "deal.won"] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }
}

#[test]
fn what_a_lead_asks_of_us_is_no_event_of_a_file() {
    let site = Site::migrated();
    import(&site, "email\nann@a.example\n", &[]);
    let csv = "email,at,event,object,value\n\
               ann@a.example,2024-01-01,lead.answered,later,3mo\n\
               ann@a.example,2024-01-01,lead_answered,preferences,insights\n\
               ann@a.example,2024-01-01,lead.answered,topic,pricing\n\
               ann@a.example,2024-01-01,page.visited,later,\n";
    site.write("events.csv", csv);
    let report = site.json(&["events", "import", "events.csv"]);
    assert_eq!([&report["recorded"], &report["rejected"]], [2, 2], "{report}");
    for (reason, key) in reasons(&report).iter().zip(["later", "preferences"]) {
        assert!(reason.contains(&format!("`{key}` is no declared question")), "{reason}");
        assert!(reason.contains("/object: "), "{reason}");
    }
}

#[test]
fn addresses_and_whole_domains_are_suppressed() {
    let site = Site::migrated();
    import(&site, "email\nann@a.example\nbob@b.example\neve@sub.b.example\nzoe@c.example\n", &[]);
    site.write("stop.txt", "ANN@a.example\n@B.example\nnot a domain\n");
    let report = site.json(&["suppressions", "import", "stop.txt"]);
    assert_eq!((&report["added"], &report["rejected"]), (&json!(2), &json!(1)), "{report}");
    let suppressed = |email: &str| site.json(&["leads", "show", email])["suppressed"].clone();
    assert_eq!(suppressed("ann@a.example"), "manual");
    assert_eq!(suppressed("bob@b.example"), "manual");
    assert_eq!(suppressed("zoe@c.example"), Value::Null);
    let again = site.json(&["suppressions", "import", "stop.txt"]);
    assert_eq!((&again["added"], &again["known"]), (&json!(0), &json!(2)), "{again}");

    site.write(
        "stop.csv",
        "name,email,reason\nZoe,zoe@c.example,hard_bounce\nX,x@c.example,whim\nY,y at c,manual\n",
    );
    let report = site.json(&["suppressions", "import", "stop.csv"]);
    assert_eq!((&report["added"], &report["rejected"]), (&json!(2), &json!(1)), "{report}");
    assert_eq!(suppressed("zoe@c.example"), "hard_bounce");
    // A reason that nobody knows is a finding, and no reason to go on writing.
    assert!(report.to_string().contains("`whim` is no reason"), "{report}");
    import(&site, "email\nx@c.example\n", &[]);
    assert_eq!(suppressed("x@c.example"), "manual");
    // A lead that comes later is covered as well.
    import(&site, "email\nnew@b.example\n", &[]);
    assert_eq!(suppressed("new@b.example"), "manual");
}

/// The figures of the CRM's export, counted here once more by simpler means.
#[test]
fn a_real_export_is_taken_row_by_row() {
    let Some(contacts) = shared("crm/contacts.csv") else { return };
    let site = Site::live();
    let text = std::fs::read_to_string(&contacts).expect("a file");
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let rows: Vec<BTreeMap<String, String>> =
        reader.deserialize().map(|row| row.expect("a row")).collect();
    let is_bad = |email: &str| {
        let email = email.trim();
        let Some((local, domain)) = email.split_once('@') else { return true };
        local.is_empty() || domain.contains('@') || domain.ends_with('.') || !domain.contains('.')
    };
    let good: Vec<&BTreeMap<String, String>> =
        rows.iter().filter(|row| !is_bad(&row["Email"])).collect();
    let leads: BTreeSet<String> =
        good.iter().map(|row| row["Email"].trim().to_lowercase()).collect();
    let unsubscribed: BTreeSet<String> = good
        .iter()
        .filter(|row| row["Unsubscribed"] == "true")
        .map(|row| row["Email"].trim().to_lowercase())
        .collect();
    let suppressed_rows = good
        .iter()
        .filter(|row| unsubscribed.contains(&row["Email"].trim().to_lowercase()))
        .count();

    let path = contacts.display().to_string();
    let arguments = ["leads", "import", &path, "--purpose", "insights", "--rejects", "rejects.csv"];
    let report = site.json(&arguments);
    let expected = [rows.len(), leads.len(), 0, good.len() - leads.len(), rows.len() - good.len()];
    assert_eq!(figures(&report).map(|figure| figure as usize), expected, "{report}");
    assert_eq!(figures(&report), [6060, 5926, 0, 60, 74]);
    assert_eq!(report["suppressed"], suppressed_rows);
    assert_eq!(report["unknown_columns"], json!([]));
    let status = site.json(&["status"]);
    assert_eq!(status["leads"], leads.len());
    assert_eq!(status["suppressions"], unsubscribed.len());
    let rejects =
        csv::Reader::from_path(site.path("rejects.csv")).expect("a file").records().count();
    assert_eq!(rejects, rows.len() - good.len());

    let again = site.json(&arguments);
    // Rows that disagree about one lead, also far apart, come to the same again.
    assert_eq!((&again["created"], &again["merged"]), (&json!(0), &report["merged"]), "{again}");
    assert_eq!((&again["updated"], &again["unchanged"]), (&json!(0), &report["created"]));

    let Some(activities) = shared("crm/activities.csv") else { return };
    let path = activities.display().to_string();
    let arguments = ["events", "import", &path, "--rejects", "rejects.csv"];
    let report = site.json(&arguments);
    let mut reader = csv::Reader::from_path(&activities).expect("a file");
    let known = reader
        .records()
        .filter(|row| leads.contains(&row.as_ref().expect("a row")[0].trim().to_lowercase()))
        .count();
    assert_eq!(report["recorded"], known, "{report}");
    assert_eq!(report["rows"], 100_047);
    assert_eq!(site.json(&arguments)["duplicates"], known);
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_do_the_same_on_both_databases() {
    for_each_database(async |database| {
        let store = &database.store;
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let leads = |run: i64| LeadsImport {
            file: file(
                "leads.csv",
                "email,first_name,consent,consent_date,unsubscribed\n\
                 ann@a.example,Zoë,yes,2024-01-03,\n ANN@a.example ,,,,\nbob@a.example,Bob,,,true\nbroken,,,,\n",
            ),
            mapping: Mapping::default(),
            schema: Some(Schema::standard()),
            people: None,            run: ImportRun { id: run, source: "crm".into(), is_named: false, campaign: None },
            purpose: Some("insights".into()),
            basis: Basis::Consent,
            rejects: folder.path().join("rejects.csv"),
            dry_run: false,
        };
        let report = import_leads(store, leads(1), NOON, |_| {}).await.expect("imported");
        assert_eq!((report.rows, report.created, report.merged, report.rejected), (4, 2, 1, 1));
        assert_eq!(report.suppressed, 1);
        let again = import_leads(store, leads(2), NOON, |_| {}).await.expect("imported");
        assert_eq!((again.created, again.updated, again.unchanged, again.merged), (0, 0, 2, 1));

        let events = || EventsImport {
            file: file("events.csv", "email,at,event\nann@a.example,2024-01-03,page_visited\nno@a.example,2024-01-03,page_visited\n"),
            source: "crm".into(),
            rejects: folder.path().join("rejects.csv"),
            dry_run: false,
        };
        let report = import_events(store, events(), NOON, |_| {}).await.expect("imported");
        assert_eq!((report.recorded, report.unknown_leads), (1, 1));
        let report = import_events(store, events(), NOON, |_| {}).await.expect("imported");
        assert_eq!((report.recorded, report.duplicates), (0, 1));

        let list = SuppressionsImport {
            file: file("stop.txt", "@a.example\n"),
            source: "crm".into(),
            reason: Suppression::Manual,
            rejects: folder.path().join("rejects.csv"),
            dry_run: false,
        };
        let report = import_suppressions(store, list, NOON, |_| {}).await.expect("imported");
        assert_eq!((report.added, report.known), (1, 0));
        let ann = Address::parse("ann@a.example").expect("an address");
        assert_eq!(store.suppression_of(&ann).await.expect("read"), Some(Suppression::Manual));
    })
    .await;
}

#[tokio::test]
async fn a_damaged_lead_is_refused_with_its_row_and_the_others_are_taken() {
    for_each_database(async |database| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("leads.csv");
        std::fs::write(&path, "email,first_name\nann@a.example,Ann\nbroken\nbob@a.example,Bob\n")
            .expect("written");
        let import = |run: i64| LeadsImport {
            file: path.clone(),
            mapping: Mapping::default(),
            schema: Some(Schema::standard()),
            people: None,
            run: ImportRun { id: run, source: "crm".into(), is_named: false, campaign: None },
            purpose: None,
            basis: Basis::Consent,
            rejects: folder.path().join("rejects.csv"),
            dry_run: false,
        };
        import_leads(&database.store, import(1), NOON, |_| {}).await.expect("imported");
        let sql = "UPDATE leads SET profile = '{' WHERE address = 'bob@a.example'";
        behind(database, sql.to_owned()).await;
        let report =
            import_leads(&database.store, import(2), NOON, |_| {}).await.expect("imported");
        assert_eq!((report.rows, report.unchanged, report.rejected), (3, 1, 2));
        assert_eq!(report.findings.total, 2);
        let found = report.findings.first.last().expect("a finding");
        assert_eq!((found.row, found.rejected), (4, true));
        assert!(found.reason.contains("damaged"), "{found:?}");
    })
    .await;
}

/// Neither a template nor an import knows which name was meant: each says what the other has.
#[test]
fn a_pool_of_another_name_is_said_on_both_sides() {
    let site = Site::live();
    site.write("codes.txt", "SPRING-1\n");
    let note = "Note: the pool `spring` is new, and no live mail takes codes of it.";
    let imported = site.run(&["codes", "import", "spring", "codes.txt"]);
    assert!(imported.out.contains(note), "{imported:?}");
    let mail = std::fs::read_to_string(site.path("templates/hello.md")).unwrap();
    let mail = |pool: &str| format!("{mail}\nYour code: {{{{ code(\"{pool}\") }}}}\n");

    site.write("templates/hello.md", mail("sprinng"));
    let applied = site.run(&["apply"]);
    let says = "it takes codes of `sprinng`, of which there are none";
    let hint = "did you mean `spring`? else: nurtured codes import sprinng FILE";
    assert_eq!(applied.code, 0);
    assert!(applied.err.contains(says) && applied.err.contains(hint), "{applied:?}");
    let problems = site.json(&["apply"])["problems"].clone();
    assert_eq!(
        (&problems[0]["rule"], &problems[0]["severity"]),
        (&"no-codes".into(), &"warning".into())
    );
    let doctor = site.run(&["doctor"]);
    assert!(doctor.out.contains(says) && doctor.out.contains(hint), "{doctor:?}");

    let status = site.run(&["status"]);
    assert!(status.out.contains("sprinng: 0 left (fewer than 1), 0 given"), "{status:?}");

    let report = site.json(&["codes", "import", "sprong", "codes.txt"]);
    let note =
        "the pool `sprong` is new, and no live mail takes codes of it; did you mean `spring`?";
    assert_eq!((&report["added"], &report["notes"][0]), (&1.into(), &note.into()));
    site.write("templates/hello.md", mail("spring"));
    let applied = site.run(&["apply"]);
    assert_eq!((applied.code, applied.err.contains("takes codes")), (0, false), "{applied:?}");
    assert!(!site.run(&["doctor"]).out.contains("takes codes"));
    assert_eq!(
        site.json(&["codes", "import", "spring", "codes.txt"])["notes"],
        serde_json::json!([])
    );
}

#[test]
fn codes_go_into_their_pool_once_and_doubles_are_named_by_their_rows() {
    let site = Site::migrated();
    site.write(
        "codes.csv",
        "code,note\nSPRING-1,a\nSPRING-2,b\nSPRING-1,c\nTWO WORDS,d\n,e\n\nlast,f\n",
    );
    let foreseen = site.json(&["codes", "import", "spring", "codes.csv", "--dry-run"]);
    assert_eq!((&foreseen["added"], &foreseen["left"]), (&3.into(), &0.into()));
    let report = site.json(&["codes", "import", "spring", "codes.csv"]);
    let figures = ["rows", "added", "known", "rejected", "left"].map(|key| report[key].clone());
    assert_eq!(figures, [6, 3, 0, 3, 3].map(serde_json::Value::from));
    let findings: Vec<(u64, &str)> = report["findings"]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["row"].as_u64().unwrap(), it["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(
        findings,
        [
            (4, "`SPRING-1` stands in row 2 already"),
            (5, "this is no code"),
            (6, "there is no code"),
        ]
    );
    let rejects = std::fs::read_to_string(site.path("codes.rejects.csv")).unwrap();
    assert!(rejects.contains("\"SPRING-1\",\"c\""), "{rejects}");
    // Again, and as a plain list.
    let again = site.json(&["codes", "import", "spring", "codes.csv"]);
    assert_eq!((&again["added"], &again["known"]), (&0.into(), &3.into()));
    site.write("more.txt", "SPRING-2\nSPRING-3\n");
    let more = site.json(&["codes", "import", "spring", "more.txt", "--warn-below", "9"]);
    assert_eq!((&more["added"], &more["known"], &more["left"]), (&1.into(), &1.into(), &4.into()));
    let pools = serde_json::json!([{ "pool": "spring", "left": 4, "given": 0, "warn_below": 9 }]);
    assert_eq!(site.json(&["codes", "show"])["pools"], pools);
    assert_eq!(site.json(&["status"])["codes"], pools);
    assert_eq!(site.run(&["codes", "show", "sprig"]).code, 1);
}
