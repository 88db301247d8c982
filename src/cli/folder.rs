//! The campaign folder, checked: definitions, and the mails that they name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{context::Context, failure::Failure};
use crate::{
    config::{Config, ConfigError, OwnDomains},
    definitions::{
        Checked, FolderError, Problem, Severity, Sources, check, check_cases, compile, lint,
        past_dates, read_folder, show,
    },
    domain::{
        artefact::{Artefact, ArtefactKind},
        condition::{Condition, Env, PatternRoom, Scope},
        definitions::{Definitions, Segment},
        facts::FactPlan,
        id::ReleaseId,
        name::Name,
    },
    engine::live::Live,
    render::Renderer,
};

/// What a check found.
pub(super) struct Folder {
    pub sources: Sources,
    /// In the order of files and lines.
    pub problems: Vec<Problem>,
    pub artefacts: Vec<Artefact>,
    /// Only if no problem is an error.
    pub live: Option<Live>,
}

impl Folder {
    /// Reads and checks the folder of `--dir`.
    pub(super) fn check(context: &Context) -> Result<Self, Failure> {
        let mut sources = read_folder(&context.dir)?;
        let config = match Config::load(&context.config_file()) {
            // One that was named is there.
            Err(missing @ ConfigError::Missing { .. }) if context.names_config() => {
                return Err(missing.into());
            }
            config => config,
        };
        (sources.own_domains, sources.targets) = of_house(config.as_ref().ok());
        let Checked { mut problems, artefacts, definitions } = check(&sources);
        problems.extend(of_configuration(config, &mut sources));
        let past = definitions.as_ref().map(|it| past_dates(it, context.now()));
        problems.extend(past.into_iter().flatten());
        let found = definitions.as_ref().map(|it| lint(&sources, it, context.now()));
        problems.extend(found.into_iter().flatten());
        let renderer = match &definitions {
            Some(definitions) => Renderer::for_release(definitions).map_err(Some),
            // Something else is wrong: mails are checked by what they need themselves.
            None => match mails_alone(&artefacts).map(|alone| Renderer::for_release(&alone)) {
                Some(Err(of_mails)) => Err(Some(of_mails)),
                Some(Ok(_)) | None => Err(None),
            },
        };
        let renderer = match renderer {
            Ok(renderer) => {
                let advice = definitions.as_ref().map(|it| renderer.advice(it, context.now()));
                problems.extend(advice.into_iter().flatten());
                Some(renderer)
            }
            Err(of_mails) => {
                problems.extend(of_mails.into_iter().flatten().map(Problem::from));
                None
            }
        };
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        problems.dedup();
        let right = !problems.iter().any(Problem::is_error);
        let live = definitions
            .zip(renderer)
            .filter(|_| right)
            .map(|(definitions, renderer)| Live { definitions: Arc::new(definitions), renderer });
        Ok(Self { sources, problems, artefacts, live })
    }

    /// Takes up what is wrong with tests: it keeps nothing from going live.
    pub(super) fn check_tests(&mut self) {
        if let Some(live) = &self.live {
            let found = check_cases(&self.sources, &live.definitions).problems;
            self.sources.files.extend(std::mem::take(&mut self.sources.tests));
            self.add(found);
        }
    }

    /// Takes up warnings of what the folder alone does not tell.
    pub(super) fn add(&mut self, warnings: Vec<Problem>) {
        self.problems.extend(warnings);
        self.problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    }

    /// The problems with their lines and carets, and how many there are.
    pub(super) fn show(&self, colour: bool) -> String {
        show(&self.problems, &self.sources, colour)
    }

    /// What is right; or the problems, on standard error.
    pub(super) fn into_live(self, context: &Context) -> Result<Live, Failure> {
        let shown = self.show(context.output.error_colour);
        self.live.ok_or_else(|| {
            Failure::problems(format!("the campaign folder has problems\n\n{shown}"))
        })
    }
}

/// What a configuration says that workflows may name: from where mail may come, and targets of webhooks.
pub(super) fn of_house(config: Option<&Config>) -> (Option<OwnDomains>, Option<BTreeSet<Name>>) {
    let targets = |config: &Config| config.webhooks.iter().map(|it| it.name.clone()).collect();
    (config.and_then(Config::own_domains), config.map(targets))
}

/// `nurtured.toml` is checked too where there is one.
fn of_configuration(config: Result<Config, ConfigError>, sources: &mut Sources) -> Vec<Problem> {
    let Err(ConfigError::Invalid { file, problems }) = config else { return Vec::new() };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Ok(text) = std::fs::read_to_string(&file) {
        sources.files.insert(name.clone(), text);
    }
    let problem = |found: crate::config::ConfigProblem| Problem {
        file: name.clone(),
        line: found.line,
        column: found.column,
        rule: "configuration",
        severity: Severity::Error,
        message: found.message,
        hint: found.hint,
        length: 1,
    };
    problems.into_iter().map(problem).collect()
}

fn mails_alone(artefacts: &[Artefact]) -> Option<Definitions> {
    let mails: Vec<Artefact> = artefacts
        .iter()
        .filter(|artefact| {
            matches!(
                artefact.kind,
                ArtefactKind::Mail
                    | ArtefactKind::Layout
                    | ArtefactKind::Partial
                    | ArtefactKind::Attachment
                    | ArtefactKind::Attributes
                    | ArtefactKind::Question
            )
        })
        .cloned()
        .collect();
    let mut alone = compile(&mails, &[], ReleaseId::default(), &BTreeMap::new()).ok()?;
    // Known by their names: what is wrong with them is said already.
    let segments = artefacts.iter().filter(|found| found.kind == ArtefactKind::Segment);
    let env = Env {
        schema: &alone.schema,
        segments: &[],
        templates: None,
        questions: None,
        patterns: &PatternRoom::default(),
        scope: Scope::Lead,
    };
    let never = Condition::compile("false", &env, &mut FactPlan::default()).ok()?;
    alone.segments = segments
        .map(|found| Segment {
            name: found.name.clone(),
            about: String::new(),
            condition: never.clone(),
        })
        .collect();
    Some(alone)
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Missing(_) | FolderError::NoWorkflows(_) => Self::usage(error),
            FolderError::Unreadable { .. } => Self::environment(error),
        }
    }
}
