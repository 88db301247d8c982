//! Who is in a segment: of all leads, by definitions that need not be live.

use std::sync::Arc;

use tokio::{sync::Mutex, task::JoinSet};

use super::{deciding::look, preparing::view};
use crate::{
    domain::{
        condition::View,
        definitions::{Definitions, SegmentIx},
        event::Event,
        facts::FactKey,
        id::LeadId,
        lead::{Glance, Known, Stored},
        time::Instant,
        verdict::Truth,
    },
    store::{Store, StoreError, Wanted},
};

/// Leads that are read in one go.
const PAGE: i64 = 8192;
/// Pages at a time.
const READERS: usize = 3;
/// Leads that are loaded whole in one go.
const WHOLE: usize = 256;

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
    /// Of whom it cannot be said, as their behaviour may not be looked at.
    pub unknown: u64,
    /// The first of those inside, by lead.
    pub some: Vec<LeadId>,
}

/// Counts who is in some segments at an instant, by what the last decision on each lead knew of it.
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
        sum.add(read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?);
    }
    for members in &mut sum.segments {
        members.some.sort_unstable();
        members.some.truncate(question.some);
    }
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
    let missing: Vec<FactKey> =
        glance.missing().iter().map(|&fact| definitions.plan.fact(fact).key.clone()).collect();
    let wanted = Wanted {
        standing: glance.needs_standing(),
        profile: glance.needs_profile(),
        facts: &missing,
    };
    let mut sum = Count::of(&question);
    let mut strangers = Vec::new();
    while let Some(page) = next_page(&store, &cursor).await? {
        let each = |lead, stored: Result<(Stored<'_>, Vec<Event>), StoreError>| {
            let known = stored.map_or(None, |(stored, history)| {
                let known = glance.look(&stored).ok()?;
                if known == Known::AllBut {
                    glance.fill(history.iter(), question.now);
                }
                Some(known)
            });
            match known {
                Some(Known::All | Known::AllBut) => {
                    sum.note(&question, lead, &glance.view(question.now), |segment| {
                        glance.was_in(segment)
                    });
                }
                Some(Known::Unknown) => strangers.push(lead),
                None => sum.leave_out(),
            }
        };
        store.glance_at(page, wanted, each).await?;
        for leads in strangers.chunks(WHOLE) {
            sum.look_whole(&store, &question, leads).await?;
        }
        strangers.clear();
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

    fn leave_out(&mut self) {
        self.leads += 1;
        self.unreadable += 1;
    }

    fn note(
        &mut self,
        question: &Question,
        lead: LeadId,
        view: &View<'_>,
        was_in: impl Fn(SegmentIx) -> bool,
    ) {
        self.leads += 1;
        for (segment, members) in question.segments.iter().zip(&mut self.segments) {
            let condition = &question.definitions.segments[segment.0].condition;
            let (value, was_in) = (condition.verdict(view).value, was_in(*segment));
            let is_in = value == Truth::True;
            members.inside += u64::from(is_in);
            members.unknown += u64::from(value == Truth::Unknown);
            members.entering += u64::from(is_in && !was_in);
            members.leaving += u64::from(was_in && !is_in);
            if is_in && members.some.len() < question.some {
                members.some.push(lead);
            }
        }
    }

    /// Leads that were folded under yet another plan, or were never decided: with their whole history, as
    /// when they are decided.
    async fn look_whole(
        &mut self,
        store: &Store,
        question: &Question,
        leads: &[LeadId],
    ) -> Result<(), StoreError> {
        let records = store.with_histories(leads).await?;
        let found = records.len();
        for (record, history) in records {
            let lead = record.lead;
            let (state, ..) = look(&question.definitions, record, &history, question.now);
            self.note(question, lead, &view(&question.definitions, &state, question.now), |it| {
                state.segments.get(it.0).is_some_and(Option::is_some)
            });
        }
        (found..leads.len()).for_each(|_| self.leave_out());
        Ok(())
    }
}
