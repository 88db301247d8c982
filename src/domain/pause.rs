//! Pauses: what people, or a guard, have stopped, and what a decision must know of that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{id::LeadId, name::Name, time::Instant, workflow::ALL};

/// What is paused, or cancelled.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scope {
    /// All mail, also to our own people.
    All,
    /// The mails of a workflow to leads.
    Workflow(Name),
    /// The mails to a lead.
    Lead(LeadId),
    /// The mails to all leads of a company, called as [`account_of`](super::account::account_of) does.
    Account(Name),
    /// What would go by a relay.
    Relay(Name),
}

const LEAD: &str = "lead:";
const ACCOUNT: &str = "account:";
const RELAY: &str = "relay:";

/// What the reasons begin with for which a paused lead's mails are held.
pub const HELD: &str = "paused";

/// As it is stored: `all`, a workflow, `lead:ID`, `account:NAME`, `relay:NAME`. No workflow has a colon.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Workflow(name) => f.write_str(name),
            Self::Lead(lead) => write!(f, "{LEAD}{lead}"),
            Self::Account(name) => write!(f, "{ACCOUNT}{name}"),
            Self::Relay(name) => write!(f, "{RELAY}{name}"),
        }
    }
}

impl From<&str> for Scope {
    fn from(text: &str) -> Self {
        if let Some(lead) = text.strip_prefix(LEAD).and_then(|lead| lead.parse().ok()) {
            Self::Lead(LeadId(lead))
        } else if let Some(name) = text.strip_prefix(ACCOUNT) {
            Self::Account(name.into())
        } else if let Some(name) = text.strip_prefix(RELAY) {
            Self::Relay(name.into())
        } else if text == ALL {
            Self::All
        } else {
            Self::Workflow(text.into())
        }
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Scope {
    /// As messages call it: `everything`, `the workflow hello`.
    #[must_use]
    pub fn said(&self) -> String {
        match self {
            Self::All => "everything".to_owned(),
            Self::Workflow(name) => format!("the workflow {name}"),
            Self::Lead(lead) => format!("the lead {lead}"),
            Self::Account(name) => format!("the company {name}"),
            Self::Relay(name) => format!("the relay {name}"),
        }
    }

    /// What to write behind `nurtured pause` or `resume` for it.
    #[must_use]
    pub fn argument(&self) -> String {
        match self {
            Self::All | Self::Workflow(_) => self.to_string(),
            Self::Lead(lead) => format!("--lead {lead}"),
            Self::Account(name) if name.contains(char::is_whitespace) => {
                format!("--account '{name}'")
            }
            Self::Account(name) => format!("--account {name}"),
            Self::Relay(name) => format!("--relay {name}"),
        }
    }
}

/// Something that is paused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    pub scope: Scope,
    /// Who paused it: a user of the operating system, or `guard`.
    pub who: String,
    pub since: Instant,
    /// Why, in their words.
    pub because: Option<String>,
}

impl Pause {
    /// Why the mails of a lead are held that this is about.
    #[must_use]
    pub fn holds(&self) -> String {
        let what = match &self.scope {
            Scope::Account(_) => "its company",
            _ => "the lead",
        };
        format!("{HELD}: {what}, {}", self.by())
    }

    /// `by ann: asked by phone`.
    #[must_use]
    pub fn by(&self) -> String {
        let because = self.because.as_deref().map(|because| format!(": {because}"));
        format!("by {}{}", self.who, because.unwrap_or_default())
    }
}

/// What is paused, as far as decisions on some leads go by it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paused {
    pub workflows: BTreeSet<Name>,
    /// Those of these leads who are, or whose company is, and why their mails are held.
    pub leads: BTreeMap<LeadId, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_stored_and_read_back() {
        let scopes = [
            Scope::All,
            Scope::Workflow("reawaken-cold".into()),
            Scope::Lead(LeadId(7_300_000_000_000)),
            Scope::Account("acme: tools ltd".into()),
            Scope::Account("@acme.example".into()),
            Scope::Relay("main".into()),
        ];
        let texts = scopes.each_ref().map(ToString::to_string);
        assert_eq!(
            texts,
            [
                "all",
                "reawaken-cold",
                "lead:7300000000000",
                "account:acme: tools ltd",
                "account:@acme.example",
                "relay:main"
            ]
        );
        assert_eq!(texts.each_ref().map(|text| Scope::from(text.as_str())), scopes);
        let arguments = scopes.each_ref().map(Scope::argument);
        assert_eq!(arguments[2..4], ["--lead 7300000000000", "--account 'acme: tools ltd'"]);
    }

    #[test]
    fn a_held_mail_says_by_whom_and_why() {
        let mut pause = Pause {
            scope: Scope::Account("acme".into()),
            who: "ann".to_owned(),
            since: Instant::DAWN,
            because: Some("in talks".to_owned()),
        };
        assert_eq!(pause.holds(), "paused: its company, by ann: in talks");
        (pause.scope, pause.because) = (Scope::Lead(LeadId(1)), None);
        assert_eq!(pause.holds(), "paused: the lead, by ann");
    }
}
