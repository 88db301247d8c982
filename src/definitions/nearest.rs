//! "Did you mean": the word that was probably meant.

use super::problem::quote;

/// Longer words are not compared: the distance takes time and memory by the square.
const LONGEST: usize = 100;

/// The word among `words` that `written` is a slip of, if one is near enough.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST {
        return None;
    }
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let wanted = plain(written);
    let allowed = (wanted.chars().count() / 3).clamp(1, 4);
    words
        .into_iter()
        .filter(|word| word.len() <= LONGEST)
        .map(|word| (strsim::osa_distance(&wanted, &plain(word)), word))
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, word)| word)
}

/// The same as a hint.
pub fn meant<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, words).map(|word| format!("did you mean `{}`?", quote(word)))
}

/// The hint for a word that is not among those that are valid.
pub(super) fn did_you_mean<'a>(
    written: &str,
    words: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(hint) = meant(written, words.clone()) {
        return Some(hint);
    }
    let mut all: Vec<&str> = words.into_iter().collect();
    all.sort_unstable();
    let more = if all.len() > 12 { ", …" } else { "" };
    all.truncate(12);
    (!all.is_empty()).then(|| format!("there are: {}{more}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let words = ["purpose", "priority", "up_to", "email"];
        assert_eq!(nearest("purpse", words), Some("purpose"));
        assert_eq!(nearest("up-to", words), Some("up_to"));
        assert_eq!(nearest("Emial", words), Some("email"));
        assert_eq!(nearest("window", words), None);
        assert_eq!(nearest(&"p".repeat(1_000_000), words), None);
    }
}
