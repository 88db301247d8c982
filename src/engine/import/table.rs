//! A CSV file as a stream of rows, with limits on everything a hostile or broken file may blow up.

use std::{
    fs::File,
    io::{BufRead, BufReader, Error, Read, Seek},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use csv::{ByteRecord, ReaderBuilder};

use super::{
    ImportError,
    encoding::{Encoding, detect},
};
use crate::definitions::counted;

/// Bytes of one row.
pub(super) const ROW_LIMIT: u64 = 1024 * 1024;
/// Bytes of one cell.
pub(super) const CELL_LIMIT: usize = 64 * 1024;
const COLUMN_LIMIT: usize = 200;
/// Bytes read at once.
const BUFFER: usize = 64 * 1024;

/// An open CSV file.
pub(super) struct Table {
    file: PathBuf,
    /// Without those at the end that have no name.
    headers: Vec<String>,
    /// How many cells the header row has.
    width: usize,
    delimiter: u8,
    reader: csv::Reader<Metered<File>>,
    meter: Arc<Meter>,
    record: ByteRecord,
    row: u64,
    size: u64,
}

/// One row: its number as a spreadsheet shows it (the header is row 1) and its cells.
pub(super) struct Row<'a> {
    pub number: u64,
    pub cells: &'a ByteRecord,
    delimiter: u8,
}

impl Table {
    /// Opens a file, judges its encoding and reads its header.
    pub(super) fn open(file: &Path) -> Result<Self, ImportError> {
        let mut table = Self::open_bare(file)?;
        if !table.read_record()? {
            return Err(table.malformed("it is empty", "the first row names the columns"));
        }
        let mut headers = Vec::with_capacity(table.record.len());
        for cell in &table.record {
            let text = String::from_utf8_lossy(cell);
            headers.push(text.trim_start_matches('\u{feff}').trim().to_owned());
        }
        table.width = headers.len();
        let named = headers.iter().rposition(|header| !header.is_empty());
        headers.truncate(named.map_or(0, |last| last + 1));
        if headers.len() > COLUMN_LIMIT {
            let what = format!("it has {} columns; at most {COLUMN_LIMIT} are read", headers.len());
            return Err(table.malformed(&what, "export only the columns that are needed"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for header in headers.iter().filter(|header| !header.is_empty()) {
            if !seen.insert(header.to_lowercase()) {
                let what = format!("two columns are called `{header}`");
                return Err(table.malformed(&what, "rename or remove one of them"));
            }
        }
        table.headers = headers;
        Ok(table)
    }

    /// Opens a file whose first row is a row like any other.
    pub(super) fn open_bare(file: &Path) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Unreadable { file: file.to_owned(), source };
        let mut handle = File::open(file).map_err(unreadable)?;
        let size = handle.metadata().map_err(unreadable)?.len();
        match detect(&mut handle).map_err(unreadable)? {
            Encoding::Utf8 => {}
            Encoding::Legacy { line } => {
                return Err(malformed(
                    file,
                    &format!(
                        "it is not UTF-8 (first seen on line {line}); it looks like Windows-1252"
                    ),
                    "save it as \"CSV UTF-8\", or: iconv -f windows-1252 -t utf-8",
                ));
            }
            Encoding::Utf16 => {
                return Err(malformed(
                    file,
                    "it is UTF-16, not UTF-8",
                    "save it as \"CSV UTF-8\", or: iconv -f utf-16 -t utf-8",
                ));
            }
        }
        handle.rewind().map_err(unreadable)?;
        let delimiter = delimiter(&mut handle).map_err(unreadable)?;
        handle.rewind().map_err(unreadable)?;
        let meter = Arc::new(Meter::default());
        Ok(Self {
            file: file.to_owned(),
            headers: Vec::new(),
            width: 0,
            delimiter,
            reader: reader(handle, delimiter, &meter),
            meter,
            record: ByteRecord::new(),
            row: 0,
            size,
        })
    }

    /// Goes back to the first row behind the header.
    pub(super) fn rewind(&mut self) -> Result<(), ImportError> {
        let handle = File::open(&self.file)
            .map_err(|source| ImportError::Unreadable { file: self.file.clone(), source })?;
        self.meter = Arc::new(Meter::default());
        self.reader = reader(handle, self.delimiter, &self.meter);
        self.row = 0;
        self.read_record().map(drop)
    }

    pub(super) fn headers(&self) -> &[String] {
        &self.headers
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.meter.total.load(Ordering::Relaxed)
    }

    /// The next row that is not blank; `None` at the end.
    pub(super) fn next_row(&mut self) -> Result<Option<Row<'_>>, ImportError> {
        loop {
            if !self.read_record()? {
                return Ok(None);
            }
            let last = self.record.iter().rposition(|cell| !cell.trim_ascii().is_empty());
            if let Some(last) = last {
                self.leave_out_unnamed(last + 1);
                let delimiter = self.delimiter;
                return Ok(Some(Row { number: self.row, cells: &self.record, delimiter }));
            }
        }
    }

    /// A spreadsheet makes all rows as long as the longest. Behind the last column that has a name a cell
    /// with something in it is one too many: what is before it may stand where it does not belong.
    fn leave_out_unnamed(&mut self, filled: usize) {
        let named = self.headers.len();
        if self.record.len() == self.width && filled <= named {
            self.record.truncate(named);
        }
    }

    fn read_record(&mut self) -> Result<bool, ImportError> {
        self.meter.begin_row();
        let read = self.reader.read_byte_record(&mut self.record);
        self.row += 1 + self.meter.blank.load(Ordering::Relaxed);
        read.map_err(|error| {
            let file = self.file.clone();
            match error.into_kind() {
                csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::FileTooLarge => {
                    ImportError::RowTooLarge { file, row: self.row }
                }
                csv::ErrorKind::Io(source) => ImportError::Unreadable { file, source },
                other => ImportError::Malformed {
                    file,
                    what: format!("row {}: {other:?}", self.row),
                    hint: "is this a CSV file?".into(),
                },
            }
        })
    }

    pub(super) fn malformed(&self, what: &str, hint: &str) -> ImportError {
        malformed(&self.file, what, hint)
    }
}

fn reader(handle: File, delimiter: u8, meter: &Arc<Meter>) -> csv::Reader<Metered<File>> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(BUFFER)
        .from_reader(Metered {
            inner: BufReader::with_capacity(BUFFER, handle),
            meter: Arc::clone(meter),
            last: 0,
        })
}

