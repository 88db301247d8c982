//! One mail over an open connection.

use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
};

use lettre::transport::smtp::{
    commands::{Data, Mail, Rcpt},
    extension::{MailBodyParameter, MailParameter, RcptParameter},
};

use super::{
    Delivery, Stage,
    connection::{Broken, Capabilities, Connection},
    data::stuffed,
    reply::{Enhanced, Reply},
    timeouts::Timeouts,
};
use crate::mail::compose::{Composed, address};

/// What became of the mail, and of the connection.
pub(super) struct Outcome {
    pub(super) delivery: Delivery,
    /// Both sides know where they are: the connection may take the next mail.
    pub(super) keep: bool,
    /// The connection was closed, or is being closed, before the relay said a word about this mail.
    pub(super) stale: bool,
}

impl Outcome {
    const fn drop(delivery: Delivery) -> Self {
        Self { delivery, keep: false, stale: false }
    }

    const fn keep(delivery: Delivery) -> Self {
        Self { delivery, keep: true, stale: false }
    }
}

/// Hands one mail over. `handed_over` is raised when the first octet of the mail may have left.
pub(super) async fn transact<F, Fut>(
    connection: &mut Connection,
    mail: &Composed,
    limits: &Timeouts,
    point_of_no_return: &mut Option<F>,
    handed_over: &AtomicBool,
) -> Outcome
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = bool>,
{
    let commands = match Commands::new(mail, connection.can) {
        Ok(commands) => commands,
        Err(refused) => return Outcome::keep(refused),
    };
    let begun = if connection.can.pipelining {
        begin_at_once(connection, &commands, limits).await
    } else {
        begin_step_by_step(connection, &commands, limits).await
    };
    if let Err(outcome) = begun {
        return outcome;
    }
    if connection.is_ahead() {
        return Outcome::drop(Delivery::Unreachable {
            reason: "the relay answered before it had the mail".to_owned(),
            stage: Stage::Data,
        });
    }
    let may_go = match point_of_no_return.take() {
        Some(ask) => ask().await,
        None => false,
    };
    if !may_go {
        return Outcome::drop(Delivery::Withdrawn);
    }
    handed_over.store(true, Ordering::SeqCst);
    let answer = connection.say(&commands.data, limits.body + limits.dot).await;
    let delivery = match answer {
        Ok(reply) if reply.is_positive() => Delivery::Sent { reply },
        Ok(reply) if reply.is_transient() => Delivery::Later { reply, stage: Stage::Dot },
        Ok(reply) if reply.is_permanent() => Delivery::Refused { reply, stage: Stage::Dot },
        Ok(reply) => {
            let reason = format!("the relay answered the mail with {}", reply.code);
            return Outcome::drop(Delivery::InDoubt { reason });
        }
        Err(Broken { reason, .. }) => return Outcome::drop(Delivery::InDoubt { reason }),
    };
    let closing = matches!(&delivery, Delivery::Later { reply, .. } if reply.closes());
    Outcome { delivery, keep: !closing && !connection.is_ahead(), stale: false }
}

/// MAIL, RCPT and DATA in one write (RFC 2920); their replies in turn.
async fn begin_at_once(
    connection: &mut Connection,
    commands: &Commands,
    limits: &Timeouts,
) -> Result<(), Outcome> {
    let together = format!("{}{}{Data}", commands.mail, commands.rcpt);
    let mail = first_reply(connection.say(together, limits.command).await)?;
    // A first refusal stands, also when the connection breaks after it.
    let rcpt = match connection.listen(limits.rcpt).await {
        Ok(reply) => reply,
        Err(broken) => return Err(broken_off(&mail, Stage::Mail, broken, Stage::Rcpt)),
    };
    if mail.is_positive() && rcpt.closes() {
        return Err(refused(rcpt, Stage::Rcpt));
    }
    let data = match connection.listen(limits.data).await {
        Ok(reply) => reply,
        Err(broken) if mail.is_positive() => {
            return Err(broken_off(&rcpt, Stage::Rcpt, broken, Stage::Data));
        }
        Err(broken) => return Err(broken_off(&mail, Stage::Mail, broken, Stage::Data)),
    };
    match (mail.is_positive(), rcpt.is_positive(), data.code) {
        (true, true, 354) => Ok(()),
        // Ready for a mail from nobody, or to somebody from nobody: the replies may be off by one, and
        // only hanging up is sure to hand over nothing.
        (false, _, 354) | (false, true, _) => Err(refused(mail, Stage::Mail)),
        // Ready for a mail to nobody: RFC 2920 §3.1 wants a lone dot.
        (true, false, 354) => {
            let closed = connection.say(".\r\n", limits.dot).await;
            let keep = closed.is_ok_and(|reply| !reply.closes()) && !connection.is_ahead();
            Err(Outcome { keep, ..refused(rcpt, Stage::Rcpt) })
        }
        (false, false, _) => Err(kept_if_in_step(connection, refused(mail, Stage::Mail))),
        (true, false, _) => Err(reset(connection, rcpt, Stage::Rcpt, limits).await),
        (true, true, _) => Err(reset(connection, data, Stage::Data, limits).await),
    }
}

