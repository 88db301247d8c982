use hickory_resolver::proto::rr::RecordType;

use super::*;
use crate::cli::doctor::stub::{Zone, address, mx, serve, text};

async fn of(record: &'static str, from: &str) -> Spf {
    let zone = Zone::from([
        (("ours.net", RecordType::TXT), vec![text(record)]),
        (("ours.net", RecordType::A), vec![address("192.0.2.1")]),
        (("ours.net", RecordType::MX), vec![mx("mx.ours.net.")]),
        (("mx.ours.net", RecordType::A), vec![address("192.0.2.2")]),
        (("yes.net", RecordType::TXT), vec![text("v=spf1 ip4:198.51.100.0/24 -all")]),
        (("deep.net", RecordType::TXT), vec![text("v=spf1 include:yes.net ~all")]),
        (("self.net", RecordType::TXT), vec![text("v=spf1 include:self.net -all")]),
        (("two.net", RecordType::TXT), vec![text("v=spf1 -all"), text("v=spf1 +all")]),
    ]);
    let dns = Dns::of_server(serve(zone).await);
    evaluate(&dns, "ours.net", from.parse().unwrap()).await
}

#[tokio::test]
async fn an_address_is_found_by_each_mechanism_in_the_order_of_the_record() {
    for (record, from, expected) in [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.77", Spf::Pass),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.1", Spf::Fail),
        ("v=spf1 ip4:192.0.2.1 ~all", "192.0.2.2", Spf::SoftFail),
        ("v=spf1 ip4:0.0.0.0/0 -all", "203.0.113.9", Spf::Pass),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", Spf::Pass),
        ("v=spf1 ip6:2001:db8::/32 -all", "192.0.2.1", Spf::Fail),
        ("v=spf1 a -all", "192.0.2.1", Spf::Pass),
        ("v=spf1 a/24 -all", "192.0.2.200", Spf::Pass),
        ("v=spf1 A:mx.ours.net/32 -ALL", "192.0.2.2", Spf::Pass),
        ("v=spf1 mx -all", "192.0.2.2", Spf::Pass),
        ("v=spf1 mx/31//64 -all", "192.0.2.3", Spf::Pass),
        ("v=spf1 include:yes.net -all", "198.51.100.7", Spf::Pass),
        // What an included record refuses is left to those behind it.
        ("v=spf1 include:yes.net ?all", "192.0.2.1", Spf::Neutral),
        ("v=spf1 include:deep.net -all", "198.51.100.7", Spf::Pass),
        ("v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all", "192.0.2.1", Spf::Fail),
        ("v=spf1 redirect=yes.net", "198.51.100.7", Spf::Pass),
        ("v=spf1 redirect=yes.net", "192.0.2.1", Spf::Fail),
        ("v=spf1 exists:mx.ours.net -all", "192.0.2.1", Spf::Pass),
        ("v=spf1", "192.0.2.1", Spf::Neutral),
        ("v=spf1 exp=why.ours.net  -all", "192.0.2.1", Spf::Fail),
        ("v=spf10 +all", "192.0.2.1", Spf::None),
    ] {
        assert_eq!(of(record, from).await, expected, "{record} {from}");
    }
}

#[tokio::test]
async fn what_receivers_take_for_broken_is_told() {
    for record in [
        "v=spf1 ip4:192.0.2.0/33 -all",
        "v=spf1 ip4:somewhere -all",
        "v=spf1 ipv4:192.0.2.1 -all",
        "v=spf1 include:nobody.net -all",
        "v=spf1 include:two.net -all",
        "v=spf1 redirect=nobody.net",
        // More than ten questions.
        "v=spf1 include:self.net -all",
        "v=spf1 a a a a a a a a a a a -all",
    ] {
        let found = of(record, "203.0.113.1").await;
        assert!(matches!(found, Spf::Broken(_)), "{record}: {found:?}");
    }
    let found = of("v=spf1 exists:%{i}.ours.net -all", "203.0.113.1").await;
    assert!(matches!(found, Spf::Unclear(_)), "{found:?}");
}
