use std::{fs, os::unix::fs::PermissionsExt as _};

use proptest::prelude::*;

use super::*;

const MAIL: MailRef = MailRef { lead: LeadId(7), message: MessageId(1_234_567_890_123) };
const TARGET: &str = "https://www.example.com/report?utm_source=nurtured";

fn keyring() -> Keyring {
    Keyring::from_seed(1)
}

fn mails() -> impl Strategy<Value = MailRef> {
    (any::<i64>(), any::<i64>())
        .prop_map(|(lead, message)| MailRef { lead: LeadId(lead), message: MessageId(message) })
}

/// The text with one bit of one byte flipped, if it is a text still.
fn flipped(text: &str) -> impl Iterator<Item = String> + '_ {
    (0..text.len() * 8).filter_map(|bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    })
}

#[test]
fn no_token_survives_a_flipped_bit() {
    let keys = keyring();
    let click = keys.click(&MAIL, TARGET).unwrap();
    assert_eq!(keys.read_click(&click), Some((MAIL, TARGET.to_owned())));
    for token in flipped(&click) {
        assert_eq!(keys.read_click(&token), None, "{token}");
    }
    for token in flipped(&keys.open_pixel(&MAIL)) {
        assert_eq!(keys.read_open_pixel(&token), None, "{token}");
    }
    for token in flipped(&keys.unsubscribe(&MAIL)) {
        assert_eq!(keys.read_unsubscribe(&token), None, "{token}");
    }
    // Letter case is the one thing that a bounce address may lose on its way.
    let bounce = keys.bounce_local_part(&MAIL);
    for part in flipped(&bounce).filter(|part| !part.eq_ignore_ascii_case(&bounce)) {
        assert_eq!(keys.read_bounce(&part), None, "{part}");
    }
    let id = keys.message_id(&MAIL);
    for part in flipped(&id).filter(|part| !part.eq_ignore_ascii_case(&id)) {
        assert_eq!(keys.read_message_id(&part), None, "{part}");
    }
}

#[test]
fn a_token_serves_one_purpose() {
    let keys = keyring();
    let (open, unsubscribe) = (keys.open_pixel(&MAIL), keys.unsubscribe(&MAIL));
    let click = keys.click(&MAIL, TARGET).unwrap();
    assert_eq!(keys.read_unsubscribe(&open), None);
    assert_eq!(keys.read_open_pixel(&unsubscribe), None);
    assert_eq!(keys.read_click(&unsubscribe), None);
    assert_eq!(keys.read_unsubscribe(&click), None);
    let bounce = keys.bounce_local_part(&MAIL);
    assert_eq!(keys.read_message_id(bounce.strip_prefix("bounce+").unwrap()), None);
    assert_ne!(keys.message_key(MAIL.message), keys.message_key(MessageId(8)));
}

#[test]
fn a_target_that_is_no_web_address_is_not_signed() {
    for bad in ["javascript:alert(1)", "//evil.example", "https://a@evil.example", "https://a\\b"] {
        assert!(keyring().click(&MAIL, bad).is_err(), "{bad}");
    }
}

#[test]
fn a_target_is_checked_when_read_too_whoever_signed_it() {
    let keys = keyring();
    let mut payload = MAIL.to_bytes().to_vec();
    payload.extend_from_slice(b"javascript:alert(1)");
    assert_eq!(keys.read_click(&keys.seal(Purpose::Click, &payload)), None);
    payload.truncate(REF);
    payload.extend_from_slice(&[0xff, 0xfe]);
    assert_eq!(keys.read_click(&keys.seal(Purpose::Click, &payload)), None);
}

#[test]
fn a_bounce_address_survives_a_change_of_case_and_fits() {
    let keys = keyring();
    for mail in [MAIL, MailRef { lead: LeadId(i64::MIN), message: MessageId(i64::MAX) }] {
        let part = keys.bounce_local_part(&mail);
        assert!(part.len() <= 64, "{}", part.len());
        assert_eq!(keys.read_bounce(&part), Some(mail));
        assert_eq!(keys.read_bounce(&part.to_uppercase()), Some(mail));
    }
    for bad in ["", "bounce+", "bounce+.", "bounce", "ada", "bounce+é.é", "bouncé+a.b"] {
        assert_eq!(keys.read_bounce(bad), None);
    }
}

