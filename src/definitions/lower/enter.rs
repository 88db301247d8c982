//! `enter:` → who enters, whether those already inside do, and whether again.

use super::{caps, enter_on_date, enter_on_tick, kinds, read, workflow::Known};
use crate::{
    definitions::{
        names::is_identifier,
        nearest::{did_you_mean, nearest},
        node::{Data, Node, Scalar},
        problem::{File, quote},
        schema,
    },
    domain::{
        condition::{Scope, known_object},
        enter::ENDED,
        event::{EventKind, Objects},
        facts::{FactKey, ObjectFilter},
        name::Name,
        workflow::{Again, Enter},
    },
};

/// Of these a workflow has one.
const WAYS: [&str; 7] = ["segment", "when", "event", "date", "schedule", "workflow", "by_hand"];

/// Which keys go with which ways only.
const BELONG: [(&str, &[&str]); 10] = [
    ("object", &["event"]),
    ("where", &["event", "date"]),
    ("each", &["event"]),
    ("offset", &["date"]),
    ("at", &["date"]),
    ("yearly", &["date"]),
    ("late", &["date", "schedule"]),
    ("zone", &["schedule"]),
    ("who", &["schedule"]),
    ("ended", &["workflow"]),
];

/// What `enter` says.
pub(super) struct Door {
    pub enter: Enter,
    /// Whether those already inside come in.
    pub existing: bool,
    pub again: Again,
    pub each: Option<Name>,
}

