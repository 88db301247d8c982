//! Mail that comes back, at its one door: a report changes a lead only under our own signature.

use std::io;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        address::Address, event::EventKind, lead::Suppression, message::MessageKind, time::Instant,
        value::Value,
    },
    mail::{
        inbound::{self as mail, Class, Incoming, Kind, RecipientReport, parse_report},
        unclaimed::Unclaimed,
    },
    store::{
        Store, StoreError,
        records::{MessageBrief, NewEvent, Recorded},
    },
    token::{Keyring, MailRef},
};

/// How a mail came in, as far as the mail server tells.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// Its sender is `<>`: a machine sent it.
    pub null_sender: bool,
    /// What is no address of ours cannot carry our signature.
    pub recipients: Vec<Address>,
}

impl Envelope {
    #[must_use]
    pub fn new(null_sender: bool, recipients: &[String]) -> Self {
        let recipients = recipients.iter().filter_map(|text| Address::parse(text).ok()).collect();
        Self { null_sender, recipients }
    }
}

/// What became of a mail that came in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Accepted {
    /// `delivery`, `complaint`, `opt_out`, `auto_reply`, `receipt`, `reply`; `unreadable` if it is no mail.
    pub kind: &'static str,
    /// What it says of our mail: `hard`, `soft`, `sender_fault`, `complaint` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<&'static str>,
    /// It came with our valid signature for a mail of ours.
    pub matched: bool,
    pub action: Action,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The lead's address is not written to any more.
    Suppressed,
    /// Put on the lead's timeline.
    Recorded,
    /// Known already.
    Duplicate,
    /// Nothing to say of a lead.
    Ignored,
    /// No mail, or not about a mail of ours: kept as a file for a person to look at.
    Kept,
    /// The same, and the folder for such files is full.
    Dropped,
}

impl Action {
    pub const ALL: [Self; 6] = [
        Self::Suppressed,
        Self::Recorded,
        Self::Duplicate,
        Self::Ignored,
        Self::Kept,
        Self::Dropped,
    ];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Recorded => "recorded",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Kept => "kept",
            Self::Dropped => "dropped",
        }
    }
}

/// Why a mail was not taken in: it should be offered again.
#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a mail that is nobody's cannot be kept in [inbound] keep: {0}")]
    Keep(#[from] io::Error),
}

/// The one door for mail that comes back.
#[derive(Clone, Debug)]
pub struct Inbox<'a> {
    pub store: &'a Store,
    pub keyring: &'a Keyring,
    pub unclaimed: &'a Unclaimed,
}

impl Inbox<'_> {
    /// Takes in one mail as it arrived.
    ///
    /// A hard bounce, an opt-out or a complaint suppresses the lead's address in the same transaction.
    /// Anybody can write such a mail, so only a signature of ours makes it count: in the bounce address
    /// that it came to, or, for complaints and replies, in the Message-ID that it returns. What cannot be
    /// read, and what a person or a server wrote about no mail of ours, is on disk when this returns.
    ///
    /// # Errors
    /// When nothing could be written: the mail should then be offered again.
    pub async fn accept(
        &self,
        raw: &[u8],
        envelope: &Envelope,
        now: Instant,
    ) -> Result<Accepted, InboxError> {
        let Ok(incoming) = parse_report(raw, envelope.null_sender) else {
            let (kind, action) = ("unreadable", self.keep(raw).await?);
            return Ok(Accepted { kind, class: None, matched: false, action });
        };
        let is_opt_out = incoming.class() == Class::OptOut;
        let accepted = |matched, action| Accepted {
            kind: if is_opt_out { Class::OptOut.word() } else { incoming.kind.word() },
            class: Some(incoming.class().word()),
            matched,
            action,
        };
        let Some(brief) = self.ours(&incoming, envelope).await? else {
            // What a machine answers by itself is not worth a look, and there is much of it.
            let is_chatter = matches!(incoming.kind, Kind::AutoReply | Kind::Receipt);
            let action = if is_chatter { Action::Ignored } else { self.keep(raw).await? };
            return Ok(accepted(false, action));
        };
        let Some(event) = event(&incoming, &brief, raw, now) else {
            return Ok(accepted(true, Action::Ignored));
        };
        let suppresses = event.suppress.is_some();
        let recorded = self.store.record_events(&[event], now).await?;
        let action = match recorded.first() {
            Some(Recorded::New { .. }) if suppresses => Action::Suppressed,
            Some(Recorded::New { .. }) => Action::Recorded,
            Some(Recorded::Duplicate) => Action::Duplicate,
            Some(Recorded::NoSuchLead | Recorded::Unstorable) | None => Action::Ignored,
        };
        Ok(accepted(true, action))
    }

    async fn keep(&self, raw: &[u8]) -> Result<Action, InboxError> {
        let (unclaimed, raw) = (self.unclaimed.clone(), raw.to_vec());
        let kept = tokio::task::spawn_blocking(move || unclaimed.keep(&raw)).await;
        let is_kept = kept.map_err(io::Error::other)??;
        Ok(if is_kept { Action::Kept } else { Action::Dropped })
    }

    /// The mail of ours that one is about.
    async fn ours(
        &self,
        incoming: &Incoming,
        envelope: &Envelope,
    ) -> Result<Option<MessageBrief>, StoreError> {
        let Some(mail) = signed(self.keyring, incoming, &envelope.recipients) else {
            return Ok(None);
        };
        let brief = self.store.message_briefs(&[mail.message]).await?.remove(&mail.message);
        Ok(brief.filter(|brief| brief.lead == mail.lead))
    }
}

