//! `[sender]` and `[delivery]`: who mails come from, and whom they may go to.

use std::str::FromStr;

use super::reader::Section;
use crate::domain::address::{Address, Mailbox};

/// Who mails come from.
#[derive(Clone, Debug)]
pub struct Sender {
    pub from: Mailbox,
    pub reply_to: Option<Mailbox>,
    /// Where undeliverable mail comes back to; in A-labels.
    pub bounce_domain: String,
    /// At the foot of every marketing mail.
    pub postal_address: String,
}

/// Whom mail may go to: `*@ours.example` or one address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pattern {
    Domain(String),
    Address(Address),
}

impl Pattern {
    #[must_use]
    pub fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Domain(domain) => address.domain() == domain,
            Self::Address(one) => address == one,
        }
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().strip_prefix("*@").or_else(|| text.trim().strip_prefix('@')) {
            Some(domain) => canonical_domain(domain).map(Self::Domain),
            None => Address::parse(text).map(Self::Address).map_err(|error| error.to_string()),
        }
    }
}

/// A domain as addresses have it, in A-labels.
///
/// # Errors
/// When it is none.
pub fn canonical_domain(text: &str) -> Result<String, String> {
    match Address::parse(&format!("postmaster@{text}")) {
        Ok(address) => Ok(address.domain().to_owned()),
        Err(_) => Err(format!("`{text}` is not a domain")),
    }
}

/// What mails by one relay have of their own; the rest is as `[sender]` says.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    pub from: Option<Mailbox>,
    pub reply_to: Option<Mailbox>,
    /// In A-labels.
    pub bounce_domain: Option<String>,
}

impl Sender {
    /// The same sender, as an identity has it.
    #[must_use]
    pub fn known_as(&self, identity: &Identity) -> Self {
        let Identity { from, reply_to, bounce_domain } = identity.clone();
        Self {
            from: from.unwrap_or_else(|| self.from.clone()),
            reply_to: reply_to.or_else(|| self.reply_to.clone()),
            bounce_domain: bounce_domain.unwrap_or_else(|| self.bounce_domain.clone()),
            postal_address: self.postal_address.clone(),
        }
    }
}

/// The keys of an [`Identity`], in whichever section.
pub(super) fn identity(section: &mut Section<'_, '_, '_, '_>) -> Identity {
    Identity {
        from: mailbox(section, "from"),
        reply_to: mailbox(section, "reply_to"),
        bounce_domain: section.text("bounce_domain").and_then(|text| {
            canonical_domain(text).map_err(|why| section.wrong("bounce_domain", why, None)).ok()
        }),
    }
}

fn mailbox(section: &mut Section<'_, '_, '_, '_>, key: &'static str) -> Option<Mailbox> {
    let text = section.text(key)?;
    let wrong = |why| {
        let hint = Some("write \"Ada Rossi <ada@example.com>\"".to_owned());
        section.wrong(key, format!("`{text}` is no sender: {why}"), hint);
    };
    text.parse::<Mailbox>().map_err(wrong).ok()
}

pub(super) fn read(mut section: Section<'_, '_, '_, '_>) -> Option<Sender> {
    let Identity { from, reply_to, bounce_domain } = identity(&mut section);
    let postal_address = section.text("postal_address").map(str::trim);
    if postal_address == Some("") {
        let message = "every marketing mail must name a postal address";
        section.wrong("postal_address", message, None);
    }
    for (key, example) in [
        ("from", "\"Ada Rossi <ada@example.com>\""),
        ("bounce_domain", "\"bounce.example.com\""),
        ("postal_address", "\"Via Roma 1, 20121 Milano\""),
    ] {
        if !section.has(key) {
            section.missing(key, example);
        }
    }
    section.finish();
    Some(Sender {
        from: from?,
        reply_to,
        bounce_domain: bounce_domain?,
        postal_address: postal_address?.to_owned(),
    })
}

pub(super) fn only_to(section: &mut Section<'_, '_, '_, '_>) -> Option<Vec<Pattern>> {
    let texts = section.texts("only_to")?;
    let mut patterns = Vec::with_capacity(texts.len());
    for (text, span) in texts {
        match text.parse() {
            Ok(pattern) => patterns.push(pattern),
            Err(why) => {
                let hint = Some("write \"*@ours.example\" or one address".to_owned());
                section.problems().add(&span, format!("`{text}`: {why}"), hint);
            }
        }
    }
    Some(patterns)
}
