//! What a report says of random histories is what their rows say, counted otherwise: lead by lead, from its
//! mails, events and log.

use std::collections::{BTreeMap, BTreeSet};

use nurtured::{
    domain::{
        event::{Event, EventKind, Judgement},
        id::{EnrolmentNo, LeadId},
        lead::Suppression,
        message::MessageState,
        time::Instant,
    },
    engine::report::{
        funnel::{by_attribute, funnel_report},
        today::today_report,
        workflow::{WorkflowReport, workflow_report},
    },
    store::records::{EnrolmentRow, MessageRow, NewEvent, Period, TimelineRow},
};

use crate::support::{
    databases::{NOON, for_each_database},
    engine::{Campaign, DAY, HOUR, MINUTE, Rig, SECOND, Setup, behind},
    smtp::{Act, At, Moment, Script, say},
};

const WORKFLOW: &str = "enter:\n  event: form.submitted\n  again: always\nleave: replied()\nsteps:\n  \
     - email: first\n  - wait_for: clicked(\"first\")\n    id: curious\n    up_to: 3d\n    then:\n      \
     - tag: warm\n        id: warm\n      - email: second\n    else:\n      - wait: 1d\n        id: pause\n  \
     - email: last\n";

const STEPS: [&str; 6] = ["email.first", "curious", "warm", "email.second", "pause", "email.last"];

fn campaign() -> Campaign {
    let scoring = "scoring:\n  half_life: 2d\n  engagement:\n    - { name: clicks, on: clicked(), points: 20, cap: 60 }\n  \
                   stages:\n    - { from: lead, to: mql, when: engagement >= 30 }\n    \
                   - { from: mql, to: lead, when: engagement < 10 }\n";
    Campaign::new()
        .workflow("whitepaper", WORKFLOW)
        .file("workflows/scoring.yaml", scoring)
        .mail("first", "First")
        .mail("second", "Second")
        .mail("last", "Last")
}

/// Numbers as they fall, the same in each run.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// Addresses that are refused for good, and put off for ever.
fn relay() -> Script {
    Script::new().on(|moment: Moment<'_>| match (moment.at, moment.recipient) {
        (At::Rcpt, to) if to.starts_with("gone") => say("550 5.1.1 no such user"),
        (At::Rcpt, to) if to.starts_with("full") => say("452 4.2.2 mailbox full"),
        _ => Act::Default,
    })
}

/// What readers do with one of a lead's mails.
async fn acts(rig: &Rig, dice: &mut Dice, lead: LeadId) {
    let now = rig.clock.now();
    let sent: Vec<MessageRow> = rig
        .messages(lead)
        .await
        .into_iter()
        .filter(|message| message.state == MessageState::Sent)
        .collect();
    if sent.is_empty() {
        return;
    }
    let message = &sent[usize::try_from(dice.up_to(sent.len() as u64)).unwrap()];
    let (kind, judgement) = match dice.up_to(14) {
        0..=2 => (EventKind::MAIL_OPENED, Judgement::Unsure),
        3 => (EventKind::MAIL_OPENED, Judgement::Human),
        4 => (EventKind::MAIL_OPENED, Judgement::Machine),
        5..=7 => (EventKind::MAIL_CLICKED, Judgement::Unsure),
        8 => (EventKind::MAIL_CLICKED, Judgement::Human),
        9 => (EventKind::MAIL_CLICKED, Judgement::Machine),
        10 => (EventKind::LEAD_REPLIED, Judgement::Human),
        11 => (EventKind::MAIL_BOUNCED, Judgement::Human),
        12 if dice.up_to(4) == 0 => (EventKind::LEAD_UNSUBSCRIBED, Judgement::Human),
        _ => return,
    };
    let mut event = NewEvent::new(lead, kind, now, "test");
    event.judgement = judgement;
    event.settles_at = (judgement == Judgement::Unsure).then(|| now + 20 * SECOND);
    event.message = Some(message.id);
    event.object = Some(message.template.clone());
    event.suppress =
        (event.kind == EventKind::LEAD_UNSUBSCRIBED).then_some(Suppression::Unsubscribed);
    rig.store.record_events(&[event], now).await.unwrap();
}

