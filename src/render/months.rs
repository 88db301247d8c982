//! Dates in words: the months of the languages that we write them in; others get English ones.

/// `28 March 2027`; `month` counts from 1.
#[must_use]
pub fn date(day: i8, month: i8, year: i16, language: &str) -> String {
    let of = |months: [&'static str; 12]| {
        usize::try_from(month - 1).ok().and_then(|index| months.get(index).copied()).unwrap_or("")
    };
    match language {
        "it" => format!("{day} {} {year}", of(IT)),
        "de" => format!("{day}. {} {year}", of(DE)),
        "fr" => format!("{day} {} {year}", of(FR)),
        "es" => format!("{day} de {} de {year}", of(ES)),
        "nl" => format!("{day} {} {year}", of(NL)),
        "pt" => format!("{day} de {} de {year}", of(PT)),
        _ => format!("{day} {} {year}", of(EN)),
    }
}

const EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const IT: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];
const DE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];
const FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const ES: [&str; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];
const NL: [&str; 12] = [
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
];
const PT: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];
