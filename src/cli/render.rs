//! `nurtured render TEMPLATE --lead EMAIL`, or all of its variants: `--all DIR`

mod all;

use std::{io::Write, path::PathBuf};

use serde::Serialize;

use super::{
    context::Context,
    failure::Failure,
    preview::{Preview, Wanted},
};
use crate::{
    domain::attachment::{Attachment, in_words},
    render::Rendered,
};

/// Renders a mail of the campaign folder, as it would read now. Nothing is sent or recorded.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// The lead whose data it is rendered with
    #[arg(long, value_name = "EMAIL", required_unless_present = "all")]
    lead: Option<String>,
    /// Write each language into this folder, for a lead of whom all is known and one who is an address,
    /// with a page to look through them
    #[arg(long, value_name = "DIR", conflicts_with_all = ["lead", "language", "eml"])]
    all: Option<PathBuf>,
    /// Print the mail as it would be handed to the relay
    #[arg(long)]
    eml: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    template: &'a str,
    /// The file that it was made from.
    file: &'a str,
    language: &'a str,
    to: &'a str,
    from: String,
    reply_to: Option<String>,
    subject: &'a str,
    html: &'a str,
    text: &'a str,
    attachments: Vec<Attached<'a>>,
    unsubscribe_url: Option<&'a str>,
}

/// A file that goes with the mail.
#[derive(Serialize)]
struct Attached<'a> {
    name: &'a str,
    content_type: &'a str,
    bytes: usize,
}

impl<'a> Attached<'a> {
    fn all(rendered: &'a Rendered) -> Vec<Self> {
        let attached = |file: &'a Attachment| Self {
            name: &file.name,
            content_type: file.content_type,
            bytes: file.bytes(),
        };
        rendered.attachments.iter().map(attached).collect()
    }

    fn line(&self) -> String {
        format!("Attached: {} ({})\n", self.name, in_words(self.bytes as u64))
    }
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let Some(lead) = &arguments.lead else {
        let folder = arguments.all.as_deref().unwrap_or(std::path::Path::new("."));
        return all::run(context, &arguments.wanted, folder);
    };
    // Not left to the reader of arguments: it does not see a `--json` that stands before the command.
    if arguments.eml && context.output.json {
        return Err(Failure::usage("--eml prints a mail, --json a document: choose one"));
    }
    let (preview, lead, store) = Preview::of_lead(context, &arguments.wanted, lead).await?;
    if arguments.eml {
        let composed = preview.letter(context, &lead)?.compose().map_err(Failure::problems)?;
        return context.output.print(|out| out.write_all(&composed.bytes));
    }
    let rendered: Rendered = preview.rendered(context, &lead)?;
    let from = &preview.sender.from;
    let report = Report {
        template: &arguments.wanted.template,
        file: &rendered.file,
        language: &rendered.language,
        to: lead.address.as_str(),
        from: from.to_string(),
        reply_to: rendered.reply_to.as_ref().map(ToString::to_string),
        subject: &rendered.subject,
        html: &rendered.html,
        text: &rendered.text,
        attachments: Attached::all(&rendered),
        unsubscribe_url: rendered.unsubscribe_url.as_deref(),
    };
    context.output.result(&report, || {
        format!(
            "From: {}\nTo: {}\nSubject: {}\n{}{}\n\n{}",
            report.from,
            report.to,
            context.output.strong(report.subject),
            report.attachments.iter().map(Attached::line).collect::<String>(),
            context.output.faint(&format!("({}, {})", report.file, report.language)),
            report.text
        )
    })?;
    store.close().await;
    Ok(())
}
