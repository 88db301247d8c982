//! The file of refused rows: each as it was, behind why and what to do, ready to be mended and imported.
//! A row of too many or too few cells is one here as well: imported as it is, it is refused again.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{ImportError, report::Finding};

/// The columns that we add; an import leaves them out.
const OWN_COLUMNS: [&str; 4] =
    ["nurtured_row", "nurtured_column", "nurtured_reason", "nurtured_advice"];

/// Made when the first row is refused.
pub(super) struct Rejects {
    path: Option<PathBuf>,
    form: Form,
    writer: Option<csv::Writer<NamedTempFile>>,
}

enum Form {
    Csv {
        headers: Vec<String>,
    },
    /// Each line with keys of ours added, where it is an object.
    Lines,
}

/// Refuses rejects that would be written over the file that they come from.
pub(super) fn refuse_input(input: &Path, rejects: &Path) -> Result<(), ImportError> {
    let same = matches!(
        (input.canonicalize(), rejects.canonicalize()),
        (Ok(input), Ok(rejects)) if input == rejects
    );
    if same {
        return Err(ImportError::Options {
            what: format!("refused rows would be written over {} itself", input.display()),
            hint: "name another file by --rejects".into(),
        });
    }
    Ok(())
}

impl Rejects {
    /// `path`: `None` writes nothing (a dry run).
    pub(super) fn new(path: Option<PathBuf>, headers: &[String]) -> Self {
        Self { path, form: Form::Csv { headers: headers.to_vec() }, writer: None }
    }

    /// Of a file of JSON lines, which each row's only cell is.
    pub(super) fn of_lines(path: Option<PathBuf>) -> Self {
        Self { path, form: Form::Lines, writer: None }
    }

    pub(super) fn add<'c>(
        &mut self,
        cells: impl Iterator<Item = &'c [u8]>,
        finding: &Finding,
    ) -> Result<(), ImportError> {
        let Some(path) = &self.path else { return Ok(()) };
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(open(path, &self.form)?),
        };
        let row = finding.row.to_string();
        let own = [row.as_str(), &finding.column, &finding.reason, &finding.advice];
        let Form::Csv { headers } = &self.form else {
            let line = cells.flat_map(|cell| told(cell, own)).collect::<Vec<u8>>();
            return writer.write_record([line]).map_err(|error| unwritable(path, error));
        };
        // Of a row that was refused before, what is said of it now.
        let is_theirs = |column: &usize| headers.get(*column).is_none_or(|header| !is_own(header));
        let theirs = cells.enumerate().filter(|(column, _)| is_theirs(column));
        let record = own.map(str::as_bytes).into_iter().chain(theirs.map(|(_, cell)| cell));
        writer.write_record(record.map(harmless)).map_err(|error| unwritable(path, error))
    }

    /// Where the refused rows are, if there are any: the file is there whole, or as it was before; then a
    /// note says so.
    pub(super) fn finish(self, notes: &mut Vec<String>) -> Result<Option<PathBuf>, ImportError> {
        let Some(path) = self.path else { return Ok(None) };
        let Some(writer) = self.writer else {
            if path.exists() {
                let note = "is of an earlier import: this one has no refused rows to keep";
                notes.push(format!("{} {note}", path.display()));
            }
            return Ok(None);
        };
        let done = writer.into_inner().map_err(csv::IntoInnerError::into_error);
        match done.and_then(|file| file.persist(&path).map_err(|error| error.error)) {
            Ok(_) => Ok(Some(path)),
            Err(source) => Err(ImportError::Unwritable { file: path, source }),
        }
    }
}

/// Under a name of its own until it is whole; readable by its owner alone, for who is in it.
fn open(path: &Path, form: &Form) -> Result<csv::Writer<NamedTempFile>, ImportError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
        .map_err(|source| ImportError::Unwritable { file: path.to_owned(), source })?;
    let Form::Csv { headers } = form else {
        // A record is a line, as it is.
        return Ok(csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Never).from_writer(file));
    };
    let mut writer = csv::WriterBuilder::new();
    let mut writer = writer.quote_style(csv::QuoteStyle::Always).flexible(true).from_writer(file);
    let theirs = headers.iter().map(String::as_str).filter(|header| !is_own(header));
    let columns = OWN_COLUMNS.into_iter().chain(theirs);
    let columns = columns.map(|header| harmless(header.as_bytes()));
    writer.write_record(columns).map_err(|error| unwritable(path, error))?;
    Ok(writer)
}

pub(super) fn is_own(header: &str) -> bool {
    OWN_COLUMNS.contains(&header)
}

/// A line with why it was refused, if it is an object; any other stays as it is.
fn told(line: &[u8], own: [&str; 4]) -> Vec<u8> {
    let Ok(mut object) = serde_json::from_slice::<serde_json::Map<_, _>>(line) else {
        return line.to_vec();
    };
    for (key, value) in OWN_COLUMNS.into_iter().zip(own) {
        object.insert(key.to_owned(), value.into());
    }
    serde_json::Value::Object(object).to_string().into_bytes()
}

fn unwritable(path: &Path, error: csv::Error) -> ImportError {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => std::io::Error::other(format!("{other:?}")),
    };
    ImportError::Unwritable { file: path.to_owned(), source }
}

/// A cell that no spreadsheet takes for a formula. `restored` is the way back.
#[must_use]
pub fn harmless(cell: &[u8]) -> Cow<'_, [u8]> {
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
