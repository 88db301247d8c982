//! Lines of text that fit into a box, without asking a font.

/// What is drawn with: in pixels, as everything here.
pub(super) const FONT: f64 = 13.0;
pub(super) const LINE: f64 = 17.0;

/// How wide a text is at most, in the widest of the fonts that a viewer takes for `sans-serif`.
pub(super) fn width(text: &str) -> f64 {
    text.chars().map(|sign| FONT * of(sign)).sum()
}

/// In parts of the font's size.
fn of(sign: char) -> f64 {
    match sign {
        '\u{a0}' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'i' | 'j' | 'l' | 'I' => 0.36,
        '/' | '(' | ')' | '[' | ']' | '-' | 'f' | 't' | 'r' => 0.43,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '—' | '…' => 1.02,
        '+' | '=' | '<' | '>' | '−' | '#' | '&' => 0.86,
        'A'..='Z' => 0.8,
        'a'..='z' | '0'..='9' | '_' | '"' | '·' => 0.66,
        // Letters of other scripts are seldom wider than they are high.
        sign if sign.is_ascii() => 0.72,
        sign if u32::from(sign) < 0x0530 => 0.84,
        _ => 1.06,
    }
}

/// A space at which no line ends.
const JOINT: char = '\u{a0}';

/// What is parted by ` · `: lines end there if they can.
pub(super) fn parts(text: &str, most: f64) -> Vec<String> {
    let joined: Vec<String> = text.split(" · ").map(|part| part.replace(' ', "\u{a0}")).collect();
    lines(&joined.join(" · "), most).iter().map(|line| line.replace(JOINT, " ")).collect()
}

/// A text in lines that are no wider than this: parted between words, and inside of one that is too long.
pub(super) fn lines(text: &str, most: f64) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in
        text.split(|sign: char| sign != JOINT && (sign.is_whitespace() || sign.is_control()))
    {
        if word.is_empty() {
            continue;
        }
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if width(&longer) <= most {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for sign in word.chars() {
            line.push(sign);
            if width(&line) > most && line.chars().nth(1).is_some() {
                line.pop();
                let full = std::mem::replace(&mut line, sign.to_string());
                lines.push(full);
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_wide_and_no_letter_is_lost() {
        let texts = [
            "",
            "one",
            "clicked(\"cold/industry-report\") or visited(\"/pricing\")",
            "più\n\tgrande",
        ];
        for text in texts.map(str::to_owned).into_iter().chain(["W".repeat(200), "信".repeat(50)])
        {
            let lines = lines(&text, 120.0);
            assert!(lines.iter().all(|line| width(line) <= 120.0 && !line.is_empty()), "{lines:?}");
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
