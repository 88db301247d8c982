//! Bounds on what is parsed at all: reports are small and flat, bombs are not.

/// Larger mails are left alone. Reports that return a whole mail of ours stay far below.
pub(super) const MOST_BYTES: usize = 5 * 1024 * 1024;
const MOST_HEADER_BYTES: usize = 256 * 1024;
/// Fields that could be a `Content-Type`: each is one part, and two levels at most.
const MOST_CONTENT_TYPES: usize = 100;
/// Lines that could hold a boundary.
const MOST_BOUNDARIES: usize = 20_000;
/// Lines that could be a header field, in all parts.
const MOST_FIELDS: usize = 50_000;
/// Octets of the fields in [`TAKEN_APART`], in all parts: the parser is slow on long ones.
const MOST_TAKEN_APART: usize = 64 * 1024;
const TAKEN_APART: &[&[u8]] = &[CONTENT_TYPE, b"content-disposition", b"subject"];
const CONTENT_TYPE: &[u8] = b"content-type";
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
/// Depth, parts and long fields are bounded here, before the parser sees the mail. A level of
/// nesting needs a `Content-Type` field; a part, a line with `--` in it. The parser begins a field
/// wherever a boundary ends, ahead of any colons, and leaves out the blanks in its name: so a name is
/// whatever stands before any colon.
pub(super) fn check(raw: &[u8]) -> Result<(), Unreadable> {
    if raw.len() > MOST_BYTES {
        return Err(Unreadable::TooLarge);
    }
    let (mut content_types, mut boundaries, mut fields) = (0, 0, 0);
    let mut header_bytes = Some(0);
    let (mut taken_apart, mut is_taken_apart) = (0, false);
    for line in raw.split(|byte| *byte == b'\n') {
        if let Some(bytes) = &mut header_bytes {
            *bytes += line.len() + 1;
            if *bytes > MOST_HEADER_BYTES {
                return Err(Unreadable::HeaderTooLarge);
            }
        }
        if line.trim_ascii().is_empty() {
            header_bytes = None;
        }
        boundaries += usize::from(line.windows(2).any(|two| two == b"--"));
        fields += usize::from(line.contains(&b':'));
        content_types += names(line).filter(|name| ends_with(name, CONTENT_TYPE)).count();
        let is_continued = matches!(line, [b' ' | b'\t', ..]) && is_taken_apart;
        is_taken_apart = is_continued
            || names(line).any(|name| TAKEN_APART.iter().any(|field| ends_with(name, field)));
        taken_apart += if is_taken_apart { line.len() } else { 0 };
        if content_types > MOST_CONTENT_TYPES
            || boundaries > MOST_BOUNDARIES
            || fields > MOST_FIELDS
        {
            return Err(Unreadable::TooManyParts);
        }
        if taken_apart > MOST_TAKEN_APART {
            return Err(Unreadable::HeaderTooLarge);
        }
    }
    Ok(())
}

/// What stands before each colon of a line.
fn names(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let colons = line.iter().enumerate().filter(|(_, byte)| **byte == b':');
    colons.map(|(colon, _)| &line[..colon])
}

/// Blanks left out, in any case.
fn ends_with(name: &[u8], word: &[u8]) -> bool {
    let mut backwards = name.iter().rev().filter(|byte| !byte.is_ascii_whitespace());
    word.iter().rev().all(|letter| backwards.next().is_some_and(|b| b.eq_ignore_ascii_case(letter)))
}
