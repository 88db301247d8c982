//! `nurtured init`: the folder is right, and what it says to do next does what it says.

use std::process::Command;

use crate::support::site::Site;

/// Runs the commands that `init` prints, as they stand.
fn next_steps(site: &Site, arguments: &[&str]) -> String {
    let report = site.json(&[&["init"], arguments].concat());
    let commands: Vec<&str> =
        report["next"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_nurtured")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("sh")
        .args(["-ec", &commands.join("\n")])
        .current_dir(site.path(""))
        .env("PATH", format!("{}:{path}", binary.display()))
        .env_remove("NURTURED_DATABASE")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{out}{err}");
    out.into_owned()
}

fn mails(site: &Site, outbox: &str) -> Vec<String> {
    let files = std::fs::read_dir(site.path(outbox)).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_new_folder_is_right_and_its_next_steps_lead_to_a_mail() {
    let site = Site::bare();
    let out = next_steps(&site, &["first"]);
    assert!(out.contains("1 workflow, 1 segment, 1 mail: no problems."), "{out}");
    let [mail] = &mails(&site, "first/outbox")[..] else { panic!("{out}") };
    assert!(mail.contains("<ada@example.com>"), "{mail}");
    assert!(mail.contains("To: Giulia <giulia@castello.example>"), "{mail}");
    // What the commands made is left out of git.
    let ignored = std::fs::read_to_string(site.path("first/.gitignore")).unwrap();
    for made in ["nurtured.db", "nurtured.secrets", "outbox"] {
        assert!(site.path("first").join(made).exists() && ignored.contains(made), "{made}");
    }
}

/// The secrets are made with the database: neither is missed before.
#[test]
fn what_is_asked_before_the_database_is_made_says_how_to_make_it() {
    let site = Site::bare();
    site.run(&["init", "."]);
    for arguments in [
        &["render", "welcome/hello", "--lead", "a@a.example"][..],
        &["send-test", "welcome/hello", "--lead", "a@a.example", "--to", "b@a.example"],
        &["doctor"],
    ] {
        let ran = site.run(arguments);
        let said = format!("{}{}", ran.out, ran.err);
        let is_right = said.contains("run `nurtured migrate`") && !said.contains("new-secrets");
        assert!(ran.code != 0 && is_right, "{said}");
    }
}

#[test]
fn sender_and_language_are_taken_whatever_stands_in_them() {
    let site = Site::bare();
    let sender = "Zoë \"Z\" O'Neil: #1 <zoe@ours.example>";
    let out = next_steps(&site, &["it's new", "--sender", sender, "--language", "it"]);
    assert!(out.contains("no problems"), "{out}");
    let mail = mails(&site, "it's new/outbox").remove(0);
    assert!(mail.contains("<zoe@ours.example>") && mail.contains("Subject: Benvenuto"), "{mail}");
}

#[test]
fn nothing_of_anybodys_is_written_over() {
    let site = Site::bare();
    site.write("mine/.git/config", "");
    assert_eq!(site.run(&["init", "mine"]).code, 0, "a clone that is empty yet");
    let before = std::fs::read_to_string(site.path("mine/nurtured.toml")).unwrap();
    let ran = site.run(&["init", "mine", "--language", "it"]);
    assert!(ran.code == 1 && ran.err.contains("not empty"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(site.path("mine/nurtured.toml")).unwrap(), before);
    site.write("file", "");
    assert_eq!(site.run(&["init", "file"]).code, 1);
    assert_eq!(site.run(&["init", "new", "--sender", "nobody"]).code, 2);
    assert!(!site.path("new").exists());
}
