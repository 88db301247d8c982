//! From a claimed message to the bytes that a relay is handed: may it leave, how does it read.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    Engine, Outlet,
    claims::Claim,
    codes::{CodesOf, dry},
    deciding::look,
    desk::{Desk, Unready},
    live::Live,
    outcome::by_its_step,
    telling::Story,
    throttling::Levels,
    turns::{Standings, Turn, stands_in_line},
};
use crate::{
    domain::{
        account::{Account, account_of},
        allocator::lines,
        condition::View,
        decide::{closes, may_send, tracked},
        definitions::Definitions,
        id::{EnrolmentNo, LeadId},
        lead::{Enrolment, LeadRecord, LeadState, Suppression},
        message::{MaySend, MessageKind},
        name::Name,
        pace::Line,
        time::Instant,
        workflow::Version,
    },
    mail::{compose::Composed, dkim::Signers},
    render::{Codes, Standing},
    store::{
        StoreError,
        records::{MessageRow, Settled, Settlement},
    },
};

/// How long a mail waits that `only_to` holds back.
const STAGING_PAUSE: std::time::Duration = std::time::Duration::from_secs(3600);

/// How long a mail waits that was reserved before its lead, or its company, was paused: the decision that this leads
/// to takes it back.
const PAUSED: std::time::Duration = std::time::Duration::from_mins(15);

/// How long a mail waits whose rendering took too long.
const RENDER_PAUSE: std::time::Duration = std::time::Duration::from_secs(300);

/// A mail ready to be handed over.
#[derive(Debug)]
pub struct Outgoing {
    pub message: MessageRow,
    pub claim: Claim,
    pub letter: Composed,
    /// Whose servers it is for: a provider, or a domain.
    pub receiver: Name,
    /// `None`: it stands in no line.
    pub in_line: Option<InLine>,
    /// Its window closes then: later it is to be judged again.
    pub closes: Option<Instant>,
}

/// How a mail stands in line.
#[derive(Debug)]
pub struct InLine {
    /// Those of its lines that are about the distance to other mails.
    pub lines: Vec<Line>,
    /// How slowly mail goes there, as far as it has stood in line for it.
    pub levels: Levels,
}

impl Engine {
    /// Makes claimed messages into mails to hand over, each told to `outgoing` as soon as it is ready;
    /// returns the claims to end at once.
    pub async fn prepare(
        &self,
        live: &Arc<Live>,
        (outlet, is_probe): (&Outlet, bool),
        rows: Vec<MessageRow>,
        claim: &Claim,
        now: Instant,
        outgoing: impl Fn(Outgoing) + Send + 'static,
    ) -> Result<Vec<Settlement>, StoreError> {
        let mut leads: Vec<LeadId> = rows.iter().map(|row| row.lead).collect();
        leads.sort_unstable();
        leads.dedup();
        let records = self.store.records(&leads).await?;
        let records: HashMap<LeadId, LeadRecord> =
            records.into_iter().map(|record| (record.lead, record)).collect();
        let ended_enrolments = self.ended_enrolments(&rows, &records).await?;
        let complained = self.complained(live, &rows).await?;
        let accounts = self.accounts_of(live, &records).await?;
        let paused = self.store.paused_among(records.values()).await?;
        // What finds out whether a relay is up again waits in no line: others wait for it.
        let Standings { turns, levels } = if is_probe {
            Standings::default()
        } else {
            self.turns_anew(live, outlet, &rows, &records, now).await?
        };
        let codes = self.codes(live, &rows, &records, now).await?;
        let stories = self.stories(live, &rows).await?;
        let work = (Arc::clone(live), Arc::clone(&self.config), Arc::clone(&self.keyring));
        let signers = Arc::clone(&self.signers);
        let sender = outlet.sender.clone();
        let (relay, ramps) = (self.fleet.get(&outlet.name).cloned(), self.ramps.now());
        let claim = claim.clone();
        // Rendering and signing take the processor for a while: not on the threads that answer the network.
        let ended = tokio::task::spawn_blocking(move || {
            let (live, config, keyring) = work;
            let sender = sender.as_ref();
            let desk = sender.map(|sender| Desk {
                live: &live,
                config: &config,
                sender,
                keyring: &keyring,
            });
            let token = claim.token;
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
                if message.kind == MessageKind::Marketing
                    && let Some(reason) = paused.get(&message.lead)
                {
                    let outcome =
                        Settled::Released { due_at: now + PAUSED, reason: reason.clone() };
                    ended.push(Settlement { message: message.id, token, outcome, relay: None });
                    continue;
                }
                let (story, codes) = (stories.get(&message.id), codes.get(&message.id));
                let account = record.as_ref().filter(|_| !accounts.is_empty()).and_then(|record| {
                    accounts.get(&account_of(&record.profile, &record.address)?)
                });
                let turn = turns.get(&message.id);
                let held = (account, turn);
                match ready((desk, &signers), &message, record, held, story, codes, now) {
                    Ok((letter, closes)) => {
                        let domain = letter.envelope_to.domain();
                        let receiver = live.definitions.policy.pacing.receiver(domain).into();
                        let in_line = stands_in_line(&live, &message).then(|| {
                            let policy = &live.definitions.policy;
                            let from = (relay.as_ref(), &*ramps);
                            let mut lines = lines(policy, from, domain, &message.workflow);
                            // A day has been taken a place of; how many leave on it is not counted here again.
                            lines.retain(|line| line.day_of(now).is_none());
                            InLine {
                                lines,
                                levels: levels.get(&message.id).copied().unwrap_or_default(),
                            }
                        });
                        let claim = claim.clone();
                        outgoing(Outgoing { message, claim, letter, receiver, in_line, closes });
                    }
                    Err(outcome) => {
                        ended.push(Settlement { message: message.id, token, outcome, relay: None });
                    }
                }
            }
            ended
        });
        ended.await.map_err(|error| StoreError::Other(format!("preparing mails failed: {error}")))
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

