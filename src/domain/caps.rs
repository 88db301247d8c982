//! Caps: how often one lead is written to at most, whatever its workflows want.
//!
//! All that they look at is when mails were sent to the lead, and when it last stirred. So a mail that is
//! held back is held until an instant that is known, and a mail that was sent is never one too many.

use std::{cmp::Reverse, fmt};

use jiff::ToSpan as _;

use super::{
    facts::FactIx,
    lead::{LeadState, SentMail},
    name::Name,
    schedule::{Place, WaitSpec, date_at, day_begins},
    time::{Instant, Zone},
};

/// The house rules on how often.
#[derive(Clone, Debug, Default)]
pub struct Caps {
    pub caps: Vec<Cap>,
    /// Between two mails, whichever they are.
    pub min_gap: Option<WaitSpec>,
    pub sunset: Sunset,
}

/// So many mails in so much time, at most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cap {
    /// 1 to [`Cap::MOST`].
    pub mails: u16,
    pub span: Span,
    pub counted: Counted,
}

/// The time over which mails are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// In any so many days in a row, on the lead's own calendar: of one day, on the same day. So what was
    /// sent on a tuesday at ten may be followed the next tuesday at nine, and no turn of a week lets twice as
    /// many through.
    Days(u16),
    /// Ever.
    Lifetime,
}

/// Which mails a cap is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Counted {
    All,
    Purpose(Name),
    Workflow(Name),
}

/// How mails to a lead that does not stir become rare, and end.
#[derive(Clone, Debug, Default)]
pub struct Sunset {
    /// From few unanswered mails to many.
    pub rungs: Vec<Rung>,
    /// What is a sign of life.
    pub life: Vec<FactIx>,
}

/// From so many mails on since the lead last stirred, at least so long from one to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    pub unanswered: u16,
    /// `None`: no more, until the lead stirs.
    pub gap: Option<WaitSpec>,
}

/// The rule that holds a mail back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule<'c> {
    Cap(&'c Cap),
    MinGap(&'c WaitSpec),
    Sunset(&'c Rung),
}

/// What was sent to a lead, as far as caps look at it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'s> {
    pub sends: &'s [SentMail],
    /// When the lead last stirred; `None` if nobody may know.
    pub stirred: Option<Instant>,
    /// On whose clock and calendar it is.
    pub place: Place<'s>,
}

impl Cap {
    /// Of one cap: each mail that it counts is remembered of each lead.
    pub const MOST: u16 = 100;

    /// Whether it counts a mail.
    fn counts(&self, workflow: &str, purpose: &str) -> bool {
        match &self.counted {
            Counted::All => true,
            Counted::Purpose(name) => name == purpose,
            Counted::Workflow(name) => name == workflow,
        }
    }

    /// From when on one more may go, after so many as it allows; the last of them is `oldest`.
    fn free_after(&self, oldest: Instant, zone: &Zone) -> Instant {
        let Span::Days(days) = self.span else { return Instant::NEVER };
        let day = date_at(oldest, zone).checked_add(i32::from(days).days());
        day.map_or(Instant::NEVER, |day| day_begins(day, zone))
    }
}

impl Caps {
    /// Of all caps together.
    pub const MOST: usize = 200;

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.caps.is_empty() && self.min_gap.is_none() && self.sunset.rungs.is_empty()
    }

    /// Until when a mail of a workflow is held back, and by which rule: of several, the last to let go.
    #[must_use]
    pub fn hold(
        &self,
        record: Record<'_>,
        (workflow, purpose): (&str, &str),
        now: Instant,
    ) -> Option<(Instant, Rule<'_>)> {
        let sent = record.sends.iter().map(|mail| mail.at).max()?;
        let caps = self.caps.iter().filter(|cap| cap.counts(workflow, purpose));
        let caps = caps.filter_map(|cap| {
            let oldest = nth_newest(record.sends, cap)?;
            Some((cap.free_after(oldest, record.place.zone), Rule::Cap(cap)))
        });
        let gap = self.min_gap.iter();
        let gap = gap.map(|gap| (gap.due(sent, record.place).at, Rule::MinGap(gap)));
        let sunset = self.sunset.rung(&record).into_iter().map(|rung| {
            let free = rung.gap.as_ref().map(|gap| gap.due(sent, record.place).at);
            (free.unwrap_or(Instant::NEVER), Rule::Sunset(rung))
        });
        // The first of those that let go at the same time.
        caps.chain(gap)
            .chain(sunset)
            .filter(|(free, _)| *free > now)
            .min_by_key(|(free, _)| Reverse(*free))
    }

    /// Forgets the mails that no rule will count any more.
    pub fn forget(&self, sends: &mut Vec<SentMail>) {
        if sends.len() <= LeadState::SENDS {
            return;
        }
        sends.sort_by_key(|mail| mail.at);
        let whichever = self.sunset.rungs.iter().map(|rung| rung.unanswered.into());
        let whichever = whichever.fold(LeadState::SENDS, usize::max);
        let mut left: Vec<u16> = self.caps.iter().map(|cap| cap.mails).collect();
        let mut kept = Vec::with_capacity(sends.len());
        for mail in sends.drain(..).rev() {
            let mut is_counted = kept.len() < whichever;
            for (cap, left) in self.caps.iter().zip(&mut left) {
                if *left > 0 && cap.counts(&mail.workflow, &mail.purpose) {
                    *left -= 1;
                    is_counted = true;
                }
            }
            if is_counted {
                kept.push(mail);
            }
        }
        kept.reverse();
        *sends = kept;
    }
}

