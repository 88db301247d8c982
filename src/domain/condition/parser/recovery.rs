//! Going on after an error: what is said, and where reading is taken up again.

use std::ops::Range;

use super::Parser;
use crate::domain::condition::{
    ast::Expr,
    error::ConditionError,
    lexer::{Token, TokenKind},
};

impl Parser<'_, '_> {
    /// Reports a token that cannot go on what stands before it, and skips to the next joint.
    pub(super) fn stray(&mut self) {
        let token = self.token().clone();
        let what = &self.source[token.span.clone()];
        let before =
            self.at.checked_sub(1).map_or("", |at| &self.source[self.tokens[at].span.clone()]);
        let hint = match &token.kind {
            TokenKind::Word(word) => match word.to_ascii_lowercase().as_str() {
                "is" | "equals" | "eq" => "write `==`".to_owned(),
                "contains" | "matches" | "startswith" | "endswith" | "like" => {
                    format!("write `{before}.contains(\"…\")`: also startsWith, endsWith, matches")
                }
                "between" => format!("write `{before} >= … and {before} <= …`"),
                _ => "join two conditions with `and` or `or`; put a text in quotes".to_owned(),
            },
            TokenKind::OpenList => "a list stands after `in`".to_owned(),
            _ => "join two conditions with `and` or `or`".to_owned(),
        };
        let message = format!("`{what}` cannot follow here");
        if !self.behind_junk(&token) {
            self.complain(ConditionError::new(token.span, message).hint(hint));
        }
        while !matches!(
            self.peek(),
            TokenKind::End
                | TokenKind::And
                | TokenKind::Or
                | TokenKind::Close
                | TokenKind::CloseList
                | TokenKind::Comma
        ) {
            self.at += 1;
        }
        if matches!(self.peek(), TokenKind::CloseList | TokenKind::Comma) {
            self.at += 1;
        }
    }

    /// `x not in […]`, as SQL has it: reported, and read as it is meant.
    pub(super) fn not_in(&mut self) -> bool {
        let then_in = self.tokens.get(self.at + 1).map(|token| &token.kind) == Some(&TokenKind::In);
        if then_in {
            let span = self.token().span.start..self.tokens[self.at + 1].span.end;
            self.complain(
                ConditionError::new(span, "`not` stands before the whole comparison")
                    .hint("write `not (x in [...])`"),
            );
            self.at += 2;
        }
        then_in
    }

    /// Whether the lexer left something out before this token, and reported it.
    pub(super) fn behind_junk(&self, token: &Token) -> bool {
        self.errors.iter().any(|error| {
            error.span.end <= token.span.start
                && self.source[error.span.end..token.span.start].trim().is_empty()
                && !self.tokens.iter().any(|known| known.span.end == error.span.end)
        })
    }

    /// Nothing stands where something must.
    pub(super) fn missing(&mut self) -> Expr {
        let token = self.token().clone();
        let before =
            self.at.checked_sub(1).map(|at| self.source[self.tokens[at].span.clone()].to_owned());
        if !self.behind_junk(&token) {
            let message = match before {
                Some(before) => format!("something is missing after `{before}`"),
                None => {
                    format!("something is missing before `{}`", &self.source[token.span.clone()])
                }
            };
            self.complain(ConditionError::new(token.span.clone(), message));
        }
        Self::wrong(token.span)
    }

    pub(super) fn close(&mut self, opening: &Range<usize>, close: &TokenKind, open: &str) {
        if self.take(close) {
            return;
        }
        if self.peek() == &TokenKind::End {
            self.complain(ConditionError::new(
                opening.clone(),
                format!("this `{open}` is not closed"),
            ));
            return;
        }
        self.stray();
        while !self.take(close) && self.peek() != &TokenKind::End {
            self.at += 1;
        }
    }
}
