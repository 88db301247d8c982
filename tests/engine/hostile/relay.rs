//! What the relay says, by its dice, and to whom it said it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hasher as _,
    sync::{Arc, Mutex},
};

use nurtured::{domain::id::LeadId, token::Keyring};
use siphasher::sip::SipHasher13;

use super::model::Means;
use crate::support::smtp::{Act, At, Moment, say};

/// Something that a relay may do to a mail, how often in 10,000 tries, and what it means.
#[derive(Debug)]
pub struct Word {
    pub at: At,
    pub act: Act,
    pub means: Means,
    weight: u64,
}

impl Word {
    /// It answers nothing at all; each costs us our patience.
    fn stalls(&self) -> bool {
        matches!(self.act, Act::Stall | Act::TakeAndStall)
    }
}

fn words() -> Vec<Word> {
    use Means::{HangsUp, InDoubt, PutOff, Refused, RefusesUs, Sent, Unheard};
    let closes = |line: &str| Act::SayAndHangUp(line.to_owned());
    let (hard, not_hard) = (Refused { hard: true }, Refused { hard: false });
    let us = |counted| RefusesUs { counted };
    let table = [
        // Before a recipient is named: about us, never about the lead.
        (60, At::Mail, closes("421 4.3.2 shutting down"), PutOff),
        (40, At::Mail, say("451 4.3.0 busy"), PutOff),
        (40, At::Mail, say("452 4.3.1 insufficient system storage"), PutOff),
        (20, At::Mail, say("550 5.7.1 not from you"), us(false)),
        (20, At::Mail, say("552 5.3.4 that is too large"), not_hard),
        (60, At::Mail, Act::HangUp, HangsUp),
        (5, At::Mail, Act::Stall, Unheard),
        (60, At::Rcpt, closes("421 4.7.0 too many of you"), PutOff),
        (20, At::Rcpt, say("421 4.3.2 and yet it stays"), PutOff),
        (150, At::Rcpt, say("450 4.2.0 greylisted"), PutOff),
        (80, At::Rcpt, say("451 4.3.0 local error"), PutOff),
        (80, At::Rcpt, say("452 4.2.2 mailbox full"), PutOff),
        // "Not now" is never "never".
        (40, At::Rcpt, say("450 4.1.1 user unknown"), PutOff),
        (150, At::Rcpt, say("550 5.1.1 user unknown"), hard),
        (40, At::Rcpt, say("550 No such user here"), hard),
        (40, At::Rcpt, say("550 5.2.1 mailbox disabled"), not_hard),
        (40, At::Rcpt, say("552 5.2.2 mailbox full"), not_hard),
        (40, At::Rcpt, say("554 5.7.1 message content rejected"), not_hard),
        (30, At::Rcpt, say("554 5.7.1 relay access denied"), us(true)),
        (60, At::Rcpt, Act::HangUp, Unheard),
        (5, At::Rcpt, Act::Stall, Unheard),
        (60, At::Data, closes("421 4.3.2 shutting down"), PutOff),
        (60, At::Data, say("451 4.3.0 try again"), PutOff),
        (20, At::Data, say("550 5.1.1 user unknown"), not_hard),
        (20, At::Data, say("554 5.3.0 no"), not_hard),
        (60, At::Data, Act::HangUp, Unheard),
        (5, At::Data, Act::Stall, Unheard),
        // The first octet may have left by the time that we notice.
        (40, At::Data, closes("354 go"), InDoubt),
        (60, At::Dot, closes("421 4.3.2 shutting down"), PutOff),
        (60, At::Dot, say("450 4.7.1 not yet"), PutOff),
        (60, At::Dot, say("451 4.7.1 greylisted"), PutOff),
        (60, At::Dot, say("452 4.3.1 insufficient system storage"), PutOff),
        (40, At::Dot, say("550 5.7.1 looks like spam"), not_hard),
        // It was taken: a filter's word is not believed.
        (40, At::Dot, say("550 5.1.1 user unknown"), not_hard),
        (40, At::Dot, say("552 5.3.4 message too large"), not_hard),
        (40, At::Dot, say("554 5.6.0 we do not like it"), not_hard),
        (60, At::Dot, Act::HangUp, InDoubt),
        (60, At::Dot, Act::TakeAndHangUp, InDoubt),
        (5, At::Dot, Act::Stall, InDoubt),
        (5, At::Dot, Act::TakeAndStall, InDoubt),
        (60, At::Dot, closes("250 2.0.0 queued, and gone"), Sent),
    ];
    let word = |(weight, at, act, means)| Word { at, act, means, weight };
    table.into_iter().map(word).collect()
}

/// One MAIL command, and what came of it.
#[derive(Clone, Debug)]
pub struct Try {
    /// Another mail went over the connection before.
    pub is_kept: bool,
    /// `None`: all is well.
    pub word: Option<Arc<Word>>,
    /// The relay came as far as saying it, or as far as 250 at the dot.
    pub was_said: bool,
}

