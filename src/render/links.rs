//! What becomes of each link of a mail.

use url::Url;

use super::Mail;
use crate::{
    domain::{campaign::Campaign, question::Ask},
    token::{Keyring, MailRef, check_target},
};

/// How the links of a mail to a lead are made.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a> {
    /// What leads reach: `https://go.example.com`.
    pub base_url: &'a str,
    pub keyring: &'a Keyring,
    pub mail: MailRef,
    /// Whether clicks and opens of this lead may be looked at. If not, links lead straight to their
    /// target, and there is no pixel.
    pub tracked: bool,
    pub utm_source: &'a str,
}

/// The UTM parameters that say where a visit came from: of each its name without `utm_`, and its value.
#[derive(Clone, Debug, Default)]
pub(super) struct Utm<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Utm<'a> {
    /// What the workflow's campaign says, else where the mail comes from.
    pub fn of(mail: &Mail<'a>) -> Self {
        let parameter = |key: &'static str| {
            let said = mail.campaign.and_then(|campaign| campaign.utm.get(key));
            let value = said.map_or_else(
                || match key {
                    "source" => mail.links.map_or("", |links| links.utm_source),
                    "medium" => "email",
                    "campaign" => mail.campaign.map_or(mail.workflow, |campaign| &campaign.name),
                    "content" => mail.template,
                    _ => "",
                },
                String::as_str,
            );
            (key, value)
        };
        Self(Campaign::UTM.map(parameter).into())
    }
}

impl Links<'_> {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// The address for `List-Unsubscribe` and for the link in the mail (RFC 8058).
    #[must_use]
    pub fn unsubscribe_url(&self) -> String {
        self.at(&format!("/u/{}", self.keyring.unsubscribe(&self.mail)))
    }

    /// The page of a question. Never tracked: who presses its button tells us more.
    #[must_use]
    pub fn question_url(&self, ask: &Ask) -> String {
        self.at(&format!("/q/{}", self.keyring.question(&self.mail, ask)))
    }

    /// The picture that tells of an opening, for tracked leads.
    #[must_use]
    pub fn pixel_url(&self) -> Option<String> {
        let token = || self.keyring.open_pixel(&self.mail);
        self.tracked.then(|| self.at(&format!("/o/{}.gif", token())))
    }

    /// Our own addresses stay as they are.
    fn is_own(&self, href: &str) -> bool {
        ["/u/", "/q/", "/c/", "/o/"].iter().any(|path| href.starts_with(&self.at(path)))
    }
}

/// What a link of a template becomes.
///
/// # Errors
/// Why no mail may hold it: the end of a sentence that starts with the link.
pub(super) fn rewritten(href: &str, links: Option<&Links>, utm: &Utm) -> Result<String, String> {
    let trimmed = href.trim();
    if trimmed.starts_with('#') {
        return Ok(href.to_owned());
    }
    if links.is_some_and(|links| links.is_own(trimmed)) {
        return Ok(trimmed.to_owned());
    }
    let mut url = Url::parse(trimmed)
        .map_err(|_| "is no full address: write it as https://www.example.com/page".to_owned())?;
    match url.scheme() {
        "http" | "https" => {}
        "mailto" | "tel" | "sms" => return Ok(href.to_owned()),
        other => return Err(format!("starts with `{other}:`, which no mail may hold")),
    }
    let Some(links) = links else {
        check_target(url.as_str()).map_err(|bad| format!("cannot be used: {bad}"))?;
        return Ok(url.into());
    };
    tag(&mut url, utm);
    let target = String::from(url);
    check_target(&target).map_err(|bad| format!("cannot be used: {bad}"))?;
    if !links.tracked {
        return Ok(target);
    }
    let token = links
        .keyring
        .click(&links.mail, &target)
        .map_err(|bad| format!("cannot be used: {bad}"))?;
    Ok(links.at(&format!("/c/{token}")))
}

/// Adds those `utm_` parameters that the link does not set itself.
fn tag(url: &mut Url, utm: &Utm) {
    let wanted = utm.0.iter().map(|(key, value)| (format!("utm_{key}"), *value));
    let missing: Vec<_> = wanted
        .filter(|(key, value)| {
            !value.is_empty() && url.query_pairs().all(|(known, _)| known != *key)
        })
        .collect();
    if !missing.is_empty() {
        url.query_pairs_mut().extend_pairs(missing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{LeadId, MessageId};

    fn utm() -> Utm<'static> {
        Utm(vec![
            ("source", "nurtured"),
            ("medium", "email"),
            ("campaign", "reawaken-cold"),
            ("content", "cold/case-study"),
            ("term", ""),
        ])
    }

    const TAGS: &str = "utm_source=nurtured&utm_medium=email&utm_campaign=reawaken-cold&utm_content=cold%2Fcase-study";

    fn links(keyring: &Keyring, tracked: bool) -> Links<'_> {
        Links {
            base_url: "https://go.example.com/",
            keyring,
            mail: MailRef { lead: LeadId(1), message: MessageId(2) },
            tracked,
            utm_source: "nurtured",
        }
    }

    #[test]
    fn a_web_address_is_tagged_and_signed() {
        let keyring = Keyring::from_seed(1);
        let links = links(&keyring, true);
        let href = rewritten("https://www.example.com/report", Some(&links), &utm()).unwrap();
        let token = href.strip_prefix("https://go.example.com/c/").unwrap();
        let target = format!("https://www.example.com/report?{TAGS}");
        assert_eq!(keyring.read_click(token), Some((links.mail, target)));
    }

    #[test]
    fn an_untracked_lead_gets_the_target_itself() {
        let keyring = Keyring::from_seed(1);
        let links = links(&keyring, false);
        let to = |href| rewritten(href, Some(&links), &utm()).unwrap();
        assert_eq!(
            to("https://e.example/a?x=1&utm_source=mine#part"),
            "https://e.example/a?x=1&utm_source=mine&utm_medium=email\
             &utm_campaign=reawaken-cold&utm_content=cold%2Fcase-study#part"
        );
        assert_eq!(
            to("https://caffè.example/é"),
            format!("https://xn--caff-8oa.example/%C3%A9?{TAGS}")
        );
        assert_eq!(links.pixel_url(), None);
    }

    #[test]
    fn what_is_no_web_address_stays_or_is_refused() {
        let keyring = Keyring::from_seed(1);
        let links = links(&keyring, true);
        let own = links.unsubscribe_url();
        for same in ["mailto:ada@example.com", "#top", "tel:+39021234", own.as_str()] {
            assert_eq!(rewritten(same, Some(&links), &utm()).as_deref(), Ok(same));
        }
        for bad in [
            "",
            "/pricing",
            "//evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://ada:secret@example.com",
            "www.example.com",
            "JaVaScRiPt:alert(1)",
        ] {
            assert!(rewritten(bad, Some(&links), &utm()).is_err(), "{bad}");
        }
    }

    #[test]
    fn mail_to_our_own_people_is_not_tagged() {
        assert_eq!(
            rewritten("https://e.example/a", None, &utm()).as_deref(),
            Ok("https://e.example/a")
        );
    }
}
