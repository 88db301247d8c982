//! A private key, as a PEM file holds it.

use std::{fmt, io, path::Path};

use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use sha2::{Digest as _, Sha256};

use super::record::KeyRecord;
use crate::config::{NotPrivate, read_private};

/// A private key; which kind, the file itself says.
pub enum SigningKey {
    /// Of 2048 to 4096 bits: shorter ones are not to be used (RFC 8301 §3.2), longer ones not verified
    /// everywhere.
    Rsa(RsaKeyPair),
    /// RFC 8463.
    Ed25519(Ed25519KeyPair),
}

/// Why a file is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum BadKey {
    #[error("{0}")]
    File(NotPrivate),
    #[error("holds no private key in PEM (PKCS#8 or PKCS#1, without a password)")]
    NoKey,
    #[error("is an RSA key of fewer than 2048 bits")]
    TooShort,
    #[error("is neither an RSA key of 2048 to 4096 bits nor an Ed25519 key ({0})")]
    Unusable(String),
}

impl BadKey {
    /// What to do.
    #[must_use]
    pub fn hint(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::File(NotPrivate::Open { .. }) => format!("run `chmod 600 {path}`"),
            Self::File(NotPrivate::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                format!("hand it to the unit: LoadCredential=NAME:{path}, key_file = \"credential:NAME\"")
            }
            Self::File(_) => "name the file that holds the private key, in PEM".to_owned(),
            Self::NoKey | Self::TooShort | Self::Unusable(_) => {
                "make one: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out FILE`, or \
                 `nurtured dkim new` for Ed25519"
                    .to_owned()
            }
        }
    }
}

impl SigningKey {
    /// Reads a file that nobody but its owner may read.
    ///
    /// # Errors
    /// When it is none, or holds no key that is safe to sign with.
    pub fn read(path: &Path) -> Result<Self, BadKey> {
        Self::parse(&read_private(path).map_err(BadKey::File)?)
    }

    pub(super) fn parse(pem: &str) -> Result<Self, BadKey> {
        let rsa = |read: Result<RsaKeyPair, ring::error::KeyRejected>| {
            read.map(Self::Rsa).map_err(|why| match why.to_string() {
                why if why == "TooSmall" => BadKey::TooShort,
                why => BadKey::Unusable(why),
            })
        };
        match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| BadKey::NoKey)? {
            PrivateKeyDer::Pkcs1(der) => rsa(RsaKeyPair::from_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Pkcs8(der) => {
                let der = der.secret_pkcs8_der();
                // OpenSSL writes no public half beside it, against which it could be checked.
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(pair) => Ok(Self::Ed25519(pair)),
                    Err(_) => rsa(RsaKeyPair::from_pkcs8(der)),
                }
            }
            _ => Err(BadKey::Unusable("WrongAlgorithm".to_owned())),
        }
    }

    /// The signature of a text by `a=`.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ring::error::Unspecified> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // PKCS#1 v1.5 asks for no randomness but to hide the key from who measures time.
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)?;
                Ok(signature)
            }
            // The hash is what is signed (RFC 8463 §3).
            Self::Ed25519(pair) => Ok(pair.sign(&Sha256::digest(text)).as_ref().to_vec()),
        }
    }

    /// The value of `a=`.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// What the DNS has to say of it.
    #[must_use]
    pub fn record(&self) -> KeyRecord {
        match self {
            Self::Rsa(pair) => KeyRecord::of_rsa(pair.public_key().as_ref()),
            Self::Ed25519(pair) => KeyRecord::of_ed25519(pair.public_key().as_ref()),
        }
    }
}

/// A fresh key in PKCS#8, of the system's randomness.
///
/// # Errors
/// When there is none to be had.
pub fn new_ed25519() -> Result<Vec<u8>, ring::error::Unspecified> {
    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map(|key| key.as_ref().to_vec())
}

/// `RSA, 2048 bits`; nothing of the key.
impl fmt::Display for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(pair) => write!(f, "RSA, {} bits", pair.public().modulus_len() * 8),
            Self::Ed25519(_) => f.write_str("Ed25519"),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({self})")
    }
}
