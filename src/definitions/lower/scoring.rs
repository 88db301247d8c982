//! `scoring:` → points, temperature and the rules that move leads between stages.

use std::collections::BTreeSet;

use super::{conditions::Conditions, reach::Reach, read};
use crate::{
    definitions::{
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        condition::Scope,
        facts::FactPlan,
        lead::Stage,
        name::Name,
        score::{EngagementRule, FitRule, MilliPoints, Scoring, StageRule},
    },
};

/// Far below where sums of milli-points could overflow.
const MOST_POINTS: f64 = 100_000.0;
/// The longest name of a rule, in characters.
const LONGEST: usize = 60;
/// The most rules of a kind.
const MOST_RULES: usize = 500;

pub(super) fn lower(file: &File<'_>, node: &Node, conditions: &Conditions) -> Scoring {
    let mut scoring = Scoring::default();
    let Some(fields) = read::Fields::open(file, node, "`scoring`", &schema::SCORING) else {
        return scoring;
    };
    if let Some(length) = fields.get("half_life")
        && let Some(length) = read::duration(file, length, "half_life")
    {
        scoring.half_life = length;
    }
    let mut names = Names::default();
    let written = rules(file, &fields, "engagement");
    for rule in written {
        scoring.engagement.extend(engagement(file, rule, conditions, &mut names));
    }
    if scoring.engagement.len() == written.len() {
        let _ = conditions.reach.set(Reach::new(&scoring.engagement));
    }
    let mut names = Names::default();
    for rule in rules(file, &fields, "fit") {
        scoring.fit.extend(fit(file, rule, conditions, &mut names));
    }
    if let Some(node) = fields.get("temperature") {
        temperature(file, node, &mut scoring, conditions.reach.get().copied());
    }
    for rule in rules(file, &fields, "stages") {
        scoring.stages.extend(stage(file, rule, conditions));
    }
    scoring
}

fn rules<'a>(file: &File<'_>, fields: &read::Fields<'a>, key: &str) -> &'a [Node] {
    let Some(node) = fields.get(key) else { return &[] };
    let rules = read::list(file, node, key).unwrap_or(&[]);
    if rules.len() > MOST_RULES {
        file.error("too-large", node.span, format!("more than {MOST_RULES} rules"), None);
        return &[];
    }
    rules
}

/// The names of rules, under which a ledger lists the points: each once.
#[derive(Default)]
struct Names(BTreeSet<Name>);

impl Names {
    /// The rule's own name, else what it asks; a repeat gets `#2`.
    fn of(&mut self, file: &File<'_>, fields: &read::Fields<'_>, asks: &str) -> Option<Name> {
        let asked: String =
            asks.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect();
        let Some(node) = fields.get("name") else {
            let unique = (1..).map(|n| match n {
                1 => Name::from(asked.as_str()),
                n => Name::from(format!("{asked} #{n}")),
            });
            return unique.into_iter().find(|name| self.0.insert(name.clone()));
        };
        let name = read::text(file, node, "name")?;
        if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
            let message = format!("`{}` cannot be the name of a rule", quote(name));
            file.error("bad-name", node.span, message, Some("use 1 to 60 characters".to_owned()));
            return None;
        }
        if !self.0.insert(name.into()) {
            let message = format!("two rules are called `{}`", quote(name));
            file.error("duplicate-name", node.span, message, None);
            return None;
        }
        Some(name.into())
    }
}

fn engagement(
    file: &File<'_>,
    node: &Node,
    conditions: &Conditions,
    names: &mut Names,
) -> Option<EngagementRule> {
    const EXAMPLE: &str = "{ on: visited(\"/pricing\"), points: 10, cap: 30 }";
    let fields = read::Fields::open(file, node, "an engagement rule", &schema::ENGAGEMENT_RULE)?;
    let on = fields.need("on", EXAMPLE);
    let points = fields.need("points", "points: 10").and_then(|node| points(file, node, "points"));
    let cap = fields.need("cap", "cap: 30, the most that this rule may give at a time");
    let limit = cap.and_then(|node| self::points(file, node, "cap"));
    let on = on?;
    let key = conditions.fact(file, on, "on");
    let name = names.of(file, &fields, on.text().unwrap_or(""));
    let hits = hits(file, cap?, points?, limit?);
    let (key, name, hits) = (key?, name?, hits?);
    let fact = conditions.plan.borrow_mut().ask(key, hits);
    Some(EngagementRule { name, fact, points: points?, hits })
}

