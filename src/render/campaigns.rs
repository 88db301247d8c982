//! What mails read of the campaigns of the workflows that send them is there.

use std::collections::{BTreeMap, HashMap};

use super::{lint::nearest, problem::RenderProblem, source::Source, tags::variables};
use crate::domain::{
    campaign::Campaign,
    definitions::Definitions,
    name::Name,
    template::Templates,
    workflow::{StepKind, Workflow},
};

/// What a campaign is called in templates, and what it always has.
pub(super) const CAMPAIGN: &str = "campaign";
const OWN: [&str; 2] = ["name", "title"];

/// The fields of campaigns that mails read without giving anything in their place, and that are not there.
pub(super) fn missing_fields(
    definitions: &Definitions,
    templates: &Templates,
    sources: &HashMap<String, Source>,
) -> Vec<RenderProblem> {
    let senders = senders(definitions);
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
                for variable in read.iter().filter(|it| it.name == CAMPAIGN && !it.guarded) {
                    let Some(field) = variable.path.first() else { continue };
                    let offset = tag.range.start + variable.offset;
                    let lacks = workflows.iter().find_map(|it| lack(definitions, it, field));
                    problems
                        .extend(lacks.map(|(message, hint)| source.problem(offset, message, hint)));
                }
            }
        }
    }
    problems
}

/// Why a workflow's mail would be parked for want of this field.
fn lack(
    definitions: &Definitions,
    workflow: &Workflow,
    field: &str,
) -> Option<(String, Option<String>)> {
    let Some(campaign) = definitions.campaign_of(workflow) else {
        let message = format!("workflow `{}` sends this mail and names no campaign", workflow.name);
        return Some((message, Some("add to the workflow: campaign: …".to_owned())));
    };
    let Campaign { dates, variables, .. } = campaign;
    let fields = || OWN.into_iter().chain(dates.keys().chain(variables.keys()).map(Name::as_str));
    if fields().any(|known| known == field) {
        return None;
    }
    let message = format!("campaign `{}` has no date and no variable `{field}`", campaign.name);
    Some((message, nearest(field, fields())))
}

/// The live workflows that send each mail.
fn senders(definitions: &Definitions) -> BTreeMap<&Name, Vec<&Workflow>> {
    let mut senders: BTreeMap<&Name, Vec<&Workflow>> = BTreeMap::new();
    for live in definitions.workflows.iter() {
        for step in live.workflow.steps.iter() {
            if let StepKind::Email { template, .. } = &step.kind {
                senders.entry(template).or_default().push(&live.workflow);
            }
        }
    }
    senders
}
