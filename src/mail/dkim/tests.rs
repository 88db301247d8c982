use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;
use crate::{
    domain::{address::Address, time::Instant},
    mail::compose::Party,
};

const RSA: &str = include_str!("../../../tests/dkim/keys/rsa.pem");
const RSA_PKCS1: &str = include_str!("../../../tests/dkim/keys/rsa.pkcs1.pem");
const ED25519: &str = include_str!("../../../tests/dkim/keys/ed25519.pem");
const SHORT: &str = include_str!("../../../tests/dkim/keys/short.pem");
const EC: &str = include_str!("../../../tests/dkim/keys/ec.pem");
/// As OpenSSL writes the public halves.
const RSA_PUBLIC: &str = include_str!("../../../tests/dkim/keys/rsa.pub");
const ED25519_PUBLIC: &str = include_str!("../../../tests/dkim/keys/ed25519.pub");

fn signer(domain: &str, selector: &str, pem: &str) -> Signer {
    let key = SigningKey::parse(pem).unwrap();
    Signer { domain: domain.to_owned(), selector: selector.to_owned(), key }
}

fn letter(from: &str) -> Letter {
    let address = |text| Address::parse(text).unwrap();
    Letter {
        from: Party::new(Some("Ada Rossi"), address(from)),
        to: Party::new(None, address("ann@example.org")),
        reply_to: None,
        subject: "Industry report".to_owned(),
        text: "Hello\n".to_owned(),
        html: Some("<p>Hello</p>".to_owned()),
        calendar: None,
        attachments: [].into(),
        message_id: "k-1@example.com".to_owned(),
        date: Instant::from_millis(1_806_476_401_000),
        key: "k-1".to_owned(),
        list: None,
        unsubscribe_url: Some("https://go.example.com/u/abc".to_owned()),
        feedback_id: None,
        auto_submitted: false,
        bounce_address: None,
    }
}

fn signed(signers: &Signers, from: &str) -> String {
    String::from_utf8(letter(from).signed(signers).unwrap().bytes).unwrap()
}

#[test]
fn keys_of_each_kind_are_read_and_their_records_are_what_openssl_says() {
    for pem in [RSA, RSA_PKCS1] {
        let value = SigningKey::parse(pem).unwrap().record().value();
        assert_eq!(value, format!("v=DKIM1; k=rsa; p={RSA_PUBLIC}"));
    }
    let record = SigningKey::parse(ED25519).unwrap().record();
    assert_eq!(record.value(), format!("v=DKIM1; k=ed25519; p={ED25519_PUBLIC}"));
    let name = "s1._domainkey.example.com";
    assert_eq!(record.zone_line(name), format!("{name}. IN TXT \"{}\"", record.value()));
}

#[test]
fn a_long_record_is_cut_into_strings_of_a_txt_record() {
    let record = SigningKey::parse(RSA).unwrap().record();
    let line = record.zone_line("s1._domainkey.example.com");
    let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    assert!(strings.len() == 2 && strings.iter().all(|string| string.len() <= 255));
    assert_eq!(strings.concat(), record.value());
}

#[test]
fn what_is_published_is_read_as_people_write_it() {
    let record = SigningKey::parse(RSA).unwrap().record();
    let spaced = record.value().replace("; ", " ;  ").replace("AQ", "A Q").replace("k=rsa ;", "");
    for text in [record.value(), spaced, record.value().trim_end_matches('=').to_owned()] {
        assert!(matches!(published(&text), Published::Key(key) if record.is(&key)), "{text}");
    }
    assert_eq!(published("v=DKIM1; p="), Published::Revoked);
    for other in ["v=spf1 -all", "v=DKIM1; k=rsa", "v=DKIM2; p=AAAA", "p=!", ""] {
        assert_eq!(published(other), Published::NoRecord, "{other}");
    }
}

