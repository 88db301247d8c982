//! The policy's `caps`, `min_gap`, `sunset` and `accounts` → how often leads are written to.

use std::collections::BTreeSet;

use super::{Found, conditions::Conditions, read};
use crate::{
    definitions::{
        nearest::did_you_mean,
        node::Node,
        problem::{File, Span, quote},
        schema,
    },
    domain::{
        account::{AccountRules, MostPeople},
        caps::{self, Cap, Caps, Counted, Rung, Sunset},
        event::EventKind,
        facts::{FactKey, ObjectFilter},
        name::Name,
        policy::Policy,
        schedule::WaitSpec,
    },
};

/// What shows that a lead is there.
const LIFE: [EventKind; 6] = [
    EventKind::MAIL_OPENED,
    EventKind::MAIL_CLICKED,
    EventKind::PAGE_VISITED,
    EventKind::FORM_SUBMITTED,
    EventKind::LEAD_REPLIED,
    EventKind::LEAD_ANSWERED,
];
/// How many hits of each are remembered: the last may not be judged yet.
const LIFE_RING: usize = 4;

pub(super) fn lower(
    found: &Found<'_>,
    policy: &Policy,
    workflows: &BTreeSet<Name>,
    conditions: &Conditions,
) -> Caps {
    let (file, mut caps) = (found.file, Caps::default());
    // What else is wrong with it was said before.
    let get = |key: &str| found.node().get(key);
    if let Some(node) = get("caps") {
        for rule in read::list(file, node, "caps").unwrap_or(&[]) {
            let Some(cap) = cap(file, rule, policy, workflows) else { continue };
            let same = |known: &&Cap| known.span == cap.span && known.counted == cap.counted;
            if let Some(known) = caps.caps.iter().find(same) {
                let message = format!("there is a cap over the same mails and days: {known}");
                file.error("conflict", rule.span, message, Some("keep the lower one".to_owned()));
                continue;
            }
            caps.caps.push(cap);
        }
        if caps.caps.iter().map(|cap| usize::from(cap.mails)).sum::<usize>() > Caps::MOST {
            let message = format!(
                "the caps count more than {} mails together, and each is remembered of each lead",
                Caps::MOST
            );
            file.error("too-large", node.span, message, None);
        }
    }
    caps.min_gap = get("min_gap").and_then(|node| gap(file, node, "min_gap"));
    if let Some(node) = get("sunset") {
        caps.sunset = sunset(file, node, conditions);
    }
    caps
}

fn cap(file: &File<'_>, node: &Node, policy: &Policy, workflows: &BTreeSet<Name>) -> Option<Cap> {
    let fields = read::Fields::open(file, node, "a cap", &schema::CAP)?;
    let mails = fields.need("mails", "mails: 3")?;
    let mails = match read::whole(file, mails, "mails", (1, Cap::MOST.into())) {
        Some(mails) => u16::try_from(mails).ok()?,
        None => return None,
    };
    let span = span(file, fields.need("per", "per: week")?)?;
    let purpose = fields.get("purpose").map(|node| {
        let purposes = policy.purposes.keys();
        let written = read::text(file, node, "purpose")?;
        known(file, (written, node.span), "purpose", "unknown-purpose", purposes)
    });
    let workflow = fields.get("workflow").map(|node| {
        let written = read::text(file, node, "workflow")?;
        known(file, (written, node.span), "workflow", "unknown-workflow", workflows.iter())
    });
    let counted = match (purpose, workflow) {
        (None, None) => Counted::All,
        (Some(purpose), None) => Counted::Purpose(purpose?),
        (None, Some(workflow)) => Counted::Workflow(workflow?),
        (Some(_), Some(_)) => {
            let message = "a cap is for a purpose or for a workflow";
            let hint = "a workflow has one purpose: leave `purpose` out".to_owned();
            file.error("conflict", fields.key_span("workflow"), message, Some(hint));
            return None;
        }
    };
    Some(Cap { mails, span, counted })
}

/// The name as it is among those that are known.
pub(super) fn known<'n>(
    file: &File<'_>,
    (written, span): (&str, Span),
    what: &str,
    rule: &'static str,
    names: impl Iterator<Item = &'n Name> + Clone,
) -> Option<Name> {
    if let Some(name) = names.clone().find(|name| *name == written) {
        return Some(name.clone());
    }
    let message = format!("there is no {what} `{}`", quote(written));
    file.error(rule, span, message, did_you_mean(written, names.map(Name::as_str)));
    None
}

