//! The holidays of each country, as the law has them in 2026.

use std::collections::BTreeSet;

use jiff::civil::{
    Date,
    Weekday::{Friday, Monday, Saturday, Sunday, Thursday},
};

use super::rule::{self, AUTUMN_EQUINOX, BRIGID, Rule, SPRING_EQUINOX, easter, from, nth, on};

#[derive(Debug)]
pub(super) struct Nation {
    pub code: &'static str,
    rules: &'static [Rule],
    /// A weekday between two holidays is one, too.
    bridges: bool,
}

impl Nation {
    pub fn days(&self, year: i16) -> BTreeSet<Date> {
        let mut days = rule::days(self.rules, year);
        if self.bridges {
            let between = days.iter().filter_map(|day| day.tomorrow().ok()).filter(|day| {
                let next = day.tomorrow().ok();
                !days.contains(day)
                    && day.weekday() != Sunday
                    && next.is_some_and(|next| days.contains(&next))
            });
            let between: Vec<Date> = between.collect();
            days.extend(between);
        }
        days
    }
}

const fn nation(code: &'static str, rules: &'static [Rule]) -> Nation {
    Nation { code, rules, bridges: false }
}

const GOOD_FRIDAY: Rule = easter(-2);
const EASTER: Rule = easter(0);
const EASTER_MONDAY: Rule = easter(1);
const ASCENSION: Rule = easter(39);
const PENTECOST: Rule = easter(49);
const WHIT_MONDAY: Rule = easter(50);
const CORPUS_CHRISTI: Rule = easter(60);
const CHRISTMAS: Rule = on(12, 25);
const BOXING_DAY: Rule = on(12, 26);

