//! The names that mails stand on: where links lead, where bounces go, and whether receivers can tell that
//! it is us who write (SPF, RFC 7208; DKIM, RFC 6376; DMARC, RFC 9989).

use futures::future::join_all;

use super::{
    checkup::{Checkup, Verdict},
    dmarc::{self, Judged, Wishes, house},
    dns::{Answer, Dns},
    sending,
    signing::{self, Key},
    spf,
};
use crate::config::{self, Config, RelayKind, is_within};

/// Names that nobody has, for examples and tests (RFC 2606).
const EXAMPLES: [&str; 6] =
    ["example", "test", "invalid", "example.com", "example.net", "example.org"];

/// What is asked about.
#[derive(Debug, Default)]
struct Names<'a> {
    /// Where links lead; `None` for an address.
    public: Option<String>,
    from: &'a str,
    bounces: &'a str,
    keys: Vec<Key>,
    /// The domains that there are keys of, of this sender and of others.
    signing: Vec<&'a str>,
    /// The hosts of SMTP relays.
    relays: Vec<&'a str>,
}

pub(super) async fn look_up(checkup: &mut Checkup, config: &Config) {
    let keys = signing::files(checkup, config);
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
    let mut public = host_of(&config.public.base_url);
    let (mut left, senders) = (keys, senders(config, sender));
    for (index, sender) in senders.iter().enumerate() {
        let (from, bounces) = (sender.from.as_str(), sender.bounces.as_str());
        examples(checkup, &[from, bounces]);
        // Each key is looked at once, with the first whose mails it signs; what signs for nobody, with the last.
        let is_last = index + 1 == senders.len();
        let (keys, others) =
            left.into_iter().partition(|key| is_last || is_within(from, &key.domain));
        left = others;
        let (public, relays) = (public.take(), sender.relays.clone());
        let signing = config.dkim.iter().map(|key| key.domain.as_str()).collect();
        ask(checkup, &dns, Names { public, from, bounces, keys, signing, relays }).await;
    }
}

/// Where mails come from, and by which hosts.
struct Sender<'a> {
    from: String,
    bounces: String,
    relays: Vec<&'a str>,
}

/// Those of all relays; the house's own, which writes to our people, comes first.
fn senders<'a>(config: &'a Config, house: &config::Sender) -> Vec<Sender<'a>> {
    let sender = |of: &config::Sender| Sender {
        from: of.from.address.domain().to_owned(),
        bounces: of.bounce_domain.clone(),
        relays: Vec::new(),
    };
    let mut senders = vec![sender(house)];
    for relay in &config.relays {
        let RelayKind::Smtp(smtp) = &relay.kind else { continue };
        let own = sender(&house.known_as(&relay.identity));
        let is_same = |it: &Sender<'_>| it.from == own.from && it.bounces == own.bounces;
        let place = senders.iter().position(is_same).unwrap_or_else(|| {
            senders.push(own);
            senders.len() - 1
        });
        senders[place].relays.push(&smtp.host);
    }
    senders
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
        if EXAMPLES.iter().any(|example| is_within(name, example)) {
            let found =
                format!("{name} is a name for examples: nobody can answer or return a mail");
            checkup.failed("names", found, "write your own under [sender]");
        }
    }
}