impl Sunset {
    /// The rung on which a lead stands.
    fn rung(&self, record: &Record<'_>) -> Option<&Rung> {
        let (first, stirred) = (self.rungs.first()?, record.stirred?);
        let unanswered = record.sends.iter().filter(|mail| mail.at > stirred).count();
        if unanswered < usize::from(first.unanswered) {
            return None;
        }
        self.rungs.iter().rfind(|rung| usize::from(rung.unanswered) <= unanswered)
    }
}

/// The oldest of as many of the last mails that a cap counts as it allows; `None` if there are fewer.
fn nth_newest(sends: &[SentMail], cap: &Cap) -> Option<Instant> {
    let counted = sends.iter().filter(|mail| cap.counts(&mail.workflow, &mail.purpose));
    let mut at: Vec<Instant> = counted.map(|mail| mail.at).collect();
    let place = usize::from(cap.mails).checked_sub(1)?;
    if place >= at.len() {
        return None;
    }
    Some(*at.select_nth_unstable_by_key(place, |at| Reverse(*at)).1)
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cap(cap) => write!(f, "cap: {cap}"),
            Self::MinGap(gap) => write!(f, "min_gap: at least {gap} between two mails"),
            Self::Sunset(Rung { unanswered, gap: Some(gap) }) => {
                write!(f, "sunset: {gap} between mails after {unanswered} without a sign of life")
            }
            Self::Sunset(Rung { unanswered, gap: None }) => {
                write!(f, "sunset: no more after {unanswered} mails without a sign of life")
            }
        }
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.mails == 1 { "" } else { "s" };
        write!(f, "{} mail{s}", self.mails)?;
        match &self.counted {
            Counted::All => {}
            Counted::Purpose(purpose) => write!(f, " for `{purpose}`")?,
            Counted::Workflow(workflow) => write!(f, " of `{workflow}`")?,
        }
        match self.span {
            Span::Days(1) => write!(f, " a day"),
            Span::Days(days) => write!(f, " in {days} days"),
            Span::Lifetime => write!(f, " ever"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail(at: i64, workflow: &str) -> SentMail {
        let purpose = if workflow == "one" { "insights" } else { "offers" };
        SentMail {
            message: None,
            at: Instant::from_millis(at),
            workflow: workflow.into(),
            purpose: purpose.into(),
        }
    }

    proptest! {
        /// What is forgotten would never have counted again.
        #[test]
        fn what_is_forgotten_is_not_missed(
            sends in prop::collection::vec((0i64..3_000, any::<bool>()), 0..120),
            (mails, unanswered) in (1u16..60, 1u16..60),
        ) {
            let cap = |counted, span| Cap { mails, span, counted };
            let caps = Caps {
                caps: vec![
                    cap(Counted::Workflow("two".into()), Span::Days(30)),
                    cap(Counted::Purpose("insights".into()), Span::Lifetime),
                ],
                min_gap: Some(WaitSpec::parse("20h").unwrap()),
                sunset: Sunset {
                    rungs: vec![Rung { unanswered, gap: Some(WaitSpec::parse("90d").unwrap()) }],
                    life: Vec::new(),
                },
            };
            let (mut all, mut kept) = (Vec::new(), Vec::new());
            let mut hours: Vec<_> = sends;
            hours.sort_unstable();
            for (hour, is_one) in hours {
                let mail = mail(hour * 3_600_000, if is_one { "one" } else { "two" });
                all.push(mail.clone());
                kept.push(mail);
                caps.forget(&mut kept);
            }
            prop_assert!(kept.len() <= LeadState::SENDS.max(60) + 2 * usize::from(mails));
            let zone = Zone::utc();
            let stirred = Some(Instant::DAWN);
            for mail in [("one", "insights"), ("two", "offers"), ("three", "other")] {
                let hold = |sends: &[SentMail]| {
                    let record = Record { sends, stirred, place: (&zone).into() };
                    caps.hold(record, mail, Instant::DAWN).map(|(at, rule)| (at, rule.to_string()))
                };
                prop_assert_eq!(hold(&kept), hold(&all));
            }
        }
    }
}
