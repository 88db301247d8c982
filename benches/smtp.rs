//! One connection to a relay, end to end on loopback: ours against the mail library's own, on a
//! socket with TCP_NODELAY for both, in turns within one run.
//!
//! `cargo bench --bench smtp`. It fails when ours hands over less than 2,000 mails a second.

// A bench that cannot be set up ends.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/smtp.rs"]
mod smtp;

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use lettre::transport::smtp::{client::AsyncSmtpConnection, extension::ClientId};
use nurtured::{
    domain::address::Address,
    mail::{
        compose::{Composed, Letter, Party},
        relay::{Delivery, Relay, SmtpRelay, Tls},
    },
};
use tokio::net::TcpStream;

const MAILS: u32 = 4_000;
const ROUNDS: u32 = 5;
const LEAST: f64 = 2_000.0;

fn main() {
    let addr = sink();
    let mail = mail();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut our_time, mut their_time) = (Duration::ZERO, Duration::ZERO);
    for round in 0..=ROUNDS {
        let (ours, theirs) =
            (runtime.block_on(ours(addr, &mail)), runtime.block_on(theirs(addr, &mail)));
        // The first round warms up.
        if round > 0 {
            our_time += ours;
            their_time += theirs;
        }
    }
    let rate = |time: Duration| f64::from(MAILS * ROUNDS) / time.as_secs_f64();
    let (ours, theirs) = (rate(our_time), rate(their_time));
    println!("mails of {} octets over one connection", mail.bytes.len());
    println!("ours     {ours:>8.0} mails/s");
    println!("library  {theirs:>8.0} mails/s");
    println!("ratio    {:>8.2}", ours / theirs);
    assert!(ours >= LEAST, "below {LEAST} mails/s");
}

/// A server in this process, on a thread of its own.
fn sink() -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (addr, _server) = smtp::FakeSmtp::sink().await;
            sender.send(addr).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

fn mail() -> Composed {
    let address = |text| Address::parse(text).unwrap();
    let letter = Letter {
        from: Party::new(Some("Ada Rossi"), address("ada@example.com")),
        to: Party::new(Some("Ann"), address("ann@example.org")),
        reply_to: None,
        subject: "Industry report".to_owned(),
        text: "A line of some length, as people write them.\n".repeat(40),
        html: Some("<p>A line of some length, as people write them.</p>\n".repeat(80)),
        calendar: None,
        attachments: [].into(),
        message_id: "k-1@example.com".to_owned(),
        date: nurtured::domain::time::Instant::from_millis(1_800_000_000_000),
        key: "k-1".to_owned(),
        list: None,
        unsubscribe_url: Some("https://go.example.com/u/x".to_owned()),
        feedback_id: None,
        auto_submitted: false,
        bounce_address: Some(address("bounce+k.mac@bounce.example.com")),
    };
    letter.compose().unwrap()
}

async fn ours(addr: SocketAddr, mail: &Composed) -> Duration {
    let mut relay = SmtpRelay::new("sink", &addr.ip().to_string(), addr.port());
    relay.tls = Tls::None;
    relay.mails_per_connection = u32::MAX;
    let mut session = Relay::Smtp(Arc::new(relay)).session();
    let started = Instant::now();
    for _ in 0..MAILS {
        let delivery = session.deliver(mail, || async { true }).await;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    }
    started.elapsed()
}

async fn theirs(addr: SocketAddr, mail: &Composed) -> Duration {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let hello = ClientId::default();
    let mut connection =
        AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await.unwrap();
    let from = mail.envelope_from.as_ref().map(|from| from.as_str().parse().unwrap());
    let to = vec![mail.envelope_to.as_str().parse().unwrap()];
    let envelope = lettre::address::Envelope::new(from, to).unwrap();
    let started = Instant::now();
    for _ in 0..MAILS {
        connection.send(&envelope, &mail.bytes).await.unwrap();
    }
    started.elapsed()
}
