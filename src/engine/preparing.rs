//! From a claimed message to the bytes that a relay is handed: may it leave, how does it read.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Engine,
    claims::Claim,
    codes::{CodesOf, dry},
    deciding::look,
    live::Live,
    telling::Story,
};
use crate::{
    config::{Config, Sender},
    domain::{
        address::{Address, Mailbox},
        campaign::Campaign,
        condition::View,
        decide::{closes, may_send, tracked},
        definitions::Definitions,
        id::{EnrolmentNo, LeadId},
        lead::{Enrolment, LeadRecord, LeadState, Suppression},
        message::{MaySend, MessageKind},
        name::Name,
        people::Person,
        time::Instant,
    },
    mail::{
        calendar::{Entry, Event},
        compose::{Composed, Letter, List, Party},
    },
    render::{Card, Codes, Links, Mail, RenderError, Rendered, Standing},
    store::{
        StoreError,
        records::{MessageRow, Settled, Settlement},
    },
    token::{Keyring, MailRef},
};

/// How long a mail waits that `only_to` holds back.
const STAGING_PAUSE: std::time::Duration = std::time::Duration::from_secs(3600);

/// How long a mail waits whose rendering took too long.
const RENDER_PAUSE: std::time::Duration = std::time::Duration::from_secs(300);

/// A mail ready to be handed over.
#[derive(Debug)]
pub struct Outgoing {
    pub message: MessageRow,
    pub claim: Claim,
    pub letter: Composed,
    /// Its window closes then: later it is to be judged again.
    pub closes: Option<Instant>,
}

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

impl Engine {
    /// Sorts claimed messages into mails to hand over and claims to end at once.
    pub async fn prepare(
        &self,
        live: &Arc<Live>,
        rows: Vec<MessageRow>,
        claim: &Claim,
        now: Instant,
    ) -> Result<(Vec<Outgoing>, Vec<Settlement>), StoreError> {
        let mut leads: Vec<LeadId> = rows.iter().map(|row| row.lead).collect();
        leads.sort_unstable();
        leads.dedup();
        let records = self.store.records(&leads).await?;
        let records: HashMap<LeadId, LeadRecord> =
            records.into_iter().map(|record| (record.lead, record)).collect();
        let ended_enrolments = self.ended_enrolments(&rows, &records).await?;
        let complained = self.complained(live, &rows).await?;
        let codes = self.codes(live, &rows, &records, now).await?;
        let stories = self.stories(live, &rows).await?;
        let work = (Arc::clone(live), Arc::clone(&self.config), Arc::clone(&self.keyring));
        let claim = claim.clone();
        // Rendering takes the processor for a while: not on the threads that answer the network.
        let sorted = tokio::task::spawn_blocking(move || {
            let (live, config, keyring) = work;
            let token = claim.token;
            let mut outgoing = Vec::with_capacity(rows.len());
            let mut ended = Vec::new();
            for message in rows {
                if message.kind == MessageKind::Internal && complained.contains(&message.recipient)
                {
                    let reason = "its reader has complained of our mail".to_owned();
                    let outcome = Settled::Cancelled { reason };
                    ended.push(Settlement { message: message.id, token, outcome, relay: None });
                    continue;
                }
                let mut record = records.get(&message.lead).cloned();
                // For notices alone: to a marketing mail an ended enrolment is not there.
                if message.kind == MessageKind::Internal
                    && let Some(record) = &mut record
                {
                    let of = (message.lead, message.about.enrolment);
                    record.enrolments.extend(ended_enrolments.get(&of).cloned());
                }
                let (story, codes) = (stories.get(&message.id), codes.get(&message.id));
                match ready(&live, &config, &keyring, &message, record, story, codes, now) {
                    Ok((letter, closes)) => {
                        outgoing.push(Outgoing { message, claim: claim.clone(), letter, closes });
                    }
                    Err(outcome) => {
                        ended.push(Settlement { message: message.id, token, outcome, relay: None });
                    }
                }
            }
            (outgoing, ended)
        });
        sorted.await.map_err(|error| StoreError::Other(format!("preparing mails failed: {error}")))
    }