fn malformed(file: &Path, what: &str, hint: &str) -> ImportError {
    ImportError::Malformed { file: file.to_owned(), what: what.into(), hint: hint.into() }
}

/// What is wrong with a row as a whole, if anything; its cells are text otherwise.
pub(super) fn text_cells<'r>(
    row: &Row<'r>,
    columns: usize,
    cells: &mut Vec<&'r str>,
) -> Result<(), RowFault> {
    cells.clear();
    if row.cells.len() != columns {
        return Err(RowFault::Ragged { cells: row.cells.len(), columns });
    }
    for (column, cell) in row.cells.iter().enumerate() {
        cells.push(std::str::from_utf8(cell).map_err(|_| RowFault::NotUtf8 { column })?);
    }
    if let Some((column, lines)) = swallowed(row, cells) {
        return Err(RowFault::OpenQuote { column, lines });
    }
    match cells.iter().position(|cell| cell.len() > CELL_LIMIT) {
        Some(column) => Err(RowFault::LongCell { column }),
        None => Ok(()),
    }
}

/// The cell whose quote was not closed, so that rows behind it are in it, and how many lines those are: a
/// line of it has an address in the very column in which the row has one.
fn swallowed(row: &Row<'_>, cells: &[&str]) -> Option<(usize, usize)> {
    // Nearly always.
    if !row.cells.as_slice().contains(&b'\n') {
        return None;
    }
    let address = cells.iter().position(|cell| is_address(cell))?;
    // `from`: in which column the line begins. The last line of all ends at another row's quote.
    let is_of_a_row = |line: &str, from: usize| {
        let fields: Vec<&str> = line.split(char::from(row.delimiter)).collect();
        let is_whole = from + fields.len() >= cells.len() || line.contains('"');
        let at = address.checked_sub(from).and_then(|column| fields.get(column));
        // In a text a blank follows a comma.
        let is_text = fields.iter().any(|field| field.starts_with(' '));
        fields.len() > 1 && is_whole && !is_text && at.is_some_and(|field| is_address(field))
    };
    cells.iter().enumerate().filter(|(_, cell)| cell.contains('\n')).find_map(|(column, cell)| {
        let mut lines = cell.lines();
        let first = lines.next()?;
        // The row's own address is no sign.
        let is_open = (column < address && is_of_a_row(first, column))
            || lines.any(|line| is_of_a_row(line, 0));
        is_open.then(|| (column, cell.lines().count() - 1))
    })
}

