//! What templates can see of a lead: data, never template source.

use std::collections::BTreeMap;

use tera::{Context, Value as TeraValue};

use super::{
    Mail, RenderError,
    campaigns::CAMPAIGN,
    codes,
    filters::{LANGUAGE, ZONE, today},
};
use crate::domain::{
    people::People,
    score::MilliPoints,
    template::MailTemplate,
    value::{Schema, Value},
};

/// Longer values are a mistake somewhere else.
const LONGEST: usize = 10_000;

/// Beside the attributes: what every mail may use.
pub(super) const KNOWN: [&str; 12] = [
    "email",
    "stage",
    "tags",
    "zone",
    "language",
    "entry",
    "workflow",
    CAMPAIGN,
    "today",
    "sender_name",
    "owner_name",
    "owner_email",
];
/// Those of all that have fields.
pub(super) const MAPS: [&str; 3] = ["entry", CAMPAIGN, IN_CARDS];
/// What mails to leads may use.
pub(super) const TO_LEADS: [&str; 2] = ["unsubscribe_url", "postal_address"];
/// What notices to our own people may use.
pub(super) const TO_STAFF: [&str; 4] = ["fit", "engagement", "temperature", "postal_address"];
/// What only notices have.
pub(super) const STANDING: [&str; 3] = ["fit", "engagement", "temperature"];
/// What only cards of hand-offs have.
pub(super) const IN_CARDS: &str = "card";
/// What layouts may use.
pub(super) const IN_LAYOUTS: [&str; 3] = ["content", "subject", "preheader"];
/// What a mail may use that is a whole page itself.
pub(super) const IN_PAGES: [&str; 2] = ["subject", "preheader"];

/// The context of a mail's subject, preheader and body.
pub(super) fn context(
    mail: &Mail,
    (schema, people): (&Schema, &People),
    template: &MailTemplate,
    language: &str,
) -> Result<Context, RenderError> {
    let mut context = Context::new();
    for (name, value) in &template.defaults {
        context.insert_value(name.to_string(), TeraValue::from(one_line(value)));
    }
    let lead = mail.lead;
    context.insert("email", lead.address.as_str());
    for (slot, attribute) in schema.iter() {
        let Some(value) = lead.attributes.get(slot.0).and_then(Option::as_ref) else { continue };
        if let Some(value) = shown(&attribute.name, value)? {
            context.insert_value(attribute.name.to_string(), value);
        }
    }
    context.insert("stage", lead.stage.word());
    context.insert("tags", &lead.tags);
    context.insert(ZONE, lead.zone.name());
    context.insert(LANGUAGE, language);
    context.insert("workflow", mail.workflow);
    context.insert("today", &today(mail.now, &lead.zone));
    context.insert("sender_name", &one_line(&mail.sender.name));
    context.insert("postal_address", &one_line(&mail.sender.postal_address));
    if let Some((_, owner)) = people.owner(schema, &lead.attributes) {
        context.insert("owner_name", &one_line(&owner.name));
        context.insert("owner_email", owner.address.as_str());
    }
    if let Some(card) = mail.card {
        context.insert(IN_CARDS, card);
    }
    context.insert_value("entry", entry(mail)?);
    // The lead's attribute of this name is read where there is no campaign to read of.
    if mail.campaign.is_some() || context.get(CAMPAIGN).is_none() {
        context.insert_value(CAMPAIGN, campaign(mail));
    }
    codes::insert(mail.codes, &mut context);
    if let Some(links) = &mail.links {
        context.insert("unsubscribe_url", &links.unsubscribe_url());
    } else {
        context.insert("fit", &whole(lead.fit));
        if let Some(engagement) = mail.standing.and_then(|standing| standing.engagement) {
            context.insert("engagement", &whole(engagement));
        }
        if let Some(temperature) = mail.standing.and_then(|standing| standing.temperature) {
            context.insert("temperature", temperature.word());
        }
    }
    Ok(context)
}

/// People read whole points.
#[allow(clippy::cast_possible_truncation)] // scores are far below 2^52
fn whole(points: MilliPoints) -> i64 {
    points.as_points().round() as i64
}

fn entry(mail: &Mail) -> Result<TeraValue, RenderError> {
    let mut fields = BTreeMap::new();
    if let Some(entry) = mail.entry {
        for (name, value) in &entry.data {
            if let Some(value) = shown(name, value)? {
                fields.insert(name.to_string(), value);
            }
        }
        for name in ["object", "kind", "at"] {
            if let Some(value) =
                entry.value(name).map(|value| shown(name, &value)).transpose()?.flatten()
            {
                fields.insert(name.to_owned(), value);
            }
        }
    }
    Ok(TeraValue::from(fields))
}

/// A day is written as a day, so that it is the same everywhere.
fn campaign(mail: &Mail) -> TeraValue {
    let mut fields = BTreeMap::new();
    if let Some(campaign) = mail.campaign {
        fields.insert("name".to_owned(), campaign.name.to_string());
        fields.insert("title".to_owned(), one_line(&campaign.title));
        for (name, text) in &campaign.variables {
            fields.insert(name.to_string(), one_line(text));
        }
        for (name, date) in &campaign.dates {
            let shown = match campaign.instant(name) {
                Some(at) if !date.is_day => at.to_string(),
                _ => date.local.date().to_string(),
            };
            fields.insert(name.to_string(), shown);
        }
    }
    let fields = fields.into_iter().filter(|(_, text)| !text.is_empty());
    TeraValue::from(fields.collect::<BTreeMap<_, _>>())
}

/// A value as templates see it; a text of blanks is no value.
fn shown(name: &str, value: &Value) -> Result<Option<TeraValue>, RenderError> {
    Ok(match value {
        Value::Text(text) if text.len() > LONGEST => {
            return Err(RenderError::LongValue { name: name.to_owned(), limit: LONGEST });
        }
        Value::Text(text) => {
            Some(one_line(text)).filter(|text| !text.is_empty()).map(TeraValue::from)
        }
        #[allow(clippy::cast_possible_truncation)] // whole and far inside of 2^53
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(TeraValue::from(*number as i64))
        }
        Value::Number(number) => Some(TeraValue::from(*number)),
        Value::Bool(yes) => Some(TeraValue::from(*yes)),
        Value::Date(instant) => Some(TeraValue::from(instant.to_string())),
    })
}

/// One line without controls, without what turns the direction of text, blanks single.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        let blank = character.is_whitespace() && character != '\u{a0}';
        match character {
            _ if blank => {
                if !line.is_empty() && !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            _ if character.is_control() => {}
            other => line.push(other),
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(
            one_line(" Ada\r\nBcc: x@y\0 \u{2028}Lovelace\u{85}\t"),
            "Ada Bcc: x@y Lovelace"
        );
        assert_eq!(one_line("\u{202e}abc\u{feff}\u{1b}[31m"), "abc[31m");
        assert_eq!(one_line(" \r\n\u{2029} "), "");
        assert_eq!(one_line("10\u{a0}€ 👩\u{200d}💻"), "10\u{a0}€ 👩\u{200d}💻");
    }
}