    /// A notice tells of its enrolment, which may have ended in the decision that made it.
    async fn ended_enrolments(
        &self,
        rows: &[MessageRow],
        records: &HashMap<LeadId, LeadRecord>,
    ) -> Result<HashMap<(LeadId, EnrolmentNo), Enrolment>, StoreError> {
        let notices = rows.iter().filter(|row| row.kind == MessageKind::Internal);
        let ended: Vec<(LeadId, EnrolmentNo)> = notices
            .map(|row| (row.lead, row.about.enrolment))
            .filter(|(lead, no)| {
                let record = records.get(lead);
                record.is_some_and(|record| record.enrolments.iter().all(|e| e.no != *no))
            })
            .collect();
        self.store.these_enrolments(&ended).await
    }

    /// Those of our own people whose address is suppressed since they complained.
    async fn complained(
        &self,
        live: &Live,
        rows: &[MessageRow],
    ) -> Result<HashSet<Name>, StoreError> {
        let notices = rows.iter().filter(|row| row.kind == MessageKind::Internal);
        let readers: HashSet<&Name> = notices.map(|row| &row.recipient).collect();
        let mut complained = HashSet::new();
        for reader in readers {
            let Some(person) = live.definitions.people.persons.get(reader) else { continue };
            let why = self.store.suppression_of(&person.address).await?;
            if why == Some(Suppression::Complained) {
                complained.insert(reader.clone());
            }
        }
        Ok(complained)
    }
}

fn ready(
    live: &Live,
    config: &Config,
    keyring: &Keyring,
    message: &MessageRow,
    record: Option<LeadRecord>,
    story: Option<&Story>,
    codes: Option<&CodesOf>,
    now: Instant,
) -> Result<(Composed, Option<Instant>), Settled> {
    let Some(record) = record else {
        return Err(Settled::Cancelled { reason: "the lead is not there any more".into() });
    };
    let Some(sender) = &config.sender else {
        return Err(Settled::Parked { reason: "the configuration has no [sender]".into() });
    };
    let definitions = &live.definitions;
    let (state, _, _) = look(definitions, record, &[], now);
    match may_send(definitions, &state, &message.about, message.kind, &message.version, now) {
        MaySend::Now => {}
        MaySend::NotBefore(due_at, reason) => return Err(Settled::Released { due_at, reason }),
        MaySend::Never(reason) => return Err(Settled::Cancelled { reason }),
    }
    let desk = Desk { live, config, sender, keyring };
    let codes = match codes {
        None => &Codes::new(),
        Some(Ok(codes)) => codes,
        Some(Err(pool)) => return Err(Settled::Parked { reason: dry(pool) }),
    };
    let letter =
        desk.letter(message, &state, story, codes, now).map_err(|unready| match unready {
            // The machine was busy: nothing is wrong with the mail.
            Unready::Render(error) if error.may_pass() => {
                Settled::Released { due_at: now + RENDER_PAUSE, reason: error.to_string() }
            }
            unready => Settled::Parked { reason: unready.to_string() },
        })?;
    if !config.delivery.allows(&letter.to.address) {
        let reason = "held back by [delivery] only_to".to_owned();
        return Err(Settled::Released { due_at: now + STAGING_PAUSE, reason });
    }
    let letter = letter.compose().map_err(|bad| Settled::Parked { reason: bad.to_string() })?;
    let workflow = definitions.structures.get(&message.version);
    let closes = workflow
        .filter(|_| message.kind == MessageKind::Marketing)
        .and_then(|workflow| closes(definitions, &state, workflow, &message.about, now));
    Ok((letter, closes))
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
                    self.render(message, lead, Some(links), None, &lead.language, codes, now)?;
                let name = full_name(&self.live.definitions, lead);
                let to = Party::new(name.as_deref(), lead.address.clone());
                let owner = self.writing_owner(message, lead);
                Ok(self.address(message, mail_ref, rendered, to, owner, now))
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
                let rendered =
                    self.render(message, lead, None, card.as_ref(), language, codes, now)?;
                let to = Party::new(Some(&person.name), person.address.clone());
                Ok(self.address(message, mail_ref, rendered, to, None, now))
            }
        }
    }

    /// The owner in whose name a mail goes, if its workflow says so and the lead has one who is known here.
    fn writing_owner(&self, message: &MessageRow, lead: &LeadState) -> Option<&Person> {
        let definitions = &self.live.definitions;
        let workflow = definitions.structures.get(&message.version)?;
        let owner = definitions.owner(&lead.attributes).filter(|_| workflow.from_owner);
        owner.map(|(_, person)| person)
    }

    /// Renders a message for a reader of `language`.
    pub fn render(
        &self,
        message: &MessageRow,
        lead: &LeadState,
        links: Option<Links<'_>>,
        card: Option<&Card>,
        language: &str,
        codes: &Codes,
        now: Instant,
    ) -> Result<Rendered, RenderError> {
        let enrolment = lead.enrolments.iter().find(|e| e.no == message.about.enrolment);
        // To a lead it is signed by whom it is from.
        let owner = links.as_ref().and_then(|_| self.writing_owner(message, lead));
        let sender = crate::render::Sender {
            name: owner.map_or(&self.sender.from.name, |owner| &owner.name).clone(),
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
            sender: &sender,
            links,
            standing: Some(standing(&self.live.definitions, lead, now)),
            card,
            now,
        })
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

    fn address(
        &self,
        message: &MessageRow,
        mail_ref: MailRef,
        rendered: Rendered,
        to: Party,
        owner: Option<&Person>,
        now: Instant,
    ) -> Letter {
        let domain = &self.sender.bounce_domain;
        let to_a_lead = message.kind == MessageKind::Marketing;
        let party = |mailbox: Mailbox| Party::new(Some(&mailbox.name), mailbox.address);
        let owners = owner.map(|owner| Party::new(Some(&owner.name), owner.address.clone()));
        let reply_to = rendered.reply_to.map(party).or(owners);
        let reply_to = reply_to.or_else(|| self.sender.reply_to.clone().map(party));
        let local = self.keyring.bounce_local_part(&mail_ref);
        let calendar = rendered.calendar.map(|event| self.entry(message, event));
        Letter {
            from: from(&self.sender.from, owner),
            to,
            reply_to,
            subject: rendered.subject,
            text: rendered.text,
            html: Some(rendered.html),
            calendar,
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
            feedback_id: None,
            auto_submitted: !to_a_lead,
            bounce_address: Address::parse(&format!("{local}@{domain}")).ok(),
        }
    }
}