/// Who enters, whether those already inside do, and whether again.
pub(super) fn lower(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Door> {
    if let Some(written) = node.text() {
        let segments = &known.conditions.segments;
        let name =
            if segments.iter().any(|known| *known.name == *written) { written } else { "…" };
        let message = "`enter` is a map of keys; this is a text".to_owned();
        let hint = format!("write: enter: {{ segment: {name}, existing: no }}");
        file.error("wrong-type", node.span, message, Some(hint));
        return None;
    }
    let fields = read::Fields::open(file, node, "`enter`", &schema::ENTER)?;
    let again = match fields.get("again") {
        None => Some(Again::Never),
        Some(node) => again(file, node),
    };
    let ways: Vec<&str> = WAYS.into_iter().filter(|way| fields.has(way)).collect();
    let [way] = ways[..] else {
        // A way that is not built yet has its own message.
        if ways.is_empty() && !schema::ENTER.later.iter().any(|later| fields.has(later)) {
            let hint = format!("add one of: {}", WAYS.join(", "));
            let message = "`enter` does not say who enters";
            file.error("missing-key", fields.at(), message, Some(hint));
        } else if let Some(second) = ways.get(1) {
            let message = format!("`{}` and `{second}` are two ways to enter", ways[0]);
            let hint = "keep one; a workflow of its own takes the other".to_owned();
            file.error("conflict", fields.key_span(second), message, Some(hint));
            // Whichever is kept.
            for way in ways {
                by(file, way, &fields, known);
            }
        }
        return None;
    };
    for (key, needs) in BELONG {
        if fields.has(key) && !needs.contains(&way) {
            let needs = needs.join("` or `");
            let message =
                format!("`{key}` belongs to `{needs}`, and this workflow enters by `{way}`");
            file.error("conflict", fields.key_span(key), message, None);
        }
    }
    let by_state = way == "segment" || way == "when";
    let existing = match (fields.get("existing"), by_state) {
        (Some(node), true) => read::yes_no(file, node, "existing"),
        (Some(_), false) => {
            let message =
                format!("`existing` has no meaning with `{way}`: nobody is inside before");
            let hint = "delete the line".to_owned();
            file.error("conflict", fields.key_span("existing"), message, Some(hint));
            None
        }
        (None, true) if !fields.has("existing") => {
            let message = "it is not said what happens to leads who are inside already when this \
                           goes live";
            let hint = "add: existing: no (only who comes in from then on), or existing: yes (all)";
            file.error("missing-key", fields.key_span(way), message, Some(hint.to_owned()));
            None
        }
        (None, _) => Some(false),
    };
    let each = fields.optional("each", |node| each(file, node));
    let enter = by(file, way, &fields, known);
    Some(Door { enter: enter?, existing: existing?, again: again?, each: each? })
}

/// One way to enter.
fn by(file: &File<'_>, way: &str, fields: &read::Fields<'_>, known: &Known<'_>) -> Option<Enter> {
    let node = fields.get(way)?;
    match way {
        "segment" => segment(file, node, known),
        "when" => known.conditions.compile(file, node, "when", Scope::Lead).map(Enter::When),
        "event" => event(file, node, fields, known),
        "date" => enter_on_date::lower(file, node, fields, known).map(Enter::Date),
        "schedule" => enter_on_tick::lower(file, node, fields, known)
            .map(|ticking| Enter::Schedule(Box::new(ticking))),
        "workflow" => after_another(file, node, fields, known),
        _ => {
            if read::yes_no(file, node, "by_hand")? {
                return Some(Enter::ByHand);
            }
            let message = "`by_hand: no` leaves no way to enter";
            file.error("bad-value", node.span, message, Some("write: yes".to_owned()));
            None
        }
    }
}

fn segment(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Enter> {
    let name = read::slug(file, node, "segment")?;
    let segments = &known.conditions.segments;
    if !segments.iter().any(|known| *known.name == *name) {
        let message = format!("there is no segment `{name}`");
        let names = segments.iter().map(|known| known.name.as_str());
        let hint = did_you_mean(name, names)
            .unwrap_or_else(|| "declare it in a `segments:` file".to_owned());
        file.error("unknown-segment", node.span, message, Some(hint));
        return None;
    }
    let style = match &node.data {
        Data::Scalar(scalar) => scalar.style,
        _ => return None,
    };
    let text = format!("in_segment(\"{name}\")");
    let asked = Node { span: node.span, data: Data::Scalar(Scalar { text, style }) };
    known.conditions.compile(file, &asked, "segment", Scope::Lead).map(Enter::When)
}

fn event(
    file: &File<'_>,
    node: &Node,
    fields: &read::Fields<'_>,
    known: &Known<'_>,
) -> Option<Enter> {
    let kind = kind(file, node);
    let object = fields.optional("object", |node| object(file, node, kind.as_ref(), known));
    let filter = fields
        .optional("where", |node| known.conditions.compile(file, node, "where", Scope::Workflow));
    Some(Enter::On { kind: kind?, object: object?, filter: filter? })
}

fn after_another(
    file: &File<'_>,
    node: &Node,
    fields: &read::Fields<'_>,
    known: &Known<'_>,
) -> Option<Enter> {
    let outcome = fields.optional("ended", |node| read::word(file, node, "ended", &ENDED));
    let written = read::slug(file, node, "workflow")?;
    let workflow = match known.workflows {
        Some(names) => {
            let at = (written, node.span);
            caps::known(file, at, "workflow", "unknown-workflow", names.iter())?
        }
        None => written.into(),
    };
    Some(Enter::Ended { workflow, outcome: outcome?.flatten() })
}

fn kind(file: &File<'_>, node: &Node) -> Option<EventKind> {
    let written = read::text(file, node, "event")?;
    match EventKind::parse(written) {
        Ok(kind) => {
            kinds::warn_of_near_miss(file, node.span, written);
            Some(kind)
        }
        Err(message) => {
            let mut own = EventKind::OWN.iter().map(EventKind::as_str);
            let hint = nearest(&written.replace(' ', "."), own.clone())
                .or_else(|| own.find(|kind| kind.split('.').any(|word| word == written)))
                .map(|kind| format!("did you mean `{kind}`?"));
            file.error("bad-value", node.span, message, hint);
            None
        }
    }
}

/// What the event must be about. A `kind` that could not be read has its own message.
fn object(
    file: &File<'_>,
    node: &Node,
    kind: Option<&EventKind>,
    known: &Known<'_>,
) -> Option<Name> {
    let written = read::text(file, node, "object")?;
    if written.contains('*') {
        let message = "`*` in `object` is not built yet";
        let hint = "use `where: entry.object.startsWith(\"…\")`".to_owned();
        file.error("not-built", node.span, message, Some(hint));
        return None;
    }
    let filter = ObjectFilter::Exactly(written.into());
    let key = FactKey { kind: kind?.clone(), filter };
    let (templates, questions) = (&known.conditions.templates, &known.conditions.questions);
    if let Err(error) = known_object(&key, Some(templates), Some(questions), 0..written.len()) {
        let rule = match key.kind.objects() {
            Objects::Mails => "unknown-template",
            Objects::Questions => "unknown-question",
            Objects::Stages | Objects::Reasons | Objects::Any => "bad-value",
        };
        file.error(rule, node.span, error.message, error.hint);
        return None;
    }
    Some(written.into())
}

/// `appointment_id`; `event.data.` may stand before it.
fn each(file: &File<'_>, node: &Node) -> Option<Name> {
    let written = read::text(file, node, "each")?;
    let key = written.strip_prefix("event.data.").unwrap_or(written);
    if is_identifier(key) {
        return Some(key.into());
    }
    let message = format!("`each` is a key of the event's data; this is `{}`", quote(written));
    let hint = "write lower-case letters, digits and `_`: each: appointment_id".to_owned();
    file.error("bad-value", node.span, message, Some(hint));
    None
}

fn again(file: &File<'_>, node: &Node) -> Option<Again> {
    let written = read::text(file, node, "again")?;
    match written {
        "never" | "no" => return Some(Again::Never),
        "always" | "yes" => return Some(Again::Always),
        _ => {}
    }
    let length = written.strip_prefix("after ").and_then(|rest| read::parse_duration(rest.trim()));
    if length.is_none() {
        let message = format!("`again` cannot be `{}`", quote(written));
        let hint = "write: never, always, or after 180d".to_owned();
        file.error("bad-value", node.span, message, Some(hint));
    }
    length.map(Again::After)
}
