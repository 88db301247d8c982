//! Signed tokens: of links, pixels, unsubscribes, bounce addresses and Message-IDs.
//!
//! A token is `version | key id | purpose | payload | mac`, the MAC being the first 128 bits of
//! HMAC-SHA-256 over all before it, in URL-safe base64 without padding. Nothing is looked up to read
//! one: what it says is either ours or it says nothing.

mod base32;
mod keyring;
mod question;
mod target;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::Mac as _;
pub use keyring::{Keyring, KeyringError};
pub use target::{BadTarget, TARGET_LIMIT, check_target};

use crate::domain::{
    event::StepRef,
    id::{LeadId, MessageId},
};

/// Which mail to whom: what every token of a mail is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct MailRef {
    pub lead: LeadId,
    pub message: MessageId,
}

/// What a token is good for. Inside the MAC, so that none passes for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Purpose {
    Click = 1,
    Open = 2,
    Unsubscribe = 3,
    Bounce = 4,
    MessageKey = 5,
    MessageId = 6,
    Asked = 7,
    Later = 8,
    Preferences = 9,
    Outcome = 10,
    CallKey = 11,
}

const VERSION: u8 = 1;
const HEADER: usize = 3;
const MAC: usize = 16;
const REF: usize = 16;
/// No token that we make is longer than this.
pub const TOKEN_LIMIT: usize = (HEADER + REF + TARGET_LIMIT + MAC).div_ceil(3) * 4;

const BOUNCE: &str = "bounce+";

impl MailRef {
    fn to_bytes(self) -> [u8; REF] {
        let mut bytes = [0; REF];
        bytes[..8].copy_from_slice(&self.lead.0.to_be_bytes());
        bytes[8..].copy_from_slice(&self.message.0.to_be_bytes());
        bytes
    }

    /// Reads the reference at the start of `bytes`, and gives what follows it.
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (lead, rest) = bytes.split_first_chunk::<8>()?;
        let (message, rest) = rest.split_first_chunk::<8>()?;
        let mail = Self {
            lead: LeadId(i64::from_be_bytes(*lead)),
            message: MessageId(i64::from_be_bytes(*message)),
        };
        Some((mail, rest))
    }

    fn whole(bytes: &[u8]) -> Option<Self> {
        let (mail, rest) = Self::split(bytes)?;
        rest.is_empty().then_some(mail)
    }
}

impl Keyring {
    /// The token of a tracked link. The target is inside the MAC, so that `/c/` leads nowhere but where
    /// a mail of ours pointed.
    ///
    /// # Errors
    /// When `target` is no plain web address ([`check_target`]).
    pub fn click(&self, mail: &MailRef, target: &str) -> Result<String, BadTarget> {
        check_target(target)?;
        let mut payload = mail.to_bytes().to_vec();
        payload.extend_from_slice(target.as_bytes());
        Ok(self.seal(Purpose::Click, &payload))
    }

    /// The mail and the target of a link that we signed; checked again, whoever signed it.
    #[must_use]
    pub fn read_click(&self, token: &str) -> Option<(MailRef, String)> {
        let payload = self.open(Purpose::Click, token)?;
        let (mail, target) = MailRef::split(&payload)?;
        let target = std::str::from_utf8(target).ok()?;
        check_target(target).ok()?;
        Some((mail, target.to_owned()))
    }

    /// The token of the picture that tells of an opening.
    #[must_use]
    pub fn open_pixel(&self, mail: &MailRef) -> String {
        self.seal(Purpose::Open, &mail.to_bytes())
    }

    #[must_use]
    pub fn read_open_pixel(&self, token: &str) -> Option<MailRef> {
        MailRef::whole(&self.open(Purpose::Open, token)?)
    }

    /// The token of the unsubscribe address (RFC 8058): opaque, and says both who and from what.
    #[must_use]
    pub fn unsubscribe(&self, mail: &MailRef) -> String {
        self.seal(Purpose::Unsubscribe, &mail.to_bytes())
    }

    #[must_use]
    pub fn read_unsubscribe(&self, token: &str) -> Option<MailRef> {
        MailRef::whole(&self.open(Purpose::Unsubscribe, token)?)
    }

    /// The local part of the return path (VERP): `bounce+<payload>.<mac>`, 62 characters of an
    /// alphabet that survives servers that change case (RFC 5321 allows 64).
    #[must_use]
    pub fn bounce_local_part(&self, mail: &MailRef) -> String {
        let (id, key) = self.newest();
        let mac = truncated(key, &signed_bytes(id, Purpose::Bounce, &mail.to_bytes()));
        let mut payload = vec![id];
        payload.extend_from_slice(&mail.to_bytes());
        format!("{BOUNCE}{}.{}", base32::encode(&payload), base32::encode(&mac))
    }

