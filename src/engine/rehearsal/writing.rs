//! Mails of a test, written as the daemon would: what cannot be written does not leave.

use std::sync::Arc;

use super::{Fate, Left, Mail};
use crate::{
    domain::{
        decide::tracked,
        definitions::Definitions,
        id::{LeadId, MessageId},
        lead::LeadState,
        workflow::MailFailure,
    },
    engine::preparing::{standing, view},
    render::{self, Inside, Links, RenderError, Renderer, Sender, made_up_codes},
    store::records::NewEvent,
    token::{Keyring, MailRef},
};

/// Whoever gets a mail that can be written does nothing.
#[derive(Debug)]
pub struct Written<'h> {
    renderer: &'h Renderer,
    definitions: Arc<Definitions>,
    keyring: Keyring,
    sender: Sender,
}

impl<'h> Written<'h> {
    #[must_use]
    pub fn new(renderer: &'h Renderer, definitions: Arc<Definitions>) -> Self {
        Self { renderer, definitions, keyring: Keyring::from_seed(0), sender: Sender::made_up() }
    }

    fn write(&self, lead: &LeadState, mail: &Mail<'_>) -> Result<(), RenderError> {
        let (definitions, now) = (&self.definitions, mail.now);
        let (template, language) = (&mail.open.template, &lead.language);
        let of_mail = lead.enrolments.iter().find(|it| it.no == mail.open.about.enrolment);
        let workflow = of_mail.and_then(|it| definitions.structures.get(&it.version));
        let seen = view(definitions, lead, now);
        let is_in = |name: &&crate::domain::name::Name| {
            let segment = definitions.segment(name);
            segment.is_some_and(|segment| segment.condition.verdict(&seen).is_true())
        };
        let segments: Inside =
            self.renderer.segments(template, language).filter(is_in).cloned().collect();
        let written = self.renderer.render(&render::Mail {
            template,
            lead,
            language,
            entry: of_mail.and_then(|it| it.entry.as_ref()),
            workflow: &mail.open.workflow,
            campaign: workflow.and_then(|it| definitions.campaign_of(it)),
            codes: &made_up_codes(self.renderer.pools(template, language)),
            segments: &segments,
            sender: &self.sender,
            links: Some(Links {
                base_url: "https://go.example.com",
                keyring: &self.keyring,
                mail: MailRef { lead: LeadId(0), message: MessageId(0) },
                tracked: tracked(definitions, lead),
                utm_source: "nurtured",
            }),
            standing: Some(standing(definitions, lead, now)),
            card: None,
            now,
        });
        match written {
            // The machine is busy: nothing is wrong with the mail.
            Err(error) if !error.may_pass() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Fate for Written<'_> {
    fn of_mail(&self, lead: &LeadState, mail: &Mail<'_>) -> (Left, Vec<NewEvent>) {
        let Err(error) = self.write(lead, mail) else { return (Left::Sent, Vec::new()) };
        let about = &mail.open.about;
        let of_mail = lead.enrolments.iter().find(|it| it.no == about.enrolment);
        let step = of_mail.and_then(|it| {
            let workflow = self.definitions.structures.get(&it.version)?;
            workflow.mail_step(&about.step)
        });
        let reason = error.to_string();
        let left = if step.is_some_and(|step| step.on_failure == MailFailure::Skip) {
            Left::Refused { hard: false, reason }
        } else {
            Left::Parked(reason)
        };
        (left, Vec::new())
    }
}
