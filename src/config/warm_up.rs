//! `warm_up` and `ramp` of a relay.

use std::{ops::Range, sync::LazyLock};

use serde::Deserialize;

use super::reader::{Section, nearest};
use crate::domain::{
    ramp::{Ramp, WarmUp},
    schedule::Day,
};

/// A published schedule.
#[derive(Debug, Deserialize)]
struct Preset {
    #[allow(dead_code)] // for whoever reads the file
    about: String,
    #[allow(dead_code)]
    sources: Vec<String>,
    steps: Vec<u32>,
}

const CAREFUL: &str = "careful";

static PRESETS: LazyLock<Vec<(String, Preset)>> = LazyLock::new(|| {
    let presets: toml::Table = include_str!("ramps.toml").parse().unwrap_or_default();
    let preset = |(name, value): (String, toml::Value)| Some((name, value.try_into().ok()?));
    presets.into_iter().filter_map(preset).collect()
});

/// How a relay warms up, if it does.
pub(super) fn read(section: &mut Section<'_, '_, '_, '_>) -> Option<WarmUp> {
    let (first, ramp) = (first_day(section), ramp(section));
    if section.has("ramp") && !section.has("warm_up") {
        section.missing("warm_up", "\"2026-12-01\", the first day on which it takes mails");
    }
    Some(WarmUp { first: first?, ramp: ramp? })
}

fn first_day(section: &mut Section<'_, '_, '_, '_>) -> Option<Day> {
    let text = section.text("warm_up")?;
    let date = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == 10);
    if date.is_none() {
        let hint = "write the first day on which it takes mails: warm_up = \"2026-12-01\"";
        section.wrong("warm_up", format!("`{text}` is no date"), Some(hint.to_owned()));
    }
    date.map(Day::from)
}

fn ramp(section: &mut Section<'_, '_, '_, '_>) -> Option<Ramp> {
    let known = || PRESETS.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let preset = |name: &str| {
        let found = PRESETS.iter().find(|(known, _)| known == name);
        found.and_then(|(_, preset)| Ramp::new(&preset.steps).ok())
    };
    let Some(value) = section.value("ramp") else { return preset(CAREFUL) };
    if let Some(name) = value.get_ref().as_str() {
        let found = preset(name);
        if found.is_none() {
            let message = format!("`{name}` is no ramp: known are {}", known().join(", "));
            let hint = nearest(name, &known()).map_or_else(
                || "or write numbers of mails a day: ramp = [50, 100, 200]".to_owned(),
                |word| format!("did you mean `{word}`?"),
            );
            section.wrong("ramp", message, Some(hint));
        }
        return found;
    }
    let wrong = |section: &mut Section<'_, '_, '_, '_>, span: &Range<usize>, message: String| {
        let hint = "write numbers of mails a day that do not fall: ramp = [50, 100, 200]";
        section.problems().add(span, message, Some(hint.to_owned()));
        None
    };
    let Some(items) = value.get_ref().as_array() else {
        let hint = format!("write ramp = \"{CAREFUL}\" or ramp = [50, 100, 200]");
        section.wrong("ramp", "`ramp` is a name or a list of numbers", Some(hint));
        return None;
    };
    let mut steps = Vec::new();
    for item in items {
        let number = item.get_ref().as_integer().and_then(|integer| {
            let digits = integer.as_str().replace('_', "");
            u32::from_str_radix(&digits, integer.radix()).ok()
        });
        let Some(number) = number else {
            return wrong(section, &item.span(), "a number of mails a day goes here".to_owned());
        };
        steps.push(number);
    }
    match Ramp::new(&steps) {
        Ok(ramp) => Some(ramp),
        Err((index, why)) => {
            let span = items.get(index).map_or_else(|| value.span(), toml::Spanned::span);
            wrong(section, &span, why.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_ramp_and_says_where_it_is_from() {
        let names: Vec<&str> = PRESETS.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["brisk", CAREFUL, "steady"]);
        for (name, preset) in PRESETS.iter() {
            assert!(Ramp::new(&preset.steps).is_ok(), "{name}");
            assert!(!preset.about.is_empty(), "{name}");
            let is_url = |source: &String| source.starts_with("https://");
            assert!(!preset.sources.is_empty() && preset.sources.iter().all(is_url), "{name}");
        }
    }
}