pub(super) fn accounts(found: &Found<'_>) -> AccountRules {
    let (file, mut rules) = (found.file, AccountRules::default());
    let Some(node) = found.node().get("accounts") else { return rules };
    let Some(fields) = read::Fields::open(file, node, "`accounts`", &schema::ACCOUNTS) else {
        return rules;
    };
    rules.people = fields.get("people").and_then(|node| most_people(file, node));
    rules.reply_stops = fields.get("reply_stops").and_then(|node| gap(file, node, "reply_stops"));
    rules
}

fn most_people(file: &File<'_>, node: &Node) -> Option<MostPeople> {
    let fields = read::Fields::open(file, node, "`people`", &schema::MOST_PEOPLE)?;
    let most = fields.need("at_most", "at_most: 2");
    let most = most
        .and_then(|node| read::whole(file, node, "at_most", (1, MostPeople::MOST.into())))
        .and_then(|people| u16::try_from(people).ok());
    let per = fields.need("per", "per: week")?;
    let caps::Span::Days(days) = span(file, per)? else {
        let message = "who was written to once would stand in the way of all others for ever";
        let hint = "write day, week, month, or days: 10d".to_owned();
        file.error("bad-value", per.span, message, Some(hint));
        return None;
    };
    Some(MostPeople { people: most?, days })
}

/// `day`, `week`, `month`, `lifetime`, or days: `10d`.
fn span(file: &File<'_>, node: &Node) -> Option<caps::Span> {
    let written = read::text(file, node, "per")?;
    match written {
        "day" => return Some(caps::Span::Days(1)),
        "week" => return Some(caps::Span::Days(7)),
        "month" => return Some(caps::Span::Days(30)),
        "lifetime" => return Some(caps::Span::Lifetime),
        _ => {}
    }
    match WaitSpec::parse(written) {
        Ok(WaitSpec::Civil { months: 0, days }) => Some(caps::Span::Days(days)),
        _ => {
            let message = format!("`per` cannot be `{}`", quote(written));
            let hint = "write day, week (7 days in a row), month (30), lifetime, or days: 10d";
            file.error("bad-value", node.span, message, Some(hint.to_owned()));
            None
        }
    }
}

fn gap(file: &File<'_>, node: &Node, what: &str) -> Option<WaitSpec> {
    let written = read::text(file, node, what)?;
    let wrong = match WaitSpec::parse(written) {
        Ok(WaitSpec::Until { .. }) => format!("`{}` is no length of time", quote(written)),
        Ok(gap) => return Some(gap),
        Err(error) => error.to_string(),
    };
    let hint = "write it like `20h`, `3d` or `2 business days`".to_owned();
    file.error("bad-wait", node.span, wrong, Some(hint));
    None
}

fn sunset(file: &File<'_>, node: &Node, conditions: &Conditions) -> Sunset {
    let mut rungs: Vec<Rung> = Vec::new();
    for node in read::list(file, node, "sunset").unwrap_or(&[]) {
        let Some(rung) = rung(file, node) else { continue };
        let complaint = match rungs.last() {
            Some(Rung { gap: None, .. }) => "after `for ever` there is nothing more",
            Some(before) if before.unanswered >= rung.unanswered => {
                "`unanswered` grows from rung to rung"
            }
            Some(before) if is_shorter(rung.gap.as_ref(), before.gap.as_ref()) => {
                "`gap` grows from rung to rung"
            }
            _ => {
                rungs.push(rung);
                continue;
            }
        };
        file.error("conflict", node.span, complaint, None);
    }
    let mut plan = conditions.plan.borrow_mut();
    let mut fact = |kind| plan.ask(FactKey { kind, filter: ObjectFilter::Any }, LIFE_RING);
    let life = if rungs.is_empty() { Vec::new() } else { LIFE.map(&mut fact).to_vec() };
    Sunset { rungs, life }
}

fn is_shorter(gap: Option<&WaitSpec>, before: Option<&WaitSpec>) -> bool {
    gap.zip(before).is_some_and(|(gap, before)| gap.approximate() < before.approximate())
}

fn rung(file: &File<'_>, node: &Node) -> Option<Rung> {
    let fields = read::Fields::open(file, node, "a rung of `sunset`", &schema::RUNG)?;
    let unanswered = fields.need("unanswered", "unanswered: 3");
    let unanswered = unanswered
        .and_then(|node| read::whole(file, node, "unanswered", (1, Cap::MOST.into())))
        .and_then(|unanswered| u16::try_from(unanswered).ok());
    let node = fields.need("gap", "gap: 21d")?;
    let gap = match read::text(file, node, "gap")? {
        schema::FOR_EVER => None,
        _ => Some(gap(file, node, "gap")?),
    };
    Some(Rung { unanswered: unanswered?, gap })
}
