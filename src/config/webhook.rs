//! `[webhook.NAME]`: another system that steps tell of leads.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use toml::de::DeTable;

use super::{
    named_file::NamedFile,
    problem::ConfigError,
    reader::{Problems, Section},
};
use crate::domain::name::Name;

/// A target of webhooks.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: Name,
    pub url: reqwest::Url,
    secret_file: NamedFile,
    /// Sent with each call.
    pub headers: Vec<(String, String)>,
}

/// Headers that are ours to write.
const OURS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "user-agent",
    "idempotency-key",
    "nurtured-signature",
    "expect",
];

impl Target {
    /// Reads what calls are signed with: the file's first line.
    ///
    /// # Errors
    /// When the file cannot be read, or holds none.
    pub fn secret(&self) -> Result<SecretString, ConfigError> {
        let what = || format!("the secret of webhook `{}`", self.name);
        let secret = self.secret_file.secret(what)?;
        // By an empty one anybody could sign.
        if secret.expose_secret().trim().is_empty() {
            let source = std::io::Error::other("its first line is empty");
            return Err(ConfigError::SecretFile {
                what: what(),
                file: self.secret_file.path()?,
                source,
            });
        }
        Ok(secret)
    }
}

/// All of them.
pub(super) fn read(table: &DeTable<'_>, base: &Path, problems: &mut Problems<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let Some(inner) = value.get_ref().as_table() else {
            let message = format!("[webhook.{name}] must be a section");
            problems.add(&value.span(), message, None);
            continue;
        };
        let title = "[webhook.NAME]";
        let section = Section::new(title, inner, key.span(), problems);
        targets.extend(target(name, section, base));
    }
    targets
}

fn target(name: &str, mut section: Section<'_, '_, '_, '_>, base: &Path) -> Option<Target> {
    let url = section.text("url").map(|text| url(text));
    if let Some(Err(why)) = &url {
        let hint = Some("write \"https://crm.example.com/hooks\"".to_owned());
        section.wrong("url", format!("`url` {why}"), hint);
    }
    if !section.has("url") {
        section.missing("url", "\"https://crm.example.com/hooks\"");
    }
    let secret_file = section.file("secret_file", base);
    if !section.has("secret_file") {
        section.missing("secret_file", "\"crm.secret\"");
    }
    let headers = headers(&mut section);
    section.finish();
    Some(Target { name: name.into(), url: url?.ok()?, secret_file: secret_file?, headers })
}

fn url(text: &str) -> Result<reqwest::Url, &'static str> {
    let url = reqwest::Url::parse(text.trim()).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password");
    }
    if url.fragment().is_some() {
        return Err("must have nothing after `#`");
    }
    Ok(url)
}

fn headers(section: &mut Section<'_, '_, '_, '_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (text, span) in section.texts("headers").unwrap_or_default() {
        let parts = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        let right = parts.filter(|(name, value)| {
            axum::http::HeaderName::from_bytes(name.as_bytes()).is_ok()
                && axum::http::HeaderValue::from_str(value).is_ok()
                && !OURS.contains(&name.to_ascii_lowercase().as_str())
        });
        match right {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => section.problems().add(
                &span,
                format!("`{}` is no header of yours", text.split(':').next().unwrap_or_default()),
                Some(
                    "write \"X-Source: nurtured\"; how a call is signed and what it holds is ours"
                        .to_owned(),
                ),
            ),
        }
    }
    headers
}
