//! `calendar:` of a mail → the event that goes with it.

use jiff::civil::Date;
use tera::Context;
use url::Url;

use super::{Place, RenderError, Renderer, context::one_line};
use crate::{
    domain::{
        template::{CalendarTemplate, Line, MailTemplate},
        time::Instant,
    },
    mail::calendar::{Event, When},
};

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
                When::Day(_) => None,
            },
            (None, None) => None,
        };
        let same_kind = |ends: &When| {
            matches!((starts, ends), (When::At(_), When::At(_)) | (When::Day(_), When::Day(_)))
        };
        let Some(ends) = ends.filter(|ends| same_kind(ends) && *ends > starts) else {
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
