//! Yes and no as people and CRMs write them: one table for whatever reads a cell.

/// In English, Italian, German, French and Spanish, and `TRUE` as spreadsheets write it in these.
const YES: [&str; 18] = [
    "yes",
    "y",
    "true",
    "t",
    "1",
    "x",
    "on",
    "sì",
    "sí",
    "si",
    "s",
    "vero",
    "ja",
    "j",
    "wahr",
    "oui",
    "vrai",
    "verdadero",
];
const NO: [&str; 11] =
    ["no", "n", "false", "f", "0", "off", "falso", "nein", "falsch", "non", "faux"];
const OPTED_IN: [&str; 7] =
    ["subscribed", "opted in", "opt in", "angemeldet", "iscritto", "inscrit", "abonné"];
const OPTED_OUT: [&str; 7] = [
    "unsubscribed",
    "opted out",
    "opt out",
    "abgemeldet",
    "disiscritto",
    "désinscrit",
    "désabonné",
];

/// What a cell says; `None`: nothing that anybody would be sure of.
#[must_use]
pub fn yes_or_no(text: &str) -> Option<bool> {
    one_of(&YES, &NO, &form(text))
}

/// What a cell of a column of consents says: also by `subscribed` or `opted out`.
#[must_use]
pub fn agrees(text: &str) -> Option<bool> {
    let word = form(text);
    one_of(&YES, &NO, &word).or_else(|| one_of(&OPTED_IN, &OPTED_OUT, &word))
}

/// What a cell of a column of objections says: also by `unsubscribed` or `opted in`.
#[must_use]
pub fn objects(text: &str) -> Option<bool> {
    let word = form(text);
    one_of(&YES, &NO, &word).or_else(|| one_of(&OPTED_OUT, &OPTED_IN, &word))
}

/// `opted out` of `OPTED_OUT` and `Opted-Out`.
fn form(text: &str) -> String {
    text.trim().to_lowercase().replace(['-', '_'], " ")
}

fn one_of(yes: &[&str], no: &[&str], word: &str) -> Option<bool> {
    if yes.contains(&word) {
        return Some(true);
    }
    no.contains(&word).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_by_what_its_column_asks() {
        for yes in [" Yes", "TRUE", "t", "Sì", "SÍ", "ja", "Oui", "x", "WAHR"] {
            assert_eq!([yes_or_no(yes), agrees(yes), objects(yes)], [Some(true); 3], "{yes}");
        }
        for no in ["No", "f", "nein", "NON", "0", "Falsch"] {
            assert_eq!([yes_or_no(no), agrees(no), objects(no)], [Some(false); 3], "{no}");
        }
        for out in ["Unsubscribed", "OPTED_OUT", "opt-out"] {
            let read = [yes_or_no(out), agrees(out), objects(out)];
            assert_eq!(read, [None, Some(false), Some(true)], "{out}");
        }
        for opted_in in ["subscribed", "Opted in"] {
            let read = [yes_or_no(opted_in), agrees(opted_in), objects(opted_in)];
            assert_eq!(read, [None, Some(true), Some(false)], "{opted_in}");
        }
        for neither in ["", "?", "perhaps", "since May", "not subscribed"] {
            let read = [yes_or_no(neither), agrees(neither), objects(neither)];
            assert_eq!(read, [None; 3], "{neither}");
        }
    }

    #[test]
    fn no_word_has_two_meanings() {
        let mut words = [&YES[..], &NO, &OPTED_IN, &OPTED_OUT].concat();
        words.sort_unstable();
        let all = words.len();
        words.dedup();
        assert_eq!(words.len(), all);
    }

    #[test]
    fn the_page_of_commands_names_every_word() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md"));
        for word in [&YES[..], &NO, &OPTED_IN, &OPTED_OUT].concat() {
            assert!(page.contains(&format!("`{word}`")), "{word}");
        }
    }
}
