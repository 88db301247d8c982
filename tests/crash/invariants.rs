//! What must hold after every run, whatever happened in it: the ledger against what the relay got.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nurtured::domain::message::MessageState;

use super::campaign::Campaign;
use crate::support::smtp::{FakeSmtp, Received};

/// How the messages ended.
#[derive(Debug, Default)]
pub struct Tally(BTreeMap<&'static str, usize>);

impl Tally {
    pub fn of(&self, state: MessageState) -> usize {
        self.0.get(state.word()).copied().unwrap_or(0)
    }

    pub fn messages(&self) -> usize {
        self.0.values().sum()
    }
}

/// Checks I1–I5 and returns how the messages ended. `in_doubt`: how many may be, which is the number
/// of kills times the connections. `about` says what to do the same again by.
pub async fn check(
    campaign: &Campaign,
    relays: &[&FakeSmtp],
    in_doubt: usize,
    about: &str,
) -> Tally {
    let (mut tally, mut wrong) = (Tally::default(), Vec::new());
    let arrived = by_key(relays);
    let mut known = BTreeSet::new();
    let mut visits = BTreeSet::new();
    let (now, most) = (campaign.now(), campaign.most_arrivals);
    for story in campaign.stories().await {
        for message in &story.messages {
            let key = campaign.keyring.message_key(message.id);
            let mails = arrived.get(&key).map_or(&[][..], Vec::as_slice);
            let (count, state) = (mails.len(), message.state);
            *tally.0.entry(state.word()).or_default() += 1;
            let place = format!("message {} of {} ({})", message.id, story.lead, state.word());
            if count > most {
                wrong.push(format!("I1: {place} arrived {count} times"));
            }
            if mails.iter().any(|mail| mail.to != [story.address.clone()]) {
                wrong.push(format!("{place} went to somebody else"));
            }
            match state {
                MessageState::Sent if !(1..=most).contains(&count) => {
                    wrong.push(format!("I2: {place} arrived {count} times"));
                }
                MessageState::Sent | MessageState::InDoubt => {}
                _ if count > 0 => wrong.push(format!("I2: {place} arrived, and nobody knows")),
                // No relay of these rigs refuses a mail, and no lead objects to one.
                MessageState::Failed | MessageState::Cancelled => {
                    wrong.push(format!("{place} is lost: {:?}", message.reason));
                }
                MessageState::Reserved | MessageState::Deferred if message.due_at > now => {}
                _ => wrong.push(format!("I4: {place} is forgotten, due {}", message.due_at)),
            }
            let about = &message.about;
            if !visits.insert((story.lead, about.enrolment, about.step.clone(), about.visit)) {
                wrong.push(format!("I5: {place} is the second of its visit"));
            }
            known.insert(key);
        }
        // A lead is at its end, or waits for a mail that is put off: there is nothing in between.
        let waits = story.messages.iter().filter(|message| message.state.is_open()).count();
        for enrolment in &story.enrolments {
            let ended = enrolment.ended_at.is_some();
            if !ended && waits == 0 {
                wrong.push(format!("I4: {} stands at {} for nothing", story.lead, enrolment.step));
            }
        }
        if story.enrolments.is_empty() && !story.suppressed {
            wrong.push(format!("I4: {} never entered", story.lead));
        }
    }
    for key in arrived.keys().filter(|key| !known.contains(*key)) {
        wrong.push(format!("a mail with the key {key} is in no ledger"));
    }
    let doubts = tally.of(MessageState::InDoubt);
    if doubts > in_doubt {
        wrong.push(format!("I3: {doubts} are in doubt, at most {in_doubt} can be"));
    }
    wrong.extend(relays.iter().flat_map(|relay| relay.violations()));
    assert!(wrong.is_empty(), "{about}\n{tally:?}\n{}", wrong.join("\n"));
    tally
}

/// As [`check`], and nobody left anything out: all mails of all leads were made.
pub async fn check_all(
    campaign: &Campaign,
    relays: &[&FakeSmtp],
    mails: usize,
    in_doubt: usize,
    about: &str,
) -> Tally {
    let tally = check(campaign, relays, in_doubt, about).await;
    let expected = campaign.leads() * mails;
    // A lead whose mail is put off has not come to the later ones yet.
    let put_off = tally.of(MessageState::Deferred) + tally.of(MessageState::Reserved);
    let (made, missing) = (tally.messages(), put_off * (mails - 1));
    assert!(
        (expected - missing..=expected).contains(&made),
        "{about}\n{made} messages of {expected}: {tally:?}"
    );
    tally
}

/// Every mail that the relays have, answered or not, by its key.
pub fn by_key(relays: &[&FakeSmtp]) -> HashMap<String, Vec<Received>> {
    let mut found: HashMap<String, Vec<Received>> = HashMap::new();
    for mail in relays.iter().flat_map(|relay| [relay.mails(), relay.taken()]).flatten() {
        found.entry(mail.key()).or_default().push(mail);
    }
    found
}
