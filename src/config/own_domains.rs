//! From which domains mail may say to come.

use super::Config;

/// Domains that are ours: the senders', and those that we sign for, with what is under them.
#[derive(Clone, Debug, Default)]
pub struct OwnDomains {
    sender: String,
    /// Those of relays with a sender of their own.
    others: Vec<String>,
    signed: Vec<String>,
}

impl OwnDomains {
    /// Whether mail may come from there. For others the relay may not write: such mail is refused, or taken
    /// for spam (DMARC, RFC 9989).
    #[must_use]
    pub fn has(&self, domain: &str) -> bool {
        domain == self.sender
            || self.others.iter().any(|other| domain == other)
            || self.signed.iter().any(|signed| is_within(domain, signed))
    }

    /// That of `[sender] from`.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.sender
    }
}

impl Config {
    /// `None` while there is no `[sender]`.
    #[must_use]
    pub fn own_domains(&self) -> Option<OwnDomains> {
        let sender = self.sender.as_ref()?.from.address.domain().to_owned();
        let others = self.relays.iter().filter_map(|relay| relay.identity.from.as_ref());
        let others = others.map(|from| from.address.domain().to_owned()).collect();
        let signed = self.dkim.iter().map(|key| key.domain.clone()).collect();
        Some(OwnDomains { sender, others, signed })
    }
}

/// Whether a name is a domain, or one under it.
#[must_use]
pub fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
