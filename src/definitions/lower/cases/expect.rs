//! What a test expects.

use super::{
    super::{people::nobody, read, step},
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
        case::{Expectation, Expected, When},
        condition::Scope,
        lead::Outcome,
        name::Name,
    },
};

const KINDS: [&str; 8] =
    ["mails", "mail", "no_mail", "that", "inside", "not_inside", "ended", "notice"];

pub(super) fn lower(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Expectation> {
    let fields = read::Fields::open(file, node, "something that is expected", &schema::EXPECT)?;
    let (kind, value) = the_one(file, node, "what is expected", &KINDS)?;
    let is_none = kind == "mails" && matches!(&value.data, Data::List(items) if items.is_empty());
    if !is_none {
        fields.get(kind)?;
    }
    let pairs: [(&str, &[&str]); 3] = [
        ("at", &["mail", "that", "inside", "not_inside"]),
        ("step", &["inside"]),
        ("as", &["ended"]),
    ];
    goes_with(file, &fields, kind, &pairs);
    let at = || fields.optional("at", |node| moment(file, node, "at"));
    let mail = |node: &Node| step::known_template(file, node, kind, &known.conditions.templates);
    let workflow = || workflow(file, value, kind, known);
    let what = match kind {
        "mails" if is_none => Expected::Mails(Vec::new()),
        "mails" => Expected::Mails(super::all(read::list(file, value, kind)?, mail)?),
        "mail" => {
            let when = fields.optional("at", |node| when(file, node));
            Expected::Mail { template: mail(value)?, when: when? }
        }
        "no_mail" => Expected::NoMail(mail(value)?),
        "that" => {
            let at = at();
            let condition = known.conditions.compile(file, value, "that", Scope::Lead)?;
            Expected::That { condition, at: at? }
        }
        "inside" => {
            let at = at();
            let workflow = workflow()?;
            let step = fields.optional("step", |node| step_of(file, node, &workflow, known));
            Expected::Inside { step: step?, at: at?, workflow }
        }
        "not_inside" => {
            let at = at();
            Expected::NotInside { workflow: workflow()?, at: at? }
        }
        "ended" => {
            let words = Outcome::ALL.map(|outcome| (outcome.word(), outcome));
            let how = fields.optional("as", |node| read::word(file, node, "as", &words));
            Expected::Ended { workflow: workflow()?, how: how? }
        }
        _ => Expected::Notice(person(file, value, known)?),
    };
    Some(Expectation { line: file.line_of(node.span.start), what })
}

fn workflow(file: &File<'_>, node: &Node, what: &str, known: &Known<'_>) -> Option<Name> {
    let written = read::text(file, node, what)?;
    if known.definitions.workflow(written).is_some() {
        return Some(written.into());
    }
    let names = known.definitions.workflows.iter().map(|live| live.workflow.name.as_str());
    let message = format!("there is no workflow `{}`", quote(written));
    file.error("unknown-workflow", node.span, message, did_you_mean(written, names));
    None
}

fn step_of(file: &File<'_>, node: &Node, workflow: &str, known: &Known<'_>) -> Option<Name> {
    let written = read::text(file, node, "step")?;
    let steps = &known.definitions.workflow(workflow)?.workflow.steps;
    if steps.find(written).is_some() {
        return Some(written.into());
    }
    let message = format!("`{workflow}` has no step `{}`", quote(written));
    let ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    let hint = did_you_mean(written, ids);
    file.error("bad-value", node.span, message, hint);
    None
}

fn person(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Name> {
    let written = read::text(file, node, "notice")?;
    let persons = &known.definitions.people.persons;
    if persons.contains_key(written) {
        return Some(written.into());
    }
    let message = format!("there is no person `{}`", quote(written));
    let hint = nobody(written, persons.keys().map(Name::as_str));
    file.error("unknown-person", node.span, message, Some(hint));
    None
}

fn when(file: &File<'_>, node: &Node) -> Option<When> {
    let written = read::text(file, node, "at")?;
    let when = When::parse(written);
    if when.is_none() {
        let message = format!("`{}` is no time on the lead's clock", quote(written));
        let hint = "write: mon 09:00, 2027-03-01 09:00, or a part of it".to_owned();
        file.error("bad-date", node.span, message, Some(hint));
    }
    when
}
