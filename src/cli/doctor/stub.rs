//! A name server for tests.

use std::{collections::BTreeMap, net::SocketAddr};

use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, PTR, TXT},
    },
};
use tokio::net::UdpSocket;

/// What a zone says: of a name and a type, the records.
pub(super) type Zone = BTreeMap<(&'static str, RecordType), Vec<RData>>;

pub(super) fn text(text: &str) -> RData {
    // In strings of 255 octets at most.
    let strings = text.as_bytes().chunks(255).map(|it| String::from_utf8_lossy(it).into_owned());
    RData::TXT(TXT::new(strings.collect()))
}

pub(super) fn mx(host: &str) -> RData {
    RData::MX(MX::new(10, Name::from_ascii(host).unwrap()))
}

/// A name server that knows this zone and nothing else.
pub(super) async fn serve(zone: Zone) -> SocketAddr {
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

pub(super) fn address(text: &str) -> RData {
    RData::A(A(text.parse().unwrap()))
}

pub(super) fn called(name: &str) -> RData {
    RData::PTR(PTR(Name::from_ascii(name).unwrap()))
}