/// One lead's rows.
struct Rows {
    lead: LeadId,
    enrolments: Vec<EnrolmentRow>,
    messages: Vec<MessageRow>,
    events: Vec<Event>,
    log: Vec<TimelineRow>,
}

impl Rows {
    async fn of(rig: &Rig, lead: LeadId) -> Self {
        Self {
            lead,
            enrolments: rig.enrolments(lead).await,
            messages: rig.messages(lead).await,
            events: rig.store.events_of(lead).await.unwrap(),
            log: rig.store.timeline(lead, 10_000).await.unwrap(),
        }
    }

    /// The enrolment that stood there at an instant.
    fn at(&self, at: Instant) -> Option<EnrolmentNo> {
        let mut enrolments = self.enrolments.iter().rev();
        let found = enrolments
            .find(|one| one.entered_at <= at && one.ended_at.is_none_or(|ended| at <= ended));
        found.map(|one| one.no)
    }

    /// The enrolments that came to a step.
    fn came_to(&self, step: &str) -> BTreeSet<EnrolmentNo> {
        let branch = |begins: &str| -> BTreeSet<EnrolmentNo> {
            let lines = self.log.iter().filter(|line| {
                line.kind == "decision.advanced"
                    && line.step.as_deref() == Some("curious")
                    && line.detail.as_ref().is_some_and(|why| why.starts_with(begins))
            });
            lines.filter_map(|line| self.at(line.at)).collect()
        };
        match step {
            "email.first" => self.enrolments.iter().map(|one| one.no).collect(),
            "curious" => {
                let sent = self.events.iter().filter(|event| event.kind == EventKind::MAIL_SENT);
                let about = sent.filter_map(|event| event.about.as_ref());
                about
                    .filter(|about| about.step == "email.first")
                    .map(|about| about.enrolment)
                    .collect()
            }
            "warm" => branch("yes: "),
            "pause" => branch("the time is up"),
            mail => {
                let messages = self.messages.iter().filter(|message| message.about.step == *mail);
                let here = self.enrolments.iter().filter(|one| one.step == *mail);
                messages
                    .map(|message| message.about.enrolment)
                    .chain(here.map(|one| one.no))
                    .collect()
            }
        }
    }
}

/// The same figures, by step: each with a name, those that are 0 left out.
type Figures = BTreeMap<(String, String), u64>;

fn put(figures: &mut Figures, step: &str, what: &str, number: u64) {
    if number > 0 {
        *figures.entry((step.to_owned(), what.to_owned())).or_default() += number;
    }
}

fn recounted(all: &[Rows], period: Period, now: Instant) -> Figures {
    let mut figures = Figures::new();
    let counts = |rows: &Rows, no: EnrolmentNo| {
        rows.enrolments.iter().any(|one| one.no == no && period.contains(one.entered_at))
    };
    // Leads, each once.
    let mut leads: BTreeMap<(String, String), BTreeSet<LeadId>> = BTreeMap::new();
    for rows in all {
        let mut lead = |step: &str, what: &str| {
            leads.entry((step.to_owned(), what.to_owned())).or_default().insert(rows.lead);
        };
        for step in STEPS {
            if rows.came_to(step).into_iter().any(|no| counts(rows, no)) {
                lead(step, "entered");
            }
        }
        for message in &rows.messages {
            if !counts(rows, message.about.enrolment) {
                continue;
            }
            let step = &*message.about.step;
            match message.state {
                MessageState::Sent => {
                    lead(step, "sent");
                    put(&mut figures, step, "mails", 1);
                }
                MessageState::Failed => lead(step, "failed"),
                MessageState::InDoubt => lead(step, "in doubt"),
                MessageState::Cancelled => lead(step, "withdrawn"),
                MessageState::Deferred => put(&mut figures, step, "deferred", 1),
                _ => put(&mut figures, step, "reserved", 1),
            }
            for event in rows.events.iter().filter(|event| event.message == Some(message.id)) {
                let behind = match (event.judgement, event.settles_at) {
                    (Judgement::Machine, _) => " by machines",
                    (Judgement::Unsure, Some(at)) if at > now => " unsure",
                    _ => "",
                };
                let what = match event.kind.as_str() {
                    "mail.opened" => "opened",
                    "mail.clicked" => "clicked",
                    "lead.replied" => "replied",
                    "mail.bounced" => "bounced",
                    "lead.unsubscribed" => "unsubscribed",
                    _ => continue,
                };
                lead(step, &format!("{what}{behind}"));
            }
        }
        for one in rows.enrolments.iter().filter(|one| period.contains(one.entered_at)) {
            put(&mut figures, "", "enrolments", 1);
            lead("", "leads");
            match one.state.as_str() {
                state @ ("ready" | "waiting" | "mailing") => {
                    put(&mut figures, &one.step, state, 1);
                    put(&mut figures, "", "inside", 1);
                }
                outcome => {
                    put(&mut figures, "", outcome, 1);
                    let why = format!("{outcome}: {}", one.reason.as_deref().unwrap_or(""));
                    put(&mut figures, &one.step, &why, 1);
                }
            }
        }
    }
    for ((step, what), leads) in leads {
        put(&mut figures, &step, &what, leads.len() as u64);
    }
    figures
}

