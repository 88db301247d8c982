//! Event questions and methods: `clicked("x").within(30d)`, `country.startsWith("I")`.

use super::{
    Checker, Operand, Scope,
    object::known_object,
    words::{METHODS, QUESTION_METHODS, TEXT_METHODS},
};
use crate::domain::{
    condition::{
        ast::{Expr, ExprKind, Word},
        duration,
        error::{ConditionError, did_you_mean},
        node::{Like, NodeKind, Question, Source, TextTerm},
    },
    event::EventKind,
    facts::{FactIx, FactKey, FactPlan, ObjectFilter},
};

/// The words that ask for one kind of event, and how one is written with an object.
const QUESTIONS: [(&str, EventKind, &str); 6] = [
    ("clicked", EventKind::MAIL_CLICKED, "clicked(\"cold/report\")"),
    ("opened", EventKind::MAIL_OPENED, "opened(\"cold/report\")"),
    ("visited", EventKind::PAGE_VISITED, "visited(\"/pricing\")"),
    ("submitted", EventKind::FORM_SUBMITTED, "submitted(\"demo\")"),
    ("replied", EventKind::LEAD_REPLIED, "replied()"),
    ("answered", EventKind::LEAD_ANSWERED, super::answered::EXAMPLE),
];

pub(super) fn is_question(name: &str) -> bool {
    name == "happened" || QUESTIONS.iter().any(|(word, ..)| *word == name)
}

