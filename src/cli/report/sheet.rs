//! A report as CSV, for spreadsheets.

use std::io::{self, Write};

use crate::engine::import::harmless;

/// Rows of cells below a header. Every cell is quoted, and none begins like a formula.
#[derive(Debug)]
pub(super) struct Sheet {
    rows: Vec<Vec<String>>,
}

impl Sheet {
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { rows: vec![header.map(str::to_owned).to_vec()] }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// A row that has these of the header's cells and no others.
    pub fn some<const N: usize>(&mut self, cells: [(&str, String); N]) {
        let header = &self.rows[0];
        let mut row = vec![String::new(); header.len()];
        for (name, cell) in cells {
            let place = header.iter().position(|known| known == name);
            debug_assert!(place.is_some(), "there is no column `{name}`");
            if let Some(place) = place {
                row[place] = cell;
            }
        }
        self.rows.push(row);
    }

    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new();
        let mut writer = writer.quote_style(csv::QuoteStyle::Always).from_writer(out);
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| harmless(cell.as_bytes())))?;
        }
        writer.flush()
    }
}

/// A figure that may not be known.
pub(super) fn or_empty(figure: Option<f64>) -> String {
    figure.map(|figure| figure.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_every_one_is_quoted() {
        let mut sheet = Sheet::new(["step", "why"]);
        sheet.row(["=HYPERLINK(\"x\")".to_owned(), "@sum; \"quoted\"".to_owned()]);
        sheet.row(["-1".to_owned(), "+39".to_owned()]);
        let mut written = Vec::new();
        sheet.write(&mut written).unwrap();
        let expected = "\"step\",\"why\"\n\"'=HYPERLINK(\"\"x\"\")\",\"'@sum; \"\"quoted\"\"\"\n\"'-1\",\"'+39\"\n";
        assert_eq!(String::from_utf8(written).unwrap(), expected);
    }
}
