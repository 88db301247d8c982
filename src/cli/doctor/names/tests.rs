use hickory_resolver::proto::rr::RecordType;
use tokio::net::UdpSocket;

use super::*;
use crate::cli::doctor::stub::{Zone, address, called, mx, serve, text};

const KEY: &str = include_str!("../../../../tests/dkim/keys/rsa.pem");

/// What is found of news.ours.net, signed for by a key of ours.net, over smtp.ours.net.
async fn asked(zone: Zone) -> Vec<(Verdict, String, String)> {
    let dns = Dns::of_server(serve(zone).await);
    let mut checkup = Checkup::default();
    let names = Names {
        public: host_of("https://go.ours.net/x"),
        from: "news.ours.net",
        bounces: "bounce.ours.net",
        keys: vec![key()],
        signing: vec!["ours.net"],
        relays: vec!["smtp.ours.net"],
    };
    ask(&mut checkup, &dns, names).await;
    let told = |finding: &super::super::Finding| {
        let json = serde_json::to_value(finding).unwrap();
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        (finding.verdict, text("found"), text("advice"))
    };
    checkup.findings().iter().map(told).collect()
}

fn key() -> Key {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    crate::config::write_private(&file, KEY).unwrap();
    let record = crate::mail::dkim::SigningKey::read(&file).unwrap().record();
    Key {
        domain: "ours.net".to_owned(),
        name: "s1._domainkey.ours.net".to_owned(),
        record: Some(record),
    }
}

/// Everything as it should be.
fn well() -> Zone {
    let record = key().record.unwrap().value();
    Zone::from([
        (("go.ours.net", RecordType::A), vec![address("192.0.2.1")]),
        (("news.ours.net", RecordType::MX), vec![mx("mx.ours.net.")]),
        // Without an MX the address counts.
        (("bounce.ours.net", RecordType::A), vec![address("192.0.2.2")]),
        (
            ("bounce.ours.net", RecordType::TXT),
            vec![text("site=1"), text("v=spf1 ip4:192.0.2.0/24 -all")],
        ),
        // That of the whole house holds for what is under it.
        (("_dmarc.ours.net", RecordType::TXT), vec![text("v=DMARC1; p=none")]),
        (("s1._domainkey.ours.net", RecordType::TXT), vec![text(&record)]),
        (("smtp.ours.net", RecordType::A), vec![address("192.0.2.25")]),
        (("25.2.0.192.in-addr.arpa", RecordType::PTR), vec![called("smtp.ours.net.")]),
    ])
}

fn assert_told(found: &[(Verdict, String, String)], verdict: Verdict, said: &str, advice: &str) {
    let is_it = |(v, found, todo): &(Verdict, String, String)| {
        *v == verdict && found.contains(said) && todo.contains(advice)
    };
    assert!(found.iter().any(is_it), "`{said}` ({verdict:?}, `{advice}`) is not in {found:#?}");
}

