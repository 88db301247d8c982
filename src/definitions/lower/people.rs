//! `people:` → persons and teams.

use super::{Found, policy, read};
use crate::{
    definitions::{
        names::{is_slug, slug_hint, slugged},
        nearest::{did_you_mean, meant},
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        address::Address,
        people::{People, Person},
    },
};

pub(super) fn lower(found: &Found<'_>) -> People {
    let (file, node) = (found.file, found.node());
    let mut people = People::default();
    let Some(entries) = read::map(file, node, "`people`") else { return people };
    for (key, node) in entries {
        if key.text == "owner" {
            let message = "`owner` means the owner of a lead, so nobody here is called so";
            let hint = "give the person or the team another name".to_owned();
            file.error("bad-name", key.span, message, Some(hint));
        } else if !is_slug(&key.text) {
            let message =
                format!("`{}` cannot be the name of a person or a team", quote(&key.text));
            file.error("bad-name", key.span, message, Some(slug_hint(&key.text)));
        } else if node.get("team").is_some() {
            let what = format!("team `{}`", key.text);
            let fields = read::Fields::open(file, node, &what, &schema::TEAM);
            let members = fields.and_then(|fields| fields.get("team"));
            let members = members.and_then(|node| read::list(file, node, "team")).unwrap_or(&[]);
            if members.is_empty() {
                file.error("bad-value", node.span, format!("{what} has no members"), None);
            }
            let members = members.iter().filter_map(|node| read::text(file, node, "team"));
            people.teams.insert(key.text.as_str().into(), members.map(Into::into).collect());
        } else if let Some(person) = person(file, node, &key.text) {
            people.persons.insert(key.text.as_str().into(), person);
        }
    }
    // Members may be written below their team.
    for (key, node) in entries {
        let Some(members) = node.get("team") else { continue };
        let mut named: Vec<&str> = Vec::new();
        for member in read::list(file, members, "team").unwrap_or(&[]) {
            let Some(name) = member.text() else { continue };
            if named.contains(&name) {
                let message = format!("team `{}` names `{}` twice", key.text, quote(name));
                file.error("twice", member.span, message, Some("name each person once".to_owned()));
                continue;
            }
            named.push(name);
            let is_written = entries.iter().any(|(k, n)| k.text == name && n.get("team").is_none());
            if !is_written {
                let message =
                    format!("team `{}` names `{}`, who is no person here", key.text, quote(name));
                let persons: Vec<&str> = entries
                    .iter()
                    .filter(|(_, node)| node.get("team").is_none())
                    .map(|(key, _)| key.text.as_str())
                    .collect();
                let hint = nobody(name, persons.iter().copied());
                file.error("unknown-person", member.span, message, Some(hint));
            }
        }
    }
    people
}

/// Whom of `names` to write instead. People are named, also where an address is meant.
pub(super) fn nobody<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    let (name, near, address) = match written.split_once('@') {
        Some((name, _)) => {
            let near = meant(name, names);
            (name, near, quote(written))
        }
        None => (written, did_you_mean(written, names), "ada@example.com".to_owned()),
    };
    near.unwrap_or_else(|| {
        let name = slugged(name);
        format!(
            "declare it in a people file: people: {{ {name}: {{ name: …, email: {address} }} }}"
        )
    })
}

fn person(file: &File<'_>, node: &Node, name: &str) -> Option<Person> {
    let what = format!("person `{name}`");
    let fields = read::Fields::open(file, node, &what, &schema::PERSON)?;
    let shown =
        fields.need("name", "name: Ada Rossi").and_then(|node| read::text(file, node, "name"));
    let address = fields.need("email", "email: ada@example.com").and_then(|node| {
        let written = read::text(file, node, "email")?;
        match Address::parse(written) {
            Ok(address) => Some(address),
            Err(error) => {
                let message = format!("`{}` is no e-mail address: {error}", quote(written));
                file.error("bad-address", node.span, message, None);
                None
            }
        }
    });
    let language =
        fields.get("language").and_then(|node| policy::language(file, node)).map(Into::into);
    Some(Person { name: shown?.to_owned(), address: address?, language })
}
