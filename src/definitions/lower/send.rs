//! `send:` → when and in whose name a workflow's mails go.

use super::{dates, days_off, people::nobody, policy, read, workflow::Known};
use crate::{
    definitions::{
        node::Node,
        problem::{File, quote},
        schema,
    },
    domain::{
        address::Mailbox,
        name::Name,
        pace::AtMost,
        schedule::{Deadline, Window},
        workflow::{Author, InDoubt, MailFailure, Replies},
    },
};

/// How mail goes.
#[derive(Default)]
pub(super) struct Send {
    pub window: Option<Window>,
    pub now: bool,
    pub not_after: Option<Deadline>,
    pub from: Author,
    pub reply_to: Option<Replies>,
    pub in_doubt: InDoubt,
    pub on_failure: MailFailure,
    pub at_most: Option<AtMost>,
}

pub(super) fn lower(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Send> {
    let fields = read::Fields::open(file, node, "`send`", &schema::SEND)?;
    let not_after =
        fields.optional("not_after", |node| dates::deadline(file, node, "not_after", known));
    let from = match fields.get("from") {
        None => Some(Author::Sender),
        Some(node) => author(file, node, known),
    };
    let reply_to = fields.optional("reply_to", |node| replies(file, node, known));
    let in_doubt = match fields.get("in_doubt") {
        None => Some(InDoubt::default()),
        Some(node) => read::word(file, node, "in_doubt", &InDoubt::WORDS),
    };
    let on_failure = match fields.get("on_failure") {
        None => Some(MailFailure::default()),
        Some(node) => read::word(file, node, "on_failure", &MailFailure::WORDS),
    };
    let window = fields.optional("window", |node| {
        days_off::kept(file, node, &policy::window(file, node)?, known.policy)
    });
    let at_most = fields.optional("at_most", |node| {
        let hours = window.as_ref().and_then(Option::as_ref).unwrap_or(&known.policy.window);
        at_most(file, node, hours)
    });
    let now = match fields.get("now") {
        None => Some(false),
        Some(node) => read::yes_no(file, node, "now"),
    };
    if now == Some(true) && fields.get("window").is_some() {
        let message = "`now: yes` sends at any hour; the `window` is never looked at";
        let hint = "keep one of the two".to_owned();
        file.error("conflict", fields.key_span("window"), message, Some(hint));
        return None;
    }
    // Each has told its mistake by now.
    let (not_after, from, reply_to) = (not_after?, from?, reply_to?);
    let (in_doubt, on_failure) = (in_doubt?, on_failure?);
    let (window, at_most, now) = (window?, at_most?, now?);
    Some(Send { window, now, not_after, from, reply_to, in_doubt, on_failure, at_most })
}

/// `500 per day`, `60 per hour`.
fn at_most(file: &File<'_>, node: &Node, window: &Window) -> Option<AtMost> {
    let written = read::text(file, node, "at_most")?;
    let a_day = written.strip_suffix("per day").map(str::trim_end);
    let a_day = a_day.and_then(|mails| mails.parse().ok());
    let a_day = a_day.filter(|mails| (1..=AtMost::MOST_A_DAY).contains(mails));
    let found = match a_day {
        Some(mails) => Some(AtMost::a_day(mails, window)),
        None => written.parse().ok().map(AtMost::Rate),
    };
    if found.is_none() {
        let message = format!("`at_most` says how many mails leave; this is `{}`", quote(written));
        let hint = "write `500 per day` or `60 per hour`; `nurtured pause` stops a workflow";
        file.error("bad-value", node.span, message, Some(hint.to_owned()));
    }
    found
}

fn author(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Author> {
    let written = read::text(file, node, "from")?;
    match written {
        "sender" => return Some(Author::Sender),
        "owner" => return Some(Author::Owner),
        _ => {}
    }
    let name = person(file, node, "from", written, known)?;
    // One that could not be read is told where it stands.
    let (Some(own), Some(person)) = (known.own, known.persons.get(written)) else {
        return Some(Author::Person(name));
    };
    let domain = person.address.domain();
    if own.has(domain) {
        return Some(Author::Person(name));
    }
    let message = format!("`{written}` has an address at {domain}, from which we send no mail");
    let hint = format!(
        "give the person an address at {}, or sign for {domain}: a key under [[dkim]] in nurtured.toml",
        own.sender()
    );
    file.error("foreign-sender", node.span, message, Some(hint));
    None
}

fn replies(file: &File<'_>, node: &Node, known: &Known<'_>) -> Option<Replies> {
    let written = read::text(file, node, "reply_to")?;
    if !written.contains('@') {
        return person(file, node, "reply_to", written, known).map(Replies::Person);
    }
    match written.parse::<Mailbox>() {
        Ok(mailbox) => Some(Replies::Mailbox(mailbox)),
        Err(error) => {
            let message = format!("`{}` is no e-mail address: {error}", quote(written));
            let hint = "write: Ada Rossi <ada@example.com>, or the name of a person".to_owned();
            file.error("bad-address", node.span, message, Some(hint));
            None
        }
    }
}

/// Somebody with an address.
fn person(
    file: &File<'_>,
    node: &Node,
    what: &str,
    written: &str,
    known: &Known<'_>,
) -> Option<Name> {
    let is_person = |name: &&Name| !known.teams.contains(*name);
    if known.people.iter().filter(is_person).any(|name| **name == *written) {
        return Some(written.into());
    }
    if known.teams.contains(written) {
        let message = format!("`{what}` is one person, and `{written}` is a team");
        let hint = "write the name of a person; a team has no address".to_owned();
        file.error("unknown-person", node.span, message, Some(hint));
        return None;
    }
    let message = format!("there is no person `{}`", quote(written));
    let words = if what == "from" { &["owner", "sender"][..] } else { &[] };
    let names: Vec<&str> = known.people.iter().filter(is_person).map(Name::as_str).collect();
    let hint = nobody(written, names.iter().chain(words).copied());
    file.error("unknown-person", node.span, message, Some(hint));
    None
}
