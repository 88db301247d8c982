//! DKIM: mails carry a signature that a receiver checks against a key in our DNS (RFC 6376), by RSA
//! (RFC 8301) or Ed25519 (RFC 8463).
//!
//! Own code over `ring`, since a mail is signed at an instant that is a parameter, and its main headers are
//! over-signed.

mod key;
mod record;
mod relaxed;
mod signature;

use std::fmt;

pub use key::{BadKey, SigningKey, new_ed25519};
pub use record::{KeyRecord, Published, published};

use super::compose::{BadLetter, Composed, Letter};
use crate::config::{Config, ConfigError, ConfigProblem, Dkim, is_within};

/// One key of a domain.
#[derive(Debug)]
pub struct Signer {
    pub domain: String,
    pub selector: String,
    pub key: SigningKey,
}

/// All keys that we sign with.
#[derive(Default)]
pub struct Signers(Vec<Signer>);

impl Signers {
    #[must_use]
    pub const fn new(signers: Vec<Signer>) -> Self {
        Self(signers)
    }

    /// Reads the key files that the configuration names.
    ///
    /// # Errors
    /// With every file that cannot be used, and why.
    pub fn configured(config: &Config) -> Result<Self, ConfigError> {
        let mut signers = Vec::with_capacity(config.dkim.len());
        let mut problems = Vec::new();
        for dkim in &config.dkim {
            match Signer::configured(dkim)? {
                Ok(signer) => signers.push(signer),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() {
            return Ok(Self(signers));
        }
        Err(ConfigError::Files { file: config.file.clone(), problems })
    }

    /// The keys for mails from this domain: its own, else those of the nearest domain above it. A receiver
    /// asks for the same organisation (RFC 9989).
    fn of(&self, from: &str) -> impl Iterator<Item = &Signer> {
        let nearest = self.0.iter().filter(|it| is_within(from, &it.domain));
        let nearest = nearest.map(|it| it.domain.as_str()).max_by_key(|domain| domain.len());
        self.0.iter().filter(move |it| Some(it.domain.as_str()) == nearest)
    }
}

impl Signer {
    /// # Errors
    /// Outside when it is a credential and there are none here; inside when the file cannot be used.
    pub fn configured(dkim: &Dkim) -> Result<Result<Self, ConfigProblem>, ConfigError> {
        let path = dkim.key_file.path()?;
        let read = SigningKey::read(&path).map_err(|why| ConfigProblem {
            line: dkim.place.0,
            column: dkim.place.1,
            message: format!("the DKIM key {} {why}", path.display()),
            hint: Some(why.hint(&path)),
        });
        Ok(read.map(|key| Self {
            domain: dkim.domain.clone(),
            selector: dkim.selector.clone(),
            key,
        }))
    }
}

impl Letter {
    /// Writes the message as [`Letter::compose`] does and signs it with each key for its `From`. Nothing
    /// may be changed in it afterwards.
    ///
    /// # Errors
    /// As [`Letter::compose`]; or when a key does not sign.
    pub fn signed(&self, signers: &Signers) -> Result<Composed, BadLetter> {
        let mut mail = self.compose()?;
        let signatures: Result<Vec<String>, BadLetter> = signers
            .of(self.from.address.domain())
            .map(|signer| signature::header(signer, &mail.bytes, self.date))
            .collect();
        let signatures = signatures?.concat();
        mail.bytes.splice(..0, signatures.into_bytes());
        Ok(mail)
    }
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|it| (&it.domain, &it.selector))).finish()
    }
}

#[cfg(test)]
mod tests;