async fn begin_step_by_step(
    connection: &mut Connection,
    commands: &Commands,
    limits: &Timeouts,
) -> Result<(), Outcome> {
    let mail = first_reply(connection.say(&commands.mail, limits.command).await)?;
    if !mail.is_positive() {
        return Err(kept_if_in_step(connection, refused(mail, Stage::Mail)));
    }
    let rcpt = connection.say(&commands.rcpt, limits.rcpt).await;
    let rcpt = rcpt.map_err(|broken| unreachable(broken, Stage::Rcpt))?;
    if !rcpt.is_positive() {
        return Err(reset(connection, rcpt, Stage::Rcpt, limits).await);
    }
    let data = connection.say(Data, limits.data).await;
    let data = data.map_err(|broken| unreachable(broken, Stage::Data))?;
    if data.code != 354 {
        return Err(reset(connection, data, Stage::Data, limits).await);
    }
    Ok(())
}

/// The reply to MAIL. A connection that was closed meanwhile shows here.
fn first_reply(answer: Result<Reply, Broken>) -> Result<Reply, Outcome> {
    match answer {
        Ok(reply) if reply.closes() => Err(Outcome { stale: true, ..refused(reply, Stage::Mail) }),
        Ok(reply) => Ok(reply),
        Err(broken) => Err(Outcome { stale: !broken.late, ..unreachable(broken, Stage::Mail) }),
    }
}

fn unreachable(broken: Broken, stage: Stage) -> Outcome {
    Outcome::drop(Delivery::Unreachable { reason: broken.reason, stage })
}

fn broken_off(before: &Reply, before_at: Stage, broken: Broken, at: Stage) -> Outcome {
    if before.is_positive() { unreachable(broken, at) } else { refused(before.clone(), before_at) }
}

/// The verdict of a reply that is not the expected one. The connection is not kept: callers do that
/// where both sides are sure to be in step.
fn refused(reply: Reply, stage: Stage) -> Outcome {
    Outcome::drop(if reply.is_transient() {
        Delivery::Later { reply, stage }
    } else if reply.is_permanent() {
        Delivery::Refused { reply, stage }
    } else {
        let reason = format!("the relay answered {} with {}", stage.word(), reply.code);
        Delivery::Unreachable { reason, stage }
    })
}

fn kept_if_in_step(connection: &Connection, outcome: Outcome) -> Outcome {
    let keep = match &outcome.delivery {
        Delivery::Later { reply, .. } | Delivery::Refused { reply, .. } => {
            !reply.closes() && !connection.is_ahead()
        }
        _ => false,
    };
    Outcome { keep, ..outcome }
}

/// Takes the begun transaction back, so that the next mail can use the connection.
async fn reset(
    connection: &mut Connection,
    reply: Reply,
    stage: Stage,
    limits: &Timeouts,
) -> Outcome {
    let outcome = kept_if_in_step(connection, refused(reply, stage));
    if !outcome.keep {
        return outcome;
    }
    let keep = connection.say("RSET\r\n", limits.command).await.is_ok_and(|r| r.is_positive());
    Outcome { keep, ..outcome }
}

struct Commands {
    mail: String,
    rcpt: String,
    data: String,
}

impl Commands {
    /// # Errors
    /// The refusal of a mail that this relay cannot take.
    fn new(mail: &Composed, can: Capabilities) -> Result<Self, Delivery> {
        let local = |code, subject, detail, text: &str| Delivery::Refused {
            reply: Reply {
                code,
                enhanced: Some(Enhanced { class: 5, subject, detail }),
                text: text.to_owned(),
            },
            stage: Stage::Local,
        };
        let bad_address = |_| local(553, 1, 3, "the address cannot be written to");
        let rcpt = address("recipient", &mail.envelope_to).map_err(bad_address)?;
        let sender = mail.envelope_from.as_ref().map(|from| address("bounce address", from));
        let sender =
            sender.transpose().map_err(|_| local(553, 1, 7, "the bounce address is none"))?;
        let text = std::str::from_utf8(&mail.bytes)
            .map_err(|_| local(554, 6, 0, "the mail is not UTF-8"))?;

        let mut parameters = Vec::new();
        let addresses_are_ascii = mail.envelope_to.as_str().is_ascii()
            && mail.envelope_from.as_ref().is_none_or(|from| from.as_str().is_ascii());
        // Only headers are ever beyond ASCII (RFC 6532): with an address before its `@`.
        if !addresses_are_ascii || !text.is_ascii() {
            if !can.smtputf8 {
                let text = "the address is not ASCII, and the relay does not offer SMTPUTF8";
                return Err(local(553, 6, 7, text));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            if can.eight_bit {
                parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
            }
        }
        if let Some(limit) = can.size {
            if limit > 0 && mail.bytes.len() as u64 > limit {
                return Err(local(552, 3, 4, "the mail is larger than the relay's limit"));
            }
            parameters.push(MailParameter::Size(mail.bytes.len()));
        }
        let mut wishes = Vec::new();
        if can.dsn && sender.is_some() && addresses_are_ascii {
            // RFC 3461: bounces name our key, and carry the headers alone.
            parameters.push(other_mail("RET", "HDRS"));
            parameters.push(other_mail("ENVID", &mail.key));
            wishes.push(other_rcpt("NOTIFY", "FAILURE,DELAY"));
            wishes.push(other_rcpt("ORCPT", &format!("rfc822;{}", mail.envelope_to.as_str())));
        }
        Ok(Self {
            mail: Mail::new(sender, parameters).to_string(),
            rcpt: Rcpt::new(rcpt, wishes).to_string(),
            data: stuffed(text),
        })
    }
}

fn other_mail(keyword: &str, value: &str) -> MailParameter {
    MailParameter::Other { keyword: keyword.to_owned(), value: Some(value.to_owned()) }
}

fn other_rcpt(keyword: &str, value: &str) -> RcptParameter {
    RcptParameter::Other { keyword: keyword.to_owned(), value: Some(value.to_owned()) }
}
