//! A folder of two hundred workflows, checked as `nurtured check` does; and a thousand cases of tests, run as `nurtured
//! test` does.
//!
//! `cargo bench --bench check`. `WORKFLOWS` (200), `CASES` (1,000).

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod stopwatch;

use std::{path::Path, time::Duration};

use nurtured::{
    definitions::{self, CheckedCases, Sources},
    domain::{definitions::Definitions, time::Instant},
    engine::rehearsal::House,
    render::Renderer,
};
use stopwatch::{Lap, Stopwatch, size};

/// A monday morning of 2027.
const NOW: Instant = Instant::from_millis(1_804_406_400_000);
const CHECK: Duration = Duration::from_secs(1);
const TEST: Duration = Duration::from_secs(5);

fn main() {
    let (workflows, cases) = (size("WORKFLOWS", 200), size("CASES", 1_000));
    let sources = folder(workflows);
    let watch = Stopwatch::start();
    let (definitions, renderer) = check(&sources);
    let what = format!("check of {} workflows", definitions.workflows.len());
    report(&what, &watch.lap(), CHECK);

    let watch = Stopwatch::start();
    let CheckedCases { suites, problems, definitions } =
        definitions::check_cases(&sources, &definitions);
    assert!(problems.is_empty(), "{problems:#?}");
    let house = House::new(definitions, renderer);
    let shipped: Vec<_> = suites.iter().flat_map(|suite| &suite.cases).collect();
    let failures: usize = shipped
        .iter()
        .cycle()
        .take(cases)
        .map(|case| usize::from(!house.run(case).failures.is_empty()))
        .sum();
    report(&format!("test of {cases} cases, {failures} of them failed"), &watch.lap(), TEST);
}

fn report(what: &str, lap: &Lap, target: Duration) {
    println!(
        "{what}: {:.2?} on the wall, {:.2?} of processor time (target: {target:?}: {})",
        lap.wall,
        lap.processor,
        if lap.wall < target { "met" } else { "missed" }
    );
}

/// All that `check` finds out of the texts of a folder.
fn check(sources: &Sources) -> (Definitions, Renderer) {
    let checked = definitions::check(sources);
    let Some(definitions) = checked.definitions else { panic!("{:#?}", checked.problems) };
    let past = definitions::past_dates(&definitions, NOW);
    let renderer = Renderer::for_release(&definitions).expect("mails");
    let advice = renderer.advice(&definitions, NOW);
    let lints = definitions::lint(sources, &definitions, NOW);
    let warnings = [checked.problems, past, advice, lints].concat();
    println!("{} warnings", warnings.len());
    (definitions, renderer)
}

/// The shipped folder, with one of its workflows again and again under other names; each has mails of its own.
fn folder(workflows: usize) -> Sources {
    let mut sources =
        definitions::read_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a folder");
    let shipped = sources.files.keys().filter(|path| path.starts_with("workflows/"));
    let shipped = shipped.filter(|path| sources.files[*path].contains("\nsteps:")).count();
    let text = sources.files["workflows/reawaken-cold.yaml"].clone();
    let mails: Vec<(String, String)> = sources
        .files
        .iter()
        .filter_map(|(path, text)| {
            Some((path.strip_prefix("templates/cold/")?.to_owned(), text.clone()))
        })
        .collect();
    for number in 0..workflows.saturating_sub(shipped) {
        let named = text
            .replace("workflow: reawaken-cold", &format!("workflow: w{number}"))
            .replace("cold/", &format!("cold{number}/"));
        // Nobody comes in but by hand, so that tests of the shipped ones are true.
        let mut lines = Vec::new();
        let mut inside = false;
        for line in named.lines() {
            inside = line.starts_with("enter:") || inside && line.starts_with(' ');
            if line.starts_with("enter:") {
                lines.push("enter: { by_hand: yes }");
            } else if !inside {
                lines.push(line);
            }
        }
        sources.files.insert(format!("workflows/w{number}.yaml"), lines.join("\n"));
        for (mail, text) in &mails {
            sources.files.insert(format!("templates/cold{number}/{mail}"), text.clone());
        }
    }
    sources
}
