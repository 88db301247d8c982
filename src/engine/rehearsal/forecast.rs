//! What a rehearsal comes to: mails by day and receiver, what held them back, where leads came.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use serde::Serialize;

use super::{Left, Mail, Person, Witness, timeline::as_text};
use crate::{
    domain::{
        decision::{Decision, Verb},
        definitions::Definitions,
        event::{Event, EventKind},
        lead::{Enrolment, LeadState, Phase, Stage},
        message::MessageKind,
        name::Name,
        ramp::OTHERS,
        schedule::Day,
        time::{Instant, Zone},
        workflow::StepKind,
    },
    engine::report::idle::about,
};

/// How many of the most written to are named.
const MOST_MAILED: usize = 10;
/// How many of those whom nothing touches are named.
const SOME: usize = 10;

/// Figures of a rehearsal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Forecast {
    pub leads: u64,
    /// How often one was decided.
    pub decisions: u64,
    /// Each with at least one mail, by the house's calendar.
    pub calendar: Vec<DayOfMails>,
    pub mails: u64,
    /// How many mails the group's servers took in their busiest minute, and how many in all.
    pub receivers: BTreeMap<Name, Receiver>,
    pub templates: BTreeMap<Name, u64>,
    pub workflows: BTreeMap<Name, Passages>,
    /// Mails held back, by why. Most often first.
    pub held: Vec<Holding>,
    pub acts: BTreeMap<String, u64>,
    /// Notices and cards to our own people.
    pub notices: u64,
    /// Calls to other systems that would have been made.
    pub webhooks: u64,
    pub stages_before: BTreeMap<&'static str, u64>,
    pub stages_after: BTreeMap<&'static str, u64>,
    /// By stage before and stage after, as `lead to mql`.
    pub moves: BTreeMap<String, u64>,
    /// Leads who wait for more of a stream of which they have had all, by the stream.
    pub exhausted: BTreeMap<Name, u64>,
    /// Leads to whom no mail left, and who were in no workflow.
    pub untouched: u64,
    /// Why, as far as a workflow said so last.
    pub untouched_because: BTreeMap<String, u64>,
    pub untouched_some: Vec<String>,
    pub most_mailed: Vec<Mailed>,
    /// Leads that could not be decided.
    pub parked: u64,
    /// The first reasons.
    pub parked_because: Vec<String>,
}

/// One day of the calendar.
#[derive(Clone, Debug, Serialize)]
pub struct DayOfMails {
    #[serde(serialize_with = "as_text")]
    pub day: Day,
    pub mails: u64,
    pub by_receiver: BTreeMap<Name, u64>,
}

/// A provider of the policy, or all other domains.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Receiver {
    pub mails: u64,
    pub busiest_minute: u64,
    /// At most in a minute, by the policy; `null`: no rate.
    pub rate: Option<String>,
    #[serde(skip)]
    minute: (i64, u64),
}

/// How a workflow went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Passages {
    pub entered: u64,
    pub not_entered: u64,
    pub mails: u64,
    pub finished: u64,
    pub goal: u64,
    pub left: u64,
    pub inside: u64,
}

/// A reason that held mails back.
#[derive(Clone, Debug, Serialize)]
pub struct Holding {
    /// What it is about: `cap`, `window`, `turn` …
    pub about: &'static str,
    pub reason: String,
    pub times: u64,
    pub leads: u64,
}

/// A lead and how many mails it got.
#[derive(Clone, Debug, Serialize)]
pub struct Mailed {
    pub email: String,
    pub mails: u64,
}

/// Counts while a rehearsal runs.
#[derive(Debug)]
pub struct Counter {
    forecast: Forecast,
    definitions: Arc<Definitions>,
    zone: Zone,
    /// The day that is counted, and when it ends.
    today: Option<(Day, Instant)>,
    held: HashMap<String, usize>,
    held_leads: HashSet<(usize, usize)>,
    /// By lead.
    mails: Vec<u32>,
    touched: Vec<bool>,
    refusals: HashMap<usize, String>,
    stages: Vec<Stage>,
}

