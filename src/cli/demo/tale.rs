//! What the demo tells while it runs: a line a week, and between them what people would ring a bell for.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    agenda::{Act, Plan},
    counts::Counts,
    mail::Mail,
    roster::{Roster, Who},
    screen::{Hue, Screen},
};
use crate::{
    cli::{
        output::{Output, in_one_line},
        report::{bar, figure, shortened, wrapped},
    },
    definitions::counted,
    domain::{id::LeadId, lead::Stage, name::Name, score::MilliPoints, time::Instant},
    engine::{import::LeadsReport, tick::TickReport},
    store::records::Census,
};

/// Where the name of a line's lead begins, and what is said of it.
const NAME: usize = 23;
const SAID: usize = 56;
const WIDTH: usize = 80;

/// How far a lead came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Came {
    Mql,
    Accepted,
    Won,
}

/// The story so far. Lines go to standard error while it runs; the summary is the result.
pub struct Tale<'o> {
    screen: Screen<'o>,
    start: Instant,
    week: Counts,
    pub all: Counts,
    /// By template.
    pub mails: BTreeMap<Name, Counts>,
    /// How many mails each workflow sent.
    pub workflows: BTreeMap<Name, u64>,
    told: BTreeSet<(Instant, String)>,
    pub decided: u64,
    mqls: BTreeSet<LeadId>,
    /// Whose story is worth a look, and how far they came.
    hero: Option<(Came, LeadId)>,
}

impl<'o> Tale<'o> {
    pub fn opens(output: &'o Output, start: Instant, weeks: u32) -> Self {
        let tale = Self {
            screen: Screen::new(output, weeks),
            start,
            week: Counts::default(),
            all: Counts::default(),
            mails: BTreeMap::new(),
            workflows: BTreeMap::new(),
            told: BTreeSet::new(),
            decided: 0,
            mqls: BTreeSet::new(),
            hero: None,
        };
        let weeks = counted(weeks, "week");
        let day = start.timestamp().strftime("%A %-d %B %Y");
        tale.paragraph(&format!("A rehearsal of {weeks} from {day}; nothing leaves this machine."));
        tale
    }

    /// The lead who came furthest; of several the first.
    pub fn hero(&self) -> Option<LeadId> {
        self.hero.map(|(_, lead)| lead)
    }

    fn came(&mut self, how_far: Came, lead: LeadId) {
        if self.hero.is_none_or(|(before, _)| before < how_far) {
            self.hero = Some((how_far, lead));
        }
    }

    /// Whether something is told for the first time at this instant: a notice goes to a whole team, and two
    /// workflows may hand over one lead at once.
    fn is_new(&mut self, now: Instant, what: String) -> bool {
        self.told.insert((now, what))
    }

    fn paragraph(&self, text: &str) {
        for line in wrapped(0, text) {
            self.screen.line(Hue::Plain, &line);
        }
    }

    pub fn imported(&self, report: &LeadsReport) {
        self.paragraph(&format!(
            "leads.csv: {} rows: {} leads, {} merged, {} bad addresses, {} suppressed.",
            report.rows, report.created, report.merged, report.rejected, report.suppressed
        ));
    }

    pub fn applied(&self, workflows: &[(String, String)]) {
        for (name, about) in workflows {
            self.paragraph(&format!("workflow {name}: {about}"));
        }
        self.screen.line(Hue::Plain, "");
        self.screen.line(
            Hue::Title,
            "week ending  mails opens clicks answers  left forms   mql   sql   won",
        );
    }

    pub fn ticked(&mut self, report: &TickReport, now: Instant) {
        self.decided += report.decided;
        let days = now.since(self.start).unsigned_abs() / 86_400_000;
        let Counts { mails, mqls, accepted, deals_won, .. } = self.all;
        self.screen.moves(
            days,
            format!(
                "week {}: {}, {}, {accepted} accepted, {deals_won} won",
                days / 7 + 1,
                counted(mails, "mail"),
                counted(mqls, "mql")
            ),
        );
    }

    /// What happened to somebody: a day, a word, whom, and what is to be said of it, which goes on below
    /// where it is long.
    fn happened(&self, hue: Hue, now: Instant, word: &str, who: &Who, said: &str) {
        let day = now.timestamp().strftime("%d %b %Y");
        let name = shortened(&in_one_line(&who.name), SAID - NAME - 1);
        let head = format!("{day}  {word:<9} {name:<32} ");
        let said = in_one_line(said);
        if said.chars().count() <= WIDTH - SAID {
            self.screen.line(hue, (head + &said).trim_end());
        } else {
            self.screen.line(hue, head.trim_end());
            for line in wrapped(NAME, &said) {
                self.screen.line(Hue::Faint, &line);
            }
        }
    }

    pub fn mailed(&mut self, mail: &Mail) {
        self.week.mails += 1;
        self.all.mails += 1;
        self.mails.entry(mail.template.clone()).or_default().mails += 1;
        *self.workflows.entry(mail.workflow.clone()).or_default() += 1;
    }