/// The mail of ours that this one is about, if a signature of ours says so.
fn signed(keyring: &Keyring, incoming: &Incoming, envelope: &[Address]) -> Option<MailRef> {
    let by_address = || {
        envelope
            .iter()
            .chain(&incoming.recipients)
            .find_map(|address| keyring.read_bounce(address.local_part()))
    };
    let by_message_id = || {
        let id = incoming.original_message_id.as_deref()?;
        keyring.read_message_id(id.split_once('@').map_or(id, |(local, _)| local))
    };
    match incoming.kind {
        Kind::Delivery | Kind::AutoReply | Kind::Receipt => by_address(),
        // Not sent to the return path: complaints to whom the provider agreed to tell, replies to the
        // address in `From`.
        Kind::Complaint | Kind::Reply => by_message_id().or_else(by_address),
    }
}

/// What goes on the lead's timeline.
fn event(incoming: &Incoming, brief: &MessageBrief, raw: &[u8], now: Instant) -> Option<NewEvent> {
    // A colleague's full mailbox says nothing about the lead that a notice was about.
    if brief.kind == MessageKind::Internal {
        return None;
    }
    let class = incoming.class();
    let told = || incoming.reports.iter().filter(|report| report.class == class);
    // RFC 3464 §2.3.3: the server goes on trying, and says later what came of it.
    let is_delayed = |report: &RecipientReport| report.action == Some(mail::Action::Delayed);
    if told().next().is_some() && told().all(is_delayed) {
        return None;
    }
    // RFC 6591: no person complained.
    if incoming.kind == Kind::Complaint && class == Class::SenderFault {
        tracing::warn!(message = %brief.id, "a mail of ours failed its authentication, says a receiver");
        return None;
    }
    let (kind, suppress) = match class {
        Class::Hard => (EventKind::MAIL_BOUNCED, Some(Suppression::HardBounce)),
        Class::Soft | Class::SenderFault => (EventKind::MAIL_BOUNCED, None),
        Class::OptOut => (EventKind::LEAD_UNSUBSCRIBED, Some(Suppression::Unsubscribed)),
        Class::Complaint => (EventKind::MAIL_COMPLAINED, Some(Suppression::Complained)),
        Class::Reply => (EventKind::LEAD_REPLIED, None),
        Class::AutoReply | Class::Delivered => return None,
    };
    let mut event = NewEvent::new(brief.lead, kind, now, "inbox");
    event.message = Some(brief.id);
    event.about = Some(brief.about.clone());
    event.suppress = suppress;
    event.object = Some(match class {
        Class::Hard | Class::Soft | Class::SenderFault => class.word().into(),
        _ => brief.template.clone(),
    });
    event.data.insert("template".into(), Value::Text(brief.template.clone()));
    if let Some(report) = told().next() {
        if let Some(status) = &report.status {
            event.data.insert("status".into(), Value::Text(status.to_string().into()));
        }
        if let Some(code) = report.code {
            event.data.insert("code".into(), Value::Number(f64::from(code)));
        }
    }
    // The same mail offered again; and of several reports on one mail each class once.
    event.dedupe = Some(match class {
        Class::Reply => {
            let digest = Sha256::digest(raw);
            let digest = u64::from_be_bytes(digest[..8].try_into().unwrap_or_default());
            format!("reply:{digest:016x}")
        }
        _ => format!("{}:{}", class.word(), brief.id),
    });
    Some(event)
}
