use std::{
    net::SocketAddr,
    sync::{Mutex, atomic::AtomicUsize, atomic::Ordering},
};

use futures::FutureExt;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

use super::*;

type Taken = Arc<Mutex<Vec<(Envelope, Vec<u8>)>>>;

struct Server {
    address: SocketAddr,
    taken: Taken,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

/// Takes every mail, unless its text says otherwise.
async fn start(limits: Limits) -> Server {
    let taken = Taken::default();
    let keep = Arc::clone(&taken);
    let handler: Handler = Arc::new(move |envelope, mail| {
        let keep = Arc::clone(&keep);
        async move {
            let text = String::from_utf8_lossy(&mail).into_owned();
            assert!(!text.contains("please panic"), "as asked");
            if text.contains("please hang") {
                std::future::pending::<()>().await;
            }
            if text.contains("please refuse") {
                return LmtpReply::Refused("no\r\n250 yes".to_owned());
            }
            if text.contains("please wait") {
                return LmtpReply::Later("database is busy".to_owned());
            }
            keep.lock().expect("lock").push((envelope, mail));
            LmtpReply::Accepted
        }
        .boxed()
    });
    start_with(limits, handler, taken).await
}

async fn start_with(limits: Limits, handler: Handler, taken: Taken) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address");
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(serve(listener, limits, handler, shutdown.clone()));
    Server { address, taken, shutdown, task }
}

impl Server {
    async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.address).await.expect("connected");
        let (reader, writer) = stream.into_split();
        Client { reader: BufReader::new(reader), writer }
    }

    async fn stop(self) -> Vec<(Envelope, Vec<u8>)> {
        self.shutdown.cancel();
        self.task.await.expect("ended");
        self.taken.lock().expect("lock").clone()
    }
}

struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).await.expect("sent");
    }

    /// One reply; of several lines, the last.
    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).await.expect("readable");
            assert!(line.is_empty() || line.ends_with("\r\n"), "{line:?}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, command: &str) -> String {
        self.send(&format!("{command}\r\n")).await;
        self.reply().await
    }

    /// Ready for RCPT.
    async fn greet(&mut self) {
        assert!(self.reply().await.starts_with("220 "));
        assert!(self.say("LHLO mta.example").await.starts_with("250 "));
        assert_eq!(self.say("MAIL FROM:<>").await, "250 2.1.0 ok");
    }

    async fn rest(mut self) -> String {
        let mut rest = String::new();
        let _ = self.reader.read_to_string(&mut rest).await;
        rest
    }
}

#[tokio::test]
async fn takes_a_mail_and_answers_for_each_recipient() {
    let server = start(Limits::default()).await;
    let mut client = server.client().await;
    client.greet().await;
    assert_eq!(client.say("RCPT TO:<Bounce+K7@b.example>").await, "250 2.1.5 ok");
    assert_eq!(client.say("rcpt to: <@hop.example:two@b.example>").await, "250 2.1.5 ok");
    assert!(client.say("DATA").await.starts_with("354 "));
    client.send("Subject: x\r\n\r\n..dot\r\n...\r\nend\r\n.\r\n").await;
    assert_eq!(client.reply().await, "250 2.0.0 taken");
    assert_eq!(client.reply().await, "250 2.0.0 taken");
    // The next one on the same connection.
    assert_eq!(
        client.say("MAIL FROM:<ann@a.example> SIZE=100 BODY=8BITMIME").await,
        "250 2.1.0 ok"
    );
    assert_eq!(client.say("RCPT TO:<three@b.example>").await, "250 2.1.5 ok");
    assert!(client.say("DATA").await.starts_with("354 "));
    assert_eq!(client.say(".").await, "250 2.0.0 taken");
    assert_eq!(client.say("QUIT").await, "221 2.0.0 goodbye");
    assert_eq!(client.rest().await, "");
    let taken = server.stop().await;
    assert_eq!(taken[0].0.sender, None);
    assert_eq!(taken[0].0.recipients, ["Bounce+K7@b.example", "two@b.example"]);
    assert_eq!(taken[0].1, b"Subject: x\r\n\r\n.dot\r\n..\r\nend\r\n");
    assert_eq!(taken[1].0.sender.as_deref(), Some("ann@a.example"));
    assert_eq!(taken[1].1, b"");
    assert!(!format!("{:?}", taken[1].0).contains("ann"));
}

