//! The form of a mail that is signed: what relays do to white space does not count (`relaxed/relaxed`,
//! RFC 6376 §3.4.2 and §3.4.4).

/// A header field as it is signed, without its line end.
pub(super) fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.bytes().map(|b| b.to_ascii_lowercase()));
    out.push(b':');
    // Unfolded: a line end within a field is always followed by white space.
    let words = value.split(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
    join(words, out);
}

/// The body as it is signed: each line's white space, and no empty lines at its end.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    for line in body.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blank = |b: &u8| matches!(b, b' ' | b'\t');
        if line.iter().all(blank) {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            out.extend_from_slice(b"\r\n");
        }
        // White space at its beginning becomes one space and does not go.
        if line.first().is_some_and(blank) {
            out.push(b' ');
        }
        join(line.split(blank), &mut out);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn join<'a>(words: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    for (index, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The fields of a message by name and value, with their folds, and what follows the empty line.
pub(super) fn parts(message: &[u8]) -> (Vec<(&str, &[u8])>, &[u8]) {
    let end = message.windows(4).position(|it| it == b"\r\n\r\n");
    let (head, body) = match end {
        Some(end) => (&message[..end + 2], &message[end + 4..]),
        None => (message, &[][..]),
    };
    let mut fields = Vec::new();
    let mut start = 0;
    for at in 0..head.len() {
        let ends =
            head[..=at].ends_with(b"\r\n") && !matches!(head.get(at + 1), Some(b' ' | b'\t'));
        if !ends {
            continue;
        }
        let field = &head[start..=at];
        start = at + 1;
        if let Some(colon) = field.iter().position(|b| *b == b':')
            && let Ok(name) = std::str::from_utf8(&field[..colon])
        {
            fields.push((name.trim_end(), &field[colon + 1..]));
        }
    }
    (fields, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6376 §3.4.5.
    #[test]
    fn white_space_is_reduced_as_the_standard_shows() {
        let (fields, text) = parts(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        let mut out = Vec::new();
        for (name, value) in fields {
            field(name, value, &mut out);
            out.extend_from_slice(b"\r\n");
        }
        assert_eq!(String::from_utf8(out).unwrap(), "a:X\r\nb:Y Z\r\n");
        assert_eq!(String::from_utf8(body(text)).unwrap(), " C\r\nD E\r\n");
    }

    #[test]
    fn an_empty_body_is_nothing_and_the_last_line_ends() {
        assert_eq!(body(b""), b"");
        assert_eq!(body(b"\r\n \r\n"), b"");
        assert_eq!(body(b"\r\nA"), b"\r\nA\r\n");
    }
}
