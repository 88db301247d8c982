//! `nurtured rollback`: what an earlier release made live is live again.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;

use super::{
    apply::expect_few,
    context::{Context, who},
    failure::Failure,
    plan::{self, text},
};
use crate::{
    definitions::compile,
    domain::{id::ReleaseId, name::Name},
    engine::{
        planning::{Asked, plan as planned},
        releasing::{Applied, apply, folder_of},
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
    let definitions = compile(&folder, &[], ReleaseId::default(), &BTreeMap::new());
    let unreadable = |what: String| {
        Failure::problems(format!("release {} cannot be live again: {what}", target.id))
            .hint("this version of nurtured reads what it was made of otherwise; apply a folder")
    };
    let of_files = |problems: &[crate::definitions::Problem]| {
        let each = problems.iter().map(|it| format!("{}: {}", it.file, it.message));
        each.collect::<Vec<_>>().join("; ")
    };
    let definitions = definitions.map_err(|problems| unreadable(of_files(&problems)))?;
    if let Err(problems) = Renderer::for_release(&definitions) {
        let problems: Vec<_> = problems.into_iter().map(Into::into).collect();
        return Err(unreadable(of_files(&problems)));
    }
    let workflows = definitions.workflows.iter().map(|live| live.workflow.name.clone()).collect();
    let found = planned(&store, &folder, Asked::default(), context.now()).await?;
    let definitions = Arc::new(definitions);
    expect_few(context, &store, &definitions, arguments.audience, "rollback").await?;
    let reason = arguments.reason.clone();
    let reason = reason.unwrap_or_else(|| format!("rollback to release {}", target.id));
    let (changed, release) = match apply(&store, &folder, &who(), &reason, context.now()).await? {
        Applied::Unchanged(release) => (false, release),
        Applied::New(release) => (true, release),
    };
    let report = Report {
        release: release.id,
        changed,
        back_to: target.id,
        live_at: release.at.to_string(),
        workflows,
        plan: plan::Report::new(found, false, Vec::new()),
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