#[tokio::test]
async fn answers_pipelined_commands_in_order_and_a_half_closed_client() {
    let server = start(Limits::default()).await;
    let mut client = server.client().await;
    client
        .send(
            "LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhello\r\n.\r\n\
             NOOP\r\nVRFY ann\r\nRSET\r\n",
        )
        .await;
    client.writer.shutdown().await.expect("half closed");
    let mut codes = Vec::new();
    for _ in 0..9 {
        codes.push(client.reply().await[..3].to_owned());
    }
    assert_eq!(codes, ["220", "250", "250", "250", "354", "250", "250", "252", "250"]);
    assert_eq!(client.rest().await, "");
    assert_eq!(server.stop().await.len(), 1);
}

#[tokio::test]
async fn only_a_proper_end_ends_a_mail() {
    let server = start(Limits::default()).await;
    let mut client = server.client().await;
    client.greet().await;
    client.say("RCPT TO:<a@b.example>").await;
    client.say("DATA").await;
    let smuggled = "a\n.\nMAIL FROM:<eve@x.example>\r\nb\n.\r\nc\r\n.\nd\r.\r\ne\r\n";
    client.send(smuggled).await;
    client.send(".\r\n").await;
    assert_eq!(client.reply().await, "250 2.0.0 taken");
    assert_eq!(client.say("NOOP").await, "250 2.0.0 ok");
    let taken = server.stop().await;
    assert_eq!(taken.len(), 1);
    // A dot at the start of a proper line is undone, all else is as it came.
    assert_eq!(String::from_utf8_lossy(&taken[0].1), smuggled.replace("c\r\n.\n", "c\r\n\n"));
}