async fn ask(checkup: &mut Checkup, dns: &Dns, names: Names<'_>) {
    let Names { public, from, bounces, keys, signing, relays } = names;
    let house = house(from);
    let policies = [format!("_dmarc.{from}"), format!("_dmarc.{house}")];
    let public_at = async {
        match &public {
            Some(host) => dns.addresses(host).await,
            None => Ok(Vec::new()),
        }
    };
    // Together: without a network, all wait for their time-outs.
    let (public_at, answers_to, returns_to, spf_texts, own_policy, house_policy, published, relays) = tokio::join!(
        public_at,
        reachable(dns, from),
        reachable(dns, bounces),
        dns.texts(bounces),
        dns.texts(&policies[0]),
        dns.texts(&policies[1]),
        join_all(keys.iter().map(|key| dns.texts(&key.name))),
        join_all(relays.iter().map(|host| sending::look(dns, host, bounces))),
    );
    if let Some(host) = &public {
        let none = "no address: links in mails lead nowhere";
        let publish = format!("publish: {host}. IN A and the address of your web server");
        said(checkup, host, public_at, |found| exists(&found, none, publish));
    }
    let mx = |name: &str| {
        format!("publish: {name}. IN MX 10 and the name of the server that takes its mail")
    };
    said(checkup, from, answers_to, |found| {
        exists(&found, "no MX and no address: nobody can answer our mails", mx(from))
    });
    said(checkup, bounces, returns_to, |found| {
        exists(
            &found,
            "no MX and no address: mail that comes back is lost, and dead addresses are written to again",
            mx(bounces),
        )
    });
    let records = spf_texts.as_deref().unwrap_or_default().to_vec();
    let terms = sending::terms(&relays);
    said(checkup, bounces, spf_texts, |texts| spf(&texts, bounces, &terms));
    relays.iter().for_each(|relay| relay.tell(checkup, bounces, &spf::records(&records)));
    for (key, texts) in keys.iter().zip(published) {
        said(checkup, &key.name, texts, |texts| signing::judge(key, &texts));
    }
    let policy = own_policy
        .and_then(|own| if dmarc::records(&own).is_empty() { house_policy } else { Ok(own) });
    let wishes = policy.as_deref().map_or(Wishes::default(), dmarc::wishes);
    said(checkup, from, policy, |texts| dmarc::judge(&texts, house));
    let signing: Vec<&str> = signing.into_iter().filter(|domain| is_within(from, domain)).collect();
    told(checkup, from, dmarc::alignment(from, bounces, &signing, wishes));
}

/// Where a domain takes mail: its MX, else its address (RFC 5321 §5.1).
async fn reachable(dns: &Dns, domain: &str) -> Answer {
    let exchangers = dns.exchangers(domain).await?;
    if exchangers.is_empty() { dns.addresses(domain).await } else { Ok(exchangers) }
}

fn said(
    checkup: &mut Checkup,
    name: &str,
    answer: Answer,
    judge: impl FnOnce(Vec<String>) -> Judged,
) {
    match answer.map(judge) {
        Ok(judged) => told(checkup, name, judged),
        Err(why) => checkup.warning(
            "names",
            format!("{name}: nobody could be asked ({why})"),
            "try again with a network; see /etc/resolv.conf",
        ),
    }
}

fn told(checkup: &mut Checkup, name: &str, (verdict, found, advice): Judged) {
    let found = format!("{name}: {found}");
    match verdict {
        Verdict::Ok => checkup.ok("names", found),
        bad => checkup.bad(bad, "names", found, advice),
    }
}

fn exists(found: &[String], none: &str, publish: String) -> Judged {
    // A null MX says that no mail is taken (RFC 7505).
    if found.is_empty() || found == ["."] {
        return (Verdict::Failed, format!("it has {none}"), publish);
    }
    (Verdict::Ok, format!("is at {}", found.join(", ")), String::new())
}

/// `terms` name the addresses of our relays, as far as they are known.
fn spf(texts: &[String], domain: &str, terms: &str) -> Judged {
    match spf::records(texts).as_slice() {
        [] => (
            Verdict::Warning,
            "no SPF record: receivers cannot tell our mails from forged ones".to_owned(),
            format!("publish: {domain}. IN TXT \"v=spf1 {terms} -all\""),
        ),
        [record] if record.split(' ').any(|term| matches!(term, "all" | "+all")) => (
            Verdict::Failed,
            format!("SPF lets everybody send in our name: {record}"),
            "end it by -all or ~all".to_owned(),
        ),
        [record] => (Verdict::Ok, format!("SPF: {record}"), String::new()),
        several => (
            Verdict::Failed,
            format!("{} SPF records, of which none counts", several.len()),
            "keep one (RFC 7208 §4.5)".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests;
