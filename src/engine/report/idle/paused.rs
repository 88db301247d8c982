//! What people, and guards, have paused, as far as it keeps anything.

use super::{Cause, Look, causes::are};
use crate::{
    definitions::counted,
    domain::pause::{HELD, Pause, Scope},
};

/// How many pauses of single leads and companies are told each by itself.
const EACH: usize = 3;

impl Look<'_> {
    pub(super) fn pauses(&self) -> Vec<Cause> {
        let (of_people, wide): (Vec<&Pause>, Vec<&Pause>) = self
            .pauses
            .iter()
            .partition(|pause| matches!(pause.scope, Scope::Lead(_) | Scope::Account(_)));
        let wide = wide.into_iter().filter_map(|pause| self.pause(pause));
        wide.chain(self.paused_people(&of_people)).collect()
    }

    /// A pause of all keeps everything, that of a relay whatever would go by it; one of a workflow where
    /// nothing waits is nothing's doing.
    fn pause(&self, pause: &Pause) -> Option<Cause> {
        let held = match &pause.scope {
            Scope::Workflow(name) => self.waiting(|workflow| *name == *workflow),
            Scope::Relay(name) => self.by(name),
            _ => self.waiting(|_| true),
        };
        let is_wide = matches!(pause.scope, Scope::All | Scope::Relay(_));
        (is_wide || held > 0).then(|| {
            let what = match &pause.scope {
                Scope::Workflow(name) => name.to_string(),
                other => other.said(),
            };
            let (since, by) = (pause.since, pause.by());
            let waiting = are(held, "mail");
            Cause {
                cause: "paused",
                number: if is_wide { 0 } else { held },
                says: format!("{what} is paused since {since} {by}; {waiting} waiting"),
                advice: Some(format!("`nurtured resume {}`", pause.scope.argument())),
                until: None,
                last_until: None,
                to_come: held == 0,
            }
        })
    }

    /// What is to go by a relay stays reserved while that is paused.
    fn by(&self, relay: &str) -> u64 {
        let mails = self.queues.iter().filter(|queue| queue.via.as_str() == relay);
        mails.map(|queue| queue.number).sum()
    }

    /// Mails that are reserved, and steps at which one would be but for a pause.
    fn waiting(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        let mails = self.queues.iter().filter(|queue| is_meant(&queue.workflow));
        let held = self.inside.iter().filter(|it| it.why == HELD && is_meant(&it.workflow));
        mails.map(|queue| queue.number).chain(held.map(|it| it.number)).sum()
    }

    /// Leads and companies, told together: there may be many.
    fn paused_people(&self, pauses: &[&Pause]) -> Option<Cause> {
        let held = self.inside.iter().filter(|inside| self.is_of_people(&inside.why));
        let held: u64 = held.map(|inside| inside.number).sum();
        let (first, rest) = pauses.split_first().filter(|_| held > 0)?;
        let named = pauses.iter().take(EACH).map(|pause| pause.scope.said());
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match pauses.len().saturating_sub(EACH) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let verb = if rest.is_empty() { "is" } else { "are" };
        let advice = match rest {
            [] => format!("`nurtured resume {}`", first.scope.argument()),
            _ => "`nurtured status` lists them".to_owned(),
        };
        Some(Cause {
            cause: "paused",
            number: held,
            says: format!("{named}{more} {verb} paused; {} at a mail", counted(held, "lead")),
            advice: Some(advice),
            until: None,
            last_until: None,
            to_come: false,
        })
    }

    /// Whether somebody waits as they, or their company, are paused.
    pub(super) fn is_of_people(&self, why: &str) -> bool {
        why.strip_prefix(HELD).is_some_and(|rest| rest.starts_with(": "))
    }
}
