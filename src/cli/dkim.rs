//! `nurtured dkim new|record`: keys that mails are signed with, and what the DNS has to say of them.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;

use super::{context::Context, failure::Failure, told};
use crate::{
    config::{canonical_domain, is_selector, write_private},
    mail::dkim::{SigningKey, new_ed25519},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make an Ed25519 key, and print what to publish
    #[command(long_about = told::<New>())]
    New(New),
    /// Print what to publish of a key that is there
    #[command(long_about = told::<Record>())]
    Record(Record),
}

/// Makes a file with an Ed25519 key, readable by its owner alone, and prints the DNS record and the lines of
/// nurtured.toml. Not every receiver reads Ed25519: sign by an RSA key beside it, which `openssl genpkey
/// -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out FILE` makes and `nurtured dkim record` prints.
#[derive(Debug, clap::Args)]
pub(super) struct New {
    #[command(flatten)]
    name: Name,
    /// Where the key is written [default: SELECTOR.DOMAIN.pem in this folder]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Prints the DNS record of a private key, RSA or Ed25519, and the lines of nurtured.toml.
#[derive(Debug, clap::Args)]
pub(super) struct Record {
    #[command(flatten)]
    name: Name,
    /// The private key, in PEM
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Name {
    /// The domain that mails come from
    domain: String,
    /// A word of your choice, another one for each key of a domain: s1, or 2026a
    selector: String,
}

#[derive(Serialize)]
struct Report<'a> {
    file: &'a Path,
    algorithm: &'static str,
    /// Under which name of the DNS.
    name: String,
    /// The text of its TXT record.
    value: String,
    zone_line: String,
}

pub(super) fn run(context: &Context, command: &Command) -> Result<(), Failure> {
    let (name, file) = match command {
        Command::New(New { name, .. }) | Command::Record(Record { name, .. }) => {
            (name.checked()?, command.file())
        }
    };
    if let Command::New(_) = command {
        let key = new_ed25519().map_err(|_| Failure::environment("no randomness is to be had"))?;
        write_private(&file, &pem(&key)).map_err(Failure::at(&file))?;
    }
    let key = SigningKey::read(&file).map_err(|why| {
        Failure::problems(format!("{} {why}", file.display())).hint(why.hint(&file))
    })?;
    let record = key.record();
    let (domain, selector) = name;
    let dns_name = format!("{selector}._domainkey.{domain}");
    let report = Report {
        file: &file,
        algorithm: key.algorithm(),
        value: record.value(),
        zone_line: record.zone_line(&dns_name),
        name: dns_name,
    };
    context.output.result(&report, || {
        let Report { zone_line, .. } = &report;
        let file = file.display();
        format!(
            "Publish this ({key}) in the DNS of {domain}:\n\n{zone_line}\n\nIn nurtured.toml:\n\n\
             [[dkim]]\ndomain = \"{domain}\"\nselector = \"{selector}\"\nkey_file = \"{file}\"\n\n\
             `nurtured doctor` says when it is there; restart the daemon then."
        )
    })?;
    Ok(())
}

impl Command {
    fn file(&self) -> PathBuf {
        match self {
            Self::Record(record) => record.file.clone(),
            Self::New(New { file: Some(file), .. }) => file.clone(),
            Self::New(New { name, .. }) => {
                PathBuf::from(format!("{}.{}.pem", name.selector, name.domain))
            }
        }
    }
}

impl Name {
    /// Domain and selector as the DNS has them.
    fn checked(&self) -> Result<(String, String), Failure> {
        let domain = canonical_domain(&self.domain).map_err(Failure::usage)?;
        if !is_selector(&self.selector) {
            return Err(Failure::usage(format!("`{}` is not a selector", self.selector))
                .hint("letters, digits and hyphens, like s1"));
        }
        Ok((domain, self.selector.to_ascii_lowercase()))
    }
}

/// In lines of 64 characters (RFC 7468 §2).
fn pem(pkcs8: &[u8]) -> String {
    let text = STANDARD.encode(pkcs8);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
