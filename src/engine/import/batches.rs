//! Rows on their way to the store: many at once, and those of one address together, however far
//! apart they stand. Of rows that disagree only the outcome is then written: in batches of their own
//! each would be a change, each time that the file is imported.

use std::collections::HashSet;

use tokio::sync::mpsc;

use super::{
    BATCH,
    row::address,
    seen::{Seen, hash},
    table::Table,
};
use crate::{
    domain::address::Address,
    store::{Profiles, StoreError, records::LeadUpsert},
};

/// What is handed to the store at once.
#[derive(Default)]
pub(super) struct Batch {
    pub leads: Vec<LeadUpsert>,
    /// Which row of the file each is.
    pub rows: Vec<u64>,
    /// Of rows that were refused for something else.
    pub objections: Vec<Address>,
    /// Whom rows name that were refused and may be objections, with their rows, in order.
    pub doubts: Vec<(Address, u64)>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.leads.is_empty() && self.objections.is_empty() && self.doubts.is_empty()
    }
}

/// A batch, and how its leads are stored: made while the store is at the batch before.
pub(super) type Ready = (Batch, Result<Profiles, StoreError>);

/// Nobody takes batches any more.
pub(super) struct Closed;

pub(super) struct Batches<'a> {
    to: &'a mpsc::Sender<Ready>,
    batch: Batch,
    /// Addresses that the file names more than once, as hashes.
    repeated: HashSet<u64>,
    /// Their rows, until the end of the file or until there are too many.
    aside: Vec<(LeadUpsert, u64)>,
    /// Bytes of memory that they take, about.
    aside_size: usize,
    /// Kept like those: another row may make a lead of the address.
    doubts: Vec<(Address, u64)>,
    /// There were too many doubts to keep them all until the end.
    hasty: bool,
}

/// The hash of the address that a cell names, if it may be one.
fn key(cell: &str) -> Option<u64> {
    let cell = cell.trim();
    // Almost all are: what is canonical of it differs in nothing but upper case, or it is no address.
    let is_plain = cell.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\'');
    if is_plain {
        return Some(hash(cell.to_ascii_lowercase()));
    }
    address(cell).ok().map(|address| hash(address.as_str()))
}

/// The keys of addresses that come more than once, of the first as many as a dry run remembers.
fn repeated(table: &mut Table, email: usize) -> HashSet<u64> {
    // Sorted they take half the memory of a set.
    let (mut first, mut repeated) = (Vec::new(), HashSet::new());
    while let Ok(Some(row)) = table.next_row() {
        let cell = row.cells.get(email).and_then(|cell| std::str::from_utf8(cell).ok());
        let Some(key) = cell.and_then(key) else { continue };
        if first.len() < Seen::LIMIT {
            first.push(key);
            if first.len() == Seen::LIMIT {
                first.sort_unstable();
            }
        } else if first.binary_search(&key).is_ok() {
            repeated.insert(key);
        }
    }
    first.sort_unstable();
    repeated.extend(first.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]));
    repeated
}

impl<'a> Batches<'a> {
    const ASIDE: usize = 16 * 1024 * 1024;
    /// Bytes of an attribute beside its text.
    const ATTRIBUTE: usize = 128;
    /// Addresses: 7 MB of memory, about.
    const DOUBTS: usize = 100_000;

    /// Reads the rows of the table in search of addresses that come again. Where it cannot be read to its
    /// end, who reads it for good says so.
    pub(super) fn new(to: &'a mpsc::Sender<Ready>, table: &mut Table, email: usize) -> Self {
        Self {
            to,
            batch: Batch::default(),
            repeated: repeated(table, email),
            aside: Vec::new(),
            aside_size: 0,
            doubts: Vec::new(),
            hasty: false,
        }
    }

    /// `text`: how many bytes the row has.
    pub(super) fn add(&mut self, lead: LeadUpsert, row: u64, text: usize) -> Result<(), Closed> {
        if self.repeated.contains(&hash(lead.address.as_str())) {
            self.aside_size += text + lead.attributes.len() * Self::ATTRIBUTE;
            self.aside.push((lead, row));
            return if self.aside_size < Self::ASIDE { Ok(()) } else { self.send_aside() };
        }
        self.batch.leads.push(lead);
        self.batch.rows.push(row);
        self.send_full()
    }

    pub(super) fn object(&mut self, address: Address) -> Result<(), Closed> {
        self.batch.objections.push(address);
        self.send_full()
    }

