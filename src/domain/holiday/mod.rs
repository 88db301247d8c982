//! Nationwide public holidays, by country and by rule. What holds in a part of a country only is not here.

mod nations;
mod rule;

use std::{collections::HashMap, sync::LazyLock};

use jiff::civil::Date;

use super::country::Country;

/// The years that are known; outside of them no day is a holiday.
const YEARS: std::ops::RangeInclusive<i16> = 2020..=2099;

/// The holidays of one country.
#[derive(Debug)]
pub struct Holidays {
    /// A bit a day of the year, from the first known year on.
    years: Vec<[u64; 6]>,
}

static ALL: LazyLock<HashMap<Country, Holidays>> = LazyLock::new(|| {
    let known = nations::ALL.iter().filter_map(|nation| {
        let years = YEARS.map(|year| bits(nation.days(year), year)).collect();
        Some((Country::parse(nation.code)?, Holidays { years }))
    });
    known.collect()
});

impl Holidays {
    /// Those of a country, where they are known.
    #[must_use]
    pub fn of(country: Country) -> Option<&'static Self> {
        ALL.get(&country)
    }

    /// The countries whose holidays are known, by code.
    #[must_use]
    pub fn countries() -> Vec<Country> {
        let mut countries: Vec<Country> = ALL.keys().copied().collect();
        countries.sort_unstable();
        countries
    }

    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        let year = usize::try_from(date.year() - YEARS.start()).ok();
        let (word, bit) = place(date);
        year.and_then(|year| self.years.get(year)).is_some_and(|days| days[word] >> bit & 1 == 1)
    }
}

fn bits(days: impl IntoIterator<Item = Date>, year: i16) -> [u64; 6] {
    let mut bits = [0; 6];
    for (word, bit) in days.into_iter().filter(|day| day.year() == year).map(place) {
        bits[word] |= 1 << bit;
    }
    bits
}

fn place(date: Date) -> (usize, usize) {
    let day = usize::from(date.day_of_year().unsigned_abs());
    (day / 64, day % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By another hand: see the head of the file.
    const EXPECTED: &str = include_str!("../../../tests/civil/holidays.txt");

    /// Where the law says something else than that library: on a Sunday Canada Day is kept on the 2nd of
    /// July (Holidays Act, R.S.C. 1985, c. H-5, section 2).
    const BEYOND: [(&str, &str); 2] = [("CA", "2029-07-02"), ("CA", "2035-07-02")];

    #[test]
    fn the_days_are_those_that_another_library_finds() {
        let mut compared = 0;
        for line in EXPECTED.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let (code, year) = (words.next().unwrap(), words.next().unwrap());
            let mut expected: Vec<Date> =
                words.map(|day| format!("{year}-{day}").parse().unwrap()).collect();
            let beyond = BEYOND.iter().filter(|(of, day)| *of == code && day.starts_with(year));
            expected.extend(beyond.map(|(_, day)| day.parse::<Date>().unwrap()));
            expected.sort_unstable();
            let holidays = Holidays::of(Country::parse(code).unwrap()).expect(code);
            let first: Date = format!("{year}-01-01").parse().unwrap();
            let days =
                first.series(jiff::ToSpan::day(1)).take_while(|day| day.year() == first.year());
            let found: Vec<Date> = days.filter(|day| holidays.contains(*day)).collect();
            assert_eq!(found, expected, "{code} {year}");
            compared += 1;
        }
        assert_eq!(compared, Holidays::countries().len() * 10);
    }

    #[test]
    fn what_is_not_known_is_no_holiday() {
        let italy = Holidays::of(Country::parse("IT").unwrap()).unwrap();
        assert!(italy.contains("2099-12-25".parse().unwrap()));
        for day in ["2019-12-25", "2100-12-25", "-0001-12-25", "9999-12-31"] {
            assert!(!italy.contains(day.parse().unwrap_or(Date::MIN)), "{day}");
        }
        assert!(Holidays::of(Country::parse("IN").unwrap()).is_none());
    }
}
