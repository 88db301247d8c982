//! The relay, asked whether it would take mail; and the daemon, asked how it is.

use super::{Checkup, WITHIN};
use crate::{
    config::{Config, ConfigError, RelayKind, Tls},
    mail::relay::{BadRelay, Relay},
};

pub(super) async fn ask(checkup: &mut Checkup, config: &Config) {
    for relay in &config.relays {
        let name = &relay.name;
        let made = match Relay::configured(relay) {
            Ok(made) => made,
            Err(BadRelay::File(error @ ConfigError::NoCredentials { .. })) => {
                checkup.warning(
                    "relay",
                    error.to_string(),
                    "it was not asked: run this within the unit",
                );
                continue;
            }
            Err(error) => {
                checkup.failed("relay", error.to_string(), "no mail can be handed over");
                continue;
            }
        };
        let smtp = match &relay.kind {
            RelayKind::Folder(folder) => {
                checkup.ok("relay", format!("{name}: {} can be written to", folder.display()));
                continue;
            }
            RelayKind::Smtp(smtp) => smtp,
        };
        let place = format!("{name} ({}:{})", smtp.host, smtp.port);
        match made.probe(WITHIN).await {
            Ok(()) => {
                let secured = match smtp.tls {
                    Tls::None => "without TLS",
                    Tls::StartTls => "STARTTLS, its certificate is valid",
                    Tls::Implicit => "TLS, its certificate is valid",
                };
                let login = if smtp.login.is_some() { ", the login works" } else { "" };
                checkup.ok("relay", format!("{place} greets us: {secured}{login}"));
            }
            Err(why) => checkup.failed(
                "relay",
                format!("{place} cannot be used: {why}"),
                "see [[relay]] in the configuration, the relay, and what is between",
            ),
        }
    }
}

/// Whether a daemon answers on the console, and what it says.
pub(super) async fn daemon(checkup: &mut Checkup, config: &Config) {
    let listen = config.console.listen;
    if listen.port() == 0 {
        return;
    }
    let asked = async {
        let client = reqwest::Client::builder().no_proxy().timeout(WITHIN).build()?;
        let answer = client.get(format!("http://{listen}/ready")).send().await?;
        Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
    };
    match asked.await {
        Ok((status, _)) if status.is_success() => {
            checkup.ok("daemon", format!("one answers on {listen}, and is ready"));
        }
        Ok((status, said)) => checkup.failed(
            "daemon",
            format!("who answers on {listen} is not ready ({status}): {}", said.trim()),
            "its log says more",
        ),
        Err(_) => checkup.warning(
            "daemon",
            format!("none answers on {listen}"),
            "start it, unless it runs on another machine or goes by `tick`",
        ),
    }
}
