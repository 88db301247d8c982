//! An SMTP server that does what a test tells it: refuses, stalls, hangs up, takes a mail and says
//! nothing. It counts a mail only when it has answered 250 to it.

#![allow(dead_code, unused_imports)] // a test binary or a bench uses a part of it

// Named by their paths, since benches include this file by its own.
#[path = "smtp/authority.rs"]
mod authority;
#[path = "smtp/dialogue.rs"]
mod dialogue;

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

pub use self::authority::Authority;

/// Where in the dialogue a [`Script`] is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum At {
    Connect,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The whole mail was received.
    Dot,
    Rset,
    Quit,
    /// Any other command.
    Other,
}

/// What is going on when a [`Script`] is asked.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    pub at: At,
    /// The how-manieth connection this is, from 1.
    pub connection: usize,
    /// The how-manieth MAIL command over all connections, from 1; 0 before the first.
    pub nth: usize,
    /// The line as it came, without its end.
    pub line: &'a str,
    /// The recipient at RCPT, and the first one after it.
    pub recipient: &'a str,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// What a good server does.
    Default,
    /// These lines instead; `\r\n` is added. At the dot only a 2xx takes the mail.
    Say(String),
    SayAndHangUp(String),
    HangUp,
    /// At the dot: the mail is taken (see [`FakeSmtp::taken`]), and no reply is sent.
    TakeAndHangUp,
    /// At the dot: the mail is taken, no reply is sent, the connection stays.
    TakeAndStall,
    /// No reply, ever; the connection stays.
    Stall,
    /// These bytes, just so.
    Raw(Vec<u8>),
    /// The default, after a while.
    Slow(Duration),
}

/// A `Say`.
pub fn say(line: &str) -> Act {
    Act::Say(line.to_owned())
}

#[derive(Clone, Default)]
pub enum Security {
    #[default]
    None,
    StartTls(Arc<ServerConfig>),
    Implicit(Arc<ServerConfig>),
}

pub type Behaviour = Arc<dyn Fn(Moment<'_>) -> Act + Send + Sync>;

/// How a server behaves.
#[derive(Clone)]
#[allow(clippy::struct_excessive_bools)] // switches, each on its own
pub struct Script {
    pub banner: String,
    pub pipelining: bool,
    pub smtputf8: bool,
    pub dsn: bool,
    pub size: Option<u64>,
    /// User and password that AUTH must bring.
    pub login: Option<(String, String)>,
    /// The mechanisms offered.
    pub mechanisms: String,
    pub security: Security,
    /// Takes a bare LF for a line end, as old servers do.
    pub bare_lf: bool,
    /// Set by [`Script::on`].
    pub behaviour: Behaviour,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            banner: "220 fake.example ESMTP".to_owned(),
            pipelining: true,
            smtputf8: false,
            dsn: false,
            size: None,
            login: None,
            mechanisms: "PLAIN LOGIN".to_owned(),
            security: Security::None,
            bare_lf: false,
            behaviour: Arc::new(|_| Act::Default),
        }
    }
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    /// Asked at every moment.
    #[must_use]
    pub fn on(mut self, behaviour: impl Fn(Moment<'_>) -> Act + Send + Sync + 'static) -> Self {
        self.behaviour = Arc::new(behaviour);
        self
    }

    #[must_use]
    pub fn without_pipelining(self) -> Self {
        Self { pipelining: false, ..self }
    }
}

/// A mail as it arrived.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// The MAIL and RCPT lines.
    pub commands: Vec<String>,
    /// The dots single again.
    pub data: Vec<u8>,
    pub connection: usize,
    pub encrypted: bool,
    /// The longest line with its end, in octets.
    pub longest_line: usize,
}

impl Received {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }

    /// A header's value as it stands there, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (head, _) = text.split_once("\r\n\r\n")?;
        head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    pub fn key(&self) -> String {
        self.header("X-Nurtured-Key").unwrap_or_default()
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {:?} ({} octets)", self.from, self.to, self.data.len())
    }
}

/// What a server has seen.
#[derive(Default)]
pub struct Seen {
    /// Answered with 2xx.
    pub mails: Vec<Received>,
    /// Taken without an answer.
    pub taken: Vec<Received>,
    /// Received whole, and refused.
    pub refused: Vec<Received>,
    pub connections: usize,
    pub open: usize,
    pub most_open: usize,
    /// Every command, as `connection: line`, credentials included.
    pub commands: Vec<String>,
    /// What a client must not do.
    pub violations: Vec<String>,
    mails_begun: usize,
    keep_log: bool,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn note<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let outcome = change(&mut self.seen());
        self.changed.notify_waiters();
        outcome
    }
}

/// A running server; it ends when this is dropped.
pub struct FakeSmtp {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for FakeSmtp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeSmtp {
    pub async fn start(script: Script) -> (SocketAddr, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, script)
    }

    /// A server that counts and answers, and forgets commands and contents: for load.
    pub async fn sink() -> (SocketAddr, Self) {
        let (addr, server) = Self::start(Script::new()).await;
        server.shared.seen().keep_log = false;
        (addr, server)
    }

    /// On a listener of the caller's, for a server that comes back at the same port.
    pub fn on(listener: TcpListener, script: Script) -> (SocketAddr, Self) {
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            seen: Mutex::new(Seen { keep_log: true, ..Seen::default() }),
            changed: Notify::new(),
        });
        let task = tokio::spawn(accept(listener, script, Arc::clone(&shared)));
        (addr, Self { addr, shared, task })
    }

    /// The mails answered with 250.
    pub fn mails(&self) -> Vec<Received> {
        self.shared.seen().mails.clone()
    }

    pub fn count(&self) -> usize {
        self.shared.seen().mails.len()
    }

    /// The mails taken without an answer.
    pub fn taken(&self) -> Vec<Received> {
        self.shared.seen().taken.clone()
    }

    /// The mails received whole and refused.
    pub fn refused(&self) -> Vec<Received> {
        self.shared.seen().refused.clone()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.seen().connections
    }

    pub fn most_open(&self) -> usize {
        self.shared.seen().most_open
    }

    pub fn commands(&self) -> Vec<String> {
        self.shared.seen().commands.clone()
    }

    /// What a client must not do: talking ahead without PIPELINING, bare line ends, mail in the
    /// clear where TLS is wanted.
    pub fn violations(&self) -> Vec<String> {
        self.shared.seen().violations.clone()
    }

    /// Waits until what was seen satisfies the condition.
    pub async fn until(&self, condition: impl Fn(&Seen) -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if condition(&self.shared.seen()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it never came");
    }
}

async fn accept(listener: TcpListener, script: Script, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // Finished ones are let go; aborting this task aborts the rest.
        while sessions.try_join_next().is_some() {}
        let number = shared.note(|seen| {
            seen.connections += 1;
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
            seen.connections
        });
        let (script, shared) = (script.clone(), Arc::clone(&shared));
        sessions.spawn(async move {
            stream.set_nodelay(true).ok();
            // A client that hangs up is no event of its own.
            dialogue::serve(stream, &script, &shared, number).await.ok();
            shared.note(|seen| seen.open -= 1);
        });
    }
}