/// Who a mail is from. The owner's own address stands there if it is of the sender's domain: for others
/// this relay may not write, and mail that says it does is refused (DMARC, RFC 7489).
fn from(sender: &Mailbox, owner: Option<&Person>) -> Party {
    let name = owner.map_or(&sender.name, |owner| &owner.name);
    let own = owner.map(|owner| &owner.address);
    let own = own.filter(|own| own.domain() == sender.address.domain());
    Party::new(Some(name), own.unwrap_or(&sender.address).clone())
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

/// A lead's engagement and temperature, if they may be looked at.
#[must_use]
pub fn standing(definitions: &Definitions, lead: &LeadState, now: Instant) -> Standing {
    let engagement =
        tracked(definitions, lead).then(|| definitions.scoring.engagement(&lead.facts, now));
    let temperature = engagement.map(|points| definitions.scoring.temperature(points));
    Standing { engagement, temperature }
}

/// A lead at an instant, as segments and scoring look at it.
#[must_use]
pub fn view<'a>(definitions: &'a Definitions, lead: &'a LeadState, now: Instant) -> View<'a> {
    View {
        now,
        since: Instant::DAWN,
        entry: None,
        attributes: &lead.attributes,
        tags: &lead.tags,
        stage: lead.stage,
        stage_since: lead.stage_since,
        facts: &lead.facts,
        profiled: tracked(definitions, lead),
        scoring: &definitions.scoring,
        segments: &definitions.segments,
        known_segments: &[],
        worked: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_writes_from_the_senders_domain_alone() {
        let sender: Mailbox = "Example <hello@example.com>".parse().unwrap();
        let person = |address: &str| Person {
            name: "Ben Weber".into(),
            address: Address::parse(address).unwrap(),
            language: None,
        };
        let written = |owner: Option<&Person>| {
            let party = from(&sender, owner);
            format!("{} <{}>", party.name.unwrap_or_default(), party.address.as_str())
        };
        assert_eq!(written(None), "Example <hello@example.com>");
        assert_eq!(written(Some(&person("ben@example.com"))), "Ben Weber <ben@example.com>");
        for other in ["ben@elsewhere.example", "ben@sub.example.com", "ben@notexample.com"] {
            assert_eq!(written(Some(&person(other))), "Ben Weber <hello@example.com>", "{other}");
        }
    }

    #[test]
    fn a_list_is_told_by_what_it_is_about_and_who_writes() {
        assert_eq!(list_text("News", "Ada Rossi"), "News - Ada Rossi");
        assert_eq!(list_text("News", ""), "News");
    }
}
