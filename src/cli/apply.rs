//! `nurtured apply`: what is in the campaign folder goes live.

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;

use super::{
    codes::filled,
    confirm::confirm,
    context::{Context, who},
    failure::Failure,
    folder::Folder,
};
use crate::{
    definitions::Problem,
    domain::{definitions::Definitions, id::ReleaseId, name::Name},
    engine::{
        audience::Audience,
        releasing::{Applied, ApplyError, apply, expect_small},
    },
    store::{Store, StoreError, records::ReleaseRow},
};

/// Checks the campaign folder and makes it the live release. A running daemon takes it over; every lead
/// is then looked at again, in the background.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Why, for the record
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// So many leads may come into a workflow at once, where the policy's `guards` let in fewer
    #[arg(long, value_name = "N")]
    audience: Option<u64>,
}

#[derive(Serialize)]
struct Report {
    #[serde(serialize_with = "crate::domain::id::as_text")]
    release: ReleaseId,
    /// `false`: just this is live already.
    changed: bool,
    live_at: String,
    artefacts: usize,
    workflows: Vec<Name>,
    /// Those that were live and are not, of this release and of earlier ones while anybody is inside.
    no_longer_entered: Vec<NoLongerEntered>,
    /// Warnings; with an error nothing goes live.
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct NoLongerEntered {
    workflow: Name,
    /// How many leads are inside: they go on to its end.
    inside: u64,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let store = context.store().await?;
    let mut folder = Folder::check(context)?;
    if let Some(live) = &folder.live {
        let pools = store.code_pools().await?;
        folder.add(live.renderer.without_codes(&filled(&pools)));
    }
    let shown = (!folder.problems.is_empty()).then(|| folder.show(context.output.error_colour));
    let Some(live) = folder.live else {
        if context.output.json {
            let document = serde_json::json!({ "changed": false, "problems": folder.problems });
            context.output.document(&document)?;
        }
        context.output.note(&shown.unwrap_or_default());
        context.output.error("nothing was applied", None);
        return Err(Failure::already_shown());
    };
    expect_few(context, &store, &live.definitions, arguments.audience).await?;
    let applied =
        apply(&store, &folder.artefacts, &who(), &arguments.reason, context.now()).await?;
    let (changed, release) = match applied {
        Applied::Unchanged(release) => (false, release),
        Applied::New(release) => (true, release),
    };
    let no_longer_entered = match no_longer_entered(&store, &release, changed).await {
        Ok(found) => found,
        // The release is live all the same.
        Err(error) => {
            context
                .output
                .note(&format!("who is inside of former workflows is not known: {error}"));
            Vec::new()
        }
    };
    let report = Report {
        release: release.id,
        changed,
        live_at: release.at.to_string(),
        artefacts: release.manifest.len(),
        workflows: live.definitions.workflows.iter().map(|w| w.workflow.name.clone()).collect(),
        no_longer_entered,
        problems: folder.problems,
    };
    if let Some(warnings) = shown {
        context.output.note(&warnings);
    }
    context.output.result(&report, || text(&report))?;
    store.close().await;
    Ok(())
}

/// Asks before more come in at once than the policy lets in.
async fn expect_few(
    context: &Context,
    store: &Store,
    definitions: &Arc<Definitions>,
    audience: Option<u64>,
) -> Result<(), Failure> {
    match expect_small(store, definitions, audience, context.now()).await {
        Err(ApplyError::Audience { over, .. }) => confirm_many(context, &over, "apply"),
        other => Ok(other?),
    }
}

/// Asks whether so many are meant.
pub(super) fn confirm_many(
    context: &Context,
    over: &[Audience],
    command: &str,
) -> Result<(), Failure> {
    let most = over.iter().map(|it| it.leads).max().unwrap_or_default();
    let each: Vec<String> = over.iter().map(ToString::to_string).collect();
    let hint = format!("`nurtured {command} --audience {most}` says that it is meant");
    confirm(context, &each.join("; "), &hint)
}

async fn no_longer_entered(
    store: &Store,
    release: &ReleaseRow,
    changed: bool,
) -> Result<Vec<NoLongerEntered>, StoreError> {
    let mut gone = store.inside().await?;
    if changed && let Some(before) = store.release_before(release.id).await? {
        for workflow in before.live_since.into_keys() {
            gone.entry(workflow).or_default();
        }
    }
    gone.retain(|workflow, _| !release.live_since.contains_key(workflow));
    let gone = gone.into_iter();
    Ok(gone.map(|(workflow, inside)| NoLongerEntered { workflow, inside }).collect())
}

fn text(report: &Report) -> String {
    let workflows: Vec<&str> = report.workflows.iter().map(|name| &**name).collect();
    let workflows =
        if workflows.is_empty() { "no workflow".to_owned() } else { workflows.join(", ") };
    let mut text = if report.changed {
        format!("Release {} is live: {workflows}.", report.release)
    } else {
        format!("Nothing changed: release {} is live already ({workflows}).", report.release)
    };
    for NoLongerEntered { workflow, inside } in &report.no_longer_entered {
        let inside = match inside {
            0 => "nobody is inside".to_owned(),
            1 => "1 lead is inside and goes on".to_owned(),
            more => format!("{more} leads are inside and go on"),
        };
        let _ = write!(text, "\nNobody enters {workflow} any more: {inside}.");
    }
    text
}

/// Problems in one line.
pub(super) fn said(problems: &[Problem]) -> String {
    let each = problems.iter().map(|problem| format!("{}: {}", problem.file, problem.message));
    each.collect::<Vec<_>>().join("; ")
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Store(error) => error.into(),
            ApplyError::Folder(error) => error.into(),
            ApplyError::Audience { .. } => Self::unconfirmed(&error),
            ApplyError::Problems(_) => {
                Self::problems(&error).hint("`nurtured check` shows them all")
            }
            ApplyError::People(problems) => {
                let hints = problems.iter().filter_map(|problem| problem.hint.as_deref());
                let hints: Vec<&str> = hints.collect();
                Self::problems(format!("nothing was applied: {}", said(&problems)))
                    .hint(hints.join("\n  "))
            }
            ApplyError::Elders(_) => {
                let hint = "keep what these versions name, and give what they lack a default, until \
                            nobody is on them";
                Self::problems(&error).hint(hint)
            }
        }
    }
}
