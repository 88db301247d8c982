//! The server's side of one connection.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::{Act, At, Moment, Received, Script, Security, Shared};

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) async fn serve(
    stream: TcpStream,
    script: &Script,
    shared: &Shared,
    number: usize,
) -> io::Result<()> {
    match &script.security {
        Security::None => {
            let mut dialogue = Dialogue::new(Box::new(stream), script, shared, number);
            dialogue.greet().await?;
            dialogue.run().await.map(drop)
        }
        Security::Implicit(config) => {
            let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
            let mut dialogue = Dialogue::new(Box::new(stream), script, shared, number);
            dialogue.encrypted = true;
            dialogue.greet().await?;
            dialogue.run().await.map(drop)
        }
        Security::StartTls(config) => {
            let mut dialogue = Dialogue::new(Box::new(stream), script, shared, number);
            dialogue.greet().await?;
            if !dialogue.run().await? {
                return Ok(());
            }
            let stream = dialogue.stream.into_inner();
            let stream = TlsAcceptor::from(Arc::clone(config)).accept(stream).await?;
            let mut dialogue = Dialogue::new(Box::new(stream), script, shared, number);
            dialogue.encrypted = true;
            dialogue.run().await.map(drop)
        }
    }
}

struct Dialogue<'a> {
    stream: BufReader<Box<dyn Duplex>>,
    script: &'a Script,
    shared: &'a Shared,
    number: usize,
    encrypted: bool,
    authenticated: bool,
    nth: usize,
    from: Option<String>,
    to: Vec<String>,
    lines: Vec<String>,
    out: Vec<u8>,
}

