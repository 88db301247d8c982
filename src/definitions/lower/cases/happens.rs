//! What happens to the lead of a test.

use super::{
    super::{kinds, marks, read, step},
    Known, goes_with, moment, the_one,
};
use crate::{
    definitions::{
        nearest::did_you_mean,
        node::{Data, Node},
        problem::{File, quote},
        schema,
    },
    domain::{
        case::{Happening, Occurrence},
        event::{EventData, EventKind},
        hand_off::Reason,
        name::Name,
        value::Value,
    },
};

const KINDS: [&str; 12] = [
    "clicked",
    "opened",
    "visited",
    "submitted",
    "answered",
    "replied",
    "unsubscribed",
    "bounced",
    "accepted",
    "returned",
    "set",
    "event",
];

pub(super) fn lower(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Occurrence> {
    let fields = read::Fields::open(file, node, "something that happens", &schema::HAPPENS)?;
    let at = fields.need("at", "at: 3d").and_then(|node| moment(file, node, "at"));
    let (kind, value) = the_one(file, node, "what happens", &KINDS)?;
    fields.get(kind)?;
    goes_with(file, &fields, kind, &[("object", &["event"]), ("data", &["event"])]);
    let what = match kind {
        "set" => {
            let values = marks::values(file, value, "set", &known.conditions.schema, false)?;
            Happening::Set(values)
        }
        "event" => {
            let object = fields.optional("object", |node| read::text(file, node, "object"));
            let data = fields.optional("data", |node| data(file, node));
            Happening::Event {
                kind: own_kind(file, value)?,
                object: object?.map(Name::from),
                data: data?.unwrap_or_default(),
            }
        }
        _ => simple(file, kind, value, known)?,
    };
    Some(Occurrence { at: at?, line: file.line_of(node.span.start), what })
}

fn simple(file: &File<'_>, kind: &str, value: &Node, known: &Known<'_>) -> Option<Happening> {
    let event = |kind: EventKind, object: Option<Name>| Happening::Event {
        kind,
        object,
        data: EventData::new(),
    };
    let mail = || step::known_template(file, value, kind, &known.conditions.templates);
    let text = || read::text(file, value, kind).map(Name::from);
    Some(match kind {
        "clicked" => event(EventKind::MAIL_CLICKED, Some(mail()?)),
        "opened" => event(EventKind::MAIL_OPENED, Some(mail()?)),
        "visited" => event(EventKind::PAGE_VISITED, Some(text()?)),
        "submitted" => event(EventKind::FORM_SUBMITTED, Some(text()?)),
        "answered" => answer(file, value, known)?,
        "returned" => {
            let words = Reason::ALL.map(|reason| (reason.word(), reason));
            let reason = read::word(file, value, kind, &words)?;
            event(EventKind::HANDOFF_RETURNED, Some(reason.word().into()))
        }
        _ => {
            if !read::yes_no(file, value, kind)? {
                let message = format!("`{kind}: no` is nothing that happens");
                file.error("bad-value", value.span, message, Some("delete it".to_owned()));
                return None;
            }
            let kind = match kind {
                "replied" => EventKind::LEAD_REPLIED,
                "unsubscribed" => EventKind::LEAD_UNSUBSCRIBED,
                "bounced" => EventKind::MAIL_BOUNCED,
                _ => EventKind::HANDOFF_ACCEPTED,
            };
            event(kind, None)
        }
    })
}

/// `{ topic: pricing }`
fn answer(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Happening> {
    let entries = read::map(file, node, "`answered`")?;
    let [(key, value)] = entries else {
        let hint = "write one question and its answer: { topic: pricing }".to_owned();
        file.error("bad-value", node.span, "`answered` is one answer", Some(hint));
        return None;
    };
    let questions = &known.definitions.questions;
    let Some(question) = questions.get(key.text.as_str()) else {
        let message = format!("there is no question `{}`", quote(&key.text));
        let hint = did_you_mean(&key.text, questions.keys().map(Name::as_str));
        file.error("unknown-question", key.span, message, hint);
        return None;
    };
    let written = read::text(file, value, &key.text)?;
    if !question.answers.iter().any(|answer| *answer.value == *written) {
        let message = format!("`{}` has no answer `{}`", key.text, quote(written));
        let hint = did_you_mean(written, question.answers.iter().map(|answer| &*answer.value));
        file.error("bad-value", value.span, message, hint);
        return None;
    }
    Some(Happening::Event {
        kind: EventKind::LEAD_ANSWERED,
        object: Some(key.text.as_str().into()),
        data: EventData::from([("value".into(), Value::Text(written.into()))]),
    })
}

fn own_kind(file: &File<'_>, node: &Node) -> Option<EventKind> {
    let written = read::text(file, node, "event")?;
    match EventKind::parse(written) {
        Ok(kind) => {
            kinds::warn_of_near_miss(file, node.span, written);
            Some(kind)
        }
        Err(message) => {
            file.error("bad-value", node.span, message, None);
            None
        }
    }
}

/// Numbers, dates and yes or no are read as an import reads them.
fn data(file: &File<'_>, node: &Node) -> Option<EventData> {
    let entries = read::map(file, node, "`data`")?;
    let one = |(key, node): &(crate::definitions::node::Key, Node)| {
        if !matches!(node.data, Data::Scalar(_)) {
            read::text(file, node, &key.text)?;
        }
        let written = read::text(file, node, &key.text)?;
        Some((Name::from(key.text.as_str()), Value::untyped(written)))
    };
    entries.iter().map(one).collect::<Vec<_>>().into_iter().collect()
}
