//! `tests:` → cases: a lead, what happens to it, what is expected of it.

mod expect;
mod happens;
mod lead;
mod times;

use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::BTreeMap,
};

use jiff::civil::DateTime;

use super::{conditions::Conditions, read};
use crate::{
    definitions::{
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        case::{Case, Moment, Suite},
        condition::{KnownSegment, PatternRoom, known_questions},
        definitions::Definitions,
        facts::FactPlan,
        schedule::WaitSpec,
    },
};
use lead::Draft;

/// What cases may name: everything that the campaign folder defines.
pub(in crate::definitions) struct Known<'d> {
    pub(super) definitions: &'d Definitions,
    pub(super) conditions: Conditions,
}

impl<'d> Known<'d> {
    pub fn of(definitions: &'d Definitions) -> Self {
        let conditions = Conditions {
            schema: definitions.schema.clone(),
            segments: definitions.segments.iter().map(KnownSegment::from).collect(),
            templates: definitions.templates.mails.keys().cloned().collect(),
            questions: known_questions(&definitions.questions),
            plan: RefCell::new(definitions.plan.clone()),
            patterns: PatternRoom::default(),
            keyed: Cell::new(false),
            reach: OnceCell::new(),
        };
        Self { definitions, conditions }
    }

    /// The facts of the folder, and those that cases ask for besides.
    pub fn into_plan(self) -> FactPlan {
        self.conditions.plan.into_inner()
    }
}

/// How long a case lasts that does not say so.
const UNTIL: Moment = Moment::After(WaitSpec::Civil { months: 0, days: 30 });

/// What a file says of all its cases.
struct House<'n> {
    from: Option<DateTime>,
    until: Option<Moment>,
    lead: Option<&'n Node>,
}

/// The tests of a file, or those of them that could be read; all problems are reported.
pub(in crate::definitions) fn lower(file: &File<'_>, root: &Node, known: &Known<'_>) -> Suite {
    let empty = Suite { file: file.path.to_owned(), about: String::new(), cases: Vec::new() };
    let Some(fields) = read::Fields::open(file, root, "a file of tests", &schema::TESTS) else {
        return empty;
    };
    let about = fields.need("tests", "tests: what is tested");
    let about = about.and_then(|node| read::text(file, node, "tests")).unwrap_or_default();
    let house = House {
        from: fields.get("from").and_then(|node| beginning(file, node)),
        until: fields.get("until").and_then(|node| moment(file, node, "until")),
        lead: fields.get("lead"),
    };
    let cases = fields.need("cases", "cases: and below it the tests, each with `- case:`");
    let cases = cases.and_then(|node| read::list(file, node, "cases")).unwrap_or_default();
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut lowered = Vec::new();
    for node in cases {
        let Some(case) = case(file, node, &house, known) else { continue };
        if let Some(line) = names.insert(case.name.clone(), case.line) {
            let message = format!("`{}` is the case of line {line}, too", quote(&case.name));
            let hint = "give each case a name of its own".to_owned();
            file.error("duplicate-name", node.span, message, Some(hint));
        }
        lowered.push(case);
    }
    Suite { cases: lowered, about: about.to_owned(), ..empty }
}

fn case(file: &File<'_>, node: &Node, house: &House<'_>, known: &Known<'_>) -> Option<Case> {
    let fields = read::Fields::open(file, node, "a case", &schema::TEST_CASE)?;
    let name = fields
        .need("case", "case: who clicks gets the case study")
        .and_then(|node| read::text(file, node, "case"));
    let from = match fields.get("from") {
        Some(node) => beginning(file, node),
        None if house.from.is_some() => house.from,
        None => {
            fields.need("from", "from: 2027-03-01 08:00, here or above `cases`");
            None
        }
    };
    let until_node = fields.get("until");
    let until = match until_node {
        Some(node) => moment(file, node, "until"),
        None => Some(house.until.clone().unwrap_or(UNTIL)),
    };
    let mut draft = Draft::default();
    let lead = [house.lead, fields.get("lead")].into_iter().flatten();
    // All is read, also after what is wrong.
    let mut is_right = true;
    for node in lead {
        is_right &= draft.read(file, node, known);
    }
    let list = |key: &str| fields.get(key).map_or(Some(&[][..]), |it| read::list(file, it, key));
    let (happening, expected) = (list("happens"), list("expect"));
    let happens = happening.and_then(|nodes| all(nodes, |node| happens::lower(file, node, known)));
    let expects = expected.and_then(|nodes| all(nodes, |node| expect::lower(file, node, known)));
    let is_golden =
        fields.optional("timeline", |it| read::word(file, it, "timeline", &[("golden", ())]));
    let is_golden = is_golden?.is_some();
    if !is_golden && !fields.has("expect") {
        fields.need("expect", "expect: and below it what is to come of it");
        return None;
    }
    let case = Case {
        name: name?.to_owned(),
        line: file.line_of(node.span.start),
        from: from?,
        until: until?,
        lead: is_right.then(|| draft.finish(known)).flatten()?,
        happens: happens?,
        expects: expects?,
        is_golden,
    };
    let until = until_node.map_or(fields.at(), |node| node.span);
    let written = times::Written { until, happens: happening?, expects: expected? };
    times::check(file, &case, &written, known);
    Some(case)
}