    /// Whether one of these addresses still gets mails is asked once the other rows are written; if there
    /// are too many, once those before it are, and [`Self::note`] says so.
    pub(super) fn doubt(&mut self, addresses: Vec<Address>, row: u64) -> Result<(), Closed> {
        self.doubts.extend(addresses.into_iter().map(|address| (address, row)));
        if self.doubts.len() < Self::DOUBTS {
            return Ok(());
        }
        self.hasty = true;
        self.send_doubts()
    }

    /// What the reader of a report should know, if there were more doubts than are kept.
    pub(super) fn note(&self) -> Option<String> {
        self.hasty.then(|| {
            format!(
                "refused rows that may be objections hold {} addresses or more: where other rows of the file make the lead, the row \
                 may not be named; once the file is imported, importing it again names them all",
                Self::DOUBTS
            )
        })
    }

    /// Sends what is left.
    pub(super) fn finish(mut self) -> Result<(), Closed> {
        self.send_aside()?;
        self.send_doubts()
    }

    fn send_doubts(&mut self) -> Result<(), Closed> {
        self.batch.doubts = std::mem::take(&mut self.doubts);
        self.send()
    }

    fn send_aside(&mut self) -> Result<(), Closed> {
        self.aside_size = 0;
        let mut aside = std::mem::take(&mut self.aside);
        // Stable: of one address the later row stays the later one.
        aside.sort_by(|(one, _), (other, _)| one.address.cmp(&other.address));
        let mut rest = aside.into_iter().peekable();
        while let Some((lead, row)) = rest.next() {
            let is_last = rest.peek().is_none_or(|(next, _)| next.address != lead.address);
            self.batch.leads.push(lead);
            self.batch.rows.push(row);
            if is_last {
                self.send_full()?;
            }
        }
        Ok(())
    }

    fn send_full(&mut self) -> Result<(), Closed> {
        if self.batch.leads.len() < BATCH && self.batch.objections.len() < BATCH {
            return Ok(());
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), Closed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        let profiles = Profiles::of(&batch.leads);
        self.to.blocking_send((batch, profiles)).map_err(|_| Closed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_key_is_of_the_address(cell: &str) {
        if let Ok(address) = address(cell) {
            assert_eq!(key(cell), Some(hash(address.as_str())), "{cell:?}");
        }
    }

    #[test]
    fn spellings_of_one_address_have_one_key() {
        let spellings = [
            "ann@example.com",
            " Ann@Example.COM ",
            "\u{feff}ANN@example.com",
            "ann@EXAMPLE\u{3002}com",
            "ann@ex\u{e4}mple.com",
            "Ann@xn--exmple-cua.com",
            "'+ann@example.com",
            "o'Neil@example.com",
        ];
        for cell in spellings {
            assert!(address(cell).is_ok(), "{cell:?}");
            assert_key_is_of_the_address(cell);
        }
        assert_eq!(key(spellings[0]), key(spellings[2]));
        assert_eq!(key(spellings[4]), key(spellings[5]));
    }

    #[test]
    fn doubts_wait_for_the_end_of_the_file_unless_there_are_too_many() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("in.csv");
        std::fs::write(&file, "email\n").expect("written");
        let mut table = Table::open(&file).expect("a table");
        let (to, mut inbox) = mpsc::channel(4);
        let who = Address::parse("ann@example.com").expect("an address");
        let mut batches = |doubts: usize| {
            let mut batches = Batches::new(&to, &mut table, 0);
            for row in 0..doubts {
                assert!(batches.doubt(vec![who.clone()], row as u64).is_ok());
            }
            batches
        };
        let kept = batches(Batches::DOUBTS - 1);
        assert!(inbox.try_recv().is_err() && kept.note().is_none());
        assert!(kept.finish().is_ok());
        assert_eq!(inbox.try_recv().expect("a batch").0.doubts.len(), Batches::DOUBTS - 1);
        let hasty = batches(Batches::DOUBTS);
        assert_eq!(inbox.try_recv().expect("a batch").0.doubts.len(), Batches::DOUBTS);
        assert!(hasty.note().is_some_and(|note| note.contains("100000 addresses")));
    }

    proptest! {
        #[test]
        fn the_key_of_a_cell_is_that_of_its_address(
            local in "[!-?A-~]{1,12}",
            domain in "(xn--)?[!-?A-~]{1,12}\\.[A-Za-z]{2,4}",
        ) {
            assert_key_is_of_the_address(&format!("{local}@{domain}"));
        }
    }
}
