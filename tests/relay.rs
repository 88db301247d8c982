//! Handing mail to a relay, over real sockets, with relays that misbehave.

mod classification;
mod dialogue;
mod encryption;
mod faults;
mod folder;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nurtured::{
    domain::{address::Address, time::Instant},
    mail::{
        compose::{Composed, Letter, Party},
        relay::{Delivery, Relay, Session, SmtpRelay, Stage, Timeouts, Tls},
    },
};

/// So long that no test waits for it, unless something is wrong.
const PATIENT: Duration = Duration::from_secs(15);
/// For the tests in which a relay never answers.
const IMPATIENT: Duration = Duration::from_millis(150);

fn letter(key: &str) -> Letter {
    Letter {
        from: Party::new(Some("Ada Rossi"), Address::parse("ada@example.com").unwrap()),
        to: Party::new(Some("Ann"), Address::parse("ann@example.org").unwrap()),
        reply_to: None,
        subject: "Industry report".to_owned(),
        text: "Hello Ann\n".to_owned(),
        html: Some("<p>Hello Ann</p>\n".to_owned()),
        calendar: None,
        attachments: [].into(),
        message_id: format!("{key}@example.com"),
        date: Instant::from_millis(1_800_000_000_000),
        key: key.to_owned(),
        list: None,
        unsubscribe_url: Some("https://go.example.com/u/x".to_owned()),
        feedback_id: None,
        auto_submitted: false,
        bounce_address: Some(Address::parse("bounce+k.mac@bounce.example.com").unwrap()),
    }
}

fn mail(key: &str) -> Composed {
    letter(key).compose().unwrap()
}

fn mail_to(key: &str, to: &str) -> Composed {
    let to = Party::new(None, Address::parse(to).unwrap());
    Letter { to, ..letter(key) }.compose().unwrap()
}

fn relay(addr: SocketAddr) -> SmtpRelay {
    let mut relay = SmtpRelay::new("main", &addr.ip().to_string(), addr.port());
    relay.tls = Tls::None;
    "client.example".clone_into(&mut relay.helo_name);
    relay.timeouts = Timeouts::all(PATIENT);
    relay
}

fn session_of(relay: SmtpRelay) -> Session {
    Relay::Smtp(Arc::new(relay)).session()
}

fn session(addr: SocketAddr) -> Session {
    session_of(relay(addr))
}

fn impatient(addr: SocketAddr) -> Session {
    let mut relay = relay(addr);
    relay.timeouts = Timeouts::all(IMPATIENT);
    session_of(relay)
}

async fn go() -> bool {
    true
}

/// Delivers, and tells how often the point of no return was asked for.
async fn deliver(session: &mut Session, mail: &Composed) -> (Delivery, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let delivery = session
        .deliver(mail, || async move {
            counter.fetch_add(1, Ordering::SeqCst);
            true
        })
        .await;
    (delivery, asked.load(Ordering::SeqCst))
}

fn assert_sent(delivery: &Delivery) {
    assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
}

fn assert_unreachable(delivery: &Delivery, at: Stage) {
    assert!(
        matches!(delivery, Delivery::Unreachable { stage, .. } if *stage == at),
        "{delivery:?}"
    );
}

fn assert_in_doubt(delivery: &Delivery) {
    assert!(matches!(delivery, Delivery::InDoubt { .. }), "{delivery:?}");
}
