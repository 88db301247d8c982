//! What reasons for holding a mail back are about, by how they begin: in one word, and what is the same for all
//! whom they hold.

use crate::domain::lead::Held;

/// How a reason reads that a decision or a sender gives, and what it is about. The rest is told as it is.
const BEGIN: [(&str, &str); 9] = [
    (Held::TURN, "turn"),
    ("cap: ", "cap"),
    ("min_gap: ", "min_gap"),
    ("sunset: ", "sunset"),
    ("somebody of the company has replied", "account"),
    ("asked to be written to later", "asked_for_later"),
    ("outside of the window", "window"),
    ("held back by [delivery] only_to", "only_to"),
    ("a mail of ", "behind"),
];

/// What follows in these is each lead's own.
const OWN: [&str; 2] = ["account", "asked_for_later"];

/// Its word, `held` where it is none of those known, and what to tell.
pub(in crate::engine) fn about(reason: &str) -> (&'static str, &str) {
    let known = BEGIN.iter().find(|(begin, _)| reason.starts_with(begin));
    match known {
        Some((begin, word)) if OWN.contains(word) => (word, &reason[..begin.len()]),
        Some((_, word)) => (word, reason),
        None if reason.contains(" of a company in ") => ("account", reason),
        None if reason.contains(" is a day off") => ("day_off", reason),
        None => ("held", reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::caps::{Cap, Counted, Rule, Span};

    #[test]
    fn what_each_lead_has_of_its_own_is_left_out() {
        let company = "somebody of the company has replied";
        assert_eq!(about(&format!("{company} on 3 Mar 2027 at 09:30")), ("account", company));
        let later = "asked to be written to later";
        assert_eq!(about(&format!("{later}, from 3 Apr 2027")), ("asked_for_later", later));
        assert_eq!(about("2 people of a company in 7 days").0, "account");
        assert_eq!(about("25 Dec 2026 is a day off in Italy").0, "day_off");
        assert_eq!(about("452 full"), ("held", "452 full"));
    }

    #[test]
    fn a_cap_is_known_by_how_it_is_written() {
        let cap = Cap { mails: 2, span: Span::Days(7), counted: Counted::All };
        let reason = Rule::Cap(&cap).to_string();
        assert_eq!(about(&reason), ("cap", "cap: 2 mails in 7 days"));
    }
}