    /// What is known of the leads' companies: others of them may have replied, or been written to, meanwhile.
    async fn accounts_of(
        &self,
        live: &Live,
        records: &HashMap<LeadId, LeadRecord>,
    ) -> Result<BTreeMap<Name, Account>, StoreError> {
        if live.definitions.policy.accounts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = records.values().filter_map(|it| account_of(&it.profile, &it.address));
        self.store.accounts_now(&names.collect()).await
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
    (desk, signers): (Option<Desk<'_>>, &Signers),
    message: &MessageRow,
    record: Option<LeadRecord>,
    (account, turn): (Option<&Account>, Option<&Turn>),
    story: Option<&Story>,
    codes: Option<&CodesOf>,
    now: Instant,
) -> Result<(Composed, Option<Instant>), Settled> {
    let Some(record) = record else {
        return Err(Settled::Cancelled { reason: "the lead is not there any more".into() });
    };
    let Some(desk) = desk else {
        return Err(Settled::Parked { reason: "the configuration has no [sender]".into() });
    };
    let definitions = &desk.live.definitions;
    let (state, _, _) = look(definitions, record, &[], now);
    match may_send(definitions, &state, &message.about, message.kind, &message.version, now) {
        MaySend::Now => {}
        MaySend::NotBefore(due_at, reason) => return Err(Settled::Released { due_at, reason }),
        MaySend::Never(reason) => return Err(Settled::Cancelled { reason }),
    }
    let marketing = account.filter(|_| message.kind == MessageKind::Marketing);
    let about = (message.lead, &message.version, &*message.about.step);
    if let Some((due_at, reason)) =
        marketing.and_then(|account| company_is_full(definitions, about, account, now))
    {
        return Err(Settled::Released { due_at, reason });
    }
    if let Some(Turn { at, reason }) = turn.filter(|turn| turn.at > now) {
        return Err(Settled::Released { due_at: *at, reason: reason.clone() });
    }
    let unwritable = |reason| by_its_step(definitions, message, Settled::Parked { reason });
    let codes = match codes {
        None => &Codes::new(),
        Some(Ok(codes)) => codes,
        Some(Err(pool)) => return Err(unwritable(dry(pool))),
    };
    let letter =
        desk.letter(message, &state, story, codes, now).map_err(|unready| match unready {
            // The machine was busy: nothing is wrong with the mail.
            Unready::Render(error) if error.may_pass() => {
                Settled::Released { due_at: now + RENDER_PAUSE, reason: error.to_string() }
            }
            unready => unwritable(unready.to_string()),
        })?;
    if !desk.config.delivery.allows(&letter.to.address) {
        let reason = "held back by [delivery] only_to".to_owned();
        return Err(Settled::Released { due_at: now + STAGING_PAUSE, reason });
    }
    let letter =
        letter.signed(signers).map_err(|bad| Settled::Parked { reason: bad.to_string() })?;
    let workflow = definitions.structures.get(&message.version);
    let closes = workflow
        .filter(|_| message.kind == MessageKind::Marketing)
        .and_then(|workflow| closes(definitions, &state, workflow, &message.about, now));
    Ok((letter, closes))
}

/// Until when a marketing mail waits for what others of the lead's company did. What the lead asked for does not.
pub(super) fn company_is_full(
    definitions: &Definitions,
    (lead, version, step): (LeadId, &Version, &str),
    account: &Account,
    now: Instant,
) -> Option<(Instant, String)> {
    let mail = definitions.structures.get(version)?.mail_step(step)?;
    let policy = &definitions.policy;
    account.hold(lead, &policy.accounts, &policy.zone, now).filter(|_| !mail.now)
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
        missing: &[],
    }
}
