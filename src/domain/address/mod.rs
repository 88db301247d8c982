//! E-mail addresses in the one form that is stored, compared and written to.

mod account;
mod canonical;
mod mailbox;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use mailbox::Mailbox;

/// A canonical e-mail address: trimmed, lower case, its domain in A-labels.
///
/// What is accepted is what a public mail exchanger delivers and a person would type: a dot-atom,
/// one `@`, a host name with a dot. Refused on purpose although an RFC allows it:
///
/// | form | why |
/// | --- | --- |
/// | quoted local parts `"a b"@c.org` (RFC 5321 §4.1.2) | RFC 5321 asks hosts not to require them; they carry spaces and `@` into every log, header and command |
/// | address literals `a@[1.2.3.4]`, numeric last labels | no mail exchanger, no reputation, no consent that names one |
/// | comments and folding white space (RFC 5322 §3.2.2), obsolete syntax | belong to headers, not to a mailbox |
/// | a domain without a dot `a@org` | always a slip in an export |
/// | local part over 64, domain over 253, whole over 254 octets | RFC 5321 §4.5.3.1, RFC 1035 §2.3.4 |
///
/// The local part is compared in lower case: RFC 5321 §2.4 allows a host to tell `Ann` from `ann`,
/// none does, and exports disagree about the case. A local part outside ASCII (RFC 6531) is kept as
/// NFC in lower case; it needs a relay that offers SMTPUTF8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is no address that we would write to.
///
/// Its display completes "the address is refused: …" and never repeats the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadAddress {
    #[error("it is empty")]
    Empty,
    #[error("it has no `@`")]
    NoAt,
    #[error("it says ` at ` where an `@` belongs")]
    SpelledAt,
    #[error("it has more than one `@`")]
    SeveralAts,
    #[error("nothing stands before the `@`")]
    NoLocalPart,
    #[error("nothing stands after the `@`")]
    NoDomain,
    #[error("it has a space inside")]
    Space,
    #[error("it has a control character inside")]
    Control,
    #[error("it has an invisible character inside")]
    Invisible,
    #[error("it has a name or brackets around it: give the bare address")]
    Brackets,
    #[error("it has quotes, which we do not write to")]
    Quoted,
    #[error("it has a comment in parentheses")]
    Comment,
    #[error("it begins with a dot")]
    StartsWithDot,
    #[error("it ends with a dot")]
    EndsWithDot,
    #[error("a dot stands beside the `@`")]
    DotBesideAt,
    #[error("it has two dots in a row")]
    DoubleDot,
    #[error("`{0}` cannot stand in the part before the `@`")]
    BadCharacter(char),
    #[error("the part before the `@` is longer than 64 octets")]
    LocalPartTooLong,
    #[error("it is longer than a mail server takes (254 octets, the domain 253)")]
    TooLong,
    #[error("its domain is a bare network address")]
    Literal,
    #[error("its domain has no dot")]
    NoDot,
    #[error("its domain ends in a number")]
    NumericTopLevel,
    #[error("a part of its domain is longer than 63 octets")]
    LabelTooLong,
    #[error("a part of its domain begins or ends with a hyphen")]
    Hyphen,
    #[error("its domain is no host name")]
    BadDomain,
    #[error("it does not have the form of an address")]
    Malformed,
}

impl Address {
    /// Reads an address as people and exports write it. Parsing what [`Self::as_str`] gives yields
    /// the same address.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        canonical::canonical(text).map(Self)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// In A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether it can be handed only to a relay that offers SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.0.is_ascii()
    }

    /// Whether it names a function rather than a person: `info@`, `sales@`, `noreply@` (RFC 2142
    /// and custom).
    #[must_use]
    pub fn is_role_account(&self) -> bool {
        account::is_role(self.local_part())
    }

    /// The registrable domain that stands for the lead's company (by the public suffix list);
    /// `None` for domains of free-mail, internet access and disposable-mail providers.
    #[must_use]
    pub fn account_domain(&self) -> Option<String> {
        account::account_domain(self.domain())
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Address {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Self, BadAddress> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

/// Masked: addresses stay out of logs. Use [`Address::as_str`] to write one.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address(…@{})", self.domain())
    }
}
