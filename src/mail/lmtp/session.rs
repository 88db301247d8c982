//! One client, from greeting to goodbye.

use std::{
    future::Future,
    io::{Error, ErrorKind, Result},
    time::Duration,
};

use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Envelope, Handler, Limits, LmtpReply,
    command::{self, Command},
    wire::Wire,
};

pub(super) async fn run(
    stream: TcpStream,
    limits: Limits,
    handler: Handler,
    shutdown: CancellationToken,
) -> Result<()> {
    let wire = Wire::new(stream);
    let (greeted, envelope) = (false, None);
    let mut session = Session { wire, limits, handler, greeted, envelope, mistakes: 0 };
    session.reply("220 nurtured LMTP").await?;
    loop {
        let line = tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                return session.reply("421 4.3.2 shutting down, try again later").await;
            }
            line = session.command() => line,
        };
        match line {
            Ok(Some(command)) => {
                if command == Ok(Command::Quit) {
                    return session.reply("221 2.0.0 goodbye").await;
                }
                if command == Ok(Command::Data) {
                    session.data(&shutdown).await?;
                } else {
                    session.answer(command).await?;
                }
            }
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return session.reply("421 4.4.2 you said nothing for too long").await;
            }
            Err(error) => return Err(error),
        }
        if session.mistakes > session.limits.mistakes {
            return session.reply("421 4.7.0 too many mistakes").await;
        }
    }
}

struct Session {
    wire: Wire,
    limits: Limits,
    handler: Handler,
    greeted: bool,
    /// From MAIL on.
    envelope: Option<Envelope>,
    mistakes: u32,
}

impl Session {
    async fn reply(&mut self, text: &str) -> Result<()> {
        within(self.limits.command_timeout, self.wire.reply(text)).await
    }

    /// The next command, or what is wrong with it; `None` when the client has closed.
    async fn command(&mut self) -> Result<Option<std::result::Result<Command, command::Mistake>>> {
        let mut line = Vec::new();
        let read = self.wire.line(&mut line, self.limits.command_bytes);
        let Some(end) = within(self.limits.command_timeout, read).await? else { return Ok(None) };
        Ok(Some(if end.too_long {
            Err("500 5.5.2 the line is too long")
        } else if let Some(line) = line.strip_suffix(b"\r\n") {
            command::parse(line)
        } else {
            Err("500 5.5.2 a line ends with CR LF")
        }))
    }

    async fn answer(
        &mut self,
        command: std::result::Result<Command, command::Mistake>,
    ) -> Result<()> {
        let reply = command.and_then(|command| self.take(command));
        match reply {
            Ok(text) => self.reply(&text).await,
            Err(mistake) => {
                self.mistakes += 1;
                self.reply(mistake).await
            }
        }
    }

    fn take(&mut self, command: Command) -> std::result::Result<String, command::Mistake> {
        let text = match command {
            Command::Lhlo => {
                self.greeted = true;
                self.envelope = None;
                return Ok(format!(
                    "250-nurtured\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n\
                     250-SMTPUTF8\r\n250 SIZE {}",
                    self.limits.message_bytes
                ));
            }
            Command::Mail { .. } if !self.greeted => return Err("503 5.5.1 say LHLO first"),
            Command::Mail { .. } if self.envelope.is_some() => {
                return Err("503 5.5.1 one mail at a time");
            }
            Command::Mail { size, .. } if size > Some(self.limits.message_bytes) => {
                return Err("552 5.3.4 the mail is too large");
            }
            Command::Mail { sender, .. } => {
                self.envelope = Some(Envelope { sender, recipients: Vec::new() });
                "250 2.1.0 ok"
            }
            Command::Rcpt(recipient) => {
                let envelope = self.envelope.as_mut().ok_or("503 5.5.1 say MAIL first")?;
                if envelope.recipients.len() >= self.limits.recipients {
                    return Err("452 4.5.3 too many recipients");
                }
                envelope.recipients.push(recipient);
                "250 2.1.5 ok"
            }
            Command::Rset => {
                self.envelope = None;
                "250 2.0.0 ok"
            }
            Command::Noop => "250 2.0.0 ok",
            Command::Vrfy => "252 2.5.2 send it and see",
            Command::Data | Command::Quit => return Err("503 5.5.1 not now"),
        };
        Ok(text.to_owned())
    }

    async fn data(&mut self, shutdown: &CancellationToken) -> Result<()> {
        let Some(envelope) = self.envelope.take_if(|envelope| !envelope.recipients.is_empty())
        else {
            self.mistakes += 1;
            return self.reply("503 5.5.1 say MAIL and RCPT first").await;
        };
        self.reply("354 go ahead, end with a dot").await?;
        let most = self.limits.message_bytes;
        let read = within(self.limits.data_timeout, self.wire.mail(most));
        let mail = tokio::select! {
            // Nothing is taken yet, so the MTA keeps it.
            () = shutdown.cancelled() => return Ok(()),
            mail = read => mail?,
        };
        let recipients = envelope.recipients.len();
        let reply = match mail {
            Some(mail) => line_of(&self.handle(envelope, mail).await),
            None => "552 5.3.4 the mail is too large".to_owned(),
        };
        // RFC 2033 §4.2: one for each recipient, in order.
        let replies = vec![reply; recipients].join("\r\n");
        self.reply(&replies).await
    }

    /// In a task of its own, so that a panic is an answer too.
    async fn handle(&self, envelope: Envelope, mail: Vec<u8>) -> LmtpReply {
        let task = tokio::spawn((self.handler)(envelope, mail));
        match timeout(self.limits.handler_timeout, task).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => {
                tracing::error!(%error, "LMTP: the handler failed");
                LmtpReply::Later("an internal error".to_owned())
            }
            Err(_) => LmtpReply::Later("it takes too long".to_owned()),
        }
    }
}

/// One line, whatever the text holds.
fn line_of(reply: &LmtpReply) -> String {
    let (codes, text) = match reply {
        LmtpReply::Accepted => return "250 2.0.0 taken".to_owned(),
        LmtpReply::Later(text) => ("451 4.3.0", text),
        LmtpReply::Refused(text) => ("554 5.6.0", text),
    };
    let text: String =
        text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(200).collect();
    format!("{codes} {text}")
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(Error::from(ErrorKind::TimedOut)))
}
