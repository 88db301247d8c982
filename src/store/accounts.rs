//! What the people of a company share.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use sqlx::FromRow;

use super::{
    Batch, Result, Store, StoreError,
    db::{Tx, on_db},
    dialect::Text,
    gather::gather,
    rows,
};
use crate::domain::{
    account::Account,
    allocator::{Allocator, Booked, Booking, Taken},
    id::LeadId,
    name::Name,
    pace::Heads,
    time::Instant,
};

/// What the decisions on a batch looked at of companies and lines, and what they mean for them.
#[derive(Debug, Default)]
pub struct Shared {
    /// As they were loaded; 0 of one that was not there.
    revs: BTreeMap<Name, i64>,
    pub booked: Vec<Booking>,
    /// By which leads were decided.
    pub relied_on: BTreeMap<Name, BTreeSet<LeadId>>,
    /// Mails from before then count no more.
    pub forget_before: Instant,
    /// Where lines began when they were looked at.
    pub(super) heads: Heads,
    pub taken: Vec<Taken>,
    /// Companies after it, of which something is booked.
    after: BTreeMap<Name, Account>,
    /// What is on its way to be written, and not read yet.
    before: Legacy,
}

/// Companies and lines as a batch leaves them once all of it is written.
#[derive(Clone, Debug, Default)]
pub struct Legacy {
    /// With their revs.
    accounts: BTreeMap<Name, (Account, i64)>,
    heads: Heads,
}

impl Legacy {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.heads.is_empty()
    }
}

impl Shared {
    /// What the allocator granted.
    pub fn take_in(&mut self, allocator: Allocator<'_>, now: Instant) {
        self.forget_before = allocator.forget_before(now);
        self.booked = allocator.booked;
        self.relied_on = allocator.relied_on;
        self.taken = allocator.taken;
        self.after = allocator.accounts;
        let booked: BTreeSet<&Name> = self.booked.iter().map(|booking| &booking.account).collect();
        self.after.retain(|name, _| booked.contains(name));
    }

    /// What it leaves to the batch behind it.
    #[must_use]
    pub fn legacy(&self) -> Legacy {
        let mut heads = Heads::new();
        for place in &self.taken {
            let head = heads.entry(place.line.clone()).or_insert(place.head);
            *head = (*head).max(place.head);
        }
        let rev = |name| self.revs.get(name).copied().unwrap_or_default() + 1;
        let accounts = self.after.iter();
        let accounts =
            accounts.map(|(name, account)| (name.clone(), (account.clone(), rev(name)))).collect();
        Legacy { accounts, heads }
    }

    /// It is decided as if the batch before it were written already. Unless that is written as a whole, it must not be.
    pub fn build_on(&mut self, legacy: Legacy) {
        self.before = legacy;
    }

    /// Lines as they are, and as the batch before leaves them.
    pub(super) fn look_at(&mut self, mut heads: Heads, lines: &BTreeSet<Name>) -> Heads {
        let before = self.before.heads.iter().filter(|(line, _)| lines.contains(*line));
        heads.extend(before.map(|(line, head)| (line.clone(), *head)));
        self.heads.clone_from(&heads);
        heads
    }
}

pub(super) const ACCOUNTS: Text = sql!(
    "SELECT t.account, t.rev, t.touched, t.replied_at FROM accounts AS t WHERE t.account IN \
     (SELECT j.value ->> 'account' FROM ",
    each,
    ") ORDER BY t.account"
);

#[derive(FromRow)]
struct Row {
    account: String,
    rev: i64,
    touched: String,
    replied_at: Option<i64>,
}

#[derive(Serialize)]
struct Key<'a> {
    account: &'a Name,
}

#[derive(Serialize)]
struct Written<'a> {
    account: &'a Name,
    touched: String,
    replied_at: Option<i64>,
}

impl Row {
    /// One that cannot be read begins anew: it stops nobody of another company.
    fn account(&self) -> Account {
        let touched = serde_json::from_str(&self.touched).unwrap_or_else(|_| {
            tracing::error!("what is known of a company cannot be read, and is forgotten");
            BTreeMap::new()
        });
        Account { touched, replied_at: self.replied_at.map(Instant::from_millis) }
    }
}

fn keys<'a>(names: impl IntoIterator<Item = &'a Name>) -> Result<String> {
    rows::json("accounts", &names.into_iter().map(|account| Key { account }).collect::<Vec<_>>())
}

