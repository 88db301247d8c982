//! The policy's `guards` → what stops mails by itself, or asks first.

use super::{Found, read};
use crate::{
    definitions::{
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::guard::{Guards, Limit},
};

/// As much as `audience` may say.
const MOST_LEADS: i32 = 100_000_000;

pub(super) fn lower(found: &Found<'_>) -> Guards {
    let (file, mut guards) = (found.file, Guards::default());
    let Some(node) = found.node().get("guards") else { return guards };
    let Some(fields) = read::Fields::open(file, node, "`guards`", &schema::GUARDS) else {
        return guards;
    };
    guards.bounces = fields.get("bounces").and_then(|node| limit(file, node, "bounces"));
    guards.complaints = fields.get("complaints").and_then(|node| limit(file, node, "complaints"));
    if let Some(node) = fields.get("within")
        && let Some(within) = read::duration(file, node, "within")
    {
        let (least, most) = Guards::SPANS;
        if within < least || within > most {
            let message = "`within` is an hour at least and 90 days at most";
            file.error("bad-value", node.span, message, None);
        }
        guards.within = within;
    }
    guards.audience = fields
        .get("audience")
        .and_then(|node| read::whole(file, node, "audience", (1, MOST_LEADS)))
        .and_then(|leads| u32::try_from(leads).ok());
    guards
}

/// `5% of 200`.
fn limit(file: &File<'_>, node: &Node, what: &str) -> Option<Limit> {
    let written = read::text(file, node, what)?;
    let limit = Limit::parse(written);
    if limit.is_none() {
        let message =
            format!("`{what}` is a part of a number of mails; this is `{}`", quote(written));
        let hint = "write `5% of 200`: more than that part of at least so many mails; over 0 and under 100%, of 1 to \
                    1000000 mails";
        file.error("bad-value", node.span, message, Some(hint.to_owned()));
    }
    limit
}
