//! What a release would be, before it is made: the folder's artefacts, what stays for leads in flight, and
//! all of it compiled.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::releasing::{ApplyError, listed, pinned};
use crate::{
    definitions::{Problem, Severity, compile, counted, still_needed},
    domain::{
        artefact::{Artefact, ArtefactKind, ArtefactRef},
        definitions::Definitions,
        id::ReleaseId,
        name::Name,
        on_change::OnChange,
        time::Instant,
        workflow::Version,
    },
    render::lacking_for_elders,
    store::{
        Store, live_since,
        records::{ReleaseRow, Stand},
    },
};

/// A release that may be made.
#[derive(Debug)]
pub struct Proposal {
    /// What is live before it.
    pub before: Option<ReleaseRow>,
    /// The folder's, and those that leads in flight still need.
    pub artefacts: Vec<Artefact>,
    pub manifest: Vec<ArtefactRef>,
    /// By workflow: [`Definitions::door_mark`].
    pub doors: BTreeMap<Name, i64>,
    /// As they would be live.
    pub definitions: Definitions,
    /// Where everybody in flight stands.
    pub stands: Vec<Stand>,
}

/// People at a step that the new version of their workflow has no more, and of whom it does not say where to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    pub workflow: Name,
    pub step: Name,
    pub people: u64,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow, step, people } = self;
        let are = if *people == 1 { "lead is" } else { "leads are" };
        write!(f, "`{workflow}`: {people} {are} at the step `{step}`, which is gone")
    }
}

/// Whether just these artefacts are live. What is there for leads in flight alone makes no difference.
#[must_use]
pub fn is_live(live: &ReleaseRow, folder: &[Artefact]) -> bool {
    live.manifest.iter().filter(|line| !line.carried).eq(&manifest(folder, &[]))
}

/// # Errors
/// When leads are on structures that could not be read any more beside these definitions, or whose mails
/// would be parked.
pub async fn propose(
    store: &Store,
    folder: &[Artefact],
    now: Instant,
) -> Result<Proposal, ApplyError> {
    let before = store.live_release().await?;
    let active = pinned(store, folder).await?;
    let (mut carried, mut gone) = (Vec::new(), Vec::new());
    if let Some(live) = &before {
        let previous = listed(store, live).await?;
        // Until an engine takes the new release over, leads still enter the structures of this one.
        let is_gone =
            |found: &&Artefact| found.kind == ArtefactKind::Workflow && !folder.contains(found);
        gone = previous.iter().filter(is_gone).cloned().collect();
        let elders: Vec<Artefact> = active.iter().chain(&gone).cloned().collect();
        carried = still_needed(folder, &previous, &elders);
    }
    let manifest = manifest(folder, &carried);
    let artefacts = [folder, &carried].concat();
    let release = ReleaseId(before.as_ref().map_or(1, |before| before.id.0 + 1));
    let compiled = |elders: &[Artefact], since: &BTreeMap<Name, _>| {
        compile(&artefacts, elders, release, since)
    };
    // The doors are told by the definitions, which then are told since when they are.
    let bare = compiled(&active, &BTreeMap::new()).map_err(ApplyError::Elders)?;
    let doors: BTreeMap<Name, i64> = bare
        .workflows
        .iter()
        .map(|live| (live.workflow.name.clone(), bare.door_mark(&live.workflow)))
        .collect();
    let since = live_since(&manifest, &doors, before.as_ref(), release, now);
    let is_pinned = |found: &Artefact| active.iter().any(|it| it.version == found.version);
    gone.retain(|found| !is_pinned(found));
    let elders = [active.as_slice(), &gone].concat();
    let definitions = compiled(&elders, &since)
        .or_else(|_| compiled(&active, &since))
        .map_err(ApplyError::Elders)?;
    let lacking = lacking_for_elders(&bare);
    if !lacking.is_empty() {
        return Err(ApplyError::Elders(lacking.into_iter().map(Into::into).collect()));
    }
    let stands = store.stands().await?;
    Ok(Proposal { before, artefacts, manifest, doors, definitions, stands })
}

impl Proposal {
    /// Who would sit on a step that is gone, with no rule.
    #[must_use]
    pub fn lost(&self) -> Vec<Lost> {
        let mut lost: BTreeMap<(Name, Name), u64> = BTreeMap::new();
        for Stand { workflow, version, step, people } in &self.stands {
            let Some(live) = self.definitions.workflow(workflow) else { continue };
            if matches!(live.workflow.on_change, OnChange::Migrate(_))
                && live.workflow.version != *version
                && live.workflow.landing(step).is_none()
            {
                *lost.entry((workflow.clone(), step.clone())).or_default() += people;
            }
        }
        let lost = lost.into_iter();
        lost.map(|((workflow, step), people)| Lost { workflow, step, people }).collect()
    }

    /// Likewise, as problems of their files.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let problem = |lost: Lost| {
            let file = self
                .artefacts
                .iter()
                .find(|found| found.kind == ArtefactKind::Workflow && found.name == lost.workflow);
            let step = &lost.step;
            Problem {
                file: file.map_or_else(String::new, |found| found.file.clone()),
                line: 1,
                column: 1,
                rule: "people-lost",
                severity: Severity::Error,
                message: lost.to_string(),
                hint: Some(format!(
                    "say where they come to, a step or the end: on_change: {{ migrate: {{ {step}: end }} }}; \
                     or let what took its place keep its id: id: {step}"
                )),
                length: 1,
            }
        };
        self.lost().into_iter().map(problem).collect()
    }

    /// Versions that leads are in and that this database does not hold.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn strangers(&self, store: &Store) -> Result<Vec<String>, ApplyError> {
        let versions: BTreeSet<&Version> = self.stands.iter().map(|stand| &stand.version).collect();
        let versions: Vec<Version> = versions.into_iter().cloned().collect();
        let known = store.artefacts(&versions).await?;
        let is_unknown = |stand: &&Stand| !known.iter().any(|it| it.version == stand.version);
        let mut by_version: BTreeMap<(&Name, &Version), u64> = BTreeMap::new();
        for stand in self.stands.iter().filter(is_unknown) {
            *by_version.entry((&stand.workflow, &stand.version)).or_default() += stand.people;
        }
        let said = |((workflow, version), people): ((&Name, &Version), u64)| {
            format!("{} in version {version} of `{workflow}`", counted(people, "lead"))
        };
        Ok(by_version.into_iter().map(said).collect())
    }
}

pub(super) fn manifest(folder: &[Artefact], carried: &[Artefact]) -> Vec<ArtefactRef> {
    let line = |artefact: &Artefact, carried| ArtefactRef {
        kind: artefact.kind,
        name: artefact.name.clone(),
        version: artefact.version.clone(),
        carried,
    };
    let folder = folder.iter().map(|found| line(found, false));
    let mut manifest: Vec<ArtefactRef> =
        folder.chain(carried.iter().map(|found| line(found, true))).collect();
    manifest.sort();
    manifest.dedup();
    manifest
}
