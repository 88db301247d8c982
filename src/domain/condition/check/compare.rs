//! Comparisons and `in`: both sides of one type.

use super::{Checker, Operand};
use crate::domain::{
    condition::{
        ast::{Comparison, Expr, ExprKind},
        error::{ConditionError, did_you_mean},
        node::{BoolTerm, NodeKind, NumberTerm, Stages, Temperatures, TextTerm},
    },
    lead::Stage,
    name::Name,
    score::{MilliPoints, Temperature},
    value::{Schema, parse_date},
};

impl Checker<'_> {
    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
    ) -> Option<NodeKind> {
        let (l, r) = (self.operand(left, Some(right)), self.operand(right, Some(left)));
        let (l, r) = (l?, r?);
        if let (Operand::Open(_), Operand::Open(_)) = (&l, &r) {
            let message = format!(
                "of what type {} and {} are cannot be told",
                self.text(left),
                self.text(right)
            );
            self.complain(
                ConditionError::new(around(left, right), message)
                    .hint("compare each with an attribute or a literal"),
            );
            return None;
        }
        let (l, r) = (l.clone().typed_as(&r), r.typed_as(&l));
        match (l, r) {
            (Operand::Text(left), Operand::Text(right)) => {
                Some(NodeKind::Text { comparison, left, right })
            }
            (Operand::Number(left), Operand::Number(right)) => {
                Some(NodeKind::Number { comparison, left, right })
            }
            (Operand::Date(l), Operand::Date(r)) | (Operand::Duration(l), Operand::Duration(r)) => {
                Some(NodeKind::Moment { comparison, reckoning: l.plus(-1, r) })
            }
            (Operand::Bool(l), Operand::Bool(r)) => {
                self.order_of("yes and no", comparison, left, right)?;
                let equal = comparison == Comparison::Equal;
                Some(match (l, r) {
                    (BoolTerm::Value(left), right) | (right, BoolTerm::Value(left)) => {
                        NodeKind::Bool { equal, left, right }
                    }
                    (BoolTerm::Literal(l), BoolTerm::Literal(r)) => {
                        NodeKind::Constant((l == r) == equal)
                    }
                })
            }
            (Operand::Stage, _) => self.one_of_stages(comparison, left, right),
            (_, Operand::Stage) => self.one_of_stages(comparison, right, left),
            (Operand::Temperature, _) => self.one_of_temperatures(comparison, left, right),
            (_, Operand::Temperature) => self.one_of_temperatures(comparison, right, left),
            (l @ (Operand::Fit | Operand::Engagement), r) => {
                self.score(comparison, (left, &l), (right, &r))
            }
            (l, r @ (Operand::Fit | Operand::Engagement)) => {
                self.score(comparison.flipped(), (right, &r), (left, &l))
            }
            (l, r) => self.mismatch(comparison, (left, &l), (right, &r)),
        }
    }

    fn mismatch<T>(
        &mut self,
        comparison: Comparison,
        (le, l): (&Expr, &Operand),
        (re, r): (&Expr, &Operand),
    ) -> Option<T> {
        let describe = |checker: &Self, expr: &Expr, operand: &Operand| match operand {
            Operand::Open(_) => checker.text(expr),
            _ => format!("{} is {}", checker.text(expr), operand.what()),
        };
        let message = format!("{}, {}", describe(self, le, l), describe(self, re, r));
        let hint = self
            .bridge(comparison, (le, l), (re, r))
            .or_else(|| self.bridge(comparison, (re, r), (le, l)));
        self.complain(ConditionError::new(around(le, re), message).maybe(hint));
        None
    }

    /// How `odd` could be written so that it is of the type of `fixed`, and means what it did.
    fn bridge(
        &self,
        comparison: Comparison,
        (fixed_expr, fixed): (&Expr, &Operand),
        (expr, odd): (&Expr, &Operand),
    ) -> Option<String> {
        let text = self.text(expr);
        match (fixed, odd, &expr.kind) {
            (Operand::Text(TextTerm::Value(_)), _, ExprKind::Number(_) | ExprKind::Bool(_)) => {
                let kind = if let Operand::Number(_) = odd { "number" } else { "bool" };
                // A standard attribute cannot be declared anew.
                let name = self.text(fixed_expr);
                let is_standard = Schema::STANDARD.iter().any(|(standard, _)| *standard == name);
                Some(match (comparison.is_order(), is_standard) {
                    (false, false) => {
                        format!("write \"{text}\", or declare the attribute as a {kind}")
                    }
                    (false, true) => format!("write \"{text}\""),
                    // In quotes "9" would be more than "50".
                    (true, false) => format!("declare the attribute as a {kind}"),
                    (true, true) => format!(
                        "list the texts that count, `{name} in [\"…\"]`, or compare a {kind} \
                         attribute of your own"
                    ),
                })
            }
            (Operand::Date(_), _, ExprKind::Text(date)) if parse_date(date).is_some() => {
                Some(format!("write date(\"{date}\")"))
            }
            (Operand::Date(_), _, ExprKind::Text(_)) => {
                Some("write date(\"2027-03-28\")".to_owned())
            }
            (Operand::Date(_), Operand::Duration(_), _) => {
                Some("a date is compared with a date: `now - created_on > 30d`".to_owned())
            }
            (Operand::Duration(_), _, ExprKind::Number(_)) => {
                Some(format!("write {text}d for days"))
            }
            (Operand::Number(_), _, ExprKind::Text(digits)) if digits.parse::<f64>().is_ok() => {
                Some(format!("write {digits} without quotes"))
            }
            (Operand::Bool(_), _, ExprKind::Text(_) | ExprKind::Number(_)) => {
                Some("a bool is `true` or `false`".to_owned())
            }
            _ => None,
        }
    }

    /// Refuses an order where there is none.
    fn order_of(
        &mut self,
        of: &str,
        comparison: Comparison,
        left: &Expr,
        right: &Expr,
    ) -> Option<()> {
        if !comparison.is_order() {
            return Some(());
        }
        self.complain(
            ConditionError::new(around(left, right), format!("{of} have no order"))
                .hint("use == , != or in"),
        );
        None
    }

    fn score(
        &mut self,
        comparison: Comparison,
        (score_expr, score): (&Expr, &Operand),
        (expr, other): (&Expr, &Operand),
    ) -> Option<NodeKind> {
        let Operand::Number(NumberTerm::Literal(points)) = other else {
            if let Operand::Number(_) | Operand::Open(_) = other {
                let message = format!("{} is compared with a plain number", self.text(score_expr));
                let hint = format!("write `{} >= 40`", self.text(score_expr));
                self.complain(ConditionError::new(expr.span.clone(), message).hint(hint));
                return None;
            }
            return self.mismatch(comparison, (score_expr, score), (expr, other));
        };
        let bound = thousandths(*points);
        if matches!(score, Operand::Fit) {
            return Some(NodeKind::Fit { comparison, bound });
        }
        // Engagement is a whole number of thousandths; a bound beyond them all is as good as that.
        #[allow(clippy::cast_possible_truncation)]
        let whole = |bound: f64| MilliPoints(bound as i64);
        let (at_least, bound) = match comparison {
            Comparison::AtLeast => (true, whole(bound.ceil())),
            Comparison::Greater => (true, whole(bound.floor() + 1.0)),
            Comparison::Less => (false, whole(bound.ceil())),
            Comparison::AtMost => (false, whole(bound.floor() + 1.0)),
            Comparison::Equal | Comparison::Unequal => {
                self.complain(
                    ConditionError::new(
                        around(score_expr, expr),
                        "engagement is hardly ever just one number: it fades all the time",
                    )
                    .hint(format!("write `engagement >= {}`", self.text(expr))),
                );
                return None;
            }
        };
        Some(NodeKind::Engagement { at_least, bound })
    }

    fn one_of_stages(
        &mut self,
        comparison: Comparison,
        stage: &Expr,
        other: &Expr,
    ) -> Option<NodeKind> {
        self.order_of("stages", comparison, stage, other)?;
        let mut set = Stages::default();
        set.add(self.stage_word(other)?);
        Some(NodeKind::Stage(if comparison == Comparison::Equal { set } else { set.others() }))
    }

    fn one_of_temperatures(
        &mut self,
        comparison: Comparison,
        temperature: &Expr,
        other: &Expr,
    ) -> Option<NodeKind> {
        self.order_of("temperatures", comparison, temperature, other)?;
        let mut set = Temperatures::default();
        set.add(self.temperature_word(other)?);
        let set = if comparison == Comparison::Equal { set } else { set.others() };
        Some(NodeKind::Temperature(set))
    }

    fn stage_word(&mut self, expr: &Expr) -> Option<Stage> {
        let found = self.plain_word(expr, "stage", &Stage::ALL.map(Stage::word))?;
        Stage::from_word(&found)
    }

    fn temperature_word(&mut self, expr: &Expr) -> Option<Temperature> {
        let found =
            self.plain_word(expr, "temperature", &Temperature::ALL.map(Temperature::word))?;
        Temperature::ALL.into_iter().find(|temperature| temperature.word() == found)
    }

    /// One of a few words, in quotes.
    fn plain_word(&mut self, expr: &Expr, of: &str, words: &[&str]) -> Option<String> {
        let (text, message) = match &expr.kind {
            ExprKind::Wrong => return None,
            ExprKind::Text(text) if words.contains(&text.as_str()) => return Some(text.clone()),
            ExprKind::Text(text) => (text.as_str(), format!("\"{text}\" is not a {of}")),
            // A word without quotes in a list.
            ExprKind::Name(name) if words.contains(&name.as_str()) => {
                let error =
                    ConditionError::new(expr.span.clone(), format!("`{name}` has no quotes"));
                self.complain(error.hint(format!("write \"{name}\"")));
                return None;
            }
            _ => ("", format!("a {of} is compared with one of its words")),
        };
        let all = format!("one of {}", words.join(", "));
        let near = did_you_mean(text, words.iter().copied());
        self.complain(ConditionError::new(expr.span.clone(), message).hint(all).maybe(near));
        None
    }

    pub(super) fn membership(&mut self, item: &Expr, list: &Expr) -> Option<NodeKind> {
        let operand = self.operand(item, None);
        let ExprKind::List(items) = &list.kind else {
            if !matches!(list.kind, ExprKind::Wrong) {
                self.complain(
                    ConditionError::new(list.span.clone(), "a list stands after `in`").hint(
                        "write `country in [\"IT\", \"FR\"]`; for a segment, `in_segment(\"x\")`",
                    ),
                );
            }
            return None;
        };
        if items.is_empty() {
            let error = ConditionError::new(list.span.clone(), "nothing is in an empty list");
            self.complain(error.hint("write what may be there: `[\"IT\", \"FR\"]`"));
            return None;
        }
        let operand = operand?;
        match operand {
            Operand::Stage => {
                let found: Vec<_> = items.iter().map(|word| self.stage_word(word)).collect();
                let mut set = Stages::default();
                found.into_iter().collect::<Option<Vec<_>>>()?.into_iter().for_each(|s| set.add(s));
                return Some(NodeKind::Stage(set));
            }
            Operand::Temperature => {
                let found: Vec<_> = items.iter().map(|word| self.temperature_word(word)).collect();
                let mut set = Temperatures::default();
                found.into_iter().collect::<Option<Vec<_>>>()?.into_iter().for_each(|t| set.add(t));
                return Some(NodeKind::Temperature(set));
            }
            Operand::Fit | Operand::Engagement | Operand::Duration(_) | Operand::Bool(_) => {
                let message = format!(
                    "{} is {}, which is not looked up in a list",
                    self.text(item),
                    operand.what()
                );
                let hint = match operand {
                    Operand::Bool(_) => format!("write `{0}` or `not {0}`", self.text(item)),
                    _ => "compare it with `>=` or `<`".to_owned(),
                };
                self.complain(ConditionError::new(item.span.clone(), message).hint(hint));
                return None;
            }
            _ => {}
        }
        let literals: Vec<_> = items.iter().map(|literal| self.literal(literal, item)).collect();
        let literals: Vec<Operand> = literals.into_iter().collect::<Option<_>>()?;
        let operand = operand.typed_as(&literals[0]);
        let mut fits = true;
        for (expr, literal) in items.iter().zip(&literals) {
            if std::mem::discriminant(literal) != std::mem::discriminant(&operand) {
                fits = false;
                let before = self.errors.len();
                self.mismatch::<()>(Comparison::Equal, (item, &operand), (expr, literal));
                // Of a long list, point at the odd one.
                self.errors[before..].iter_mut().for_each(|e| e.span = expr.span.clone());
            }
        }
        if !fits {
            return None;
        }
        match operand {
            Operand::Text(item) => {
                let list = literals.iter().filter_map(|literal| match literal {
                    Operand::Text(TextTerm::Literal(text)) => Some(text.clone()),
                    _ => None,
                });
                Some(NodeKind::TextIn { item, list: list.collect::<Vec<Name>>().into() })
            }
            Operand::Number(item) => {
                let list = literals.iter().filter_map(|literal| match literal {
                    Operand::Number(NumberTerm::Literal(number)) => Some(*number),
                    _ => None,
                });
                Some(NodeKind::NumberIn { item, list: list.collect() })
            }
            Operand::Date(item) => {
                let list = literals.iter().filter_map(|literal| match literal {
                    Operand::Date(date) => Some(date.offset),
                    _ => None,
                });
                Some(NodeKind::MomentIn { item, list: list.collect() })
            }
            // An open one whose list is of bools.
            Operand::Open(_) => {
                let message = format!("{} is not looked up in such a list", self.text(item));
                self.complain(ConditionError::new(item.span.clone(), message));
                None
            }
            _ => None,
        }
    }

    /// What may stand in a list.
    fn literal(&mut self, expr: &Expr, item: &Expr) -> Option<Operand> {
        let plain = match &expr.kind {
            ExprKind::Text(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Duration(_) => {
                true
            }
            ExprKind::Call(word, _) => word.text == "date",
            _ => false,
        };
        let operand = self.operand(expr, Some(item))?;
        if plain {
            return Some(operand);
        }
        let message = format!("{} is not a literal", self.text(expr));
        self.complain(
            ConditionError::new(expr.span.clone(), message)
                .hint("a list holds texts, numbers or dates"),
        );
        None
    }
}

/// From the beginning of the first to the end of the last, in whichever order they are given.
fn around(one: &Expr, other: &Expr) -> std::ops::Range<usize> {
    one.span.start.min(other.span.start)..one.span.end.max(other.span.end)
}

/// A literal with up to three decimals is meant exactly.
fn thousandths(points: f64) -> f64 {
    let bound = points * 1000.0;
    if (bound - bound.round()).abs() < 1e-6 { bound.round() } else { bound }
}
