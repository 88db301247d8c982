//! Who is in a segment: of all leads, by definitions that need not be live.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    domain::{
        definitions::{Definitions, SegmentIx},
        facts::FactKey,
        id::LeadId,
        lead::{Glance, Missing, Stored},
        time::Instant,
        verdict::Truth,
    },
    store::{Columns, Found, History, Store, StoreError, Which},
};

/// How many leads are best read in one go.
pub const PAGE: i64 = 8192;
/// Pages at a time.
const READERS: usize = 3;

/// What is counted.
#[derive(Clone, Debug)]
pub struct Question {
    pub definitions: Arc<Definitions>,
    /// What is live: by this, most leads were decided last.
    pub live: Option<Arc<Definitions>>,
    pub segments: Vec<SegmentIx>,
    pub now: Instant,
    /// How many members of each segment are named.
    pub some: usize,
    /// Of these all are.
    pub listed: Vec<SegmentIx>,
    /// How many leads are read in one go.
    pub page: i64,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub leads: u64,
    /// Leads that cannot be read.
    pub unreadable: u64,
    /// In the order of the segments that were asked for.
    pub segments: Vec<Members>,
}

/// Who is in a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    pub inside: u64,
    /// Of those, who were not when they were decided last.
    pub entering: u64,
    /// Who were, and are not any more.
    pub leaving: u64,
    /// Of whom it cannot be said: an attribute is missing, or their behaviour may not be looked at.
    pub unknown: u64,
    /// The first of those inside, by lead.
    pub some: Vec<LeadId>,
}

/// Counts who is in some segments at an instant, by what is known of each lead. Stage, tags and attributes
/// are as they are, also where the definitions would move them.
///
/// # Errors
/// When the database cannot be read. A lead that cannot be read is counted as such.
pub async fn count(store: &Store, question: Question) -> Result<Count, StoreError> {
    let question = Arc::new(question);
    let cursor = Arc::new(Mutex::new(Some(LeadId(i64::MIN))));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        readers.spawn(read(store.clone(), Arc::clone(&question), Arc::clone(&cursor)));
    }
    let mut sum = Count::of(&question);
    while let Some(read) = readers.join_next().await {
        sum.add(read.map_err(|error| StoreError::Other(error.to_string()))??);
    }
    sum.keep_first(&question);
    Ok(sum)
}

/// One page after the other, as long as there are any.
async fn read(
    store: Store,
    question: Arc<Question>,
    cursor: Arc<Mutex<Option<LeadId>>>,
) -> Result<Count, StoreError> {
    let mut reader = Reader::new(&question);
    while let Some(page) = next_page(&store, &cursor, question.page).await? {
        reader.read(&store, page).await?;
    }
    Ok(reader.sum)
}

/// Who of the leads after the first and up to the last is in the one segment that is asked for.
///
/// # Errors
/// When the database cannot be read. A lead that cannot be read is left out.
pub async fn of_page(
    store: &Store,
    question: &Question,
    page: (LeadId, LeadId),
) -> Result<Vec<LeadId>, StoreError> {
    let mut reader = Reader::new(question);
    reader.read(store, page).await?;
    let segments = reader.sum.segments.into_iter();
    let mut inside: Vec<LeadId> = segments.flat_map(|members| members.some).collect();
    inside.sort_unstable();
    Ok(inside)
}

/// What one reader has seen.
struct Reader<'q> {
    question: &'q Question,
    glance: Glance<'q>,
    sum: Count,
    /// Before this page.
    leads: u64,
    /// Of how many leads of this page something is missing, by what.
    lacking: [u64; Missing::ALL.len()],
    /// Those of them of whom it is to be looked up.
    waiting: [Vec<LeadId>; Missing::ALL.len()],
    columns: Columns,
    keys: [Vec<FactKey>; Missing::ALL.len()],
    /// What most leads of the page before lacked: it is looked up of all of the next one at once.
    ahead: Option<Missing>,
}

impl<'q> Reader<'q> {
    fn new(question: &'q Question) -> Self {
        let before = question.live.as_ref().map(|live| &live.plan);
        let glance = Glance::new(&question.definitions, &question.segments, before);
        Self {
            question,
            columns: Columns { standing: glance.needs_standing(), profile: glance.needs_profile() },
            keys: Missing::ALL.map(|missing| glance.keys(missing).cloned().collect()),
            ahead: None,
            glance,
            sum: Count::of(question),
            leads: 0,
            lacking: Default::default(),
            waiting: Default::default(),
        }
    }

