//! What people read of reports.

use std::collections::BTreeMap;

use super::{funnel, today, workflow};
use crate::{
    cli::output::Output,
    domain::{
        id::LeadId,
        lead::Stage,
        time::{Instant, Zone},
    },
    engine::report::{
        Reason,
        funnel::{ByAttribute, Cohort, DealSum, FunnelReport, Group, StageFigures, Transition},
        today::{DueHour, Hot, HotRule, TodayReport},
        workflow::{CostSum, Left, Rates, StepFigures, WorkflowReport},
    },
    store::records::{Parked, Period},
};

const OUTPUT: Output = Output { json: false, colour: false, error_colour: false, bars: false };

fn rome() -> Zone {
    Zone::named("Europe/Rome").unwrap()
}

fn noon() -> Instant {
    "2027-03-16T11:00:00Z".parse().unwrap()
}

fn why(reason: &str, number: u64) -> Reason {
    Reason { reason: reason.into(), number }
}

fn left(outcome: &str, reason: &str, number: u64) -> Left {
    Left { outcome: outcome.into(), reason: reason.into(), number }
}

fn of_workflow() -> WorkflowReport {
    let first = StepFigures {
        step: "email.cold/industry-report".into(),
        kind: Some("email"),
        template: Some("cold/industry-report".into()),
        live: true,
        entered: 12_034,
        went_on: 11_640,
        held: 310,
        mailing: 12,
        why_held: vec![why("outside of the window mon-fri 09:00-17:30 in Europe/Rome", 310)],
        reserved: 3,
        deferred: 9,
        skipped: 14,
        expired: 2,
        why_deferred: vec![why("=452 4.2.2 mailbox full", 9)],
        mails: 11_650,
        sent: 11_640,
        failed: 41,
        bounced: 80,
        opened: 4_700,
        opened_by_machines: 2_900,
        clicked: 931,
        clicked_by_machines: 1_210,
        clicked_unsure: 2,
        replied: 55,
        unsubscribed: 21,
        complained: 1,
        left: 72,
        why_left: vec![left("left", "replied()", 51), left("goal", "stage == \"sql\"", 21)],
        rates: Rates {
            sent: Some(0.9673),
            opened: Some(0.4038),
            clicked: Some(0.0800),
            replied: Some(0.0047),
            ..Rates::default()
        },
        ..StepFigures::default()
    };
    let wait = StepFigures {
        step: "wait_for.clicked-cold-industry-report-or-visited-pricing".into(),
        kind: Some("wait_for"),
        live: true,
        entered: 11_640,
        waiting: 640,
        ..StepFigures::default()
    };
    let old = StepFigures { step: "wait.3d".into(), entered: 7, ..StepFigures::default() };
    WorkflowReport {
        workflow: "reawaken-cold".into(),
        live_since: Some(noon()),
        since: Period::ALL.from,
        until: Period::ALL.until,
        enrolments: 12_050,
        leads: 12_034,
        inside: 962,
        finished: 11_000,
        goal: 21,
        left: 67,
        cancelled: 0,
        campaign: Some("spring-webinar".into()),
        costs: vec![CostSum { currency: "EUR".into(), amount: 18_501.0, per_goal: Some(881.0) }],
        steps: vec![first, wait, old],
    }
}

#[test]
fn a_workflow_reads_well_within_eighty_columns() {
    let mut report = of_workflow();
    let text = workflow::text(&report, &rome(), &OUTPUT);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    report.since = "2027-02-28T23:00:00Z".parse().unwrap();
    report.until = "2027-03-31T22:00:00Z".parse().unwrap();
    let text = workflow::text(&report, &rome(), &OUTPUT);
    assert!(text.contains("entered from 2027-03-01 until 2027-03-31"), "{text}");
}