fn reported(report: &WorkflowReport) -> Figures {
    let mut figures = Figures::new();
    for (what, number) in [
        ("enrolments", report.enrolments),
        ("leads", report.leads),
        ("inside", report.inside),
        ("finished", report.finished),
        ("goal", report.goal),
        ("left", report.left),
        ("cancelled", report.cancelled),
    ] {
        put(&mut figures, "", what, number);
    }
    for step in &report.steps {
        for (what, number) in [
            ("entered", step.entered),
            ("waiting", step.waiting),
            ("ready", step.ready + step.held),
            ("mailing", step.mailing),
            ("reserved", step.reserved),
            ("deferred", step.deferred),
            ("mails", step.mails),
            ("sent", step.sent),
            ("in doubt", step.in_doubt),
            ("failed", step.failed),
            ("withdrawn", step.withdrawn),
            ("bounced", step.bounced),
            ("opened", step.opened),
            ("opened by machines", step.opened_by_machines),
            ("opened unsure", step.opened_unsure),
            ("clicked", step.clicked),
            ("clicked by machines", step.clicked_by_machines),
            ("clicked unsure", step.clicked_unsure),
            ("replied", step.replied),
            ("unsubscribed", step.unsubscribed),
        ] {
            put(&mut figures, &step.step, what, number);
        }
        for end in &step.why_left {
            put(&mut figures, &step.step, &format!("{}: {}", end.outcome, end.reason), end.number);
        }
    }
    figures
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_of_random_histories_are_what_their_rows_say() {
    for_each_database(async |db| {
        let setup = Setup { relay: relay(), ..Setup::default() };
        let rig = Rig::with(db, &campaign(), setup).await;
        let emails: Vec<String> = (0..24)
            .map(|number| {
                let name = ["gone", "full", "ann", "ben", "chiara", "dora"][number % 6];
                format!("{name}{number}@example.com")
            })
            .collect();
        let leads = rig.leads(&emails, &[]).await;
        let mut dice = Dice(7);
        for _day in 0..12 {
            for &lead in &leads {
                if dice.up_to(3) == 0 {
                    rig.happens(lead, EventKind::FORM_SUBMITTED, Some("whitepaper")).await;
                }
            }
            rig.tick_after(MINUTE).await;
            for &lead in &leads {
                if dice.up_to(2) == 0 {
                    acts(&rig, &mut dice, lead).await;
                }
            }
            rig.tick_after(12 * HOUR).await;
            rig.tick_after(12 * HOUR).await;
        }
        // The last hits have not settled.
        for &lead in &leads {
            acts(&rig, &mut dice, lead).await;
        }
        let live = nurtured::engine::live::Live::load(&rig.store).await.unwrap().unwrap();
        let mut all = Vec::new();
        for &lead in &leads {
            all.push(Rows::of(&rig, lead).await);
        }
        let now = rig.clock.now();
        let late = Period { from: NOON + 4 * DAY, until: NOON + 9 * DAY };
        for period in [Period::ALL, late] {
            for now in [now, now + MINUTE] {
                let name = "whitepaper".into();
                let report =
                    workflow_report(&rig.store, &live.definitions, &name, period, now).await;
                let report = report.unwrap();
                let steps: Vec<&str> = report.steps.iter().map(|step| &*step.step).collect();
                assert_eq!(steps, STEPS);
                similar(&reported(&report), &recounted(&all, period, now));
            }
        }
        let whole = recounted(&all, Period::ALL, now);
        for (step, what) in [
            ("warm", "entered"),
            ("pause", "entered"),
            ("email.first", "failed"),
            ("email.first", "deferred"),
            ("email.first", "clicked unsure"),
            ("email.first", "clicked by machines"),
            ("", "finished"),
            ("", "left"),
        ] {
            assert!(whole.contains_key(&(step.into(), what.into())), "{step} {what}: {whole:#?}");
        }
        assert!(
            whole[&(String::new(), "enrolments".into())] > whole[&(String::new(), "leads".into())]
        );
        of_all(&rig, &all, &live.definitions.policy.zone).await;
    })
    .await;
}

#[tokio::test]
async fn leads_are_counted_by_a_text_as_conditions_read_it_and_those_who_cannot_be_read_as_such() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let stored = [
            r#"{"attributes":{"source":"fair"}}"#,
            r#"{"attributes":{"source":"fair","other":1},"tags":["a"]}"#,
            r#"{"attributes":{"source":2027}}"#,
            r#"{"attributes":{"source":""}}"#,
            r#"{"attributes":{"source":["fair"]}}"#,
            r#"{"attributes":{"other":"\u0000"}}"#,
            "{",
            "{}",
        ];
        for (number, profile) in stored.iter().enumerate() {
            let lead = rig.lead(&format!("l{number}@example.com"), &[]).await;
            let sql = format!("UPDATE leads SET profile = '{profile}' WHERE lead = {}", lead.0);
            behind(db, sql).await;
        }
        behind(db, "UPDATE leads SET stage = 'mql' WHERE address = 'l1@example.com'".into()).await;
        for page in [1, 3, 100] {
            let by = by_attribute(&rig.store, &"source".into(), page).await.unwrap();
            let groups: Vec<_> = by
                .groups
                .iter()
                .map(|it| (it.value.as_deref(), it.leads, it.by_stage.len()))
                .collect();
            let expected = [(Some("fair"), 2, 2), (Some("2027"), 1, 1), (None, 4, 1)];
            assert_eq!((groups, by.unreadable), (expected.to_vec(), 1));
        }
    })
    .await;
}

