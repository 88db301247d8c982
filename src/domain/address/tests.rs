use std::path::Path;

use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    Address::parse(text).map_or_else(|why| panic!("{text:?}: {why}"), String::from)
}

fn refusal(text: &str) -> BadAddress {
    Address::parse(text).expect_err(text)
}

#[test]
fn variants_of_one_address_are_one_address() {
    for (text, expected) in [
        ("  Ann.Lee@Example.COM\t", "ann.lee@example.com"),
        ("\u{a0}ann@example.com\u{feff}", "ann@example.com"),
        ("ann@Bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BU\u{308}CHER.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
        ("ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"),
        ("ANDRE\u{301}@example.com", "andré@example.com"),
        ("o'neil+web/x@mail.example.com", "o'neil+web/x@mail.example.com"),
    ] {
        assert_eq!(canonical(text), expected, "{text:?}");
    }
}

#[test]
fn a_refusal_names_the_fault() {
    for (text, expected) in [
        ("", BadAddress::Empty),
        ("   ", BadAddress::Empty),
        ("n/a", BadAddress::NoAt),
        ("ANDREW", BadAddress::NoAt),
        ("ann at example.com", BadAddress::SpelledAt),
        ("ann@@example.com", BadAddress::SeveralAts),
        ("ann@b.org@example.com", BadAddress::SeveralAts),
        ("@example.com", BadAddress::NoLocalPart),
        ("ann@", BadAddress::NoDomain),
        ("ann lee@example.com", BadAddress::Space),
        ("ann@exam ple.com", BadAddress::Space),
        ("ann\u{a0}lee@example.com", BadAddress::Space),
        ("ann@example.com\r\nRCPT TO:<eve@example.com>", BadAddress::Control),
        ("ann\0@example.com", BadAddress::Control),
        ("ann@example.com\n", BadAddress::Control),
        ("ann\u{85}@example.com", BadAddress::Control),
        ("ann\u{2028}@example.com", BadAddress::Control),
        ("an\u{200b}n@example.com", BadAddress::Invisible),
        ("ann@exa\u{ad}mple.com", BadAddress::Invisible),
        ("Ann <ann@example.com>", BadAddress::Brackets),
        ("\"ann lee\"@example.com", BadAddress::Quoted),
        ("ann(work)@example.com", BadAddress::Comment),
        (".ann@example.com", BadAddress::StartsWithDot),
        ("ann@example.com.", BadAddress::EndsWithDot),
        ("ann@example。com。", BadAddress::EndsWithDot),
        ("ann.@example.com", BadAddress::DotBesideAt),
        ("ann@.example.com", BadAddress::DotBesideAt),
        ("an..n@example.com", BadAddress::DoubleDot),
        ("ann@example..com", BadAddress::DoubleDot),
        ("ann,lee@example.com", BadAddress::BadCharacter(',')),
        ("ann;@example.com", BadAddress::BadCharacter(';')),
        ("ann\\@example.com", BadAddress::BadCharacter('\\')),
        ("ann@[1.2.3.4]", BadAddress::Literal),
        ("ann@localhost", BadAddress::NoDot),
        ("ann@1.2.3.4", BadAddress::NumericTopLevel),
        ("ann@-example.com", BadAddress::Hyphen),
        ("ann@example-.com", BadAddress::Hyphen),
        ("ann@exa_mple.com", BadAddress::BadDomain),
        ("ann@xn--\u{fc}.com", BadAddress::BadDomain),
        ("ann@exam%ple.com", BadAddress::BadDomain),
    ] {
        assert_eq!(refusal(text), expected, "{text:?}");
    }
    assert_eq!(refusal(&format!("{}@example.com", "a".repeat(65))), BadAddress::LocalPartTooLong);
    assert_eq!(refusal(&format!("{}@example.com", "é".repeat(33))), BadAddress::LocalPartTooLong);
    assert_eq!(refusal(&format!("a@{}.com", "b".repeat(64))), BadAddress::LabelTooLong);
    assert_eq!(refusal(&format!("a@{}com", "bc.".repeat(84))), BadAddress::TooLong);
    assert!(Address::parse(&format!("{}@example.com", "a".repeat(64))).is_ok());
    assert!(Address::parse(&format!("a@{}.com", "b".repeat(63))).is_ok());
}

#[test]
fn a_refusal_does_not_repeat_the_address() {
    assert!(!refusal("secret.person at example.com").to_string().contains("secret"));
    assert!(!format!("{:?}", Address::parse("secret.person@example.com")).contains("secret"));
}

#[test]
fn what_is_read_from_a_store_is_checked() {
    let read = |json: &str| serde_json::from_str::<Address>(json);
    assert_eq!(
        read("\" Ann@Example.com\"").map(String::from).ok().as_deref(),
        Some("ann@example.com")
    );
    assert!(read("\"ann\"").is_err_and(|error| error.to_string().contains("no `@`")));
    let address = Address::parse("ann@example.com").expect("good");
    assert_eq!(serde_json::to_string(&address).expect("text"), "\"ann@example.com\"");
}

#[test]
fn functions_are_told_from_persons() {
    for text in ["info@a.com", "Sales@a.com", "no-reply@a.com", "sales+emea@a.com"] {
        assert!(Address::parse(text).expect(text).is_role_account(), "{text}");
    }
    for text in ["ann@a.com", "infos.lee@a.com", "sally@a.com", "ann+sales@a.com"] {
        assert!(!Address::parse(text).expect(text).is_role_account(), "{text}");
    }
}

#[test]
fn an_account_is_a_company_and_no_provider() {
    for (text, expected) in [
        ("ann@example.com", Some("example.com")),
        ("ann@mail.eu.example.co.uk", Some("example.co.uk")),
        ("ann@shop.bücher.example", Some("xn--bcher-kva.example")),
        ("ann@foo.xn--55qx5d.cn", Some("foo.xn--55qx5d.cn")),
        ("ann@foo.公司.cn", Some("foo.xn--55qx5d.cn")),
        ("ann@team.github.io", Some("team.github.io")),
        ("ann@co.uk", None),
        ("ann@gmail.com", None),
        ("ann@yahoo.co.uk", None),
        ("ann@mail.yahoo.fr", None),
        ("ann@hotmail.it", None),
        ("ann@libero.it", None),
        ("ann@mailinator.com", None),
        ("ann@freemail.example", None),
        ("ann@yahoo-partners.com", Some("yahoo-partners.com")),
    ] {
        let domain = Address::parse(text).expect(text).account_domain();
        assert_eq!(domain.as_deref(), expected, "{text}");
    }
}

/// The public test set of isemail. `VALID` and `DNSWARN` are accepted, `ERR` is refused; `RFC5321`
/// (quoted strings, literals, top-level domains), `CFWS`, `DEPREC` and `RFC5322` hold exactly the
/// forms that the table on [`Address`] refuses.
#[test]
fn agrees_with_the_public_test_set() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/mail/addresses/tests.tsv");
    let Ok(table) = std::fs::read_to_string(Path::new(path)) else {
        eprintln!("skipped: {path} is absent");
        return;
    };
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (id, category) = (columns.next().expect("id"), columns.next().expect("category"));
        let (diagnosis, json) = (columns.next().expect("diagnosis"), columns.next().expect("text"));
        let text: String = serde_json::from_str(json).expect("JSON");
        let accepted = match category {
            "ISEMAIL_VALID_CATEGORY" | "ISEMAIL_DNSWARN" => true,
            "ISEMAIL_ERR" | "ISEMAIL_RFC5321" | "ISEMAIL_CFWS" | "ISEMAIL_DEPREC"
            | "ISEMAIL_RFC5322" => false,
            other => panic!("{id}: no policy for {other}"),
        };
        let read = Address::parse(&text);
        assert_eq!(read.is_ok(), accepted, "{id} {diagnosis} {text:?}: {read:?}");
        assert_ne!(read.err(), Some(BadAddress::Malformed), "{id} {text:?} lacks a precise reason");
        seen += 1;
    }
    assert_eq!(seen, 85);
}

