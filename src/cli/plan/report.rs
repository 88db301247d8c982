//! A plan as programs read it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    definitions::Problem,
    domain::{artefact::ArtefactKind, id::ReleaseId, lead::Stage, name::Name},
    engine::planning::{Fate, Forecast, Person, Plan, StepWhat, What},
};

#[derive(Serialize)]
pub(in crate::cli) struct Report {
    /// The release that is live; `null`: nothing is yet.
    pub live: Option<String>,
    /// `false`: the folder is what is live.
    pub changed: bool,
    /// Leads who go another way, or come to another stage.
    pub affected: u64,
    /// Parked mails that `apply` tries again, also where nothing changes.
    pub parked: u64,
    /// Leads that were decided to see that.
    pub decided: u64,
    pub unreadable: u64,
    pub workflows: Vec<Workflow>,
    pub segments: Vec<Segment>,
    pub stages: Vec<Stages>,
    pub mails: Vec<Mail>,
    pub house: Vec<House>,
    pub guards: Vec<Guard>,
    pub lost: Vec<Lost>,
    /// How many mails leave in the next 24 hours and 7 days to those who may be concerned, by what is live and by the
    /// folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Only with `--people`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<OfPerson>>,
    /// Warnings of the folder.
    pub problems: Vec<Problem>,
}

#[derive(Serialize)]
pub(in crate::cli) struct Workflow {
    pub workflow: Name,
    pub what: What,
    /// The keys of its file that differ, beside the steps.
    pub keys: Vec<String>,
    pub on_change: Option<&'static str>,
    /// How many are inside now.
    pub inside: u64,
    pub steps: Vec<Step>,
    #[serde(flatten)]
    pub fates: Fates,
}

