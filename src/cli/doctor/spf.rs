//! Whether a domain's SPF lets an address send for it (RFC 7208), as far as that can be told without a mail.

use std::{future::Future, net::IpAddr, pin::Pin};

use super::dns::{Answer, Dns};

/// Questions to the DNS that one record may cost (RFC 7208 §4.6.4).
const LOOKUPS: u8 = 10;

/// What a receiver would find.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Spf {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// There is no record.
    None,
    /// Receivers take the record for broken, and so for none.
    Broken(String),
    /// It hangs on the single mail, or nobody could be asked.
    Unclear(String),
}

/// The records of a domain that are SPF.
pub(super) fn records(texts: &[String]) -> Vec<&String> {
    let is_spf = |text: &&String| {
        text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
    };
    texts.iter().filter(is_spf).collect()
}

/// Evaluates the record of `domain` for a sending address.
pub(super) async fn evaluate(dns: &Dns, domain: &str, address: IpAddr) -> Spf {
    let mut lookups = LOOKUPS;
    Evaluation { dns, address, lookups: &mut lookups }.of(domain.to_owned()).await
}

struct Evaluation<'a> {
    dns: &'a Dns,
    address: IpAddr,
    /// How many are left.
    lookups: &'a mut u8,
}

impl Evaluation<'_> {
    /// Boxed: records include others.
    fn of(&mut self, domain: String) -> Pin<Box<dyn Future<Output = Spf> + Send + '_>> {
        Box::pin(async move { self.record(&domain).await.unwrap_or_else(|ended| ended) })
    }

    async fn record(&mut self, domain: &str) -> Result<Spf, Spf> {
        let texts = self.dns.texts(domain).await.map_err(Spf::Unclear)?;
        let record = match records(&texts).as_slice() {
            [] => return Ok(Spf::None),
            [one] => (*one).clone(),
            several => {
                return Err(Spf::Broken(format!("{domain} has {} SPF records", several.len())));
            }
        };
        let mut redirect = None;
        for term in record.split(' ').skip(1).filter(|term| !term.is_empty()) {
            if term.contains('%') {
                return Err(Spf::Unclear(format!("`{term}` hangs on the single mail")));
            }
            // Modifiers have `=` before any `:` or `/`.
            if let Some((name, value)) = term.split_once('=')
                && !name.contains([':', '/'])
            {
                if name.eq_ignore_ascii_case("redirect") {
                    redirect = Some(value.to_owned());
                }
                continue;
            }
            let (found, mechanism) = match term.split_at_checked(1) {
                Some(("+", rest)) => (Spf::Pass, rest),
                Some(("-", rest)) => (Spf::Fail, rest),
                Some(("~", rest)) => (Spf::SoftFail, rest),
                Some(("?", rest)) => (Spf::Neutral, rest),
                _ => (Spf::Pass, term),
            };
            if self.matches(mechanism, domain).await? {
                return Ok(found);
            }
        }
        let Some(target) = redirect else { return Ok(Spf::Neutral) };
        self.count()?;
        match self.of(target.clone()).await {
            Spf::None => Err(Spf::Broken(format!("redirect={target} leads to no SPF record"))),
            found => Ok(found),
        }
    }

    async fn matches(&mut self, mechanism: &str, domain: &str) -> Result<bool, Spf> {
        let (name, argument) = match mechanism.find([':', '/']) {
            Some(at) if mechanism[at..].starts_with(':') => {
                (&mechanism[..at], &mechanism[at + 1..])
            }
            Some(at) => (&mechanism[..at], &mechanism[at..]),
            None => (mechanism, ""),
        };
        let broken = || Spf::Broken(format!("`{mechanism}` is not understood"));
        let dns = self.dns;
        match name.to_ascii_lowercase().as_str() {
            "all" => Ok(true),
            "ip4" | "ip6" => {
                let (network, length) = argument.split_once('/').unwrap_or((argument, ""));
                let network: IpAddr = network.parse().map_err(|_| broken())?;
                let length = prefix(length, network).ok_or_else(broken)?;
                Ok(is_in(self.address, network, length))
            }
            "a" => {
                self.count()?;
                let (host, lengths) = target(argument, domain);
                self.is_one_of(dns.addresses(host).await, lengths).ok_or_else(broken)?
            }
            "mx" => {
                self.count()?;
                let (host, lengths) = target(argument, domain);
                for exchanger in dns.exchangers(host).await.map_err(Spf::Unclear)?.iter().take(10) {
                    let addresses = dns.addresses(exchanger).await;
                    if self.is_one_of(addresses, lengths).ok_or_else(broken)?? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            "include" => {
                self.count()?;
                match self.of(argument.to_owned()).await {
                    Spf::Pass => Ok(true),
                    Spf::Fail | Spf::SoftFail | Spf::Neutral => Ok(false),
                    Spf::None => Err(Spf::Broken(format!("include:{argument} has no SPF record"))),
                    ended => Err(ended),
                }
            }
            "exists" => {
                self.count()?;
                // Of IPv4 alone (§5.7); who asks for an address gets either.
                dns.addresses(argument).await.map(|found| !found.is_empty()).map_err(Spf::Unclear)
            }
            // Not to be used (§5.5), and costly to follow.
            "ptr" => self.count().map(|()| false),
            _ => Err(broken()),
        }
    }

    /// `None` if the lengths of networks are not understood.
    fn is_one_of(&self, hosts: Answer, lengths: &str) -> Option<Result<bool, Spf>> {
        let (four, six) = lengths.split_once("//").unwrap_or((lengths, ""));
        let four = four.trim_start_matches('/');
        let hosts = match hosts {
            Ok(hosts) => hosts,
            Err(why) => return Some(Err(Spf::Unclear(why))),
        };
        for host in hosts.iter().filter_map(|host| host.parse::<IpAddr>().ok()) {
            let length = prefix(if host.is_ipv4() { four } else { six }, host)?;
            if is_in(self.address, host, length) {
                return Some(Ok(true));
            }
        }
        Some(Ok(false))
    }

    fn count(&mut self) -> Result<(), Spf> {
        *self.lookups = self
            .lookups
            .checked_sub(1)
            .ok_or_else(|| Spf::Broken(format!("it asks the DNS more than {LOOKUPS} times")))?;
        Ok(())
    }
}

/// The host that `a` and `mx` are about, and the lengths of networks behind it.
fn target<'t>(argument: &'t str, domain: &'t str) -> (&'t str, &'t str) {
    let at = argument.find('/').unwrap_or(argument.len());
    let (host, lengths) = argument.split_at(at);
    (if host.is_empty() { domain } else { host }, lengths)
}

fn prefix(text: &str, of: IpAddr) -> Option<u32> {
    let most = if of.is_ipv4() { 32 } else { 128 };
    if text.is_empty() { Some(most) } else { text.parse().ok().filter(|length| *length <= most) }
}

fn is_in(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (one.to_bits() ^ other.to_bits()).checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
