//! Our own filters: dates in the lead's zone, amounts and numbers in the mail's language.

#![allow(clippy::needless_pass_by_value)] // the shape that tera calls

use jiff::fmt::strtime;
use tera::{Kwargs, State, Tera, TeraResult, Value};

use super::months;
use crate::domain::{
    time::{Instant, Zone},
    value::parse_date,
};

/// What a template may use; the rest of tera's own is refused when templates are checked.
pub(super) const FILTERS: [&str; 21] = [
    "default",
    "date",
    "money",
    "number",
    "upper",
    "lower",
    "capitalize",
    "title",
    "trim",
    "truncate",
    "urlencode",
    "round",
    "abs",
    "int",
    "length",
    "pluralize",
    "first",
    "last",
    "newlines_to_br",
    "escape",
    "wordcount",
];
pub(super) const FUNCTIONS: [&str; 6] =
    ["range", "ask", "later", "preferences", super::codes::CODE, super::segments::FUNCTION];
/// Where the filters find the mail's language and the lead's zone.
pub(super) const LANGUAGE: &str = "language";
pub(super) const ZONE: &str = "zone";

pub(super) fn register(tera: &mut Tera) {
    tera.register_filter("date", date);
    tera.register_filter("money", money);
    tera.register_filter("number", number);
    tera.register_filter("urlencode", urlencode);
    tera.register_filter("first", first);
    tera.register_filter("last", last);
}

/// Of nothing it is missing, so that something must be given in its place; tera's own writes nothing.
fn first(values: &[Value], _: Kwargs, _: &State) -> Value {
    values.first().cloned().unwrap_or_else(Value::undefined)
}

fn last(values: &[Value], _: Kwargs, _: &State) -> Value {
    values.last().cloned().unwrap_or_else(Value::undefined)
}

/// `{{ renewal | date }}`, `{{ renewal | date(format="%d.%m.%Y") }}`: on the lead's calendar; midnight in
/// UTC is a date without a time, and the same everywhere.
fn date(text: &str, kwargs: Kwargs, state: &State) -> TeraResult<String> {
    let instant = parse_date(text)
        .ok_or_else(|| tera::Error::message("`date` is for dates, as 2027-03-28 or an instant"))?;
    let zone = state.get::<String>(ZONE)?.and_then(|name| Zone::named(&name).ok());
    let is_day = instant.millis().rem_euclid(86_400_000) == 0;
    let zone = if is_day { Zone::utc() } else { zone.unwrap_or_else(Zone::utc) };
    let local = instant.timestamp().to_zoned(zone.tz().clone());
    if let Some(format) = kwargs.get::<String>("format")? {
        return strtime::format(&format, &local).map_err(|error| {
            tera::Error::message(format!("`date` cannot use this format: {error}"))
        });
    }
    Ok(months::date(local.day(), local.month(), local.year(), &primary(state)?))
}

/// `{{ price | money }}`, `{{ price | money(currency="USD", decimals=0) }}`: euro, two decimals.
fn money(value: Value, kwargs: Kwargs, state: &State) -> TeraResult<String> {
    let amount = amount("money", &value)?;
    let decimals = kwargs.get::<u8>("decimals")?.unwrap_or(2).min(6);
    let currency = kwargs.get::<String>("currency")?.unwrap_or_else(|| "EUR".to_owned());
    let language = primary(state)?;
    let digits = grouped(amount.abs(), decimals, &language);
    let sign = if amount < 0.0 { "-" } else { "" };
    let symbol = match currency.as_str() {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" => "¥",
        other => other,
    };
    Ok(match (&*language, symbol.chars().count()) {
        ("en", 1) => format!("{sign}{symbol}{digits}"),
        ("en", _) => format!("{sign}{symbol}\u{a0}{digits}"),
        _ => format!("{sign}{digits}\u{a0}{symbol}"),
    })
}

