//! From where our relays send: whether SPF names these addresses, and whether they have a name.

use std::net::IpAddr;

use futures::future::join_all;

use super::{
    WITHIN,
    checkup::Checkup,
    dns::Dns,
    spf::{self, Spf},
};

/// What the DNS says of a relay.
#[derive(Debug)]
pub(super) struct Relay<'a> {
    host: &'a str,
    /// Those that the world may see it send from; none of a relay on this machine or network.
    sees: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    address: IpAddr,
    spf: Spf,
    name: Result<Name, String>,
}

/// What an address is called (PTR), and whether the name leads back to it.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    None,
    Elsewhere(String),
    Confirmed(String),
}

pub(super) async fn look<'a>(dns: &Dns, host: &'a str, bounces: &str) -> Relay<'a> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let found = dns.addresses(host).await.unwrap_or_default();
            found.iter().filter_map(|address| address.parse().ok()).collect()
        }
    };
    let seen = addresses.into_iter().filter(|address| is_public(*address)).map(async |address| {
        let within = tokio::time::timeout(WITHIN, spf::evaluate(dns, bounces, address));
        let (spf, name) = tokio::join!(within, name_of(dns, address));
        let spf = spf.unwrap_or_else(|_| Spf::Unclear("it takes too long".to_owned()));
        Seen { address, spf, name }
    });
    Relay { host, sees: join_all(seen).await }
}

async fn name_of(dns: &Dns, address: IpAddr) -> Result<Name, String> {
    let names = dns.names(address).await?;
    for name in &names {
        let back = dns.addresses(name).await?;
        if back.iter().any(|it| it.parse() == Ok(address)) {
            return Ok(Name::Confirmed(name.trim_end_matches('.').to_owned()));
        }
    }
    Ok(names.into_iter().next().map_or(Name::None, Name::Elsewhere))
}

/// Reachable from everywhere, as far as its own bits tell.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            let [a, b, ..] = it.octets();
            // Behind a carrier's network (RFC 6598).
            let shared = a == 100 && (64..128).contains(&b);
            !(it.is_loopback()
                || it.is_private()
                || it.is_link_local()
                || it.is_unspecified()
                || shared)
        }
        IpAddr::V6(it) => {
            !(it.is_loopback()
                || it.is_unique_local()
                || it.is_unicast_link_local()
                || it.is_unspecified())
        }
    }
}

fn term(address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "ip4" } else { "ip6" };
    format!("{kind}:{address}")
}

/// What an SPF record has to say of these relays.
pub(super) fn terms(relays: &[Relay<'_>]) -> String {
    let terms: Vec<String> =
        relays.iter().flat_map(|relay| &relay.sees).map(|seen| term(seen.address)).collect();
    if terms.is_empty() {
        "ip4:ADDRESS-THAT-THE-RELAY-SENDS-FROM".to_owned()
    } else {
        terms.join(" ")
    }
}

impl Relay<'_> {
    /// `records` are the SPF records of the bounce domain: where there is not one, that was told.
    pub(super) fn tell(&self, checkup: &mut Checkup, bounces: &str, records: &[&String]) {
        let host = self.host;
        if self.sees.is_empty() {
            let found = format!(
                "{host}: from which address it sends cannot be told from here; SPF of {bounces} must name \
                 it, and it wants a PTR record"
            );
            return checkup.ok("names", found);
        }
        for Seen { address, spf, name } in &self.sees {
            if let [record] = records {
                tell_spf(checkup, host, *address, bounces, spf, record);
            }
            match name {
                Ok(Name::Confirmed(name)) => {
                    checkup.ok("names", format!("{host} ({address}): is called {name}"));
                }
                Ok(Name::Elsewhere(name)) => checkup.warning(
                    "names",
                    format!("{host} ({address}): its PTR record says {name}, which is elsewhere"),
                    format!("let who gives you the address name it as {name} leads to it"),
                ),
                Ok(Name::None) => checkup.warning(
                    "names",
                    format!(
                        "{host} ({address}): no PTR record: large providers refuse mail from there"
                    ),
                    format!("let who gives you the address set its PTR record to {host}"),
                ),
                Err(why) => checkup.warning(
                    "names",
                    format!("{host} ({address}): nobody could be asked for its name ({why})"),
                    "try again with a network; see /etc/resolv.conf",
                ),
            }
        }
    }
}

fn tell_spf(
    checkup: &mut Checkup,
    host: &str,
    address: IpAddr,
    bounces: &str,
    spf: &Spf,
    record: &str,
) {
    let named = match spf {
        Spf::Pass => {
            let found = format!("{bounces}: SPF names {address} of {host}");
            return checkup.ok("names", found);
        }
        Spf::Broken(why) => {
            let found = format!("{bounces}: SPF is broken, and counts as none: {why}");
            return checkup.failed("names", found, "see RFC 7208 §4.6");
        }
        Spf::Unclear(why) => {
            let found =
                format!("{bounces}: whether SPF names {address} of {host} is unclear: {why}");
            return checkup.warning("names", found, "look at the reports of DMARC");
        }
        // It was there a moment ago.
        Spf::None | Spf::Neutral => "does not name",
        Spf::SoftFail => "doubts",
        Spf::Fail => "refuses",
    };
    let (version, rest) = record.split_once(' ').unwrap_or((record, "-all"));
    checkup.warning(
        "names",
        format!("{bounces}: SPF {named} {address} of {host}"),
        format!(
            "unless it sends from another address, publish: {bounces}. IN TXT \"{version} {} {rest}\"",
            term(address)
        ),
    );
}
