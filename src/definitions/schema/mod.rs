//! The keys of the campaign language: one table that the readers open their maps by, and that the
//! manual's reference and the editors' JSON Schema are made of. What is not in it cannot be read.

mod campaign;
mod cases;
mod enter;
mod files;
mod forks;
mod guards;
mod json;
mod mail;
mod pacing;
mod page;
mod rounds;
mod webhook;
mod workflow;

pub(super) use campaign::{CAMPAIGN, COST, UTM};
pub(super) use cases::{EXPECT, HAPPENS, LEAD, TEST_CASE, TESTS};
pub(super) use enter::ENTER;
pub use files::FILES;
pub(super) use files::{
    ACCOUNTS, ANSWER, BY_COUNTRY, CAP, DAYS_OFF, ENGAGEMENT_RULE, FIT_RULE, FOR_EVER, MOST_PEOPLE,
    PERSON, POLICY, PURPOSE, QUESTION, RUNG, SCORING, SEGMENT, STAGE_RULE, TEAM, TEMPERATURE,
    YES_OR_NO,
};
pub(super) use forks::{ARM, CASE};
pub(super) use guards::GUARDS;
pub use json::{
    folder as json_schema, mail as json_schema_of_mails, tests as json_schema_of_tests,
};
pub(super) use mail::{ATTACHMENT, CALENDAR, MAIL};
pub(super) use pacing::{PACING, PROVIDER};
pub use page::page;
pub(super) use rounds::STREAM_OF_MAILS;
pub(super) use workflow::{
    ON_CHANGE, OUTCOMES, SEND, SILENT, STEP_KINDS, STEPS, STEPS_LATER, TAG, WORKFLOW,
};

/// A map: which keys it may have.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// A heading for people: "A workflow".
    pub title: &'static str,
    pub keys: &'static [Key],
    /// Keys that belong to the language and are not built yet.
    pub later: &'static [&'static str],
}

impl Map {
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }
}

/// One key of a map.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub name: &'static str,
    pub form: Form,
    pub missing: Missing,
    /// What it says, in one sentence of Markdown.
    pub about: &'static str,
}

/// What it means that a key is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Missing {
    /// It must be there.
    Refused,
    /// As the text says.
    Means(&'static str),
}

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The key alone.
    Nothing,
    Text,
    /// A text that leads read, or one a language.
    Label,
    /// The name of something: a slug, or for mails and steps a path of slugs.
    Name(&'static str),
    Condition,
    /// A question after events, as `visited("/pricing")`.
    EventQuestion,
    /// A kind of event, as `form.submitted`.
    Event,
    /// How long a wait is, as `2 business days`.
    Wait,
    /// A date of the campaign, as `starts - 21d, 09:30`.
    Date,
    /// A wait, or a date of the campaign.
    Deadline,
    /// A local time, or a day: `2027-10-14 11:00`.
    LocalTime,
    /// A local day with its hour, `2027-03-01 08:00`.
    DayAndHour,
    /// The same, or so long after the beginning.
    Moment,
    /// A length of time, as `180d`.
    Length,
    /// How fast, as `20 per minute`.
    Rate,
    /// A part of a number of mails, as `5% of 200`.
    Limit,
    /// So many a day, or a rate.
    AtMost,
    /// A number of mails, as `12 mails`.
    Mails,
    Window,
    /// Hours of every day, `21:00-08:00`.
    Hours,
    Zone,
    Country,
    /// A date, or a month and a day of each year.
    Day,
    Language,
    /// An address, or for replies a mailbox.
    Address,
    YesNo,
    Number,
    /// Within both bounds.
    Whole(i32, i32),
    OneOf(fn() -> Vec<&'static str>),
    /// One of these words, or something else as the text says.
    WordOr(&'static [&'static str], &'static str),
    /// One, or a list of them.
    Some(&'static Form),
    /// Likewise, and the list may be empty.
    Any(&'static Form),
    List(&'static Form),
    Map(&'static Map),
    /// Names of the folder's own, each with a value.
    Named(&'static Form),
    /// Countries, each with a value.
    ByCountry(&'static Form),
    /// Attributes and their values; an empty one clears.
    Values,
    Either(&'static [Form]),
    /// A list of steps.
    Steps,
}

/// What a kind of file holds under its first key.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    pub key: &'static str,
    pub about: &'static str,
    pub form: Form,
}

const fn must(name: &'static str, form: Form, about: &'static str) -> Key {
    Key { name, form, missing: Missing::Refused, about }
}

const fn may(name: &'static str, form: Form, missing: &'static str, about: &'static str) -> Key {
    Key { name, form, missing: Missing::Means(missing), about }
}

/// A note for people, in whatever map.
const ABOUT: Key = may("about", Form::Text, "nothing", "for people; it has no effect");

#[cfg(test)]
mod tests {
    use super::*;

    /// Every map that is reachable from the files' and mails' roots.
    fn maps() -> Vec<&'static Map> {
        let mut found: Vec<&'static Map> = vec![&MAIL];
        found.extend(STEPS.iter().chain([&OUTCOMES]));
        fn walk(form: &Form, found: &mut Vec<&'static Map>) {
            match form {
                Form::Map(map) => {
                    found.push(map);
                    map.keys.iter().for_each(|key| walk(&key.form, found));
                }
                Form::Some(form) | Form::Any(form) | Form::List(form) | Form::Named(form) => {
                    walk(form, found);
                }
                Form::Either(forms) => forms.iter().for_each(|form| walk(form, found)),
                _ => {}
            }
        }
        FILES.iter().for_each(|kind| walk(&kind.form, &mut found));
        walk(&Form::Map(&TESTS), &mut found);
        found
    }

    #[test]
    fn a_key_is_in_its_map_once_and_either_built_or_not() {
        for map in maps() {
            let names: Vec<&str> = map.names().chain(map.later.iter().copied()).collect();
            for (place, name) in names.iter().enumerate() {
                assert!(!names[..place].contains(name), "{name} twice in {}", map.title);
            }
        }
    }
}
