//! `nurtured eval EXPR`: a condition at an instant, with its reasons.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use serde::Serialize;

use super::{
    context::{Context, lead},
    failure::Failure,
    folder::Folder,
    live::{self, Live},
    situation::Situation,
};
use crate::{
    definitions::{Problem, Severity, Sources, show},
    domain::{
        condition::{
            Condition, Env, KnownSegment, PatternRoom, Scope, Trace, View, known_questions,
        },
        definitions::Definitions,
        name::Name,
        time::Instant,
        value::{Schema, parse_date},
        verdict::Truth,
    },
    engine::preparing::view,
};

/// Evaluates a condition for a lead in the database, by what is live; or for a situation in a file, by
/// the campaign folder.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub(super) struct Arguments {
    /// The condition, in quotes
    #[arg(value_name = "EXPR")]
    expression: String,
    /// A lead's address
    #[arg(long, value_name = "EMAIL", group = "subject")]
    lead: Option<String>,
    /// A situation: {"attributes": {…}, "tags": […], "stage": "lead", "events": [{"at", "kind", "object"}], "entry": {…}}
    #[arg(long, value_name = "FILE.json", group = "subject")]
    context: Option<PathBuf>,
    /// At which instant [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<Instant>,
}

pub(super) fn instant(text: &str) -> Result<Instant, String> {
    parse_date(text).ok_or_else(|| "write 2027-03-28T09:00:00Z or 2027-03-28".to_owned())
}

#[derive(Serialize)]
struct Report {
    /// `null`: unknown.
    value: Option<bool>,
    /// The first instant at which it could change with no new event; `null`: never.
    holds_until: Option<String>,
    why: Trace,
    at: String,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let at = arguments.at.unwrap_or_else(|| context.now());
    let trace = match (&arguments.lead, &arguments.context) {
        (Some(email), _) => of_lead(context, arguments, email, at).await?,
        (None, Some(file)) => of_situation(context, arguments, file, at)?,
        (None, None) => return Err(Failure::usage("say for whom: --lead or --context")),
    };
    let report = Report {
        value: match trace.value {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::Unknown => None,
        },
        holds_until: (!trace.holds_until.is_never()).then(|| trace.holds_until.to_string()),
        at: at.to_string(),
        why: trace,
    };
    context.output.result(&report, || {
        let value = match report.value {
            Some(true) => "true",
            Some(false) => "false",
            None => "unknown",
        };
        let until = report.holds_until.as_deref();
        let until =
            until.map_or("until something happens".into(), |until| format!("until {until}"));
        format!("{} {until}\n\n{}", context.output.strong(value), report.why)
    })?;
    Ok(())
}

async fn of_lead(
    context: &Context,
    arguments: &Arguments,
    email: &str,
    at: Instant,
) -> Result<Trace, Failure> {
    let store = context.store().await?;
    let id = lead(&store, email).await?;
    let definitions = if let Some(live) = Live::load(&store).await? {
        live.definitions
    } else {
        context.output.note("nothing is live yet: only the standard attributes are known");
        Arc::new(bare_definitions())
    };
    let (definitions, condition) =
        compiled(context, &arguments.expression, &definitions, Scope::Lead)?;
    let gone = || Failure::problems("the lead is gone");
    let state = live::state_at(&definitions, &store, id, at).await?.ok_or_else(gone)?;
    store.close().await;
    Ok(condition.explain(&view(&definitions, &state, at), &definitions.schema))
}

fn of_situation(
    context: &Context,
    arguments: &Arguments,
    file: &std::path::Path,
    at: Instant,
) -> Result<Trace, Failure> {
    let situation = Situation::load(file)?;
    let definitions = if context.dir.join("workflows").is_dir() {
        Folder::check(context)?.into_live(context)?.definitions
    } else {
        Arc::new(bare_definitions())
    };
    let scope = if situation.entry.is_some() { Scope::Workflow } else { Scope::Lead };
    let (definitions, condition) = compiled(context, &arguments.expression, &definitions, scope)?;
    let seen = situation.through(&definitions, at)?;
    let view = View {
        now: at,
        since: seen.entry.as_ref().map_or(Instant::DAWN, |entry| entry.at.next()),
        entry: seen.entry.as_ref(),
        attributes: &seen.attributes,
        tags: &situation.tags,
        stage: situation.stage,
        stage_since: situation.stage_since.unwrap_or(Instant::DAWN),
        facts: &seen.facts,
        profiled: situation.profiled,
        scoring: &definitions.scoring,
        segments: &definitions.segments,
        known_segments: &[],
        worked: None,
        missing: &[],
    };
    Ok(condition.explain(&view, &definitions.schema))
}

/// The condition, and the definitions with the facts that it asks for.
pub(super) fn compiled(
    context: &Context,
    source: &str,
    definitions: &Definitions,
    scope: Scope,
) -> Result<(Definitions, Condition), Failure> {
    let mut definitions = definitions.clone();
    let segments: Vec<KnownSegment> = definitions.segments.iter().map(KnownSegment::from).collect();
    let templates: BTreeSet<Name> = definitions.templates.mails.keys().cloned().collect();
    let questions = known_questions(&definitions.questions);
    let env = Env {
        schema: &definitions.schema,
        segments: &segments,
        templates: (!templates.is_empty()).then_some(&templates),
        questions: (!definitions.questions.is_empty()).then_some(&questions),
        patterns: &PatternRoom::default(),
        scope,
    };
    let mut plan = definitions.plan.clone();
    match Condition::compile(source, &env, &mut plan) {
        Ok(condition) => {
            definitions.plan_mark = plan.mark();
            definitions.plan = plan;
            Ok((definitions, condition))
        }
        Err(errors) => {
            const FILE: &str = "EXPR";
            let problems: Vec<Problem> = errors
                .into_iter()
                .map(|error| {
                    let before = source.get(..error.span.start).unwrap_or(source);
                    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
                    let covered = source.get(error.span.clone()).unwrap_or_default();
                    Problem {
                        file: FILE.into(),
                        line: before.matches('\n').count() + 1,
                        column: before[line_start..].chars().count() + 1,
                        rule: "condition",
                        severity: Severity::Error,
                        message: error.message,
                        hint: error.hint,
                        length: covered
                            .lines()
                            .next()
                            .map_or(1, |line| line.chars().count().max(1)),
                    }
                })
                .collect();
            let mut sources = Sources::default();
            sources.files.insert(FILE.into(), source.to_owned());
            let shown = show(&problems, &sources, context.output.error_colour);
            if context.output.json {
                context.output.document(&serde_json::json!({ "problems": problems }))?;
            }
            context.output.note(shown.trim_end());
            Err(Failure::already_shown())
        }
    }
}

/// Where nothing is defined: the standard attributes alone.
fn bare_definitions() -> Definitions {
    let mut definitions = Definitions { schema: Schema::standard(), ..Definitions::default() };
    definitions.plan_mark = definitions.plan.mark();
    definitions
}
