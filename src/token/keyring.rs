//! The keys and the file that holds them.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::KeyInit as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    clock::random_key,
    config::{NotPrivate, read_private, write_private},
};

pub(super) type Hmac = hmac::Hmac<Sha256>;

const KEY: usize = 32;

/// The keys that tokens are signed with: the newest signs, all verify. Beside them one that is never
/// rotated, for what must stay the same for ever: Message-IDs and message keys.
pub struct Keyring {
    identity: Hmac,
    newest: (u8, Hmac),
    older: Vec<(u8, Hmac)>,
}

/// What is wrong with a secrets file.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("there is no secrets file {}, and it is made together with a new database only: bring back \
             its copy, or `nurtured migrate --new-secrets` makes another one and links in mails already \
             sent stop working", .0.display())]
    Missing(PathBuf),
    #[error("the secrets file {} is there already, and is never made anew over an old one", .0.display())]
    Exists(PathBuf),
    #[error("the secrets file {} may be read by others (mode {mode:03o}): run `chmod 600 {}`",
            .path.display(), .path.display())]
    Readable { path: PathBuf, mode: u32 },
    #[error("the secrets file {}: {what}", .path.display())]
    Broken { path: PathBuf, what: String },
    #[error("the secrets file {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the secrets file {} cannot be made: {source}; name a place for it by [secrets] file",
            .path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    identity: String,
    #[serde(default)]
    key: Vec<FileKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileKey {
    id: u8,
    secret: String,
}

impl Keyring {
    /// Makes the secrets file, readable by its owner alone, with one fresh key.
    ///
    /// # Errors
    /// When the file is there already, or cannot be written.
    pub fn create(path: &Path) -> Result<Self, KeyringError> {
        let text = format!(
            "# Signs the links, pixels, unsubscribe and bounce addresses of nurtured's mails.\n\
             # Keep it secret and keep a copy: without it, links in mails already sent stop working.\n\
             # To rotate, add a [[key]] with another id and a secret of `openssl rand -base64 32`\n\
             # at the end: the last one signs, all verify.\n\
             identity = \"{}\"\n\n[[key]]\nid = 1\nsecret = \"{}\"\n",
            STANDARD.encode(random_key()),
            STANDARD.encode(random_key()),
        );
        let keyring = Self::parse(&text)
            .map_err(|what| KeyringError::Broken { path: path.to_owned(), what })?;
        write_private(path, &text).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyringError::Exists(path.to_owned()),
            _ => KeyringError::Unwritable { path: path.to_owned(), source },
        })?;
        Ok(keyring)
    }

    /// Reads the secrets file. Nothing is ever made here.
    ///
    /// # Errors
    /// When it is missing, others may read it, or it does not hold keys.
    pub fn load(path: &Path) -> Result<Self, KeyringError> {
        let path_of = || path.to_owned();
        let text = read_private(path).map_err(|why| match why {
            NotPrivate::Io(source) if source.kind() == io::ErrorKind::NotFound => {
                KeyringError::Missing(path_of())
            }
            NotPrivate::Io(source) => KeyringError::Io { path: path_of(), source },
            NotPrivate::Open { mode } => KeyringError::Readable { path: path_of(), mode },
            NotPrivate::NoFile => {
                KeyringError::Broken { path: path_of(), what: "it is no file of keys".to_owned() }
            }
        })?;
        Self::parse(&text).map_err(|what| KeyringError::Broken { path: path_of(), what })
    }

    /// Keys that anybody can compute, for tests and rehearsals: the same seed gives the same tokens.
    /// Never for mail to real people.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let key = |number: u8| {
            let mut hasher = Sha256::new();
            hasher.update(b"nurtured rehearsal");
            hasher.update(seed.to_be_bytes());
            hasher.update([number]);
            keyed(&hasher.finalize().into())
        };
        Self { identity: key(0), newest: (1, key(1)), older: Vec::new() }
    }

    /// The problem never quotes the text: it is secret.
    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
            // Nor the parser's message: it repeats what it stumbled over.
            format!("line {line} is not as `nurtured migrate` writes it")
        })?;
        let identity = secret(&file.identity).ok_or("`identity` is not 32 bytes in base64")?;
        let mut keys: Vec<(u8, Hmac)> = Vec::with_capacity(file.key.len());
        for key in &file.key {
            if key.id == 0 || keys.iter().any(|(id, _)| *id == key.id) {
                return Err(format!("key id {} is used twice, or is 0", key.id));
            }
            let secret = secret(&key.secret)
                .ok_or_else(|| format!("the secret of key {} is not 32 bytes in base64", key.id))?;
            keys.push((key.id, keyed(&secret)));
        }
        let newest = keys.pop().ok_or("it holds no [[key]]")?;
        Ok(Self { identity: keyed(&identity), newest, older: keys })
    }

    pub(super) const fn identity(&self) -> &Hmac {
        &self.identity
    }

    pub(super) const fn newest(&self) -> (u8, &Hmac) {
        (self.newest.0, &self.newest.1)
    }

    pub(super) fn key(&self, id: u8) -> Option<&Hmac> {
        std::iter::once(&self.newest)
            .chain(&self.older)
            .find_map(|(known, key)| (*known == id).then_some(key))
    }
}

/// Shows which keys there are, never what they are.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u8> =
            self.older.iter().chain(std::iter::once(&self.newest)).map(|(id, _)| *id).collect();
        f.debug_struct("Keyring").field("ids", &ids).finish_non_exhaustive()
    }
}

fn secret(text: &str) -> Option<[u8; KEY]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// HMAC pads a key with zeros to the block of its hash (RFC 2104 §2).
fn keyed(secret: &[u8; KEY]) -> Hmac {
    let mut block = [0u8; 64];
    block[..KEY].copy_from_slice(secret);
    Hmac::new(&block.into())
}