impl Counter {
    /// Before the rehearsal of these people.
    #[must_use]
    pub fn new(definitions: &Arc<Definitions>, people: &[Person]) -> Self {
        let mut forecast = Forecast { leads: people.len() as u64, ..Forecast::default() };
        for person in people {
            *forecast.stages_before.entry(person.state.stage.word()).or_default() += 1;
        }
        for live in definitions.workflows.iter() {
            forecast.workflows.entry(live.workflow.name.clone()).or_default();
        }
        for provider in &definitions.policy.pacing.providers {
            let receiver =
                Receiver { rate: Some(provider.rate.to_string()), ..Receiver::default() };
            forecast.receivers.insert(provider.name.clone(), receiver);
        }
        Self {
            forecast,
            definitions: Arc::clone(definitions),
            zone: definitions.policy.zone.clone(),
            today: None,
            held: HashMap::new(),
            held_leads: HashSet::new(),
            mails: vec![0; people.len()],
            touched: people.iter().map(|person| !person.state.enrolments.is_empty()).collect(),
            refusals: HashMap::new(),
            stages: people.iter().map(|person| person.state.stage).collect(),
        }
    }

    /// After it.
    #[must_use]
    pub fn finish(self, people: &[Person], decisions: u64) -> Forecast {
        let Self { mut forecast, definitions, mails, touched, refusals, stages, .. } = self;
        forecast.decisions = decisions;
        for (lead, ((person, before), (count, touched))) in
            people.iter().zip(stages).zip(mails.iter().zip(touched)).enumerate()
        {
            let (before, after) = (before.word(), person.state.stage.word());
            *forecast.stages_after.entry(after).or_default() += 1;
            if before != after {
                *forecast.moves.entry(format!("{before} to {after}")).or_default() += 1;
            }
            for enrolment in &person.state.enrolments {
                forecast.workflows.entry(enrolment.workflow.clone()).or_default().inside += 1;
                if let Some(stream) = exhausted(&definitions, enrolment) {
                    *forecast.exhausted.entry(stream.clone()).or_default() += 1;
                }
            }
            if *count == 0 && !touched {
                forecast.untouched += 1;
                let because = refusals.get(&lead).map_or("no workflow is for them", String::as_str);
                *forecast.untouched_because.entry(because.to_owned()).or_default() += 1;
                if forecast.untouched_some.len() < SOME {
                    forecast.untouched_some.push(person.state.address.as_str().to_owned());
                }
            }
        }
        let mut most: Vec<usize> = (0..people.len()).filter(|&lead| mails[lead] > 0).collect();
        most.sort_by_key(|&lead| (std::cmp::Reverse(mails[lead]), lead));
        forecast.most_mailed = most
            .into_iter()
            .take(MOST_MAILED)
            .map(|lead| Mailed {
                email: people[lead].state.address.as_str().to_owned(),
                mails: mails[lead].into(),
            })
            .collect();
        forecast.held.sort_by(|a, b| (b.times, &a.reason).cmp(&(a.times, &b.reason)));
        forecast
    }

    fn count_mail(&mut self, definitions: &Definitions, state: &LeadState, mail: &Mail<'_>) {
        let now = mail.now;
        let day = match self.today {
            Some((day, ends)) if now < ends => day,
            _ => {
                let day = Day::at(now, &self.zone);
                self.today = Some((day, day.next().begins(&self.zone)));
                self.forecast.calendar.push(DayOfMails {
                    day,
                    mails: 0,
                    by_receiver: BTreeMap::new(),
                });
                day
            }
        };
        debug_assert_eq!(self.forecast.calendar.last().map(|it| it.day), Some(day));
        let provider = definitions.policy.pacing.provider(state.address.domain());
        let receiver = provider.cloned().unwrap_or_else(|| OTHERS.into());
        if let Some(today) = self.forecast.calendar.last_mut() {
            today.mails += 1;
            *today.by_receiver.entry(receiver.clone()).or_default() += 1;
        }
        let of_it = self.forecast.receivers.entry(receiver).or_default();
        of_it.mails += 1;
        let minute = now.millis().div_euclid(60_000);
        of_it.minute = match of_it.minute {
            (known, count) if known == minute => (minute, count + 1),
            _ => (minute, 1),
        };
        of_it.busiest_minute = of_it.busiest_minute.max(of_it.minute.1);
        self.forecast.mails += 1;
        *self.forecast.templates.entry(mail.open.template.clone()).or_default() += 1;
        self.forecast.workflows.entry(mail.open.workflow.clone()).or_default().mails += 1;
    }

