//! `split:` → arms, each with its weight and its steps.

use std::num::NonZeroU32;

use super::{read, step::Made};
use crate::{
    definitions::{
        names::{is_slug, slug_hint, slugged},
        node::{Data, Key, Node},
        problem::{File, quote},
        schema,
    },
    domain::{split::Arm, workflow::StepKind},
};

const ARMS: &str = "short: { weight: 50, then: […] }";

/// The steps of each arm, as they are written.
pub(super) fn arms(split: &Node) -> impl Iterator<Item = Option<&Node>> {
    let arms = match &split.data {
        Data::Map(arms) => arms.as_slice(),
        _ => &[],
    };
    arms.iter().map(|(_, arm)| arm.get("then"))
}

pub(super) fn lower(file: &File<'_>, node: &Node) -> Option<Made> {
    let Data::Map(entries) = &node.data else {
        if node.data != Data::Broken {
            let message = format!("`split` is a map of arms; this is {}", node.what());
            file.error("wrong-type", node.span, message, Some(format!("write below it: {ARMS}")));
        }
        return None;
    };
    if entries.len() < 2 {
        let hint = format!("add below it: {ARMS}, or those who get nothing: holdout: 10");
        file.error("missing-value", node.span, "a `split` has at least two arms", Some(hint));
    }
    // All are read, also after one that is none.
    let arms: Vec<Option<Arm>> = entries.iter().map(|(name, node)| arm(file, name, node)).collect();
    let arms = arms.into_iter().collect::<Option<Vec<_>>>().filter(|arms| arms.len() > 1)?;
    let does_nothing = |(_, arm): &&(Key, Node)| match arm.get("then").map(|then| &then.data) {
        Some(Data::List(steps)) => steps.is_empty(),
        _ => true,
    };
    if let Some((second, _)) = entries.iter().filter(does_nothing).nth(1) {
        let message = format!("`{}` is a second arm without steps", second.text);
        let hint = "make one of them with both weights, or give it steps: then: [stop]".to_owned();
        file.error("conflict", second.span, message, Some(hint));
        return None;
    }
    let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    Some((format!("split.{}", slugged(&names.join("-"))), StepKind::Split(arms)))
}

fn arm(file: &File<'_>, name: &Key, node: &Node) -> Option<Arm> {
    let is_name = is_slug(&name.text);
    if !is_name {
        let message = format!("`{}` cannot be the name of an arm", quote(&name.text));
        file.error("bad-name", name.span, message, Some(slug_hint(&name.text)));
    }
    let weight = if let Data::Map(_) = &node.data {
        let what = format!("arm `{}`", quote(&name.text));
        let arm = read::Fields::open(file, node, &what, &schema::ARM)?;
        arm.get("then");
        arm.need("weight", "weight: 50").and_then(|node| weight(file, node))
    } else {
        weight(file, node)
    };
    let weight = weight?;
    is_name.then(|| Arm { name: name.text.as_str().into(), weight, then: None })
}

fn weight(file: &File<'_>, node: &Node) -> Option<NonZeroU32> {
    let most = i32::try_from(Arm::LARGEST_WEIGHT).ok()?;
    let weight = read::whole(file, node, "weight", (1, most))?;
    u32::try_from(weight).ok().and_then(NonZeroU32::new)
}
