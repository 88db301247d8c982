//! A mail as a lead would get it, made outside of any workflow's passage.

use std::collections::BTreeSet;

use super::{context, context::Context, failure::Failure, folder::Folder, live};
use crate::{
    config::{Config, Sender},
    domain::{
        event::StepRef,
        id::{EnrolmentNo, LeadId, MessageId},
        lead::LeadState,
        message::{MessageKind, MessageState},
        name::Name,
        workflow::{Step, Version},
    },
    engine::{
        desk::{Desk, Reader},
        live::Live,
    },
    mail::compose::Letter,
    render::{Codes, Links, RenderError, Rendered, made_up_codes},
    store::{Store, records::MessageRow},
    token::{Keyring, MailRef},
};

/// Everything that a preview is made from.
pub(super) struct Preview {
    pub config: Config,
    pub sender: Sender,
    pub live: Live,
    pub keyring: Keyring,
    pub template: Name,
    /// That it is rendered for: it stands in links and headers. `None` where none sends the mail.
    workflow: Option<Name>,
    /// By which it goes, once that is known.
    pub relay: Name,
}

/// Which mail is wanted, as the command line says it.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The mail, like cold/industry-report
    pub template: String,
    /// In this language instead of the lead's own
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// As this workflow sends it [default: the first by name that does]
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
}

impl Preview {
    /// The campaign folder's mail, as it stands there. No database is opened: its links are signed by keys
    /// that anybody knows.
    pub(super) fn new(context: &Context, wanted: &Wanted) -> Result<Self, Failure> {
        let config = context.config()?;
        let sender = match &config.sender {
            Some(sender) => sender.clone(),
            None => config.sending()?.0.clone(),
        };
        let live = Folder::check(context)?.into_live(context)?;
        let mails = &live.definitions.templates.mails;
        let template = wanted.template.as_str();
        if !mails.contains_key(template) {
            return Err(Failure::unknown(format!("mail `{template}`"), mails.keys()));
        }
        let workflow = workflow(&live, wanted)?;
        let (keyring, template) = (Keyring::from_seed(0), template.into());
        Ok(Self { config, sender, live, keyring, template, workflow, relay: Name::new("") })
    }

    /// Likewise, with a lead of the database and links that are signed by our own keys.
    pub(super) async fn of_lead(
        context: &Context,
        wanted: &Wanted,
        email: &str,
    ) -> Result<(Self, LeadState, Store), Failure> {
        let mut preview = Self::new(context, wanted)?;
        // First, as `migrate` makes the secrets together with it.
        let store = Context::open(&preview.config).await?;
        preview.keyring = Keyring::load(&preview.config.secrets.file.path()?)?;
        let id = context::lead(&store, email).await?;
        let state = live::state_at(&preview.live.definitions, &store, id, context.now()).await?;
        let mut lead = state.ok_or_else(|| Failure::problems("the lead is gone"))?;
        if let Some(language) = &wanted.language {
            lead.language = language.as_str().into();
        }
        if let Some(relay) = preview.config.fleet().relay_of(id) {
            preview.go_by(&relay.name)?;
        }
        Ok((preview, lead, store))
    }

    /// It goes by this relay, from its sender.
    pub(super) fn go_by(&mut self, relay: &str) -> Result<(), Failure> {
        let known = self.config.relays.iter().map(|relay| &relay.name);
        if !known.clone().any(|name| name == relay) {
            return Err(Failure::unknown(format!("relay `{relay}`"), known));
        }
        self.relay = relay.into();
        if let Some(sender) = self.config.sender_by(relay) {
            self.sender = sender;
        }
        Ok(())
    }

    /// Addressed as to the lead.
    pub(super) fn letter(&self, context: &Context, lead: &LeadState) -> Result<Letter, Failure> {
        let (message, codes) = (self.message(context), self.codes(lead));
        let letter = self.desk().letter(&message, lead, None, &codes, context.now());
        letter.map_err(|unready| Failure::problems(unready).hint("for a lead it would be parked"))
    }

    pub(super) fn rendered(
        &self,
        context: &Context,
        lead: &LeadState,
    ) -> Result<Rendered, Failure> {
        let links = Links {
            base_url: &self.config.public.base_url,
            keyring: &self.keyring,
            mail: MailRef { lead: NOBODY, message: NOBODYS },
            tracked: crate::domain::decide::tracked(&self.live.definitions, lead),
            utm_source: "nurtured",
        };
        let (message, codes) = (self.message(context), self.codes(lead));
        let reader = Reader::Lead(links);
        let rendered: Result<Rendered, RenderError> =
            self.desk().render(&message, lead, reader, &lead.language, &codes, context.now());
        rendered.map_err(|error| {
            Failure::problems(error).hint("a mail to this lead would be parked with this reason")
        })
    }

    /// Made up: a preview takes none out of its pool.
    fn codes(&self, lead: &LeadState) -> Codes {
        made_up_codes(self.live.renderer.pools(&self.template, &lead.language))
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            live: &self.live,
            config: &self.config,
            sender: &self.sender,
            keyring: &self.keyring,
        }
    }

    /// A message that is in no database: its links and its unsubscribing lead to no lead.
    fn message(&self, context: &Context) -> MessageRow {
        let by = self.workflow.as_ref().and_then(|it| self.live.definitions.workflow(it));
        let workflow = by.map(|live| &live.workflow);
        let now = context.now();
        MessageRow {
            id: NOBODYS,
            lead: NOBODY,
            about: StepRef { enrolment: EnrolmentNo(0), step: "preview".into(), visit: 1 },
            kind: MessageKind::Marketing,
            recipient: "".into(),
            workflow: workflow.map_or_else(|| "preview".into(), |workflow| workflow.name.clone()),
            version: workflow
                .map_or_else(|| Version("".into()), |workflow| workflow.version.clone()),
            purpose: workflow.map_or_else(|| "".into(), |workflow| workflow.purpose.clone()),
            template: self.template.clone(),
            state: MessageState::Reserved,
            due_at: now,
            attempts: 0,
            created_at: now,
            first_tried_at: None,
            sent_at: None,
            reason: None,
            via: "".into(),
            placed_on: None,
        }
    }
}

/// The workflow that a mail is rendered for: the one that is named, else the first by name of those that
/// send it; `None` where none does.
fn workflow(live: &Live, wanted: &Wanted) -> Result<Option<Name>, Failure> {
    let definitions = &live.definitions;
    let sends =
        |step: &Step| definitions.mails_of(&step.kind).iter().any(|mail| *mail == *wanted.template);
    let workflows = live.definitions.workflows.iter().map(|live| &live.workflow);
    let senders: BTreeSet<&Name> =
        workflows.filter(|it| it.steps.iter().any(sends)).map(|it| &it.name).collect();
    let Some(name) = &wanted.workflow else { return Ok(senders.first().copied().cloned()) };
    let name = Name::from(name.as_str());
    if senders.contains(&name) {
        return Ok(Some(name));
    }
    let what = format!("workflow `{name}` that sends {}", wanted.template);
    Err(Failure::unknown(what, senders))
}

/// No lead has this id: no link of a preview can do anything to the lead it was rendered with.
const NOBODY: LeadId = LeadId(0);
/// No message has this id.
const NOBODYS: MessageId = MessageId(0);
