//! Which of our languages a reader gets.

/// The languages that our own pages are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    #[default]
    English,
    Italian,
}

impl Language {
    /// As in HTML's `lang`.
    pub const fn tag(self) -> &'static str {
        self.choose("en", "it")
    }

    /// What is said in it.
    pub const fn choose<'a>(self, english: &'a str, italian: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Italian => italian,
        }
    }

    /// The one that the reader's `Accept-Language` (RFC 9110 section 12.5.4) likes best; English if it
    /// names neither.
    pub fn accepted(header: Option<&str>) -> Self {
        Self::preferred(header).unwrap_or_default()
    }

    /// The one that a language is, or is a form of.
    pub fn of(language: &str) -> Option<Self> {
        match language.split('-').next() {
            Some("it") => Some(Self::Italian),
            Some("en") => Some(Self::English),
            _ => None,
        }
    }

    /// The one that an `Accept-Language` likes best, if it names one.
    pub fn preferred(header: Option<&str>) -> Option<Self> {
        let mut best = (None, 0.0);
        for range in header.unwrap_or_default().split(',').take(32) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
            if let Some(language) = Self::of(&tag)
                && weight > best.1
            {
                best = (Some(language), weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_gets_the_language_it_likes_best_of_ours() {
        for (header, expected) in [
            (None, Language::English),
            (Some(""), Language::English),
            (Some("it"), Language::Italian),
            (Some("it-IT,it;q=0.9,en;q=0.8"), Language::Italian),
            (Some("en-GB,en;q=0.9,it;q=0.8"), Language::English),
            (Some("de-DE, it;q=0.4, en;q=0.3"), Language::Italian),
            (Some("it;q=0, en;q=0.1"), Language::English),
            (Some("it;q=nonsense"), Language::English),
            (Some("fr, *"), Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header:?}");
        }
    }
}