#[test]
fn what_is_no_key_to_sign_with_is_refused_with_the_reason() {
    let why = |pem: &str| SigningKey::parse(pem).unwrap_err().to_string();
    assert!(why(SHORT).contains("fewer than 2048 bits"), "{}", why(SHORT));
    assert!(why(EC).contains("neither an RSA key"), "{}", why(EC));
    for none in [
        "",
        "hunter2",
        &format!("-----BEGIN PUBLIC KEY-----\n{RSA_PUBLIC}\n-----END PUBLIC KEY-----\n"),
    ] {
        assert!(why(none).contains("no private key in PEM"), "{none}");
    }
    let broken = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(why(broken).contains("neither"), "{}", why(broken));
}

#[test]
fn every_key_file_that_cannot_be_used_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("good.pem", RSA, 0o600);
    write("open.pem", RSA, 0o640);
    write("short.pem", SHORT, 0o600);
    let keys = ["good.pem", "open.pem", "short.pem", "gone.pem"];
    let tables = keys.iter().enumerate().map(|(index, key)| {
        format!(
            "[[dkim]]\ndomain = \"example.com\"\nselector = \"s{index}\"\nkey_file = \"{key}\"\n"
        )
    });
    let config = Config::parse(&tables.collect::<String>(), folder.path()).unwrap();
    let error = Signers::configured(&config).unwrap_err().to_string();
    let told = error.replace(&folder.path().display().to_string(), "DIR");
    for wanted in [
        "nurtured.toml:8:12: the DKIM key DIR/open.pem may be read by others (mode 640)\n    run `chmod 600 DIR/open.pem`",
        "nurtured.toml:12:12: the DKIM key DIR/short.pem is an RSA key of fewer than 2048 bits",
        "nurtured.toml:16:12: the DKIM key DIR/gone.pem cannot be read: No such file",
    ] {
        assert!(told.contains(wanted), "`{wanted}` is not in:\n{told}");
    }
    assert!(!told.contains("good.pem"), "{told}");
}

#[test]
fn each_key_of_the_nearest_domain_signs() {
    let signers = Signers::new(vec![
        signer("example.com", "rsa", RSA),
        signer("example.com", "ed", ED25519),
        signer("news.example.com", "news", ED25519),
    ]);
    let selectors = |from: &str| -> Vec<String> {
        let mail = signed(&signers, from).replace("\r\n\t", " ");
        let lines = mail.lines().take_while(|line| line.starts_with("DKIM-Signature:"));
        lines
            .map(|line| line.split("s=").nth(1).unwrap().split(';').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(selectors("ada@example.com"), ["rsa", "ed"]);
    assert_eq!(selectors("ada@shop.example.com"), ["rsa", "ed"]);
    assert_eq!(selectors("ada@news.example.com"), ["news"]);
    assert_eq!(selectors("ada@eu.news.example.com"), ["news"]);
    for other in ["ada@example.org", "ada@myexample.com"] {
        assert_eq!(selectors(other), [""; 0], "{other}");
    }
}

#[test]
fn a_second_try_is_signed_alike_and_nothing_else_is_changed() {
    let signers = Signers::new(vec![signer("example.com", "s1", RSA)]);
    let mail = signed(&signers, "ada@example.com");
    assert_eq!(mail, signed(&signers, "ada@example.com"));
    let unsigned = letter("ada@example.com").compose().unwrap().bytes;
    assert!(mail.as_bytes().ends_with(&unsigned));
    assert!(mail.split("\r\n").all(|line| line.len() <= 78), "{mail}");
    assert!(mail.contains("t=1806476401;") && !mail.contains("l="), "{mail}");
    assert_eq!(signed(&Signers::default(), "ada@example.com").as_bytes(), unsigned);
}

#[test]
fn a_secret_is_not_shown() {
    let key = SigningKey::parse(RSA).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(RSA, 2048 bits)");
    assert!(SigningKey::read(Path::new("/nowhere")).is_err());
}
