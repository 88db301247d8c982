//! Listeners: no two of them on one port, which `run` would take for another program's.

use std::net::{IpAddr, SocketAddr};

use toml::{Spanned, de::DeTable};

use super::reader::Problems;

/// A section with a key `listen`, what was read of it, and what holds where it is not there.
type Listener = (&'static str, Option<SocketAddr>, Option<SocketAddr>);

/// Reports each that one before it leaves no room for, where it is written.
pub(super) fn keep_apart(table: &DeTable<'_>, listeners: &[Listener], problems: &mut Problems<'_>) {
    let written = |section: &str| {
        let section = table.get(section)?.get_ref().as_table()?;
        section.get("listen").map(Spanned::span)
    };
    let address = |(section, read, default): &Listener| {
        let address = if written(section).is_some() { *read } else { *default };
        Some((*section, address?))
    };
    let listeners: Vec<_> = listeners.iter().filter_map(address).collect();
    for (number, (section, address)) in listeners.iter().enumerate() {
        let earlier = listeners[..number].iter().find(|(_, other)| meet(*address, *other));
        let Some((other, _)) = earlier else { continue };
        let span = written(section).or_else(|| written(other)).unwrap_or_default();
        let message = format!("[{other}] and [{section}] would both listen on {address}");
        problems.add(&span, message, Some("give one of them another port".into()));
    }
}

/// Whether only one of them can listen. Port 0 is whichever is free; `[::]` is IPv4 as well.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let covers = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    let (a, b) = (one.ip(), other.ip());
    one.port() != 0 && one.port() == other.port() && (a == b || covers(a, b) || covers(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_meets_each_of_them() {
        let meet = |one: &str, other: &str| meet(one.parse().unwrap(), other.parse().unwrap());
        assert!(meet("127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(meet("0.0.0.0:8080", "127.0.0.1:8080") && meet("127.0.0.1:8080", "0.0.0.0:8080"));
        assert!(meet("[::]:8080", "127.0.0.1:8080") && meet("[::1]:8080", "[::]:8080"));
        assert!(!meet("0.0.0.0:8080", "[::1]:8080") && !meet("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!meet("127.0.0.1:8080", "127.0.0.1:8081") && !meet("127.0.0.1:0", "127.0.0.1:0"));
    }
}
