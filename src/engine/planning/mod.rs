//! What a release would do, before it is made: the folder against what is live, and to whom it makes a
//! difference. Leads are decided by what would be live, as they will be, and nothing is written.

mod candidates;
mod difference;
mod forecast;
mod foresight;
mod tally;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use candidates::Scene;
pub use difference::{Difference, StepWhat, What};
pub use forecast::{Forecast, Soon};
pub use foresight::{Fate, Foreseen};
pub use tally::Person;
use tally::{Lens, Tally, tally};

use super::{
    audience::{self, Audience},
    live::{Live, LiveError},
    members::Members,
    proposing::{Lost, Proposal, propose},
    releasing::{ApplyError, folder_of},
};
use crate::{
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Definitions,
        fleet::Fleet,
        id::{LeadId, ReleaseId},
        lead::Stage,
        name::Name,
        time::Instant,
        workflow::Workflow,
    },
    store::{Store, StoreError, records::Stand},
};

/// Leads that are asked for in one go.
const PAGE: i64 = 20_000;

/// What a release would do.
#[derive(Debug)]
pub struct Plan {
    /// `None`: nothing is live yet.
    pub live: Option<ReleaseId>,
    pub workflows: Vec<WorkflowPlan>,
    /// Those whose condition or members are others.
    pub segments: Vec<SegmentPlan>,
    pub mails: Vec<MailPlan>,
    /// What else differs, which is live at once for all.
    pub house: Vec<Difference>,
    /// From which stage to which, and how many leads.
    pub stages: Vec<(Stage, Stage, u64)>,
    /// The guards that would trip.
    pub guards: Vec<Audience>,
    /// Whom `apply` would not lose.
    pub lost: Vec<Lost>,
    /// Leads that were decided, of all that may be concerned.
    pub decided: u64,
    pub unreadable: u64,
    /// Leads who go another way, or come to another stage.
    pub affected: u64,
    /// Mails that are parked and that `apply` gives another try, whatever it changes.
    pub parked: u64,
    /// In the order of leads, if they are asked for.
    pub people: Vec<Person>,
    /// Of the mails to those who may be concerned, if it is asked for.
    pub forecast: Option<Forecast>,
}

/// What is asked of a plan besides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Each person is told of.
    pub people: bool,
    /// How many mails leave soon, by these relays.
    pub forecast: Option<&'a Fleet>,
}

#[derive(Debug)]
pub struct WorkflowPlan {
    pub workflow: Name,
    pub what: What,
    /// The keys of its file that differ, steps apart.
    pub parts: BTreeSet<String>,
    pub steps: Vec<StepPlan>,
    /// How many are inside.
    pub inside: u64,
    /// What becomes of how many of them, and how many enter.
    pub fates: BTreeMap<Fate, u64>,
    /// What it says of those in other versions; `None`: it is removed.
    pub on_change: Option<&'static str>,
}

#[derive(Debug)]
pub struct StepPlan {
    pub step: Name,
    pub what: StepWhat,
    /// How many are at it now.
    pub here: u64,
}

#[derive(Debug)]
pub struct SegmentPlan {
    pub segment: Name,
    pub what: What,
    /// `None`: it is removed.
    pub members: Option<Members>,
}

#[derive(Debug)]
pub struct MailPlan {
    /// With its language, if it is a variant.
    pub mail: Name,
    pub what: What,
    /// How many are at a step that sends it.
    pub here: u64,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The database is not the one that these enrolments were made in.
    #[error("this database does not hold the history of its leads: {}", .0.join(", "))]
    Strangers(Vec<String>),
}

impl From<StoreError> for PlanError {
    fn from(error: StoreError) -> Self {
        Self::Apply(error.into())
    }
}

impl Plan {
    /// Whether a release would be as what is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workflows.is_empty()
            && self.segments.is_empty()
            && self.mails.is_empty()
            && self.house.is_empty()
            && self.stages.is_empty()
    }

    /// Whether anybody's way, stage or segments are others by it, or a mail that is parked may leave.
    #[must_use]
    pub fn affects_people(&self) -> bool {
        let moves = |plan: &SegmentPlan| {
            let members = plan.members.as_ref().filter(|_| plan.what != What::Added);
            members.is_some_and(|members| members.entering + members.leaving > 0)
        };
        let tries = self.parked > 0 && !self.is_empty();
        self.affected > 0 || tries || self.segments.iter().any(moves)
    }
}