#[derive(Clone)]
pub struct Relay {
    seed: u64,
    keyring: Arc<Keyring>,
    words: Arc<Vec<Arc<Word>>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    is_away: bool,
    numbers: HashMap<LeadId, usize>,
    /// How often each was tried, over all passes.
    tried: HashMap<usize, u64>,
    /// By connection: whose mail it is, and which of this pass's tries of it.
    at_work: HashMap<usize, (usize, usize)>,
    tries: BTreeMap<usize, Vec<Try>>,
    said: BTreeSet<String>,
}

impl Relay {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            keyring: Arc::new(Keyring::from_seed(7)),
            words: Arc::new(words().into_iter().map(Arc::new).collect()),
            seen: Arc::default(),
        }
    }

    /// The recipients by their numbers.
    pub fn knows(&self, leads: &[LeadId]) {
        let numbers = leads.iter().enumerate().map(|(number, lead)| (*lead, number));
        self.seen.lock().unwrap().numbers = numbers.collect();
    }

    pub fn set_away(&self, is_away: bool) {
        self.seen.lock().unwrap().is_away = is_away;
    }

    /// The tries since the last time, by the recipient's number.
    pub fn tries(&self) -> BTreeMap<usize, Vec<Try>> {
        let mut seen = self.seen.lock().unwrap();
        seen.at_work.clear();
        std::mem::take(&mut seen.tries)
    }

    /// Words that did not come up.
    pub fn never_said(&self) -> Vec<&Word> {
        let seen = self.seen.lock().unwrap();
        let is_new = |word: &&Arc<Word>| !seen.said.contains(&format!("{word:?}"));
        self.words.iter().filter(is_new).map(|word| &**word).collect()
    }

    pub fn answer(&self, moment: Moment<'_>) -> Act {
        let mut seen = self.seen.lock().unwrap();
        match moment.at {
            At::Connect | At::Ehlo => return self.at_the_door(&seen, moment),
            At::Mail => {
                let local = moment.line.split(['<', '@']).nth(1).unwrap();
                let lead = self.keyring.read_bounce(local).expect("our return path").lead;
                let number = seen.numbers[&lead];
                let nth = seen.tried.entry(number).or_default();
                let word = self.word(number, *nth);
                *nth += 1;
                let is_kept = seen.at_work.contains_key(&moment.connection);
                let tries = seen.tries.entry(number).or_default();
                tries.push(Try { is_kept, word, was_said: false });
                let place = (number, tries.len() - 1);
                seen.at_work.insert(moment.connection, place);
            }
            At::Rcpt | At::Data | At::Dot => {}
            _ => return Act::Default,
        }
        let (number, nth) = seen.at_work[&moment.connection];
        let tried = &mut seen.tries.get_mut(&number).unwrap()[nth];
        let word = tried.word.clone();
        let said = word.filter(|word| word.at == moment.at);
        tried.was_said |= said.is_some() || (tried.word.is_none() && moment.at == At::Dot);
        let Some(word) = said else { return Act::Default };
        seen.said.insert(format!("{word:?}"));
        word.act.clone()
    }

    /// It takes somebody in, or not.
    fn at_the_door(&self, seen: &Seen, moment: Moment<'_>) -> Act {
        if seen.is_away {
            return Act::HangUp;
        }
        let number = moment.connection as u64;
        match (moment.at, self.roll(0, number, moment.at as u64) % 1000) {
            (At::Connect, 0..6) | (At::Ehlo, 4..8) => Act::HangUp,
            (At::Connect, 6..12) | (At::Ehlo, 0..4) => {
                Act::SayAndHangUp("421 4.3.2 not now".to_owned())
            }
            (At::Connect, 12..16) => Act::SayAndHangUp("554 5.7.1 no service for you".to_owned()),
            // Few, and early: each costs us our patience twice.
            (At::Connect, 16..18) if number < 2_000 => Act::Stall,
            _ => Act::Default,
        }
    }

    /// What a recipient's try meets. Some are put off for ever.
    fn word(&self, number: usize, nth: u64) -> Option<Arc<Word>> {
        let find = |line: &str| {
            let found = self.words.iter().find(|word| word.act == say(line));
            Some(Arc::clone(found.expect("it is in the table")))
        };
        match self.roll(1, number as u64, 0) % 1000 {
            0..6 => return find("450 4.2.0 greylisted"),
            6..8 => return find("451 4.7.1 greylisted"),
            _ => {}
        }
        let mut roll = self.roll(2, number as u64, nth) % 10_000;
        let hit = self.words.iter().find(|word| {
            let is_it = roll < word.weight;
            roll = roll.saturating_sub(if is_it { 0 } else { word.weight });
            is_it
        })?;
        (nth < 2 || !hit.stalls()).then(|| Arc::clone(hit))
    }

    fn roll(&self, what: u64, first: u64, second: u64) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed, what);
        hasher.write_u64(first);
        hasher.write_u64(second);
        hasher.finish()
    }
}
