//! How many leads one core decides in a second, and what that is against walking their states alone.
//!
//! `cargo bench --bench decide`. `LEADS` is how many different leads there are (400), `SECONDS` how
//! long each measurement takes (2), `ONLY` the first word of the one to take.

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod busy;
mod stopwatch;

use std::{cell::Cell, hint::black_box, time::Duration};

use busy::{folder, leads};
use nurtured::domain::{
    condition::{View, Worked},
    decide::decide,
    decision::Grants,
    definitions::Definitions,
    lead::LeadState,
    time::Instant,
    workflow::Enter,
};
use stopwatch::{Stopwatch, size};

fn main() {
    let definitions = folder::definitions();
    let idle = leads::at_rest(&definitions, size("LEADS", 400));
    let mut active = idle.clone();
    for state in &mut active {
        state.new_events.push(leads::visit(state));
    }
    println!(
        "{} leads, 20 workflows, 40 segments, {} facts, 20 rules",
        idle.len(),
        definitions.plan.len()
    );
    let conditions = rate("conditions alone", &idle, |state| {
        conditions(&definitions, state);
    });
    let at_rest = rate("nothing changes", &idle, |state| {
        black_box(decide(&definitions, state, &Grants::default(), leads::NOW));
    });
    let with_event = rate("one new event", &active, |state| {
        black_box(decide(&definitions, state, &Grants::default(), leads::NOW));
    });
    println!(
        "ratio to the conditions alone: {:.2} at rest, {:.2} with an event",
        at_rest / conditions,
        with_event / conditions
    );
    println!(
        "target: 300,000 leads/s of processor time where nothing changes: {}",
        if at_rest >= 300_000.0 { "met" } else { "missed" }
    );
}

/// Decides all of them again and again; returns leads by second of processor time.
fn rate(what: &str, states: &[LeadState], mut work: impl FnMut(&LeadState)) -> f64 {
    if std::env::var("ONLY").is_ok_and(|only| !what.starts_with(&only)) {
        return f64::NAN;
    }
    let long = Duration::from_secs(size("SECONDS", 2) as u64);
    let mut fill = |watch: &Stopwatch| {
        let mut count = 0;
        while watch.lap().processor < long {
            for _ in 0..10 {
                states.iter().for_each(&mut work);
            }
            count += 10 * states.len();
        }
        count
    };
    // The first round warms up.
    fill(&Stopwatch::start());
    let watch = Stopwatch::start();
    let count = fill(&watch);
    let (wall, processor) = watch.lap().rates(count);
    println!("{what:<18} {processor:>9.0} leads/s of processor time, {wall:>9.0} on the wall");
    processor
}

/// What no decision can do without: each condition over all history once, in the order of need.
fn conditions(definitions: &Definitions, state: &LeadState) {
    let worked = Worked::default();
    let known = [const { Cell::new(None) }; 40];
    let view = View {
        now: leads::NOW,
        since: Instant::DAWN,
        entry: None,
        attributes: &state.attributes,
        tags: &state.tags,
        stage: state.stage,
        stage_since: state.stage_since,
        facts: &state.facts,
        profiled: true,
        scoring: &definitions.scoring,
        segments: &definitions.segments,
        known_segments: &known,
        worked: Some(&worked),
        missing: &[],
    };
    // Segments come after those that they name.
    for (known, segment) in known.iter().zip(&definitions.segments) {
        known.set(Some(segment.condition.verdict(&view)));
    }
    for rule in &definitions.scoring.stages {
        black_box(rule.when.verdict(&view));
    }
    for live in definitions.workflows.iter() {
        if let Enter::When(condition) = &live.workflow.enter {
            black_box(condition.verdict(&view));
        }
        for condition in live.workflow.goal.iter().chain(&live.workflow.leave) {
            black_box(condition.verdict(&view));
        }
    }
}
