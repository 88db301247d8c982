//! What is paused: everything, a workflow, a lead, a company, a relay.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Result, Store,
    db::{Tx, on_db},
    dialect::Text,
    gate::Turn,
    profiles::Reconsidered,
    records::Lane,
    rows,
    timers::Wake,
};
use crate::domain::{
    account::account_of,
    address::Address,
    id::LeadId,
    lead::{LeadRecord, Profile},
    name::Name,
    pause::{Pause, Paused, Scope},
    time::Instant,
};

/// Who does something, and why.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub who: &'a str,
    /// In their words.
    pub because: Option<&'a str>,
}

/// Without a word on why.
impl<'a> From<&'a str> for By<'a> {
    fn from(who: &'a str) -> Self {
        Self { who, because: None }
    }
}

/// The workflows that are paused; and one of the leads or companies that are, as long as there is any.
pub(super) const WORKFLOWS: Text = sql!(
    "WITH w AS (SELECT t.scope FROM pauses AS t WHERE t.scope <> 'all' AND t.scope NOT LIKE '%:%' \
     ORDER BY t.scope",
    share,
    ") SELECT w.scope FROM w UNION ALL SELECT MIN(p.scope) FROM pauses AS p \
     WHERE p.scope LIKE 'lead:%' OR p.scope LIKE 'account:%'"
);

/// Whether any lead or company is.
const ANYBODY: Text = sql!(
    "SELECT EXISTS (SELECT 1 FROM pauses WHERE scope LIKE 'lead:%' OR scope LIKE 'account:%')"
);

const THESE: Text = sql!(
    "SELECT p.scope, p.who, p.at, p.because FROM pauses AS p WHERE p.scope IN \
     (SELECT j.value ->> 'scope' FROM ",
    each,
    ")"
);

#[derive(FromRow)]
struct Row {
    scope: String,
    who: String,
    at: i64,
    because: Option<String>,
}

impl From<Row> for Pause {
    fn from(row: Row) -> Self {
        Self {
            scope: row.scope.as_str().into(),
            who: row.who,
            since: Instant::from_millis(row.at),
            because: row.because,
        }
    }
}

/// A lead whose mail is with a sender.
#[derive(FromRow)]
pub(super) struct Person {
    pub lead: i64,
    address: String,
    profile: String,
}

impl Person {
    /// What cannot be read is of no company.
    pub fn is_of(&self, account: &str) -> bool {
        let profile = serde_json::from_str::<Profile>(&self.profile);
        let (Ok(profile), Ok(address)) = (profile, Address::parse(&self.address)) else {
            return false;
        };
        account_of(&profile, &address).is_some_and(|name| *name == *account)
    }
}

/// Leads, each with how pauses name it and its company.
type Scopes = Vec<(LeadId, Vec<String>)>;

fn scopes_of<'r>(records: impl Iterator<Item = &'r LeadRecord>) -> Scopes {
    records
        .map(|record| {
            let account = account_of(&record.profile, &record.address).map(Scope::Account);
            let scopes = [Some(Scope::Lead(record.lead)), account].into_iter().flatten();
            (record.lead, scopes.map(|scope| scope.to_string()).collect())
        })
        .collect()
}

fn keys(leads: &Scopes) -> Result<String> {
    #[derive(Serialize)]
    struct Key<'a> {
        scope: &'a str,
    }
    let keys: BTreeSet<&str> =
        leads.iter().flat_map(|(_, scopes)| scopes).map(String::as_str).collect();
    rows::json("pauses", &keys.into_iter().map(|scope| Key { scope }).collect::<Vec<_>>())
}

/// Why the mails of those are held whom the pauses are about. A pause of the lead itself is told first.
fn held(leads: &Scopes, found: Vec<Row>) -> BTreeMap<LeadId, String> {
    let pauses: HashMap<String, Pause> =
        found.into_iter().map(|row| (row.scope.clone(), row.into())).collect();
    let held = |(lead, scopes): &(LeadId, Vec<String>)| {
        let pause = scopes.iter().find_map(|scope| pauses.get(scope))?;
        Some((*lead, pause.holds()))
    };
    leads.iter().filter_map(held).collect()
}

