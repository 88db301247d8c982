//! Which leads a release may concern that are not in flight, and how segments change: all leads, at a glance.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::difference::Difference;
use crate::{
    domain::{
        artefact::ArtefactKind,
        condition::{Condition, Env, KnownSegment, Named, PatternRoom, Scope, known_questions},
        definitions::{Definitions, LiveWorkflow, SegmentIx},
        id::LeadId,
        name::Name,
        score::StageRule,
        time::Instant,
        workflow::Enter,
    },
    engine::{
        audience::is_new,
        members::{self, Members, PAGE, Question},
    },
    store::{Store, StoreError},
};

/// What is live and what would be, as far as it decides who is looked at.
#[derive(Debug)]
pub struct Scene<'a> {
    pub before: Option<&'a Arc<Definitions>>,
    pub after: &'a Arc<Definitions>,
    pub differences: &'a [Difference],
    /// Workflows of which what is asked of those who enter is not what it was.
    pub opened: &'a BTreeSet<Name>,
    /// Another tracking, or other grounds to write to somebody.
    pub other_grounds: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub segments: Vec<(Name, Members)>,
    /// Leads who may come in, or to another stage.
    pub candidates: BTreeSet<LeadId>,
    /// Workflows that take in who is there already and did not, and for how many leads their condition is true.
    pub newcomers: Vec<(Name, u64)>,
}

impl Scene<'_> {
    fn differs(&self, kinds: &[ArtefactKind]) -> bool {
        self.differences.iter().any(|it| kinds.contains(&it.kind))
    }

    /// Whether something differs by which anybody in flight may go another way, whatever their workflow.
    #[must_use]
    pub fn is_other_house(&self) -> bool {
        use ArtefactKind::{Attributes, Campaign, People, Policy, Scoring, Segment};
        self.differs(&[Segment, Scoring, Policy, People, Attributes, Campaign])
    }

    /// The segments whose members may be others: those that differ, and that name such a one.
    fn segments(&self) -> Vec<SegmentIx> {
        use ArtefactKind::{Attributes, Scoring};
        let all = self.other_grounds || self.differs(&[Attributes, Scoring]);
        let of_segments = self.differences.iter().filter(|it| it.kind == ArtefactKind::Segment);
        let mut changed: BTreeSet<&str> = of_segments.map(|it| it.name.as_str()).collect();
        let mut found = Vec::new();
        // Each names only earlier ones.
        for (index, segment) in self.after.segments.iter().enumerate() {
            let named = Named::in_source(segment.condition.source()).segments;
            if all
                || changed.contains(segment.name.as_str())
                || named.iter().any(|name| changed.contains(name.as_str()))
            {
                changed.insert(&segment.name);
                found.push(SegmentIx(index));
            }
        }
        found
    }

    /// Whether nobody came in by its condition so far.
    fn is_new(&self, live: &LiveWorkflow) -> bool {
        is_new(self.after, self.before.map(AsRef::as_ref), live)
    }

    /// By what leads come in who may do so at once.
    fn doors(&self) -> impl Iterator<Item = (&LiveWorkflow, &Condition)> {
        let opens = |live: &&LiveWorkflow| {
            let workflow = &live.workflow;
            if self.is_new(live) {
                return workflow.existing;
            }
            self.other_grounds || self.opened.contains(&workflow.name)
        };
        self.after.workflows.iter().filter(opens).filter_map(|live| match &live.workflow.enter {
            Enter::When(condition) => Some((live, condition)),
            _ => None,
        })
    }

    /// Rules of stages that may move somebody at once.
    fn rules(&self) -> &[StageRule] {
        use ArtefactKind::{Attributes, Scoring, Segment};
        let may = self.other_grounds || self.differs(&[Attributes, Scoring, Segment]);
        if may { &self.after.scoring.stages } else { &[] }
    }

    /// Looks at all leads, if anybody may be concerned.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn look(&self, store: &Store, now: Instant) -> Result<Seen, StoreError> {
        let counted = self.segments();
        let mut with = (**self.after).clone();
        let mut listed = Vec::new();
        let mut doors = Vec::new();
        for (live, condition) in self.doors() {
            listed.push(with.ask(condition.clone()));
            doors.push(live);
        }
        for rule in self.rules() {
            let condition = applies(&mut with, rule);
            listed.push(with.ask(condition));
        }
        let segments: Vec<SegmentIx> = counted.iter().chain(&listed).copied().collect();
        if segments.is_empty() {
            return Ok(Seen::default());
        }
        let names = self.after.segments.iter().map(|segment| &segment.name);
        let names: HashMap<usize, &Name> = names.enumerate().collect();
        let live = self.before.map(Arc::clone);
        let definitions = Arc::new(with);
        let question = Question { definitions, live, segments, now, some: 0, listed, page: PAGE };
        let mut count = members::count(store, question).await?;
        let listed = count.segments.split_off(counted.len());
        // Those of doors come first.
        let newcomers = doors.into_iter().zip(&listed).filter(|(live, _)| self.is_new(live));
        let newcomers =
            newcomers.map(|(live, members)| (live.workflow.name.clone(), members.inside)).collect();
        let named = counted.iter().filter_map(|segment| names.get(&segment.0));
        Ok(Seen {
            segments: named.map(|name| (*name).clone()).zip(count.segments).collect(),
            newcomers,
            candidates: listed.into_iter().flat_map(|members| members.some).collect(),
        })
    }
}

/// Who is at one of a rule's stages, and for whom it is true.
fn applies(definitions: &mut Definitions, rule: &StageRule) -> Condition {
    let from: Vec<String> = rule.from.iter().map(|stage| format!("\"{stage}\"")).collect();
    let source = format!("stage in [{}] and ({})", from.join(", "), rule.when.source());
    let segments: Vec<KnownSegment> = definitions.segments.iter().map(KnownSegment::from).collect();
    let questions = known_questions(&definitions.questions);
    let env = Env {
        schema: &definitions.schema,
        segments: &segments,
        templates: None,
        questions: (!definitions.questions.is_empty()).then_some(&questions),
        patterns: &PatternRoom::default(),
        scope: Scope::Lead,
    };
    // What it asks for is asked for already. Too large together: then who is at another stage is looked at, too.
    Condition::compile(&source, &env, &mut definitions.plan).unwrap_or_else(|_| rule.when.clone())
}
