//! What mails read of their campaign, the events that they carry, the codes that they show.

use super::*;
use crate::{
    definitions::{Sources, check},
    domain::{
        campaign::{Campaign, CampaignDate},
        template::{CalendarTemplate, Line},
        time::Zone,
    },
    mail::calendar::When,
};

pub(super) fn spring() -> Campaign {
    let date = |local: &str, is_day| CampaignDate {
        local: local.parse().unwrap(),
        is_day,
        written_at: (1, 1),
    };
    Campaign {
        name: "spring".into(),
        file: "workflows/spring.campaign.yaml".into(),
        title: "Approvals, live".into(),
        about: String::new(),
        zone: Zone::named("Europe/Rome").unwrap(),
        dates: BTreeMap::from([
            ("starts".into(), date("2027-04-15T11:00", false)),
            ("ends".into(), date("2027-04-15T11:45", false)),
            ("offer_ends".into(), date("2027-04-30T00:00", true)),
        ]),
        variables: BTreeMap::from([("seats".into(), "100".to_owned())]),
        utm: BTreeMap::from([
            ("source".into(), "webinar".to_owned()),
            ("term".into(), "approvals".to_owned()),
        ]),
        costs: Vec::new(),
    }
}

#[test]
fn dates_are_shown_on_the_leads_clock_and_days_as_they_are() {
    let renderer = one(
        "{{ campaign.title }}, {{ campaign.seats }} seats",
        "{{ campaign.starts | date }} {{ campaign.starts | date(format=\"%H:%M\") }}, {{ campaign.offer_ends | date }}",
    );
    let spring = spring();
    let mut lead = lead(&[]);
    lead.zone = Zone::named("America/New_York").unwrap();
    let rendered = renderer.render(&Mail { campaign: Some(&spring), ..mail("m", &lead) }).unwrap();
    assert_eq!(rendered.subject, "Approvals, live, 100 seats");
    assert!(rendered.text.contains("15 April 2027 05:00, 30 April 2027"), "{}", rendered.text);
    let error = renderer.render(&mail("m", &lead)).unwrap_err();
    assert!(error.to_string().contains("no `campaign.title`"), "{error}");
}

#[test]
fn without_a_campaign_the_leads_attribute_of_that_name_is_read() {
    let renderer = one("{{ campaign }}", "{{ campaign.title or \"season\" }}");
    let lead = lead(&[("campaign", text("Trade fair"))]);
    let rendered = renderer.render(&mail("m", &lead)).unwrap();
    assert_eq!(rendered.subject, "Trade fair");
    assert!(rendered.text.starts_with("season"), "{}", rendered.text);
}

#[test]
fn links_are_tagged_as_the_campaign_says_and_not_over_what_they_say() {
    let renderer = one("Hi", "[a](https://e.example/a) [b](https://e.example/b?utm_source=mine)");
    let (spring, lead) = (spring(), lead(&[]));
    let mut mail = Mail { campaign: Some(&spring), ..mail("m", &lead) };
    mail.links.as_mut().unwrap().tracked = false;
    let links = hrefs(&renderer.render(&mail).unwrap().html);
    let rest = "utm_medium=email&utm_campaign=spring&utm_content=m&utm_term=approvals";
    assert_eq!(links[0], format!("https://e.example/a?utm_source=webinar&{rest}"));
    assert_eq!(links[1], format!("https://e.example/b?utm_source=mine&{rest}"));
    assert!(links[2].starts_with("https://go.example.com/u/") && !links[2].contains("utm_"));
}

