//! What stands in the DNS of a key (RFC 6376 §3.6.1).

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

/// A TXT record holds strings of at most so many octets (RFC 1035 §3.3).
const LONGEST_STRING: usize = 255;

/// What is to be published of a key of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    kind: &'static str,
    /// As `p=` has it, before base64.
    key: Vec<u8>,
}

/// What a published record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Published {
    /// Not a key record.
    NoRecord,
    /// An empty `p=`: the key is not to be trusted any more.
    Revoked,
    Key(Vec<u8>),
}

impl KeyRecord {
    /// Of the public half in PKCS#1, which the DNS wants within its algorithm's name (RFC 5280 §4.1).
    pub(super) fn of_rsa(pkcs1: &[u8]) -> Self {
        // `rsaEncryption`, without parameters (RFC 3279 §2.3.1).
        const ALGORITHM: [u8; 15] =
            [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
        let bits = der(0x03, &[&[0], pkcs1].concat());
        Self { kind: "rsa", key: der(0x30, &[&ALGORITHM, bits.as_slice()].concat()) }
    }

    /// The 32 octets as they are (RFC 8463 §4.2).
    pub(super) fn of_ed25519(key: &[u8]) -> Self {
        Self { kind: "ed25519", key: key.to_vec() }
    }

    /// The text of the record.
    #[must_use]
    pub fn value(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.kind, STANDARD.encode(&self.key))
    }

    /// The line of a zone file: long texts in several strings.
    #[must_use]
    pub fn zone_line(&self, name: &str) -> String {
        let value = self.value();
        let strings: Vec<String> = value
            .as_bytes()
            .chunks(LONGEST_STRING)
            .map(|chunk| format!("\"{}\"", String::from_utf8_lossy(chunk)))
            .collect();
        format!("{name}. IN TXT {}", strings.join(" "))
    }

    /// Whether a published key is this one.
    #[must_use]
    pub fn is(&self, published: &[u8]) -> bool {
        self.key == published
    }
}

/// Reads a record of the DNS.
#[must_use]
pub fn published(text: &str) -> Published {
    // As people paste them: without padding, or with.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let tags: Vec<(&str, &str)> = text
        .split(';')
        .filter_map(|tag| tag.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let of = |name: &str| tags.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
    if of("v").is_some_and(|version| version != "DKIM1") {
        return Published::NoRecord;
    }
    let Some(key) = of("p") else { return Published::NoRecord };
    let key: String = key.split_whitespace().collect();
    if key.is_empty() {
        return Published::Revoked;
    }
    LENIENT.decode(key).map_or(Published::NoRecord, Published::Key)
}

/// One value of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|b| **b == 0).count()..];
    let mut out = vec![tag];
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}
