//! What may be a name: slugs, so that no name is a path, a flag or a header.

use crate::domain::language;

/// The longest word of a name.
const LONGEST: usize = 60;

/// Lower-case letters, digits, `-` and `_`, beginning with a letter or a digit.
pub(super) fn is_slug(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
}

/// Slugs joined by `/`: `cold/industry-report`.
pub(super) fn is_slug_path(text: &str) -> bool {
    text.len() <= 200 && text.split('/').all(is_slug)
}

/// What an attribute may be called: a word of the condition language.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() <= LONGEST
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A language in the form in which leads have theirs, or no lead would match it: `it`, `pt-BR`.
pub(super) fn is_language(text: &str) -> bool {
    language::canonical(text).is_some_and(|form| form == text)
}

/// The slug nearest to a text that is none: `Cold Leads` → `cold-leads`.
pub(super) fn slugged(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if slug.len() >= LONGEST {
            break;
        }
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() || c == '_' => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

/// What to write instead of a name that is no slug.
pub(super) fn slug_hint(written: &str) -> String {
    let slug = slugged(written);
    if slug.is_empty() {
        "use lower-case letters, digits, `-` and `_`, at most 60".to_owned()
    } else {
        format!("write: {slug}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_path_or_a_flag() {
        for bad in
            ["", "..", "a/../b", "/a", "a//b", "-x", "A", "a b", "a\0", "é", &"x".repeat(300)]
        {
            assert!(!is_slug_path(bad), "{bad:?}");
        }
        for good in ["cold/industry-report", "a", "2-days", "q_1"] {
            assert!(is_slug_path(good), "{good:?}");
        }
    }

    #[test]
    fn languages() {
        assert!(["it", "pt-BR", "ast", "zh-Hant"].into_iter().all(is_language));
        assert!(!["", "i", "IT", "it-", "english", "it_CH", "pt-br"].into_iter().any(is_language));
    }

    #[test]
    fn a_slug_is_offered_for_what_is_none() {
        assert_eq!(slugged("Cold Leads!"), "cold-leads");
        assert_eq!(slugged("  è "), "");
    }
}
