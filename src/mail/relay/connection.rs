//! One connection: opened, secured, greeted, authenticated; then one command and reply at a time.

use std::{
    fmt::Display,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, AsyncTokioStream},
    commands::{Ehlo, Quit, Starttls},
    extension::ClientId,
    response::Response,
};
use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    Delivery, Stage,
    reply::Reply,
    smtp::{SmtpRelay, Tls},
    tls,
    wire::Wire,
};

/// The dialogue broke off: no reply, or none that can be understood. The connection is of no more
/// use, since a late reply would be taken for that to the next command.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: String,
    /// No answer in time, as against a closed connection or nonsense.
    pub(super) late: bool,
}

impl Broken {
    fn because(reason: impl Display) -> Self {
        Self { reason: reason.to_string(), late: false }
    }

    fn late(limit: Duration) -> Self {
        Self { reason: format!("no answer within {limit:?}"), late: true }
    }
}

/// What the relay said it can do (RFC 5321 §4.1.1.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a keyword of its own
pub(super) struct Capabilities {
    pub(super) pipelining: bool,
    pub(super) smtputf8: bool,
    pub(super) eight_bit: bool,
    pub(super) dsn: bool,
    /// `SIZE` was offered; its limit in octets, 0 for none.
    pub(super) size: Option<u64>,
}

impl Capabilities {
    fn of(response: &Response) -> Self {
        let mut can = Self::default();
        for line in response.message().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let Some(keyword) = words.next() else { continue };
            match keyword.to_ascii_uppercase().as_str() {
                "PIPELINING" => can.pipelining = true,
                "SMTPUTF8" => can.smtputf8 = true,
                "8BITMIME" => can.eight_bit = true,
                "DSN" => can.dsn = true,
                "SIZE" => can.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0)),
                _ => {}
            }
        }
        can
    }
}

pub(super) struct Connection {
    smtp: AsyncSmtpConnection,
    pub(super) can: Capabilities,
    /// The relay has said more than it was asked.
    ahead: Arc<AtomicBool>,
    pub(super) opened: Instant,
    pub(super) used: Instant,
    pub(super) mails: u32,
}

impl Connection {
    /// Opens a connection as far as the first MAIL. On failure nothing was handed over: what comes
    /// back is [`Delivery::Unreachable`].
    pub(super) async fn open(relay: &SmtpRelay) -> Result<Self, Delivery> {
        let unreachable = |stage: Stage| {
            move |broken: Broken| Delivery::Unreachable { reason: broken.reason, stage }
        };
        let limits = &relay.timeouts;
        let tcp = within(limits.connect, TcpStream::connect((relay.host.as_str(), relay.port)))
            .await
            .map_err(unreachable(Stage::Connect))?;
        // Else the kernel holds back small writes until the relay's delayed acknowledgement.
        let hello = client_id(&relay.helo_name, tcp.local_addr().ok().map(|own| own.ip()));
        tcp.set_nodelay(true).map_err(Broken::because).map_err(unreachable(Stage::Connect))?;
        let secret_is_safe =
            relay.tls != Tls::None || tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());

        let ahead = Arc::new(AtomicBool::new(false));
        let wire: Box<dyn AsyncTokioStream> = match relay.tls {
            Tls::None => Box::new(Wire::new(tcp, Arc::clone(&ahead))),
            Tls::Implicit => {
                let channel = secured(relay, tcp).await.map_err(unreachable(Stage::Tls))?;
                Box::new(Wire::new(channel, Arc::clone(&ahead)))
            }
            Tls::StartTls => {
                let tcp = started_tls(relay, tcp, &hello).await.map_err(|(stage, broken)| {
                    Delivery::Unreachable { reason: broken.reason, stage }
                })?;
                let channel = secured(relay, tcp).await.map_err(unreachable(Stage::Tls))?;
                Box::new(Wire::greeted(channel, Arc::clone(&ahead)))
            }
        };
        let smtp = within(
            limits.greeting + limits.command,
            AsyncSmtpConnection::connect_with_transport(wire, &hello),
        )
        .await
        .map_err(unreachable(Stage::Greeting))?;
        let now = Instant::now();
        let mut connection =
            Self { smtp, can: Capabilities::default(), ahead, opened: now, used: now, mails: 0 };
        // The library keeps to itself most of what EHLO said.
        let offers = within(limits.command, connection.smtp.command(Ehlo::new(hello)))
            .await
            .map_err(unreachable(Stage::Greeting))?;
        connection.can = Capabilities::of(&offers);
        if let Some(credentials) = &relay.credentials {
            if !secret_is_safe {
                return Err(Delivery::Unreachable {
                    reason: "credentials are not sent without TLS: set tls to starttls or implicit"
                        .to_owned(),
                    stage: Stage::Auth,
                });
            }
            let credentials = Credentials::new(
                credentials.user.clone(),
                credentials.password.expose_secret().to_owned(),
            );
            within(
                limits.command * 3,
                connection.smtp.auth(&[Mechanism::Plain, Mechanism::Login], &credentials),
            )
            .await
            .map_err(unreachable(Stage::Auth))?;
        }
        Ok(connection)
    }

    /// Sends a command, or several as one text, and reads the (first) reply, whatever it says.
    pub(super) async fn say(
        &mut self,
        command: impl Display,
        limit: Duration,
    ) -> Result<Reply, Broken> {
        match timeout(limit, self.smtp.command(command)).await {
            Ok(answer) => understood(answer),
            Err(_) => Err(Broken::late(limit)),
        }
    }

    /// Reads the reply to a further command that was sent together with an earlier one.
    pub(super) async fn listen(&mut self, limit: Duration) -> Result<Reply, Broken> {
        match timeout(limit, self.smtp.read_response()).await {
            Ok(answer) => understood(answer),
            Err(_) => Err(Broken::late(limit)),
        }
    }

    /// The relay sent a reply to something that it was not asked: from here on replies could be off
    /// by one.
    pub(super) fn is_ahead(&self) -> bool {
        self.ahead.load(Ordering::Relaxed)
    }

    pub(super) async fn quit(mut self, limit: Duration) {
        // Whatever it answers, we are gone.
        drop(self.say(Quit, limit).await);
    }
}

