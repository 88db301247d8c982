//! The desk at which a mail is written: rendered for its reader, signed by its sender, addressed.

use super::{
    live::Live,
    preparing::{standing, view},
    telling::Story,
};
use crate::{
    config::{Config, OwnDomains, Sender},
    domain::{
        address::{Address, Mailbox},
        campaign::Campaign,
        decide::tracked,
        definitions::Definitions,
        lead::LeadState,
        message::MessageKind,
        name::Name,
        people::Person,
        time::Instant,
        workflow::{Author, Replies, Workflow},
    },
    mail::{
        calendar::{Entry, Event},
        compose::{Letter, List, Party},
    },
    render::{Card, Codes, Inside, Links, Mail, RenderError, Rendered},
    store::records::MessageRow,
    token::{Keyring, MailRef},
};

/// Everything a mail is made with, beside the message and the lead.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    pub live: &'a Live,
    pub config: &'a Config,
    pub sender: &'a Sender,
    pub keyring: &'a Keyring,
}

/// Why a mail is not ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Letter(#[from] crate::mail::compose::BadLetter),
    #[error("`{0}` is not among the people any more")]
    Nobody(Name),
}

/// Who reads a mail, and what it shows to them alone.
#[derive(Clone, Copy, Debug)]
pub enum Reader<'a> {
    Lead(Links<'a>),
    /// One of our own people; of a hand-off, the card.
    Colleague(Option<&'a Card>),
}

impl Desk<'_> {
    /// Renders a message and addresses it.
    pub fn letter(
        &self,
        message: &MessageRow,
        lead: &LeadState,
        story: Option<&Story>,
        codes: &Codes,
        now: Instant,
    ) -> Result<Letter, Unready> {
        let mail_ref = MailRef { lead: message.lead, message: message.id };
        match message.kind {
            MessageKind::Marketing => {
                let links = Links {
                    base_url: &self.config.public.base_url,
                    keyring: self.keyring,
                    mail: mail_ref,
                    tracked: tracked(&self.live.definitions, lead),
                    utm_source: "nurtured",
                };
                let rendered =
                    self.render(message, lead, Reader::Lead(links), &lead.language, codes, now)?;
                let name = full_name(&self.live.definitions, lead);
                let to = Party::new(name.as_deref(), lead.address.clone());
                let author = self.author(message, lead);
                Ok(self.address(message, mail_ref, rendered, to, author, now))
            }
            MessageKind::Internal => {
                let people = &self.live.definitions.people;
                let person: &Person = people
                    .persons
                    .get(&message.recipient)
                    .ok_or_else(|| Unready::Nobody(message.recipient.clone()))?;
                let house = &self.live.definitions.policy.language;
                let language = person.language.as_ref().unwrap_or(house);
                let card = story.map(|story| self.card(story, message, lead, now));
                let rendered = self.render(
                    message,
                    lead,
                    Reader::Colleague(card.as_ref()),
                    language,
                    codes,
                    now,
                )?;
                let to = Party::new(Some(&person.name), person.address.clone());
                Ok(self.address(message, mail_ref, rendered, to, None, now))
            }
        }
    }

    /// In whose name a mail goes, if its workflow names somebody who is known here.
    fn author(&self, message: &MessageRow, lead: &LeadState) -> Option<&Person> {
        let definitions = &self.live.definitions;
        match &self.workflow(message)?.from {
            Author::Sender => None,
            Author::Owner => definitions.owner(&lead.attributes).map(|(_, person)| person),
            Author::Person(name) => definitions.people.persons.get(name),
        }
    }

    /// Where its workflow wants the answers to a mail.
    fn replies(&self, message: &MessageRow) -> Option<Party> {
        match self.workflow(message)?.reply_to.as_ref()? {
            Replies::Person(name) => {
                let person = self.live.definitions.people.persons.get(name)?;
                Some(Party::new(Some(&person.name), person.address.clone()))
            }
            Replies::Mailbox(mailbox) => Some(party(mailbox.clone())),
        }
    }

    /// The one whose mail a message is: a lead's, not one to our own people.
    fn workflow(&self, message: &MessageRow) -> Option<&Workflow> {
        let structures = &self.live.definitions.structures;
        structures.get(&message.version).map(AsRef::as_ref)
    }

    /// Renders a message for a reader of `language`.
    pub fn render(
        &self,
        message: &MessageRow,
        lead: &LeadState,
        reader: Reader<'_>,
        language: &str,
        codes: &Codes,
        now: Instant,
    ) -> Result<Rendered, RenderError> {
        let enrolment = lead.enrolments.iter().find(|e| e.no == message.about.enrolment);
        let (links, card) = match reader {
            Reader::Lead(links) => (Some(links), None),
            Reader::Colleague(card) => (None, card),
        };
        // To a lead it is signed by whom it is from.
        let author = links.as_ref().and_then(|_| self.author(message, lead));
        let sender = crate::render::Sender {
            name: author.map_or(&self.sender.from.name, |author| &author.name).clone(),
            postal_address: self.sender.postal_address.clone(),
        };
        self.live.renderer.render(&Mail {
            template: &message.template,
            lead,
            language,
            entry: enrolment.and_then(|enrolment| enrolment.entry.as_ref()),
            workflow: &message.workflow,
            campaign: self.campaign(message),
            codes,
            segments: &self.segments(message, lead, language, now),
            sender: &sender,
            links,
            standing: Some(standing(&self.live.definitions, lead, now)),
            card,
            now,
        })
    }

    /// Which of the segments that a mail asks for its reader is in. What is not known of a lead is not so.
    fn segments(
        &self,
        message: &MessageRow,
        lead: &LeadState,
        language: &str,
        now: Instant,
    ) -> Inside {
        let definitions = &self.live.definitions;
        let view = view(definitions, lead, now);
        let is_in = |name: &&Name| {
            let segment = definitions.segment(name);
            segment.is_some_and(|segment| segment.condition.verdict(&view).is_true())
        };
        self.live.renderer.segments(&message.template, language).filter(is_in).cloned().collect()
    }

    fn campaign(&self, message: &MessageRow) -> Option<&Campaign> {
        let definitions = &self.live.definitions;
        definitions.campaign_of(definitions.structures.get(&message.version)?)
    }

    /// Which event of the reader's calendar it is: for all readers, and whatever becomes of its date, the
    /// same. A release may have moved it.
    fn entry(&self, message: &MessageRow, event: Event) -> Entry {
        let by = self.campaign(message).map_or(&message.workflow, |campaign| &campaign.name);
        let template = message.template.replace('/', ".");
        Entry {
            uid: format!("{template}.{by}@{}", self.sender.bounce_domain),
            sequence: self.live.definitions.release.seconds(),
            event,
        }
    }

    /// By what a mailbox provider tells complaints apart: `campaign:workflow:kind:sender`, which names
    /// no reader. The sender is the domain, in the 15 characters that Gmail takes.
    fn feedback_id(&self, message: &MessageRow) -> String {
        let campaign = self.campaign(message).map_or("-", |campaign| &campaign.name);
        let domain = self.sender.from.address.domain();
        let sender = domain.get(..15).unwrap_or(domain);
        format!("{campaign}:{}:{}:{sender}", message.workflow, message.kind.word())
    }

    fn address(
        &self,
        message: &MessageRow,
        mail_ref: MailRef,
        rendered: Rendered,
        to: Party,
        author: Option<&Person>,
        now: Instant,
    ) -> Letter {
        let domain = &self.sender.bounce_domain;
        let to_a_lead = message.kind == MessageKind::Marketing;
        let authors = author.map(|author| Party::new(Some(&author.name), author.address.clone()));
        let replies = self.replies(message).filter(|_| to_a_lead).or(authors);
        let reply_to = rendered.reply_to.map(party).or(replies);
        let reply_to = reply_to.or_else(|| self.sender.reply_to.clone().map(party));
        let own = self.config.own_domains().unwrap_or_default();
        let local = self.keyring.bounce_local_part(&mail_ref);
        let calendar = rendered.calendar.map(|event| self.entry(message, event));
        Letter {
            from: from(&self.sender.from, &own, author),
            to,
            reply_to,
            subject: rendered.subject,
            text: rendered.text,
            html: Some(rendered.html),
            calendar,
            attachments: rendered.attachments,
            message_id: format!("{}@{domain}", self.keyring.message_id(&mail_ref)),
            date: now,
            key: self.keyring.message_key(message.id),
            list: to_a_lead.then(|| List {
                text: list_text(
                    self.live.definitions.policy.label(&message.purpose),
                    &self.sender.from.name,
                ),
                label: format!("{}.{domain}", message.workflow),
            }),
            unsubscribe_url: rendered.unsubscribe_url,
            feedback_id: Some(self.feedback_id(message)),
            auto_submitted: !to_a_lead,
            bounce_address: Address::parse(&format!("{local}@{domain}")).ok(),
        }
    }
}

