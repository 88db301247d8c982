//! `policy:` → the house rules.

use super::{Found, days_off, read};
use crate::{
    definitions::{
        names::{is_language, is_slug, slug_hint},
        nearest::did_you_mean,
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        lead::Basis,
        policy::{Policy, Purpose, Tracking},
        schedule::Window,
        time::Zone,
    },
};

pub(super) fn lower(found: &Found<'_>) -> Policy {
    let (file, node) = (found.file, found.node());
    let mut policy = Policy::default();
    let Some(fields) = read::Fields::open(file, node, "`policy`", &schema::POLICY) else {
        return policy;
    };
    if let Some(node) = fields.get("zone")
        && let Some(zone) = zone(file, node)
    {
        policy.zone = zone;
    }
    if let Some(node) = fields.get("language")
        && let Some(name) = language(file, node)
    {
        policy.language = name.into();
    }
    if let Some(node) = fields.get("zones") {
        policy.zones = days_off::zones(file, node);
    }
    policy.quiet = fields.get("quiet").and_then(|node| days_off::quiet(file, node));
    let calendar = fields.get("calendar");
    if let Some(node) = calendar {
        policy.calendar = days_off::calendar(file, node);
    }
    let written = fields.get("window");
    let all = written.map_or(Some(Window::always()), |node| window(file, node));
    if let Some(all) = all {
        // Without a window of the policy's own it is the calendar that shuts all.
        let at = written.or(calendar).unwrap_or(node);
        policy.window = days_off::kept(file, at, &all, &policy).unwrap_or(all);
    }
    if let Some(node) = fields.get("purposes") {
        purposes(file, node, &mut policy);
    }
    // Without tracking nothing is scored; with it, somebody must have decided for whom.
    let example = "tracking: with insights (or nobody, everybody)";
    if let Some(node) = fields.need("tracking", example)
        && let Some(found) = tracking(file, node, &policy)
    {
        policy.tracking = found;
    }
    policy
}

pub(super) fn zone(file: &File<'_>, node: &Node) -> Option<Zone> {
    let name = read::text(file, node, "zone")?;
    match Zone::named(name) {
        Ok(zone) => Some(zone),
        Err(error) => {
            file.error("bad-value", node.span, error.to_string(), nearest_zone(name));
            None
        }
    }
}

fn nearest_zone(written: &str) -> Option<String> {
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    crate::definitions::nearest::nearest(written, zones.iter().map(String::as_str))
        .map(|zone| format!("did you mean `{zone}`?"))
}

pub(super) fn language<'a>(file: &File<'_>, node: &'a Node) -> Option<&'a str> {
    let name = read::text(file, node, "language")?;
    if is_language(name) {
        return Some(name);
    }
    let message = format!("`{}` is no language", quote(name));
    file.error("bad-value", node.span, message, Some("write: en, it, pt-BR".to_owned()));
    None
}

/// `mon-fri 09:00-17:30`, or `always`.
pub(super) fn window(file: &File<'_>, node: &Node) -> Option<Window> {
    let written = read::text(file, node, "window")?;
    if written == "always" {
        return Some(Window::always());
    }
    match Window::parse(written) {
        Ok(window) => Some(window),
        Err(error) => {
            file.error("bad-window", node.span, error.to_string(), None);
            None
        }
    }
}

fn purposes(file: &File<'_>, node: &Node, policy: &mut Policy) {
    let Some(entries) = read::map(file, node, "`purposes`") else { return };
    let words = Basis::ALL.map(|basis| (basis.word(), basis));
    for (key, node) in entries {
        if !is_slug(&key.text) {
            let message = format!("`{}` cannot be the name of a purpose", quote(&key.text));
            file.error("bad-name", key.span, message, Some(slug_hint(&key.text)));
            continue;
        }
        let what = format!("purpose `{}`", key.text);
        let fields = read::Fields::open(file, node, &what, &schema::PURPOSE);
        let Some(fields) = fields else { continue };
        let label = fields
            .need("label", "label: News and insights, as the lead reads it when unsubscribing")
            .and_then(|node| read::text(file, node, "label"))
            .unwrap_or(&key.text);
        let mut basis = Vec::new();
        if let Some(node) = fields.need("basis", "basis: [consent]") {
            let items = read::list(file, node, "basis").unwrap_or(&[]);
            basis.extend(items.iter().filter_map(|node| read::word(file, node, "basis", &words)));
            if items.is_empty() {
                file.error("bad-value", node.span, "`basis` names no ground", None);
            }
        }
        policy.purposes.insert(key.text.as_str().into(), Purpose { label: label.into(), basis });
    }
}

fn tracking(file: &File<'_>, node: &Node, policy: &Policy) -> Option<Tracking> {
    let written = read::text(file, node, "tracking")?;
    match written {
        "nobody" => return Some(Tracking::Nobody),
        "everybody" => return Some(Tracking::Everybody),
        _ => {}
    }
    let purposes = policy.purposes.keys().map(crate::domain::name::Name::as_str);
    let Some(purpose) = written.strip_prefix("with ").map(str::trim) else {
        let message = format!("`tracking` cannot be `{}`", quote(written));
        let hint = "write: nobody, everybody, or `with` and a purpose".to_owned();
        file.error("bad-value", node.span, message, Some(hint));
        return None;
    };
    if policy.purposes.contains_key(purpose) {
        return Some(Tracking::With(purpose.into()));
    }
    let message = format!("there is no purpose `{}`", quote(purpose));
    file.error("unknown-purpose", node.span, message, did_you_mean(purpose, purposes));
    None
}