impl Store {
    /// Pauses something; what is paused already stays paused by whoever did it. Who is concerned is looked at
    /// again: of a workflow, as other mail of its leads need not wait for its own; of a lead or a company, as mails
    /// that are reserved are taken back.
    ///
    /// Once it returns no mail that it holds goes past the point of no return.
    pub async fn pause<'a>(
        &self,
        scope: &Scope,
        by: impl Into<By<'a>>,
        now: Instant,
    ) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        tx.wake_paused_lead(scope, now).await?;
        tx.pause_unless_resumed_after(Instant::NEVER, scope, by.into(), now).await?;
        tx.sweep_for(scope).await?;
        tx.commit().await?;
        if let Scope::Account(account) = scope {
            self.judge_again_those_of(account).await?;
        }
        Ok(())
    }

    /// Ends a pause, if there is one. What was held back by it is looked at again. Guards count anew from `now`.
    pub async fn resume(&self, scope: &Scope, now: Instant) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        tx.wake_paused_lead(scope, now).await?;
        on_db!(tx.on(), sql!("DELETE FROM pauses WHERE scope = $1"), |db, sql| sqlx::query(sql)
            .bind(scope.to_string())
            .execute(db)
            .await
            .map(drop))?;
        if matches!(scope, Scope::Workflow(_) | Scope::Relay(_)) {
            on_db!(
                tx.on(),
                sql!(
                    "INSERT INTO resumed (scope, at) VALUES ($1, $2) \
                     ON CONFLICT (scope) DO UPDATE SET at = excluded.at"
                ),
                |db, sql| sqlx::query(sql)
                    .bind(scope.to_string())
                    .bind(now.millis())
                    .execute(db)
                    .await
                    .map(drop)
            )?;
        }
        tx.sweep_for(scope).await?;
        tx.commit().await
    }

    /// The same database, for one that acts as if nothing were paused.
    #[must_use]
    pub fn heedless_of_pauses(&self) -> Self {
        let mut heedless = self.clone();
        heedless.db.ignores_pauses = true;
        heedless
    }

    /// The relays that are paused.
    pub async fn paused_relays(&self) -> Result<BTreeSet<Name>> {
        if self.db.ignores_pauses {
            return Ok(BTreeSet::new());
        }
        let scopes: Vec<String> = on_db!(
            self.db.read(),
            sql!("SELECT p.scope FROM pauses AS p WHERE p.scope LIKE 'relay:%'"),
            |db, sql| sqlx::query_scalar(sql).fetch_all(db).await
        )?;
        let relay = |scope: String| match Scope::from(scope.as_str()) {
            Scope::Relay(name) => Some(name),
            _ => None,
        };
        Ok(scopes.into_iter().filter_map(relay).collect())
    }

    /// Whether it goes by what is paused.
    #[must_use]
    pub const fn heeds_pauses(&self) -> bool {
        !self.db.ignores_pauses
    }

    /// What is paused.
    pub async fn pauses(&self) -> Result<Vec<Pause>> {
        let rows: Vec<Row> = on_db!(
            self.db.read(),
            sql!("SELECT scope, who, at, because FROM pauses ORDER BY scope"),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        Ok(rows.into_iter().map(Pause::from).collect())
    }

    /// Why mails to these leads are held, of those who are paused or whose company is.
    pub async fn paused_among<'r>(
        &self,
        records: impl Iterator<Item = &'r LeadRecord> + Send,
    ) -> Result<BTreeMap<LeadId, String>> {
        if self.db.ignores_pauses {
            return Ok(BTreeMap::new());
        }
        let any: bool =
            on_db!(self.db.read(), ANYBODY, |db, sql| sqlx::query_scalar(sql).fetch_one(db).await)?;
        if !any {
            return Ok(BTreeMap::new());
        }
        let leads = scopes_of(records);
        let keys = keys(&leads)?;
        let found: Vec<Row> = on_db!(self.db.read(), THESE, |db, sql| sqlx::query_as(sql)
            .bind(keys)
            .fetch_all(db)
            .await)?;
        Ok(held(&leads, found))
    }

    /// Takes what is claimed for people of a company out of its claims: whoever claims it from now on sees
    /// that it is paused.
    async fn judge_again_those_of(&self, account: &str) -> Result<()> {
        let mut tx = self.db.begin(Turn::Act).await?;
        let with_senders: Vec<Person> = on_db!(
            tx.on(),
            sql!(
                "SELECT l.lead, l.address, l.profile FROM messages AS m INNER JOIN leads AS l ON l.lead = m.lead \
                 WHERE m.state IN ('claimed', 'transmitting') AND m.state = 'claimed' AND m.kind = 'marketing'"
            ),
            |db, sql| sqlx::query_as(sql).fetch_all(db).await
        )?;
        let theirs = with_senders.iter().filter(|person| person.is_of(account));
        let leads: Vec<i64> = theirs.map(|person| person.lead).collect();
        tx.lock_timers(&rows::ids(leads.iter().copied())).await?;
        let mails: Vec<Reconsidered<'_>> =
            leads.into_iter().map(|lead| Reconsidered { lead, purpose: None }).collect();
        tx.judge_again(&mails).await?;
        tx.commit().await
    }
}

