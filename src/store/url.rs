//! Which database: `sqlite:FILE` or `postgres://…`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::postgres::PgConnectOptions;

/// A database's address. Prints without the password.
#[derive(Clone)]
pub struct DatabaseUrl(pub(super) Kind);

#[derive(Clone)]
pub(super) enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

/// Why a text is no database URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("a database is `sqlite:FILE` or `postgres://user@host/name`")]
    Scheme,
    #[error("`sqlite:` needs the name of a file; a database in memory would forget what was sent")]
    NoFile,
    // The driver's own message could repeat the password.
    #[error("this is no URL of a PostgreSQL database: write it as `postgres://user@host/name`")]
    Postgres,
}

impl DatabaseUrl {
    /// Reads a URL; a relative file is relative to `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, BadUrl> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix("sqlite:") {
            // `sqlite:///var/lib/x.db` is how other tools write an absolute path.
            let file = file.strip_prefix("//").unwrap_or(file);
            let name = file.split('?').next().unwrap_or_default();
            if name.is_empty() || name == ":memory:" || file.contains("mode=memory") {
                return Err(BadUrl::NoFile);
            }
            return Ok(Self(Kind::Sqlite(base.join(name))));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(text).map_err(|_| BadUrl::Postgres)?;
            return Ok(Self(Kind::Postgres(Box::new(options))));
        }
        Err(BadUrl::Scheme)
    }

    /// An SQLite database by its file.
    #[must_use]
    pub fn of_file(file: &Path) -> Self {
        Self(Kind::Sqlite(file.to_owned()))
    }

    /// The options by which PostgreSQL's own tools reach the database; `None` of SQLite. They ask for the
    /// password themselves.
    #[must_use]
    pub fn for_tools(&self) -> Option<String> {
        let Kind::Postgres(options) = &self.0 else { return None };
        let host = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let (port, user) = (options.get_port(), options.get_username());
        let database = options.get_database().unwrap_or(user);
        Some(format!("--host={host} --port={port} --username={user} --dbname={database}"))
    }

    /// The file of an SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Sqlite(file) => Some(file),
            Kind::Postgres(_) => None,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Kind::Postgres(options) => write!(
                f,
                "postgres://{}:{}/{}",
                options.get_host(),
                options.get_port(),
                options.get_database().unwrap_or_default()
            ),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, BadUrl> {
        DatabaseUrl::parse(text, Path::new("/etc/nurtured")).map(|url| url.to_string())
    }

    #[test]
    fn a_file_is_relative_to_the_configuration() {
        assert_eq!(parse("sqlite:n.db").as_deref(), Ok("sqlite:/etc/nurtured/n.db"));
        assert_eq!(parse("sqlite:/var/n.db").as_deref(), Ok("sqlite:/var/n.db"));
        assert_eq!(parse("sqlite:///var/n.db").as_deref(), Ok("sqlite:/var/n.db"));
    }

    #[test]
    fn a_password_is_not_printed() {
        let url =
            DatabaseUrl::parse("postgres://ada:s3cret@db:5433/leads", Path::new(".")).unwrap();
        assert_eq!(url.to_string(), "postgres://db:5433/leads");
        assert!(!format!("{url:?}").contains("s3cret"));
        let tools = "--host=db --port=5433 --username=ada --dbname=leads";
        assert_eq!(url.for_tools().as_deref(), Some(tools));
        assert_eq!(parse("postgres://ada:s3cret@db:port/x"), Err(BadUrl::Postgres));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        assert_eq!(parse("sqlite::memory:"), Err(BadUrl::NoFile));
        assert_eq!(parse("sqlite:"), Err(BadUrl::NoFile));
        assert_eq!(parse("mysql://x"), Err(BadUrl::Scheme));
    }
}
