//! Countries as people write them, and whose clock their leads live by.

use std::{collections::HashMap, fmt, sync::LazyLock};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use super::time::Zone;

/// A line a country: codes of ISO 3166-1, zone, whether its clocks differ, names. Its head says whence.
const TABLE: &str = include_str!("countries.tsv");

/// A country of ISO 3166-1, by its code of two letters as the table has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

struct Atlas {
    by_name: HashMap<&'static str, Country>,
    zones: HashMap<Country, Option<&'static str>>,
}

static ATLAS: LazyLock<Atlas> = LazyLock::new(|| {
    let mut atlas = Atlas { by_name: HashMap::new(), zones: HashMap::new() };
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (two, three, zone, _, names) = (next(), next(), next(), next(), next());
        let country = Country(two);
        for name in names.split('|').chain([two, three]) {
            atlas.by_name.insert(name, country);
        }
        atlas.zones.insert(country, (!zone.is_empty()).then_some(zone));
    }
    atlas
});

impl Country {
    /// Reads a code (`IT`, `ITA`, in any case) or a name in English, Italian, German, French, Spanish or
    /// the country's own language: `Italy`, `Italia`, `the Netherlands`, `U.S.A.`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = &ATLAS.by_name;
        // Most are written as the table has them, but for their case.
        if let Some(country) = known.get(text) {
            return Some(*country);
        }
        let plain = plain(text);
        let code = || known.get(plain.to_uppercase().as_str());
        known.get(plain.as_str()).or_else(code).copied()
    }

    /// `IT`
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// Its zone: where clocks differ within the country, the one by which most of its people live.
    /// `None` for the few where nobody lives.
    #[must_use]
    pub fn zone(self) -> Option<Zone> {
        Zone::named((*ATLAS.zones.get(&self)?)?).ok()
    }

    /// All codes and names, in plain letters: what may be meant by one that is not known.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ATLAS.by_name.keys().copied()
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Small letters without marks, words apart by one space, without an article.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let letters = text.nfkd().filter(|c| !is_combining_mark(*c) && !matches!(c, '.' | '\'' | '’'));
    for c in letters.flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    let plain = plain.trim_end();
    plain.strip_prefix("the ").unwrap_or(plain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        Country::parse(text).map(Country::code)
    }

    #[test]
    fn countries_are_written_in_many_ways() {
        for (code_of, written) in [
            ("IT", "IT it ITA Italy ITALIA Italien Italie italia"),
            ("DE", "DE DEU Germany Germania Deutschland Allemagne"),
            ("FR", "France Francia Frankreich"),
            ("US", "us USA U.S.A. America"),
            ("GB", "GB UK U.K. GBR England Scotland Inghilterra Großbritannien Grande-Bretagne"),
            ("AT", "Austria Österreich Autriche"),
            ("CH", "CH Switzerland Schweiz Suisse Svizzera"),
            ("NL", "Netherlands Nederland Olanda Holland Niederlande"),
            ("CI", "Ivory_Coast Côte_d’Ivoire Cote_d'Ivoire"),
            (
                "US",
                "United_States the_United_States_of_America Stati_Uniti Vereinigte_Staaten États-Unis",
            ),
            ("GB", "United_Kingdom Regno_Unito Vereinigtes_Königreich _Northern__Ireland_"),
            ("CZ", "Czechia Czech_Republic Česko Repubblica_Ceca"),
            ("JP", "Japan 日本 Giappone"),
            ("NO", "NO no Norge Norvegia"),
        ] {
            for text in written.split(' ').map(|word| word.replace('_', " ")) {
                assert_eq!(code(&text), Some(code_of), "{text}");
            }
        }
        for text in ["", "Lombardia", "XX", "Europe", "n/a", "ITAL", "-"] {
            assert_eq!(code(text), None, "{text}");
        }
    }

    #[test]
    fn every_zone_of_the_table_is_in_the_bundled_database() {
        let bundled = jiff::tz::TimeZoneDatabase::bundled();
        let zones = ATLAS.zones.values().flatten();
        assert_eq!(zones.clone().count(), 245);
        for zone in zones {
            assert!(bundled.get(zone).is_ok(), "{zone}");
            assert!(Zone::named(zone).is_ok(), "{zone}");
        }
    }

    #[test]
    fn the_table_is_plain_and_whole() {
        assert_eq!(ATLAS.zones.len(), 249);
        for (name, country) in &ATLAS.by_name {
            assert_eq!(Country::parse(name), Some(*country), "{name}");
            assert!(*name == plain(name) || name.len() <= 3, "{name}");
        }
        let zone = |text| Country::parse(text).and_then(Country::zone);
        assert_eq!(zone("Italia").map(|zone| zone.name().to_owned()), Some("Europe/Rome".into()));
        assert_eq!(zone("US").map(|zone| zone.name().to_owned()), Some("America/New_York".into()));
        assert_eq!(zone("Antarctica"), None);
    }
}
