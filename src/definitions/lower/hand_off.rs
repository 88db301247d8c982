//! `hand_off:` → who takes the lead, and what is done where nobody answers.

use super::{
    read,
    step::{Made, receiver, template, wait_spec},
    workflow::Known,
};
use crate::{
    definitions::{node::Node, problem::File, schema},
    domain::{
        hand_off::{HandOff, Persist, Receiver, Silence},
        schedule::WaitSpec,
        workflow::StepKind,
    },
};

/// The third is the `then` of `silent`.
pub(super) const BRANCHES: [&str; 3] = ["accepted", "returned", "silent"];

/// How long an answer is waited for, and what is done then, where the file does not say.
const PATIENCE: &str = "5 business days";
const UNSAID: Persist = Persist::Remind;

/// The steps of its branches, as they are written.
pub(super) fn branches(node: &Node) -> [Option<&Node>; 3] {
    let silent = node.get("silent").and_then(|silent| silent.get("then"));
    [node.get("accepted"), node.get("returned"), silent]
}

pub(super) fn lower(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Made> {
    let template = fields.optional("template", |node| template(file, node, "template", known));
    let silence = silence(file, fields);
    let to = to(file, fields, node, known)?;
    let silence = silence?;
    let id = format!("hand_off.{}", node.text().unwrap_or(""));
    if silence.persist == Persist::NextPerson
        && matches!(&to, Receiver::People(name) if !known.teams.contains(name))
    {
        let message = "there is no next person: this goes to one person alone";
        let hint = "hand it to a team, or write: do: remind".to_owned();
        file.error("conflict", fields.key_span("silent"), message, Some(hint));
        return None;
    }
    let (accepted, returned, silent) = (None, None, None);
    let step = HandOff { to, template: template?, silence, accepted, returned, silent };
    Some((id, StepKind::HandOff(step)))
}

fn to(
    file: &File<'_>,
    fields: &read::Fields<'_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Receiver> {
    let else_to = fields.get("else_to").map(|node| receiver(file, node, "else_to", known));
    if read::text(file, node, "hand_off")? != "owner" {
        if fields.has("else_to") {
            let message =
                "`else_to` is for leads without an owner, and this is not handed to owners";
            let hint = "delete the line, or write: hand_off: owner".to_owned();
            file.error("conflict", fields.key_span("else_to"), message, Some(hint));
        }
        return receiver(file, node, "hand_off", known).map(Receiver::People);
    }
    if !fields.has("else_to") {
        let message = "it is not said who takes leads without an owner, or with one who is not \
                       among the people";
        let hint = "add: else_to: sales".to_owned();
        file.error("missing-key", fields.key_span("hand_off"), message, Some(hint));
    }
    Some(Receiver::Owner { else_to: else_to?? })
}

fn silence(file: &File<'_>, fields: &read::Fields<'_>) -> Option<Silence> {
    let patience = || WaitSpec::parse(PATIENCE).ok();
    let Some(node) = fields.get("silent") else {
        return Some(Silence { after: patience()?, persist: UNSAID });
    };
    if matches!(node.data, crate::definitions::node::Data::List(_)) {
        let message = "`silent` says how long an answer is waited for; its steps are below `then`";
        let hint = "write: silent: { after: 5 business days, then: […] }".to_owned();
        file.error("wrong-type", node.span, message, Some(hint));
        return None;
    }
    let silent = read::Fields::open(file, node, "`silent`", &schema::SILENT)?;
    let after = match silent.need("after", "after: 5 business days") {
        None => None,
        Some(node) => wait_spec(file, node, "after"),
    };
    let persist = match silent.get("do") {
        None if silent.has("do") => None,
        None => Some(Persist::No),
        Some(node) => read::word(file, node, "do", &Persist::WORDS),
    };
    if persist == Some(Persist::Return) && silent.has("then") {
        let message = "with `do: return` the steps below `returned` follow, and `then` never";
        let hint = "keep one of the two".to_owned();
        file.error("conflict", silent.key_span("then"), message, Some(hint));
        return None;
    }
    silent.get("then");
    Some(Silence { after: after?, persist: persist? })
}