impl Checker<'_> {
    /// A question with nothing behind it.
    pub(super) fn bare_question(&mut self, expr: &Expr) -> Option<FactKey> {
        match &expr.kind {
            ExprKind::Wrong => None,
            ExprKind::Call(word, args) if is_question(&word.text) => self.fact_key(word, args),
            ExprKind::Call(word, _) if METHODS.iter().all(|method| word.text != *method) => {
                self.unknown_function(word)
            }
            ExprKind::Method(..) => {
                self.complain(
                    ConditionError::new(expr.span.clone(), "a score counts the bare event")
                        .hint("leave out what stands behind the call; `cap` limits how many count"),
                );
                None
            }
            _ => {
                self.complain(
                    ConditionError::new(expr.span.clone(), "this is not an event")
                        .hint("write `visited(\"/pricing\")` or `happened(\"deal.won\")`"),
                );
                None
            }
        }
    }

    /// A question, with `.within`, `.times`, `.ever` behind it or not.
    pub(super) fn question(&mut self, expr: &Expr) -> Option<NodeKind> {
        let mut methods = Vec::new();
        let mut base = expr;
        while let ExprKind::Method(on, word, args) = &base.kind {
            methods.push((word, args));
            base = on;
        }
        let ExprKind::Call(word, args) = &base.kind else { return None };
        let key = self.fact_key(word, args);
        let (mut within, mut times, mut ever) = (None, None, false);
        let mut right = true;
        for (method, args) in methods.into_iter().rev() {
            let known = match method.text.as_str() {
                "within" => {
                    let again = within.is_some();
                    within = self.within(method, args);
                    right &= within.is_some();
                    again
                }
                "times" => {
                    let again = times.is_some();
                    times = self.times(method, args);
                    right &= times.is_some();
                    again
                }
                "ever" => {
                    if !args.is_empty() {
                        right = false;
                        let error =
                            ConditionError::new(method.span.clone(), "`ever` takes nothing");
                        self.complain(error.hint("write `.ever()`"));
                    }
                    std::mem::replace(&mut ever, true)
                }
                _ => {
                    right = false;
                    self.unknown_method(method, &word.text, &QUESTION_METHODS);
                    false
                }
            };
            if known {
                right = false;
                let message = format!("`.{}` stands here twice", method.text);
                self.complain(ConditionError::new(method.span.clone(), message));
            }
        }
        let key = key.filter(|_| right)?;
        let times = times.unwrap_or(1);
        let fact = FactIx(self.asked.len());
        let since_entry = self.env.scope.is_inside() && !ever;
        let same_key = self.env.scope == Scope::Keyed && !ever && key.kind.is_told_by_others();
        let behaviour = key.kind.is_behaviour();
        // Those about others lie between them.
        self.asked.push((key, if same_key { FactPlan::MAX_RING } else { times }));
        let question = Question { fact, times, within, since_entry, same_key, behaviour };
        Some(NodeKind::Question(question))
    }

    fn unknown_method(&mut self, method: &Word, of: &str, there_are: &[&'static str]) {
        let message = format!("there is no `.{}` of {of}", method.text);
        let all = format!("there are .{}", there_are.join(", ."));
        let near = did_you_mean(&method.text, there_are.iter().copied());
        self.complain(ConditionError::new(method.span.clone(), message).hint(all).maybe(near));
    }

    fn fact_key(&mut self, word: &Word, args: &[Expr]) -> Option<FactKey> {
        let (kind, example, object) = if word.text == "happened" {
            let [first, object @ ..] = args else {
                self.complain(
                    ConditionError::new(word.span.clone(), "`happened` takes an event")
                        .hint("write `happened(\"deal.won\")`"),
                );
                return None;
            };
            let (text, span) =
                self.text_argument(word, std::slice::from_ref(first), "happened(\"deal.won\")")?;
            match EventKind::parse(&text) {
                Ok(kind) => (kind, "happened(\"form.submitted\", \"demo\")", object),
                Err(problem) => {
                    self.complain(ConditionError::new(span, problem));
                    return None;
                }
            }
        } else {
            let (_, kind, example) = QUESTIONS.iter().find(|(known, ..)| *known == word.text)?;
            (kind.clone(), *example, args)
        };
        if kind == EventKind::LEAD_ANSWERED {
            return self.answer_key(word, object);
        }
        if object.is_empty() {
            return Some(FactKey { kind, filter: ObjectFilter::Any });
        }
        if word.text == "replied" {
            self.complain(
                ConditionError::new(object[0].span.clone(), "`replied` takes nothing")
                    .hint("write `replied()`"),
            );
            return None;
        }
        let (text, span) = self.text_argument(word, object, example)?;
        if text.trim_end_matches('*').contains('*') || text.ends_with("**") {
            self.complain(
                ConditionError::new(span, "a `*` stands at the end only, for \"begins with\"")
                    .hint("write `visited(\"/docs/*\")`"),
            );
            return None;
        }
        let key = FactKey { kind, filter: ObjectFilter::parse(Some(&text)) };
        match known_object(&key, self.env.templates, self.env.questions, span) {
            Ok(()) => Some(key),
            Err(error) => {
                self.complain(error);
                None
            }
        }
    }

    /// Milliseconds.
    fn within(&mut self, word: &Word, args: &[Expr]) -> Option<i64> {
        let (result, span) = match args {
            [Expr { kind: ExprKind::Wrong, .. }] => return None,
            [Expr { kind: ExprKind::Duration(millis), span }] => (Ok(*millis), span),
            [Expr { kind: ExprKind::Text(text), span }] => (duration::parse(text), span),
            [Expr { kind: ExprKind::Number(number), span }] => {
                let error = ConditionError::new(span.clone(), format!("{number} of what?"));
                self.complain(error.hint(format!("write `.within({number}d)` for days")));
                return None;
            }
            [arg, ..] => (Err("`within` takes one duration".to_owned()), &arg.span),
            [] => (Err("`within` takes a duration".to_owned()), &word.span),
        };
        match result {
            Ok(millis) if millis > 0 => Some(millis),
            Ok(_) => {
                let error = ConditionError::new(span.clone(), "nothing happens within no time");
                self.complain(error.hint("write `.within(30d)`"));
                None
            }
            Err(problem) => {
                let error = ConditionError::new(span.clone(), problem);
                self.complain(error.hint("write `.within(30d)`"));
                None
            }
        }
    }

    fn times(&mut self, word: &Word, args: &[Expr]) -> Option<usize> {
        let span = match args {
            [Expr { kind: ExprKind::Wrong, .. }] => return None,
            [Expr { kind: ExprKind::Number(number), span }] => {
                #[allow(clippy::float_cmp)] // a literal is meant exactly
                let found = (1..=FactPlan::MAX_RING).find(|&times| {
                    u32::try_from(times).is_ok_and(|times| f64::from(times) == *number)
                });
                if found.is_some() {
                    return found;
                }
                span
            }
            [arg, ..] => &arg.span,
            [] => &word.span,
        };
        let message = format!("`times` takes a whole number from 1 to {}", FactPlan::MAX_RING);
        self.complain(ConditionError::new(span.clone(), message).hint("write `.times(3)`"));
        None
    }

    /// What follows a dot: of a question, or of a text.
    pub(super) fn method(
        &mut self,
        expr: &Expr,
        on: &Expr,
        word: &Word,
        args: &[Expr],
    ) -> Option<NodeKind> {
        let mut base = on;
        while let ExprKind::Method(inner, ..) = &base.kind {
            base = inner;
        }
        if let ExprKind::Call(call, _) = &base.kind {
            if is_question(&call.text) {
                return self.question(expr);
            }
            if call.text != "date" && call.text != "duration" {
                // Reports what is wrong with the call itself.
                self.boolean(base)?;
            }
        }
        let operand = self.operand(on, None)?;
        let item = match operand {
            Operand::Text(item) => item,
            Operand::Open(key) => TextTerm::Value(Source::EntryKey(key)),
            other => {
                let message =
                    format!("{} is {}, which has no `.{}`", self.text(on), other.what(), word.text);
                self.complain(ConditionError::new(word.span.clone(), message));
                return None;
            }
        };
        if QUESTION_METHODS.contains(&word.text.as_str()) {
            let message =
                format!("{} is not an event, so it has no `.{}`", self.text(on), word.text);
            let hint = format!("write `clicked().{}(…)`", word.text);
            self.complain(ConditionError::new(word.span.clone(), message).hint(hint));
            return None;
        }
        if !TEXT_METHODS.contains(&word.text.as_str()) {
            self.unknown_method(word, "a text", &TEXT_METHODS);
            return None;
        }
        let example = format!("{}.{}(\"…\")", self.text(on), word.text);
        let (text, span) = self.text_argument(word, args, &example)?;
        let like = match word.text.as_str() {
            "startsWith" => Like::StartsWith(text.into()),
            "endsWith" => Like::EndsWith(text.into()),
            "contains" => Like::Contains(text.into()),
            _ => match self.env.patterns.compile(&text) {
                Ok(regex) => Like::Matches(regex),
                Err(problem) => {
                    self.complain(ConditionError::new(span, problem));
                    return None;
                }
            },
        };
        Some(NodeKind::TextLike { item, like })
    }
}