/// `{{ seats | number }}`, `{{ share | number(decimals=1) }}`: grouped by thousands.
fn number(value: Value, kwargs: Kwargs, state: &State) -> TeraResult<String> {
    let amount = amount("number", &value)?;
    let decimals = kwargs.get::<u8>("decimals")?.unwrap_or(0).min(6);
    let sign = if amount < 0.0 { "-" } else { "" };
    Ok(format!("{sign}{}", grouped(amount.abs(), decimals, &primary(state)?)))
}

/// For a value inside of a link: `?name={{ first_name | urlencode }}`.
fn urlencode(text: &str, _: Kwargs, _: &State) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn amount(filter: &str, value: &Value) -> TeraResult<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str()?.trim().parse().ok())
        .filter(|amount: &f64| amount.is_finite())
        .ok_or_else(|| tera::Error::message(format!("`{filter}` is for numbers")))
}

fn primary(state: &State) -> TeraResult<String> {
    let language = state.get::<String>(LANGUAGE)?.unwrap_or_default();
    Ok(language.split(['-', '_']).next().unwrap_or("en").to_ascii_lowercase())
}

/// Of a number that is not negative.
fn grouped(amount: f64, decimals: u8, language: &str) -> String {
    let (thousands, point) = match language {
        "it" | "de" | "es" | "pt" | "nl" => ('.', ','),
        "fr" => ('\u{202f}', ','),
        _ => (',', '.'),
    };
    let text = format!("{amount:.*}", usize::from(decimals));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::with_capacity(text.len() * 2);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(thousands);
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push(point);
        grouped.push_str(fraction);
    }
    grouped
}

/// The date of an instant on a lead's calendar, as [`date`] reads it.
pub(super) fn today(now: Instant, zone: &Zone) -> String {
    now.timestamp().to_zoned(zone.tz().clone()).date().to_string()
}

#[cfg(test)]
mod tests {
    use tera::Context;

    use super::*;

    fn shown(template: &str, language: &str) -> String {
        let mut tera = Tera::default();
        register(&mut tera);
        tera.add_raw_template("t", template).unwrap();
        let mut context = Context::new();
        context.insert(LANGUAGE, language);
        context.insert(ZONE, "America/New_York");
        tera.render("t", &context).unwrap()
    }

    #[test]
    fn a_day_is_the_same_everywhere_and_an_instant_is_local() {
        assert_eq!(shown(r#"{{ "2027-03-28" | date }}"#, "en"), "28 March 2027");
        assert_eq!(shown(r#"{{ "2027-03-28" | date }}"#, "it-CH"), "28 marzo 2027");
        assert_eq!(shown(r#"{{ "2027-03-28T02:00:00Z" | date }}"#, "de"), "27. März 2027");
        assert_eq!(shown(r#"{{ "2027-03-28" | date }}"#, "nl"), "28 maart 2027");
        assert_eq!(shown(r#"{{ "2027-03-28" | date }}"#, "pt-BR"), "28 de março de 2027");
        assert_eq!(shown(r#"{{ "2027-12-01" | date }}"#, "ja"), "1 December 2027");
        let format = r#"{{ "2027-03-28T02:00:00Z" | date(format="%d/%m %H:%M") }}"#;
        assert_eq!(shown(format, "en"), "27/03 22:00");
    }

    #[test]
    fn amounts_are_written_as_the_language_does() {
        assert_eq!(shown("{{ 1234567.5 | money }}", "en"), "€1,234,567.50");
        assert_eq!(shown("{{ 1234567.5 | money }}", "it"), "1.234.567,50\u{a0}€");
        assert_eq!(
            shown(r#"{{ "-990" | money(currency="CHF", decimals=0) }}"#, "de"),
            "-990\u{a0}CHF"
        );
        assert_eq!(shown("{{ 999 | number }}|{{ 1000 | number }}", "en"), "999|1,000");
    }

    #[test]
    fn a_value_in_a_link_is_encoded() {
        assert_eq!(shown(r#"{{ "a b&c=d/é" | urlencode }}"#, "en"), "a%20b%26c%3Dd%2F%C3%A9");
    }
}
