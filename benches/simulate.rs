//! A year of the shipped workflows over a hundred thousand leads on a virtual clock, mails not rendered: how long it
//! takes, how much memory, how many decisions; against deciding the same leads at rest as often.
//!
//! `cargo bench --bench simulate`. `LEADS` (100,000), `DAYS` (365), `SEED` (1).

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod stopwatch;

use std::{collections::BTreeMap, fs, hint::black_box, path::Path, sync::Arc, time::Duration};

use nurtured::{
    definitions,
    domain::{
        address::Address,
        decide::decide,
        decision::Grants,
        definitions::Definitions,
        fleet::{Berth, Fleet},
        id::{LeadId, ReleaseId, Rev},
        lead::{Basis, Consent, LeadRecord, Memory, Profile, Stage},
        name::Name,
        time::Instant,
    },
    engine::rehearsal::{Left, Mail, Manners, Person, Readers, Witness, World},
    render::Renderer,
};
use stopwatch::{Stopwatch, size};

/// A monday morning of 2027.
const START: Instant = Instant::from_millis(1_804_406_400_000);
const DAY: Duration = Duration::from_hours(24);
const TARGET: Duration = Duration::from_secs(60);
const MOST_DECISIONS: f64 = 150.0;

#[derive(Default)]
struct Count {
    mails: u64,
}

impl Witness for Count {
    fn left(
        &mut self,
        _: &Definitions,
        _: usize,
        _: &nurtured::domain::lead::LeadState,
        _: &Mail<'_>,
        came: &Left,
    ) {
        self.mails += u64::from(*came == Left::Sent);
    }
}

fn main() {
    let (leads, days) = (size("LEADS", 100_000), size("DAYS", 365));
    let folder = definitions::read_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a folder");
    let checked = definitions::check(&folder).definitions.expect("no problem");
    let definitions = Arc::new(checked);
    let renderer = Renderer::new(&definitions).expect("mails");
    let seed = size("SEED", 1) as u64;
    let readers = Readers::new(Arc::clone(&definitions), &renderer, Manners::default(), seed);
    let relay =
        Berth { name: "main".into(), share: 1, identity: "main".into(), rate: None, warm_up: None };
    let mut world =
        World::new(Arc::clone(&definitions), Fleet::new(vec![relay]), readers, 1_000, START);
    for number in 1..=leads {
        let state = lead(number as u64).hydrate(&definitions).state;
        world.add(Person::new(&definitions, state, START));
    }
    let mut count = Count::default();
    let watch = Stopwatch::start();
    let until = START + DAY * u32::try_from(days).expect("fewer days");
    world.run(until, &mut count);
    let lap = watch.lap();
    #[allow(clippy::cast_precision_loss)]
    let (decisions, each) =
        (world.decisions as f64, world.decisions as f64 / leads as f64 * 365.0 / days as f64);
    println!(
        "{leads} leads x {days} days: {:.1} s on the wall, {:.1} s of processor time, {} MB at most",
        lap.wall.as_secs_f64(),
        lap.processor.as_secs_f64(),
        peak()
    );
    println!(
        "{} mails, {decisions:.0} decisions, {each:.0} for each lead and year (at most {MOST_DECISIONS}), \
         {:.1} us each",
        count.mails,
        lap.processor.as_secs_f64() * 1e6 / decisions
    );
    println!("alone: {:.1} us a decision at rest", at_rest(&definitions, &world, until));
    println!(
        "target: {} s, 1500 MB, {MOST_DECISIONS} decisions: {}",
        TARGET.as_secs(),
        if lap.wall <= TARGET && peak() <= 1_500 && each <= MOST_DECISIONS {
            "met"
        } else {
            "missed"
        }
    );
}

/// How long it takes to decide the same leads once more, in microseconds each.
fn at_rest(definitions: &Definitions, world: &World<Readers>, now: Instant) -> f64 {
    let watch = Stopwatch::start();
    for person in world.people() {
        black_box(decide(definitions, &person.state, &Grants::default(), now));
    }
    #[allow(clippy::cast_precision_loss)]
    let people = world.people().len() as f64;
    watch.lap().processor.as_secs_f64() * 1e6 / people
}

/// The most memory of this process so far, in MB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

fn lead(number: u64) -> LeadRecord {
    let pick = |from: &[&str], of: u64| {
        from[usize::try_from(number / of).unwrap_or(0) % from.len()].to_owned()
    };
    let domain = match number % 5 {
        0 => "gmail.com".to_owned(),
        1 => "outlook.com".to_owned(),
        _ => format!("company{}.example", number / 20),
    };
    let attributes = [
        ("first_name", format!("Ada{number}")),
        ("lead_status", pick(&["No answer", "Not now", "No budget", "New"], 1)),
        ("country", pick(&["Italy", "Germany", "France", "United States", "Japan"], 4)),
        ("seniority", pick(&["vp", "director", "manager", "c_suite", "individual"], 20)),
        ("industry", pick(&["Manufacturing", "Retail", "Health"], 3)),
        ("employees", pick(&["1-49", "200-499", "1000-1999", "2000+"], 7)),
        ("company", format!("Company {}", number / 20)),
    ];
    let attributes: BTreeMap<Name, serde_json::Value> =
        attributes.into_iter().map(|(name, value)| (Name::new(name), value.into())).collect();
    let consent = Consent {
        basis: Basis::Consent,
        at: START - DAY,
        source: "crm".into(),
        withdrawn_at: None,
    };
    let consents =
        if number % 8 == 7 { BTreeMap::new() } else { [("insights".into(), consent)].into() };
    LeadRecord {
        lead: LeadId(i64::try_from(number).unwrap_or(1)),
        rev: Rev(1),
        stop_epoch: 0,
        attempts: 0,
        created_at: START - DAY,
        decided_at: Instant::DAWN,
        decided_under: ReleaseId::default(),
        due_at: START,
        address: Address::parse(&format!("ada{number}@{domain}")).expect("an address"),
        stage: Stage::Lead,
        stage_since: START - DAY,
        profile: Profile { attributes, consents, ..Profile::default() },
        memory: Memory::default(),
        enrolments: Vec::new(),
        open_message: None,
        suppressed: None,
        new_events: Vec::new(),
    }
}