/// The connection is over.
fn over() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl<'a> Dialogue<'a> {
    fn new(stream: Box<dyn Duplex>, script: &'a Script, shared: &'a Shared, number: usize) -> Self {
        Self {
            stream: BufReader::with_capacity(64 * 1024, stream),
            script,
            shared,
            number,
            encrypted: false,
            authenticated: false,
            nth: 0,
            from: None,
            to: Vec::new(),
            lines: Vec::new(),
            out: Vec::new(),
        }
    }

    async fn greet(&mut self) -> io::Result<()> {
        let banner = self.script.banner.clone();
        self.act(At::Connect, "", &banner).await.map(drop)
    }

    /// Runs the dialogue; `true` when TLS is to begin.
    async fn run(&mut self) -> io::Result<bool> {
        loop {
            let Some(line) = self.command().await? else { return Ok(false) };
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => self.ehlo(&line).await?,
                "STAR" => {
                    if self.act(At::StartTls, &line, "220 2.0.0 go").await? {
                        self.flush().await?;
                        if !self.stream.buffer().is_empty() {
                            self.violation("commands sent together with STARTTLS");
                        }
                        return Ok(true);
                    }
                }
                "AUTH" => self.auth(&line).await?,
                "MAIL" => self.mail(&line).await?,
                "RCPT" => self.rcpt(&line).await?,
                "DATA" => self.data(&line).await?,
                "RSET" => {
                    self.clear();
                    self.act(At::Rset, &line, "250 2.0.0 ok").await?;
                }
                "QUIT" => {
                    self.act(At::Quit, &line, "221 2.0.0 bye").await?;
                    self.flush().await?;
                    return Ok(false);
                }
                _ => {
                    self.act(At::Other, &line, "500 5.5.1 what?").await?;
                }
            }
        }
    }

    async fn command(&mut self) -> io::Result<Option<String>> {
        if self.stream.buffer().is_empty() {
            self.flush().await?;
        }
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\r\n") {
            self.violation("a command without CRLF");
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let talks_ahead = !self.stream.buffer().is_empty();
        if talks_ahead && !self.script.pipelining {
            self.violation("commands sent together without PIPELINING");
        }
        let number = self.number;
        let mut seen = self.shared.seen();
        if seen.keep_log {
            seen.commands.push(format!("{number}: {line}"));
        }
        drop(seen);
        Ok(Some(line))
    }

    fn violation(&self, what: &str) {
        self.shared.note(|seen| seen.violations.push(what.to_owned()));
    }

    fn clear(&mut self) {
        (self.from, self.to, self.lines) = (None, Vec::new(), Vec::new());
    }

    fn ask(&self, at: At, line: &str) -> Act {
        let recipient = match (at, self.to.first()) {
            (At::Rcpt, _) => path(line),
            (_, Some(first)) => first,
            _ => "",
        };
        let moment = Moment { at, connection: self.number, nth: self.nth, line, recipient };
        (self.script.behaviour)(moment)
    }

    /// Does what the script says; `true` when the reply is positive.
    async fn act(&mut self, at: At, line: &str, default: &str) -> io::Result<bool> {
        let act = self.ask(at, line);
        self.perform(act, default).await
    }

    async fn perform(&mut self, act: Act, default: &str) -> io::Result<bool> {
        let reply = match act {
            Act::Default => default.to_owned(),
            Act::Slow(pause) => {
                self.flush().await?;
                tokio::time::sleep(pause).await;
                default.to_owned()
            }
            Act::Say(line) => line,
            Act::SayAndHangUp(line) => {
                self.out.extend_from_slice(format!("{line}\r\n").as_bytes());
                self.flush().await?;
                return Err(over());
            }
            Act::HangUp | Act::TakeAndHangUp => {
                self.flush().await?;
                return Err(over());
            }
            Act::Stall | Act::TakeAndStall => {
                self.flush().await?;
                return self.stall().await;
            }
            Act::Raw(bytes) => {
                self.out.extend_from_slice(&bytes);
                self.flush().await?;
                return Ok(matches!(bytes.first(), Some(b'2' | b'3')));
            }
        };
        self.out.extend_from_slice(reply.as_bytes());
        self.out.extend_from_slice(b"\r\n");
        if !self.script.pipelining {
            self.flush().await?;
        }
        Ok(matches!(reply.as_bytes().first(), Some(b'2' | b'3')))
    }

    /// Reads until the client gives up.
    async fn stall(&mut self) -> io::Result<bool> {
        loop {
            let length = self.stream.fill_buf().await?.len();
            if length == 0 {
                return Err(over());
            }
            self.stream.consume(length);
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.get_mut().write_all(&self.out).await?;
            self.stream.get_mut().flush().await?;
            self.out.clear();
        }
        Ok(())
    }

    async fn ehlo(&mut self, line: &str) -> io::Result<()> {
        self.clear();
        let mut offers = vec!["fake.example greets you".to_owned(), "8BITMIME".to_owned()];
        if self.script.pipelining {
            offers.push("PIPELINING".to_owned());
        }
        if self.script.smtputf8 {
            offers.push("SMTPUTF8".to_owned());
        }
        if self.script.dsn {
            offers.push("DSN".to_owned());
        }
        if let Some(size) = self.script.size {
            offers.push(format!("SIZE {size}"));
        }
        let may_begin_tls = matches!(self.script.security, Security::StartTls(_));
        if may_begin_tls && !self.encrypted {
            offers.push("STARTTLS".to_owned());
        } else if self.script.login.is_some() {
            offers.push(format!("AUTH {}", self.script.mechanisms));
        }
        let last = offers.len() - 1;
        let lines = offers
            .iter()
            .enumerate()
            .map(|(index, offer)| format!("250{}{offer}", if index == last { ' ' } else { '-' }));
        let reply = lines.collect::<Vec<_>>().join("\r\n");
        self.act(At::Ehlo, line, &reply).await.map(drop)
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let decode = |text: &str| {
            let bytes = STANDARD.decode(text.trim()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let mut words = line.split_ascii_whitespace().skip(1);
        let given = match words.next().map(str::to_ascii_uppercase).as_deref() {
            Some("PLAIN") => {
                let text = decode(words.next().unwrap_or_default());
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                Some((parts.next().unwrap_or_default(), parts.next().unwrap_or_default()))
            }
            Some("LOGIN") => {
                let mut answers = Vec::new();
                for question in ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] {
                    self.out.extend_from_slice(format!("334 {question}\r\n").as_bytes());
                    self.flush().await?;
                    answers.push(decode(&self.command().await?.unwrap_or_default()));
                }
                let password = answers.pop().unwrap_or_default();
                Some((answers.pop().unwrap_or_default(), password))
            }
            _ => None,
        };
        self.authenticated = given.is_some() && given == self.script.login;
        let reply =
            if self.authenticated { "235 2.7.0 welcome" } else { "535 5.7.8 bad credentials" };
        self.act(At::Auth, line, reply).await.map(drop)
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        self.clear();
        self.nth = self.shared.note(|seen| {
            seen.mails_begun += 1;
            seen.mails_begun
        });
        let locked = self.script.login.is_some() && !self.authenticated;
        let open = matches!(self.script.security, Security::StartTls(_)) && !self.encrypted;
        if open {
            self.violation("mail in the clear");
        }
        let reply = if locked { "530 5.7.0 authenticate first" } else { "250 2.1.0 ok" };
        if self.act(At::Mail, line, reply).await? {
            self.from = Some(path(line).to_owned());
            self.lines.push(line.to_owned());
        }
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<()> {
        let default = if self.from.is_some() { "250 2.1.5 ok" } else { "503 5.5.1 MAIL first" };
        if self.act(At::Rcpt, line, default).await? {
            self.to.push(path(line).to_owned());
            self.lines.push(line.to_owned());
        }
        Ok(())
    }

    async fn data(&mut self, line: &str) -> io::Result<()> {
        let default = match (&self.from, self.to.is_empty()) {
            (Some(_), false) => "354 go",
            (Some(_), true) => "554 5.5.1 no valid recipients",
            (None, _) => "503 5.5.1 MAIL first",
        };
        let act = self.ask(At::Data, line);
        let goes_on = match &act {
            Act::Say(reply) => reply.starts_with('3'),
            Act::Raw(bytes) => bytes.starts_with(b"3"),
            Act::Default | Act::Slow(_) => default.starts_with('3'),
            _ => false,
        };
        self.perform(act, default).await?;
        if !goes_on {
            return Ok(());
        }
        self.flush().await?;
        let (data, longest_line) = self.body().await?;
        let mut received = Received {
            from: self.from.clone().unwrap_or_default(),
            to: self.to.clone(),
            commands: self.lines.clone(),
            data,
            connection: self.number,
            encrypted: self.encrypted,
            longest_line,
        };
        let act = self.ask(At::Dot, ".");
        self.clear();
        if received.to.is_empty() {
            return self.perform(act, "554 5.5.1 no valid recipients").await.map(drop);
        }
        match &act {
            Act::TakeAndHangUp | Act::TakeAndStall => {
                self.shared.note(|seen| seen.taken.push(received));
            }
            Act::Say(reply) | Act::SayAndHangUp(reply) if !reply.starts_with('2') => {
                self.shared.note(|seen| seen.refused.push(received));
            }
            Act::HangUp | Act::Stall => {}
            Act::Raw(bytes) if !bytes.starts_with(b"2") => {}
            _ => {
                // Counted when the answer is on its way, and before the client can see it.
                self.shared.note(|seen| {
                    if !seen.keep_log {
                        received.data = Vec::new();
                    }
                    seen.mails.push(received);
                });
            }
        }
        self.perform(act, "250 2.0.0 queued").await.map(drop)
    }

    async fn body(&mut self) -> io::Result<(Vec<u8>, usize)> {
        let (mut data, mut longest) = (Vec::new(), 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(over());
            }
            longest = longest.max(line.len());
            let ends = line == b".\r\n" || (self.script.bare_lf && line == b".\n");
            if ends {
                return Ok((data, longest));
            }
            if !line.ends_with(b"\r\n") || line[..line.len() - 2].contains(&b'\r') {
                self.violation("a bare CR or LF in a mail");
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }
}

/// What stands between `<` and `>`.
fn path(line: &str) -> &str {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or("", |(path, _)| path)
}
