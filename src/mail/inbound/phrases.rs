//! What mail servers say in words. Ours, from their manuals and from mail that came back.

mod about_us;

use self::about_us::{BLOCKING_SITES, NOT_LET_IN, OF_US, SENDER, STANDING, UNPROVEN};
use super::diagnostic::Diagnostic;

/// What a phrase says about the failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Says {
    SenderFault,
    Soft,
    /// Soft, in words that come with many failures.
    Trouble,
    NoSuchUser,
    NoSuchHost,
}

/// Wrappers around what was really said.
const WRAPPERS: &[&str] =
    &["recipient address rejected:", "unknown address error", "other mail system problem"];

/// What a mobile carrier (KDDI) answers to DATA when its subscriber's filter refuses the mail: of a
/// recipient that it does not know, it names the address.
const FILTERED: &[&str] = &["550 : user unknown", "550: : user unknown"];

/// What Microsoft's front door says of recipients that its directory does not hold.
const NOT_IN_DIRECTORY: &str = "recipient address rejected: access denied";

/// What Sendmail says, with the code for the sender's domain, of a recipient's domain that takes no mail.
const NULL_MX_OF_RECIPIENT: &str = "host does not accept mail";

/// The first group with a phrase in the text decides. What excuses the lead comes first.
const GROUPS: &[(Says, &[&str])] = &[
    (Says::SenderFault, NOT_LET_IN),
    (Says::SenderFault, STANDING),
    (Says::SenderFault, SENDER),
    (Says::Soft, FULL),
    (Says::Soft, CLOSED_FOR_NOW),
    (Says::Trouble, TROUBLE),
    (Says::NoSuchUser, NO_SUCH_USER),
    (Says::NoSuchHost, NO_SUCH_HOST),
];

const FULL: &[&str] = &[
    "mailbox full",
    "mailbox is full",
    "mailbox for user is full",
    "inbox is full",
    "quota exceeded",
    "over quota",
    "overquota",
    "exceeded quota",
    "exceeded its quota",
    "exceeded the quota",
    "quota",
    "insufficient storage",
    "insufficient disk",
    "not enough space",
    "not enough storage",
    "disk full",
    "disk space",
    "no space left",
    "exceeded storage",
    "storage allocation",
    "mailbox size limit",
    "mail box full",
    "account is full",
    "too much mail data",
    "mailfolder is full",
    "user is over",
];

const CLOSED_FOR_NOW: &[&str] = &[
    "account is disabled",
    "account has been disabled",
    "mailbox disabled",
    "mailbox is disabled",
    "disabled recipient",
    "tried to reach is disabled",
    "tried to reach is inactive",
    "user is inactive",
    "mailbox is inactive",
    "account is inactive",
    "account inactive",
    "not active",
    "is frozen",
    "suspended",
    "account is locked",
    "mailbox locked",
    "account is blocked",
    "deactivated",
    "not accepting mail",
    "not accepting messages",
    "account expired",
    "message filtered",
];

const TROUBLE: &[&str] = &[
    "timed out",
    "timeout",
    "time out",
    "message expired",
    "queue.expired",
    "expired",
    "delivery time",
    "retry time",
    "retries",
    "connection refused",
    "network is unreachable",
    "no route to host",
    "lost connection",
    "connection dropped",
    "connection lost",
    "connection reset",
    "temporar",
    "again later",
    "not found, try again",
    "try later",
    "essayer plus tard",
    "greylist",
    "graylist",
    "too many hops",
    "mail loop",
    "routing loop",
    "loop detected",
    "too many connections",
    "too many recipients",
    "too many concurrent",
    "system error",
    "local error",
    "configuration error",
    "service unavailable",
    "service currently unavailable",
    "service not available",
    "cannot reach",
    "not been able to deliver",
    "could not be delivered for",
    "still being retried",
    "resources temporarily",
    "procmail:",
    "couldn't create",
];

