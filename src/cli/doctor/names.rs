//! The names that mails stand on: where links lead, where bounces go, and whether receivers can tell that
//! it is us who write (SPF, RFC 7208; DMARC, RFC 7489).

use super::{
    checkup::{Checkup, Verdict},
    dns::{Answer, Dns},
};
use crate::config::Config;

/// Names that nobody has, for examples and tests (RFC 2606).
const EXAMPLES: [&str; 6] =
    ["example", "test", "invalid", "example.com", "example.net", "example.org"];

pub(super) async fn look_up(checkup: &mut Checkup, config: &Config) {
    let Some(sender) = config.sender.as_ref().filter(|_| !config.only_writes_files()) else {
        return checkup.ok("names", "not asked for: no mail leaves this machine");
    };
    let dns = match Dns::of_the_system() {
        Ok(dns) => dns,
        Err(why) => {
            let advice = "see /etc/resolv.conf";
            return checkup.warning("names", format!("no name server is known: {why}"), advice);
        }
    };
    let (from, bounces) = (sender.from.address.domain(), sender.bounce_domain.as_str());
    examples(checkup, &[from, bounces]);
    ask(checkup, &dns, host_of(&config.public.base_url), from, bounces).await;
    checkup.ok(
        "names",
        "not looked at: DKIM, whose selector the relay knows; whether SPF names the relay's addresses",
    );
}

fn host_of(base_url: &str) -> Option<String> {
    let url = reqwest::Url::parse(base_url).ok()?;
    match url.host()? {
        url::Host::Domain(name) => Some(name.to_owned()),
        // An address needs no name.
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => None,
    }
}

fn examples(checkup: &mut Checkup, names: &[&str]) {
    for name in names {
        let within = |example: &&str| {
            name.strip_suffix(*example).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if EXAMPLES.iter().any(within) {
            let found =
                format!("{name} is a name for examples: nobody can answer or return a mail");
            checkup.failed("names", found, "write your own under [sender]");
        }
    }
}

async fn ask(checkup: &mut Checkup, dns: &Dns, public: Option<String>, from: &str, bounces: &str) {
    let house = psl::domain_str(from).unwrap_or(from);
    let policies = [format!("_dmarc.{from}"), format!("_dmarc.{house}")];
    let public_at = async {
        match &public {
            Some(host) => dns.addresses(host).await,
            None => Ok(Vec::new()),
        }
    };
    // Together: without a network, all wait for their time-outs.
    let (public_at, answers_to, returns_to, spf_texts, own_policy, house_policy) = tokio::join!(
        public_at,
        reachable(dns, from),
        reachable(dns, bounces),
        dns.texts(bounces),
        dns.texts(&policies[0]),
        dns.texts(&policies[1]),
    );
    if let Some(host) = &public {
        let none = "no address: links in mails lead nowhere";
        said(checkup, host, public_at, |found| exists(&found, none));
    }
    said(checkup, from, answers_to, |found| {
        exists(&found, "no MX and no address: nobody can answer our mails")
    });
    said(checkup, bounces, returns_to, |found| {
        exists(
            &found,
            "no MX and no address: mail that comes back is lost, and dead addresses are written to again",
        )
    });
    said(checkup, bounces, spf_texts, |texts| spf(&texts));
    let policy = own_policy
        .and_then(|own| if dmarc_records(&own).is_empty() { house_policy } else { Ok(own) });
    said(checkup, from, policy, |texts| dmarc(&texts));
    if psl::domain_str(bounces) != Some(house) {
        let found = format!("{bounces} is not of {house}: SPF says nothing for DMARC");
        checkup.warning(
            "names",
            found,
            "let [sender] bounce_domain be a name under the sender's domain",
        );
    }
}

/// Where a domain takes mail: its MX, else its address (RFC 5321 §5.1).
async fn reachable(dns: &Dns, domain: &str) -> Answer {
    let exchangers = dns.exchangers(domain).await?;
    if exchangers.is_empty() { dns.addresses(domain).await } else { Ok(exchangers) }
}

/// What was found of a name, and what is to be done.
type Judged = (Verdict, String, &'static str);

fn said(
    checkup: &mut Checkup,
    name: &str,
    answer: Answer,
    judge: impl FnOnce(Vec<String>) -> Judged,
) {
    match answer.map(judge) {
        Ok((Verdict::Ok, found, _)) => checkup.ok("names", format!("{name}: {found}")),
        Ok((verdict, found, advice)) => {
            checkup.bad(verdict, "names", format!("{name}: {found}"), advice.to_owned());
        }
        Err(why) => checkup.warning(
            "names",
            format!("{name}: nobody could be asked ({why})"),
            "try again with a network; see /etc/resolv.conf",
        ),
    }
}

fn exists(found: &[String], none: &str) -> Judged {
    // A null MX says that no mail is taken (RFC 7505).
    if found.is_empty() || found == ["."] {
        return (Verdict::Failed, format!("it has {none}"), "add it to your DNS zone");
    }
    (Verdict::Ok, format!("is at {}", found.join(", ")), "")
}

fn spf(texts: &[String]) -> Judged {
    let records: Vec<&String> =
        texts.iter().filter(|text| text.split(' ').next() == Some("v=spf1")).collect();
    match records.as_slice() {
        [] => (
            Verdict::Warning,
            "no SPF record: receivers cannot tell our mails from forged ones".to_owned(),
            "add a TXT record that names your relay, as \"v=spf1 include:… -all\"",
        ),
        [record] if record.split(' ').any(|term| matches!(term, "all" | "+all")) => (
            Verdict::Failed,
            format!("SPF lets everybody send in our name: {record}"),
            "end it by -all or ~all",
        ),
        [record] => (Verdict::Ok, format!("SPF: {record}"), ""),
        several => (
            Verdict::Failed,
            format!("{} SPF records, of which none counts", several.len()),
            "keep one (RFC 7208 §4.5)",
        ),
    }
}

fn dmarc_records(texts: &[String]) -> Vec<&String> {
    texts.iter().filter(|text| text.starts_with("v=DMARC1")).collect()
}

fn dmarc(texts: &[String]) -> Judged {
    match dmarc_records(texts).as_slice() {
        [] => (
            Verdict::Warning,
            "no DMARC record: large providers refuse much mail from such a domain".to_owned(),
            "begin with a TXT record of _dmarc under it: \"v=DMARC1; p=none; rua=mailto:…\"",
        ),
        [record] => (Verdict::Ok, format!("DMARC: {record}"), ""),
        several => (
            Verdict::Failed,
            format!("{} DMARC records, of which none counts", several.len()),
            "keep one",
        ),
    }
}

#[cfg(test)]
mod tests;