    async fn read(&mut self, store: &Store, page: (LeadId, LeadId)) -> Result<(), StoreError> {
        self.turn_to_next_page();
        let columns = self.columns;
        let keys = std::mem::take(&mut self.keys);
        if let Some(missing) = self.ahead {
            let each = |lead, found: Found<'_>| self.look_back(lead, found, missing);
            store.glance_back(Which::Page(page), columns, &keys[missing as usize], each).await?;
        } else {
            let each = |lead, stored: Result<Stored<'_>, _>| self.take(lead, stored, None);
            store.glance_at(page, columns, each).await?;
        }
        self.ahead = self.mostly_lacking();
        for missing in Missing::ALL {
            let leads = std::mem::take(&mut self.waiting[missing as usize]);
            if !leads.is_empty() {
                let each = |lead, found: Found<'_>| self.look_back(lead, found, missing);
                let leads = Which::These(&leads);
                store.glance_back(leads, columns, &keys[missing as usize], each).await?;
            }
        }
        self.keys = keys;
        Ok(())
    }

    fn turn_to_next_page(&mut self) {
        self.sum.keep_first(self.question);
        self.leads = self.sum.leads;
        self.lacking = Default::default();
    }

    fn look_back(&mut self, lead: LeadId, found: Found<'_>, missing: Missing) {
        match found {
            Ok((stored, history)) => self.take(lead, Ok(stored), Some((missing, history))),
            Err(error) => self.take(lead, Err(error), None),
        }
    }

    /// Takes in a lead, with what was looked up of it, if anything was.
    fn take(
        &mut self,
        lead: LeadId,
        stored: Result<Stored<'_>, StoreError>,
        looked_up: Option<(Missing, History<'_>)>,
    ) {
        let now = self.question.now;
        let looked = stored.ok().and_then(|stored| self.glance.look(&stored, now).ok());
        let Some(lacks) = looked else { return self.sum.leave_out() };
        if let Some(missing) = lacks {
            self.lacking[missing as usize] += 1;
            // It may lack more than it did: it was decided meanwhile, by what went live meanwhile.
            let Some((_, history)) = looked_up.filter(|(found, _)| *found >= missing) else {
                return self.waiting[missing as usize].push(lead);
            };
            let Ok(events) = history.events() else { return self.sum.leave_out() };
            self.glance.fill(&events, now);
        }
        self.sum.note(self.question, lead, &self.glance);
    }

    fn mostly_lacking(&self) -> Option<Missing> {
        let waiting: usize = self.waiting.iter().map(Vec::len).sum();
        most(self.lacking, self.sum.leads - self.leads + waiting as u64)
    }
}

/// What is missing of most of so many leads.
fn most(lacking: [u64; Missing::ALL.len()], leads: u64) -> Option<Missing> {
    Missing::ALL.into_iter().find(|missing| lacking[*missing as usize] * 2 > leads)
}

async fn next_page(
    store: &Store,
    cursor: &Mutex<Option<LeadId>>,
    size: i64,
) -> Result<Option<(LeadId, LeadId)>, StoreError> {
    let mut cursor = cursor.lock().await;
    let Some(first) = *cursor else { return Ok(None) };
    *cursor = store.end_of_page(first, size).await?;
    Ok(cursor.map(|last| (first, last)))
}

impl Count {
    fn of(question: &Question) -> Self {
        Self { segments: vec![Members::default(); question.segments.len()], ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        self.leads += other.leads;
        self.unreadable += other.unreadable;
        for (members, other) in self.segments.iter_mut().zip(other.segments) {
            members.inside += other.inside;
            members.entering += other.entering;
            members.leaving += other.leaving;
            members.unknown += other.unknown;
            members.some.extend(other.some);
        }
    }

    /// Names no more than so many members, the first, but all where that is asked for.
    fn keep_first(&mut self, question: &Question) {
        let is_cut = |segment: &SegmentIx| !question.listed.contains(segment);
        let named = question.segments.iter().zip(&mut self.segments);
        for (_, members) in named.filter(|(segment, _)| is_cut(segment)) {
            members.some.sort_unstable();
            members.some.truncate(question.some);
        }
    }

    fn leave_out(&mut self) {
        self.leads += 1;
        self.unreadable += 1;
    }

    /// The lead that was looked at last.
    fn note(&mut self, question: &Question, lead: LeadId, glance: &Glance<'_>) {
        self.leads += 1;
        for (segment, members) in question.segments.iter().zip(&mut self.segments) {
            let (value, was_in) = (glance.value(*segment), glance.was_in(*segment));
            let is_in = value == Truth::True;
            members.inside += u64::from(is_in);
            members.unknown += u64::from(value == Truth::Unknown);
            members.entering += u64::from(is_in && !was_in);
            members.leaving += u64::from(was_in && !is_in);
            if is_in && (question.some > 0 || question.listed.contains(segment)) {
                members.some.push(lead);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_leads_lack_is_looked_up_ahead() {
        assert_eq!(most([0, 0], 0), None);
        assert_eq!(most([2, 2], 4), None);
        assert_eq!(most([3, 1], 4), Some(Missing::Since));
        assert_eq!(most([1, 3], 4), Some(Missing::Everything));
    }
}
