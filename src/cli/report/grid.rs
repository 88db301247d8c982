//! Figures in aligned columns with small bars, within 80 columns.

use crate::cli::output::{Output, in_one_line};

/// The width that everything fits into.
const WIDTH: usize = 80;
/// The first column is not made narrower than this.
const NARROWEST: usize = 12;
const GAP: &str = "  ";

/// Rows of cells: the first column is a name, the others are figures.
pub(in crate::cli) struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&title| title.to_owned()).collect(), rows: Vec::new() }
    }

    /// As many cells as there are titles.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| in_one_line(&cell)).collect());
    }

    pub fn lines(&self, output: &Output) -> Vec<String> {
        let mut widths: Vec<usize> = self.header.iter().map(|title| length(title)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(length(cell));
            }
        }
        let others: usize = widths.iter().skip(1).map(|width| width + GAP.len()).sum();
        let most = WIDTH.saturating_sub(others).max(NARROWEST);
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(most);
        }
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).enumerate();
            let cells: Vec<String> = cells
                .map(|(place, (cell, &width))| {
                    // Bars begin at the left, as names do.
                    if place == 0 || cell.starts_with(BLOCKS) {
                        format!("{:<width$}", shortened(cell, width))
                    } else {
                        format!("{cell:>width$}")
                    }
                })
                .collect();
            cells.join(GAP).trim_end().to_owned()
        };
        let mut lines = vec![output.strong(&line(&self.header))];
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// At most so many letters; the last says that there were more.
pub(in crate::cli) fn shortened(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    start + "…"
}

const BLOCKS: [char; 8] = ['█', '▉', '▊', '▋', '▌', '▍', '▎', '▏'];

/// A bar of at most `width` columns, in eighths; whatever is not nothing is seen.
pub(in crate::cli) fn bar(value: u64, largest: u64, width: u64) -> String {
    if value == 0 || largest == 0 {
        return String::new();
    }
    let eighths = (value.min(largest).saturating_mul(width * 8) / largest).max(1);
    let whole = usize::try_from(eighths / 8).unwrap_or(0);
    let rest = usize::try_from(eighths % 8).unwrap_or(0);
    let mut bar = BLOCKS[0].to_string().repeat(whole);
    bar.extend((rest > 0).then(|| BLOCKS[8 - rest]));
    bar
}

/// `1,234,567`
pub(in crate::cli) fn figure(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 lead`, `1,234 leads`
pub(in crate::cli) fn figures(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {word}{plural}", figure(number))
}

/// `1,234.50`
pub(super) fn money(amount: f64) -> String {
    let text = format!("{amount:.2}");
    match text.split_once('.') {
        Some((whole, cents)) => match whole.parse() {
            Ok(whole) => format!("{}.{cents}", figure(whole)),
            Err(_) => text,
        },
        None => text,
    }
}

/// `41 %`, `8.3 %`; `–` of nothing, and never `0 %` where there are some.
pub(in crate::cli) fn percent(part: Option<f64>) -> String {
    match part {
        None => "–".to_owned(),
        Some(0.0) => "0 %".to_owned(),
        Some(part) if part < 0.0005 => "<0.1 %".to_owned(),
        Some(part) if part < 0.0995 => format!("{:.1} %", part * 100.0),
        Some(part) => format!("{:.0} %", part * 100.0),
    }
}

/// A paragraph with an indent, its lines within the width.
pub(in crate::cli) fn wrapped(indent: usize, text: &str) -> Vec<String> {
    hanging(&" ".repeat(indent), indent + 2, text)
}

/// A paragraph behind what its first line begins with; the others are indented.
pub(in crate::cli) fn hanging(first: &str, indent: usize, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    for word in in_one_line(text).split_whitespace() {
        let gap = usize::from(!line.is_empty() && !line.ends_with(' '));
        if length(&line) + gap + length(word) > WIDTH && !line.trim().is_empty() {
            lines.push(line.trim_end().to_owned());
            line = " ".repeat(indent);
        } else {
            line.push_str(&" ".repeat(gap));
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// Under a header: as wide as everything.
pub(in crate::cli) fn rule() -> String {
    "─".repeat(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(figure), ["0", "999", "1,000", "1,234,567"]);
        let parts = [0.0, 0.0002, 0.0005, 0.004, 0.0994, 0.1, 1.0].map(|part| percent(Some(part)));
        assert_eq!(parts, ["0 %", "<0.1 %", "0.1 %", "0.4 %", "9.9 %", "10 %", "100 %"]);
        assert_eq!(percent(None), "–");
        let sums = [0.0, 0.999, 1_234.5, 76_108_443.0].map(money);
        assert_eq!(sums, ["0.00", "1.00", "1,234.50", "76,108,443.00"]);
    }

    #[test]
    fn bars_grow_with_what_they_show() {
        assert_eq!(bar(8, 8, 4), "████");
        assert_eq!(bar(5, 8, 4), "██▌");
        assert_eq!((bar(0, 8, 4).as_str(), bar(1, 1_000_000, 4).as_str()), ("", "▏"));
        assert_eq!(bar(9, 0, 4), "");
    }

    #[test]
    fn nothing_is_wider_than_the_page() {
        let output = Output { json: false, colour: false, error_colour: false, bars: false };
        let mut grid = Grid::new(&["step", "entered", "", "left"]);
        grid.row(["a-very-long-name/".repeat(9), figure(1_000_000), bar(1, 1, 8), figure(3)]);
        let long = "why ".repeat(60) + "\u{1b}[2J";
        let lines = grid.lines(&output).into_iter().chain(wrapped(2, &long));
        for line in lines {
            assert!(line.chars().count() <= WIDTH && !line.contains('\u{1b}'), "{line}");
        }
    }
}