    /// The mail that bounced, if the address is one that we made. Letter case does not matter.
    #[must_use]
    pub fn read_bounce(&self, local_part: &str) -> Option<MailRef> {
        if local_part.len() > 64 || !local_part.is_char_boundary(BOUNCE.len()) {
            return None;
        }
        let (prefix, rest) = local_part.split_at_checked(BOUNCE.len())?;
        if !prefix.eq_ignore_ascii_case(BOUNCE) {
            return None;
        }
        let (payload, mac) = rest.split_once('.')?;
        let payload = base32::decode(payload)?;
        let (&id, payload) = payload.split_first()?;
        let mail = MailRef::whole(payload)?;
        let signed = signed_bytes(id, Purpose::Bounce, payload);
        equal(self.key(id)?, &signed, &base32::decode(mac)?).then_some(mail)
    }

    /// The value of `X-Nurtured-Key`: the same for a message for ever, and opaque to whoever has no key.
    #[must_use]
    pub fn message_key(&self, message: MessageId) -> String {
        let signed = signed_bytes(0, Purpose::MessageKey, &message.0.to_be_bytes());
        base32::encode(&truncated(self.identity(), &signed))
    }

    /// The key of a webhook's call, by which its receiver knows that it was called before: the same at every attempt, and
    /// where a database that was brought back decides the same again.
    #[must_use]
    pub fn call_key(&self, lead: LeadId, about: &StepRef) -> String {
        let mut payload = lead.0.to_be_bytes().to_vec();
        payload.extend_from_slice(&about.enrolment.0.to_be_bytes());
        payload.extend_from_slice(&about.visit.to_be_bytes());
        payload.extend_from_slice(about.step.as_bytes());
        let signed = signed_bytes(0, Purpose::CallKey, &payload);
        base32::encode(&truncated(self.identity(), &signed))
    }

    /// The local part of the Message-ID: the same at every attempt and after a rotation of keys, and
    /// signed, so that a complaint that quotes it can be believed.
    #[must_use]
    pub fn message_id(&self, mail: &MailRef) -> String {
        let signed = signed_bytes(0, Purpose::MessageId, &mail.to_bytes());
        let mac = truncated(self.identity(), &signed);
        format!("{}.{}", base32::encode(&mail.to_bytes()), base32::encode(&mac))
    }

    /// The mail that a Message-ID's local part names, if we made it.
    #[must_use]
    pub fn read_message_id(&self, local_part: &str) -> Option<MailRef> {
        let (payload, mac) = local_part.split_once('.')?;
        let payload = base32::decode(payload)?;
        let mail = MailRef::whole(&payload)?;
        let signed = signed_bytes(0, Purpose::MessageId, &payload);
        equal(self.identity(), &signed, &base32::decode(mac)?).then_some(mail)
    }

    fn seal(&self, purpose: Purpose, payload: &[u8]) -> String {
        let (id, key) = self.newest();
        let mut bytes = signed_bytes(id, purpose, payload);
        let mac = truncated(key, &bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, purpose: Purpose, token: &str) -> Option<Vec<u8>> {
        self.open_any(token).filter(|(what, _)| *what == purpose as u8).map(|(_, payload)| payload)
    }

    /// What a token of ours is good for, and what it holds.
    fn open_any(&self, token: &str) -> Option<(u8, Vec<u8>)> {
        if token.len() > TOKEN_LIMIT {
            return None;
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let mac = bytes.split_off(bytes.len().checked_sub(MAC)?);
        let &[version, id, what, ..] = bytes.as_slice() else { return None };
        if version != VERSION || !equal(self.key(id)?, &bytes, &mac) {
            return None;
        }
        bytes.drain(..HEADER);
        Some((what, bytes))
    }
}

fn signed_bytes(key: u8, purpose: Purpose, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len() + MAC);
    bytes.extend_from_slice(&[VERSION, key, purpose as u8]);
    bytes.extend_from_slice(payload);
    bytes
}

fn truncated(keyed: &keyring::Hmac, bytes: &[u8]) -> [u8; MAC] {
    let full = keyed.clone().chain_update(bytes).finalize().into_bytes();
    let mut mac = [0; MAC];
    mac.copy_from_slice(&full[..MAC]);
    mac
}

fn equal(keyed: &keyring::Hmac, bytes: &[u8], mac: &[u8]) -> bool {
    // The library would take a shorter MAC too.
    mac.len() == MAC && keyed.clone().chain_update(bytes).verify_truncated_left(mac).is_ok()
}

#[cfg(test)]
mod tests;
