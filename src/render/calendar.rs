//! `calendar:` of a mail → the event that goes with it.

use jiff::civil::Date;
use tera::Context;
use url::Url;

use super::{
    Place, RenderError, Renderer,
    campaigns::{CAMPAIGN, elders, senders},
    context::one_line,
    problem::RenderProblem,
};
use crate::{
    domain::{
        campaign::Campaign,
        definitions::Definitions,
        template::{CalendarTemplate, Line, MailTemplate},
        time::Instant,
        workflow::Workflow,
    },
    mail::calendar::{Event, When},
};

/// An event lasts from hour to hour or over whole days (RFC 5545 §3.6.1).
const MIXED: &str = "of `starts` and `ends` one is a day and the other has an hour";
const WITHOUT_HOUR: &str = "`duration` is counted from an hour, and `starts` is a day";

const ONE_KIND: &str = "write days alone, or the hour with each: 2027-10-14T11:00+02:00";

/// The events of which can be said before any lead that they are days on one side and hours on the other, as they
/// stand or in a campaign whose workflows send them: their mails would be parked.
pub(super) fn mixed(definitions: &Definitions) -> Vec<RenderProblem> {
    let workflows = definitions.workflows.iter().map(|live| &*live.workflow);
    found(definitions, workflows, |mail, calendar, workflows| {
        if let Some(mistake) = Mistake::of(calendar, None) {
            return Some(mistake.problem(mail, calendar, "", Some(ONE_KIND)));
        }
        workflows.iter().find_map(|workflow| {
            let campaign = definitions.campaign_of(workflow)?;
            let mistake = Mistake::of(calendar, Some(campaign))?;
            let by = format!(
                ", by the dates of campaign `{}` of workflow `{}`",
                campaign.name, workflow.name
            );
            Some(mistake.problem(mail, calendar, &by, Some(ONE_KIND)))
        })
    })
}

/// Likewise, in the campaigns of earlier versions of workflows.
pub(super) fn mixed_for_elders(definitions: &Definitions) -> Vec<RenderProblem> {
    found(definitions, elders(definitions), |mail, calendar, workflows| {
        workflows.iter().find_map(|workflow| {
            let campaign = definitions.campaign_of(workflow)?;
            let mistake = Mistake::of(calendar, Some(campaign))?;
            let by = format!(
                ", by the dates of campaign `{}`, in which an earlier version of workflow `{}` sends this \
                 mail; write the event's days or hours out, or have the version of today send a mail of \
                 another name",
                campaign.name, workflow.name
            );
            Some(mistake.problem(mail, calendar, &by, None))
        })
    })
}

/// What is found of the mails with an event, each with those of these workflows that send it.
fn found<'d>(
    definitions: &'d Definitions,
    workflows: impl Iterator<Item = &'d Workflow>,
    look: impl Fn(&MailTemplate, &CalendarTemplate, &[&Workflow]) -> Option<RenderProblem>,
) -> Vec<RenderProblem> {
    let senders = senders(definitions, workflows);
    let mails = definitions.templates.mails.iter();
    let mails = mails.flat_map(|(name, variants)| variants.values().map(move |mail| (name, mail)));
    mails
        .filter_map(|(name, mail)| {
            let workflows = senders.get(name).map_or(&[][..], Vec::as_slice);
            look(mail, mail.calendar.as_ref()?, workflows)
        })
        .collect()
}

/// What is wrong with an event.
struct Mistake {
    part: &'static str,
    why: &'static str,
}

impl Mistake {
    /// As far as it can be seen by the dates of this campaign, or of none.
    fn of(calendar: &CalendarTemplate, campaign: Option<&Campaign>) -> Option<Self> {
        let is_day = |part: &str| is_day(&calendar.parts.get(part)?.text, campaign);
        match (is_day("starts")?, calendar.duration) {
            (true, Some(_)) => Some(Self { part: "starts", why: WITHOUT_HOUR }),
            (false, Some(_)) => None,
            (starts, None) => {
                (starts != is_day("ends")?).then_some(Self { part: "ends", why: MIXED })
            }
        }
    }

    fn problem(
        &self,
        mail: &MailTemplate,
        calendar: &CalendarTemplate,
        by: &str,
        hint: Option<&str>,
    ) -> RenderProblem {
        let Self { part, why } = self;
        let (line, column) = calendar.parts.get(part).map_or((1, 1), |line| line.at);
        RenderProblem {
            file: mail.file.clone(),
            line,
            column,
            message: format!("in `calendar: {part}`: {why}{by}"),
            hint: hint.map(str::to_owned),
        }
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
