//! Every shipped mail in each of its languages, as `nurtured render --eml` makes it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use mail_parser::MessageParser;

use crate::support::site::Site;

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Of the first we know all that mails use, and may track them; of the other an address, a long one.
const LEADS: [(&str, &str); 2] = [
    ("full", "giulia.bianchi@castello.example"),
    ("sparse", "bartholomew.featherstonehaugh@purchasing.northern-manufacturing-holdings.example"),
];

/// Gmail cuts mails off at 102 KB; we want to be read on a train.
const HEAVIEST: usize = 12_000;

pub struct ShippedMail {
    /// `cold-case-study.it.full`.
    pub name: String,
    /// For a lead of whom we know much.
    pub is_full: bool,
    pub eml: Vec<u8>,
    pub html: String,
    pub text: String,
    pub subject: String,
}

/// Made once for all tests.
pub static MAILS: LazyLock<Vec<ShippedMail>> = LazyLock::new(|| {
    let site = site();
    let templates = Path::new(ROOT).join("templates");
    let mut names = BTreeSet::new();
    find(&templates, &templates, &mut names);
    let variants = names.iter().flat_map(|(name, language)| {
        LEADS.iter().map(move |(kind, address)| (name, language, *kind, *address))
    });
    variants
        .map(|(name, language, kind, address)| {
            let of_house = if language.is_empty() { "en" } else { language };
            let arguments = ["render", name, "--lead", address, "--language", of_house, "--eml"];
            let ran = site.run(&arguments);
            assert_eq!(ran.code, 0, "{name}: {}", ran.err);
            let eml = ran.out.into_bytes();
            let message = MessageParser::new().parse(&eml).expect("a mail");
            let (html, text) = (message.body_html(0).unwrap(), message.body_text(0).unwrap());
            ShippedMail {
                name: format!("{}.{of_house}.{kind}", name.replace('/', "-")),
                is_full: kind == "full",
                html: html.into_owned(),
                text: text.into_owned(),
                subject: message.subject().unwrap().to_owned(),
                eml,
            }
        })
        .collect()
});

/// A copy of the shipped campaign, live, with the two leads.
fn site() -> Site {
    let site = Site::bare();
    site.write("nurtured.toml", fs::read(Path::new(ROOT).join("nurtured.toml")).unwrap());
    for folder in ["workflows", "templates"] {
        copy(&Path::new(ROOT).join(folder), &site.path(folder));
    }
    let ((_, full), (_, sparse)) = (LEADS[0], LEADS[1]);
    site.write(
        "leads.csv",
        format!(
            "Email,First Name,Last Name,Company Name,Job Title,Industry,City,Country/Region,Phone Number,Marketing consent,Consent date\n\
             {full},Giulia,Bianchi,Castello Applicazioni Industriali S.p.A.,Responsabile acquisti,manufacturing,Bergamo,Italy,+39 035 555 0100,yes,2026-01-15\n\
             {sparse},,,,,,,,,no,\n"
        ),
    );
    for command in [
        &["migrate"] as &[&str],
        &["apply"],
        &["leads", "import", "leads.csv", "--purpose", "insights"],
    ] {
        let ran = site.run(command);
        assert_eq!(ran.code, 0, "{command:?}: {} {}", ran.out, ran.err);
    }
    site
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in entries(from) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// The mails under a folder, by name and language.
fn find(folder: &Path, templates: &Path, names: &mut BTreeSet<(String, String)>) {
    for entry in entries(folder) {
        let path = entry.strip_prefix(templates).unwrap().to_str().unwrap().to_owned();
        if entry.is_dir() {
            if !["layouts", "partials"].contains(&path.as_str()) {
                find(&entry, templates, names);
            }
        } else if let Some((stem, "md" | "html" | "mjml")) = path.rsplit_once('.') {
            let (name, language) = stem.split_once('.').unwrap_or((stem, ""));
            names.insert((name.to_owned(), language.to_owned()));
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn each_is_light_short_of_subject_and_in_english_and_italian() {
    assert!(MAILS.len() >= 40, "{}", MAILS.len());
    for mail in MAILS.iter() {
        println!(
            "{:>6} bytes of html, {:>6} of mail  {}",
            mail.html.len(),
            mail.eml.len(),
            mail.name
        );
        assert!(mail.html.len() < HEAVIEST, "{}: {} bytes", mail.name, mail.html.len());
        assert!(mail.subject.chars().count() <= 50, "{}: {}", mail.name, mail.subject);
        let (stem, kind) = mail.name.rsplit_once('.').unwrap();
        let (stem, language) = stem.rsplit_once('.').unwrap();
        let other = if language == "en" { "it" } else { "en" };
        let pair = format!("{stem}.{other}.{kind}");
        assert!(MAILS.iter().any(|mail| mail.name == pair), "{pair} is missing");
    }
}

#[test]
fn none_pretends_to_be_what_it_is_not() {
    for mail in MAILS.iter() {
        let subject = mail.subject.to_lowercase();
        let answers = ["re:", "r:", "fw:", "fwd:", "i:"];
        let claims = answers.iter().any(|start| subject.starts_with(start));
        assert!(!claims && !subject.contains('!'), "{}: {}", mail.name, mail.subject);
        assert!(mail.text.contains("Ada Rossi"), "{} is signed", mail.name);
    }
}