    fn hold(&mut self, person: usize, reason: &str) {
        let (about, told) = about(reason);
        // Whose clock it is on is each lead's own.
        let told = if about == "window" { told.split(" in ").next().unwrap_or(told) } else { told };
        let index = match self.held.get(told) {
            Some(&index) => index,
            None => {
                let index = self.forecast.held.len();
                self.held.insert(told.to_owned(), index);
                let reason = told.to_owned();
                self.forecast.held.push(Holding { about, reason, times: 0, leads: 0 });
                index
            }
        };
        let holding = &mut self.forecast.held[index];
        holding.times += 1;
        holding.leads += u64::from(self.held_leads.insert((index, person)));
    }
}

/// The stream that an enrolment has had all of.
fn exhausted<'d>(definitions: &'d Definitions, enrolment: &Enrolment) -> Option<&'d Name> {
    let step = definitions.structures.get(&enrolment.version)?.steps.named(&enrolment.step)?;
    let Phase::Ready { held: Some(held) } = &enrolment.phase else { return None };
    match &step.kind {
        StepKind::Stream(stream) if held.until.is_never() => {
            (held.reason == stream.exhausted()).then_some(&stream.name)
        }
        _ => None,
    }
}

impl Witness for Counter {
    fn happened(&mut self, _: usize, _: &LeadState, event: &Event) {
        if event.kind != EventKind::MAIL_SENT {
            let acts = &mut self.forecast.acts;
            match acts.get_mut(event.kind.as_str()) {
                Some(count) => *count += 1,
                None => drop(acts.insert(event.kind.as_str().to_owned(), 1)),
            }
        }
    }

    fn decided(
        &mut self,
        _: &Definitions,
        person: usize,
        _: &LeadState,
        decision: &Decision,
        _: Instant,
    ) {
        for line in &decision.log {
            if line.what == Verb::Held {
                self.hold(person, &line.reason);
                continue;
            }
            let Some(workflow) = &line.workflow else { continue };
            let Some(count) = self.forecast.workflows.get_mut(workflow) else { continue };
            match line.what {
                Verb::Entered => {
                    count.entered += 1;
                    self.touched[person] = true;
                }
                Verb::NotEntered => {
                    count.not_entered += 1;
                    self.refusals.insert(person, format!("{workflow}: {}", line.reason));
                }
                Verb::Ended if line.reason.starts_with("goal") => count.goal += 1,
                Verb::Ended if line.reason.starts_with("finished") => count.finished += 1,
                Verb::Ended => count.left += 1,
                _ => {}
            }
        }
        self.forecast.webhooks += decision.calls.len() as u64;
        let notices = decision.messages.iter().filter(|it| it.kind == MessageKind::Internal);
        self.forecast.notices += notices.count() as u64;
    }

    fn left(
        &mut self,
        definitions: &Definitions,
        person: usize,
        state: &LeadState,
        mail: &Mail<'_>,
        came: &Left,
    ) {
        if *came == Left::Sent {
            self.mails[person] += 1;
            self.count_mail(definitions, state, mail);
        }
    }

    fn put_off(&mut self, person: usize, _: &LeadState, _: &Mail<'_>, _: Instant, reason: &str) {
        self.hold(person, reason);
    }

    fn parked(&mut self, _: usize, _: &LeadState, reason: &str, _: Instant) {
        self.forecast.parked += 1;
        if self.forecast.parked_because.len() < SOME {
            self.forecast.parked_because.push(reason.to_owned());
        }
    }
}