fn is_address(text: &str) -> bool {
    let text = text.trim();
    text.contains('@') && !text.contains(char::is_whitespace)
}

/// Why a row cannot even be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowFault {
    Ragged {
        cells: usize,
        columns: usize,
    },
    LongCell {
        column: usize,
    },
    NotUtf8 {
        column: usize,
    },
    /// With so many lines of the file in it that were to be rows.
    OpenQuote {
        column: usize,
        lines: usize,
    },
}

impl RowFault {
    pub(super) fn column(self) -> Option<usize> {
        match self {
            Self::Ragged { .. } => None,
            Self::LongCell { column }
            | Self::NotUtf8 { column }
            | Self::OpenQuote { column, .. } => Some(column),
        }
    }

    pub(super) fn reason_and_advice(self) -> (String, &'static str) {
        match self {
            Self::Ragged { cells, columns } => (
                format!("it has {}, the header has {columns}", counted(cells, "cell")),
                "put cells that contain the separator or a line break in quotes",
            ),
            Self::LongCell { .. } => {
                (format!("longer than {} KB", CELL_LIMIT / 1024), "shorten it or leave it out")
            }
            Self::NotUtf8 { .. } => ("not UTF-8".into(), "save the file as \"CSV UTF-8\""),
            Self::OpenQuote { lines, .. } => (
                format!(
                    "its quote is not closed, so it has {} of the file in it that should be rows",
                    counted(lines, "line"),
                ),
                "close the quote, or take it out, in the file itself, and import that again",
            ),
        }
    }
}

/// The separator: whichever of `,` `;` and tab the first line has most of, outside of quotes.
fn delimiter(file: &mut File) -> std::io::Result<u8> {
    let mut start = Vec::new();
    file.take(64 * 1024).read_to_end(&mut start)?;
    let mut quoted = false;
    let mut counts = [(b',', 0u32), (b';', 0), (b'\t', 0)];
    for byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(*delimiter == byte);
                }
            }
            _ => {}
        }
    }
    // `max_by_key` takes the last of equals: the comma.
    Ok(counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(byte, _)| *byte))
}

#[derive(Default)]
struct Meter {
    total: AtomicU64,
    since_row: AtomicU64,
    /// Lines with nothing on them before the row, which the parser passes over.
    blank: AtomicU64,
}

impl Meter {
    fn begin_row(&self) {
        self.since_row.store(0, Ordering::Relaxed);
        self.blank.store(0, Ordering::Relaxed);
    }
}

