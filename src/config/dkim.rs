//! `[[dkim]]`: the keys that mails are signed with (RFC 6376).

use std::{fmt, path::Path};

use super::{named_file::NamedFile, reader::Section, sender::canonical_domain};

/// One key, of which the public half stands in the DNS under its selector.
#[derive(Clone, Debug)]
pub struct Dkim {
    /// What it signs for, in A-labels: mails from this domain, and from domains under it.
    pub domain: String,
    /// In A-labels, as in the DNS.
    pub selector: String,
    pub key_file: NamedFile,
    /// Where the file is named, for what is wrong with it: line and column, from 1.
    pub place: (usize, usize),
}

/// By its name in the DNS.
impl fmt::Display for Dkim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}._domainkey.{}", self.selector, self.domain)
    }
}

pub(super) fn read(mut section: Section<'_, '_, '_, '_>, base: &Path) -> Option<Dkim> {
    let domain = section.text("domain").and_then(|text| {
        canonical_domain(text).map_err(|why| section.wrong("domain", why, None)).ok()
    });
    let selector = section.text("selector").and_then(|text| {
        if is_selector(text) {
            return Some(text.to_ascii_lowercase());
        }
        let hint = Some("write a word of letters, digits and hyphens, like \"s1\"".to_owned());
        section.wrong("selector", format!("`{text}` is not a selector"), hint);
        None
    });
    let key_file = section.file("key_file", base);
    let place = section.place("key_file");
    for (key, example) in [
        ("domain", "\"example.com\""),
        ("selector", "\"s1\""),
        ("key_file", "\"s1.example.com.pem\" (`nurtured dkim new` makes one)"),
    ] {
        if !section.has(key) {
            section.missing(key, example);
        }
    }
    section.finish();
    Some(Dkim { domain: domain?, selector: selector?, key_file: key_file?, place })
}

/// Labels of a host name, with dots between them (RFC 6376 §3.1); with `._domainkey.` and a domain it is a
/// name of the DNS.
#[must_use]
pub fn is_selector(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 100 && text.split('.').all(is_label)
}
