//! From what people write to the canonical form, or to what is wrong with it.

use std::borrow::Cow;

use email_address::{EmailAddress, Options};
use idna::AsciiDenyList;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::BadAddress;

/// RFC 5321 §4.5.3.1.1.
const LOCAL_PART_OCTETS: usize = 64;
/// RFC 1035 §2.3.4: 255 octets on the wire are 253 in text.
const DOMAIN_OCTETS: usize = 253;
/// RFC 5321 §4.5.3.1.3: a path of 256 with its angle brackets.
const ADDRESS_OCTETS: usize = 254;
/// RFC 1035 §2.3.4.
const LABEL_OCTETS: usize = 63;

pub(super) fn canonical(text: &str) -> Result<String, BadAddress> {
    let text = text.trim_matches(is_padding);
    let (local, domain) = split(text)?;
    let local = local_part(local)?;
    let domain = self::domain(domain)?;
    let address = format!("{local}@{domain}");
    if address.len() > ADDRESS_OCTETS {
        return Err(BadAddress::TooLong);
    }
    // A second reader that shares no code with the rules above.
    let strict =
        Options::default().with_required_tld().without_domain_literal().without_display_text();
    EmailAddress::parse_with_options(&address, strict).map_err(|_| BadAddress::Malformed)?;
    Ok(address)
}

/// What copying from pages, mails and spreadsheets leaves around an address. Not CR and LF: those
/// mean that the cell held more than an address.
fn is_padding(c: char) -> bool {
    c == '\t' || (c.is_whitespace() && !c.is_control() && !is_line_break(c)) || is_invisible(c)
}

fn is_line_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Characters of no width: they make two addresses that look alike.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The faults that concern the text as a whole, the most telling one first.
fn split(text: &str) -> Result<(&str, &str), BadAddress> {
    if text.is_empty() {
        return Err(BadAddress::Empty);
    }
    // Almost all are: what is looked for next is not among these characters.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain && text.chars().any(|c| c.is_control() || is_line_break(c)) {
        return Err(BadAddress::Control);
    }
    if !is_plain && text.chars().any(is_invisible) {
        return Err(BadAddress::Invisible);
    }
    if text.contains('"') {
        return Err(BadAddress::Quoted);
    }
    if text.contains(['<', '>']) {
        return Err(BadAddress::Brackets);
    }
    if text.contains(['(', ')']) {
        return Err(BadAddress::Comment);
    }
    let Some((local, domain)) = text.split_once('@') else {
        let spelled = text.split_whitespace().any(|word| word.eq_ignore_ascii_case("at"));
        return Err(if spelled { BadAddress::SpelledAt } else { BadAddress::NoAt });
    };
    if domain.contains('@') {
        return Err(BadAddress::SeveralAts);
    }
    if !is_plain && text.chars().any(char::is_whitespace) {
        return Err(BadAddress::Space);
    }
    if local.is_empty() {
        return Err(BadAddress::NoLocalPart);
    }
    if domain.is_empty() {
        return Err(BadAddress::NoDomain);
    }
    Ok((local, domain))
}

/// A dot-atom (RFC 5322 §3.2.3, RFC 6531 §3.3) in lower case and NFC.
fn local_part(text: &str) -> Result<Cow<'_, str>, BadAddress> {
    dots(text)?;
    let canonical = if text.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        Cow::Owned(lower_nfc(text))
    } else {
        Cow::Borrowed(text)
    };
    let allowed = |c: char| {
        if c.is_ascii() { c == '.' || is_atext(c) } else { !c.is_control() && !c.is_whitespace() }
    };
    if let Some(c) = canonical.chars().find(|c| !allowed(*c)) {
        return Err(BadAddress::BadCharacter(c));
    }
    if canonical.len() > LOCAL_PART_OCTETS {
        return Err(BadAddress::LocalPartTooLong);
    }
    Ok(canonical)
}

fn dots(local: &str) -> Result<(), BadAddress> {
    if local.starts_with('.') {
        Err(BadAddress::StartsWithDot)
    } else if local.ends_with('.') {
        Err(BadAddress::DotBesideAt)
    } else if local.contains("..") {
        Err(BadAddress::DoubleDot)
    } else {
        Ok(())
    }
}

/// Composing can bring an upper-case letter back into reach of lower-casing, so to a fixed point.
fn lower_nfc(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..4 {
        let next: String = text.chars().flat_map(char::to_lowercase).nfc().collect();
        if next == text {
            break;
        }
        text = next;
    }
    debug_assert!(is_nfc(&text));
    text
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c)
}

/// A host name in A-labels (UTS 46, RFC 5891), with a dot.
fn domain(text: &str) -> Result<String, BadAddress> {
    if text.starts_with('[') {
        return Err(BadAddress::Literal);
    }
    let ascii = idna::domain_to_ascii_from_cow(Cow::Borrowed(text.as_bytes()), AsciiDenyList::STD3)
        .map_err(|_| BadAddress::BadDomain)?;
    // After the mapping: UTS 46 knows three more characters for the dot.
    if ascii.ends_with('.') {
        return Err(BadAddress::EndsWithDot);
    }
    if ascii.starts_with('.') {
        return Err(BadAddress::DotBesideAt);
    }
    if ascii.contains("..") {
        return Err(BadAddress::DoubleDot);
    }
    let Some((_, top)) = ascii.rsplit_once('.') else { return Err(BadAddress::NoDot) };
    if top.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadAddress::NumericTopLevel);
    }
    for label in ascii.split('.') {
        if label.len() > LABEL_OCTETS {
            return Err(BadAddress::LabelTooLong);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(BadAddress::Hyphen);
        }
    }
    if ascii.len() > DOMAIN_OCTETS {
        return Err(BadAddress::TooLong);
    }
    Ok(ascii.into_owned())
}
