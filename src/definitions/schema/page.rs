//! The language as a page of the manual: every key of every map.

use std::fmt::Write as _;

use super::{FILES, Form, MAIL, Map, Missing, OUTCOMES, STEPS, TESTS};

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    page.push_str("| first key | what the file holds |\n| --- | --- |\n");
    for kind in &FILES {
        let _ = writeln!(page, "| `{}` | {}: {} |", kind.key, kind.about, shown(kind.form));
    }
    for kind in &FILES {
        sections(&mut page, kind.form);
    }
    page.push_str("\n## Steps\n\nA step is one item of a list, and begins with the key that says what it does.\n");
    for step in STEPS.iter().chain([&OUTCOMES]) {
        table(&mut page, "###", &format!("`{}`", step.title), step);
        step.keys.iter().for_each(|key| sections(&mut page, key.form));
    }
    sections(&mut page, Form::Map(&MAIL));
    sections(&mut page, Form::Map(&TESTS));
    page
}

const HEAD: &str = "# Every key of the campaign language

This page is made from the tables that nurtured itself reads files by (`nurtured schema --page`), so it has every key and no
other. [Workflows](workflows.md) explains how they play together, [conditions](conditions.md) and [templates](templates.md) have
pages of their own. `nurtured schema` prints the same as JSON Schema: an editor that speaks it completes keys and marks mistakes
while you write.

";

/// The sections of the maps that a form leads to, outermost first.
fn sections(page: &mut String, form: Form) {
    match form {
        Form::Map(map) => {
            table(page, "##", map.title, map);
            map.keys.iter().for_each(|key| sections(page, key.form));
        }
        Form::Some(form) | Form::Any(form) | Form::List(form) | Form::Named(form) => {
            sections(page, *form);
        }
        Form::Either(forms) => forms.iter().for_each(|form| sections(page, *form)),
        _ => {}
    }
}

fn table(page: &mut String, level: &str, title: &str, map: &Map) {
    let heading = format!("\n{level} {title}\n\n");
    // A map that two keys lead to has one section.
    if page.contains(&heading) {
        return;
    }
    page.push_str(&heading);
    page.push_str("| key | value | if it is missing | what it says |\n| --- | --- | --- | --- |\n");
    for key in map.keys {
        let missing = match key.missing {
            Missing::Refused => "must be there",
            Missing::Means(what) => what,
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {missing} | {} |",
            key.name,
            shown(key.form),
            key.about.replace('|', "\\|")
        );
    }
}

/// What a value must be, for people.
fn shown(form: Form) -> String {
    let words = |words: &[&str]| {
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    };
    match form {
        Form::Nothing => "nothing".to_owned(),
        Form::Text => "a text".to_owned(),
        Form::Label => "a text, or one a language: `{ en: Prices, it: Prezzi }`".to_owned(),
        Form::Name(of) => format!("the name of {of}"),
        Form::Condition => "a [condition](conditions.md)".to_owned(),
        Form::EventQuestion => "a question after events, `visited(\"/pricing\")`".to_owned(),
        Form::Event => "an event, `form.submitted`".to_owned(),
        Form::Wait => "`3d`, `36h`, `2 business days`, `until tuesday 09:00`".to_owned(),
        Form::Date => "a date of the campaign, `starts - 21d, 09:30`, `starts - 1h`".to_owned(),
        Form::Deadline => format!("{}, or {}", shown(Form::Wait), shown(Form::Date)),
        Form::LocalTime => "a local time or a day, `2027-10-14 11:00`".to_owned(),
        Form::DayAndHour => "a day with its hour, `2027-03-01 08:00`".to_owned(),
        Form::Moment => {
            format!("{}, or so long after the beginning, `3d`", shown(Form::DayAndHour))
        }
        Form::Length => "a length of time, `180d`, `36h`".to_owned(),
        Form::Limit => "a part of at least so many mails, `5% of 200`".to_owned(),
        Form::Rate => "a rate, `300 per hour`, `20 per minute`, `5 per second`".to_owned(),
        Form::AtMost => "`500 per day`, or a rate, `60 per hour`".to_owned(),
        Form::Mails => "a number of mails, `12 mails`".to_owned(),
        Form::Window => "`mon-fri 09:00-17:30`, or `always`".to_owned(),
        Form::Hours => "hours, `21:00-08:00`".to_owned(),
        Form::Zone => "a time zone, `Europe/Rome`".to_owned(),
        Form::Country => "a country, `IT`, `Italy`".to_owned(),
        Form::Day => "a day, `2026-12-24`, or `12-31` for each year".to_owned(),
        Form::Language => "a language, `it`, `pt-BR`".to_owned(),
        Form::Address => "an address".to_owned(),
        Form::YesNo => "`yes` or `no`".to_owned(),
        Form::Number => "a number".to_owned(),
        Form::Whole(least, most) => format!("a whole number, {least} to {most}"),
        Form::OneOf(all) => format!("one of {}", words(&all())),
        Form::WordOr(some, other) => format!("{}, or {other}", words(some)),
        Form::Some(form) | Form::Any(form) => format!("{}, or a list of them", shown(*form)),
        Form::List(form) => format!("a list: {}", shown(*form)),
        Form::Map(map) => format!("the keys of [{}](#{})", map.title, anchor(map.title)),
        Form::Named(form) => format!("names of your own, each with {}", shown(*form)),
        Form::ByCountry(form) => format!("countries, each with {}", shown(*form)),
        Form::Values => "attributes and their values".to_owned(),
        Form::Either(forms) => {
            forms.iter().map(|form| shown(*form)).collect::<Vec<_>>().join("; or ")
        }
        Form::Steps => "a list of [steps](#steps)".to_owned(),
    }
}

/// The link to a heading, as Markdown's readers make it.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_manual_is_the_one_that_is_made() {
        let written = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md"));
        assert!(written == page(), "run: cargo run -- schema --page > docs/reference.md");
    }
}
