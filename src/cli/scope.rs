//! What `pause`, `resume` and `cancel` are about: everything, a workflow, a lead, a company, a relay.

use std::collections::BTreeSet;

use super::{context, context::Context, failure::Failure, live::Live};
use crate::{
    domain::{
        account::account_of, address::Address, id::LeadId, name::Name, pause::Scope, workflow::ALL,
    },
    store::Store,
};

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct ScopeArguments {
    /// `all`, or the name of a workflow
    #[arg(value_name = "all|WORKFLOW")]
    workflow: Option<String>,
    /// A lead, by its address or its ID
    #[arg(long, value_name = "ADDRESS|ID")]
    lead: Option<String>,
    /// A company: as the CRM calls it, `@` and its domain, or the address of one of its people
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// A relay of nurtured.toml
    #[arg(long, value_name = "NAME")]
    relay: Option<String>,
}

impl ScopeArguments {
    /// As it is written; whether there is a workflow or a relay of that name is not asked.
    pub(super) async fn of(&self, store: &Store) -> Result<Scope, Failure> {
        Ok(match self {
            Self { lead: Some(text), .. } => Scope::Lead(lead(store, text).await?),
            Self { account: Some(text), .. } => Scope::Account(account(store, text).await?),
            Self { relay: Some(name), .. } => Scope::Relay(name.as_str().into()),
            Self { workflow: Some(name), .. } if name == ALL => Scope::All,
            Self { workflow, .. } => {
                Scope::Workflow(workflow.as_deref().unwrap_or_default().into())
            }
        })
    }

    /// The same, of what is there.
    pub(super) async fn to_pause(
        &self,
        context: &Context,
        store: &Store,
    ) -> Result<Scope, Failure> {
        let scope = self.of(store).await?;
        match &scope {
            Scope::Workflow(name) => expect_workflow(store, name).await?,
            Scope::Relay(name) => expect_relay(context, name)?,
            Scope::All | Scope::Lead(_) | Scope::Account(_) => {}
        }
        Ok(scope)
    }
}

/// A lead, by its address or its ID.
pub(super) async fn lead(store: &Store, text: &str) -> Result<LeadId, Failure> {
    if text.contains('@') {
        return context::lead(store, text).await;
    }
    let id = text.parse().map(LeadId).map_err(|_| {
        Failure::usage(format!("`{text}` is no lead"))
            .hint("write its address, or its ID as `nurtured leads show` and `status` say it")
    })?;
    match store.record(id).await {
        Ok(None) => Err(Failure::problems(format!("there is no lead {id}"))),
        // One that cannot be read is there all the same.
        Ok(Some(_)) | Err(_) => Ok(id),
    }
}

/// A company, as it is known to decisions.
pub(super) async fn account(store: &Store, text: &str) -> Result<Name, Failure> {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    if words.find('@').is_some_and(|at| at > 0) {
        let lead = context::lead(store, text).await?;
        let record = store.record(lead).await?;
        let account = record.and_then(|record| account_of(&record.profile, &record.address));
        return account.ok_or_else(|| {
            Failure::problems("this lead belongs to no company").hint("pause it by --lead")
        });
    }
    if words.starts_with('@') {
        let anybody = Address::parse(&format!("anybody{words}")).ok();
        if anybody.and_then(|anybody| anybody.account_domain()).is_none() {
            let message =
                format!("`{text}` is no company's domain: it is a mail provider's, or none");
            return Err(Failure::usage(message));
        }
    }
    if words.chars().any(char::is_alphanumeric) {
        Ok(words.into())
    } else {
        Err(Failure::usage(format!("`{text}` is no company")))
    }
}

/// A workflow can be paused that is live, or that was and has leads inside, who go on.
pub(super) async fn expect_workflow(store: &Store, name: &str) -> Result<(), Failure> {
    let live = Live::expect(store).await?;
    if live.definitions.workflow(name).is_some() {
        return Ok(());
    }
    let inside = store.inside().await?;
    if inside.contains_key(name) {
        return Ok(());
    }
    let live = live.definitions.workflows.iter().map(|live| &live.workflow.name);
    let known: BTreeSet<&Name> = live.chain(inside.keys()).collect();
    Err(Failure::unknown(format!("workflow `{name}`"), known))
}

fn expect_relay(context: &Context, name: &Name) -> Result<(), Failure> {
    let config = context.config()?;
    let known: Vec<Name> = config.relays.iter().map(|relay| relay.name.as_str().into()).collect();
    if known.contains(name) {
        return Ok(());
    }
    Err(Failure::unknown(format!("relay `{name}`"), &known))
}
