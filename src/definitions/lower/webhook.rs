//! `webhook:` → what another system is told.

use super::{attributes, read, step::Made, workflow::Known};
use crate::{
    definitions::{
        names::{is_slug, slug_hint},
        nearest::{did_you_mean, nearest},
        node::{Data, Node},
        problem::{File, quote},
    },
    domain::{
        name::Name,
        value::{Slot, Value},
        webhook::{OnFailure, Webhook},
        workflow::StepKind,
    },
};

/// The most that one call tells beside who the lead is.
const MOST: usize = 50;

pub(super) fn lower(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let target = target(file, node, known);
    let data = fields.optional("data", |node| data(file, node));
    let attributes = fields.optional("attributes", |node| slots(file, node, known));
    let on_failure = fields
        .optional("on_failure", |node| read::word(file, node, "on_failure", &OnFailure::WORDS));
    let target = target?;
    let step = Webhook {
        target: target.clone(),
        data: data?.unwrap_or_default(),
        attributes: attributes?.unwrap_or_default(),
        on_failure: on_failure?.unwrap_or_default(),
    };
    Some((format!("webhook.{target}"), StepKind::Webhook(step)))
}

fn target(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    let name = read::text(file, node, "webhook")?;
    if !is_slug(name) {
        let message = format!("`{}` is no target of a webhook", quote(name));
        let hint = if name.contains("://") {
            "a file names a target; its URL stands in nurtured.toml, under [webhook.crm]".to_owned()
        } else {
            slug_hint(name)
        };
        file.error("bad-name", node.span, message, Some(hint));
        return None;
    }
    if let Some(targets) = known.targets.filter(|targets| !targets.contains(name)) {
        let message = format!("nurtured.toml has no target `{name}`");
        let hint = did_you_mean(name, targets.iter().map(Name::as_str))
            .unwrap_or_else(|| format!("add [webhook.{name}] with its `url` and `secret_file`"));
        file.error("unknown-webhook", node.span, message, Some(hint));
    }
    Some(name.into())
}

fn data(file: &File<'_>, node: &Node) -> Option<Vec<(Name, Value)>> {
    let entries = read::map(file, node, "`data`")?;
    if entries.len() > MOST {
        file.error("too-large", node.span, format!("`data` has more than {MOST} keys"), None);
        return None;
    }
    let mut data = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let Data::Scalar(scalar) = &value.data else {
            let message = format!("`{}` is one text", quote(&key.text));
            let hint =
                "an attribute of the lead is told by its name: attributes: [interest]".to_owned();
            file.error("wrong-type", value.span, message, Some(hint));
            continue;
        };
        if scalar.text.contains("{{") || scalar.text.contains("{%") {
            let message = "`data` is told as it is written".to_owned();
            let hint =
                "an attribute of the lead is told by its name: attributes: [interest]".to_owned();
            file.error("bad-value", value.span, message, Some(hint));
            continue;
        }
        // A release keeps what is written as texts.
        let value = Value::Text(scalar.text.as_str().into());
        data.push((key.text.as_str().into(), value));
    }
    (data.len() == entries.len()).then_some(data)
}

fn slots(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Vec<Slot>> {
    let items: Vec<&Node> = match &node.data {
        Data::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let schema = &known.conditions.schema;
    let slot = |node: &&Node| {
        let name = read::text(file, node, "attributes")?;
        let slot = schema.slot(name);
        if slot.is_none() {
            let message = format!("leads have no attribute `{}`", quote(name));
            let names = schema.iter().map(|(_, attribute)| attribute.name.as_str());
            let hint = nearest(name, names).map_or_else(
                || attributes::hint_for_unknown(name),
                |word| format!("did you mean `{word}`?"),
            );
            file.error("unknown-attribute", node.span, message, Some(hint));
        }
        slot
    };
    let found: Vec<Option<Slot>> = items.iter().map(slot).collect();
    found.into_iter().collect()
}
