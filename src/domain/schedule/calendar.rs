//! Days off: the holidays of countries, and the house's own dates.

use jiff::civil::Date;

use crate::domain::{country::Country, holiday::Holidays, time::Zone};

/// The days on which the house does no business.
#[derive(Clone, Default, Debug)]
pub struct Calendar {
    pub holidays: Whose,
    pub also: Vec<OwnDay>,
}

/// Whose holidays are kept.
#[derive(Clone, Default, Debug)]
pub enum Whose {
    #[default]
    Nobodys,
    /// Each lead's, by its country.
    Leads,
    /// These countries', for every lead.
    Of(Vec<&'static Holidays>),
}

/// A date of the house's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OwnDay {
    Once(Date),
    /// Month and day, each year.
    Yearly(i8, i8),
}

/// The days off of one reader.
#[derive(Clone, Copy, Default, Debug)]
pub struct DaysOff<'a> {
    holidays: &'a [&'static Holidays],
    of_lead: Option<&'static Holidays>,
    also: &'a [OwnDay],
}

/// Where a reader is: on whose clock, by which calendar.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub zone: &'a Zone,
    pub days_off: DaysOff<'a>,
}

/// With no days off.
impl<'a> From<&'a Zone> for Place<'a> {
    fn from(zone: &'a Zone) -> Self {
        Self { zone, days_off: DaysOff::default() }
    }
}

impl Calendar {
    /// For somebody in this country; of nobody's country the holidays are not known.
    #[must_use]
    pub fn days_off(&self, country: Option<Country>) -> DaysOff<'_> {
        let (holidays, of_lead) = match &self.holidays {
            Whose::Nobodys => (&[][..], None),
            Whose::Leads => (&[][..], country.and_then(Holidays::of)),
            Whose::Of(countries) => (&countries[..], None),
        };
        DaysOff { holidays, of_lead, also: &self.also }
    }
}

impl DaysOff<'_> {
    /// No day is off.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holidays.is_empty() && self.of_lead.is_none() && self.also.is_empty()
    }

    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        self.also.iter().any(|day| day.is(date))
            || self.holidays.iter().chain(&self.of_lead).any(|holidays| holidays.contains(date))
    }
}

impl OwnDay {
    /// Reads `2026-12-24`, or `12-31` for each year.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.len() {
            10 => text.parse().ok().map(Self::Once),
            // In a leap year: the 29th of February comes in some.
            5 => {
                let day: Date = format!("2028-{text}").parse().ok()?;
                Some(Self::Yearly(day.month(), day.day()))
            }
            _ => None,
        }
    }

    fn is(self, date: Date) -> bool {
        match self {
            Self::Once(day) => day == date,
            Self::Yearly(month, day) => (month, day) == (date.month(), date.day()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(calendar: &Calendar, country: &str, dates: &[&str]) -> Vec<bool> {
        let days_off = calendar.days_off(Country::parse(country));
        dates.iter().map(|date| days_off.contains(date.parse().unwrap())).collect()
    }

    #[test]
    fn days_off_are_those_of_the_leads_country_or_of_the_house() {
        const DATES: [&str; 4] = ["2026-12-08", "2026-10-03", "2026-12-24", "2027-12-31"];
        let also = vec!["2026-12-24", "12-31"];
        let also: Vec<OwnDay> = also.into_iter().map(|day| OwnDay::parse(day).unwrap()).collect();
        let by_country = Calendar { holidays: Whose::Leads, also: also.clone() };
        assert_eq!(days(&by_country, "Italia", &DATES), [true, false, true, true]);
        assert_eq!(days(&by_country, "Germany", &DATES), [false, true, true, true]);
        assert_eq!(days(&by_country, "", &DATES), [false, false, true, true]);
        let germany = Holidays::of(Country::parse("DE").unwrap()).unwrap();
        let house = Calendar { holidays: Whose::Of(vec![germany]), also };
        assert_eq!(days(&house, "Italia", &DATES), [false, true, true, true]);
        assert_eq!(days(&Calendar::default(), "Italia", &DATES), [false; 4]);
        assert!(Calendar::default().days_off(Country::parse("IT")).is_empty());
        assert!(!by_country.days_off(None).is_empty());
    }

    #[test]
    fn own_days_are_once_or_each_year() {
        assert_eq!(OwnDay::parse("02-29"), Some(OwnDay::Yearly(2, 29)));
        assert_eq!(
            OwnDay::parse("2026-12-24"),
            Some(OwnDay::Once(jiff::civil::date(2026, 12, 24)))
        );
        for bad in ["", "12-32", "02-30", "2026-02-29", "24.12.2026", "12/24", "12-24T10:00", "1-1"]
        {
            assert_eq!(OwnDay::parse(bad), None, "{bad}");
        }
    }
}
