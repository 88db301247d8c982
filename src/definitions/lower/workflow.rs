//! `workflow:` → who enters, what happens, when they leave.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Found,
    conditions::Conditions,
    dates::Dates,
    enter, on_change, read,
    send::{self, Send},
    steps,
};
use crate::{
    config::OwnDomains,
    definitions::{nearest::did_you_mean, node::Node, problem::File, schema},
    domain::{
        campaign::Campaign, condition::Scope, name::Name, on_change::OnChange, people::Person,
        policy::Policy, workflow::Workflow,
    },
};

/// What a workflow may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub conditions: &'a Conditions,
    pub policy: &'a Policy,
    pub purposes: &'a BTreeSet<Name>,
    /// Persons and teams.
    pub people: &'a BTreeSet<Name>,
    pub teams: &'a BTreeSet<Name>,
    pub persons: &'a BTreeMap<Name, Person>,
    /// `None`: no configuration says where mail may come from.
    pub own: Option<&'a OwnDomains>,
    /// `None`: no configuration names targets of webhooks.
    pub targets: Option<&'a BTreeSet<Name>>,
    /// `None`: one with problems of its own, which are told.
    pub campaigns: &'a BTreeMap<Name, Option<Campaign>>,
    pub streams: &'a BTreeSet<Name>,
    /// Those that are live; `None`: whatever an earlier version names.
    pub workflows: Option<&'a BTreeSet<Name>>,
    /// The one that is read.
    pub this: Option<&'a Name>,
    /// Those of the workflow's campaign.
    pub dates: Dates<'a>,
}

/// `None` if there are problems that leave no workflow; all are reported.
pub(super) fn lower(found: &Found<'_>, known: &Known<'_>) -> Option<Workflow> {
    let (file, node) = (found.file, found.node());
    let name = &found.unit.name;
    let what = format!("workflow `{name}`");
    let fields = read::Fields::open(file, node, &what, &schema::WORKFLOW)?;
    let about = fields.get("about").and_then(|node| read::text(file, node, "about"));
    let campaign = fields.optional("campaign", |node| campaign(file, node, known));
    let dates = match &campaign {
        Some(None) if !fields.has("campaign") => Dates::None,
        Some(Some(name)) => match known.campaigns.get(name) {
            Some(Some(campaign)) => Dates::Of(campaign),
            _ => Dates::Unknown,
        },
        _ => Dates::Unknown,
    };
    let known = &Known { dates, this: Some(name), ..*known };
    let purpose = fields
        .need("purpose", "purpose: insights, the consent that each of its mails needs")
        .and_then(|node| purpose(file, node, known));
    let priority = match fields.get("priority") {
        None => Some(0),
        Some(node) => read::whole(file, node, "priority", (-1000, 1000)),
    };
    let example = "enter: { segment: cold-prospects, existing: no }";
    let enter = fields.need("enter", example).and_then(|node| enter::lower(file, node, known));
    let is_keyed = node.get("enter").is_some_and(|enter| enter.get("each").is_some());
    known.conditions.keyed.set(is_keyed);
    let mut ends = ["goal", "leave"].map(|key| {
        let node = fields.get(key)?;
        known.conditions.compile(file, node, key, Scope::Workflow)
    });
    let send =
        fields.get("send").map_or(Some(Send::default()), |node| send::lower(file, node, known));
    let has_end = fields.has("goal") || fields.has("leave");
    let steps = fields
        .need("steps", "steps: and below it a list of `- email: …`, `- wait: …`")
        .and_then(|node| steps::lower(file, node, known, has_end));
    known.conditions.keyed.set(false);
    let enter::Door { enter, existing, again, each } = enter?;
    let on_change = match (fields.get("on_change"), &steps) {
        (None, _) if fields.has("on_change") => None,
        (None, _) => Some(OnChange::Pin),
        (Some(node), Some(steps)) => on_change::lower(file, node, steps),
        // Which steps there are is not known.
        (Some(_), None) => None,
    };
    let Send { window, now, not_after, from, reply_to, in_doubt, on_failure, at_most } = send?;
    let [goal, leave] = [ends[0].take(), ends[1].take()];
    Some(Workflow {
        name: name.clone(),
        version: found.unit.version.clone(),
        about: about.unwrap_or("").to_owned(),
        campaign: campaign?,
        purpose: purpose?,
        priority: priority?,
        enter,
        existing,
        again,
        each,
        goal,
        leave,
        window,
        now,
        not_after,
        from,
        reply_to,
        in_doubt,
        on_failure,
        at_most,
        on_change: on_change?,
        steps: steps?,
    })
}

fn purpose(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    let name = read::slug(file, node, "purpose")?;
    if !known.purposes.contains(name) {
        let message = format!("there is no purpose `{name}`");
        let words = known.purposes.iter().map(crate::domain::name::Name::as_str);
        let hint = did_you_mean(name, words).unwrap_or_else(|| {
            format!(
                "declare it in a policy file: policy: {{ tracking: nobody, purposes: {{ {name}: \
                 {{ label: \"…\", basis: [consent] }} }} }}"
            )
        });
        file.error("unknown-purpose", node.span, message, Some(hint));
    }
    Some(name.into())
}

fn campaign(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    let name = read::slug(file, node, "campaign")?;
    if !known.campaigns.contains_key(name) {
        let message = format!("there is no campaign `{name}`");
        let hint =
            did_you_mean(name, known.campaigns.keys().map(Name::as_str)).unwrap_or_else(|| {
                format!("write workflows/{name}.campaign.yaml, beginning with: campaign: {name}")
            });
        file.error("unknown-campaign", node.span, message, Some(hint));
        return None;
    }
    Some(name.into())
}
