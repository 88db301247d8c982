//! Why a lead did not get a mail, or is not in a workflow: what stands in the way first, in the order in which a
//! decision asks, and when that would change.

mod inside;
mod mails;
mod outside;

use serde::Serialize;

use super::{
    as_some_time,
    why::{Moment, Subject},
};
use crate::{
    domain::{
        condition::Trace,
        decide::{Objection, objects},
        name::Name,
        pause::Scope,
        time::Instant,
        workflow::Workflow,
    },
    store::records::EnrolmentRow,
};

/// Something that stands in the way.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Bar {
    /// In one word, for scripts.
    pub bar: &'static str,
    pub workflow: Option<Name>,
    pub says: String,
    /// When it changes with nothing happening; `null`: only by an event, or by somebody.
    #[serde(serialize_with = "as_some_time")]
    pub until: Option<Instant>,
    /// What somebody could do about it.
    pub advice: Option<String>,
    /// The condition behind it, and what the lead had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Trace>,
}

impl Bar {
    fn new(bar: &'static str, says: impl Into<String>) -> Self {
        let says = says.into();
        Self { bar, workflow: None, says, until: None, advice: None, condition: None }
    }

    fn until(self, until: Option<Instant>) -> Self {
        Self { until: until.filter(|until| !until.is_never()), ..self }
    }

    fn advice(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn condition(self, condition: Option<Trace>) -> Self {
        Self { condition, ..self }
    }
}

/// What stands in the way, the first thing first: of each workflow that would send the mail.
#[must_use]
pub fn why_not(moment: &Moment<'_>, subject: &Subject) -> Vec<Bar> {
    if let Subject::Mail(mail) = subject
        && let Some(bar) = mails::of_itself(moment, mail)
    {
        return vec![bar];
    }
    if let Some(reason) = moment.state.suppressed {
        let says = Objection::Suppressed(reason).to_string();
        let says = format!("nothing goes to it: {says}");
        return vec![
            Bar::new("suppressed", says)
                .advice("nobody is taken off the list by nurtured; a new address is a new lead"),
        ];
    }
    let workflows = match subject {
        Subject::Workflow(name) => vec![name.clone()],
        Subject::Mail(mail) => mails::senders(moment, mail),
    };
    if workflows.is_empty() {
        let says = format!("no workflow that is live sends `{}`", subject.name());
        return vec![Bar::new("no_workflow", says).advice("`nurtured releases` lists what was")];
    }
    let mail = match subject {
        Subject::Mail(mail) => Some(mail),
        Subject::Workflow(_) => None,
    };
    workflows.iter().flat_map(|workflow| of_workflow(moment, workflow, mail)).collect()
}

fn of_workflow(moment: &Moment<'_>, name: &Name, mail: Option<&Name>) -> Vec<Bar> {
    let of_it = |bar: Bar| Bar { workflow: Some(name.clone()), ..bar };
    let inside = moment.state.enrolments.iter().filter(|it| it.workflow == *name);
    let inside: Vec<_> = inside.collect();
    let live = moment.definitions.workflow(name);
    let Some(workflow) = live.map(|live| &*live.workflow).or_else(|| {
        let first = inside.first()?;
        moment.definitions.structures.get(&first.version).map(AsRef::as_ref)
    }) else {
        let says = format!("the workflow `{name}` is not live");
        let advice = "see that its file is in the campaign folder, and `nurtured apply`";
        return vec![of_it(Bar::new("not_live", says).advice(advice))];
    };
    if let Some(Objection::NoGround(purpose)) =
        objects(&moment.definitions, &moment.state, workflow)
    {
        return vec![of_it(no_ground(moment, workflow, &purpose))];
    }
    if let Some(bar) = paused(moment, name) {
        return vec![of_it(bar)];
    }
    if !inside.is_empty() {
        return inside
            .into_iter()
            .map(|enrolment| of_it(inside::bar(moment, enrolment, mail)))
            .collect();
    }
    let over = ended(moment, name);
    let failed = over.zip(mail).and_then(|(it, mail)| mails::failed(moment, it.no, mail));
    let before = failed.into_iter().chain(over.map(|it| inside::ended(moment, it, mail)));
    let door = live.map(|live| outside::bar(moment, &live.workflow));
    before.chain(door).map(of_it).collect()
}

/// The last time that it was in a workflow, if that is over.
fn ended<'m>(moment: &'m Moment<'_>, name: &Name) -> Option<&'m EnrolmentRow> {
    let is_over = |it: &&EnrolmentRow| it.ended_at.is_some_and(|at| at <= moment.at);
    moment.past.enrolments.iter().rfind(|it| it.workflow == *name && is_over(it))
}

fn no_ground(moment: &Moment<'_>, workflow: &Workflow, purpose: &Name) -> Bar {
    let consent = moment.state.consents.get(purpose);
    let bases = moment.definitions.policy.purposes.get(purpose).map(|it| &it.basis);
    let takes: Vec<&str> = bases.into_iter().flatten().map(|basis| basis.word()).collect();
    let says = match consent {
        Some(consent) if consent.withdrawn_at.is_some() => {
            format!("its ground for `{purpose}` was withdrawn")
        }
        Some(consent) => format!(
            "its ground for `{purpose}` is {}, and the policy takes {}",
            consent.basis.word(),
            takes.join(", ")
        ),
        None => format!("there is no ground to write to it about `{purpose}`"),
    };
    let advice = format!("`{}` needs one of: {}", workflow.name, takes.join(", "));
    Bar::new("no_ground", says).advice(advice)
}

/// What is paused by somebody, of all that its mail would need.
fn paused(moment: &Moment<'_>, workflow: &Name) -> Option<Bar> {
    let pause = moment.pauses.iter().find(|pause| match &pause.scope {
        Scope::All | Scope::Lead(_) | Scope::Account(_) => true,
        Scope::Workflow(name) => name == workflow,
        Scope::Relay(relay) => {
            let open = moment.state.open_message.as_ref();
            let row = moment.past.messages.iter().find(|it| Some(it.id) == open.map(|it| it.id));
            row.is_some_and(|row| row.via == *relay && row.workflow == *workflow)
        }
    })?;
    let says = format!("{} is paused {}", pause.scope.said(), pause.by());
    let advice = format!("`nurtured resume {}`", pause.scope.argument());
    Some(Bar::new("paused", says).advice(advice))
}
