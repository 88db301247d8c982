//! What mails read of the campaigns of the workflows that send them is there.

use std::collections::{BTreeMap, HashMap};

use super::{
    calendar,
    compile::sources,
    problem::RenderProblem,
    source::Source,
    tags::{Tag, TagKind, Variable, variables},
};
use crate::{
    definitions::meant,
    domain::{
        campaign::Campaign, definitions::Definitions, name::Name, template::Templates,
        workflow::Workflow,
    },
};

/// What a campaign is called in templates, and what it always has.
pub(super) const CAMPAIGN: &str = "campaign";
const OWN: [&str; 2] = ["name", "title"];

/// The fields of campaigns that mails read without giving anything in their place, and that are not there;
/// and campaigns that are read as if they were texts.
pub(super) fn missing_fields(
    definitions: &Definitions,
    templates: &Templates,
    sources: &HashMap<String, Source>,
) -> Vec<RenderProblem> {
    let live = definitions.workflows.iter().map(|live| &*live.workflow);
    lacking(definitions, templates, sources, live)
}

/// What would park the mails of leads who are on earlier versions of workflows: they get those of today.
///
/// For a release that is about to go live, and no part of [`Renderer::new`](super::Renderer::new): who is
/// on what changes by the minute, and one that is live goes on.
#[must_use]
pub fn lacking_for_elders(definitions: &Definitions) -> Vec<RenderProblem> {
    let (sources, _) = sources(&definitions.templates);
    let elders = elders(definitions);
    let mut problems = lacking(definitions, &definitions.templates, &sources, elders);
    problems.extend(calendar::mixed_for_elders(definitions));
    problems.sort_by_key(|it| (it.file.clone(), it.line, it.column));
    problems
}

/// The versions of workflows that leads may be on and do not enter any more.
pub(super) fn elders(definitions: &Definitions) -> impl Iterator<Item = &Workflow> {
    let structures = definitions.structures.values().map(AsRef::as_ref);
    structures.filter(|it| !is_live(definitions, it))
}

fn is_live(definitions: &Definitions, workflow: &Workflow) -> bool {
    definitions
        .workflow(&workflow.name)
        .is_some_and(|live| live.workflow.version == workflow.version)
}

fn lacking<'d>(
    definitions: &'d Definitions,
    templates: &Templates,
    sources: &HashMap<String, Source>,
    workflows: impl Iterator<Item = &'d Workflow>,
) -> Vec<RenderProblem> {
    let senders = senders(definitions, workflows);
    let mut problems = Vec::new();
    let mails = templates
        .mails
        .iter()
        .flat_map(|(name, variants)| variants.values().map(move |mail| (name, &mail.file)));
    for (name, file) in mails {
        let Some(workflows) = senders.get(name) else { continue };
        for source in sources.values().filter(|source| source.file == *file) {
            for tag in source.tags() {
                let read = variables(&source.text[tag.range.clone()]);
                for variable in read.iter().filter(|it| it.name == CAMPAIGN) {
                    let offset = tag.range.start + variable.offset;
                    let has_one =
                        || workflows.iter().any(|it| definitions.campaign_of(it).is_some());
                    if is_printed_whole(&tag, &source.text, variable) && has_one() {
                        let message = format!("`{CAMPAIGN}` is the workflow's campaign, no text");
                        let hint = format!("write {CAMPAIGN}.title, or another field of it");
                        problems.push(source.problem(offset, message, Some(hint)));
                    }
                    let Some(field) = variable.path.first() else { continue };
                    if variable.guarded {
                        continue;
                    }
                    let lacks = workflows.iter().find_map(|it| lack(definitions, it, field));
                    problems
                        .extend(lacks.map(|(message, hint)| source.problem(offset, message, hint)));
                }
            }
        }
    }
    problems
}

/// Whether all of a campaign would be written into the mail, which no reader could make sense of: it goes
/// before the lead's attribute of the same name.
fn is_printed_whole(tag: &Tag, text: &str, variable: &Variable<'_>) -> bool {
    let start = tag.range.start + variable.offset;
    let before = text[tag.range.start..start].trim_end();
    let after = text[start + variable.name.len()..tag.range.end].trim_start();
    let is_asked_for = before.ends_with("if") || after.starts_with("is ");
    tag.kind == TagKind::Print
        && variable.path.is_empty()
        && !after.starts_with('[')
        && !is_asked_for
}

/// Why a workflow's mail would be parked for want of this field.
fn lack(
    definitions: &Definitions,
    workflow: &Workflow,
    field: &str,
) -> Option<(String, Option<String>)> {
    let Some(campaign) = definitions.campaign_of(workflow) else {
        let sends = format!("workflow `{}` sends this mail and names no campaign", workflow.name);
        return Some(if is_live(definitions, workflow) {
            (sends, Some("add to the workflow: campaign: …".to_owned()))
        } else {
            let default = format!("give it a default: {{{{ {CAMPAIGN}.{field} or \"…\" }}}}");
            (format!("an earlier version of {sends}; {default}"), None)
        });
    };
    let Campaign { dates, variables, .. } = campaign;
    let fields = || OWN.into_iter().chain(dates.keys().chain(variables.keys()).map(Name::as_str));
    if fields().any(|known| known == field) {
        return None;
    }
    let message = format!("campaign `{}` has no date and no variable `{field}`", campaign.name);
    Some((message, meant(field, fields())))
}

/// Which of these workflows send each mail.
pub(super) fn senders<'d>(
    definitions: &'d Definitions,
    workflows: impl Iterator<Item = &'d Workflow>,
) -> BTreeMap<&'d Name, Vec<&'d Workflow>> {
    let mut senders: BTreeMap<&Name, Vec<&Workflow>> = BTreeMap::new();
    for workflow in workflows {
        for step in workflow.steps.iter() {
            for mail in definitions.mails_of(&step.kind) {
                senders.entry(mail).or_default().push(workflow);
            }
        }
    }
    senders
}
