//! A mail as a sample lead would get it.

use super::{
    super::{
        Inside, Links, Mail, Renderer, Sample, Sender, Setting,
        html::{self, Node, is_link},
        problem::{Place, RenderError, RenderProblem},
    },
    Bare, warning,
};
use crate::{
    definitions::Problem,
    domain::{
        attachment::{Attachment, in_words},
        definitions::Definitions,
        id::{LeadId, MessageId},
        lead::LeadState,
        template::MailTemplate,
        time::Instant,
    },
    token::{Keyring, MailRef},
};

/// Bytes of HTML that Gmail shows: 102 KB.
const SHOWN: usize = 102 * 1024;
/// Characters of a subject that mail programs show in a wide window.
const SUBJECT: usize = 60;
const LINKS: usize = 25;
/// Bytes of attachments that a mail may have that nobody asked for.
const ATTACHED: u64 = 1_000_000;

impl Renderer {
    /// Nothing of a mail that cannot be rendered for a sample, as one that shows the data of an event.
    pub(super) fn advice_on_sending(
        &self,
        definitions: &Definitions,
        bare: &Bare<'_>,
        (name, template): (&str, &MailTemplate),
        now: Instant,
    ) -> Vec<Problem> {
        let language = template.language.as_deref().unwrap_or("");
        let Some(lead) = Sample::Full.lead(definitions, language, now) else { return Vec::new() };
        let setting = Setting::of(self, definitions, name, language);
        let sender = Sender::made_up();
        let keyring = Keyring::from_seed(0);
        let mail = Mail {
            template: name,
            lead: &lead,
            language,
            entry: None,
            workflow: setting.workflow.map_or("preview", |workflow| &workflow.name),
            campaign: setting.campaign,
            codes: &setting.codes,
            segments: &Inside::new(),
            sender: &sender,
            links: Some(Links {
                base_url: "https://go.example.com",
                keyring: &keyring,
                mail: MailRef { lead: LeadId(0), message: MessageId(0) },
                tracked: true,
                utm_source: "nurtured",
            }),
            standing: None,
            card: None,
            now,
        };
        // Another variant serves whoever has this language, as in the house's own.
        let Some(rendered) = self.render(&mail).ok().filter(|it| it.file == template.file) else {
            return Vec::new();
        };
        let may_be_missing = ["", template.file.as_str()]
            .into_iter()
            .filter_map(|file| bare.get(file))
            .flatten()
            .any(|name| !template.defaults.contains_key(*name));
        let mut advice =
            if may_be_missing { self.without_default(definitions, &mail) } else { Vec::new() };
        let mut say = |rule, (line, column), message: String, hint: &str| {
            let (file, hint) = (template.file.clone(), Some(hint.to_owned()));
            advice.push(warning(rule, RenderProblem { file, line, column, message, hint }));
        };
        for (message, hint) in of_subject(&rendered.subject) {
            say("mail-subject", template.subject_at, message, hint);
        }
        let nodes = html::read(&rendered.html).unwrap_or_default();
        match &template.preheader {
            None if template.layout.is_some() => {
                let message = "it has no preheader: inboxes show its first words after the subject";
                say("mail-preheader", (1, 1), message.to_owned(), "preheader: what it is good for");
            }
            Some(preheader) if !preheader.contains('{') && !shows(&nodes, preheader) => {
                let message = "nothing shows this preheader".to_owned();
                let hint = "put {{ preheader }} first into the layout, or leave it out";
                say("mail-preheader", template.preheader_at, message, hint);
            }
            _ => {}
        }
        let body = (template.body_line, 1);
        if rendered.html.len() > SHOWN {
            let message = format!(
                "it comes to {} KB of HTML, and Gmail hides what is beyond 102 KB, the way out of it first",
                rendered.html.len() / 1024
            );
            say("mail-size", body, message, "shorten it, or its styles");
        }
        let attached = template.attachments.iter().map(Attachment::bytes).sum::<usize>() as u64;
        if attached > ATTACHED && !is_asked_for(definitions, name) {
            let message = format!(
                "its attachments come to {}: who did not ask for a mail takes no such load, and \
                 filters distrust it",
                in_words(attached)
            );
            say("mail-attachments", template.attachments_at, message, "give a link to them");
        }
        let links = nodes.iter().filter(|node| {
            matches!(node, Node::Start { name, attributes, .. } if is_link(name)
                && attributes.iter().any(|(key, _)| key == "href"))
        });
        let links = links.count();
        if links > LINKS {
            let message = format!(
                "it has {links} links: readers choose none of so many, and filters count them"
            );
            say("mail-links", body, message, "keep those that matter");
        }
        advice
    }

    /// What a mail shows that not every lead has: who lacks it does not get the mail. Its lead has everything.
    fn without_default(&self, definitions: &Definitions, mail: &Mail<'_>) -> Vec<Problem> {
        let mut advice = Vec::new();
        let all = &mail.lead.attributes;
        let mut lead = LeadState { attributes: vec![None; all.len()], ..mail.lead.clone() };
        while let Err(RenderError::Missing { place: Place { file, line, column }, name }) =
            self.render(&Mail { lead: &lead, ..mail.clone() })
            && let Some(slot) = definitions.schema.slot(&name)
            && lead.attributes[slot.0].is_none()
        {
            let message = format!("who has no `{name}` does not get this mail");
            let hint = format!("write {{{{ {name} or \"…\" }}}}, or give one under `defaults:`");
            let problem = RenderProblem { file, line, column, message, hint: Some(hint) };
            advice.push(warning("mail-default", problem));
            lead.attributes[slot.0].clone_from(&all[slot.0]);
        }
        advice
    }
}

/// Whether a mail goes only to who asked for it or booked it.
fn is_asked_for(definitions: &Definitions, template: &str) -> bool {
    let workflows = definitions.workflows.iter().map(|live| &live.workflow);
    let sent = workflows.flat_map(|workflow| {
        let is_it = |step: &&crate::domain::workflow::Step| {
            definitions.mails_of(&step.kind).iter().any(|it| **it == *template)
        };
        workflow.steps.iter().filter(is_it).filter_map(|step| workflow.mail_step(&step.id))
    });
    let mut times = sent.map(|mail| mail.now).peekable();
    times.peek().is_some() && times.all(|now| now)
}

fn of_subject(subject: &str) -> Vec<(String, &'static str)> {
    let mut said = Vec::new();
    let length = subject.chars().count();
    if length > SUBJECT {
        let message = format!(
            "the subject comes to {length} characters with ordinary values, and mail programs show {SUBJECT} at most"
        );
        said.push((message, "say first what matters"));
    }
    let letters = subject.chars().filter(|c| c.is_alphabetic());
    if letters.clone().count() >= 8 && !letters.clone().any(char::is_lowercase) {
        said.push(("the subject shouts, in capitals".to_owned(), "write it as you would speak"));
    }
    if subject.matches('!').count() > 1 {
        let message = "the subject shouts, by more than one `!`".to_owned();
        said.push((message, "one is plenty, none is better"));
    }
    said
}

fn shows(nodes: &[Node], preheader: &str) -> bool {
    let preheader = preheader.trim();
    nodes.iter().any(|node| matches!(node, Node::Text(text) if text.contains(preheader)))
}
