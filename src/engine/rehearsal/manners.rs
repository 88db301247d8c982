//! How people behave in a rehearsal, as somebody declares it. All of it is assumed, not measured.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::{condition::parse_duration, name::Name, score::Temperature};

/// What is assumed of readers and of sales.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manners {
    /// Who opens a mail, and who clicks in it. Seen only of those who may be tracked.
    pub opens: Shares,
    pub clicks: Shares,
    pub replies: Shares,
    pub unsubscribes: Shares,
    pub complaints: Shares,
    /// Who answers a mail that asks a question.
    pub answers: Shares,
    /// Of those who click: who goes on to which page.
    pub visits: BTreeMap<String, Share>,
    /// Half of what readers do is done within this time, the rest later and later.
    pub half_within: Span,
    /// Of all addresses: those that are refused for good.
    pub bounces: Share,
    /// What is different with some mails.
    pub mails: BTreeMap<Name, OfMail>,
    pub sales: Sales,
}

/// What is different with one mail.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfMail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clicks: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replies: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribes: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complaints: Option<Shares>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Shares>,
}

/// What sales does with leads that are handed to it.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sales {
    pub accepts: Share,
    /// Of those who are not accepted. Of the rest nobody says anything.
    pub returns: Share,
    /// Half of the answers come within this time.
    pub half_within: Span,
    /// Of those who are accepted: whose deal is won.
    pub wins: Share,
    /// Half of these deals are won within this time.
    pub won_within: Span,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            opens: Shares::of([25.0, 45.0, 60.0]),
            clicks: Shares::of([2.0, 8.0, 15.0]),
            replies: Shares::of([0.5, 1.5, 3.0]),
            unsubscribes: Shares::of([0.4, 0.2, 0.1]),
            complaints: Shares::of([0.02, 0.01, 0.0]),
            answers: Shares::of([3.0, 8.0, 15.0]),
            visits: BTreeMap::from([
                ("/pricing".to_owned(), Share::percent(25.0)),
                ("/demo".to_owned(), Share::percent(8.0)),
            ]),
            half_within: Span(Duration::from_hours(6)),
            bounces: Share::percent(1.0),
            mails: BTreeMap::new(),
            sales: Sales::default(),
        }
    }
}

impl Default for Sales {
    fn default() -> Self {
        Self {
            accepts: Share::percent(55.0),
            returns: Share::percent(50.0),
            half_within: Span(Duration::from_hours(24)),
            wins: Share::percent(20.0),
            won_within: Span(Duration::from_hours(45 * 24)),
        }
    }
}

/// What is wrong with a file of manners.
#[derive(Debug, thiserror::Error)]
pub enum BadManners {
    #[error("{0}")]
    Yaml(String),
    #[error("there is no mail `{0}`")]
    Mail(Name),
}

impl Manners {
    /// Reads a file; what it does not say is assumed as by default. Mails are named that are among `known`.
    ///
    /// # Errors
    /// When it is no such file, with the place.
    pub fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, BadManners> {
        let manners: Self = serde_saphyr::from_str(text).map_err(|error| {
            let said = error.to_string();
            BadManners::Yaml(said.trim_start_matches("error: ").to_owned())
        })?;
        match manners.mails.keys().find(|mail| !known(mail)) {
            Some(mail) => Err(BadManners::Mail(mail.clone())),
            None => Ok(manners),
        }
    }

    /// As a file says it.
    ///
    /// # Errors
    /// Never, but for a writer that fails.
    pub fn to_yaml(&self) -> Result<String, BadManners> {
        serde_saphyr::to_string(self).map_err(|error| BadManners::Yaml(error.to_string()))
    }
}

/// A share of people, from nobody to all: `2.5%`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Share(f64);

/// A share by the temperature of a lead. One alone is the same for all.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Shares {
    pub cold: Share,
    pub warm: Share,
    pub hot: Share,
}