/// What making these artefacts live would do now.
///
/// # Errors
/// When the folder cannot be made live as it is, or what is live cannot be read.
pub async fn plan(
    store: &Store,
    folder: &[Artefact],
    asked: Asked<'_>,
    now: Instant,
) -> Result<Plan, PlanError> {
    let proposal = propose(store, folder, now).await?;
    let strangers = proposal.strangers(store).await?;
    if !strangers.is_empty() {
        return Err(PlanError::Strangers(strangers));
    }
    let before = Live::load(store).await?.map(|live| live.definitions);
    let old = match &proposal.before {
        Some(release) => folder_of(store, release).await?,
        None => Vec::new(),
    };
    let differences = difference::differences(&old, folder);
    let after = Arc::new(proposal.definitions.clone());
    let parts_of = |it: &Difference| {
        let find = |all: &[Artefact]| {
            all.iter().find(|found| found.kind == it.kind && found.name == it.name).cloned()
        };
        match (find(&old), find(folder)) {
            (Some(old), Some(new)) => difference::parts(&old, &new),
            _ => BTreeSet::new(),
        }
    };
    let of = |kind| differences.iter().filter(move |it| it.kind == kind);
    let parts: BTreeMap<Name, BTreeSet<String>> =
        of(ArtefactKind::Workflow).map(|it| (it.name.clone(), parts_of(it))).collect();
    let asks = |parts: &BTreeSet<String>| {
        ["enter", "goal", "leave", "purpose"].iter().any(|key| parts.contains(*key))
    };
    let opened: BTreeSet<Name> =
        parts.iter().filter(|(_, parts)| asks(parts)).map(|(name, _)| name.clone()).collect();
    let other_grounds = of(ArtefactKind::Policy).any(|it| {
        let parts = parts_of(it);
        it.what != What::Changed || parts.contains("purposes") || parts.contains("tracking")
    });
    let scene = Scene {
        before: before.as_ref(),
        after: &after,
        differences: &differences,
        opened: &opened,
        other_grounds,
    };
    let seen = scene.look(store, now).await?;
    let changed: BTreeSet<Name> = parts.keys().cloned().collect();
    let everybody = scene.is_other_house();
    let mut leads = seen.candidates.clone();
    if before.is_some() || !proposal.stands.is_empty() {
        leads.extend(in_flight(store, &changed, everybody).await?);
    }
    let leads: Vec<LeadId> = leads.into_iter().collect();
    let lens = Lens {
        before: before.clone(),
        after: Arc::clone(&after),
        changed,
        people: asked.people,
        until: asked.forecast.map(|_| now + forecast::WEEK),
        now,
    };
    let mut found = tally(store, lens, &leads).await?;
    let forecast = match asked.forecast {
        Some(fleet) => {
            let both = (before.as_ref(), &after);
            let casts = std::mem::take(&mut found.casts);
            Some(forecast::forecast(store, fleet, both, casts, now).await?)
        }
        None => None,
    };
    let guards = audience::too_many(store, &after, seen.newcomers, None).await?;
    let workflows = workflows(&proposal, before.as_deref(), &differences, parts, &found);
    let segments = segments(&differences, seen.segments);
    let mails = of(ArtefactKind::Mail)
        .map(|it| MailPlan {
            mail: it.name.clone(),
            what: it.what,
            here: at_mail(&proposal, &it.name),
        })
        .collect();
    use ArtefactKind::{Mail, Segment, Workflow};
    let is_house = |it: &&Difference| !matches!(it.kind, Workflow | Segment | Mail);
    Ok(Plan {
        live: proposal.before.as_ref().map(|before| before.id),
        workflows,
        segments,
        mails,
        house: differences.iter().filter(is_house).cloned().collect(),
        stages: found.stages.iter().map(|((from, to), leads)| (*from, *to, *leads)).collect(),
        guards,
        lost: proposal.lost(),
        decided: found.decided,
        unreadable: found.unreadable,
        affected: found.affected,
        parked: store.parked_mails().await?,
        people: found.people,
        forecast,
    })
}

