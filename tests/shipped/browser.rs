//! Every shipped mail and page in Chromium: on a telephone and in a wide window, in light and in dark.
//! The pictures are in `target/screenshots/`, to be looked at.

use std::{fs, path::Path};

use super::{
    chromium::Chromium,
    mails::{MAILS, ROOT},
    pages::pages,
};
use crate::support::skipped::skipped;

/// What is measured on each, and what is wrong with it in words.
const FAULTS: &str = include_str!("faults.js");

#[tokio::test]
async fn mails_and_pages_look_right_narrow_and_wide_light_and_dark() {
    let Some(mut browser) = Chromium::start() else {
        skipped("shipped mails and pages in a browser: chromium is not installed");
        return;
    };
    let pictures = Path::new(ROOT).join("target/screenshots");
    fs::create_dir_all(&pictures).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pages = pages().await;
    let mails = MAILS.iter().map(|mail| (&mail.name, &mail.html, mail.is_full));
    let all: Vec<_> =
        mails.chain(pages.iter().map(|page| (&page.name, &page.html, true))).collect();
    for (name, html, _) in &all {
        fs::write(folder.path().join(format!("{name}.html")), html).unwrap();
    }
    let mut faults = Vec::new();
    for width in [360, 800] {
        for (scheme, dark) in [("light", false), ("dark", true)] {
            browser.emulate(width, dark);
            for (name, _, pictured) in &all {
                browser.open(&folder.path().join(format!("{name}.html")));
                let found = browser.evaluate(FAULTS);
                for fault in found.as_array().expect("a list") {
                    faults
                        .push(format!("{name}, {width} px, {scheme}: {}", fault.as_str().unwrap()));
                }
                if *pictured {
                    let picture = pictures.join(format!("{name}-{width}-{scheme}.png"));
                    fs::write(picture, browser.picture(width)).unwrap();
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The measure measures: a page with each fault has it told.
#[test]
fn what_is_wrong_is_found() {
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    fs::write(
        &page,
        "<meta name=viewport content='width=device-width'><body style='background:#fff'><div style='mso-hide:all'>preheader</div>\
         <p style='color:#888;font-size:11px'>pale</p><p><a href='#'>low</a></p>\
         <div style='width:400px'>wide</div>",
    )
    .unwrap();
    browser.emulate(360, false);
    browser.open(&page);
    let found = browser.evaluate(FAULTS).to_string();
    for fault in
        ["408 px wide", "contrast of 3.5", "11 px", "high to touch", "seen", "no title", "no lang"]
    {
        assert!(found.contains(fault), "{fault}: {found}");
    }
}
