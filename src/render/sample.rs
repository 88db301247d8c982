//! Leads that nobody is, to see a mail with.

use std::collections::BTreeSet;

use crate::{
    domain::{
        address::Address,
        campaign::Campaign,
        definitions::Definitions,
        facts::Fact,
        lead::LeadState,
        name::Name,
        time::Instant,
        value::{Attribute, Value, ValueType},
        workflow::Workflow,
    },
    render::{Codes, Renderer},
};

/// How much is known of the lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sample {
    /// Every attribute has a value, of ordinary length.
    Full,
    /// An address, a long one.
    Sparse,
}

impl Sample {
    pub const ALL: [Self; 2] = [Self::Full, Self::Sparse];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sparse => "sparse",
        }
    }

    /// `None`: the addresses are none, which a test would have seen.
    #[must_use]
    pub fn lead(
        self,
        definitions: &Definitions,
        language: &str,
        now: Instant,
    ) -> Option<LeadState> {
        let address = match self {
            Self::Full => "giulia.bianchi@meridian.example",
            Self::Sparse => {
                "bartholomew.featherstonehaugh@purchasing.northern-manufacturing-holdings.example"
            }
        };
        let value = |(_, attribute): (_, &Attribute)| match self {
            Self::Full => Some(value(definitions, attribute, now)),
            Self::Sparse => None,
        };
        let attributes = definitions.schema.iter().map(value).collect();
        let address = Address::parse(address).ok()?;
        let mut lead = LeadState::new(address, definitions.policy.zone.clone(), attributes, now);
        lead.language = language.into();
        lead.facts = definitions.plan.iter().map(|_| Fact::default()).collect();
        lead.segments = vec![None; definitions.segments.len()];
        lead.at_the_door = definitions.workflows.iter().map(|_| None).collect();
        Some(lead)
    }
}

fn value(definitions: &Definitions, attribute: &Attribute, now: Instant) -> Value {
    let text = match &*attribute.name {
        "first_name" => "Giulia",
        "last_name" => "Bianchi",
        "company" => "Meridian Components",
        "job_title" => "Head of Operations",
        "industry" => "manufacturing",
        "country" => "Italy",
        "city" => "Bologna",
        "owner" => definitions.people.persons.keys().next().map_or("ada", |name| name),
        _ => match attribute.kind {
            ValueType::Text => "something",
            ValueType::Number => return Value::Number(40.0),
            ValueType::Bool => return Value::Bool(true),
            ValueType::Date => return Value::Date(now),
        },
    };
    Value::Text(text.into())
}

/// Where a mail is sent from: the workflow that is first by name, with what its mails see of it.
#[derive(Clone, Debug)]
pub(super) struct Setting<'a> {
    pub workflow: Option<&'a Workflow>,
    pub campaign: Option<&'a Campaign>,
    pub codes: Codes,
}

impl<'a> Setting<'a> {
    pub fn of(
        renderer: &Renderer,
        definitions: &'a Definitions,
        template: &str,
        language: &str,
    ) -> Self {
        let workflows = definitions.workflows.iter().map(|live| &*live.workflow);
        let sends = |workflow: &&Workflow| {
            workflow
                .steps
                .iter()
                .any(|step| definitions.mails_of(&step.kind).iter().any(|sent| **sent == *template))
        };
        let workflow = workflows.filter(sends).min_by(|a, b| a.name.cmp(&b.name));
        let campaign = workflow.and_then(|workflow| definitions.campaign_of(workflow));
        Self { workflow, campaign, codes: made_up_codes(renderer.pools(template, language)) }
    }
}

/// Codes for a mail that nobody gets: none is taken out of its pool.
#[must_use]
pub fn made_up_codes(pools: Option<&BTreeSet<Name>>) -> Codes {
    let made_up = |pool: &Name| (pool.clone(), format!("SAMPLE-{}", pool.to_uppercase()));
    pools.into_iter().flatten().map(made_up).collect()
}
