//! Relays as the configuration names them.

use std::{io, sync::Arc};

use super::{Credentials, FolderRelay, Relay, SmtpRelay, Tls};
use crate::{
    config::{self, ConfigError},
    domain::address::Address,
};

/// Why a configured relay cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadRelay {
    #[error(transparent)]
    File(#[from] ConfigError),
    #[error("relay `{name}`: the folder {folder} cannot be written to: {source}")]
    Folder { name: String, folder: String, source: io::Error },
    #[error("relay `{name}`: the certificates of {file} cannot be read: {why}")]
    Roots { name: String, file: String, why: String },
}

impl Relay {
    /// Reads what the configuration points at: the password, the certificates. A folder must take a file.
    ///
    /// # Errors
    /// When one of these files cannot be read, or the folder cannot be written to.
    pub fn configured(relay: &config::Relay) -> Result<Self, BadRelay> {
        let smtp = match &relay.kind {
            config::RelayKind::Folder(folder) => {
                let made = FolderRelay::new(&relay.name, folder);
                made.try_writing().map_err(|source| BadRelay::Folder {
                    name: relay.name.to_string(),
                    folder: folder.display().to_string(),
                    source,
                })?;
                return Ok(Self::Folder(Arc::new(made)));
            }
            config::RelayKind::Smtp(smtp) => smtp,
        };
        let mut made = SmtpRelay::new(&relay.name, &smtp.host, smtp.port);
        made.tls = match smtp.tls {
            config::Tls::None => Tls::None,
            config::Tls::StartTls => Tls::StartTls,
            config::Tls::Implicit => Tls::Implicit,
        };
        if let Some(login) = &smtp.login {
            let (user, password) = (login.user.clone(), login.password()?);
            made.credentials = Some(Credentials { user, password });
        }
        if let Some(file) = &smtp.ca_file {
            let file = file.path()?;
            let bad = |why: String| BadRelay::Roots {
                name: relay.name.to_string(),
                file: file.display().to_string(),
                why,
            };
            let pem = std::fs::read(&file).map_err(|error| bad(error.to_string()))?;
            made.extra_roots = SmtpRelay::roots_of_pem(&pem).map_err(bad)?;
        }
        made.helo_name = smtp.helo.clone().or_else(host_name).unwrap_or_default();
        made.connections = smtp.connections;
        Ok(Self::Smtp(Arc::new(made)))
    }
}

/// The name of this machine, where it has a full one: servers refuse to be greeted by half a name.
fn host_name() -> Option<String> {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .into_iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .find_map(|text| full_name(&text))
}

fn full_name(text: &str) -> Option<String> {
    let name =
        text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    let address = Address::parse(&format!("postmaster@{name}")).ok()?;
    (name.is_ascii() && address.domain().contains('.')).then(|| address.domain().to_owned())
}

#[cfg(test)]
mod tests {
    use super::full_name;

    #[test]
    fn only_a_full_name_is_said() {
        assert_eq!(full_name("Mail.Example.com\n").as_deref(), Some("mail.example.com"));
        assert_eq!(full_name("# ours\nmail.example.com\n").as_deref(), Some("mail.example.com"));
        for half in ["", "\n", "mail\n", "localhost\n", "a b.example.com", "x\r\nRSET"] {
            assert_eq!(full_name(half), None, "{half}");
        }
    }
}