/// All of a list, or none if one of them is wrong; each is read.
fn all<T>(nodes: &[Node], lower: impl Fn(&Node) -> Option<T>) -> Option<Vec<T>> {
    nodes.iter().map(lower).collect::<Vec<_>>().into_iter().collect()
}

fn beginning(file: &File<'_>, node: &Node) -> Option<DateTime> {
    times::check_beginning(file, node, local_time(file, node, "from")?)
}

/// `2027-03-01 08:00`
fn local_time(file: &File<'_>, node: &Node, what: &str) -> Option<DateTime> {
    let written = read::text(file, node, what)?;
    let found = written.parse::<DateTime>().ok().filter(|_| written.contains(':'));
    if found.is_none() {
        let message = format!("`{what}` is a local time; this is `{}`", quote(written));
        file.error("bad-date", node.span, message, Some("write: 2027-03-01 08:00".to_owned()));
    }
    found
}

/// A local time, or so long after the beginning.
fn moment(file: &File<'_>, node: &Node, what: &str) -> Option<Moment> {
    let written = read::text(file, node, what)?;
    if written.contains('-') && written.contains(':') {
        return local_time(file, node, what).map(Moment::On);
    }
    match WaitSpec::parse(written) {
        Ok(wait) => Some(Moment::After(wait)),
        Err(error) => {
            let is_wait =
                !written.contains('-') && written.starts_with(|c: char| c.is_ascii_digit());
            let message = if is_wait {
                error.to_string()
            } else {
                let written = quote(written);
                format!(
                    "`{what}` is a local time, or so long after the beginning; this is `{written}`"
                )
            };
            let hint = "write: 2027-03-01 10:00, or 3d".to_owned();
            file.error("bad-wait", node.span, message, Some(hint));
            None
        }
    }
}

/// The one key of a map that says what it is about, with its value.
fn the_one<'n>(
    file: &File<'_>,
    node: &'n Node,
    what: &str,
    among: &[&'static str],
) -> Option<(&'static str, &'n Node)> {
    let Data::Map(entries) = &node.data else { return None };
    let mut found = entries.iter().filter_map(|(key, value)| {
        Some((*among.iter().find(|known| **known == key.text)?, key.span, value))
    });
    let Some((key, _, value)) = found.next() else {
        let at = entries.first().map_or(node.span, |(key, _)| key.span);
        let hint = format!("add one of: {}", among.join(", "));
        file.error("missing-key", at, format!("this does not say {what}"), Some(hint));
        return None;
    };
    if let Some((second, at, _)) = found.next() {
        let message = format!("{what} is said one by one; this item has `{key}` and `{second}`");
        file.error("conflict", at, message, Some("begin another item with `- `".to_owned()));
        return None;
    }
    Some((key, value))
}

/// Keys that go with others only.
fn goes_with(file: &File<'_>, fields: &read::Fields<'_>, kind: &str, pairs: &[(&str, &[&str])]) {
    for (key, with) in pairs.iter().filter(|(key, with)| fields.has(key) && !with.contains(&kind)) {
        let with: Vec<String> = with.iter().map(|word| format!("`{word}`")).collect();
        let message = format!("`{key}` goes with {}, not with `{kind}`", with.join(", "));
        file.error("conflict", fields.key_span(key), message, Some("leave it out".to_owned()));
    }
}
