//! Whether receivers can tell by `From` that a mail is ours: DMARC (RFC 9989).

use super::checkup::Verdict;

/// What was found of a name, and what is to be done.
pub(super) type Judged = (Verdict, String, String);

/// What a domain asks for, where that matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Wishes {
    /// Signatures must be by the very domain of `From`.
    pub strict_dkim: bool,
    /// The return path must be at the very domain of `From`.
    pub strict_spf: bool,
}

/// The organisation's domain, which registries give out: `example.co.uk`.
pub(super) fn house(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

pub(super) fn records(texts: &[String]) -> Vec<&String> {
    let version = |text: &&String| {
        let first = text.split(';').next().and_then(|tag| tag.split_once('='));
        first.is_some_and(|(name, value)| name.trim() == "v" && value.trim() == "DMARC1")
    };
    texts.iter().filter(version).collect()
}

/// Judges the record of a house.
pub(super) fn judge(texts: &[String], house: &str) -> Judged {
    match records(texts).as_slice() {
        [] => (
            Verdict::Warning,
            "no DMARC record: large providers refuse much mail from such a domain".to_owned(),
            format!(
                "publish: _dmarc.{house}. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@{house}\""
            ),
        ),
        [record] => match tag(record, "p") {
            Some("none" | "quarantine" | "reject") => {
                (Verdict::Ok, format!("DMARC: {record}"), String::new())
            }
            _ => (
                Verdict::Warning,
                format!("DMARC without a policy: {record}"),
                "let it begin with \"v=DMARC1; p=none\"".to_owned(),
            ),
        },
        several => (
            Verdict::Failed,
            format!("{} DMARC records, of which none counts", several.len()),
            "keep one".to_owned(),
        ),
    }
}

pub(super) fn wishes(texts: &[String]) -> Wishes {
    let records = records(texts);
    let is_strict = |name| records.first().is_some_and(|record| tag(record, name) == Some("s"));
    Wishes { strict_dkim: is_strict("adkim"), strict_spf: is_strict("aspf") }
}

fn tag<'r>(record: &'r str, name: &str) -> Option<&'r str> {
    let tags = record.split(';').filter_map(|tag| tag.split_once('='));
    let mut found = tags.filter(|(it, _)| it.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim())
}

/// Whether a domain that was proved speaks for that of `From`.
fn is_aligned(proved: &str, from: &str, strict: bool) -> bool {
    if strict { proved == from } else { house(proved) == house(from) }
}

/// Judges what proves our mails: the return path by SPF, and whom they are signed by.
pub(super) fn alignment(from: &str, bounces: &str, signed_by: &[&str], wishes: Wishes) -> Judged {
    let by_spf = is_aligned(bounces, from, wishes.strict_spf);
    let by_dkim = signed_by.iter().any(|it| is_aligned(it, from, wishes.strict_dkim));
    let way = |strict| if strict { "strict" } else { "relaxed" };
    let bounce_advice = if wishes.strict_spf {
        format!("let [sender] bounce_domain be {from}, or take aspf=s out of the DMARC record")
    } else {
        format!("let [sender] bounce_domain be a name under {}", house(from))
    };
    let found = match (by_spf, by_dkim) {
        (true, true) => {
            let found = "DMARC holds by SPF and by DKIM".to_owned();
            return (Verdict::Ok, found, String::new());
        }
        (false, true) => {
            format!(
                "DMARC holds by DKIM alone: {bounces} does not speak for {from} ({})",
                way(wishes.strict_spf)
            )
        }
        (true, false) if signed_by.is_empty() => {
            "DMARC holds by SPF alone, unless the relay signs: a forwarded mail fails it".to_owned()
        }
        (true, false) => format!(
            "DMARC holds by SPF alone: signatures by {} do not speak for {from} ({})",
            signed_by.join(", "),
            way(wishes.strict_dkim)
        ),
        (false, false) => {
            format!("DMARC fails: neither {bounces} nor a key of ours speaks for {from}")
        }
    };
    let sign = format!(
        "sign by a key of {from}: `nurtured dkim new {from} s1`, and [[dkim]] in the configuration"
    );
    match (by_spf, by_dkim) {
        (false, false) if !signed_by.is_empty() => (Verdict::Failed, found, sign),
        (_, true) => (Verdict::Warning, found, bounce_advice),
        _ => (Verdict::Warning, found, sign),
    }
}