fn understood(answer: Result<Response, SmtpError>) -> Result<Reply, Broken> {
    match answer {
        Ok(response) => Ok(Reply::from(&response)),
        Err(error) => negative(&error).ok_or_else(|| Broken::because(&error)),
    }
}

/// A 4xx or 5xx, which the library makes an error of.
fn negative(error: &SmtpError) -> Option<Reply> {
    let code = error.status()?;
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    Some(Reply::new(u16::from(code), &text))
}

async fn within<T, E: Display>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Broken> {
    match timeout(limit, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Broken::because(error)),
        Err(_) => Err(Broken::late(limit)),
    }
}

async fn secured(
    relay: &SmtpRelay,
    tcp: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Broken> {
    let config = relay.client_config().map_err(Broken::because)?;
    within(relay.timeouts.tls, tls::secure(config, &relay.host, tcp)).await
}

/// The plain part of a STARTTLS dialogue (RFC 3207), our own because the library keeps what it has
/// read ahead: a man in the middle could put replies there that would then pass for protected ones.
async fn started_tls(
    relay: &SmtpRelay,
    tcp: TcpStream,
    hello: &ClientId,
) -> Result<TcpStream, (Stage, Broken)> {
    let limits = &relay.timeouts;
    let mut wire = Wire::new(tcp, Arc::new(AtomicBool::new(false)));
    let greeting = |broken| (Stage::Greeting, broken);
    let tls = |reason: &str| (Stage::Tls, Broken::because(reason));

    let mut exchange = async |command: String, limit| {
        let said = async {
            wire.write_all(command.as_bytes()).await.map_err(Broken::because)?;
            response(&mut wire).await
        };
        timeout(limit, said).await.unwrap_or_else(|_| Err(Broken::late(limit)))
    };
    positive(exchange(String::new(), limits.greeting).await).map_err(greeting)?;
    let offers = exchange(Ehlo::new(hello.clone()).to_string(), limits.command).await;
    let offers = positive(offers).map_err(greeting)?;
    let offered = offers.message().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
    if !offered {
        return Err(tls("the relay does not offer STARTTLS, and mail is not sent without it"));
    }
    positive(exchange(Starttls.to_string(), limits.command).await)
        .map_err(|broken| (Stage::Tls, broken))?;
    wire.into_channel()
        .ok_or_else(|| tls("the relay said more than it was asked before TLS began: an attack?"))
}

fn positive(answer: Result<Response, Broken>) -> Result<Response, Broken> {
    let response = answer?;
    if response.is_positive() { Ok(response) } else { Err(Broken::because(Reply::from(&response))) }
}

async fn response(wire: &mut Wire<TcpStream>) -> Result<Response, Broken> {
    let mut text = String::new();
    loop {
        let mut line = [0; 1024];
        let length = wire.read(&mut line).await.map_err(Broken::because)?;
        let line = &line[..length];
        if line.is_empty() {
            return Err(Broken::because("the relay closed the connection"));
        }
        text.push_str(&String::from_utf8_lossy(line));
        if line.get(3) != Some(&b'-') {
            return text.parse().map_err(|_| Broken::because("the relay does not speak SMTP"));
        }
    }
}

/// The name to say at EHLO, for want of one the address that we speak from (RFC 5321 §4.1.4); nothing can
/// be smuggled into the command by it.
fn client_id(name: &str, own: Option<IpAddr>) -> ClientId {
    let literal = |ip| match ip {
        IpAddr::V4(ip) => ClientId::Ipv4(ip),
        IpAddr::V6(ip) => ClientId::Ipv6(ip),
    };
    match name.parse() {
        Ok(ip) => literal(ip),
        Err(_)
            if name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
                && !name.is_empty() =>
        {
            ClientId::Domain(name.to_owned())
        }
        Err(_) => own.map_or_else(ClientId::default, literal),
    }
}