#[test]
fn a_shortened_mac_is_no_mac() {
    let keys = keyring();
    let token = keys.unsubscribe(&MAIL);
    for length in 0..token.len() {
        assert_eq!(keys.read_unsubscribe(&token[..length]), None);
    }
    let part = keys.bounce_local_part(&MAIL);
    for length in 0..part.len() {
        assert_eq!(keys.read_bounce(&part[..length]), None);
    }
}

#[test]
fn the_file_is_made_once_and_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nurtured.secrets");
    assert!(matches!(Keyring::load(&path), Err(KeyringError::Missing(_))));

    let made = Keyring::create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read_to_string(&path).unwrap();
    assert!(matches!(Keyring::create(&path), Err(KeyringError::Exists(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no half-made file is left");

    let loaded = Keyring::load(&path).unwrap();
    assert_eq!(loaded.read_unsubscribe(&made.unsubscribe(&MAIL)), Some(MAIL));

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Keyring::load(&path).unwrap_err().to_string();
    assert!(refused.contains("chmod 600") && refused.contains("640"), "{refused}");
}

#[test]
fn the_newest_key_signs_and_all_verify() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    let old = Keyring::create(&path).unwrap();
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str(&format!("[[key]]\nid = 9\nsecret = \"{}=\"\n", "A".repeat(43)));
    fs::write(&path, text).unwrap();
    let new = Keyring::load(&path).unwrap();

    assert_eq!(format!("{new:?}"), "Keyring { ids: [1, 9], .. }");
    assert_eq!(new.read_open_pixel(&old.open_pixel(&MAIL)), Some(MAIL));
    assert_eq!(new.read_bounce(&old.bounce_local_part(&MAIL)), Some(MAIL));
    assert_eq!(old.read_open_pixel(&new.open_pixel(&MAIL)), None);
    assert_eq!(new.message_id(&MAIL), old.message_id(&MAIL));
    assert_eq!(new.message_key(MAIL.message), old.message_key(MAIL.message));
}

#[test]
fn a_broken_file_is_refused_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets");
    let secret = format!("{}A=", "B".repeat(42));
    for (text, says) in [
        (String::new(), "identity"),
        (format!("identity = \"{secret}\"\n"), "[[key]]"),
        (format!("identity = \"{secret}\"\n[[key]]\nid = 1\nsecret = \"BBBB\"\n"), "key 1"),
        (format!("identity = \"{secret}\"\n[[key]]\nid = 300\nsecret = \"{secret}\"\n"), "line 3"),
        (
            format!(
                "identity = \"{secret}\"\n{}",
                format!("[[key]]\nid = 1\nsecret = \"{secret}\"\n").repeat(2)
            ),
            "twice",
        ),
        (format!("identity = \"{secret}\"\n[[key]]\nid = 1\nBBBB = 1\n"), "line 4"),
        (format!("identity = \"{secret}\"\nBBBB{secret}\n"), "line 2"),
    ] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = Keyring::load(&path).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("BBBB"), "{error}");
    }
}

#[test]
fn other_seeds_are_other_keys() {
    let token = Keyring::from_seed(2).unsubscribe(&MAIL);
    assert_eq!(keyring().read_unsubscribe(&token), None);
}

proptest! {
    #[test]
    fn what_is_signed_is_read(mail in mails(), path in "[a-zA-Z0-9/._~-]{0,200}") {
        let keys = keyring();
        let target = format!("https://www.example.com/{path}");
        let token = keys.click(&mail, &target).unwrap();
        prop_assert!(token.len() <= TOKEN_LIMIT);
        prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        prop_assert_eq!(keys.read_click(&token), Some((mail, target)));
        prop_assert_eq!(keys.read_open_pixel(&keys.open_pixel(&mail)), Some(mail));
        prop_assert_eq!(keys.read_unsubscribe(&keys.unsubscribe(&mail)), Some(mail));
        prop_assert_eq!(keys.read_bounce(&keys.bounce_local_part(&mail)), Some(mail));
        prop_assert_eq!(keys.read_message_id(&keys.message_id(&mail)), Some(mail));
    }

    #[test]
    fn random_text_says_nothing(text in "\\PC{0,120}", token in "[A-Za-z0-9_-]{0,120}") {
        let keys = keyring();
        for text in [text, token] {
            prop_assert_eq!(keys.read_click(&text), None);
            prop_assert_eq!(keys.read_open_pixel(&text), None);
            prop_assert_eq!(keys.read_unsubscribe(&text), None);
            prop_assert_eq!(keys.read_bounce(&format!("bounce+{text}")), None);
            prop_assert_eq!(keys.read_message_id(&text), None);
        }
    }
}
