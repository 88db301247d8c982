//! Values: what stands on a side of a comparison, and of what type it is.

use super::{Checker, Scope, words};
use crate::domain::{
    condition::{
        ast::{Expr, ExprKind, Sign, Word},
        error::{ConditionError, did_you_mean},
        node::{BoolTerm, NumberTerm, Reckoning, Source, TextTerm},
    },
    name::Name,
    value::{ValueType, parse_date},
};

/// A typed value.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Text(TextTerm),
    Number(NumberTerm),
    Bool(BoolTerm),
    Date(Reckoning),
    Duration(Reckoning),
    /// `entry.KEY`: of the type of what it is compared with.
    Open(Name),
    Stage,
    Temperature,
    Fit,
    Engagement,
}

impl Operand {
    /// The end of the sentence "country is …".
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "a number",
            Self::Bool(_) => "a bool",
            Self::Date(_) => "a date",
            Self::Duration(_) => "a duration",
            Self::Open(_) => "open",
            Self::Stage => "a stage",
            Self::Temperature => "a temperature",
            Self::Fit | Self::Engagement => "a score",
        }
    }

    fn value(kind: ValueType, source: Source) -> Self {
        match kind {
            ValueType::Text => Self::Text(TextTerm::Value(source)),
            ValueType::Number => Self::Number(NumberTerm::Value(source)),
            ValueType::Bool => Self::Bool(BoolTerm::Value(source)),
            ValueType::Date => Self::Date(date_of(source)),
        }
    }

    /// An open one takes the type of `other`; what has a type keeps it.
    #[must_use]
    pub fn typed_as(self, other: &Self) -> Self {
        let Self::Open(key) = self else { return self };
        let source = Source::EntryKey(key.clone());
        match other {
            Self::Text(_) => Self::value(ValueType::Text, source),
            Self::Number(_) => Self::value(ValueType::Number, source),
            Self::Bool(_) => Self::value(ValueType::Bool, source),
            Self::Date(_) => Self::value(ValueType::Date, source),
            _ => Self::Open(key),
        }
    }
}

pub(super) fn date_of(source: Source) -> Reckoning {
    Reckoning { terms: vec![(1, source)], ..Reckoning::default() }
}

fn instant(at: i64) -> Reckoning {
    Reckoning { offset: at, ..Reckoning::default() }
}

