//! `[egress]`: where webhooks may lead beside the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::reader::Section;

/// Networks of our own that webhooks may reach, also without TLS.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Egress {
    allow: Vec<Network>,
}

/// `10.2.0.0/16`, or a single address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Network {
    base: IpAddr,
    bits: u8,
}

pub(super) fn read(mut section: Section<'_, '_, '_, '_>) -> Egress {
    let mut allow = Vec::new();
    for (text, span) in section.texts("allow").unwrap_or_default() {
        match Network::parse(text) {
            Some(network) => allow.push(network),
            None => section.problems().add(
                &span,
                format!("`{text}` is no address and no network"),
                Some("write \"10.2.0.17\" or \"10.2.0.0/16\"".to_owned()),
            ),
        }
    }
    section.finish();
    Egress { allow }
}

impl Egress {
    /// Whether it is named.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|network| network.holds(address))
    }

    /// Why no webhook may lead to an address; `None`: it may.
    #[must_use]
    pub fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        if self.allows(address) { None } else { inside(address) }
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { base, bits })
    }

    fn holds(&self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u8| {
            let shift = u32::from(width - self.bits);
            one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
        };
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                same(u128::from(u32::from(base)), u128::from(u32::from(address)), 32)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                same(u128::from(base), u128::from(address), 128)
            }
            _ => false,
        }
    }
}

/// What an address is that is not of the public internet (RFC 6890 and its registries).
fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Some("this host"),
        (127, ..) => Some("loopback"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("private"),
        (100, 64..=127, _) => Some("shared by a carrier"),
        // The metadata of clouds is among these.
        (169, 254, _) => Some("link-local"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) | (198, 18 | 19, _) => {
            Some("reserved")
        }
        (224..=239, ..) => Some("multicast"),
        (240..=255, ..) => Some("reserved"),
        _ => None,
    }
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("this host"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // Mapped, and the old form of compatible ones: whatever they hold, they are not on the wire.
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => Some("IPv4 inside of IPv6"),
        // NAT64, its local form, and 6to4 lead to the address that they hold.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            inside_v4(embedded(high, low)).or(Some("IPv4 behind NAT64"))
        }
        [0x64, 0xff9b, ..] => Some("IPv4 behind NAT64"),
        [0x2002, ..] => Some("IPv4 behind 6to4"),
        [0x2001, 0, ..] => Some("IPv4 behind Teredo"),
        [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] | [0x3fff, 0..=0x0fff, ..] => Some("reserved"),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some("private"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        // Only these are given out.
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_is_reached() {
        let none = Egress::default();
        for (address, why) in [
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("0.0.0.0", "this host"),
            ("10.0.0.1", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "shared by a carrier"),
            ("169.254.169.254", "link-local"),
            ("192.0.2.1", "reserved"),
            ("198.18.0.1", "reserved"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "this host"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "IPv4 inside of IPv6"),
            ("::ffff:93.184.216.34", "IPv4 inside of IPv6"),
            ("::127.0.0.1", "IPv4 inside of IPv6"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b::808:808", "IPv4 behind NAT64"),
            ("64:ff9b:1::808:808", "IPv4 behind NAT64"),
            ("2002:7f00:1::", "IPv4 behind 6to4"),
            ("2001::1", "IPv4 behind Teredo"),
            ("2001:db8::1", "reserved"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("ff02::1", "multicast"),
            ("4000::1", "reserved"),
        ] {
            assert_eq!(none.refusal(address.parse().unwrap()), Some(why), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert_eq!(none.refusal(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn what_is_named_is_reached_and_nothing_beside_it() {
        let allow = ["127.0.0.1", "10.2.0.0/16", "fd00::/8"].map(|it| Network::parse(it).unwrap());
        let egress = Egress { allow: allow.to_vec() };
        for (address, reached) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.2.255.1", true),
            ("10.3.0.1", false),
            ("fd12::1", true),
            ("::ffff:127.0.0.1", false),
        ] {
            assert_eq!(egress.refusal(address.parse().unwrap()).is_none(), reached, "{address}");
        }
        for text in ["10.0.0.0/33", "localhost", "::/129", "10.0.0.0/x", "0x7f000001"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
        assert!(Network::parse("0.0.0.0/0").unwrap().holds("127.0.0.1".parse().unwrap()));
    }
}
