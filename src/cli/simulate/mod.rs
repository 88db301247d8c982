//! `nurtured simulate`: months of a campaign in seconds, before anything is sent.

mod leads;
mod page;
mod text;

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use leads::{FROM_WHERE, FromFile, Leads};
use serde::Serialize;

use super::{context::Context, eval::instant, failure::Failure, folder::Folder};
use crate::{
    config::Config,
    domain::{
        address::Address,
        fleet::Fleet,
        time::{Instant, Zone},
    },
    engine::rehearsal::{
        BadManners, Counter, DayOfRamp, Forecast, Line, Manners, Readers, Timelines, World,
    },
};

/// Goes through days of the campaign folder on a virtual clock, with the daemon's own decisions, and says what would
/// be sent to whom, when, and what holds it back. Nothing is sent and nothing is written.
///
/// How readers and sales behave is assumed, not measured, and says so: `--print-readers` shows what is assumed, and
/// a file of your own (`--readers`) may say otherwise. The same seed tells the same, each time.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// How many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,
    /// From which instant on [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Instant>,
    /// Another seed, and people do other things
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    file: FromFile,
    /// The leads of the database, as they are, under the campaign folder
    #[arg(long)]
    live_copy: bool,
    /// What is assumed of readers and sales (YAML)
    #[arg(long, value_name = "FILE")]
    readers: Option<PathBuf>,
    /// Print what is assumed, as a file to begin with, and do nothing else
    #[arg(long)]
    print_readers: bool,
    /// Tell also what happens to this lead, line by line; may be said again
    #[arg(long, value_name = "EMAIL")]
    lead: Vec<String>,
    /// Write a page with charts, too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What a simulation came to.
#[derive(Serialize)]
struct Report {
    from: String,
    until: String,
    days: u16,
    seed: u64,
    /// Assumed, not measured.
    assumed: Manners,
    /// Rows of the file that are refused and take no part.
    refused: u64,
    /// Leads that cannot be read.
    unreadable: u64,
    #[serde(flatten)]
    forecast: Forecast,
    /// Decisions for each lead and year.
    decisions_a_year: f64,
    /// How far relays that warm up are on each day.
    ramps: Vec<DayOfRamp>,
    timelines: Vec<Timeline>,
}

/// What happens to one lead.
#[derive(Serialize)]
struct Timeline {
    email: String,
    /// The clock that its lines are told by, as text.
    zone: String,
    lines: Vec<Line>,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.print_readers {
        let yaml = Manners::default().to_yaml()?;
        return context.output.text(&format!("{}{yaml}", text::ASSUMED));
    }
    let folder = Folder::check(context)?;
    let artefacts = folder.artefacts.clone();
    let live = folder.into_live(context)?;
    let known = |mail: &str| live.definitions.templates.mails.contains_key(mail);
    let manners = match &arguments.readers {
        None => Manners::default(),
        Some(file) => {
            let text =
                fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
            Manners::parse(&text, known)
                .map_err(|error| Failure::problems(format!("{}: {error}", file.display())))?
        }
    };
    let from = arguments.from.unwrap_or_else(|| context.now());
    let until = from + Duration::from_hours(24) * u32::from(arguments.days);
    let config = context.config().ok();
    let batch = config.as_ref().map_or(1_000, |config| config.engine.batch);
    let fleet = config.as_ref().map_or_else(Fleet::default, Config::fleet);
    let Leads { definitions, cast, refused, unreadable } =
        leads::find(context, arguments, &artefacts, &fleet, from).await?;
    if cast.people.is_empty() {
        return Err(Failure::problems("there are no leads to rehearse with").hint(FROM_WHERE));
    }
    let readers =
        Readers::new(Arc::clone(&definitions), &live.renderer, manners.clone(), arguments.seed);
    let batch = usize::try_from(batch).unwrap_or(1_000);
    let mut world = World::new(Arc::clone(&definitions), fleet, readers, batch, from).with(cast);
    let told = told(&arguments.lead, &world)?;
    let mut witness = (
        Counter::new(&definitions, world.people()),
        Timelines::of(told.iter().map(|(person, _)| *person)),
    );
    world.run(until, &mut witness);
    let (counter, timelines) = witness;
    let ramps = world.ramps().to_vec();
    let forecast = counter.finish(world.people(), world.decisions);
    let timelines = told
        .into_iter()
        .map(|(person, email)| Timeline {
            email,
            zone: world.people()[person].state.zone.name().to_owned(),
            lines: timelines.get(person).to_vec(),
        })
        .collect();
    let report = Report {
        from: from.to_string(),
        until: until.to_string(),
        days: arguments.days,
        seed: arguments.seed,
        assumed: manners,
        refused,
        unreadable,
        decisions_a_year: a_year(&forecast, arguments.days),
        ramps,
        forecast,
        timelines,
    };
    let written = arguments
        .html
        .as_ref()
        .map_or(Ok(()), |file| fs::write(file, page::page(&report)?).map_err(Failure::at(file)));
    context.output.result(&report, || text::text(&context.output, &report))?;
    written.map_err(|failure| failure.beside_the_result(&context.output))
}

/// The leads whose timelines are asked for, by their places.
fn told(emails: &[String], world: &World<Readers>) -> Result<Vec<(usize, String)>, Failure> {
    let find = |text: &String| {
        let address =
            Address::parse(text).map_err(|error| Failure::usage(format!("`{text}`: {error}")))?;
        let mut people = world.people().iter();
        match people.position(|person| person.state.address == address) {
            Some(person) => Ok((person, address.as_str().to_owned())),
            None => Err(Failure::problems(format!(
                "there is no lead {} in the rehearsal",
                address.as_str()
            ))),
        }
    };
    emails.iter().map(find).collect()
}

#[allow(clippy::cast_precision_loss)] // a figure for people
fn a_year(forecast: &Forecast, days: u16) -> f64 {
    let each = forecast.decisions as f64 / forecast.leads.max(1) as f64;
    (each * 365.0 / f64::from(days) * 10.0).round() / 10.0
}

impl Timeline {
    fn zone(&self) -> Zone {
        Zone::named(&self.zone).unwrap_or_else(|_| Zone::utc())
    }
}

impl From<BadManners> for Failure {
    fn from(error: BadManners) -> Self {
        Self::problems(error)
    }
}
