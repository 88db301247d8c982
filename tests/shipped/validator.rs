//! The Nu HTML checker on every shipped mail and page.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use super::{
    mails::{MAILS, ROOT},
    pages::pages,
};
use crate::support::skipped::skipped;

/// Where `tests/run` puts it.
const CHECKER: &str = "target/tools/vnu/vnu.jar";

/// What the checker refuses and mails need, each with its reason.
const NEEDED: [(&str, &str); 7] = [
    ("“mso-hide”", "Outlook on Windows may show the preheader without it"),
    (
        "“mso-padding-alt”",
        "Outlook on Windows gives a link no padding, so a button's cell has it there",
    ),
    ("“mso-table-lspace”", "MJML: Outlook on Windows keeps room beside tables without it"),
    ("“mso-table-rspace”", "MJML: the same on the other side"),
    ("“xmlns:v”", "MJML: Outlook on Windows draws pictures behind words by it"),
    ("“xmlns:o”", "MJML: the same"),
    (
        "“vertical-align” not allowed on element “td”",
        "MJML writes it beside the style, for old programs",
    ),
];

#[tokio::test]
async fn no_mail_or_page_has_an_error() {
    let checker = Path::new(ROOT).join(CHECKER);
    if !checker.exists() || Command::new("java").arg("-version").output().is_err() {
        skipped(&format!(
            "shipped mails and pages before the Nu checker: there is no java, or no {CHECKER}"
        ));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for mail in MAILS.iter() {
        fs::write(folder.path().join(format!("{}.html", mail.name)), &mail.html).unwrap();
    }
    for page in pages().await {
        fs::write(folder.path().join(format!("{}.html", page.name)), page.html).unwrap();
    }
    let output = Command::new("java")
        .arg("-jar")
        .arg(checker)
        .args(["--format", "json", "--stdout", "--exit-zero-always"])
        .arg(folder.path())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut errors = Vec::new();
    for message in report["messages"].as_array().unwrap() {
        let said = message["message"].as_str().unwrap_or_default();
        let needed = NEEDED.iter().any(|(what, _)| said.contains(what));
        let file = message["url"].as_str().unwrap_or_default().rsplit('/').next().unwrap();
        let line = format!("{file}:{}: {said}", message["lastLine"]);
        if message["type"] == "info" {
            println!("{line}");
        } else if !needed {
            errors.push(line);
        }
    }
    assert!(errors.is_empty(), "{errors:#?}");
}