#[tokio::test]
async fn a_mail_that_is_not_taken_stays_with_the_mta() {
    let server =
        start(Limits { handler_timeout: Duration::from_millis(400), ..Limits::default() }).await;
    let mut client = server.client().await;
    client.greet().await;
    for (text, reply) in [
        ("please panic", "451 4.3.0 an internal error"),
        ("please hang", "451 4.3.0 it takes too long"),
        ("please wait", "451 4.3.0 database is busy"),
        ("please refuse", "554 5.6.0 no  250 yes"),
        ("hello", "250 2.0.0 taken"),
    ] {
        client.say("MAIL FROM:<>").await;
        client.say("RCPT TO:<a@b.example>").await;
        client.say("RCPT TO:<b@b.example>").await;
        assert!(client.say("DATA").await.starts_with("354 "));
        assert_eq!(client.say(&format!("{text}\r\n.")).await, reply, "{text}");
        assert_eq!(client.reply().await, reply, "{text}");
    }
    assert_eq!(server.stop().await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_breaks_off_is_not_handed_over() {
    let server = start(Limits::default()).await;
    let mut client = server.client().await;
    client.greet().await;
    client.say("RCPT TO:<a@b.example>").await;
    client.say("DATA").await;
    client.send("half a mail\r\n.").await;
    drop(client);
    let mut next = server.client().await;
    next.greet().await;
    assert!(server.stop().await.is_empty());
}

#[tokio::test]
async fn commands_out_of_order_and_garbage_are_told() {
    let server = start(Limits { mistakes: 100, ..Limits::default() }).await;
    let mut client = server.client().await;
    client.reply().await;
    for (command, code) in [
        ("MAIL FROM:<>", "503"),
        ("RCPT TO:<a@b.example>", "503"),
        ("DATA", "503"),
        ("EHLO a", "500"),
        ("HELO a", "500"),
        ("LHLO", "501"),
        ("lhlo a", "250"),
        ("MAIL FROM:a@b.example", "501"),
        ("MAIL <a@b.example>", "501"),
        ("MAIL FROM:<a@b.example> SIZE=x", "501"),
        ("MAIL FROM:<a@b.example> SIZE=99999999", "552"),
        ("MAIL FROM:<a@b.example> RET=HDRS", "555"),
        ("MAIL FROM:<a@b.example>x", "501"),
        ("MAIL FROM:<a@b.example>", "250"),
        ("MAIL FROM:<a@b.example>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<>", "501"),
        ("RCPT TO:<postmaster>", "501"),
        ("RCPT TO:<a@b.example> NOTIFY=NEVER", "555"),
        ("RCPT TO:<a@b.example", "501"),
        ("RCPT TO:<a@b.example>\0", "500"),
        ("DATA now", "501"),
        ("", "500"),
        ("GET / HTTP/1.1", "500"),
        ("\u{1f600}", "500"),
        ("NOOP", "250"),
    ] {
        assert!(client.say(command).await.starts_with(code), "{command}");
    }
    client.writer.write_all(b"\xff\xfe\r\n").await.expect("sent");
    assert!(client.reply().await.starts_with("500 "));
    client.send("NOOP\n").await;
    assert!(client.reply().await.starts_with("500 5.5.2 a line ends"));
    client.send(&format!("NOOP {}\r\n", "x".repeat(1_000_000))).await;
    assert!(client.reply().await.starts_with("500 5.5.2 the line is too long"));
    assert_eq!(client.say("RSET").await, "250 2.0.0 ok");
    assert!(server.stop().await.is_empty());
}

#[tokio::test]
async fn limits_hold() {
    let limits = Limits {
        connections: 1,
        message_bytes: 1000,
        recipients: 2,
        mistakes: 3,
        ..Limits::default()
    };
    let server = start(limits).await;
    let mut client = server.client().await;
    client.greet().await;
    assert!(server.client().await.rest().await.starts_with("421 4.3.2 too many connections"));
    client.say("RCPT TO:<a@b.example>").await;
    client.say("RCPT TO:<b@b.example>").await;
    assert!(client.say("RCPT TO:<c@b.example>").await.starts_with("452 4.5.3"));
    client.say("DATA").await;
    client.send(&format!("{}\r\n", "x".repeat(998))).await;
    assert_eq!(client.say(".").await, "250 2.0.0 taken");
    client.reply().await;
    for large in ["x".repeat(999) + "\r\n", "x\r\n".repeat(400), "..\r\n".repeat(500)] {
        client.say("MAIL FROM:<>").await;
        client.say("RCPT TO:<a@b.example>").await;
        client.say("DATA").await;
        client.send(&large).await;
        assert_eq!(client.say(".").await, "552 5.3.4 the mail is too large");
    }
    for _ in 0..3 {
        client.say("WHAT").await;
    }
    assert!(client.rest().await.starts_with("421 4.7.0 too many mistakes"));
    // The place is free again, and a mail without an end is not read for ever.
    let mut client = loop {
        let mut client = server.client().await;
        if client.reply().await.starts_with("220 ") {
            break client;
        }
    };
    client.say("LHLO mta.example").await;
    client.say("MAIL FROM:<>").await;
    client.say("RCPT TO:<a@b.example>").await;
    client.say("DATA").await;
    let _ = client.writer.write_all(&vec![b'x'; 20_000_000]).await;
    let _ = client.writer.write_all(b"\r\n").await;
    assert_eq!(client.rest().await, "");
    assert_eq!(server.stop().await.len(), 1);
}

#[tokio::test]
async fn a_silent_client_is_told_to_go() {
    let short = Duration::from_millis(400);
    let limits = Limits { command_timeout: short, data_timeout: short, ..Limits::default() };
    let server = start(limits).await;
    let mut silent = server.client().await;
    silent.reply().await;
    assert!(silent.rest().await.starts_with("421 4.4.2"));
    let mut dripping = server.client().await;
    dripping.reply().await;
    dripping.send("NO").await;
    assert!(dripping.rest().await.starts_with("421 4.4.2"));
    let mut stalled = server.client().await;
    stalled.greet().await;
    stalled.say("RCPT TO:<a@b.example>").await;
    stalled.say("DATA").await;
    stalled.send("x\r\n").await;
    assert_eq!(stalled.rest().await, "");
    assert!(server.stop().await.is_empty());
}

#[tokio::test]
async fn a_shutdown_waits_for_the_mail_that_is_being_taken() {
    let begun = Arc::new(tokio::sync::Notify::new());
    let go_on = Arc::new(tokio::sync::Notify::new());
    let done = Arc::new(AtomicUsize::new(0));
    let handler: Handler = {
        let (begun, go_on, done) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
        Arc::new(move |_, _| {
            let (begun, go_on, done) = (Arc::clone(&begun), Arc::clone(&go_on), Arc::clone(&done));
            async move {
                begun.notify_one();
                go_on.notified().await;
                done.fetch_add(1, Ordering::SeqCst);
                LmtpReply::Accepted
            }
            .boxed()
        })
    };
    let server = start_with(Limits::default(), handler, Taken::default()).await;
    let mut idle = server.client().await;
    idle.greet().await;
    let mut client = server.client().await;
    client.greet().await;
    client.say("RCPT TO:<a@b.example>").await;
    client.say("DATA").await;
    client.send("x\r\n.\r\n").await;
    begun.notified().await;
    server.shutdown.cancel();
    assert!(idle.rest().await.starts_with("421 4.3.2"));
    go_on.notify_one();
    assert_eq!(client.reply().await, "250 2.0.0 taken");
    assert!(client.rest().await.starts_with("421 4.3.2"));
    server.stop().await;
    assert_eq!(done.load(Ordering::SeqCst), 1);
}
