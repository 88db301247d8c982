//! One `DKIM-Signature` (RFC 6376 §3.5).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use super::{Signer, relaxed};
use crate::{domain::time::Instant, mail::compose::BadLetter};

/// What a reader sees of a mail: signed once more than it is there, so that no second one can be slipped in
/// above (RFC 6376 §8.15).
const SEEN: [&str; 6] = ["from", "to", "cc", "subject", "date", "reply-to"];

/// Signed where they are there. One-click unsubscribing needs both of its headers signed (RFC 8058 §4).
const OTHERS: [&str; 11] = [
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-id",
    "feedback-id",
    "auto-submitted",
    "in-reply-to",
    "references",
];

/// Lines in the middle of a header stay shorter.
const WIDTH: usize = 72;

/// The header, with its line end. No `l=`: nothing may be added to what is signed (RFC 6376 §8.2).
pub(super) fn header(signer: &Signer, message: &[u8], now: Instant) -> Result<String, BadLetter> {
    let (fields, body) = relaxed::parts(message);
    let mut names: Vec<&str> = Vec::new();
    let mut text = Vec::new();
    for name in SEEN.iter().chain(&OTHERS) {
        // Of several, the last is the first to be signed (§5.4.2).
        for (_, value) in fields.iter().rev().filter(|(it, _)| it.eq_ignore_ascii_case(name)) {
            relaxed::field(name, value, &mut text);
            text.extend_from_slice(b"\r\n");
            names.push(name);
        }
        if SEEN.contains(name) {
            names.push(name);
        }
    }
    let unsigned = format!(
        " v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={};\r\n\th={};\r\n\tbh={};\r\n\tb=",
        signer.key.algorithm(),
        signer.domain,
        signer.selector,
        now.millis() / 1000,
        folded(names.join(":").split_inclusive(':')),
        STANDARD.encode(Sha256::digest(relaxed::body(body))),
    );
    relaxed::field("DKIM-Signature", unsigned.as_bytes(), &mut text);
    let signature = signer
        .key
        .sign(&text)
        .map_err(|_| BadLetter::Refused(format!("the key of {} does not sign", signer.selector)))?;
    let signature = STANDARD.encode(signature);
    let signature = folded(signature.split_inclusive(|_: char| true));
    Ok(format!("DKIM-Signature:{unsigned}{signature}\r\n"))
}

/// Pieces, on lines of limited length.
fn folded<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut width = 4;
    for piece in pieces {
        if width + piece.len() > WIDTH {
            text.push_str("\r\n\t");
            width = 1;
        }
        text.push_str(piece);
        width += piece.len();
    }
    text
}
