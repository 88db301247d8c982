use std::{collections::BTreeMap, net::SocketAddr};

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, TXT},
    },
};
use tokio::net::UdpSocket;

use super::*;

/// What a zone says: of a name and a type, the records.
type Zone = BTreeMap<(&'static str, RecordType), Vec<RData>>;

fn text(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

fn mx(host: &str) -> RData {
    RData::MX(MX::new(10, Name::from_ascii(host).unwrap()))
}

/// A name server that knows this zone and nothing else.
async fn serve(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1_024];
        while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            let query = question.queries[0].clone();
            let name = query.name().to_ascii().trim_end_matches('.').to_owned();
            let mut answer =
                Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
            answer.add_query(query.clone());
            match zone.get(&(name.as_str(), query.query_type())) {
                Some(found) => {
                    for data in found {
                        answer.add_answer(Record::from_rdata(
                            query.name().clone(),
                            60,
                            data.clone(),
                        ));
                    }
                }
                None => answer.metadata.response_code = ResponseCode::NXDomain,
            }
            socket.send_to(&answer.to_vec().unwrap(), client).await.unwrap();
        }
    });
    address
}

async fn asked(zone: Zone) -> Vec<(Verdict, String)> {
    let dns = Dns::of_server(serve(zone).await);
    let mut checkup = Checkup::default();
    let public = host_of("https://go.ours.net/x");
    ask(&mut checkup, &dns, public, "news.ours.net", "bounce.ours.net").await;
    let told = |finding: &super::super::Finding| {
        let json = serde_json::to_value(finding).unwrap();
        (finding.verdict, json["found"].as_str().unwrap().to_owned())
    };
    checkup.findings().iter().map(told).collect()
}

#[tokio::test]
async fn a_zone_that_is_as_it_should_be_is_well() {
    let zone = Zone::from([
        (("go.ours.net", RecordType::A), vec![RData::A(A::new(192, 0, 2, 1))]),
        (("news.ours.net", RecordType::MX), vec![mx("mx.ours.net.")]),
        // Without an MX the address counts.
        (("bounce.ours.net", RecordType::A), vec![RData::A(A::new(192, 0, 2, 2))]),
        (
            ("bounce.ours.net", RecordType::TXT),
            vec![text("site=1"), text("v=spf1 ip4:192.0.2.0/24 -all")],
        ),
        // That of the whole house holds for what is under it.
        (("_dmarc.ours.net", RecordType::TXT), vec![text("v=DMARC1; p=none")]),
    ]);
    let found = asked(zone).await;
    assert_eq!(found.len(), 5, "{found:?}");
    for ((verdict, said), part) in found.iter().zip([
        "at 192.0.2.1",
        "at mx.ours.net.",
        "at 192.0.2.2",
        "SPF: v=spf1 ip4",
        "DMARC: v=DMARC1",
    ]) {
        assert!(*verdict == Verdict::Ok && said.contains(part), "{found:?}");
    }
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_said() {
    let zone = Zone::from([
        (("news.ours.net", RecordType::MX), vec![mx(".")]),
        (("bounce.ours.net", RecordType::TXT), vec![text("v=spf1 -all"), text("v=spf1 ~all")]),
    ]);
    let found = asked(zone).await;
    let verdicts: Vec<Verdict> = found.iter().map(|(verdict, _)| *verdict).collect();
    use Verdict::{Failed, Warning};
    assert_eq!(verdicts, [Failed, Failed, Failed, Failed, Warning], "{found:?}");
    assert!(found[3].1.contains("2 SPF records") && found[4].1.contains("no DMARC"), "{found:?}");
}

#[tokio::test]
async fn without_a_network_it_ends_soon_and_blames_nobody() {
    // Nobody answers there.
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let dns = Dns::of_server(silent.local_addr().unwrap());
    let begun = tokio::time::Instant::now();
    let mut checkup = Checkup::default();
    ask(&mut checkup, &dns, None, "ours.net", "bounce.ours.net").await;
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    assert!(checkup.findings().iter().all(|finding| finding.verdict == Verdict::Warning));
}

#[test]
fn a_record_for_everybody_and_names_for_examples_are_failures() {
    assert_eq!(spf(&["v=spf1 mx +all".to_owned()]).0, Verdict::Failed);
    assert_eq!(spf(&["v=spf10 mx".to_owned()]).0, Verdict::Warning);
    let mut checkup = Checkup::default();
    examples(&mut checkup, &["ours.net", "bounce.example.com", "myexample.com"]);
    assert_eq!(checkup.findings().len(), 1);
    assert_eq!(host_of("http://127.0.0.1:8080"), None);
}
