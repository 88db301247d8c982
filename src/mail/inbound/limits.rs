//! Bounds on what is parsed at all: reports are small and flat, bombs are not.

/// Larger mails are left alone. Reports that return a whole mail of ours stay far below.
pub(super) const MOST_BYTES: usize = 5 * 1024 * 1024;
const MOST_HEADER_BYTES: usize = 256 * 1024;
/// Lines that begin with `Content-Type`: each is one part, and one level at most.
const MOST_CONTENT_TYPES: usize = 100;
/// Lines that could be a boundary.
const MOST_BOUNDARIES: usize = 2_000;
/// Lines that could be a header field, in all parts.
const MOST_FIELDS: usize = 50_000;
pub(super) const MOST_PARTS: usize = 200;

/// Why a mail is not looked into. It is kept for a person to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is larger than 5 MB")]
    TooLarge,
    #[error("its header is larger than 256 kB")]
    HeaderTooLarge,
    #[error("it has too many parts or is nested too deeply")]
    TooManyParts,
    #[error("it is no mail: it has no header")]
    NoMail,
}

/// Counts what would make parsing expensive, in one pass and without allocating.
///
/// The parser keeps a tree that is dropped recursively and seeks the end of each part, so both
/// depth and the number of parts are bounded here, before it sees the mail. A level of nesting
/// needs a `Content-Type` field; a part, a line that begins with `--`.
pub(super) fn check(raw: &[u8]) -> Result<(), Unreadable> {
    if raw.len() > MOST_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let (mut content_types, mut boundaries, mut fields) = (0, 0, 0);
    let mut header_bytes = Some(0);
    for line in raw.split(|byte| *byte == b'\n') {
        if let Some(bytes) = &mut header_bytes {
            *bytes += line.len() + 1;
            if *bytes > MOST_HEADER_BYTES {
                return Err(Unreadable::HeaderTooLarge);
            }
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            header_bytes = None;
            continue;
        }
        boundaries += usize::from(line.starts_with(b"--"));
        if let Some(colon) = line.iter().take(80).position(|byte| *byte == b':') {
            fields += 1;
            // The parser ignores white space within names.
            let name = line[..colon].iter().filter(|byte| !byte.is_ascii_whitespace());
            content_types +=
                usize::from(name.map(u8::to_ascii_lowercase).eq(b"content-type".iter().copied()));
        }
        if content_types > MOST_CONTENT_TYPES
            || boundaries > MOST_BOUNDARIES
            || fields > MOST_FIELDS
        {
            return Err(Unreadable::TooManyParts);
        }
    }
    Ok(())
}
