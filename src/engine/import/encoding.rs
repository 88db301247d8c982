//! Which encoding a file is in: said before a row of it is written.

use std::io::Read;

/// What a file's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Encoding {
    /// UTF-8, but for a few broken rows at most: those are refused one by one.
    Utf8,
    /// Not one character beyond ASCII is valid UTF-8; the first that is not is on this line.
    Legacy {
        line: u64,
    },
    Utf16,
}

/// Reads a file to its end and judges its bytes.
pub(super) fn detect(mut file: impl Read) -> std::io::Result<Encoding> {
    let mut chunk = vec![0; 64 * 1024];
    let mut kept = 0; // bytes of a character cut by the end of a chunk
    let mut line = 1u64;
    let mut first_broken = None;
    let mut first_chunk = true;
    loop {
        let read = file.read(&mut chunk[kept..])?;
        let bytes = &chunk[..kept + read];
        if first_chunk && (bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF])) {
            return Ok(Encoding::Utf16);
        }
        first_chunk = false;
        let at_end = read == 0;
        let mut rest = bytes;
        kept = 0;
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) if text.is_ascii() => {
                    line += newlines(rest);
                    break;
                }
                Ok(_) => return Ok(Encoding::Utf8),
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    if !valid.is_ascii() {
                        return Ok(Encoding::Utf8);
                    }
                    line += newlines(valid);
                    let Some(length) = error.error_len().or(at_end.then_some(broken.len())) else {
                        kept = broken.len();
                        break;
                    };
                    first_broken.get_or_insert(line);
                    rest = &broken[length..];
                }
            }
        }
        if at_end {
            return Ok(first_broken.map_or(Encoding::Utf8, |line| Encoding::Legacy { line }));
        }
        let end = bytes.len();
        chunk.copy_within(end - kept..end, 0);
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_apart() {
        let detect = |bytes: &[u8]| detect(bytes).expect("it reads");
        assert_eq!(detect(b""), Encoding::Utf8);
        assert_eq!(detect(b"email\nann@example.com\n"), Encoding::Utf8);
        assert_eq!(detect("email\nmüller\n".as_bytes()), Encoding::Utf8);
        assert_eq!(detect(b"email\nm\xFCller\n"), Encoding::Legacy { line: 2 });
        assert_eq!(detect(b"email\nm\xFC"), Encoding::Legacy { line: 2 });
        assert_eq!(detect(b"\xFF\xFEe\0m\0"), Encoding::Utf16);
        // One broken row in a file that is UTF-8 elsewhere.
        assert_eq!(detect(b"a\nm\xFCller\nm\xC3\xBCller\n"), Encoding::Utf8);
    }

    #[test]
    fn a_character_cut_by_the_end_of_a_chunk_is_whole() {
        for cut in 1..3 {
            let mut bytes = vec![b'a'; 64 * 1024 - cut];
            bytes.extend("€".as_bytes());
            assert_eq!(detect(&bytes[..]).expect("it reads"), Encoding::Utf8);
        }
    }
}
