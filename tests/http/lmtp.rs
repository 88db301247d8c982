//! The door of a running daemon for mail that comes back.

use std::{net::SocketAddr, time::Duration};

use nurtured::{
    clock::Clock,
    config::Config,
    daemon::{self, Parts, Signal, Signals},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

const SOON: Duration = Duration::from_secs(20);

/// Hands the mail over, and returns the answer to it.
async fn hand_over(door: SocketAddr, sender: &str, mail: &str) -> String {
    let stream = TcpStream::connect(door).await.expect("it listens");
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let dialogue = [
        ("", "220 "),
        ("LHLO mx.example.com\r\n", "250 "),
        (&format!("MAIL FROM:<{sender}>\r\n"), "250 "),
        ("RCPT TO:<ada@example.com>\r\n", "250 "),
        ("DATA\r\n", "354 "),
        (&format!("{mail}\r\n.\r\n"), ""),
    ];
    for (command, expected) in dialogue {
        writer.write_all(command.as_bytes()).await.unwrap();
        loop {
            let line = lines.next_line().await.unwrap().expect("an answer");
            if expected.is_empty() {
                return line;
            }
            if line.starts_with(expected) {
                break;
            }
            assert!(line.starts_with("250-"), "{command}{line}");
        }
    }
    unreachable!("the last one returns")
}

#[tokio::test]
async fn mail_that_comes_back_is_taken_with_its_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = format!(
        "[database]\nurl = \"sqlite:daemon.db\"\n[public]\nlisten = \"127.0.0.1:0\"\n\
         [console]\nlisten = \"127.0.0.1:0\"\n[lmtp]\nlisten = \"{door}\"\n\
         [[relay]]\nname = \"files\"\nfolder = \"outbox\"\n\
         [sender]\nfrom = \"Ada Rossi <ada@example.com>\"\nbounce_domain = \"bounce.example.com\"\n\
         postal_address = \"Via Roma 1, 20121 Milano\"\n"
    );
    let config = Config::parse(&text, folder.path()).unwrap();
    let (signals, received) = Signals::by_hand();
    let (sender, parts) = oneshot::channel();
    let campaign = folder.path().to_owned();
    let wire = async move |parts: &Parts| {
        let _ = sender.send(parts.clone());
        daemon::wire(parts, campaign).await
    };
    let ended = tokio::spawn(daemon::run(config, Clock::System, received, wire));
    let parts = timeout(SOON, parts).await.unwrap().unwrap();

    let answer = "From: ann@example.com\r\nSubject: Re: Hello\r\n\r\nI am away.";
    while TcpStream::connect(door).await.is_err() {
        tokio::task::yield_now().await;
    }
    // No mark in the mail: only the envelope tells that a machine wrote the first.
    for (sender, mail) in [("", answer), ("ann@example.com", answer), ("", "no mail at all")] {
        assert_eq!(hand_over(door, sender, mail).await, "250 2.0.0 taken");
    }
    let figures = parts.metrics.encode().await;
    for line in ["{action=\"ignored\"} 1", "{action=\"kept\"} 2", "{action=\"recorded\"} 0"] {
        let line = format!("nurtured_mails_returned_total{line}");
        assert!(figures.contains(&line), "{line} is not in\n{figures}");
    }
    let kept = folder.path().join("unclaimed");
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 2);

    // What cannot be kept stays with the mail server.
    std::fs::remove_dir_all(&kept).unwrap();
    std::fs::write(&kept, "").unwrap();
    assert!(hand_over(door, "", "no mail at all").await.starts_with("451 "));
    signals.send(Signal::Stop).await.unwrap();
    timeout(SOON, ended).await.unwrap().unwrap().unwrap();
}