/// How many hits count: `cap / points`.
fn hits(file: &File<'_>, at: &Node, points: MilliPoints, cap: MilliPoints) -> Option<usize> {
    let (each, all) = (points.0.abs(), cap.0.abs());
    let most = i64::try_from(FactPlan::MAX_RING).unwrap_or(i64::MAX);
    if all < each {
        let message = format!("the cap {cap} is below the {points} points of one hit");
        file.error("bad-value", at.span, message, Some(format!("write: cap: {points}")));
        return None;
    }
    let hits = all / each;
    if hits > most {
        let message = format!("{hits} hits would count; at most {most} are remembered");
        let hint = format!("write: cap: {}", MilliPoints(each * most));
        file.error("bad-value", at.span, message, Some(hint));
        return None;
    }
    if all % each != 0 {
        let real = MilliPoints(each * hits);
        let message =
            format!("{hits} hits of {points} points make {real}: the cap is {real}, not {cap}");
        file.warning("cap-rounded", at.span, message, Some(format!("write: cap: {real}")));
    }
    usize::try_from(hits).ok()
}

fn fit(
    file: &File<'_>,
    node: &Node,
    conditions: &Conditions,
    names: &mut Names,
) -> Option<FitRule> {
    let fields = read::Fields::open(file, node, "a fit rule", &schema::FIT_RULE)?;
    let when = fields.need("when", "when: country == \"Italy\"");
    let points = fields.need("points", "points: 20").and_then(|node| points(file, node, "points"));
    let when = when?;
    let name = names.of(file, &fields, when.text().unwrap_or(""));
    let when = conditions.compile(file, when, "when", Scope::Fit);
    Some(FitRule { name: name?, when: when?, points: points? })
}

fn points(file: &File<'_>, node: &Node, what: &str) -> Option<MilliPoints> {
    let found = read::number(file, node, what)?;
    let milli = (found * 1000.0).round();
    let exact = (found * 1000.0 - milli).abs() < 1e-6;
    if milli == 0.0 || found.abs() > MOST_POINTS || !exact {
        let message = format!(
            "`{what}` is a number of points: not 0, at most 100000, with 3 decimals at most"
        );
        file.error("bad-value", node.span, message, None);
        return None;
    }
    #[allow(clippy::cast_possible_truncation)] // bounded by the line above
    let milli = milli as i64;
    Some(MilliPoints(milli))
}

fn temperature(file: &File<'_>, node: &Node, scoring: &mut Scoring, reach: Option<Reach>) {
    let fields = read::Fields::open(file, node, "`temperature`", &schema::TEMPERATURE);
    let Some(fields) = fields else { return };
    for (key, example) in [("warm", "warm: 20"), ("hot", "hot: 50")] {
        let Some(node) = fields.need(key, example) else { continue };
        if let Some(found) = points(file, node, key) {
            if key == "warm" {
                scoring.warm = found;
            } else {
                scoring.hot = found;
            }
        }
    }
    if scoring.warm.0 <= 0 || scoring.hot <= scoring.warm {
        let message =
            format!("warm ({}) must be above 0 and below hot ({})", scoring.warm, scoring.hot);
        file.error("bad-value", fields.at(), message, None);
        return;
    }
    for (key, bound) in [("warm", scoring.warm), ("hot", scoring.hot)] {
        if let (Some(reach), Some(node)) = (reach, fields.get(key)) {
            reach.warn(file, node.span, bound);
        }
    }
}

fn stage(file: &File<'_>, node: &Node, conditions: &Conditions) -> Option<StageRule> {
    let words = Stage::ALL.map(|stage| (stage.word(), stage));
    let fields = read::Fields::open(file, node, "a stage rule", &schema::STAGE_RULE)?;
    let from = fields.need("from", "from: [lead]");
    let to = fields.need("to", "to: mql").and_then(|node| read::word(file, node, "to", &words));
    let when = fields
        .need("when", "when: fit >= 40 and engagement >= 30")
        .and_then(|node| conditions.compile(file, node, "when", Scope::Lead));
    let mut stages = Vec::new();
    let written = read::list(file, from?, "from")?;
    for node in written {
        let Some(stage) = read::word(file, node, "from", &words) else { continue };
        if Some(stage) == to {
            let message = format!("this rule goes from `{stage}` to `{stage}`");
            file.error("bad-value", node.span, message, None);
        }
        stages.push(stage);
    }
    if written.is_empty() {
        file.error("bad-value", from?.span, "`from` names no stage", None);
        return None;
    }
    Some(StageRule { from: stages, to: to?, when: when? })
}