fn party(mailbox: Mailbox) -> Party {
    Party::new(Some(&mailbox.name), mailbox.address)
}

/// Who a mail is from. The author's own address stands there if mail may come from its domain: what says
/// to come from elsewhere is refused (DMARC, RFC 9989).
fn from(sender: &Mailbox, own: &OwnDomains, author: Option<&Person>) -> Party {
    let name = author.map_or(&sender.name, |author| &author.name);
    let theirs = author.map(|author| &author.address).filter(|it| own.has(it.domain()));
    Party::new(Some(name), theirs.unwrap_or(&sender.address).clone())
}

/// What a list is about and who writes, parted by what a phrase may hold without quotes: brackets would be
/// taken out.
fn list_text(label: &str, sender: &str) -> String {
    if sender.is_empty() { label.to_owned() } else { format!("{label} - {sender}") }
}

/// First and last name, as far as they are known.
fn full_name(definitions: &Definitions, lead: &LeadState) -> Option<String> {
    let part = |name: &str| {
        let value = lead.attributes[definitions.schema.slot(name)?.0].as_ref()?;
        Some(value.to_string())
    };
    let parts: Vec<String> = ["first_name", "last_name"].into_iter().filter_map(part).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_writes_from_our_domains_alone() {
        let text = "[sender]\nfrom = \"Example <hello@example.com>\"\nbounce_domain = \"b.example.com\"\n\
                    postal_address = \"Milano\"\n[[dkim]]\ndomain = \"example.net\"\nselector = \"s1\"\nkey_file = \"k\"\n";
        let config = Config::parse(text, std::path::Path::new("")).unwrap();
        let (sender, own) = (config.sender.clone().unwrap().from, config.own_domains().unwrap());
        let written = |address: Option<&str>| {
            let person = address.map(|address| Person {
                name: "Ben Weber".into(),
                address: Address::parse(address).unwrap(),
                language: None,
            });
            let party = from(&sender, &own, person.as_ref());
            format!("{} <{}>", party.name.unwrap_or_default(), party.address.as_str())
        };
        assert_eq!(written(None), "Example <hello@example.com>");
        for ours in ["ben@example.com", "ben@example.net", "ben@news.example.net"] {
            assert_eq!(written(Some(ours)), format!("Ben Weber <{ours}>"));
        }
        for other in ["ben@elsewhere.example", "ben@sub.example.com", "ben@notexample.net"] {
            assert_eq!(written(Some(other)), "Ben Weber <hello@example.com>", "{other}");
        }
    }

    #[test]
    fn a_list_is_told_by_what_it_is_about_and_who_writes() {
        assert_eq!(list_text("News", "Ada Rossi"), "News - Ada Rossi");
        assert_eq!(list_text("News", ""), "News");
    }
}