impl Tx {
    /// Writes a pause, unless there is one, or the last one ended after an instant. Returns whether it did.
    pub(super) async fn pause_unless_resumed_after(
        &mut self,
        known: Instant,
        scope: &Scope,
        By { who, because }: By<'_>,
        now: Instant,
    ) -> Result<bool> {
        Ok(on_db!(
            self.on(),
            sql!(
                "INSERT INTO pauses (scope, who, at, because) \
                 SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT) \
                 WHERE NOT EXISTS (SELECT 1 FROM resumed AS r WHERE r.scope = $1 AND r.at > $5) \
                 ON CONFLICT (scope) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql)
                .bind(scope.to_string())
                .bind(who)
                .bind(now.millis())
                .bind(because)
                .bind(known.millis())
                .execute(db)
                .await
                .map(|done| done.rows_affected() > 0)
        )?)
    }

    /// A decision on the lead that does not know of this yet is lost.
    async fn wake_paused_lead(&mut self, scope: &Scope, now: Instant) -> Result<()> {
        let Scope::Lead(LeadId(lead)) = *scope else { return Ok(()) };
        self.lock_timers(&rows::ids([lead])).await?;
        self.wake(&[Wake { lead, lane: Lane::Acts.number(), revs: 1, stops: 0 }], now).await
    }

    pub(super) async fn sweep_for(&mut self, scope: &Scope) -> Result<()> {
        match scope {
            Scope::Workflow(_) | Scope::Account(_) => {
                self.begin_workflow_sweep(&scope.to_string()).await
            }
            Scope::All | Scope::Lead(_) | Scope::Relay(_) => Ok(()),
        }
    }

    /// The workflows whose mail is paused. Whoever ends a pause waits until this transaction ends: what
    /// was decided by the pause is there to be looked at again.
    pub(super) async fn paused_workflows(&mut self) -> Result<BTreeSet<Name>> {
        if self.ignores_pauses {
            return Ok(BTreeSet::new());
        }
        Ok(self.paused_scopes().await?.0)
    }

    /// The same; and whether any lead or company is paused.
    async fn paused_scopes(&mut self) -> Result<(BTreeSet<Name>, bool)> {
        let scopes: Vec<Option<String>> =
            on_db!(self.on(), WORKFLOWS, |db, sql| sqlx::query_scalar(sql).fetch_all(db).await)?;
        let (mut workflows, mut any) = (BTreeSet::new(), false);
        for scope in scopes.into_iter().flatten() {
            match Scope::from(scope.as_str()) {
                Scope::Workflow(name) => drop(workflows.insert(name)),
                _ => any = true,
            }
        }
        Ok((workflows, any))
    }

    /// What is paused, as far as decisions on these leads go by it. That a lead's pause, or its company's, ends
    /// moves its rev on: it need not wait for this transaction.
    pub(super) async fn paused(&mut self) -> Result<(Paused, bool)> {
        if self.ignores_pauses {
            return Ok(Default::default());
        }
        let (workflows, any) = self.paused_scopes().await?;
        Ok((Paused { workflows, leads: BTreeMap::new() }, any))
    }

    /// Why mails to these leads are held.
    pub(super) async fn paused_leads(
        &mut self,
        records: &[LeadRecord],
    ) -> Result<BTreeMap<LeadId, String>> {
        let leads = scopes_of(records.iter());
        let keys = keys(&leads)?;
        let found: Vec<Row> =
            on_db!(self.on(), THESE, |db, sql| sqlx::query_as(sql).bind(keys).fetch_all(db).await)?;
        Ok(held(&leads, found))
    }
}
