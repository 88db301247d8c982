//! A lead to which things happen.

use super::*;

/// A lead and what happens to it: decisions are applied, outcomes come back as events.
pub(super) struct Story<'h> {
    house: &'h Definitions,
    pub state: LeadState,
    pub now: Instant,
    pub last: Decision,
    /// Workflows.
    pub paused: BTreeSet<Name>,
    /// Every mail that was ever reserved.
    pub reserved: Vec<StepRef>,
    /// The sum of engagement's lines in the ledger.
    pub ledger: MilliPoints,
}

impl<'h> Story<'h> {
    pub fn new(house: &'h House, attributes: &[(&str, &str)]) -> Self {
        let house = &house.0;
        let mut values = vec![None; house.schema.len()];
        for (name, value) in attributes {
            values[house.schema.slot(name).unwrap().0] = Some(Value::Text((*value).into()));
        }
        let consent = Consent {
            basis: Basis::Consent,
            at: wednesday() - 9 * DAY,
            source: "crm".into(),
            withdrawn_at: None,
        };
        let state = LeadState {
            consents: BTreeMap::from([(Name::new("insights"), consent)]),
            facts: vec![Fact::default(); house.plan.len()],
            ..LeadState::newcomer("ada@example.com", values, wednesday() - 9 * DAY)
        };
        Self {
            house,
            state,
            now: wednesday(),
            last: Decision::default(),
            paused: BTreeSet::new(),
            reserved: Vec::new(),
            ledger: MilliPoints(0),
        }
    }

    pub fn cold(house: &'h House) -> Self {
        Self::new(house, &[("lead_status", "Not now")])
    }

    pub fn at(&mut self, now: Instant) -> &mut Self {
        assert!(now >= self.now, "a story goes forward");
        self.now = now;
        self
    }

    /// Another release is live; its facts are those of the old one, and more of them perhaps.
    pub fn under(&mut self, house: &'h House) -> &mut Self {
        assert!(house.0.release > self.house.release);
        self.house = &house.0;
        self.state.facts.resize(house.0.plan.len(), Fact::default());
        self
    }

    pub fn happens(&mut self, kind: EventKind, object: Option<&str>) -> &mut Event {
        let rev = self.state.new_events.last().map_or(self.state.rev, |event| event.rev).next();
        self.state.rev = rev;
        self.state.new_events.push(Event {
            rev,
            kind,
            object: object.map(Name::new),
            occurred_at: self.now,
            recorded_at: self.now,
            judgement: Judgement::Human,
            settles_at: None,
            message: None,
            about: None,
            revises: None,
            data: EventData::new(),
        });
        self.state.new_events.last_mut().unwrap()
    }

    /// Decides and applies, as the engine does.
    pub fn decide(&mut self) -> &Decision {
        let decision =
            decide(self.house, &self.state, &Grants::with_paused(&self.paused), self.now);
        for (id, _) in &decision.withdraw {
            assert_eq!(self.state.open_message.as_ref().map(|open| open.id), Some(*id));
        }
        for message in decision.messages.iter().filter(|m| m.kind == MessageKind::Marketing) {
            let is_free = self.state.open_message.is_none() || !decision.withdraw.is_empty();
            assert!(is_free, "two open mails");
            let is_known = self.reserved.contains(&message.about);
            assert_eq!(is_known, message.again.is_some(), "one key twice");
            self.reserved.push(message.about.clone());
        }
        let mail = MessageId(i64::try_from(self.reserved.len()).unwrap());
        self.state.take_over(self.house, decision.clone(), mail, self.now);
        for line in decision.ledger.iter().filter(|line| line.score == ScoreKind::Engagement) {
            self.ledger.0 += line.points.0;
        }
        self.last = decision;
        &self.last
    }

    /// The relay took the open mail.
    pub fn sent(&mut self) -> &mut Self {
        let open = self.state.open_message.take().expect("a mail to send");
        self.comes_to(EventKind::MAIL_SENT, open)
    }

    /// What becomes of a mail that is open no more.
    pub fn comes_to(&mut self, kind: EventKind, open: OpenMessage) -> &mut Self {
        let event = self.happens(kind, Some(&open.template));
        (event.about, event.message) = (Some(open.about), Some(open.id));
        let text = |name: &Name| Value::Text(name.as_str().into());
        let said = [("workflow", &open.workflow), ("purpose", &open.purpose)];
        event.data.extend(said.map(|(key, name)| (key.into(), text(name))));
        self.decide();
        self
    }

    /// The open mail is put off.
    pub fn put_off(&mut self, state: MessageState, until: Instant) -> &mut Self {
        let open = self.state.open_message.as_mut().expect("a mail to put off");
        (open.state, open.due_at) = (state, until);
        self
    }

    /// Decides, and once more a moment later where a mail was withdrawn.
    pub fn settle(&mut self) -> &mut Self {
        self.decide();
        if !self.last.withdraw.is_empty() {
            self.at(self.now.next()).decide();
        }
        self
    }

    /// Time passes, and every wake-up on the way is kept, as the engine would.
    pub fn passes_until(&mut self, until: Instant) {
        for _ in 0..200 {
            let wake = self.last.wake_at;
            if wake.is_never() || wake > until {
                break;
            }
            self.at(wake.max(self.now)).decide();
        }
        self.now = until.max(self.now);
    }

    /// Right after a decision there is nothing to decide, and nothing before the wake-up that it named.
    pub fn is_settled(&self) {
        let (now, wake) = (self.now, self.last.wake_at);
        assert!(wake > now, "wakes at {wake}, decided at {now}");
        let last_moment =
            if wake.is_never() { now + 400 * DAY } else { Instant::from_millis(wake.millis() - 1) };
        let middle = Instant::from_millis(i64::midpoint(now.millis(), last_moment.millis()));
        let grants = Grants::with_paused(&self.paused);
        for quiet in [now, middle, last_moment] {
            let early = decide(self.house, &self.state, &grants, quiet);
            assert!(early.changes_nothing(), "at {quiet}, {now} to {wake}: {early:?}");
        }
    }

    pub fn mails(&self) -> Vec<&str> {
        self.state.open_message.iter().map(|open| open.template.as_str()).collect()
    }

    /// Engagement as the last decision booked it: rule and points.
    pub fn booked(&self) -> Vec<(&str, i64)> {
        let lines = self.last.ledger.iter().filter(|line| line.score == ScoreKind::Engagement);
        lines.map(|line| (line.rule.as_str(), line.points.0 / 1000)).collect()
    }

    /// What the rules of engagement give now, before decay.
    pub fn given(&self) -> MilliPoints {
        let points = self.house.scoring.engagement.iter().map(|rule| {
            let hits = self.state.facts[rule.fact.0].counted(Instant::DAWN, self.now);
            rule.points.0 * i64::try_from(hits.take(rule.hits).count()).unwrap()
        });
        MilliPoints(points.sum())
    }

    pub fn verbs(&self) -> Vec<Verb> {
        self.last.log.iter().map(|line| line.what).collect()
    }

    pub fn reasons(&self) -> String {
        self.last.log.iter().map(|line| line.reason.clone()).collect::<Vec<_>>().join("; ")
    }
}
