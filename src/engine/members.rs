//! Who is in a segment: of all leads, by definitions that need not be live.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    domain::{
        definitions::{Definitions, SegmentIx},
        event::Event,
        facts::FactKey,
        id::LeadId,
        lead::{Glance, Missing, Stored},
        time::Instant,
        verdict::Truth,
    },
    store::{Columns, Store, StoreError},
};

/// Leads that are read in one go.
const PAGE: i64 = 8192;
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
    sum.keep_first(question.some);
    Ok(sum)
}

/// One page after the other, as long as there are any.
async fn read(
    store: Store,
    question: Arc<Question>,
    cursor: Arc<Mutex<Option<LeadId>>>,
) -> Result<Count, StoreError> {
    let definitions = &*question.definitions;
    let before = question.live.as_ref().map(|live| &live.plan);
    let mut glance = Glance::new(definitions, &question.segments, before);
    let columns = Columns { standing: glance.needs_standing(), profile: glance.needs_profile() };
    let now = question.now;
    let mut sum = Count::of(&question);
    let (mut behind, mut strangers) = (Vec::new(), Vec::new());
    while let Some(page) = next_page(&store, &cursor).await? {
        let each = |lead, stored: Result<Stored<'_>, StoreError>| match stored
            .ok()
            .and_then(|stored| glance.look(&stored, now).ok())
        {
            None => sum.leave_out(),
            Some(None) => sum.note(&question, lead, &glance),
            Some(Some(Missing::Since)) => behind.push(lead),
            Some(Some(Missing::Everything)) => strangers.push(lead),
        };
        store.glance_at(page, columns, each).await?;
        for missing in [Missing::Since, Missing::Everything] {
            let leads = match missing {
                Missing::Since => std::mem::take(&mut behind),
                Missing::Everything => std::mem::take(&mut strangers),
            };
            if leads.is_empty() {
                continue;
            }
            let facts: Vec<FactKey> = glance.keys(missing).cloned().collect();
            let each = |lead, stored: Result<(Stored<'_>, Vec<Event>), StoreError>| {
                let looked = stored
                    .ok()
                    .and_then(|(stored, history)| Some((glance.look(&stored, now).ok()?, history)));
                let Some((lacks, history)) = looked else { return sum.leave_out() };
                // It was decided meanwhile, by definitions that went live meanwhile.
                if lacks == Some(Missing::Everything) && missing == Missing::Since {
                    return strangers.push(lead);
                }
                glance.fill(&history, now);
                sum.note(&question, lead, &glance);
            };
            store.glance_back(&leads, columns, &facts, each).await?;
        }
        sum.keep_first(question.some);
    }
    Ok(sum)
}

async fn next_page(
    store: &Store,
    cursor: &Mutex<Option<LeadId>>,
) -> Result<Option<(LeadId, LeadId)>, StoreError> {
    let mut cursor = cursor.lock().await;
    let Some(first) = *cursor else { return Ok(None) };
    *cursor = store.end_of_page(first, PAGE).await?;
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

    /// Names no more than so many members, the first.
    fn keep_first(&mut self, some: usize) {
        for members in &mut self.segments {
            members.some.sort_unstable();
            members.some.truncate(some);
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
            if is_in && question.some > 0 {
                members.some.push(lead);
            }
        }
    }
}