    /// A notice to our own people.
    pub fn noticed(&mut self, mail: &Mail, person: &Name, roster: &Roster, now: Instant) {
        if self.is_new(now, mail.subject.clone()) {
            let said = format!("to {person}: {}", mail.subject);
            self.happened(Hue::Faint, now, "notice", roster.of(mail.lead), &said);
        }
    }

    /// A card to somebody of sales; `before`: who had it and said nothing.
    pub fn handed(
        &mut self,
        card: &Mail,
        person: &Name,
        before: &[Name],
        roster: &Roster,
        now: Instant,
    ) {
        if !self.is_new(now, format!("card {} {person}", card.lead)) {
            return;
        }
        let (word, said) = match before.last() {
            None => {
                self.week.hand_offs += 1;
                self.all.hand_offs += 1;
                ("hand-off", format!("to {person}"))
            }
            Some(last) if last == person => ("reminder", format!("to {person}")),
            Some(last) => ("passed on", format!("to {person}; {last} is silent")),
        };
        self.happened(Hue::Plain, now, word, roster.of(card.lead), &said);
    }

    pub fn acted(&mut self, plan: &Plan, roster: &Roster, now: Instant) {
        if let Act::Press { word, .. } = &plan.act
            && !self.is_new(now, format!("word {} {word}", plan.lead))
        {
            return;
        }
        self.week.add(&plan.act);
        self.all.add(&plan.act);
        if !plan.mail.is_empty() {
            self.mails.entry(plan.mail.clone()).or_default().add(&plan.act);
        }
        let (hue, word, said) = match &plan.act {
            Act::Later { .. } => (Hue::Faint, "later", "by their own button".to_owned()),
            Act::WriteBack => (Hue::Good, "reply", format!("to {}", plan.mail)),
            Act::Press { person, word: "accepted", .. } => {
                self.came(Came::Accepted, plan.lead);
                (Hue::Good, "accepted", format!("by {person}"))
            }
            Act::Press { person, word, .. } => {
                (Hue::Bad, "returned", format!("{person}: {}", spoken(word)))
            }
            Act::Deal(deal) => match deal.won {
                None => return,
                Some(true) => {
                    self.came(Came::Won, plan.lead);
                    (Hue::Good, "won", format!("{} EUR", figure(deal.amount)))
                }
                Some(false) => (Hue::Bad, "lost", format!("{} EUR", figure(deal.amount))),
            },
            _ => return,
        };
        self.happened(hue, now, word, roster.of(plan.lead), &said);
    }

    /// A lead has become an mql: by what, the most first, and how well it fits.
    pub fn stirred(
        &mut self,
        lead: LeadId,
        (rules, fit): &(Vec<(Name, MilliPoints)>, MilliPoints),
        roster: &Roster,
        now: Instant,
    ) {
        self.all.mqls += 1;
        self.all.mql_leads += u64::from(self.mqls.insert(lead));
        self.came(Came::Mql, lead);
        let whole = |points: &MilliPoints| (points.0 + 500) / 1000;
        let why = rules.iter().take(2);
        let why = why.map(|(rule, points)| format!("{rule} +{}", whole(points)));
        let why = why.chain([format!("fit {fit}")]).collect::<Vec<_>>().join(", ");
        self.happened(Hue::Hot, now, "mql", roster.of(lead), &why);
    }

    /// A lead has come to a stage that only sales brings it to.
    pub fn moved(&mut self, lead: LeadId, to: Stage, roster: &Roster, now: Instant) {
        if to == Stage::Sql {
            self.all.sqls += 1;
            let said = "budget, authority, need, time";
            self.happened(Hue::Good, now, "sql", roster.of(lead), said);
        }
    }

    pub fn week(&mut self, end: Instant, census: &Census) {
        let Counts { mails, opens, clicks, answers, unsubscribed, forms, .. } =
            std::mem::take(&mut self.week);
        let stage = |name: &str| census.by_stage.get(name).copied().unwrap_or_default();
        let line = format!(
            "{}  {mails:>5} {opens:>5} {clicks:>6} {answers:>7} {unsubscribed:>5} {forms:>5} {:>5} {:>5} \
             {:>5}  {}",
            end.timestamp().strftime("%d %b %Y"),
            stage("mql"),
            stage("sql"),
            stage("customer"),
            // Half of all leads in a week are a full bar.
            bar(mails, census.leads.div_ceil(2), 9),
        );
        self.screen.line(Hue::Plain, line.trim_end());
    }

    /// Nothing more is told before the result.
    pub fn ends(&self) {
        self.screen.ends();
    }
}

/// The word of a card's button, as people say it: `not now, 3 months`.
fn spoken(word: &str) -> String {
    match word.split_once("_now_") {
        Some(("not", months)) => {
            let months: u8 = months.trim_end_matches("mo").parse().unwrap_or_default();
            format!("not now, {}", counted(months, "month"))
        }
        _ => word.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_buttons_are_spoken_plainly() {
        let said = ["accepted", "not_now_1mo", "not_now_3mo", "wrong_person"].map(spoken);
        assert_eq!(said, ["accepted", "not now, 1 month", "not now, 3 months", "wrong person"]);
    }
}
