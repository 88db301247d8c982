//! Cancelling: leads are taken out of workflows, whoever is meant, some thousands at a time.

use crate::{
    domain::{
        event::{EventData, EventKind},
        id::LeadId,
        name::Name,
        time::Instant,
        value::Value,
    },
    store::{
        By, Store, StoreError,
        records::{Lane, NewEvent, Recorded},
    },
};

/// Leads in one transaction.
const AT_ONCE: usize = 1_000;
/// Leads that are read in one go.
const PAGE: i64 = 5_000;

/// Whose enrolments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    Everybody,
    Lead(LeadId),
    /// Of all people of a company.
    Account(Name),
}

/// The leads who are in a workflow, or in any, of those who are meant.
pub async fn concerned(
    store: &Store,
    workflow: Option<&Name>,
    whose: &Whose,
) -> Result<Vec<LeadId>, StoreError> {
    if let Whose::Lead(lead) = whose {
        let record = store.record(*lead).await?;
        let mut enrolments = record.iter().flat_map(|record| &record.enrolments);
        let is_in = enrolments.any(|it| workflow.is_none_or(|workflow| it.workflow == *workflow));
        return Ok(if is_in { vec![*lead] } else { Vec::new() });
    }
    let (mut found, mut after) = (Vec::new(), LeadId(i64::MIN));
    loop {
        let page = store.enrolled(workflow, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = *last;
        match whose {
            Whose::Account(account) => found.extend(store.people_among(&page, account).await?),
            Whose::Everybody | Whose::Lead(_) => found.extend(page),
        }
    }
}

/// Takes these leads out of a workflow, or of all that they are in: each is told by an event, and the next decision
/// on it ends what it is in. From the event on no mail of theirs goes past its point of no return that is not past it
/// already. Returns how many were told; `each` is told after every transaction.
///
/// # Errors
/// Those who were told before are cancelled; done again it goes on with whoever is still inside.
pub async fn cancel(
    store: &Store,
    leads: &[LeadId],
    workflow: Option<&Name>,
    by: By<'_>,
    now: Instant,
    mut each: impl FnMut(usize),
) -> Result<usize, StoreError> {
    let mut data = EventData::new();
    data.insert("by".into(), Value::Text(by.who.into()));
    if let Some(because) = by.because {
        data.insert("because".into(), Value::Text(because.into()));
    }
    // Many do not go ahead of what people do.
    let lane = if leads.len() > 1 { Lane::Bulk } else { Lane::Acts };
    let mut told = 0;
    for some in leads.chunks(AT_ONCE) {
        let events: Vec<NewEvent> = some
            .iter()
            .map(|lead| NewEvent {
                object: workflow.cloned(),
                data: data.clone(),
                lane,
                ..NewEvent::new(*lead, EventKind::ENROLMENT_CANCELLED, now, "cli")
            })
            .collect();
        let recorded = store.record_events(&events, now).await?;
        let is_new = |recorded: &&Recorded| matches!(recorded, Recorded::New { .. });
        told += recorded.iter().filter(is_new).count();
        each(some.len());
    }
    Ok(told)
}
