//! Rules of stages that wait until they have been false. Stages never fall by a release alone: what was
//! true already when it came in waits. So does, of a lead that sales gave back, what would move it on at
//! once: the score that made it theirs is still there.

use super::work::Work;
use crate::domain::{
    condition::{View, Worked},
    decision::Verb,
    event::EventKind,
    lead::Stage,
    name::Name,
    score::StageRule,
    time::Instant,
};

impl Work<'_> {
    /// Rules that have been false since they were withheld apply again.
    pub fn release_withheld(&mut self) {
        if self.lead.withheld.is_empty() {
            return;
        }
        let (rules, stage) = (&self.lead.definitions.scoring.stages, self.lead.stage);
        let view = self.lead.view();
        let still = |label: &&Name| {
            rules.iter().any(|rule| {
                rule.from.contains(&stage) && is(label, rule) && rule.when.verdict(&view).is_true()
            })
        };
        if !self.lead.withheld.iter().all(|label| still(&label)) {
            let still = self.lead.withheld.iter().filter(still).cloned().collect();
            self.lead.withheld = std::borrow::Cow::Owned(still);
        }
    }

    /// Withholds what would hand the lead to sales again from the stage that it came to just now. Who has
    /// bought is a customer all the same: that has happened, and would never have been false.
    pub fn withhold_what_is_true(&mut self) {
        let (rules, stage) = (&self.lead.definitions.scoring.stages, self.lead.stage);
        let view = self.lead.view();
        let applies = |rule: &&StageRule| {
            matches!(rule.to, Stage::Mql | Stage::Sql)
                && rule.from.contains(&stage)
                && rule.when.verdict(&view).is_true()
        };
        let labels: Vec<Name> = rules.iter().filter(applies).map(label).collect();
        if !labels.is_empty() {
            self.lead.withheld.to_mut().extend(labels);
        }
    }

    /// Whether a rule that is true now is no reason to move: it is withheld, or would let the lead fall and
    /// was true already when the lead was last decided, under a release that lacked it or counted other points.
    pub fn is_withheld(&mut self, rule: &StageRule) -> bool {
        if self.lead.withheld.iter().any(|label| is(label, rule)) {
            return true;
        }
        if !falls(self.lead.stage, rule.to) || !self.was_true_already(rule) {
            return false;
        }
        let reason = format!(
            "stays {}: not what happened but a new release alone makes it {}",
            self.lead.stage, rule.to
        );
        self.log(Verb::Held, None, None, &reason);
        self.lead.withheld.to_mut().insert(label(rule));
        true
    }

    fn was_true_already(&self, rule: &StageRule) -> bool {
        let state = self.lead.state;
        if state.decided_at == Instant::DAWN || state.decided_under == self.lead.definitions.release
        {
            return false;
        }
        // Attributes are kept as they are now only: what an import or an answer brought may have made it
        // true.
        let writes = [EventKind::LEAD_IMPORTED, EventKind::LEAD_ANSWERED];
        if state.new_events.iter().any(|event| writes.contains(&event.kind)) {
            return false;
        }
        let worked = Worked::default();
        let then = View {
            now: state.decided_at,
            attributes: &state.attributes,
            tags: &state.tags,
            facts: &state.facts,
            known_segments: &[],
            worked: Some(&worked),
            ..self.lead.view()
        };
        rule.when.verdict(&then).is_true()
    }
}

/// Down the ladder. Given back to marketing is its foot again; disqualified is no rung of it.
fn falls(from: Stage, to: Stage) -> bool {
    let rung = |stage| match stage {
        Stage::Lead | Stage::Recycled => Some(0),
        Stage::Mql => Some(1),
        Stage::Sql => Some(2),
        Stage::Customer => Some(3),
        Stage::Disqualified => None,
    };
    rung(to).zip(rung(from)).is_some_and(|(to, from)| to < from)
}

/// What a withheld rule is remembered by: a rule that is edited is another.
fn label(rule: &StageRule) -> Name {
    Name::from(format!("{}: {}", rule.to, rule.when.source()))
}

fn is(label: &Name, rule: &StageRule) -> bool {
    let rest = label.strip_prefix(rule.to.word()).and_then(|rest| rest.strip_prefix(": "));
    rest == Some(rule.when.source())
}
