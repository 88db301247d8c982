//! What a source names, also one that is wrong elsewhere.

use std::ops::Range;

use super::{
    ast::{Expr, ExprKind},
    parser,
};
use crate::domain::event::{EventKind, Objects};

/// The names in a source, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Each once.
    pub segments: Vec<String>,
    /// Of `clicked("…")` and the like; those that end in `*` as they are written.
    pub mails: Vec<String>,
    /// Of `answered("…")`.
    pub questions: Vec<String>,
    /// What `happened` asks for, and where it is written.
    pub kinds: Vec<(String, Range<usize>)>,
}

impl Named {
    #[must_use]
    pub fn in_source(source: &str) -> Self {
        let mut named = Self::default();
        named.collect(&parser::parse(source, &mut Vec::new()));
        named
    }

    fn collect(&mut self, expr: &Expr) {
        if let Some(name) = expr.segment().filter(|name| !self.segments.iter().any(|it| it == name))
        {
            self.segments.push(name.to_owned());
        }
        match &expr.kind {
            ExprKind::Call(word, args) => self.call(&word.text, args),
            ExprKind::Not(inner) | ExprKind::Method(inner, ..) => self.collect(inner),
            ExprKind::All(parts) | ExprKind::Any(parts) => {
                for part in parts {
                    self.collect(part);
                }
            }
            ExprKind::Compare(_, left, right) => {
                self.collect(left);
                self.collect(right);
            }
            _ => {}
        }
    }

    fn call(&mut self, word: &str, args: &[Expr]) {
        let Some(Expr { kind: ExprKind::Text(first), span }) = args.first() else { return };
        match word {
            "clicked" | "opened" => self.mails.push(first.clone()),
            "answered" => self.questions.push(first.clone()),
            "happened" => {
                self.kinds.push((first.clone(), span.clone()));
                let Some(Expr { kind: ExprKind::Text(object), .. }) = args.get(1) else { return };
                match EventKind::parse(first).map(|kind| kind.objects()) {
                    Ok(Objects::Mails) => self.mails.push(object.clone()),
                    Ok(Objects::Questions) => self.questions.push(object.clone()),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}
