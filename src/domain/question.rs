//! Questions: a signed link in a mail to a page with a button, and the event `lead.answered` that the
//! button records.

use std::collections::BTreeMap;

use super::{
    lead::Stage,
    name::Name,
    value::{Slot, Value},
};

/// What one link asks: its page says it, its button answers it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ask {
    /// A question of the campaign folder, and the answer that was chosen in the mail.
    Declared { key: Name, value: Name },
    /// To be written to again after so long, as [`Later`](super::schedule::Later) prints it.
    Later { after: Name },
    /// What the lead is written to about.
    Preferences,
    /// How it went with a lead: for our own people, out of a mail to them.
    Outcome { value: Name },
}

impl Ask {
    pub const LATER: &'static str = "later";
    pub const PREFERENCES: &'static str = "preferences";
    pub const OUTCOME: &'static str = "outcome";
    /// The questions that are there without being declared; no declared one is called so.
    pub const BUILT_IN: [&'static str; 3] = [Self::LATER, Self::PREFERENCES, Self::OUTCOME];

    /// The object of `lead.answered`.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Declared { key, .. } => key,
            Self::Later { .. } => Self::LATER,
            Self::Preferences => Self::PREFERENCES,
            Self::Outcome { .. } => Self::OUTCOME,
        }
    }

    /// The answer, as far as the link itself gives it.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Declared { value, .. } | Self::Outcome { value } => value,
            Self::Later { after } => after,
            Self::Preferences => "",
        }
    }
}

/// What facts tell an answer by: `topic=pricing`. No key has a `=` in it, so that all answers to one
/// question begin with `topic=`.
#[must_use]
pub fn fact_object(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

/// A question of the campaign folder.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// What its page is headed with.
    pub title: Label,
    /// In no order that means anything: what is live keeps them sorted.
    pub answers: Vec<Answer>,
}

/// One of the answers that a question admits.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    pub value: Name,
    /// As the lead reads it.
    pub label: Label,
    /// The attribute that it sets.
    pub sets: Option<(Slot, Value)>,
    /// The stage that it moves the lead to.
    pub stage: Option<Stage>,
}

impl Question {
    #[must_use]
    pub fn answer(&self, value: &str) -> Option<&Answer> {
        self.answers.iter().find(|answer| *answer.value == *value)
    }
}

/// The declared questions, by key.
pub type Questions = BTreeMap<Name, Question>;

/// A text that people read, in one language or several.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Label {
    /// By language; that of `""` is for all.
    texts: BTreeMap<Name, String>,
}

impl Label {
    #[must_use]
    pub fn new(texts: BTreeMap<Name, String>) -> Self {
        Self { texts }
    }

    /// In the first of these languages that it is written in, as it stands or without its region; else
    /// the one for all, else any.
    #[must_use]
    pub fn read_in(&self, languages: &[&str]) -> &str {
        let primary = |language: &&str| language.split('-').next().unwrap_or_default().to_owned();
        let written = languages.iter().find_map(|language| {
            self.texts.get(*language).or_else(|| self.texts.get(primary(language).as_str()))
        });
        let any = || self.texts.get("").or_else(|| self.texts.values().next());
        written.or_else(any).map_or("", String::as_str)
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self { texts: BTreeMap::from([(Name::new(""), text.to_owned())]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_read_in_the_first_language_that_it_has() {
        let texts = [("en", "Prices"), ("it", "Prezzi")];
        let label = Label::new(texts.map(|(language, text)| (language.into(), text.into())).into());
        assert_eq!(label.read_in(&["it-CH", "en"]), "Prezzi");
        assert_eq!(label.read_in(&["de", "it"]), "Prezzi");
        assert_eq!(label.read_in(&["de"]), "Prices", "some language is better than none");
        assert_eq!(Label::from("Prices").read_in(&["it"]), "Prices");
        assert_eq!(Label::default().read_in(&["it"]), "");
    }
}