impl Checker<'_> {
    /// A value. `beside` is what it is compared with, for a better hint. `None`: reported.
    pub(super) fn operand(&mut self, expr: &Expr, beside: Option<&Expr>) -> Option<Operand> {
        Some(match &expr.kind {
            ExprKind::Wrong => return None,
            ExprKind::Text(text) => Operand::Text(TextTerm::Literal(text.as_str().into())),
            ExprKind::Number(number) => Operand::Number(NumberTerm::Literal(*number)),
            ExprKind::Bool(value) => Operand::Bool(BoolTerm::Literal(*value)),
            ExprKind::Duration(millis) => Operand::Duration(instant(*millis)),
            ExprKind::Name(name) => return self.name(name, expr, beside),
            ExprKind::Field(on, key) => return self.field(expr, on, key),
            ExprKind::Sum(sign, left, right) => return self.sum(*sign, left, right),
            ExprKind::Call(word, args) if word.text == "date" => {
                return self.date(word, args).map(|at| Operand::Date(instant(at)));
            }
            ExprKind::Call(word, _) if word.text == "duration" => {
                self.complain(
                    ConditionError::new(word.span.clone(), "a duration is written without a call")
                        .hint("write 30d, 2h or 1h30m"),
                );
                return None;
            }
            ExprKind::Call(word, _) if word.text == "now" => {
                self.complain(
                    ConditionError::new(expr.span.clone(), "`now` is not called")
                        .hint("write `now`"),
                );
                return None;
            }
            ExprKind::List(_) => {
                self.complain(
                    ConditionError::new(expr.span.clone(), "a list stands after `in` only")
                        .hint("write `x in [\"a\", \"b\"]`"),
                );
                return None;
            }
            _ => {
                // Its own errors come first; only if there are none it is merely in the wrong place.
                self.boolean(expr)?;
                let text = self.text(expr);
                self.complain(
                    ConditionError::new(
                        expr.span.clone(),
                        format!("{text} is itself true or false"),
                    )
                    .hint(format!("write `{text}` or `not {text}` alone")),
                );
                return None;
            }
        })
    }

    fn name(&mut self, name: &str, expr: &Expr, beside: Option<&Expr>) -> Option<Operand> {
        Some(match name {
            "now" => Operand::Date(Reckoning { slope: 1, ..Reckoning::default() }),
            "stage" => return self.outside_of_fit(expr, Operand::Stage),
            "fit" => return self.outside_of_fit(expr, Operand::Fit),
            "engagement" => return self.outside_of_fit(expr, Operand::Engagement),
            "temperature" => return self.outside_of_fit(expr, Operand::Temperature),
            "entry" => {
                self.complain(
                    ConditionError::new(expr.span.clone(), "`entry` is the entering event")
                        .hint("write which of its values: `entry.object`, `entry.KEY`"),
                );
                return None;
            }
            _ => match self.env.schema.slot(name) {
                Some(slot) => {
                    let kind = self.env.schema.attribute(slot).kind;
                    Operand::value(kind, Source::Attribute(slot))
                }
                None => return self.unknown_word(name, expr, beside),
            },
        })
    }

    fn outside_of_fit(&mut self, expr: &Expr, operand: Operand) -> Option<Operand> {
        if self.env.scope != Scope::Fit {
            return Some(operand);
        }
        let message = format!("a fit rule cannot look at {}, which rests on fit", self.text(expr));
        self.complain(
            ConditionError::new(expr.span.clone(), message)
                .hint("look at attributes, tags and events"),
        );
        None
    }

    fn unknown_word(&mut self, name: &str, expr: &Expr, beside: Option<&Expr>) -> Option<Operand> {
        let hint =
            if matches!(name, "null" | "NULL" | "None" | "nil" | "missing" | "unknown" | "empty") {
                let what = beside.map_or_else(|| "country".to_owned(), |other| self.text(other));
                Some(format!("nothing is compared with what is missing; ask `has({what})`"))
            } else if words::FUNCTIONS.contains(&name) {
                Some(format!("write `{name}(…)`: it is called"))
            } else if beside.is_some_and(|other| self.is_textual(other)) {
                Some(format!("a text stands in quotes: \"{name}\""))
            } else {
                let attributes =
                    self.env.schema.iter().map(|(_, attribute)| attribute.name.as_str());
                did_you_mean(name, attributes.chain(words::VALUES).chain(words::FUNCTIONS))
            };
        let message = format!("`{name}` is not an attribute");
        let fallback = "attributes are declared in the folder; a text stands in quotes";
        self.complain(ConditionError::new(expr.span.clone(), message).hint(fallback).maybe(hint));
        None
    }

    /// Whether a word beside it is probably a text without quotes.
    fn is_textual(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Name(name) if name == "stage" || name == "temperature" => true,
            ExprKind::Name(name) => {
                let slot = self.env.schema.slot(name);
                slot.is_some_and(|slot| self.env.schema.attribute(slot).kind == ValueType::Text)
            }
            ExprKind::Field(..) => true,
            _ => false,
        }
    }

    /// `entry.KEY`.
    fn field(&mut self, expr: &Expr, on: &Expr, key: &Word) -> Option<Operand> {
        if !matches!(&on.kind, ExprKind::Name(name) if name == "entry") {
            let hint = words::METHODS
                .contains(&key.text.as_str())
                .then(|| format!("write `.{}(…)`: it is called", key.text))
                .or_else(|| did_you_mean(&key.text, words::METHODS));
            let message = format!("{} has no part `{}`", self.text(on), key.text);
            self.complain(ConditionError::new(key.span.clone(), message).maybe(hint));
            return None;
        }
        if !self.env.scope.is_inside() {
            self.complain(
                ConditionError::new(expr.span.clone(), "there is no entering event here")
                    .hint("`entry` is known inside of a workflow"),
            );
            return None;
        }
        Some(match key.text.as_str() {
            "object" => Operand::Text(TextTerm::Value(Source::EntryObject)),
            "kind" => Operand::Text(TextTerm::Value(Source::EntryKind)),
            "at" => Operand::Date(date_of(Source::EntryAt)),
            other => Operand::Open(other.into()),
        })
    }

    /// What `has` may be asked about.
    pub(super) fn has(&mut self, word: &Word, args: &[Expr]) -> Option<Source> {
        let [arg] = args else {
            self.complain(
                ConditionError::new(word.span.clone(), "`has` is asked about one attribute")
                    .hint("write `has(country)`"),
            );
            return None;
        };
        let problem = match &arg.kind {
            ExprKind::Name(name) => match self.env.schema.slot(name) {
                Some(slot) if !words::VALUES.contains(&name.as_str()) => {
                    return Some(Source::Attribute(slot));
                }
                _ if matches!(name.as_str(), "engagement" | "temperature") => {
                    format!("`has` is asked about attributes; compare {name} instead")
                }
                _ if words::VALUES.contains(&name.as_str()) && name != "entry" => {
                    format!("{name} is always there")
                }
                _ => {
                    self.name(name, arg, None);
                    return None;
                }
            },
            ExprKind::Field(on, key) => {
                return match self.field(arg, on, key)? {
                    Operand::Open(key) => Some(Source::EntryKey(key)),
                    _ => Some(match key.text.as_str() {
                        "object" => Source::EntryObject,
                        "kind" => Source::EntryKind,
                        _ => Source::EntryAt,
                    }),
                };
            }
            ExprKind::Wrong => return None,
            ExprKind::Text(text) => {
                let error = ConditionError::new(arg.span.clone(), "an attribute has no quotes");
                self.complain(error.hint(format!("write `has({text})`")));
                return None;
            }
            _ => "`has` is asked about an attribute or `entry.KEY`".to_owned(),
        };
        self.complain(ConditionError::new(arg.span.clone(), problem));
        None
    }

    /// `date("2027-03-28")`, in milliseconds.
    pub(super) fn date(&mut self, word: &Word, args: &[Expr]) -> Option<i64> {
        let (text, span) = self.text_argument(word, args, "date(\"2027-03-28\")")?;
        let at = parse_date(&text);
        if at.is_none() {
            self.complain(
                ConditionError::new(span, format!("\"{text}\" is not a date"))
                    .hint("write date(\"2027-03-28\") or date(\"2027-03-28T09:00:00Z\")"),
            );
        }
        at.map(crate::domain::time::Instant::millis)
    }

    fn sum(&mut self, sign: Sign, left: &Expr, right: &Expr) -> Option<Operand> {
        let (l, r) = (self.operand(left, None), self.operand(right, None));
        // An open one beside `+` or `-` can only be a date.
        let date = Operand::Date(Reckoning::default());
        let (l, r) = (l?.typed_as(&date), r?.typed_as(&date));
        let span = left.span.start..right.span.end;
        let factor = if sign == Sign::Plus { 1 } else { -1 };
        let (mut message, mut hint) = (String::new(), None);
        match (l, r, sign) {
            (Operand::Date(l), Operand::Duration(r), _)
            | (Operand::Duration(l), Operand::Date(r), Sign::Plus) => {
                return Some(Operand::Date(l.plus(factor, r)));
            }
            (Operand::Duration(l), Operand::Duration(r), _)
            | (Operand::Date(l), Operand::Date(r), Sign::Minus) => {
                return Some(Operand::Duration(l.plus(factor, r)));
            }
            (Operand::Date(_), Operand::Date(_), Sign::Plus) => {
                message.push_str("two dates cannot be added");
                hint = Some("a date less a date is a duration".to_owned());
            }
            (Operand::Duration(_), Operand::Date(_), Sign::Minus) => {
                message.push_str("a date cannot be taken from a duration");
            }
            (l, r, _) => {
                let (odd, operand) = match l {
                    Operand::Date(_) | Operand::Duration(_) => (right, r),
                    _ => (left, l),
                };
                message = format!(
                    "{} is {}: only dates and durations are reckoned with",
                    self.text(odd),
                    operand.what()
                );
                hint = matches!(odd.kind, ExprKind::Number(_))
                    .then(|| format!("write {}d for days", self.text(odd)));
            }
        }
        self.complain(ConditionError::new(span, message).maybe(hint));
        None
    }
}