#[rustfmt::skip] // a line of dates a country, not a line a date
pub(super) static ALL: [Nation; 25] = [
    nation("AT", &[
        on(1, 1), on(1, 6), EASTER_MONDAY, on(5, 1), ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI,
        on(8, 15), on(10, 26), on(11, 1), on(12, 8), CHRISTMAS, BOXING_DAY,
    ]),
    nation("BE", &[
        on(1, 1), EASTER, EASTER_MONDAY, on(5, 1), ASCENSION, PENTECOST, WHIT_MONDAY, on(7, 21),
        on(8, 15), on(11, 1), on(11, 11), CHRISTMAS,
    ]),
    nation("BR", &[
        on(1, 1), GOOD_FRIDAY, on(4, 21), on(5, 1), on(9, 7), on(10, 12), on(11, 2), on(11, 15),
        on(11, 20), CHRISTMAS,
    ]),
    nation("CA", &[
        on(1, 1).to_weekday(), GOOD_FRIDAY, on(7, 1).past_sunday(), nth(1, Monday, 9),
        CHRISTMAS.to_weekday(),
    ]),
    nation("CH", &[
        on(1, 1), ASCENSION, on(8, 1), CHRISTMAS,
    ]),
    nation("CZ", &[
        on(1, 1), GOOD_FRIDAY, EASTER_MONDAY, on(5, 1), on(5, 8), on(7, 5), on(7, 6), on(9, 28),
        on(10, 28), on(11, 17), on(12, 24), CHRISTMAS, BOXING_DAY,
    ]),
    nation("DE", &[
        on(1, 1), GOOD_FRIDAY, EASTER_MONDAY, on(5, 1), ASCENSION, WHIT_MONDAY, on(10, 3),
        CHRISTMAS, BOXING_DAY,
    ]),
    nation("DK", &[
        on(1, 1), easter(-3), GOOD_FRIDAY, EASTER, EASTER_MONDAY, ASCENSION, PENTECOST, WHIT_MONDAY,
        CHRISTMAS, BOXING_DAY,
    ]),
    nation("ES", &[
        on(1, 1).lost_on_sunday(), on(1, 6).lost_on_sunday(), GOOD_FRIDAY,
        on(5, 1).lost_on_sunday(), on(8, 15).lost_on_sunday(), on(10, 12).lost_on_sunday(),
        on(11, 1).lost_on_sunday(), on(12, 6).lost_on_sunday(), on(12, 8).lost_on_sunday(),
        CHRISTMAS.lost_on_sunday(),
    ]),
    nation("FI", &[
        on(1, 1), on(1, 6), GOOD_FRIDAY, EASTER, EASTER_MONDAY, on(5, 1), ASCENSION, PENTECOST,
        from(Friday, 6, 19), from(Saturday, 6, 20), from(Saturday, 10, 31), on(12, 6), on(12, 24),
        CHRISTMAS, BOXING_DAY,
    ]),
    nation("FR", &[
        on(1, 1), EASTER_MONDAY, on(5, 1), on(5, 8), ASCENSION, WHIT_MONDAY, on(7, 14), on(8, 15),
        on(11, 1), on(11, 11), CHRISTMAS,
    ]),
    nation("GB", &[
        on(1, 1).to_weekday(), GOOD_FRIDAY, nth(1, Monday, 5), nth(-1, Monday, 5),
        CHRISTMAS.to_weekday(), BOXING_DAY.to_weekday(),
    ]),
    nation("HR", &[
        on(1, 1), on(1, 6), EASTER, EASTER_MONDAY, on(5, 1), on(5, 30), CORPUS_CHRISTI, on(6, 22),
        on(8, 5), on(8, 15), on(11, 1), on(11, 18), CHRISTMAS, BOXING_DAY,
    ]),
    nation("IE", &[
        on(1, 1), BRIGID, on(3, 17), EASTER_MONDAY, nth(1, Monday, 5), nth(1, Monday, 6),
        nth(1, Monday, 8), nth(-1, Monday, 10), CHRISTMAS, BOXING_DAY,
    ]),
    nation("IT", &[
        on(1, 1), on(1, 6), EASTER, EASTER_MONDAY, on(4, 25), on(5, 1), on(6, 2), on(8, 15),
        on(10, 4).since(2026), on(11, 1), nth(1, Sunday, 11), on(12, 8), CHRISTMAS, BOXING_DAY,
    ]),
    Nation { code: "JP", bridges: true, rules: &[
        on(1, 1).past_sunday(), nth(2, Monday, 1), on(2, 11).past_sunday(), on(2, 23).past_sunday(),
        SPRING_EQUINOX.past_sunday(), on(4, 29).past_sunday(), on(5, 3).past_sunday(),
        on(5, 4).past_sunday(), on(5, 5).past_sunday(), nth(3, Monday, 7), on(8, 11).past_sunday(),
        nth(3, Monday, 9), AUTUMN_EQUINOX.past_sunday(), nth(2, Monday, 10),
        on(11, 3).past_sunday(), on(11, 23).past_sunday(),
    ] },
    nation("LU", &[
        on(1, 1), EASTER_MONDAY, on(5, 1), on(5, 9), ASCENSION, WHIT_MONDAY, on(6, 23), on(8, 15),
        on(11, 1), CHRISTMAS, BOXING_DAY,
    ]),
    nation("NL", &[
        on(1, 1), GOOD_FRIDAY, EASTER, EASTER_MONDAY, on(4, 27).before_sunday(), on(5, 5).every(5),
        ASCENSION, PENTECOST, WHIT_MONDAY, CHRISTMAS, BOXING_DAY,
    ]),
    nation("NO", &[
        on(1, 1), easter(-3), GOOD_FRIDAY, EASTER, EASTER_MONDAY, on(5, 1), ASCENSION, on(5, 17),
        PENTECOST, WHIT_MONDAY, CHRISTMAS, BOXING_DAY,
    ]),
    nation("PL", &[
        on(1, 1), on(1, 6), EASTER, EASTER_MONDAY, on(5, 1), on(5, 3), PENTECOST, CORPUS_CHRISTI,
        on(8, 15), on(11, 1), on(11, 11), on(12, 24), CHRISTMAS, BOXING_DAY,
    ]),
    nation("PT", &[
        on(1, 1), GOOD_FRIDAY, EASTER, on(4, 25), on(5, 1), CORPUS_CHRISTI, on(6, 10), on(8, 15),
        on(10, 5), on(11, 1), on(12, 1), on(12, 8), CHRISTMAS,
    ]),
    nation("SE", &[
        on(1, 1), on(1, 6), GOOD_FRIDAY, EASTER, EASTER_MONDAY, on(5, 1), ASCENSION, PENTECOST,
        on(6, 6), from(Saturday, 6, 20), from(Saturday, 10, 31), CHRISTMAS, BOXING_DAY,
    ]),
    nation("SI", &[
        on(1, 1), on(1, 2), on(2, 8), EASTER, EASTER_MONDAY, on(4, 27), on(5, 1), on(5, 2),
        PENTECOST, on(6, 25), on(8, 15), on(10, 31), on(11, 1), CHRISTMAS, BOXING_DAY,
    ]),
    nation("SK", &[
        on(1, 1), on(1, 6), GOOD_FRIDAY, EASTER_MONDAY, on(5, 1), on(5, 8).since(2027), on(7, 5),
        on(8, 29), on(9, 15).since(2027), on(11, 1), on(12, 24), CHRISTMAS, BOXING_DAY,
    ]),
    nation("US", &[
        on(1, 1).to_nearest(), nth(3, Monday, 1), nth(3, Monday, 2), nth(-1, Monday, 5),
        on(6, 19).to_nearest(), on(7, 4).to_nearest(), nth(1, Monday, 9), nth(2, Monday, 10),
        on(11, 11).to_nearest(), nth(4, Thursday, 11), CHRISTMAS.to_nearest(),
    ]),
];