#[tokio::test]
async fn an_attribute_of_which_nearly_each_lead_has_another_is_not_counted_by() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &campaign()).await;
        let mut emails: Vec<_> = (0..1_000).map(|n| format!("l{n}@example.com")).collect();
        let differ = || {
            behind(
                db,
                "UPDATE leads SET profile = '{\"attributes\":{\"source\":\"' || address || '\"}}'"
                    .into(),
            )
        };
        rig.leads(&emails, &[]).await;
        differ().await;
        let by = by_attribute(&rig.store, &"source".into(), 300).await.unwrap();
        assert_eq!(by.groups.len(), 1_000);
        emails.push("one-more@example.com".to_owned());
        rig.leads(&emails[1_000..], &[]).await;
        differ().await;
        let refused = by_attribute(&rig.store, &"source".into(), 300).await.unwrap_err();
        let said = "more than 1000 values for `source`: count by something coarser";
        assert!(refused.to_string().contains(said), "{refused}");
    })
    .await;
}

/// Says which figures differ, and no others.
fn similar(ours: &Figures, theirs: &Figures) {
    let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let differ: Vec<_> = keys
        .into_iter()
        .map(|key| (key, ours.get(key), theirs.get(key)))
        .filter(|(_, one, other)| one != other)
        .collect();
    assert!(differ.is_empty(), "reported and counted: {differ:#?}");
}

