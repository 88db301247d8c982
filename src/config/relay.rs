//! `[[relay]]`: an SMTP server that mail is handed to, or a folder that mails are written into.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{
    Identity,
    named_file::NamedFile,
    problem::ConfigError,
    reader::Section,
    sender::{self, canonical_domain},
    warm_up,
};
use crate::domain::{
    fleet::Berth,
    name::Name,
    pace::{NoRate, Rate},
    ramp::WarmUp,
};

/// One relay.
#[derive(Clone, Debug)]
pub struct Relay {
    pub name: Name,
    pub kind: RelayKind,
    /// How many leads it writes to, next to the shares of others.
    pub share: u8,
    /// How fast it takes mails at most.
    pub rate: Option<Rate>,
    /// How many mails a day it takes while it is new.
    pub warm_up: Option<WarmUp>,
    pub identity: Identity,
}

#[derive(Clone, Debug)]
pub enum RelayKind {
    Smtp(SmtpRelay),
    /// `.eml` files are written into it; nothing leaves the machine.
    Folder(PathBuf),
}

#[derive(Clone, Debug)]
pub struct SmtpRelay {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub login: Option<Login>,
    /// Certificates in PEM that are trusted beside the public ones.
    pub ca_file: Option<NamedFile>,
    /// The name we greet with; the host's own if `None`.
    pub helo: Option<String>,
    /// Connections at once.
    pub connections: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tls {
    None,
    StartTls,
    Implicit,
}

impl Tls {
    const fn default_port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Implicit => 465,
        }
    }
}

/// Who we log in as. The password is in a file of its own.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    password_file: NamedFile,
}

impl Login {
    /// Reads the password: the file's first line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn password(&self) -> Result<SecretString, ConfigError> {
        self.password_file.secret(|| format!("the password of `{}`", self.user))
    }
}

pub(super) fn read(
    mut section: Section<'_, '_, '_, '_>,
    base: &Path,
    require_tls: bool,
) -> Option<Relay> {
    let name = section.text("name");
    if name.is_none() && !section.has("name") {
        section.missing("name", "\"main\"");
    }
    let kind = match section.path("folder", base) {
        Some(folder) => {
            for key in ["host", "port", "tls", "user", "password_file", "ca_file"] {
                if section.has(key) {
                    section.wrong(key, format!("a relay with `folder` has no `{key}`"), None);
                }
            }
            // Known, so that they are not called unknown as well.
            let _ = smtp_keys(&mut section);
            Some(RelayKind::Folder(folder))
        }
        None => smtp(&mut section, base, require_tls).map(RelayKind::Smtp),
    };
    let largest = i64::from(Berth::LARGEST_SHARE);
    let share = section.number("share", 0..largest + 1).and_then(|share| share.try_into().ok());
    let rate = section.text("rate").and_then(|text| {
        let wrong = |hint: NoRate| {
            section.wrong("rate", format!("`{text}` is no rate"), Some(hint.to_string()));
        };
        text.parse::<Rate>().map_err(wrong).ok()
    });
    let warm_up = warm_up::read(&mut section);
    let identity = sender::identity(&mut section);
    section.finish();
    let share = share.unwrap_or(1);
    Some(Relay { name: name?.into(), kind: kind?, share, rate, warm_up, identity })
}

fn smtp_keys(section: &mut Section<'_, '_, '_, '_>) -> usize {
    ["host", "port", "tls", "user", "password_file", "ca_file", "helo", "connections"]
        .into_iter()
        .filter(|key| section.value(key).is_some())
        .count()
}

fn smtp(
    section: &mut Section<'_, '_, '_, '_>,
    base: &Path,
    require_tls: bool,
) -> Option<SmtpRelay> {
    let host = section.text("host");
    if host.is_none() && !section.has("host") {
        section.missing("host", "\"smtp.example.com\" (or folder = \"outbox/\" for .eml files)");
    }
    let tls = section.word(
        "tls",
        &[("none", Tls::None), ("starttls", Tls::StartTls), ("implicit", Tls::Implicit)],
    );
    let tls = tls.unwrap_or(Tls::StartTls);
    let port = section
        .number("port", 1..65_536)
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(tls.default_port());
    let user = section.text("user");
    let password_file = section.file("password_file", base);
    match (section.has("user"), section.has("password_file")) {
        (true, false) => section.missing("password_file", "\"relay.password\", beside `user`"),
        (false, true) => section.missing("user", "\"nurtured\", beside `password_file`"),
        _ => {}
    }
    if tls == Tls::None && user.is_some() && !host.is_some_and(is_this_machine) {
        section.wrong(
            "user",
            "with tls = \"none\" the password would cross the network in the clear",
            Some("use tls = \"starttls\" or \"implicit\"".into()),
        );
    }
    if tls == Tls::None && require_tls && !host.is_some_and(is_this_machine) {
        section.wrong(
            "tls",
            "mails would cross the network in the clear, and [delivery] require_tls = true",
            Some("use tls = \"starttls\" or \"implicit\"".into()),
        );
    }
    let ca_file = section.file("ca_file", base);
    let helo = section.text("helo").map(ToOwned::to_owned);
    if let Some(helo) = &helo
        && !is_helo(helo)
    {
        let hint =
            Some("write \"mail.example.com\", the name that the address's PTR record has".into());
        section.wrong("helo", format!("`{helo}` is no name to greet with"), hint);
    }
    let connections = section.number("connections", 1..1_001).unwrap_or(4);
    Some(SmtpRelay {
        host: host?.to_owned(),
        port,
        tls,
        login: user
            .zip(password_file)
            .map(|(user, password_file)| Login { user: user.to_owned(), password_file }),
        ca_file,
        helo,
        connections: usize::try_from(connections).unwrap_or(4),
    })
}

/// A full host name, or an address in brackets (RFC 5321 §4.1.1.1).
fn is_helo(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(address) => {
            address.strip_prefix("IPv6:").unwrap_or(address).parse::<std::net::IpAddr>().is_ok()
        }
        None => text.is_ascii() && text.contains('.') && canonical_domain(text).is_ok(),
    }
}

pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
