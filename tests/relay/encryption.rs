//! TLS to a relay: verified, and never given up.

use std::net::SocketAddr;

use nurtured::mail::relay::{Credentials, Delivery, SmtpRelay, Stage, Tls};
use rustls_pki_types::CertificateDer;

use super::{assert_sent, assert_unreachable, deliver, mail, relay, session_of};
use crate::support::smtp::{Act, At, Authority, FakeSmtp, Script, Security};

fn secure(addr: SocketAddr, tls: Tls, root: &CertificateDer<'static>) -> SmtpRelay {
    let mut relay = relay(addr);
    relay.tls = tls;
    relay.extra_roots = vec![root.clone()];
    relay
}

#[tokio::test]
async fn mail_goes_encrypted_by_either_way() {
    let authority = Authority::new();
    let config = authority.server(&["127.0.0.1", "localhost"]);
    for (tls, security) in [
        (Tls::Implicit, Security::Implicit(config.clone())),
        (Tls::StartTls, Security::StartTls(config.clone())),
    ] {
        for host in ["127.0.0.1", "localhost"] {
            let script = Script {
                security: security.clone(),
                login: Some(("ada".to_owned(), "secret".to_owned())),
                ..Script::new()
            };
            let (addr, server) = FakeSmtp::start(script).await;
            let mut relay = secure(addr, tls, &authority.root);
            relay.host = host.to_owned();
            relay.credentials = Some(Credentials { user: "ada".into(), password: "secret".into() });
            let mut session = session_of(relay);
            for key in ["k-1", "k-2"] {
                assert_sent(&deliver(&mut session, &mail(key)).await.0);
            }
            assert!(server.mails().iter().all(|mail| mail.encrypted));
            assert_eq!((server.count(), server.connections()), (2, 1));
            assert_eq!(server.violations(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_is_refused() {
    let authority = Authority::new();
    let stranger = Authority::new();
    for (what, config) in [
        ("another name", authority.server(&["mail.example.net"])),
        ("expired", authority.expired(&["127.0.0.1"])),
        ("an unknown authority", stranger.server(&["127.0.0.1"])),
    ] {
        for (tls, security) in [
            (Tls::Implicit, Security::Implicit(config.clone())),
            (Tls::StartTls, Security::StartTls(config.clone())),
        ] {
            let (addr, server) = FakeSmtp::start(Script { security, ..Script::new() }).await;
            let relay = secure(addr, tls, &authority.root);
            let (delivery, asked) = deliver(&mut session_of(relay), &mail("k-1")).await;
            assert_unreachable(&delivery, Stage::Tls);
            assert!(delivery.relay_is_down());
            let shown = format!("{delivery:?}");
            assert!(shown.contains("invalid peer certificate"), "{what}: {shown}");
            assert_eq!((asked, server.count()), (0, 0), "{what}");
            let commands = server.commands();
            assert!(!commands.iter().any(|line| line.contains("MAIL")), "{what}: {commands:?}");
        }
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    // A relay that does not offer it, or a man in the middle who strips the offer.
    let authority = Authority::new();
    let script = Script { login: Some(("ada".to_owned(), "secret".to_owned())), ..Script::new() };
    let (addr, server) = FakeSmtp::start(script).await;
    let mut relay = secure(addr, Tls::StartTls, &authority.root);
    relay.credentials = Some(Credentials { user: "ada".into(), password: "secret".into() });
    let (delivery, _) = deliver(&mut session_of(relay), &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Tls);
    assert!(
        matches!(&delivery, Delivery::Unreachable { reason, .. } if reason.contains("STARTTLS"))
    );
    let commands = server.commands();
    assert!(!commands.iter().any(|line| line.contains("AUTH") || line.contains("MAIL")));
}

#[tokio::test]
async fn starttls_refused_or_with_words_slipped_in_is_not_used() {
    let authority = Authority::new();
    let config = authority.server(&["127.0.0.1"]);
    let injected = b"220 go\r\n250-fake.example\r\n250 AUTH PLAIN\r\n".to_vec();
    for act in [Act::Say("454 4.7.0 not now".to_owned()), Act::Raw(injected), Act::HangUp] {
        let security = Security::StartTls(config.clone());
        let script = Script { security, ..Script::new() }.on({
            let act = act.clone();
            move |moment| if moment.at == At::StartTls { act.clone() } else { Act::Default }
        });
        let (addr, server) = FakeSmtp::start(script).await;
        let relay = secure(addr, Tls::StartTls, &authority.root);
        let (delivery, _) = deliver(&mut session_of(relay), &mail("k-1")).await;
        assert_unreachable(&delivery, Stage::Tls);
        assert_eq!(server.count(), 0, "{act:?}");
        assert!(!server.commands().iter().any(|line| line.contains("MAIL")), "{act:?}");
    }
}

#[tokio::test]
async fn plain_against_tls_and_tls_against_plain_end_soon() {
    let authority = Authority::new();
    let (addr, _plain) = FakeSmtp::start(Script::new()).await;
    let relay_tls = secure(addr, Tls::Implicit, &authority.root);
    let (delivery, _) = deliver(&mut session_of(relay_tls), &mail("k-1")).await;
    assert_unreachable(&delivery, Stage::Tls);
}

#[test]
fn extra_roots_come_from_pem() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let root = Authority::new().root;
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(&root)
    );
    assert_eq!(SmtpRelay::roots_of_pem(pem.as_bytes()).unwrap(), [root]);
    assert!(SmtpRelay::roots_of_pem(b"").is_err());
    assert!(SmtpRelay::roots_of_pem(b"nonsense").is_err());
}
