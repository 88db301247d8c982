//! What sales reads of a lead that is handed over, as templates see it under `card`.

use serde::Serialize;

/// The lead's story.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Card {
    /// Nobody answered the first one.
    pub again: bool,
    /// What makes the lead's fit, the most points first.
    pub fit: Vec<CardLine>,
    /// What made its engagement, the most points first; nothing where behaviour may not be looked at.
    pub engagement: Vec<CardLine>,
    /// What it did last, the newest first.
    pub events: Vec<CardEvent>,
    /// What it was sent, the newest first.
    pub mails: Vec<CardMail>,
    /// What it said of budget, authority, need and timing.
    pub answers: Vec<CardAnswer>,
    /// The buttons.
    pub outcome: Option<OutcomeLinks>,
}

/// What one rule of the scoring gave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CardLine {
    pub rule: String,
    /// Whole points, before they fade.
    pub points: i64,
    /// For how many events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
    /// RFC 3339, for the `date` filter, as all instants here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CardEvent {
    pub at: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CardMail {
    pub at: String,
    /// The template.
    pub mail: String,
    pub clicked: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CardAnswer {
    pub name: String,
    pub value: String,
}

/// Where the buttons lead.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OutcomeLinks {
    pub accepted: String,
    /// Not now: ask again in so many months.
    pub in_1_month: String,
    pub in_3_months: String,
    pub in_6_months: String,
    pub no_budget: String,
    pub wrong_person: String,
}