/// The CRM export: its bad addresses are refused, and no other.
#[test]
fn the_dirt_of_the_export_is_found() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/crm/contacts.csv");
    let Ok(mut table) = csv::Reader::from_path(path) else {
        eprintln!("skipped: {path} is absent");
        return;
    };
    let column = table.headers().expect("headers").iter().position(|name| name == "Email");
    let column = column.expect("a column Email");
    let read: Vec<_> =
        table.records().map(|row| Address::parse(&row.expect("a row")[column])).collect();
    assert_eq!((read.len(), read.iter().filter(|address| address.is_err()).count()), (6060, 74));
}

fn anything_like_an_address() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "[ -~]{1,12}@[ -~]{1,20}",
        r"\PC{1,10}@\PC{1,10}\.\PC{1,6}",
        "[A-Za-z0-9._+'-]{1,20}@([A-Za-z0-9-]{1,10}\\.){1,3}[a-z]{2,6}",
        "[a-zà-žΑ-ωА-я\u{300}-\u{30f}]{1,12}@[a-zà-žα-ωа-я\u{300}-\u{30f}]{1,8}\\.(com|рф|example)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_canonical_form_is_a_fixed_point(text in anything_like_an_address()) {
        if let Ok(address) = Address::parse(&text) {
            prop_assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
            prop_assert!(address.domain().is_ascii() && address.domain().contains('.'));
            prop_assert!(!address.as_str().contains(|c: char| c.is_control() || c.is_whitespace()));
            prop_assert_eq!(address.as_str().matches('@').count(), 1);
        }
    }

    #[test]
    fn case_and_padding_do_not_matter(
        local in "[a-z0-9_+-]{1,20}", domain in "[a-zäöüé]{1,12}", pad in "[ \t\u{a0}]{0,3}",
    ) {
        let text = format!("{local}@{domain}.example");
        let loud = format!("{pad}{}{pad}", text.to_uppercase());
        prop_assert_eq!(Address::parse(&loud), Address::parse(&text));
        prop_assert!(Address::parse(&text).is_ok());
    }

    #[test]
    fn the_two_forms_of_a_domain_are_one_address(domain in "[a-zäöüéñçøß]{1,12}") {
        let unicode = Address::parse(&format!("ann@{domain}.example"));
        let labels = idna::domain_to_ascii(&format!("{domain}.example")).expect("a good domain");
        prop_assert_eq!(Address::parse(&format!("ann@{labels}")), unicode);
    }
}