#[tokio::test]
async fn a_zone_that_is_as_it_should_be_is_well() {
    let found = asked(well()).await;
    let parts = [
        "at 192.0.2.1",
        "at mx.ours.net.",
        "at 192.0.2.2",
        "SPF: v=spf1 ip4",
        "SPF names 192.0.2.25 of smtp.ours.net",
        "is called smtp.ours.net",
        "the record is of our key",
        "DMARC: v=DMARC1",
        "DMARC holds by SPF and by DKIM",
    ];
    assert_eq!(found.len(), parts.len(), "{found:#?}");
    for ((verdict, said, _), part) in found.iter().zip(parts) {
        assert!(*verdict == Verdict::Ok && said.contains(part), "{found:#?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_with_the_record_to_publish() {
    let zone = Zone::from([
        (("news.ours.net", RecordType::MX), vec![mx(".")]),
        (("smtp.ours.net", RecordType::A), vec![address("192.0.2.25")]),
    ]);
    let found = asked(zone).await;
    use Verdict::{Failed, Warning};
    assert_told(&found, Failed, "go.ours.net: it has no address", "go.ours.net. IN A");
    assert_told(&found, Failed, "news.ours.net: it has no MX", "news.ours.net. IN MX 10");
    assert_told(&found, Failed, "bounce.ours.net: it has no MX", "bounce.ours.net. IN MX 10");
    let spf = "publish: bounce.ours.net. IN TXT \"v=spf1 ip4:192.0.2.25 -all\"";
    assert_told(&found, Warning, "bounce.ours.net: no SPF record", spf);
    let line = key().record.unwrap().zone_line("s1._domainkey.ours.net");
    assert_told(&found, Failed, "no DKIM record", &format!("publish: {line}"));
    let dmarc =
        "publish: _dmarc.ours.net. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@ours.net\"";
    assert_told(&found, Warning, "no DMARC record", dmarc);
    assert_told(&found, Warning, "no PTR record", "set its PTR record to smtp.ours.net");
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let mut zone = well();
    let other = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    zone.insert(("s1._domainkey.ours.net", RecordType::TXT), vec![text(other)]);
    zone.insert(("bounce.ours.net", RecordType::TXT), vec![text("v=spf1 ip4:198.51.100.1 -all")]);
    zone.insert(("25.2.0.192.in-addr.arpa", RecordType::PTR), vec![called("host.else.net.")]);
    zone.insert(
        ("_dmarc.news.ours.net", RecordType::TXT),
        vec![text("v=DMARC1; p=reject; adkim=s; aspf=s")],
    );
    let found = asked(zone.clone()).await;
    use Verdict::{Failed, Warning};
    let record = key().record.unwrap().value();
    assert_told(&found, Failed, "the DKIM record is of another key", &record[..40]);
    let named = "publish: bounce.ours.net. IN TXT \"v=spf1 ip4:192.0.2.25 ip4:198.51.100.1 -all\"";
    assert_told(&found, Warning, "SPF refuses 192.0.2.25 of smtp.ours.net", named);
    assert_told(&found, Warning, "its PTR record says host.else.net.", "");
    // Its own record goes before the house's, and is strict.
    assert_told(&found, Failed, "DMARC fails", "sign by a key of news.ours.net");

    zone.insert(("s1._domainkey.ours.net", RecordType::TXT), vec![text("v=DKIM1; p=")]);
    let two = vec![text("v=spf1 -all"), text("v=spf1 ~all")];
    zone.insert(("bounce.ours.net", RecordType::TXT), two);
    let found = asked(zone).await;
    assert_told(&found, Failed, "the key is revoked", "publish:");
    assert_told(&found, Failed, "2 SPF records", "keep one");
}

#[tokio::test]
async fn without_a_network_it_ends_soon_and_blames_nobody() {
    // Nobody answers there.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dns = Dns::of_server(silent.local_addr().unwrap());
    let begun = tokio::time::Instant::now();
    let mut checkup = Checkup::default();
    let names = Names {
        from: "ours.net",
        bounces: "bounce.ours.net",
        keys: vec![key()],
        signing: vec!["ours.net"],
        relays: vec!["192.0.2.25", "smtp.ours.net"],
        ..Names::default()
    };
    ask(&mut checkup, &dns, names).await;
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    let failed = checkup.findings().iter().filter(|it| it.verdict == Verdict::Failed);
    assert_eq!(failed.count(), 0, "{:#?}", checkup.findings());
}

#[test]
fn from_and_what_proves_it_must_agree() {
    let told = |bounces, signed: &[&str], strict_dkim, strict_spf| {
        let wishes = Wishes { strict_dkim, strict_spf };
        let (verdict, found, _) = dmarc::alignment("news.ours.co.uk", bounces, signed, wishes);
        (verdict, found.split(&[':', ','][..]).next().unwrap().to_owned())
    };
    use Verdict::{Failed, Ok, Warning};
    let both = (Ok, "DMARC holds by SPF and by DKIM".to_owned());
    let (spf, dkim) = ("DMARC holds by SPF alone", "DMARC holds by DKIM alone");
    assert_eq!(told("b.ours.co.uk", &["ours.co.uk"], false, false), both);
    assert_eq!(told("news.ours.co.uk", &["news.ours.co.uk"], true, true), both);
    assert_eq!(told("b.ours.co.uk", &[], false, false), (Warning, spf.to_owned()));
    assert_eq!(told("b.ours.co.uk", &["news.ours.co.uk"], true, true), (Warning, dkim.to_owned()));
    assert_eq!(told("other.co.uk", &["ours.co.uk"], false, false), (Warning, dkim.to_owned()));
    assert_eq!(told("b.ours.co.uk", &["ours.co.uk"], true, false).0, Warning);
    // co.uk is nobody's house.
    assert_eq!(told("other.co.uk", &["ours.co.uk"], true, false).0, Failed);
    assert_eq!(told("other.co.uk", &[], false, false).0, Warning);
}

#[test]
fn a_record_for_everybody_and_names_for_examples_are_failures() {
    assert_eq!(spf(&["v=spf1 mx +all".to_owned()], "ours.net", "").0, Verdict::Failed);
    assert_eq!(spf(&["v=spf10 mx".to_owned()], "ours.net", "").0, Verdict::Warning);
    let mut checkup = Checkup::default();
    examples(&mut checkup, &["ours.net", "bounce.example.com", "myexample.com"]);
    assert_eq!(checkup.findings().len(), 1);
    assert_eq!(host_of("http://127.0.0.1:8080"), None);
}

#[test]
fn each_sender_is_asked_for_once_with_its_own_relays() {
    let text = "[public]\nbase_url = \"https://go.ours.net\"\n\
                [sender]\nfrom = \"A <a@ours.net>\"\nbounce_domain = \"b.ours.net\"\npostal_address = \"x\"\n\
                [[relay]]\nname = \"a\"\nhost = \"one\"\n\
                [[relay]]\nname = \"b\"\nhost = \"two\"\nfrom = \"B <b@theirs.net>\"\nbounce_domain = \"b.theirs.net\"\n\
                [[relay]]\nname = \"c\"\nhost = \"three\"\nfrom = \"C <c@ours.net>\"\n";
    let config = Config::parse(text, std::path::Path::new("")).unwrap();
    let senders = senders(&config, config.sender.as_ref().unwrap());
    let seen: Vec<_> =
        senders.iter().map(|it| (&*it.from, &*it.bounces, it.relays.join(" "))).collect();
    assert_eq!(
        seen,
        [
            ("ours.net", "b.ours.net", "one three".to_owned()),
            ("theirs.net", "b.theirs.net", "two".to_owned())
        ]
    );
}
