//! What a server said: reply code, enhanced status code and words, out of free text.

use std::{fmt, str::FromStr, sync::LazyLock};

use regex::Regex;

/// An enhanced mail system status code (RFC 3463).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Status {
    /// 2, 4 or 5.
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl Status {
    /// `x.0.0` and the like: other or undefined.
    pub(super) const fn says_nothing(self) -> bool {
        self.subject == 0
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = text.trim().splitn(3, '.');
        let mut next = || numbers.next().and_then(|n| n.parse::<u16>().ok()).ok_or(());
        let (class, subject, detail) = (next()?, next()?, next()?);
        match class {
            2 | 4 | 5 if subject < 1000 && detail < 1000 => {
                Ok(Self { class: u8::try_from(class).map_err(|_| ())?, subject, detail })
            }
            _ => Err(()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[allow(clippy::unwrap_used, reason = "constant patterns, compiled by every test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// Three numbers that are no part of a network address or a version.
static STATUS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?:[^\d.]|\.(?:\D|$)|$)"));
static CODE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[\s;:('<\x22])([245][0-5]\d)(?:[\s#-]|$)"));
/// The codes that a reply of several lines repeats at each of them.
static CONTINUED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\s[245]\d\d[- ][245]\.\d{1,3}\.\d{1,3}\s"));
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"<?[^\s<>]*@[^\s<>,;:]*>?"));
static LINK: LazyLock<Regex> = LazyLock::new(|| pattern(r"https?://\S+"));
/// How servers say that the refusal came after the recipient was taken. Not Sendmail's `>>> DATA`,
/// which it writes ahead of the answers to RCPT.
static AFTER_DATA: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)repl(?:y|ied) to (?:end of )?data|after (?:end of data|data\b)|response to (?:end of )?data|smtp command data\b",
    )
});

/// The refusal came before any recipient was named: it is about us.
static BEFORE_RECIPIENT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)(?:in reply to|after) (?:mail from|helo|ehlo|initial connection|end of greeting)")
});

/// What a server said of one recipient.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Diagnostic {
    pub(super) status: Option<Status>,
    /// The SMTP reply code.
    pub(super) code: Option<u16>,
    /// It was said after DATA, so of a recipient that had been accepted.
    pub(super) after_data: bool,
    /// It was said before RCPT.
    pub(super) before_recipient: bool,
    /// In lower case, on one line, without addresses and links: what they are called is chosen by
    /// others and says nothing.
    pub(super) words: String,
    /// The links, in lower case: some servers only name the list that blocks us.
    pub(super) links: String,
}

impl Diagnostic {
    /// Reads what a server said. `stated` is the report's own status field, which counts unless
    /// the words carry a more telling one.
    pub(super) fn read(text: &str, stated: Option<Status>) -> Self {
        let line: Vec<&str> = text.split_whitespace().collect();
        let line = line.join(" ");
        let inner: Vec<Status> = STATUS
            .captures_iter(&line)
            .filter_map(|found| found[1].parse::<Status>().ok())
            .filter(|status| status.class != 2)
            .collect();
        // `x.y.0` is "other": a wrapper's, when another follows.
        let telling = inner.iter().find(|status| status.detail != 0);
        let inner = telling.or(inner.first()).copied();
        let status = match (inner, stated) {
            (Some(inner), Some(stated)) if inner.says_nothing() => Some(stated),
            (Some(inner), _) => Some(inner),
            (None, stated) => stated,
        };
        let code = CODE.captures_iter(&line).filter_map(|found| found[1].parse().ok());
        let code = code.into_iter().find(|code| *code >= 400);
        let lower = line.to_lowercase();
        let links: Vec<&str> = LINK.find_iter(&lower).map(|link| link.as_str()).collect();
        let links = links.join(" ");
        let words = LINK.replace_all(&lower, " ");
        let words = ADDRESS.replace_all(&words, "<>");
        let words = CONTINUED.replace_all(&words, " ");
        let words: Vec<&str> = words.split_whitespace().collect();
        let words = words.join(" ");
        Self {
            status,
            code,
            after_data: AFTER_DATA.is_match(&line),
            before_recipient: BEFORE_RECIPIENT.is_match(&line),
            words,
            links,
        }
    }
}
