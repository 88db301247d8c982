//! Languages as BCP 47 writes them, of at most two parts: `it`, `pt-BR`, `zh-Hant`.

/// The one form in which a language is stored and compared, out of how people and exports write it:
/// `pt-BR` of `PT_br`. What follows the language and is neither a region nor a script is left out.
///
/// `None`: it is no language.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let mut parts = text.trim().split(['-', '_']);
    let language = parts.next()?.trim().to_ascii_lowercase();
    if !matches!(language.len(), 2 | 3) || !language.chars().all(|c| c.is_ascii_lowercase()) {
        return None;
    }
    Some(match parts.next().and_then(region_or_script) {
        Some(second) => format!("{language}-{second}"),
        None => language,
    })
}

/// The languages that serve a reader of this one, the nearest first: of `pt_br`, `pt-BR` and `pt`.
pub fn serving(language: &str) -> impl Iterator<Item = String> {
    let own = canonical(language);
    let wider = own.as_deref().and_then(|own| Some(own.split_once('-')?.0.to_owned()));
    own.into_iter().chain(wider)
}

/// `BR`, `419`, `Hant`.
fn region_or_script(part: &str) -> Option<String> {
    let letters = part.chars().all(|c| c.is_ascii_alphabetic());
    match part.len() {
        2 if letters => Some(part.to_ascii_uppercase()),
        3 if part.chars().all(|c| c.is_ascii_digit()) => Some(part.to_owned()),
        4 if letters => Some(part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_each_language() {
        for (written, form) in [
            ("it", "it"),
            (" IT ", "it"),
            ("it_CH", "it-CH"),
            ("PT-br", "pt-BR"),
            ("zh-hant-TW", "zh-Hant"),
            ("es-419", "es-419"),
            ("it_IT.UTF-8", "it"),
            ("ast", "ast"),
        ] {
            assert_eq!(canonical(written).as_deref(), Some(form));
            assert_eq!(canonical(form).as_deref(), Some(form));
        }
        for none in ["", "i", "italian", "12", "è", "-IT"] {
            assert_eq!(canonical(none), None, "{none}");
        }
    }
}
