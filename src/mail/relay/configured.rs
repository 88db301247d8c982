//! Relays as the configuration names them.

use std::sync::Arc;

use super::{Credentials, FolderRelay, Relay, SmtpRelay, Tls};
use crate::config::{self, ConfigError};

/// Why a configured relay cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadRelay {
    #[error(transparent)]
    Password(#[from] ConfigError),
    #[error("relay `{name}`: the certificates of {file} cannot be read: {why}")]
    Roots { name: String, file: String, why: String },
}

impl Relay {
    /// Reads what the configuration points at: the password, the certificates.
    ///
    /// # Errors
    /// When one of these files cannot be read.
    pub fn configured(relay: &config::Relay) -> Result<Self, BadRelay> {
        let smtp = match &relay.kind {
            config::RelayKind::Folder(folder) => {
                return Ok(Self::Folder(Arc::new(FolderRelay::new(&relay.name, folder))));
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
            let bad = |why: String| BadRelay::Roots {
                name: relay.name.to_string(),
                file: file.display().to_string(),
                why,
            };
            let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
            made.extra_roots = SmtpRelay::roots_of_pem(&pem).map_err(bad)?;
        }
        if let Some(helo) = &smtp.helo {
            made.helo_name.clone_from(helo);
        }
        made.connections = smtp.connections;
        Ok(Self::Smtp(Arc::new(made)))
    }
}
