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

pub(super) fn read(mut section: Section<'_, '_, '_, '_>) -> Option<Sender> {
    let mailbox = |section: &mut Section<'_, '_, '_, '_>, key: &'static str| {
        let text = section.text(key)?;
        match text.parse::<Mailbox>() {
            Ok(mailbox) => Some(mailbox),
            Err(why) => {
                let hint = Some("write \"Ada Rossi <ada@example.com>\"".to_owned());
                section.wrong(key, format!("`{text}` is no sender: {why}"), hint);
                None
            }
        }
    };
    let from = mailbox(&mut section, "from");
    let reply_to = mailbox(&mut section, "reply_to");
    let bounce_domain = section.text("bounce_domain").and_then(|text| {
        canonical_domain(text).map_err(|why| section.wrong("bounce_domain", why, None)).ok()
    });
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