const NO_SUCH_USER: &[&str] = &[
    "user unknown",
    "unknown user",
    "userunknown",
    "no such user",
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such account",
    "no such person",
    "no such email",
    "no such local",
    "user does not exist",
    "user doesn't exist",
    "account does not exist",
    "account that you tried to reach does not exist",
    "mailbox does not exist",
    "mailbox doesn't exist",
    "recipient does not exist",
    "address does not exist",
    "email address could not be found",
    "address couldn't be found",
    "address wasn't found",
    "e-mail address could not",
    "does not exist here",
    "recipient unknown",
    "unknown recipient",
    "unknown address",
    "address unknown",
    "unknown account",
    "account unknown",
    "unknown mailbox",
    "mailbox unknown",
    "unknown or illegal",
    "unknown local part",
    "unknown local-part",
    "invalid recipient",
    "invalid mailbox",
    "invalid user",
    "invalid local part",
    "recipient invalid",
    "recipient not found",
    "recipnotfound",
    "user not found",
    "address not found",
    "mailbox not found",
    "account not found",
    "recipient not recognized",
    "name is not recognized",
    "check if address is correct",
    "user not known",
    "not a known user",
    "not known at this",
    "not listed in domino",
    "not listed in public",
    "mailbox unavailable",
    "not a valid mailbox",
    "not a valid user",
    "not a valid recipient",
    "unrouteable address",
    "unroutable address",
    "undeliverable address",
    "no mailbox here",
    "no mailbox by that name",
    "not our user",
    "not our customer",
    "this user doesn't have",
    "there is no user",
    "no one by that name",
    "no user by that name",
    "recipient no longer on",
    "address no longer available",
    "no longer in use",
    "no longer exists",
    "no longer valid",
    "no longer active",
    "no longer works here",
    "has moved",
    "user has moved",
    "account closed",
    "account has been closed",
    "address rejected",
    "inactive email address",
    "destinataire invalide",
    "bad destination mailbox",
    "adresse d au moins un destinataire invalide",
    "unbekannter empf",
    "utente sconosciuto",
    "usuario desconocido",
    "does not like recipient",
];

const NO_SUCH_HOST: &[&str] = &[
    "host or domain name not found",
    "host not found",
    "domain not found",
    "domain name not found",
    "no such domain",
    "no such host",
    "host unknown",
    "unknown host",
    "unknown domain",
    "invalid domain",
    "domain is not reachable",
    "domain does not exist",
    "domain doesn't exist",
    "nonexistent domain",
    "non-existent domain",
    "couldn't find any host",
    "unrouteable mail domain",
    "unrouteable domain",
    "name or service not known",
    "null mx",
    "does not accept mail",
    "doesn't accept mail",
    "doesn't receive email",
    "does not receive email",
    "no mx record",
    "bad destination host",
    "bad destination system",
    "illegal host",
    "nxdomain",
    "no mail exchangers",
    "no valid mx",
    "name server: host not found",
    "dns lookup failure: host",
    "no existe el dominio",
];

pub(super) fn find(diagnostic: &Diagnostic) -> Option<Says> {
    if BLOCKING_SITES.iter().any(|site| diagnostic.links.contains(site)) {
        return Some(Says::SenderFault);
    }
    if FILTERED.iter().any(|phrase| diagnostic.words.contains(phrase)) {
        return Some(Says::Soft);
    }
    if diagnostic.words.contains(NOT_IN_DIRECTORY) {
        return Some(Says::NoSuchUser);
    }
    let mut words = diagnostic.words.clone();
    for wrapper in WRAPPERS {
        words = words.replace(wrapper, "");
    }
    let said =
        |(_, phrases): &&(Says, &[&str])| phrases.iter().any(|phrase| words.contains(phrase));
    let says = GROUPS.iter().find(said).map(|(says, _)| *says);
    // Some recount the whole envelope.
    let envelope = words.contains("rcpt to");
    let is_of_us = || OF_US.iter().any(|phrase| words.contains(phrase)) && !envelope;
    match says {
        Some(Says::NoSuchUser | Says::NoSuchHost) if is_of_us() => Some(Says::SenderFault),
        says => says,
    }
}

/// Whether nobody's mail would be taken from us.
pub(super) fn does_not_let_in(diagnostic: &Diagnostic) -> bool {
    NOT_LET_IN.iter().any(|phrase| diagnostic.words.contains(phrase))
}

/// Whether words are about who we are: any mail of ours would fare the same.
pub(super) fn is_about_our_standing(diagnostic: &Diagnostic) -> bool {
    let phrases = STANDING.iter().chain(BLOCKING_SITES).chain([&UNPROVEN]);
    phrases.into_iter().any(|phrase| diagnostic.words.contains(phrase))
}

/// Whether words make good for the code of a sender's null MX.
pub(super) fn is_recipients_null_mx(diagnostic: &Diagnostic) -> bool {
    diagnostic.words.contains(NULL_MX_OF_RECIPIENT)
}
