//! Files that go with a mail: of which types, how large, and in the form in which a mail has them.

use std::{fmt, path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::name::Name;

/// Bytes of one file.
pub const LARGEST: usize = 5_000_000;
/// Bytes of all files of a mail. In a mail they are a third more, and some mail servers take 20 MB.
pub const LARGEST_TOGETHER: usize = 10_000_000;
/// Files of a mail.
pub const MOST: usize = 10;

/// A line of base64 in a mail (RFC 2045 §6.8).
const LINE: usize = 76;

/// A type of files that mail providers take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileType {
    /// As in `Content-Type`.
    pub content_type: &'static str,
    /// What each file of it begins with.
    begins: &'static [u8],
}

const fn of(content_type: &'static str, begins: &'static [u8]) -> FileType {
    FileType { content_type, begins }
}

/// A file of the folders that office programs zip.
const ZIP: &[u8] = b"PK";

/// By its ending. What runs on its reader's machine is not among them, nor what holds macros.
const TYPES: [(&str, FileType); 20] = [
    ("csv", of("text/csv; charset=utf-8", b"")),
    ("docx", of("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP)),
    ("epub", of("application/epub+zip", ZIP)),
    ("gif", of("image/gif", b"GIF8")),
    ("ics", of("text/calendar; charset=utf-8", b"")),
    ("jpeg", of("image/jpeg", b"\xff\xd8\xff")),
    ("jpg", of("image/jpeg", b"\xff\xd8\xff")),
    ("mp3", of("audio/mpeg", b"")),
    ("mp4", of("video/mp4", b"")),
    ("odp", of("application/vnd.oasis.opendocument.presentation", ZIP)),
    ("ods", of("application/vnd.oasis.opendocument.spreadsheet", ZIP)),
    ("odt", of("application/vnd.oasis.opendocument.text", ZIP)),
    ("pdf", of("application/pdf", b"%PDF-")),
    ("png", of("image/png", b"\x89PNG")),
    ("pptx", of("application/vnd.openxmlformats-officedocument.presentationml.presentation", ZIP)),
    ("txt", of("text/plain; charset=utf-8", b"")),
    ("vcf", of("text/vcard; charset=utf-8", b"")),
    ("webp", of("image/webp", b"RIFF")),
    ("xlsx", of("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ZIP)),
    ("zip", of("application/zip", ZIP)),
];

impl FileType {
    /// By the ending of a name, in whatever case.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let ending = Path::new(name).extension()?.to_str()?;
        let found = TYPES.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known));
        found.map(|(_, found)| *found)
    }

    /// The endings that there are.
    pub fn endings() -> impl Iterator<Item = &'static str> + Clone {
        TYPES.iter().map(|(ending, _)| *ending)
    }

    /// The content of a file of this type as a mail has it: base64, in lines, without a line end after the
    /// last.
    ///
    /// # Errors
    /// Why it cannot go with a mail: the end of a sentence that begins with its name.
    pub fn encoded(self, content: &[u8]) -> Result<String, String> {
        let is_text = self.content_type.starts_with("text/");
        if content.is_empty() {
            return Err("is empty".to_owned());
        }
        if content.len() > LARGEST {
            return Err(too_large(content.len() as u64));
        }
        // As what stands in for a large file in git does, and what was only given another name.
        if !content.starts_with(self.begins) {
            return Err("is not what its ending says: its content is something else".to_owned());
        }
        if is_text && std::str::from_utf8(content).is_err() {
            return Err("is not UTF-8: save it as UTF-8".to_owned());
        }
        let encoded = STANDARD.encode(content);
        let mut written = String::with_capacity(encoded.len() + 2 * encoded.len().div_ceil(LINE));
        let mut rest = encoded.as_str();
        while rest.len() > LINE {
            let (line, after) = rest.split_at(LINE);
            written.extend([line, "\r\n"]);
            rest = after;
        }
        written.push_str(rest);
        Ok(written)
    }
}

/// Said of a file of so many bytes.
#[must_use]
pub fn too_large(bytes: u64) -> String {
    format!("is larger than {}: {}", in_words(LARGEST as u64), in_words(bytes))
}

/// `4.2 MB`, `12 KB`; thousands, as mail providers count.
#[must_use]
pub fn in_words(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", bytes / 1_000),
        _ if bytes % 1_000_000 < 100_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// A file that goes with a mail. Cloned, it shares its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Under `templates/`: `files/guide.pdf`.
    pub file: Name,
    /// What its reader sees; ends as its type does.
    pub name: String,
    pub content_type: &'static str,
    /// As [`FileType::encoded`] writes it.
    pub encoded: Arc<str>,
}

impl Attachment {
    /// How large the file is that the reader gets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let marks = self.encoded.len() - 2 * (self.encoded.len() / (LINE + 2));
        let filling = self.encoded.bytes().rev().take_while(|byte| *byte == b'=').count();
        marks / 4 * 3 - filling
    }
}

/// Without its content, which may be large.
impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn txt() -> FileType {
        FileType::of("a.txt").unwrap()
    }

    proptest! {
        #[test]
        fn a_file_comes_back_in_short_lines_and_is_as_large_as_it_was(text in "[a-z]{1,400}") {
            let encoded = txt().encoded(text.as_bytes()).unwrap();
            prop_assert!(encoded.split("\r\n").all(|line| (1..=LINE).contains(&line.len())));
            let back = STANDARD.decode(encoded.replace("\r\n", "")).unwrap();
            prop_assert_eq!(&back, text.as_bytes());
            let (file, content_type) = ("files/a.txt".into(), txt().content_type);
            let (name, encoded) = (String::new(), encoded.into());
            let attachment = Attachment { file, name, content_type, encoded };
            prop_assert_eq!(attachment.bytes(), text.len());
        }
    }

    #[test]
    fn what_cannot_go_with_a_mail_says_why() {
        let pdf = FileType::of("files/Guide.PDF").unwrap();
        assert_eq!(pdf.content_type, "application/pdf");
        let why = |kind: FileType, content: &[u8]| kind.encoded(content).unwrap_err();
        assert_eq!(why(pdf, b""), "is empty");
        let pointer = b"version https://git-lfs.github.com/spec/v1";
        assert_eq!(why(pdf, pointer), "is not what its ending says: its content is something else");
        assert_eq!(why(txt(), b"\xe9"), "is not UTF-8: save it as UTF-8");
        assert_eq!(why(txt(), &vec![b'x'; LARGEST + 1]), "is larger than 5 MB: 5 MB");
        assert_eq!(why(txt(), &vec![b'x'; 7_250_000]), "is larger than 5 MB: 7.2 MB");
        assert!(txt().encoded(&vec![b'x'; LARGEST]).is_ok());
    }

    #[test]
    fn what_runs_is_of_no_type() {
        for name in
            ["a.exe", "a.js", "a.docm", "a.html", "a.pdf.exe", "a", ".pdf", "a.iso", "a.svg"]
        {
            assert_eq!(FileType::of(name), None, "{name}");
        }
    }

    #[test]
    fn sizes_in_words() {
        let words = [999, 12_345, 1_000_000, 5_000_001, 4_299_999].map(in_words);
        assert_eq!(words, ["999 bytes", "12 KB", "1 MB", "5 MB", "4.2 MB"]);
    }
}
