//! A relay that does by its dice all that relays do, over thousands of mails and the days of their tries: after each
//! try every message stands where a model of the promises says, by what the relay said.
//!
//! `NURTURED_HOSTILE_MAILS` is how many on each database, `NURTURED_HOSTILE_SEED` the dice.

mod model;
mod relay;

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use nurtured::{
    domain::{id::LeadId, lead::Suppression, message::MessageState, time::Instant},
    engine::tick::TickReport,
    store::records::MessageRow,
};

use self::{
    model::{Expected, Mail},
    relay::{Relay, Try},
};
use crate::support::{
    databases::{NOON, TestDatabase},
    engine::{Campaign, DAY, Rig, Setup},
    postgres,
    smtp::Script,
};

/// How long we wait for the relay at each step: it stalls for longer.
const PATIENCE: Duration = Duration::from_secs(4);
/// Passes are no closer than this: each message has an instant of its own.
const STRIDE: Duration = Duration::from_mins(10);
const DOMAINS: usize = 250;

fn given(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// One mail to everybody.
fn campaign() -> Campaign {
    let steps = "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - email: hello\n";
    Campaign::new().workflow("one", steps).mail("hello", "Hello")
}

struct Siege {
    rig: Rig,
    relay: Relay,
    leads: Vec<LeadId>,
    mails: Vec<Mail>,
    /// What all passes came to.
    sum: TickReport,
    tries: usize,
}

impl Siege {
    async fn lay(db: &TestDatabase, count: usize, seed: u64, script: Script) -> Self {
        let relay = Relay::new(seed);
        let asked = relay.clone();
        let setup = Setup {
            connections: 32,
            patience: Some(PATIENCE),
            relay: script.on(move |moment| asked.answer(moment)),
            ..Setup::default()
        };
        let rig = Rig::with(db, &campaign(), setup).await;
        let names: Vec<String> =
            (0..count).map(|n| format!("p{n}@d{}.example", n % DOMAINS)).collect();
        let leads = rig.leads(&names, &[]).await;
        relay.knows(&leads);
        let mails = vec![Mail::default(); count];
        Self { rig, relay, leads, mails, sum: TickReport::default(), tries: 0 }
    }

    /// Passes until nothing is left to do.
    async fn endure(&mut self) {
        let mut now = NOON;
        for pass in 0.. {
            // Now and then it takes nobody in.
            let is_away = pass % 9 == 4;
            self.relay.set_away(is_away);
            let report = self.rig.tick_at(now).await;
            self.sum.then(&report);
            let tried = self.relay.tries();
            assert!(!is_away || (tried.is_empty() && report.sent == 0), "{tried:?}");
            self.compare(&tried, now).await;
            let Some(next) = report.next_wake_at else { return };
            assert!(next > now, "nothing is left in the past: {next}, and it is {now}");
            assert!(now < NOON + 14 * DAY, "it never ends: {report:?}");
            now = next.max(now + STRIDE);
        }
    }

    /// Those that were tried stand where the model says.
    async fn compare(&mut self, tried: &BTreeMap<usize, Vec<Try>>, now: Instant) {
        let leads: Vec<LeadId> = tried.keys().map(|number| self.leads[*number]).collect();
        let rows = messages(&self.rig, &leads).await;
        let mut wrong = Vec::new();
        for ((number, tries), row) in tried.iter().zip(rows) {
            self.tries += tries.len();
            if let Err(why) = self.mails[*number].tried(tries, now, &row) {
                wrong.push(format!("mail {number}: {why}\n  {tries:?}\n  {row:?}"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} wrong at {now}:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
    }

    /// The ledger as a whole against what the relay has.
    async fn audit(&self) {
        let rows = messages(&self.rig, &self.leads).await;
        let (mut answered, mut taken): (HashMap<String, u32>, HashMap<String, u32>) =
            Default::default();
        for mail in self.rig.smtp.mails() {
            *answered.entry(mail.key()).or_default() += 1;
        }
        for mail in self.rig.smtp.taken() {
            *taken.entry(mail.key()).or_default() += 1;
        }
        let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut hard, mut given_up) = (Vec::new(), 0);
        for ((mail, row), lead) in self.mails.iter().zip(&rows).zip(&self.leads) {
            let key = self.rig.keyring.message_key(row.id);
            let of = |mails: &mut HashMap<String, u32>| mails.remove(&key).unwrap_or(0);
            let (answered, taken) = (of(&mut answered), of(&mut taken));
            assert!(answered + taken <= 1, "I1: {row:?} arrived {answered} and {taken} times");
            assert_eq!(answered, u32::from(row.state == MessageState::Sent), "I2: {row:?}");
            assert!(taken == 0 || row.state == MessageState::InDoubt, "I3: {row:?}");
            // Also where it was waited for, and the relay never heard of it again.
            mail.stands(row).unwrap_or_else(|why| panic!("{why}: {row:?}"));
            assert!(!row.state.is_open(), "I4: {row:?}");
            assert!(row.attempts <= 40, "{row:?}");
            *tally.entry(row.state.word()).or_default() += 1;
            match mail.expected {
                Expected::Failed { hard: true } => hard.push(*lead),
                Expected::Failed { hard: false } if mail.was_given_up => given_up += 1,
                _ => {}
            }
        }
        assert!(answered.is_empty() && taken.is_empty(), "mails that are in no ledger");
        self.nobody_else_is_suppressed(&hard).await;
        let census = self.rig.store.census(self.rig.clock.now()).await.unwrap();
        assert_eq!((census.enrolments_active, census.parked_leads), (0, 0));
        let of = |state: MessageState| tally.get(state.word()).copied().unwrap_or(0);
        let counted = (self.sum.sent, self.sum.failed, self.sum.in_doubt);
        use MessageState::{Failed, InDoubt, Sent};
        assert_eq!(counted, (of(Sent), of(Failed), of(InDoubt)), "what was told is what is");
        assert_eq!(self.rig.smtp.violations(), [] as [&str; 0]);
        // A siege in which nothing of a kind happens proves nothing of it.
        assert!(given_up > 0 && !hard.is_empty() && of(InDoubt) > 0, "{tally:?}");
        let untold = self.relay.never_said();
        assert!(rows.len() < 10_000 || untold.is_empty(), "{untold:?}");
        eprintln!(
            "{} mails in {} tries over {} connections: {tally:?}; {} do not exist, {given_up} given up",
            rows.len(),
            self.tries,
            self.rig.smtp.connections(),
            hard.len()
        );
    }

    async fn nobody_else_is_suppressed(&self, hard: &[LeadId]) {
        let mut suppressed = Vec::new();
        for some in self.leads.chunks(500) {
            for record in self.rig.store.records(some).await.unwrap() {
                match record.suppressed {
                    None => {}
                    Some(Suppression::HardBounce) => suppressed.push(record.lead),
                    other => panic!("{} is suppressed: {other:?}", record.lead),
                }
            }
        }
        suppressed.sort_unstable();
        let mut hard = hard.to_vec();
        hard.sort_unstable();
        assert_eq!(suppressed, hard);
    }
}

/// The one message of each of these leads (I5).
async fn messages(rig: &Rig, leads: &[LeadId]) -> Vec<MessageRow> {
    let mut rows = Vec::with_capacity(leads.len());
    for &lead in leads {
        let mut all = rig.messages(lead).await;
        assert_eq!(all.len(), 1, "I5: {all:?}");
        rows.append(&mut all);
    }
    rows
}

async fn besiege(db: &TestDatabase, mails: usize, script: Script) {
    let mails = given("NURTURED_HOSTILE_MAILS").unwrap_or(mails);
    let seed = given("NURTURED_HOSTILE_SEED").unwrap_or(20_261_126);
    eprintln!("NURTURED_HOSTILE_SEED={seed} NURTURED_HOSTILE_MAILS={mails} on {}", db.name);
    let mut siege = Siege::lay(db, mails, seed as u64, script).await;
    siege.endure().await;
    siege.audit().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_stands_where_a_hostile_relay_left_it() {
    let db = TestDatabase::sqlite().await;
    besiege(&db, 20_000, Script::new()).await;
    db.store.close().await;
}

/// Here commands go out one at a time, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_stands_where_a_hostile_relay_left_it_on_postgres() {
    let Some(db) = TestDatabase::postgres().await else { return };
    besiege(&db, 3_000, Script::new().without_pipelining()).await;
    db.store.close().await;
    postgres::drop_database(&db.url).await;
}
