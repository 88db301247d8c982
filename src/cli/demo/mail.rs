//! A mail as somebody finds it in the folder: whose it is, and what its links are for.

use std::collections::BTreeMap;

use mail_parser::MessageParser;
use regex::Regex;

use crate::{
    domain::{id::LeadId, message::MessageKind, name::Name, question::Ask},
    store::records::MessageRow,
    token::{Keyring, MailRef},
};

/// The links of a mail, by what they are for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Links {
    /// The opening pixel, where there is one.
    pub pixel: Option<String>,
    /// To somewhere else, in their order.
    pub clicks: Vec<String>,
    /// To answers of questions, each once.
    pub answers: BTreeMap<(Name, Name), String>,
    /// By after how long to write again.
    pub later: BTreeMap<Name, String>,
    pub preferences: Option<String>,
    pub unsubscribe: Option<String>,
    /// The buttons of a card, by their word.
    pub outcomes: BTreeMap<Name, String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    pub lead: LeadId,
    pub template: Name,
    pub workflow: Name,
    pub subject: String,
    /// The person of ours that it goes to; `None`: the lead.
    pub person: Option<Name>,
    pub links: Links,
}

/// What the file says, before it is known which message it is.
#[derive(Debug)]
pub struct Found {
    pub mail: MailRef,
    subject: String,
    links: Links,
}

impl Found {
    /// `None`: it is no mail of ours.
    pub fn read(bytes: &[u8], keyring: &Keyring) -> Option<Self> {
        let parsed = MessageParser::default().parse(bytes)?;
        let path = parsed.header_raw("Return-Path")?.trim().trim_matches(['<', '>']);
        let mail = keyring.read_bounce(path.rsplit_once('@')?.0)?;
        let html = parsed.body_html(0).unwrap_or_default();
        let mut links = Links::default();
        let header = parsed.header_raw("List-Unsubscribe").unwrap_or_default();
        let unsubscribe = header.split(['<', '>']).nth(1).unwrap_or_default();
        let unsubscribe: String = unsubscribe.split_whitespace().collect();
        links.unsubscribe = Some(unsubscribe).filter(|url| !url.is_empty());
        let hrefs = Regex::new(r#"(?:href|src)="([^"]*/([a-z])/([^"/]+))""#).ok()?;
        for found in hrefs.captures_iter(&html) {
            links.add(&found[2], found[1].to_owned(), keyring.read_question(&found[3]));
        }
        Some(Self { mail, subject: parsed.subject().unwrap_or_default().to_owned(), links })
    }

    pub fn of(self, message: MessageRow) -> Mail {
        let is_ours = message.kind == MessageKind::Internal;
        Mail {
            lead: message.lead,
            template: message.template,
            workflow: message.workflow,
            subject: self.subject,
            person: is_ours.then_some(message.recipient),
            links: self.links,
        }
    }
}

impl Links {
    fn add(&mut self, door: &str, link: String, question: Option<(MailRef, Ask)>) {
        match (door, question.map(|(_, ask)| ask)) {
            ("o", _) => self.pixel = Some(link),
            ("c", _) => self.clicks.push(link),
            (_, Some(Ask::Declared { key, value })) => {
                self.answers.insert((key, value), link);
            }
            (_, Some(Ask::Later { after })) => {
                self.later.insert(after, link);
            }
            (_, Some(Ask::Preferences)) => self.preferences = Some(link),
            (_, Some(Ask::Outcome { value })) => {
                self.outcomes.insert(value, link);
            }
            _ => {}
        }
    }
}
