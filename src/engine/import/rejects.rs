//! The file of refused rows: each as it was, with why and what to do, ready to be mended and imported.

use std::{
    borrow::Cow,
    fs::File,
    path::{Path, PathBuf},
};

use super::{ImportError, report::Finding};

/// The columns that we add; an import leaves them out.
pub(super) const OWN_COLUMNS: [&str; 4] =
    ["nurtured_row", "nurtured_column", "nurtured_reason", "nurtured_advice"];

/// Made when the first row is refused.
pub(super) struct Rejects {
    path: Option<PathBuf>,
    headers: Vec<String>,
    writer: Option<csv::Writer<File>>,
}

impl Rejects {
    /// `path`: `None` writes nothing (a dry run).
    pub(super) fn new(path: Option<PathBuf>, headers: &[String]) -> Self {
        Self { path, headers: headers.to_vec(), writer: None }
    }

    pub(super) fn add<'c>(
        &mut self,
        cells: impl Iterator<Item = &'c [u8]>,
        finding: &Finding,
    ) -> Result<(), ImportError> {
        let Some(path) = &self.path else { return Ok(()) };
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(open(path, &self.headers)?),
        };
        let columns = self.headers.len();
        let row = finding.row.to_string();
        let mut written = 0;
        for cell in cells.take(columns) {
            writer.write_field(&*harmless(cell)).map_err(|error| unwritable(path, error))?;
            written += 1;
        }
        let filler = std::iter::repeat_n("", columns - written);
        let own = [row.as_str(), &finding.column, &finding.reason, &finding.advice];
        for field in filler.chain(own) {
            writer.write_field(&*harmless(field.as_bytes())).map_err(|e| unwritable(path, e))?;
        }
        writer.write_record(None::<&[u8]>).map_err(|error| unwritable(path, error))
    }

    /// Where the refused rows are, if there are any.
    pub(super) fn finish(mut self) -> Result<Option<PathBuf>, ImportError> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        let Some(path) = self.path else { return Ok(None) };
        match writer.flush() {
            Ok(()) => Ok(Some(path)),
            Err(source) => Err(ImportError::Unwritable { file: path, source }),
        }
    }
}

fn open(path: &Path, headers: &[String]) -> Result<csv::Writer<File>, ImportError> {
    let file = File::create(path)
        .map_err(|source| ImportError::Unwritable { file: path.to_owned(), source })?;
    let mut writer =
        csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(file);
    let columns = headers.iter().map(String::as_str).chain(OWN_COLUMNS);
    let columns = columns.map(|header| harmless(header.as_bytes()).into_owned());
    writer.write_record(columns).map_err(|error| unwritable(path, error))?;
    Ok(writer)
}

fn unwritable(path: &Path, error: csv::Error) -> ImportError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => std::io::Error::other(format!("{other:?}")),
    };
    ImportError::Unwritable { file: path.to_owned(), source }
}

/// A cell that no spreadsheet takes for a formula. [`restored`] is the way back.
fn harmless(cell: &[u8]) -> Cow<'_, [u8]> {
    if cell.first().is_some_and(|first| b"=+-@\t\r".contains(first)) {
        Cow::Owned([b"'", cell].concat())
    } else {
        Cow::Borrowed(cell)
    }
}

/// Takes away the guard that a rejects file puts before what looks like a formula.
pub(super) fn restored(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_guarded_and_come_back() {
        for formula in ["=1+1", "+39 02", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let guarded = harmless(formula.as_bytes());
            assert_eq!(guarded[0], b'\'');
            assert_eq!(restored(std::str::from_utf8(&guarded).expect("text")), formula);
        }
        assert_eq!(&*harmless(b"Ann"), b"Ann");
        assert_eq!(restored("'t Hooft"), "'t Hooft");
    }
}