/// Who is in one of the workflows that differ, or in any.
async fn in_flight(
    store: &Store,
    changed: &BTreeSet<Name>,
    everybody: bool,
) -> Result<BTreeSet<LeadId>, StoreError> {
    let mut found = BTreeSet::new();
    let workflows: Vec<Option<&Name>> =
        if everybody { vec![None] } else { changed.iter().map(Some).collect() };
    for workflow in workflows {
        let mut after = LeadId(i64::MIN);
        loop {
            let page = store.enrolled(workflow, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = *last;
            found.extend(page);
        }
    }
    Ok(found)
}

/// Those that differ, and those in which something becomes of people all the same.
fn workflows(
    proposal: &Proposal,
    before: Option<&Definitions>,
    differences: &[Difference],
    mut parts: BTreeMap<Name, BTreeSet<String>>,
    found: &Tally,
) -> Vec<WorkflowPlan> {
    let after = &proposal.definitions;
    let of_workflows = differences.iter().filter(|it| it.kind == ArtefactKind::Workflow);
    let mut all: BTreeMap<&Name, What> = of_workflows.map(|it| (&it.name, it.what)).collect();
    for workflow in found.fates.keys() {
        all.entry(workflow).or_insert(What::Unchanged);
    }
    let people = |is_it: &dyn Fn(&Stand) -> bool| -> u64 {
        proposal.stands.iter().filter(|stand| is_it(stand)).map(|stand| stand.people).sum()
    };
    let plan = |(name, what): (&Name, What)| {
        let new = after.workflow(name).map(|live| &live.workflow);
        let old = before.and_then(|before| before.workflow(name)).map(|live| &live.workflow);
        // Compiled together with the new one, where it can be.
        let beside = |old: &Arc<Workflow>| after.structures.get(&old.version).cloned();
        let old = old.map(|old| beside(old).unwrap_or_else(|| Arc::clone(old)));
        let steps = match (&old, new) {
            (Some(old), Some(new)) if what == What::Changed => difference::steps(old, new),
            _ => Vec::new(),
        };
        let here = |step: &Name| people(&|stand| stand.workflow == *name && stand.step == *step);
        let steps =
            steps.into_iter().map(|(step, what)| StepPlan { here: here(&step), step, what });
        let mut parts = parts.remove(name).unwrap_or_default();
        for key in ["steps", "workflow"] {
            parts.remove(key);
        }
        WorkflowPlan {
            workflow: name.clone(),
            what,
            parts,
            steps: steps.collect(),
            inside: people(&|stand| stand.workflow == *name),
            fates: found.fates.get(name).cloned().unwrap_or_default(),
            on_change: new.map(|new| new.on_change.word()),
        }
    };
    all.into_iter().map(plan).collect()
}

fn segments(differences: &[Difference], seen: Vec<(Name, Members)>) -> Vec<SegmentPlan> {
    let of_segments = || differences.iter().filter(|it| it.kind == ArtefactKind::Segment);
    let what = |name: &Name| {
        of_segments().find(|it| it.name == *name).map_or(What::Unchanged, |it| it.what)
    };
    let plan = |(segment, members): (Name, Members)| {
        let what = what(&segment);
        SegmentPlan { segment, what, members: Some(members) }
    };
    let moves = |plan: &SegmentPlan| {
        let moves = |members: &Members| members.entering + members.leaving > 0;
        plan.what != What::Unchanged || plan.members.as_ref().is_some_and(moves)
    };
    let mut plans: Vec<SegmentPlan> = seen.into_iter().map(plan).filter(moves).collect();
    let gone = of_segments().filter(|it| it.what == What::Removed);
    plans.extend(gone.map(|it| SegmentPlan {
        segment: it.name.clone(),
        what: it.what,
        members: None,
    }));
    plans
}

/// How many are at a step that sends a mail, whatever its language.
fn at_mail(proposal: &Proposal, variant: &Name) -> u64 {
    let mail = variant.split_once('.').map_or(variant.as_str(), |(mail, _)| mail);
    let sends = |stand: &&Stand| {
        let definitions = &proposal.definitions;
        let structure = definitions.structures.get(&stand.version);
        let step = structure.and_then(|it| it.steps.named(&stand.step));
        step.is_some_and(|step| definitions.mails_of(&step.kind).iter().any(|it| **it == *mail))
    };
    proposal.stands.iter().filter(sends).map(|stand| stand.people).sum()
}