impl Store {
    /// What is known of some companies, to decide their people of a batch by.
    pub async fn accounts(
        &self,
        batch: &mut Batch,
        names: &BTreeSet<Name>,
    ) -> Result<BTreeMap<Name, Account>> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let asked = keys(names)?;
        let found: Vec<Row> = on_db!(batch.tx.on(), ACCOUNTS, |db, sql| gather(
            sqlx::query_as(sql).bind(asked).fetch(db)
        )
        .await)?;
        let shared = &mut batch.shared;
        let found = found.into_iter();
        let mut known: BTreeMap<Name, (Account, i64)> =
            found.map(|row| (row.account.as_str().into(), (row.account(), row.rev))).collect();
        let before = shared.before.accounts.iter().filter(|(name, _)| names.contains(*name));
        known.extend(before.map(|(name, known)| (name.clone(), known.clone())));
        shared.revs.extend(known.iter().map(|(name, (_, rev))| (name.clone(), *rev)));
        Ok(known.into_iter().map(|(name, (account, _))| (name, account)).collect())
    }

    /// What is known of some companies now.
    pub async fn accounts_now(&self, names: &BTreeSet<Name>) -> Result<BTreeMap<Name, Account>> {
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = keys(names)?;
        let found: Vec<Row> = on_db!(self.db.read(), ACCOUNTS, |db, sql| gather(
            sqlx::query_as(sql).bind(names).fetch(db)
        )
        .await)?;
        Ok(found.into_iter().map(|row| (row.account.as_str().into(), row.account())).collect())
    }
}

impl Tx {
    /// Locks the companies of a batch, in the order of their names. Returns them as they are now, and the
    /// leads that were decided by what they are not any more.
    pub(super) async fn lock_accounts(
        &mut self,
        shared: &Shared,
    ) -> Result<(BTreeMap<Name, Account>, HashSet<LeadId>)> {
        let names: BTreeSet<&Name> =
            shared.relied_on.keys().chain(shared.booked.iter().map(|it| &it.account)).collect();
        if names.is_empty() {
            return Ok(Default::default());
        }
        let names = keys(names)?;
        // So that there is a row to lock.
        on_db!(
            self.on(),
            sql!(
                "INSERT INTO accounts (account, rev, touched) SELECT j.value ->> 'account', 0, '{}' FROM ",
                each,
                " WHERE true ORDER BY 1 ON CONFLICT (account) DO NOTHING"
            ),
            |db, sql| sqlx::query(sql).bind(&names).execute(db).await.map(drop)
        )?;
        let found: Vec<Row> = on_db!(
            self.on(),
            sql!(
                "SELECT t.account, t.rev, t.touched, t.replied_at FROM accounts AS t WHERE t.account IN \
                 (SELECT j.value ->> 'account' FROM ",
                each,
                ") ORDER BY t.account",
                lock
            ),
            |db, sql| gather(sqlx::query_as(sql).bind(&names).fetch(db)).await
        )?;
        let (mut accounts, mut outdated) = (BTreeMap::new(), HashSet::new());
        for row in found {
            let name = Name::from(row.account.as_str());
            accounts.insert(name.clone(), row.account());
            if row.rev != shared.revs.get(&name).copied().unwrap_or_default() {
                outdated.extend(shared.relied_on.get(&name).into_iter().flatten());
            }
        }
        Ok((accounts, outdated))
    }

    /// Writes what the decisions that are written mean for companies.
    pub(super) async fn write_accounts(
        &mut self,
        shared: &Shared,
        mut accounts: BTreeMap<Name, Account>,
        is_written: impl Fn(LeadId) -> bool,
    ) -> Result<()> {
        let mut changed = BTreeSet::new();
        for Booking { account, lead, what } in &shared.booked {
            let Some(known) = accounts.get_mut(account).filter(|_| is_written(*lead)) else {
                continue;
            };
            match *what {
                Booked::Touched(at) => {
                    known.touched.insert(*lead, at);
                }
                Booked::Replied(at) => known.replied_at = known.replied_at.max(Some(at)),
            }
            changed.insert(account);
        }
        if changed.is_empty() {
            return Ok(());
        }
        let mut written = Vec::with_capacity(changed.len());
        for account in changed {
            let Some(known) = accounts.get_mut(account) else { continue };
            known.touched.retain(|_, at| *at >= shared.forget_before);
            let touched = serde_json::to_string(&known.touched)
                .map_err(|error| StoreError::Other(error.to_string()))?;
            let replied_at = known.replied_at.map(Instant::millis);
            written.push(Written { account, touched, replied_at });
        }
        let written = rows::json("accounts", &written)?;
        Ok(on_db!(
            self.on(),
            sql!(
                "UPDATE accounts AS t SET rev = t.rev + 1, touched = j.value ->> 'touched', \
                 replied_at = CAST(j.value ->> 'replied_at' AS BIGINT) FROM ",
                each,
                " WHERE t.account = j.value ->> 'account'"
            ),
            |db, sql| sqlx::query(sql).bind(written).execute(db).await.map(drop)
        )?)
    }
}