/// How many of those inside, and of those who enter.
#[derive(Clone, Default, Serialize)]
pub(in crate::cli) struct Fates {
    pub stay: u64,
    pub stay_on_old_version: u64,
    pub wait_longer: u64,
    pub wait_shorter: u64,
    pub r#move: u64,
    pub mailed_at_once: u64,
    pub leave: u64,
    pub drain: u64,
    pub sit_on_removed_step: u64,
    pub enter: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct Step {
    pub step: Name,
    pub what: StepWhat,
    /// How many are at it now.
    pub here: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct Segment {
    pub segment: Name,
    pub what: What,
    /// `null`: it is removed.
    pub members: Option<u64>,
    pub entering: Option<u64>,
    pub leaving: Option<u64>,
}

#[derive(Serialize)]
pub(in crate::cli) struct Stages {
    pub from: Stage,
    pub to: Stage,
    pub leads: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct Mail {
    pub mail: Name,
    pub what: What,
    /// How many are at a step that sends it.
    pub here: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct House {
    pub kind: ArtefactKind,
    pub name: Name,
    pub what: What,
    /// What that means, in a few words.
    pub means: &'static str,
}

#[derive(Serialize)]
pub(in crate::cli) struct Guard {
    pub workflow: Name,
    /// How many would come in at once, at most.
    pub leads: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct Lost {
    pub workflow: Name,
    pub step: Name,
    pub leads: u64,
}

#[derive(Serialize)]
pub(in crate::cli) struct OfPerson {
    pub email: String,
    pub workflow: Name,
    /// At which step they are; `null`: they enter.
    pub from: Option<Name>,
    pub what: Fate,
    /// At which they are then.
    pub step: Name,
    pub until: Option<String>,
    pub mail: Option<Name>,
    pub outcome: Option<&'static str>,
    pub reason: Option<String>,
    /// So it would be without a release.
    pub anyway: bool,
}

impl Report {
    pub(in crate::cli) fn new(plan: Plan, people: bool, problems: Vec<Problem>) -> Self {
        let changed = !plan.is_empty();
        let workflows = plan.workflows.into_iter().map(|it| Workflow {
            workflow: it.workflow,
            what: it.what,
            keys: it.parts.into_iter().collect(),
            on_change: it.on_change,
            inside: it.inside,
            steps: it
                .steps
                .into_iter()
                .map(|step| Step { step: step.step, what: step.what, here: step.here })
                .collect(),
            fates: Fates::of(&it.fates),
        });
        let segments = plan.segments.into_iter().map(|it| Segment {
            segment: it.segment,
            what: it.what,
            members: it.members.as_ref().map(|members| members.inside),
            entering: it.members.as_ref().map(|members| members.entering),
            leaving: it.members.as_ref().map(|members| members.leaving),
        });
        Self {
            live: plan.live.as_ref().map(ReleaseId::to_string),
            changed,
            affected: plan.affected,
            parked: plan.parked,
            decided: plan.decided,
            unreadable: plan.unreadable,
            workflows: workflows.collect(),
            segments: segments.collect(),
            stages: plan
                .stages
                .into_iter()
                .map(|(from, to, leads)| Stages { from, to, leads })
                .collect(),
            mails: plan
                .mails
                .into_iter()
                .map(|it| Mail { mail: it.mail, what: it.what, here: it.here })
                .collect(),
            house: plan
                .house
                .into_iter()
                .map(|it| House {
                    means: means(it.kind),
                    kind: it.kind,
                    name: it.name,
                    what: it.what,
                })
                .collect(),
            guards: plan
                .guards
                .into_iter()
                .map(|it| Guard { workflow: it.workflow, leads: it.leads })
                .collect(),
            lost: plan
                .lost
                .into_iter()
                .map(|it| Lost { workflow: it.workflow, step: it.step, leads: it.people })
                .collect(),
            forecast: plan.forecast,
            people: people.then(|| plan.people.into_iter().map(OfPerson::from).collect()),
            problems,
        }
    }
}

impl Fates {
    fn of(fates: &BTreeMap<Fate, u64>) -> Self {
        let of = |fate| fates.get(&fate).copied().unwrap_or_default();
        Self {
            stay: of(Fate::Stays),
            stay_on_old_version: of(Fate::StaysOnOldVersion),
            wait_longer: of(Fate::WaitsLonger),
            wait_shorter: of(Fate::WaitsShorter),
            r#move: of(Fate::Moves),
            mailed_at_once: of(Fate::MailedAtOnce),
            leave: of(Fate::Leaves),
            drain: of(Fate::Drains),
            sit_on_removed_step: of(Fate::SitsOnRemovedStep),
            enter: of(Fate::Enters),
        }
    }
}

impl From<Person> for OfPerson {
    fn from(person: Person) -> Self {
        let seen = person.seen;
        Self {
            email: person.address,
            workflow: seen.workflow,
            from: seen.from,
            what: seen.what,
            step: seen.step,
            until: seen.until.map(|until| until.to_string()),
            mail: seen.mail,
            outcome: seen.ended.as_ref().map(|ended| ended.outcome.word()),
            reason: seen.ended.map(|ended| ended.reason),
            anyway: seen.anyway,
        }
    }
}

/// What it means that something of the house is another.
const fn means(kind: ArtefactKind) -> &'static str {
    match kind {
        ArtefactKind::Scoring => "scores are counted anew; no stage falls by it",
        ArtefactKind::Policy => "caps, hours, consent and guards hold for everybody at once",
        ArtefactKind::People => "who gets notices and hand-offs, and whose name mails go in",
        ArtefactKind::Attributes => "what is known of leads, for conditions and mails",
        ArtefactKind::Stream => "who waits for more gets it, and nobody what they had",
        ArtefactKind::Question => "what mails ask, and what answers do",
        ArtefactKind::Campaign => {
            "its dates move those who wait for them; its words are in all mails"
        }
        ArtefactKind::Layout | ArtefactKind::Partial | ArtefactKind::Attachment => {
            "mails that use it leave with it from now on"
        }
        ArtefactKind::Workflow | ArtefactKind::Segment | ArtefactKind::Mail => "",
    }
}
