//! Whom a release would take in at once, before it goes live.

use std::{fmt, sync::Arc};

use super::{
    live::{Live, LiveError},
    members::{PAGE, Question, count},
};
use crate::{
    definitions::counted,
    domain::{
        definitions::{Definitions, LiveWorkflow},
        name::Name,
        time::Instant,
        workflow::Enter,
    },
    store::{Store, StoreError},
};

/// Leads that a workflow would take in at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audience {
    pub workflow: Name,
    /// For whom its condition is true and who are not inside: at most so many, as one or the other has
    /// reached its goal, has no ground to be written to, or was in before.
    pub leads: u64,
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leads = counted(self.leads, "lead");
        write!(f, "`{}` would take in up to {leads} at once", self.workflow)
    }
}

/// The workflows of these definitions that would take in more leads at once than `most`, or than their policy lets
/// them unasked: such as are new, or are entered otherwise than those that are live, and take in who is there
/// already. What is entered by an event or by hand takes in nobody at once.
pub async fn over(
    store: &Store,
    definitions: &Arc<Definitions>,
    most: Option<u64>,
    now: Instant,
) -> Result<Vec<Audience>, StoreError> {
    if definitions.policy.guards.audience.is_none() {
        return Ok(Vec::new());
    }
    let before = match Live::load(store).await {
        Ok(live) => live.map(|live| live.definitions),
        Err(LiveError::Store(error)) => return Err(error),
        // What cannot be run takes in nobody: all are as if new.
        Err(_) => None,
    };
    let opens = |live: &&LiveWorkflow| {
        live.workflow.existing && is_new(definitions, before.as_deref(), live)
    };
    let mut with = (**definitions).clone();
    let (mut names, mut segments) = (Vec::new(), Vec::new());
    for live in definitions.workflows.iter().filter(opens) {
        let Enter::When(condition) = &live.workflow.enter else { continue };
        segments.push(with.ask(condition.clone()));
        names.push(live.workflow.name.clone());
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let question = Question {
        definitions: Arc::new(with),
        live: None,
        segments,
        now,
        some: 0,
        listed: Vec::new(),
        page: PAGE,
    };
    let members = count(store, question).await?.segments;
    let counted = names.into_iter().zip(members.iter().map(|members| members.inside));
    too_many(store, definitions, counted.collect(), most).await
}

/// Those of some workflows, with for how many leads their condition to enter is true, that would take in more at once
/// than `most`, or than the policy lets them unasked.
pub(super) async fn too_many(
    store: &Store,
    definitions: &Definitions,
    counted: Vec<(Name, u64)>,
    most: Option<u64>,
) -> Result<Vec<Audience>, StoreError> {
    let Some(limit) = definitions.policy.guards.audience.map(u64::from) else {
        return Ok(Vec::new());
    };
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let inside = store.inside().await?;
    let audience = |(workflow, leads): (Name, u64)| {
        let already = inside.get(&workflow).copied().unwrap_or(0);
        Audience { leads: leads.saturating_sub(already), workflow }
    };
    let mut over: Vec<Audience> = counted.into_iter().map(audience).collect();
    let most = most.unwrap_or(limit).max(limit);
    over.retain(|audience| audience.leads > most);
    Ok(over)
}

/// Whether leads come in who did not by what is live.
pub(super) fn is_new(
    definitions: &Definitions,
    before: Option<&Definitions>,
    live: &LiveWorkflow,
) -> bool {
    let known = before.and_then(|before| Some((before, before.workflow(&live.workflow.name)?)));
    known.is_none_or(|(before, known)| {
        !known.workflow.existing
            || before.door_mark(&known.workflow) != definitions.door_mark(&live.workflow)
    })
}
