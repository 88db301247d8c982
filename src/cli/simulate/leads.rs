//! Who takes part in a rehearsal: the leads of a file, or those of the database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::Arguments;
use crate::{
    cli::{
        context::Context,
        failure::Failure,
        leads::{basis, mapping_of, source_of},
        live::Live,
        progress,
    },
    domain::{
        artefact::Artefact, definitions::Definitions, fleet::Fleet, lead::Basis, name::Name,
        time::Instant,
    },
    engine::{
        import::{LeadsImport, import_leads},
        proposing::propose,
        rehearsal::Cast,
        releasing,
    },
    store::{DatabaseUrl, Store, records::ImportRun},
};

/// Leads out of a file, as `nurtured leads import` reads it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FromFile {
    /// The leads of a CSV file, who come in when the campaign folder has just gone live
    #[arg(long, value_name = "FILE", conflicts_with = "live_copy")]
    leads: Option<PathBuf>,
    /// With --leads: which column is what (TOML)
    #[arg(long, value_name = "FILE", requires = "leads", conflicts_with = "live_copy")]
    mapping: Option<PathBuf>,
    /// With --leads: where these leads come from [default: the file's name]
    #[arg(long, value_name = "NAME", requires = "leads", conflicts_with = "live_copy")]
    source: Option<String>,
    /// With --leads: the purpose that the consents are for [default: the policy's first]
    #[arg(long, value_name = "NAME", requires = "leads", conflicts_with = "live_copy")]
    purpose: Option<Name>,
    /// With --leads: on what ground they may be written to
    #[arg(long, value_name = "BASIS", default_value = "consent", value_parser = basis, requires = "leads")]
    #[arg(conflicts_with = "live_copy")]
    basis: Basis,
}

/// Where leads come from.
pub(super) const FROM_WHERE: &str =
    "`--leads FILE.csv` brings some in, `--live-copy` takes those of the database";

/// Leads, and what they are decided by.
pub(super) struct Leads {
    pub definitions: Arc<Definitions>,
    pub cast: Cast,
    /// Rows of the file that take no part.
    pub refused: u64,
    pub unreadable: u64,
}

pub(super) async fn find(
    context: &Context,
    arguments: &Arguments,
    artefacts: &[Artefact],
    fleet: &Fleet,
    from: Instant,
) -> Result<Leads, Failure> {
    if let Some(file) = &arguments.file.leads {
        return of_file(context, &arguments.file, file, artefacts, fleet, from).await;
    }
    if !arguments.live_copy {
        return Err(Failure::usage("a rehearsal needs leads").hint(FROM_WHERE));
    }
    let store = context.store().await?;
    let definitions = Arc::new(propose(&store, artefacts, from).await?.definitions);
    let cast = Cast::of(&store, &definitions, fleet, from).await?;
    store.close().await;
    let unreadable = cast.unreadable.len() as u64;
    Ok(Leads { definitions, cast, refused: 0, unreadable })
}

/// Imports them into a database that is thrown away, after the folder has gone live in it.
async fn of_file(
    context: &Context,
    from_file: &FromFile,
    file: &Path,
    artefacts: &[Artefact],
    fleet: &Fleet,
    from: Instant,
) -> Result<Leads, Failure> {
    let folder = tempfile::tempdir().map_err(Failure::environment)?;
    let url = format!("sqlite:{}", folder.path().join("rehearsal.db").display());
    let url = DatabaseUrl::parse(&url, folder.path()).map_err(Failure::environment)?;
    // Ids decide who of a team a lead is handed to, and by which relay it is written to: the same each time.
    let store = Store::create(&url).await?.as_node(0);
    store.migrate(true, from).await?;
    releasing::apply(&store, artefacts, "rehearsal", "", from).await?;
    let live = Live::expect(&store).await?;
    let definitions = live.definitions.clone();
    if let Some(purpose) = &from_file.purpose {
        live.expect_purpose(purpose)?;
    }
    let purposes = &definitions.policy.purposes;
    let import = LeadsImport {
        rejects: folder.path().join("rejects.csv"),
        run: ImportRun {
            id: 1,
            source: source_of(from_file.source.clone(), file),
            is_named: from_file.source.is_some(),
            campaign: None,
        },
        file: file.to_owned(),
        mapping: mapping_of(from_file.mapping.as_deref())?,
        schema: Some(definitions.schema.clone()),
        people: None,
        purpose: from_file.purpose.clone().or_else(|| purposes.keys().next().cloned()),
        basis: from_file.basis,
        dry_run: false,
    };
    // A moment after the release: they are newcomers, not people it found.
    let arrival = from + Duration::from_secs(1);
    let bar = progress::bar(&context.output);
    let report = import_leads(&store, import, arrival, progress::moved(&bar)).await;
    bar.finish_and_clear();
    let report = report?;
    if report.rejected > 0 {
        context.output.note(&format!(
            "{} of {} rows are refused and take no part; `nurtured leads import --dry-run` says why",
            report.rejected, report.rows
        ));
    }
    let cast = Cast::of(&store, &definitions, fleet, arrival).await?;
    store.close().await;
    let unreadable = cast.unreadable.len() as u64;
    Ok(Leads { definitions, cast, refused: report.rejected, unreadable })
}
