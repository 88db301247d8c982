//! `nurtured plan`: what `apply` would do to people, before it does.

mod report;
mod text;

pub(super) use report::Report;
pub(super) use text::text;

use super::{context::Context, failure::Failure, folder::Folder};
use crate::{
    definitions::Problem,
    engine::planning::{Asked, PlanError, plan},
};

/// Compares the campaign folder to what is live, and says what becomes of whom if it is applied now. Everybody
/// who may be concerned is decided as the daemon would, and nothing is written. Exits with 4 if people are
/// concerned, or parked mails are tried again as something changes, with 0 if nobody is.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tell of each person, one a line
    #[arg(long)]
    people: bool,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    // First what is wrong with the folder: that needs no database.
    let folder = Folder::check(context)?;
    if folder.live.is_none() {
        if context.output.json {
            context.output.document(&serde_json::json!({ "problems": folder.problems }))?;
        }
        context.output.note(&folder.show(context.output.error_colour));
        context.output.error("there is no plan: the campaign folder has problems", None);
        return Err(Failure::already_shown());
    }
    let config = context.config()?;
    let store = Context::open(&config).await?;
    let fleet = config.fleet();
    let asked = Asked { people: arguments.people, forecast: Some(&fleet) };
    let found = plan(&store, &folder.artefacts, asked, context.now()).await?;
    let (is_affecting, is_losing) = (found.affects_people(), !found.lost.is_empty());
    let warnings: Vec<Problem> = folder.problems;
    let report = Report::new(found, arguments.people, warnings);
    context.output.result(&report, || text(&report, &context.output))?;
    store.close().await;
    match (is_losing, is_affecting) {
        (true, _) => Err(Failure::already_shown()),
        (false, true) => Err(Failure::concerns_people()),
        (false, false) => Ok(()),
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Apply(error) => error.into(),
            PlanError::Live(crate::engine::live::LiveError::Store(error)) => error.into(),
            PlanError::Live(error) => {
                Self::problems(error).hint("run `nurtured check`, then `nurtured apply`")
            }
            PlanError::Strangers(_) => Self::problems(&error)
                .hint("it was put together of several: bring a backup back as a whole"),
        }
    }
}