/// A mail `m` with these lines under `calendar:`.
fn inviting(parts: &[(&'static str, &str)]) -> Renderer {
    let mut definitions =
        definitions(&[("m.md", "---\nsubject: Hi\nlayout: plain\n---\nHello.\n")]);
    let line = |text: &str| Line { text: text.to_owned(), at: (4, 11) };
    let mail = definitions.templates.mails.get_mut("m").unwrap().values_mut().next().unwrap();
    let parts = parts.iter().map(|(part, text)| (*part, line(text))).collect();
    mail.calendar = Some(CalendarTemplate { parts, duration: None });
    Renderer::new(&definitions).unwrap()
}

#[test]
fn an_event_is_made_of_the_campaigns_dates_and_the_leads_words() {
    let renderer = inviting(&[
        ("title", "{{ campaign.title }} for {{ company or \"you\" }}"),
        ("starts", "{{ campaign.starts }}"),
        ("ends", "{{ campaign.ends }}"),
        ("url", "https://www.example.com/join"),
    ]);
    let (spring, lead) = (spring(), lead(&[("company", text("Lovelace & Sons\r\nX: y"))]));
    let rendered = renderer.render(&Mail { campaign: Some(&spring), ..mail("m", &lead) }).unwrap();
    let event = rendered.calendar.unwrap();
    assert_eq!(event.title, "Approvals, live for Lovelace & Sons X: y");
    assert_eq!(event.starts, When::At("2027-04-15T09:00:00Z".parse().unwrap()));
    assert_eq!(event.ends, When::At("2027-04-15T09:45:00Z".parse().unwrap()));
    assert_eq!(
        (event.url.as_deref(), event.location),
        (Some("https://www.example.com/join"), None)
    );
    let error = renderer.render(&mail("m", &lead)).unwrap_err();
    assert!(error.to_string().contains("no `campaign.title`"), "{error}");
}

#[test]
fn an_event_that_cannot_be_is_said() {
    let (spring, lead) = (spring(), lead(&[]));
    for (starts, ends, url, said) in [
        ("{{ campaign.ends }}", "{{ campaign.starts }}", "", "is not after `starts`"),
        ("{{ campaign.starts }}", "{{ campaign.starts }}", "", "is not after `starts`"),
        ("{{ campaign.offer_ends }}", "{{ campaign.ends }}", "", "one is a day"),
        ("{{ campaign.title }}", "{{ campaign.ends }}", "", "neither an instant nor a day"),
        ("{{ campaign.starts }}", "{{ campaign.ends }}", "javascript:x", "no full web address"),
    ] {
        let mut parts = vec![("title", "x"), ("starts", starts), ("ends", ends)];
        parts.extend(Some(("url", url)).filter(|(_, url)| !url.is_empty()));
        let rendered =
            inviting(&parts).render(&Mail { campaign: Some(&spring), ..mail("m", &lead) });
        let error = rendered.unwrap_err().to_string();
        assert!(error.contains(said), "{starts} to {ends}: {error}");
    }
    let days = [("title", "x"), ("starts", "2027-04-30"), ("ends", "2027-04-30")];
    let event = inviting(&days).render(&mail("m", &lead)).unwrap().calendar.unwrap();
    let day = |text: &str| When::Day(text.parse().unwrap());
    assert_eq!((event.starts, event.ends), (day("2027-04-30"), day("2027-05-01")));
}

/// What is said of a mail with this `calendar:`, sent in a campaign that begins and ends so.
fn told(calendar: &str, starts: &str, ends: &str) -> Vec<String> {
    let mail = format!(
        "---\nsubject: Hi\ncalendar: {{ title: x, {calendar} }}\n---\n{{{{ postal_address }}}} [stop]({{{{ \
         unsubscribe_url }}}})\n"
    );
    let spring = format!(
        "campaign: spring\ntitle: Spring\ndates: {{ starts: {starts}, ends: {ends}, day: 2027-04-20 }}\n"
    );
    let files = [
        ("templates/m.md", mail.as_str()),
        ("workflows/spring.campaign.yaml", &spring),
        (
            "workflows/w.yaml",
            "workflow: w\ncampaign: spring\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: m\n",
        ),
        (
            "workflows/policy.yaml",
            "policy:\n  zone: UTC\n  language: en\n  tracking: nobody\n  purposes: { insights: { label: I, \
             basis: [consent] } }\n",
        ),
    ];
    let mut sources = Sources::default();
    sources.files.extend(files.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let checked = check(&sources);
    let definitions = checked.definitions.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    let problems = Renderer::for_release(&definitions).err().unwrap_or_default();
    assert!(Renderer::new(&definitions).is_ok(), "what is live goes on");
    let told = |it: RenderProblem| format!("{}:{}: {}", it.line, it.column, it.message);
    problems.into_iter().map(told).collect()
}

#[test]
fn an_event_from_a_day_to_an_hour_is_refused_where_it_is_seen_before_any_mail() {
    let (hour, later) = ("2027-04-15 11:00", "2027-04-16 11:00");
    let (day, next) = ("2027-04-15", "2027-04-16");
    let mixed = "one is a day and the other has an hour";
    for (calendar, starts, ends, said) in [
        ("starts: 2027-04-15, ends: 2027-04-16T11:00Z", hour, later, Some(mixed)),
        ("starts: 2027-04-15T11:00Z, ends: 2027-04-16", hour, later, Some(mixed)),
        (
            "starts: 2027-04-15",
            hour,
            later,
            Some("by the dates of campaign `spring` of workflow `w`"),
        ),
        (
            "url: \"https://www.example.com\"",
            day,
            later,
            Some("hour, by the dates of campaign `spring` of workflow `w`"),
        ),
        (
            "url: \"https://www.example.com\"",
            hour,
            next,
            Some("hour, by the dates of campaign `spring` of workflow `w`"),
        ),
        (
            "ends: \"{{ campaign.day }}\"",
            hour,
            later,
            Some("hour, by the dates of campaign `spring` of workflow `w`"),
        ),
        ("duration: 45m", day, later, Some("`starts` is a day, by the dates of")),
        ("starts: 2027-04-15, duration: 45m", hour, later, Some("`starts` is a day")),
        ("duration: 45m", hour, later, None),
        ("url: \"https://www.example.com\"", hour, later, None),
        ("url: \"https://www.example.com\"", day, next, None),
        ("ends: \"{{ campaign.day }}\"", day, later, None),
        // Only the mail tells.
        ("ends: \"{{ entry.ends }}\"", day, later, None),
    ] {
        let told = told(calendar, starts, ends);
        let is_so = match said {
            Some(said) => told.len() == 1 && told[0].contains(said) && told[0].starts_with("3:"),
            None => told.is_empty(),
        };
        assert!(is_so, "{calendar}, {starts} to {ends}: {told:?}");
    }
}

#[test]
fn a_code_is_shown_wherever_a_mail_asks_for_it_and_is_never_left_out() {
    let body = "Your code: {{ code(\"spring\") }}, or [use it](https://e.example/?c={{ code('spring') }}).\n\n\
                {{ code(pool=\"vip\") | lower }}";
    let renderer = one("{{ code(\"spring\") }}", body);
    let pools = renderer.pools("m", "en").unwrap();
    assert_eq!(pools.iter().map(Name::as_str).collect::<Vec<_>>(), ["spring", "vip"]);
    let lead = lead(&[]);
    let mut codes = Codes::from([("spring".into(), "S<1>".to_owned())]);
    let error = renderer.render(&Mail { codes: &codes, ..mail("m", &lead) }).unwrap_err();
    assert!(error.to_string().contains("no code of the pool `vip`"), "{error}");
    codes.insert("vip".into(), "VIP-1".to_owned());
    let mut mail = Mail { codes: &codes, ..mail("m", &lead) };
    mail.links.as_mut().unwrap().tracked = false;
    let rendered = renderer.render(&mail).unwrap();
    assert_eq!(rendered.subject, "S<1>");
    assert!(
        rendered.text.contains("Your code: S<1>, or use it") && rendered.text.contains("vip-1")
    );
    assert!(
        hrefs(&rendered.html)[0].starts_with("https://e.example/?c=S"),
        "{:?}",
        hrefs(&rendered.html)
    );
    assert!(!renderer.takes_codes("other"));
}

#[test]
fn what_is_wrong_with_a_code_is_said_when_it_is_checked() {
    let said = |files: &[(&str, &str)]| {
        let problems = Renderer::new(&definitions(files)).unwrap_err();
        problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
    };
    let mail = |body: &str| format!("---\nsubject: Hi\nlayout: plain\n---\n{body}");
    for body in
        ["{{ code() }}", "{{ code(company) }}", "{{ code(\"a\", \"b\") }}", "{{ code(\"\") }}"]
    {
        assert!(said(&[("m.md", &mail(body))]).contains("takes one pool"), "{body}");
    }
    let layout = format!("{LAYOUT}{{{{ code(\"spring\") }}}}");
    assert!(said(&[("layouts/other.html", &layout)]).contains("stands in a mail itself"));
}
