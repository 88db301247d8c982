//! `calendar:` of a mail → the event that goes with it.

use jiff::civil::Date;
use tera::Context;
use url::Url;

use super::{
    Place, RenderError, Renderer,
    campaigns::{CAMPAIGN, senders},
    context::one_line,
    problem::RenderProblem,
};
use crate::{
    domain::{
        campaign::Campaign,
        definitions::Definitions,
        template::{CalendarTemplate, Line, MailTemplate},
        time::Instant,
    },
    mail::calendar::{Event, When},
};

/// An event lasts from hour to hour or over whole days (RFC 5545 §3.6.1).
const MIXED: &str = "of `starts` and `ends` one is a day and the other has an hour";
const WITHOUT_HOUR: &str = "`duration` is counted from an hour, and `starts` is a day";

/// The events of which can be said before any lead that they are days on one side and hours on the other, as they
/// stand or in a campaign whose workflows send them: their mails would be parked.
pub(super) fn mixed(definitions: &Definitions) -> Vec<RenderProblem> {
    let senders = senders(definitions.workflows.iter().map(|live| &*live.workflow));
    let mut problems = Vec::new();
    for (name, variants) in &definitions.templates.mails {
        let workflows = senders.get(name).into_iter().flatten();
        let campaigns = workflows.filter_map(|workflow| definitions.campaign_of(workflow));
        let campaigns: Vec<_> = std::iter::once(None).chain(campaigns.map(Some)).collect();
        for mail in variants.values() {
            let Some(calendar) = &mail.calendar else { continue };
            problems.extend(campaigns.iter().find_map(|campaign| {
                let (part, why) = mistake(calendar, *campaign)?;
                let of = campaign.map_or_else(String::new, |it| {
                    format!(", by the dates of campaign `{}`", it.name)
                });
                let (line, column) = calendar.parts.get(part).map_or((1, 1), |line| line.at);
                Some(RenderProblem {
                    file: mail.file.clone(),
                    line,
                    column,
                    message: format!("in `calendar: {part}`: {why}{of}"),
                    hint: Some(
                        "write days alone, or the hour with each: 2027-10-14T11:00+02:00"
                            .to_owned(),
                    ),
                })
            }));
        }
    }
    problems
}

/// What is wrong with an event, and at which part.
fn mistake(
    calendar: &CalendarTemplate,
    campaign: Option<&Campaign>,
) -> Option<(&'static str, &'static str)> {
    let is_day = |part: &str| is_day(&calendar.parts.get(part)?.text, campaign);
    match (is_day("starts")?, calendar.duration) {
        (true, Some(_)) => Some(("starts", WITHOUT_HOUR)),
        (false, Some(_)) => None,
        (starts, None) => (starts != is_day("ends")?).then_some(("ends", MIXED)),
    }
}

/// Whether what is written is a day as a whole or has an hour; `None` where only the mail will tell.
fn is_day(written: &str, campaign: Option<&Campaign>) -> Option<bool> {
    if let Some(when) = read_when(written.trim()) {
        return Some(matches!(when, When::Day(_)));
    }
    let tag = written.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let date = tag.trim().strip_prefix(CAMPAIGN)?.strip_prefix('.')?;
    campaign?.dates.get(date).map(|date| date.is_day)
}

impl Renderer {
    pub(super) fn calendar(
        &self,
        template: &MailTemplate,
        context: &Context,
    ) -> Result<Option<Event>, RenderError> {
        let Some(calendar) = &template.calendar else { return Ok(None) };
        let CalendarTemplate { parts, duration } = calendar;
        let at = |part: &str| {
            let (line, column) = parts.get(part).map_or((1, 1), |line: &Line| line.at);
            Place { file: template.file.clone(), line, column }
        };
        let failed = |part: &str, message: String| {
            let message = format!("in `calendar: {part}`: {message}");
            RenderError::Failed { place: at(part), message }
        };
        let text = |part: &str| -> Result<Option<String>, RenderError> {
            if !parts.contains_key(part) {
                return Ok(None);
            }
            let name = format!("{}#calendar.{part}", template.file);
            let written = one_line(&self.page(&name, &template.file, context)?);
            Ok((!written.is_empty()).then_some(written))
        };
        let when = |part: &str| -> Result<Option<When>, RenderError> {
            let Some(written) = text(part)? else { return Ok(None) };
            let read = read_when(&written);
            let no_date = || failed(part, format!("`{written}` is neither an instant nor a day"));
            read.map(Some).ok_or_else(no_date)
        };
        let Some(title) = text("title")? else {
            return Err(failed("title", "it is empty".to_owned()));
        };
        let Some(starts) = when("starts")? else {
            return Err(failed("starts", "it is empty".to_owned()));
        };
        let ends = match (when("ends")?, duration) {
            (Some(When::Day(day)), _) => day.tomorrow().ok().map(When::Day),
            (Some(at), _) => Some(at),
            (None, Some(duration)) => match starts {
                When::At(at) => Some(When::At(at + *duration)),
                When::Day(_) => return Err(failed("starts", WITHOUT_HOUR.to_owned())),
            },
            (None, None) => None,
        };
        let same_kind = |ends: &When| {
            matches!((starts, ends), (When::At(_), When::At(_)) | (When::Day(_), When::Day(_)))
        };
        if ends.is_some_and(|ends| !same_kind(&ends)) {
            return Err(failed("ends", MIXED.to_owned()));
        }
        let Some(ends) = ends.filter(|ends| *ends > starts) else {
            return Err(failed("ends", "it is not after `starts`".to_owned()));
        };
        let url = text("url")?;
        if let Some(url) = &url {
            let is_web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_web {
                let why = "is no full web address".to_owned();
                return Err(RenderError::Link {
                    file: template.file.clone(),
                    href: super::public(url),
                    why,
                });
            }
        }
        Ok(Some(Event {
            title,
            starts,
            ends,
            location: text("location")?,
            url,
            about: text("about")?,
        }))
    }
}

/// An instant, or a day.
pub(crate) fn read_when(written: &str) -> Option<When> {
    match written.parse::<Instant>() {
        Ok(at) => Some(When::At(at)),
        Err(_) => written.parse::<Date>().ok().filter(|_| written.len() == 10).map(When::Day),
    }
}
