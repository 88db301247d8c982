//! Machines that answer for people (RFC 3834), lists and robots.

use super::mime::Mail;

/// How such answers begin their subject, in the languages of our users.
const SUBJECTS: &[&str] = &[
    "auto:",
    "autoreply",
    "auto-reply",
    "auto reply",
    "auto response",
    "autoresponse",
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "out of office",
    "out of the office",
    "out-of-office",
    "away from",
    "on vacation",
    "vacation",
    "abwesenheit",
    "automatische antwort",
    "risposta automatica",
    "fuori ufficio",
    "assenza dall'ufficio",
    "réponse automatique",
    "absence du bureau",
    "absent",
    "respuesta automática",
    "fuera de la oficina",
    "resposta automática",
    "ausência",
    "automatisch antwoord",
    "afwezig",
    "autosvar",
    "自動応答",
    "自动回复",
];

/// Whether no person wrote it. `X-Auto-Response-Suppress` is no sign: people's mailers send it too.
pub(super) fn is_automatic(mail: &Mail<'_>) -> bool {
    let field = |name: &str| mail.header(name).map(|value| value.trim().to_ascii_lowercase());
    let present = |name: &str| mail.header(name).is_some();
    // RFC 3834 §5: anything but `no` was sent by a machine.
    if field("Auto-Submitted").is_some_and(|value| !value.starts_with("no")) {
        return true;
    }
    if field("Precedence").is_some_and(|value| {
        ["auto_reply", "auto-reply", "bulk", "junk", "list"].contains(&value.as_str())
    }) {
        return true;
    }
    if mail.has_null_sender() {
        return true;
    }
    let signs = [
        "X-Autoreply",
        "X-Autorespond",
        "X-Autoresponse",
        "X-Auto-Reply-From",
        "X-MS-Exchange-Inbox-Rules-Loop",
        "X-Mail-Autoreply",
        "List-Id",
        "List-Unsubscribe",
        "Feedback-ID",
    ];
    if signs.iter().any(|name| present(name)) {
        return true;
    }
    let subject = mail.subject().unwrap_or_default().to_lowercase();
    let subject = subject.trim_start_matches("re:").trim();
    SUBJECTS.iter().any(|beginning| subject.starts_with(beginning))
}
