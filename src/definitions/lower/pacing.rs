//! The policy's `pacing` → how fast mails leave.

use std::collections::BTreeSet;

use super::{Found, caps::known, read};
use crate::{
    definitions::{
        names::{is_slug, slug_hint},
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        address::Address,
        name::Name,
        pace::{NoRate, Pacing, Provider, Rate},
    },
};

pub(super) fn lower(found: &Found<'_>, workflows: &BTreeSet<Name>) -> Pacing {
    let (file, mut pacing) = (found.file, Pacing::default());
    if let Some(node) = found.node().get("catch_up") {
        pacing.catch_up = rate(file, node, "catch_up");
    }
    let Some(node) = found.node().get("pacing") else { return pacing };
    let Some(fields) = read::Fields::open(file, node, "`pacing`", &schema::PACING) else {
        return pacing;
    };
    pacing.all = fields.get("all").and_then(|node| rate(file, node, "all"));
    pacing.each_domain = fields.get("each_domain").and_then(|node| rate(file, node, "each_domain"));
    if let Some(node) = fields.get("providers") {
        for (key, node) in read::map(file, node, "`providers`").unwrap_or(&[]) {
            if !is_slug(&key.text) {
                let message = format!("`{}` cannot be the name of a provider", quote(&key.text));
                file.error("bad-name", key.span, message, Some(slug_hint(&key.text)));
            } else if let Some(provider) = provider(file, &key.text, node, &pacing.providers) {
                pacing.providers.push(provider);
            }
        }
    }
    if let Some(node) = fields.get("workflows") {
        for (key, node) in read::map(file, node, "`workflows`").unwrap_or(&[]) {
            let named = (key.text.as_str(), key.span);
            let name = known(file, named, "workflow", "unknown-workflow", workflows.iter());
            if let (Some(name), Some(rate)) = (name, rate(file, node, &key.text)) {
                pacing.workflows.insert(name, rate);
            }
        }
    }
    pacing
}

fn provider(file: &File<'_>, name: &str, node: &Node, others: &[Provider]) -> Option<Provider> {
    let what = format!("provider `{name}`");
    let fields = read::Fields::open(file, node, &what, &schema::PROVIDER)?;
    let rate = fields.need("rate", "rate: 300 per hour").and_then(|node| rate(file, node, "rate"));
    let node = fields.need("domains", "domains: [gmail.com, googlemail.com]")?;
    let mut domains: Vec<Name> = Vec::new();
    for node in read::list(file, node, "domains").unwrap_or(&[]) {
        let Some(written) = read::text(file, node, "domains") else { continue };
        // As addresses have it: in lower case, and in ASCII.
        let Ok(address) = Address::parse(&format!("a@{written}")) else {
            let message = format!("`{}` is no domain", quote(written));
            file.error("bad-value", node.span, message, Some("write: gmail.com".to_owned()));
            continue;
        };
        let domain = Name::from(address.domain());
        if let Some(other) = others.iter().find(|other| other.domains.contains(&domain)) {
            let message = format!("`{domain}` is of provider `{}` already", other.name);
            file.error("conflict", node.span, message, None);
        }
        domains.push(domain);
    }
    Some(Provider { name: name.into(), domains, rate: rate? })
}

/// `20 per minute`.
fn rate(file: &File<'_>, node: &Node, what: &str) -> Option<Rate> {
    let written = read::text(file, node, what)?;
    let rate = written.parse::<Rate>();
    let wrong = |hint: NoRate| {
        let message = format!("`{what}` is a rate; this is `{}`", quote(written));
        file.error("bad-value", node.span, message, Some(hint.to_string()));
    };
    rate.map_err(wrong).ok()
}