/// The figures that are not of one workflow.
async fn of_all(rig: &Rig, all: &[Rows], zone: &nurtured::domain::time::Zone) {
    let funnel = funnel_report(&rig.store, zone, Period::ALL).await.unwrap();
    assert_eq!(funnel.leads, all.len() as u64);
    let changes: Vec<(LeadId, &Event)> = all
        .iter()
        .flat_map(|rows| rows.events.iter().map(|event| (rows.lead, event)))
        .filter(|(_, event)| event.kind == EventKind::STAGE_CHANGED)
        .collect();
    let to = |stage: &str| -> u64 {
        let changes = changes.iter().filter(|(_, event)| event.object.as_deref() == Some(stage));
        changes.count() as u64
    };
    assert!(to("mql") > 0 && to("lead") > 0, "{changes:?}");
    let changed: Vec<(String, u64)> = funnel
        .transitions
        .iter()
        .map(|one| (format!("{} {}", one.from, one.to), one.changes))
        .collect();
    let mut expected =
        vec![("lead mql".to_owned(), to("mql")), ("mql lead".to_owned(), to("lead"))];
    expected.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    assert_eq!(changed, expected);
    let mut cohorts = BTreeMap::new();
    for cohort in &funnel.cohorts {
        cohorts.insert(cohort.month.as_str(), cohort.leads);
    }
    assert_eq!(cohorts, [("2026-12", all.len() as u64)].into());

    let now = rig.clock.now();
    let since = now - 3 * DAY;
    let today = today_report(&rig.store, since, now).await.unwrap();
    let events = |kind: &EventKind| -> u64 {
        let events = all.iter().flat_map(|rows| &rows.events);
        events.filter(|event| event.kind == *kind && event.recorded_at >= since).count() as u64
    };
    assert_eq!(today.replied, events(&EventKind::LEAD_REPLIED));
    assert_eq!(today.unsubscribed, events(&EventKind::LEAD_UNSUBSCRIBED));
    assert_eq!(today.bounced.values().sum::<u64>(), events(&EventKind::MAIL_BOUNCED));
    assert_eq!(today.sent, events(&EventKind::MAIL_SENT));
    assert!(today.sent > 0);
    let messages = all.iter().flat_map(|rows| &rows.messages);
    let open = messages.filter(|message| message.state == MessageState::Deferred);
    let due = open.filter(|message| message.due_at < now + DAY).count() as u64;
    assert_eq!(today.due.iter().map(|hour| hour.mails).sum::<u64>(), due);
    assert_eq!((today.new_leads, today.due.len()), (0, 24));
    let everything = today_report(&rig.store, NOON - DAY, now).await.unwrap();
    assert_eq!(everything.new_leads, all.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_earlier_versions_come_last_and_the_ways_through_them_are_known() {
    for_each_database(async |db| {
        let first = |steps: &str| {
            let workflow =
                format!("enter:\n  event: form.submitted\n  again: always\nsteps:\n{steps}");
            Campaign::new().workflow("welcome", &workflow).mail("one", "One").mail("two", "Two")
        };
        let rig = Rig::new(db, &first("  - email: one\n  - wait: 1d\n  - tag: known\n")).await;
        let leads = rig.leads(&["a@example.com".to_owned(), "b@example.com".to_owned()], &[]).await;
        rig.happens(leads[0], EventKind::FORM_SUBMITTED, None).await;
        rig.tick_after(MINUTE).await;
        rig.tick_after(2 * DAY).await;
        assert_eq!(rig.enrolment(leads[0]).await.state, "finished");
        // Nobody is in the first version any more; one is in the second, and one in the third.
        rig.apply(&first("  - email: one\n  - wait: 5d\n  - email: two\n")).await;
        rig.happens(leads[1], EventKind::FORM_SUBMITTED, None).await;
        rig.tick_after(MINUTE).await;
        rig.apply(&first("  - email: two\n  - wait: 9d\n")).await;
        rig.happens(leads[0], EventKind::FORM_SUBMITTED, None).await;
        rig.tick_after(MINUTE).await;
        let live = nurtured::engine::live::Live::load(&rig.store).await.unwrap().unwrap();
        let report = async || {
            let (name, now) = ("welcome".into(), rig.clock.now());
            let report =
                workflow_report(&rig.store, &live.definitions, &name, Period::ALL, now).await;
            let steps = report.unwrap().steps.into_iter();
            steps.map(|step| (step.step.to_string(), step.live, step.entered)).collect::<Vec<_>>()
        };
        let mut steps = report().await;
        let old = steps.split_off(2);
        let step = |step: &str, live, entered| (step.to_owned(), live, entered);
        assert_eq!(steps, [step("email.two", true, 1), step("wait.9d", true, 1)]);
        let mut old = old;
        old.sort();
        let expected = [
            step("email.one", false, 2),
            step("tag.known", false, 1),
            step("wait.1d", false, 1),
            step("wait.5d", false, 1),
        ];
        assert_eq!(old, expected);
    })
    .await;
}
