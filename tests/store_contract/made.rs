//! Leads, decisions and messages as the tests need them.

use std::{collections::BTreeMap, time::Duration};

use nurtured::{
    domain::{
        address::Address,
        decision::{EnrolmentChange, LogLine, NewMessage, Verb},
        event::{EventKind, StepRef},
        id::{EnrolmentNo, LeadId, MessageId, ReleaseId, Rev},
        lead::{Enrolment, LeadRecord, Memory, Phase},
        message::{MessageKind, MessageState},
        time::Instant,
        workflow::Version,
    },
    store::{
        Batch, Route, Store,
        records::{
            ClaimToken, ImportRun, LeadUpsert, LeadWrite, NewEvent, Quota, Settled, Settlement,
        },
    },
};

pub use crate::support::databases::NOON;

pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
pub const TOKEN: ClaimToken = ClaimToken(7);

pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub fn upsert(text: &str) -> LeadUpsert {
    LeadUpsert {
        address: address(text),
        attributes: Vec::new(),
        consents: BTreeMap::new(),
        dated: false,
        objects: false,
        stage: None,
        suppress: None,
    }
}

pub fn run(id: i64) -> ImportRun {
    ImportRun { id, source: "crm".into(), is_named: false, campaign: None }
}

/// Imports leads; they are due in the bulk lane.
pub async fn import(store: &Store, addresses: &[&str]) -> Vec<LeadId> {
    let upserts: Vec<LeadUpsert> = addresses.iter().map(|text| upsert(text)).collect();
    let imported = store.upsert_leads(&upserts, &run(1), NOON).await.unwrap();
    imported.into_iter().map(|upserted| upserted.lead).collect()
}

/// Imports one lead and decides it once: nothing is due any more.
pub async fn settled_lead(store: &Store, text: &str) -> LeadId {
    let lead = import(store, &[text]).await[0];
    decide(store, lead, |_| {}).await;
    lead
}

pub fn all() -> Quota {
    Quota { acts: 100, timers: 100, bulk: 100, sweep: 100 }
}

/// A decision that changes nothing and sleeps.
pub fn write(record: &LeadRecord) -> LeadWrite {
    LeadWrite {
        lead: record.lead,
        rev: record.rev,
        release: ReleaseId(1),
        profile: None,
        memory: None,
        stage: None,
        enrolments: Vec::new(),
        messages: Vec::new(),
        calls: Vec::new(),
        withdraw: Vec::new(),
        events: Vec::new(),
        log: Vec::new(),
        ledger: Vec::new(),
        wake_at: Instant::NEVER,
        judge_again: false,
    }
}

/// Decides one lead, whether or not it is due; returns its new rev.
pub async fn decide(store: &Store, lead: LeadId, edit: impl FnOnce(&mut LeadWrite)) -> Rev {
    let batch = store.lock_leads(&[lead]).await.unwrap();
    let mut decision = write(&batch.records[0]);
    edit(&mut decision);
    let committed = store.commit(batch, vec![decision], NOON).await.unwrap();
    assert_eq!(committed.lost, []);
    committed.written[0].1
}

/// Decides all leads of a batch to nothing.
pub async fn sleep_all(store: &Store, batch: Batch, now: Instant) {
    let writes = batch.records.iter().map(write).collect();
    store.commit(batch, writes, now).await.unwrap();
}

pub fn version() -> Version {
    Version("0123456789abcdef0123456789abcdef".into())
}

pub fn about(enrolment: i64, step: &str) -> StepRef {
    StepRef { enrolment: EnrolmentNo(enrolment), step: step.into(), visit: 1 }
}

pub fn entered(no: i64) -> EnrolmentChange {
    EnrolmentChange {
        enrolment: Enrolment {
            no: EnrolmentNo(no),
            workflow: "reawaken".into(),
            version: version(),
            entered_at: NOON,
            entry: None,
            step: "hello".into(),
            visit: 1,
            armed_at: NOON,
            phase: Phase::READY,
            doubt: None,
            turns: Vec::new(),
        },
        is_new: true,
        has_migrated: false,
        ended: None,
        gave_up: None,
    }
}

/// A marketing mail due at once.
pub fn mail(enrolment: i64, step: &str) -> NewMessage {
    NewMessage {
        about: about(enrolment, step),
        kind: MessageKind::Marketing,
        recipient: "".into(),
        workflow: "reawaken".into(),
        version: version(),
        purpose: "insights".into(),
        template: "cold/report".into(),
        priority: 20,
        due_at: NOON,
        relay: "main".into(),
        placed_on: None,
        again: None,
    }
}

pub fn notice(enrolment: i64, recipient: &str) -> NewMessage {
    NewMessage {
        kind: MessageKind::Internal,
        recipient: recipient.into(),
        ..mail(enrolment, "tell-sales")
    }
}

pub fn line(what: Verb, reason: &str) -> LogLine {
    LogLine { what, workflow: Some("reawaken".into()), step: None, reason: reason.into() }
}

pub fn memory(reason: &str) -> Memory {
    let mut memory = Memory { plan: 5, ..Memory::default() };
    memory.segments.insert(reason.into(), NOON);
    memory
}

/// A lead with one reserved mail.
pub async fn lead_with_mail(store: &Store, text: &str) -> (LeadId, MessageId) {
    let lead = settled_lead(store, text).await;
    decide(store, lead, |decision| {
        decision.enrolments.push(entered(1));
        decision.messages.push(mail(1, "hello"));
    })
    .await;
    (lead, store.messages_of(lead).await.unwrap()[0].id)
}

/// Claims what is due, for an hour.
pub async fn claim(store: &Store, now: Instant, token: ClaimToken) -> Vec<MessageId> {
    let claimed =
        store.claim_messages(&Route::own(&"main".into()), now, token, HOUR, 100).await.unwrap();
    assert!(claimed.iter().all(|message| message.state == MessageState::Claimed));
    claimed.into_iter().map(|message| message.id).collect()
}

/// Settles one claim and leaves the lead undecided; returns whether it was settled.
pub async fn settle(
    store: &Store,
    message: MessageId,
    token: ClaimToken,
    outcome: Settled,
) -> bool {
    let settlement = Settlement { message, token, outcome, relay: Some("main".into()) };
    let batch = store.settle(&[settlement], &[], NOON).await.unwrap();
    let settled = batch.refused.is_empty();
    store.commit(batch, Vec::new(), NOON).await.unwrap();
    settled
}

pub fn sent() -> Settled {
    Settled::Sent { reply: "250 ok".into() }
}

pub async fn state(store: &Store, message: MessageId) -> MessageState {
    store.message(message).await.unwrap().unwrap().state
}

pub fn clicked(lead: LeadId) -> NewEvent {
    NewEvent::new(lead, EventKind::MAIL_CLICKED, NOON, "http")
}

/// A release of nothing: it unparks, and begins a sweep.
pub async fn release(store: &Store) -> ReleaseId {
    store.save_release(&[], &[], &BTreeMap::new(), "ada", "", NOON).await.unwrap().id
}
