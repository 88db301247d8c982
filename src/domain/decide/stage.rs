//! Scores and stages.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    overlay::{note, since},
    work::Work,
};
use crate::domain::{
    decision::Verb, event::EventKind, lead::Stage, score::MilliPoints, time::Instant,
    verdict::Verdict,
};

impl Work<'_> {
    /// Fit, then the first stage rule that applies, then the segments' ground is laid.
    pub fn settle_stage(&mut self) {
        self.settle_fit();
        self.release_withheld();
        let (rules, stage) = (&self.lead.definitions.scoring.stages, self.lead.stage);
        for rule in rules.iter().filter(|rule| rule.from.contains(&stage)) {
            if rule.to == stage || self.stages_entered.contains(&rule.to) {
                continue;
            }
            let view = self.lead.view();
            let verdict = rule.when.verdict(&view);
            if self.heed(verdict) && !self.is_withheld(rule) {
                self.change_stage(rule.to, rule.when.source());
                break;
            }
        }
    }

    fn settle_fit(&mut self) {
        let definitions = self.lead.definitions;
        let mut fit = MilliPoints::default();
        let mut holds_until = Instant::NEVER;
        let mut same = true;
        let mut count = 0;
        let view = self.lead.view();
        for rule in &definitions.scoring.fit {
            let verdict = rule.when.verdict(&view);
            holds_until = holds_until.min(verdict.holds_until);
            if verdict.is_true() {
                fit.0 += rule.points.0;
                count += 1;
                same &= self.lead.fit_rules.get(&rule.name) == Some(&rule.points);
            }
        }
        self.lead.set_fit(fit, holds_until);
        self.wake(holds_until);
        if !same || count != self.lead.fit_rules.len() {
            let view = self.lead.view();
            let rules: BTreeMap<_, _> = definitions
                .scoring
                .fit
                .iter()
                .filter(|rule| rule.when.verdict(&view).is_true())
                .map(|rule| (rule.name.clone(), rule.points))
                .collect();
            self.lead.fit_rules = Cow::Owned(rules);
        }
        self.lead.fit = fit;
    }

    pub fn change_stage(&mut self, to: Stage, reason: &str) {
        let reason = self.move_to(to, reason);
        self.make(EventKind::STAGE_CHANGED, Some(to.word().into()), &reason);
    }

    /// A move is taken back. The lead comes to no new stage: what follows from that has followed already.
    pub fn restore_stage(&mut self, to: Stage, reason: &str) {
        let reason = self.move_to(to, reason);
        self.make_known(EventKind::STAGE_CHANGED, Some(to.word().into()), &reason);
    }

    fn move_to(&mut self, to: Stage, reason: &str) -> String {
        let (from, now) = (self.lead.stage, self.now());
        self.lead.stage = to;
        self.lead.stage_since = now;
        self.stages_entered.push(to);
        let reason = format!("{from} → {to}: {reason}");
        self.log(Verb::Stage, None, None, &reason);
        reason
    }

    /// Works out all segments, in their order, and notes who came in and went out.
    pub fn settle_segments(&mut self) {
        self.lead.forget_segments();
        let segments = &self.lead.definitions.segments;
        let view = self.lead.view();
        let mut holds_until = Instant::NEVER;
        let mut same = true;
        for (index, (segment, known)) in segments.iter().zip(&self.lead.verdicts).enumerate() {
            let verdict = segment.condition.verdict(&view);
            known.set(Some(verdict));
            holds_until = holds_until.min(verdict.holds_until);
            same &= verdict.is_true() == since(&self.lead.segments, index).is_some();
        }
        self.wake(holds_until);
        if !same {
            self.note_segments();
        }
    }

    fn note_segments(&mut self) {
        let now = self.now();
        for (index, verdict) in self.lead.verdicts.iter().enumerate() {
            let inside = verdict.get().is_some_and(Verdict::is_true);
            if inside != since(&self.lead.segments, index).is_some() {
                note(&mut self.lead.segments, index, inside.then_some(now));
            }
        }
    }
}