#[test]
fn a_workflow_as_csv_holds_no_formula() {
    let mut written = Vec::new();
    let mut report = of_workflow();
    report.steps[1].why_left = vec![left("left", "=cmd|' /C calc'!A0", 1)];
    report.steps[2].step = "=1+1".into();
    workflow::sheet(&report).write(&mut written).unwrap();
    let text = String::from_utf8(written).unwrap();
    assert!(text.contains("\"'=1+1\""), "{text}");
    for cell in text.split("\",\"") {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_empty_workflow_says_so_in_figures() {
    let report = WorkflowReport {
        enrolments: 0,
        leads: 0,
        inside: 0,
        finished: 0,
        goal: 0,
        left: 0,
        live_since: None,
        campaign: None,
        costs: Vec::new(),
        steps: vec![StepFigures { step: "email.a".into(), live: true, ..StepFigures::default() }],
        ..of_workflow()
    };
    insta::assert_snapshot!(workflow::text(&report, &rome(), &OUTPUT));
}

fn of_all() -> FunnelReport {
    let stages = [(Stage::Lead, 9_000, 120), (Stage::Mql, 800, 950), (Stage::Customer, 200, 60)];
    FunnelReport {
        since: Period::ALL.from,
        until: Period::ALL.until,
        leads: 10_000,
        stages: stages
            .map(|(stage, leads, came)| StageFigures {
                stage,
                leads,
                share: Some(f64::from(u32::try_from(leads).unwrap()) / 10_000.0),
                came,
                went: 70,
            })
            .to_vec(),
        transitions: vec![
            Transition {
                from: Stage::Lead,
                to: Stage::Mql,
                changes: 960,
                leads: 950,
                share: Some(1.0),
                mean_days: 41.3,
                median_days: 20.0,
            },
            Transition {
                from: Stage::Recycled,
                to: Stage::Disqualified,
                changes: 60,
                leads: 60,
                share: Some(0.4),
                mean_days: 12.0,
                median_days: 9.5,
            },
        ],
        cohorts: vec![Cohort {
            month: "2027-03".into(),
            leads: 10_000,
            by_stage: BTreeMap::from([
                (Stage::Lead, 9_000),
                (Stage::Mql, 800),
                (Stage::Customer, 200),
            ]),
            customers: Some(0.02),
        }],
        handed_off: 140,
        accepted: 90,
        returned: 31,
        deals: vec![DealSum { currency: "EUR".into(), deals: 60, leads: 58, amount: 120_000.5 }],
        by: None,
    }
}

#[test]
fn leads_by_an_attribute_read_well_within_eighty_columns_the_largest_first() {
    let group = |value: Option<&str>, leads: u64| Group {
        value: value.map(Into::into),
        leads,
        by_stage: BTreeMap::from([(Stage::Lead, leads - 100), (Stage::Customer, 100)]),
        customers: None,
    };
    let mut groups = vec![
        group(Some("A fair in Milano that has a long name"), 6_000),
        group(Some("=cmd"), 2_000),
    ];
    groups.extend((0..22).map(|n| group(Some(&format!("fair {n}")), 150)));
    groups.push(group(None, 500));
    let by = Some(ByAttribute { attribute: "source".into(), groups, unreadable: 2 });
    let report = FunnelReport { by, cohorts: Vec::new(), transitions: Vec::new(), ..of_all() };
    let text = funnel::text(&report, &rome(), &OUTPUT);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    let mut written = Vec::new();
    funnel::sheet(&report).write(&mut written).unwrap();
    let written = String::from_utf8(written).unwrap();
    let rows: Vec<&str> = written.lines().filter(|row| row.contains("by\"")).collect();
    assert_eq!(rows.len(), 50, "{written}");
    assert!(written.contains("\"unreadable\",\"\",\"\",\"2\""), "{written}");
    assert!(rows[2].contains("'=cmd") && rows[48].contains("by\",\"\",\"lead\""), "{rows:#?}");
}

#[test]
fn the_funnel_reads_well_within_eighty_columns() {
    let text = funnel::text(&of_all(), &rome(), &OUTPUT);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
    let mut written = Vec::new();
    funnel::sheet(&of_all()).write(&mut written).unwrap();
    insta::assert_snapshot!(String::from_utf8(written).unwrap());
}

fn of_today() -> TodayReport {
    TodayReport {
        since: "2027-03-15T11:00:00Z".parse().unwrap(),
        until: noon(),
        new_leads: 1_200,
        decided: 3_400,
        entered: 310,
        ended: BTreeMap::from([("finished".into(), 12), ("left".into(), 3)]),
        sent: 2_900,
        in_doubt: 0,
        failed: 4,
        withdrawn: 0,
        deferred: 31,
        notices: 2,
        bounced: BTreeMap::from([("hard".into(), 5)]),
        complained: 1,
        unsubscribed: 9,
        replied: 14,
        stage_changes: 22,
        deals_won: 1,
        hot: vec![Hot {
            lead: LeadId(7),
            email: "nora.field@fieldworks.example".into(),
            stage: Stage::Mql,
            points: 38.0,
            rules: vec![
                HotRule { rule: "looked at prices".into(), points: 30.0, times: 3 },
                HotRule { rule: "clicked".into(), points: 8.0, times: 1 },
            ],
        }],
        due: vec![
            DueHour { at: noon(), mails: 40, steps: 5 },
            DueHour { at: Instant::from_millis(noon().millis() + 3_600_000), mails: 0, steps: 0 },
            DueHour {
                at: Instant::from_millis(noon().millis() + 7_200_000),
                mails: 310,
                steps: 90,
            },
        ],
        why_deferred: vec![why("452 4.2.2 mailbox full", 31)],
        parked: vec![Parked {
            template: Some("cold/offer".into()),
            reason: "`discount` has no value".into(),
            number: 3,
            lead: LeadId(9),
            example: None,
        }],
        paused: vec!["reawaken-cold".into()],
    }
}

#[test]
fn today_reads_well_within_eighty_columns() {
    let text = today::text(&of_today(), &rome(), &OUTPUT);
    insta::assert_snapshot!(text);
    let mut written = Vec::new();
    today::sheet(&of_today()).write(&mut written).unwrap();
    insta::assert_snapshot!(String::from_utf8(written).unwrap());
}