/// Counts what is read, and stops a row that never ends before it fills the memory. It gives one line at
/// a time: so nothing is read of a row before the parser asks for that row.
struct Metered<R> {
    inner: BufReader<R>,
    meter: Arc<Meter>,
    /// The last byte that was given.
    last: u8,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let ready = self.inner.fill_buf()?;
        let line = ready.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let length = line.map_or(ready.len(), |end| end + 1).min(buffer.len());
        let given = &ready[..length];
        buffer[..length].copy_from_slice(given);
        let is_rest_of_line_end = given == b"\n" && self.last == b'\r';
        let is_blank = matches!(given, b"\n" | b"\r") && !is_rest_of_line_end;
        self.last = given.last().copied().unwrap_or_default();
        self.inner.consume(length);
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        self.meter.total.fetch_add(bytes, Ordering::Relaxed);
        if is_rest_of_line_end {
            return Ok(length);
        }
        let before = self.meter.since_row.load(Ordering::Relaxed);
        if before == 0 && is_blank {
            self.meter.blank.fetch_add(1, Ordering::Relaxed);
            return Ok(length);
        }
        if self.meter.since_row.fetch_add(bytes, Ordering::Relaxed) > ROW_LIMIT {
            return Err(Error::from(std::io::ErrorKind::FileTooLarge));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("in.csv");
        std::fs::write(&file, text).unwrap();
        let mut table = Table::open(&file).unwrap();
        let mut rows = Vec::new();
        for _ in 0..2 {
            rows.clear();
            while let Some(row) = table.next_row().unwrap() {
                rows.push((row.number, String::from_utf8_lossy(&row.cells[0]).into_owned()));
            }
            table.rewind().unwrap();
        }
        rows
    }

    #[test]
    fn rows_are_counted_as_a_spreadsheet_shows_them() {
        let lines = ["a,b", "1,x", "", "3,x", " , ", "\"5\n\n5\",x", "", "", "8,x", ""];
        for end in ["\n", "\r\n", "\r"] {
            let numbers: Vec<u64> = rows(&lines.join(end)).iter().map(|(row, _)| *row).collect();
            assert_eq!(numbers, [2, 4, 6, 9], "{end:?}");
        }
        // Blank lines before the header, too, and more of them than one row may have bytes.
        let many = usize::try_from(ROW_LIMIT).unwrap() + 1;
        let text = format!("\n\na,b\n{}1,x", "\n".repeat(many));
        assert_eq!(rows(&text), [(ROW_LIMIT + 5, "1".to_owned())]);
    }

    #[test]
    fn rows_behind_a_quote_that_is_not_closed_are_missed() {
        let faults = |text: &str| {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("in.csv");
            std::fs::write(&file, text).unwrap();
            let mut table = Table::open(&file).unwrap();
            let (columns, mut faults) = (table.headers().len(), Vec::new());
            while let Some(row) = table.next_row().unwrap() {
                faults.extend(text_cells(&row, columns, &mut Vec::new()).err());
            }
            faults
        };
        let open = |column, lines| vec![RowFault::OpenQuote { column, lines }];
        let rows = "b@b.example;yes;B\nc@c.example;yes;C\n";
        let header = "email;unsubscribed;note\n";
        assert_eq!(faults(&format!("{header}a@a.example;no;\"A\n{rows}")), open(2, 2));
        assert_eq!(
            faults(&format!("{header}a@a.example;no;\"A\nb@b.example;yes;\"B\n")),
            open(2, 1)
        );
        let long = "b@b.example;yes;B\n".repeat(10_000);
        assert_eq!(faults(&format!("{header}a@a.example;no;\"A\n{long}")), open(2, 10_000));
        // The quote is closed by where another row opens one, so the cell ends within that row.
        let header = "email;company;unsubscribed\n";
        let rows = "a@a.example;\"A;no\nb@b.example;\"B\";yes\n";
        assert_eq!(faults(&format!("{header}{rows}")), open(1, 1));
        let header = "company;email;unsubscribed\n";
        let rows = "\"A;a@a.example;no\n\"B\";b@b.example;yes\n";
        assert_eq!(faults(&format!("{header}{rows}")), open(0, 1));
        // Texts that go over lines.
        for note in [
            "Met Ann (ann@a.example, her boss)\nbob@b.example called\n",
            "Met\nbob@b.example, she called",
            "bob@b.example\ncarl@c.example",
            "See \"\"b@b.example\"\":\nor a@a.example",
        ] {
            let text = format!("email,note\na@a.example,\"{note}\"\nb@b.example,B\n");
            assert_eq!(faults(&text), [], "{note}");
        }
    }

    #[test]
    fn lines_longer_than_any_buffer_are_whole() {
        let long = "x".repeat(100_000);
        let text = format!("a,b\n{long},\"{long}\r\n{long}\"\n\n2,x");
        assert_eq!(rows(&text), [(2, long), (4, "2".to_owned())]);
    }
}