/// A length of time: `6h`, `2d`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span(pub Duration);

impl Share {
    const fn percent(percent: f64) -> Self {
        Self(percent / 100.0)
    }

    /// From 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Shares {
    const fn of([cold, warm, hot]: [f64; 3]) -> Self {
        Self { cold: Share::percent(cold), warm: Share::percent(warm), hot: Share::percent(hot) }
    }

    #[must_use]
    pub const fn at(self, temperature: Temperature) -> f64 {
        match temperature {
            Temperature::Cold => self.cold.get(),
            Temperature::Warm => self.warm.get(),
            Temperature::Hot => self.hot.get(),
        }
    }
}

impl std::str::FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        number
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(Self::percent)
            .ok_or_else(|| format!("`{text}` is no share: write it from 0% to 100%, like 2.5%"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What was written comes out again, whatever binary fractions make of it.
        let percent = (self.0 * 1e8).round() / 1e6;
        write!(f, "{percent}%")
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let millis = parse_duration(&String::deserialize(from)?).map_err(de::Error::custom)?;
        Ok(Self(Duration::from_millis(millis.unsigned_abs())))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let minutes = self.0.as_secs() / 60;
        let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
        let parts = [(days, "d"), (hours, "h"), (minutes, "m")];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
        to.serialize_str(if parts.is_empty() { "0m".to_owned() } else { parts.concat() }.as_str())
    }
}

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Shares;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share, like 2.5%, or one for each of cold, warm and hot")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Shares, E> {
                let share: Share = text.parse().map_err(E::custom)?;
                Ok(Shares { cold: share, warm: share, hot: share })
            }

            fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<Shares, M::Error> {
                let mut found: BTreeMap<&'static str, Share> = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let Some(temperature) =
                        Temperature::ALL.map(Temperature::word).into_iter().find(|it| **it == key)
                    else {
                        return Err(de::Error::unknown_field(&key, &["cold", "warm", "hot"]));
                    };
                    found.insert(temperature, map.next_value()?);
                }
                let share = |word| found.get(word).copied();
                let share = |word| share(word).ok_or_else(|| de::Error::missing_field(word));
                Ok(Shares { cold: share("cold")?, warm: share("warm")?, hot: share("hot")? })
            }
        }
        from.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Manners, BadManners> {
        Manners::parse(text, |mail| mail == "cold/one-question")
    }

    #[test]
    fn what_is_assumed_by_default_is_a_file_that_reads_the_same() {
        let yaml = Manners::default().to_yaml().unwrap();
        assert_eq!(parse(&yaml).unwrap(), Manners::default(), "{yaml}");
        insta::assert_snapshot!(yaml);
    }

    #[test]
    fn a_file_says_what_is_different() {
        let text = "clicks: 4%\nmails:\n  cold/one-question:\n    replies: { cold: 1.25%, warm: 2%, hot: 3% }\n";
        let manners = parse(text).unwrap();
        assert_eq!(manners.clicks, Shares::of([4.0; 3]));
        assert_eq!(manners.opens, Manners::default().opens);
        let replies = manners.mails["cold/one-question"].replies.unwrap();
        assert!((replies.at(Temperature::Cold) - 0.0125).abs() < 1e-12);
    }

    #[test]
    fn a_bad_file_is_refused_with_its_place() {
        for (text, said) in [
            ("clicks: 4", "like 2.5%"),
            ("clicks: 400%", "from 0% to 100%"),
            ("clicks: { cold: 1%, warm: 2% }", "hot"),
            ("clicks: { cold: 1%, warm: 2%, hot: 3%, tepid: 2% }", "tepid"),
            ("click: 4%", "click"),
            ("half_within: soon", "soon"),
            ("mails:\n  cold/gone:\n    opens: 1%", "there is no mail `cold/gone`"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(parse("opens: 1%\nclicks: x").unwrap_err().to_string().contains("line 2"));
    }
}
