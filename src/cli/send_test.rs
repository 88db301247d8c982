//! `nurtured send-test TEMPLATE --lead EMAIL --to ADDRESS`

use serde::Serialize;

use super::{
    context::{Context, address},
    failure::Failure,
    preview::{Preview, Wanted},
};
use crate::{
    domain::lead::Suppression,
    mail::{
        compose::Party,
        dkim::Signers,
        relay::{Delivery, Relay},
    },
};

/// Sends one mail of the campaign folder to somebody of ours, as it would read for a lead. Nothing is
/// recorded of the lead, and the links in it lead to no lead.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// The lead whose data it is rendered with
    #[arg(long, value_name = "EMAIL")]
    lead: String,
    /// Who gets it
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// By which relay, and from its sender; else by the one that writes to the lead
    #[arg(long, value_name = "RELAY")]
    relay: Option<String>,
}

#[derive(Serialize)]
struct Report<'a> {
    to: &'a str,
    template: &'a str,
    subject: &'a str,
    relay: &'a str,
    /// `sent`, `refused`, `later`, `unreachable`, `in_doubt`.
    outcome: &'static str,
    detail: String,
}

pub(super) async fn run(context: &Context, arguments: &Arguments) -> Result<(), Failure> {
    let to = address(&arguments.to)?;
    let (mut preview, lead, store) =
        Preview::of_lead(context, &arguments.wanted, &arguments.lead).await?;
    if !preview.config.delivery.allows(&to) {
        return Err(Failure::problems(format!(
            "[delivery] only_to does not let mail to {} out",
            to.as_str()
        )));
    }
    if store.suppression_of(&to).await? == Some(Suppression::Complained) {
        return Err(Failure::problems(format!("{} has complained about our mail", to.as_str())));
    }
    if let Some(name) = &arguments.relay {
        preview.go_by(name)?;
    }
    let (_, relays) = preview.config.sending()?;
    let relay = relays.iter().find(|relay| relay.name == *preview.relay);
    let Some(relay) = relay else { return Err(Failure::problems("there is no relay")) };
    let relay = Relay::configured(relay).map_err(Failure::environment)?;
    let signers = Signers::configured(&preview.config)?;
    let mut letter = preview.letter(context, &lead)?;
    letter.to = Party::new(None, to.clone());
    letter.subject = format!("[test] {}", letter.subject);
    // One at a time, and not the mail that the lead may get: mail programs hide second copies.
    letter.message_id = format!("test.{:016x}.{}", crate::clock::random_u64(), letter.message_id);
    letter.key = format!("test{:016x}", crate::clock::random_u64());
    let composed = letter.signed(&signers).map_err(Failure::problems)?;
    let mut session = relay.session();
    let delivery = session.deliver(&composed, || async { true }).await;
    session.close().await;
    let detail = match &delivery {
        Delivery::Sent { reply }
        | Delivery::Refused { reply, .. }
        | Delivery::Later { reply, .. } => reply.to_string(),
        Delivery::Unreachable { reason, .. } | Delivery::InDoubt { reason } => reason.clone(),
        Delivery::Withdrawn => "withdrawn".to_owned(),
    };
    let report = Report {
        to: to.as_str(),
        template: &arguments.wanted.template,
        subject: &letter.subject,
        relay: relay.name(),
        outcome: delivery.word(),
        detail,
    };
    store.close().await;
    if !matches!(delivery, Delivery::Sent { .. }) {
        return Err(Failure::environment(format!(
            "the relay `{}` did not take the mail ({}): {}",
            report.relay, report.outcome, report.detail
        )));
    }
    context.output.result(&report, || {
        format!("Sent to {} by {}: {}", report.to, report.relay, report.subject)
    })?;
    Ok(())
}
