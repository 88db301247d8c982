//! `nurtured rollback`: what an earlier release made live is live again.

use serde::Serialize;

use super::{
    apply::{confirm_many, said},
    codes::filled,
    context::{Context, who},
    failure::Failure,
    folder::of_house,
    plan::{self, text},
};
use crate::{
    config::Config,
    definitions::{Problem, compile_beside, is_of_configuration},
    domain::{id::ReleaseId, name::Name},
    engine::{
        audience::Audience,
        planning::{Asked, PlanError, plan as planned},
        releasing::{Applied, ApplyError, apply, folder_of},
    },
    render::Renderer,
    store::{Store, records::ReleaseRow},
};

/// Makes the folder that an earlier release was made of live again, as a new release, with the same checks as
/// `apply`. People go as the `on_change` of those files says. The campaign folder is left as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Which, as `nurtured releases` lists them [default: the one before the live one]
    #[arg(value_name = "RELEASE")]
    release: Option<i64>,
    /// Why, for the record [default: that it is a rollback, and to which release]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// So many leads may come into a workflow at once, where the policy's `guards` let in fewer
    #[arg(long, value_name = "N")]
    audience: Option<u64>,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::domain::id::as_text")]
    release: ReleaseId,
    /// `false`: what that made live is live already.
    changed: bool,
    /// Whose folder it is.
    #[serde(serialize_with = "crate::domain::id::as_text")]
    back_to: ReleaseId,
    live_at: String,
    workflows: Vec<Name>,
    /// What it does, as of `plan`.
    plan: plan::Report,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let target = target(&store, arguments.release).await?;
    let folder = folder_of(&store, &target).await?;
    let (own, targets) = of_house(Config::load(&context.config_file()).ok().as_ref());
    let definitions = compile_beside(&folder, own.as_ref(), targets.as_ref());
    let definitions = definitions.map_err(|problems| refused(&target, &problems))?;
    let renderer = Renderer::for_release(&definitions).map_err(|problems| {
        let problems: Vec<_> = problems.into_iter().map(Into::into).collect();
        refused(&target, &problems)
    })?;
    let workflows = definitions.workflows.iter().map(|live| live.workflow.name.clone()).collect();
    let found = planned(&store, &folder, Asked::default(), context.now()).await;
    let found = found.map_err(|error| match error {
        PlanError::Apply(error) => of_people(&target, error),
        other => other.into(),
    })?;
    let most = arguments.audience.unwrap_or(0);
    let over: Vec<Audience> = found.guards.iter().filter(|it| it.leads > most).cloned().collect();
    if !over.is_empty() {
        confirm_many(context, &over, "rollback")?;
    }
    let reason = arguments.reason.clone();
    let reason = reason.unwrap_or_else(|| format!("rollback to release {}", target.id));
    let applied = apply(&store, &folder, &who(), &reason, context.now()).await;
    let applied = applied.map_err(|error| of_people(&target, error))?;
    let (changed, release) = match applied {
        Applied::Unchanged(release) => (false, release),
        Applied::New(release) => (true, release),
    };
    let warnings = renderer.without_codes(&filled(&store.code_pools().await?));
    for Problem { file, message, .. } in &warnings {
        context.output.note(&format!("warning: {file}: {message}"));
    }
    let report = Report {
        release: release.id,
        changed,
        back_to: target.id,
        live_at: release.at.to_string(),
        workflows,
        plan: plan::Report::new(found, false, warnings),
    };
    context.output.result(&report, || {
        if report.changed {
            let done = format!("Release {} is live, as {} was.", report.release, report.back_to);
            format!("{done}\n\n{}", text(&report.plan, &context.output))
        } else {
            format!("Nothing changed: what release {} made live is live.", report.back_to)
        }
    })?;
    store.close().await;
    Ok(())
}

/// That a folder of then is not right any more.
fn refused(target: &ReleaseRow, problems: &[Problem]) -> Failure {
    let message = format!("release {} cannot be live again: {}", target.id, said(problems));
    if problems.iter().any(is_of_configuration) {
        return Failure::problems(message)
            .hint(format!("put back into nurtured.toml what it needs; or {MEND}"));
    }
    Failure::problems(message)
        .hint("this version of nurtured reads what it was made of otherwise; apply a folder")
}

/// What `apply` would refuse. Its advice is to edit files, which are not those of the campaign folder here.
fn of_people(target: &ReleaseRow, error: ApplyError) -> Failure {
    match error {
        ApplyError::People(problems) | ApplyError::Elders(problems) => {
            let message =
                format!("release {} cannot be live again: {}", target.id, said(&problems));
            Failure::problems(message).hint(MEND)
        }
        other => other.into(),
    }
}

/// What to do about files that are not in the campaign folder.
const MEND: &str = "bring the files of that release back into the campaign folder, mend them there, and run \
                    `nurtured check` and `nurtured apply`";

/// Which is meant.
async fn target(store: &Store, release: Option<i64>) -> Result<ReleaseRow, Failure> {
    let Some(live) = store.live_release().await? else {
        return Err(super::live::Live::nothing());
    };
    let found = match release {
        Some(release) => store.release(ReleaseId(release)).await?,
        None => store.release_before(live.id).await?,
    };
    found.ok_or_else(|| {
        let what = match release {
            Some(release) => format!("there is no release {release} in this database"),
            None => "nothing was live before this release".to_owned(),
        };
        Failure::problems(what).hint("`nurtured releases` lists them")
    })
}
