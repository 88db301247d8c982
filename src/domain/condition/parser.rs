//! Tokens → expression: operator precedence by binding powers, going on after an error.
//!
//! From loose to tight: `or`, `and`, `not`, comparisons and `in` (not chained), `+ -`, `!` and the
//! minus of a number, then `.` and calls. CEL's grammar, but for the word `not`, which stands for
//! what people mean by it: `not country == "IT"` negates the comparison.

mod recovery;

use std::ops::Range;

use super::{
    ast::{Comparison, Expr, ExprKind, Sign, Word},
    error::ConditionError,
    lexer::{Token, TokenKind, lex},
};

/// The longest source, in bytes.
pub(super) const LONGEST: usize = 4096;
/// How deep an expression may be nested.
const DEEPEST: usize = 64;
/// After so many errors nobody reads on.
pub(super) const MOST_ERRORS: usize = 20;

/// Reads a source as far as it can be read; errors are added to `errors`.
pub(super) fn parse(source: &str, errors: &mut Vec<ConditionError>) -> Expr {
    let all = 0..source.len();
    if source.len() > LONGEST {
        errors.push(
            ConditionError::new(all.clone(), format!("longer than {LONGEST} bytes"))
                .hint("give its parts names, as segments"),
        );
        return Expr { kind: ExprKind::Wrong, span: all };
    }
    let mut found = Vec::new();
    let tokens = lex(source, &mut found);
    let mut parser =
        Parser { source, tokens, at: 0, depth: 0, too_deep: false, errors: &mut found };
    let expr = if parser.peek() == &TokenKind::End {
        if parser.errors.is_empty() {
            let error = ConditionError::new(all.clone(), "an empty condition");
            parser.errors.push(error.hint("write `true` for everybody"));
        }
        Expr { kind: ExprKind::Wrong, span: all }
    } else {
        parser.whole()
    };
    found.truncate(MOST_ERRORS);
    errors.append(&mut found);
    expr
}

struct Parser<'s, 'e> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    too_deep: bool,
    errors: &'e mut Vec<ConditionError>,
}

impl Parser<'_, '_> {
    fn token(&self) -> &Token {
        // The last token is the end, and nothing goes past it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &TokenKind {
        &self.token().kind
    }

    fn next(&mut self) -> Token {
        let token = self.token().clone();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    fn take(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.at += 1;
        }
        found
    }

    fn complain(&mut self, error: ConditionError) {
        if !self.too_deep {
            self.errors.push(error);
        }
    }

    fn wrong(span: Range<usize>) -> Expr {
        Expr { kind: ExprKind::Wrong, span }
    }

    fn whole(&mut self) -> Expr {
        let first = self.expression(1);
        let mut wrong = false;
        while self.peek() != &TokenKind::End {
            wrong = true;
            if self.peek() == &TokenKind::Close {
                let span = self.token().span.clone();
                self.complain(ConditionError::new(span, "this `)` closes nothing"));
                self.at += 1;
            } else {
                self.stray();
            }
            // Read on behind the next joint, for more errors.
            if matches!(self.peek(), TokenKind::And | TokenKind::Or) {
                self.at += 1;
                self.expression(1);
            }
        }
        if wrong { Self::wrong(first.span) } else { first }
    }

    /// Goes one level down, or refuses to and reads nothing more.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Expr) -> Expr {
        if self.depth >= DEEPEST {
            let span = self.token().span.clone();
            self.complain(
                ConditionError::new(
                    span.clone(),
                    format!("nested more than {DEEPEST} levels deep"),
                )
                .hint("give its parts names, as segments"),
            );
            self.too_deep = true;
            self.at = self.tokens.len() - 1;
            return Self::wrong(span);
        }
        self.depth += 1;
        let expr = read(self);
        self.depth -= 1;
        expr
    }

    fn expression(&mut self, least: u8) -> Expr {
        self.deeper(|parser| {
            let mut left = parser.prefix();
            let mut sums = 0;
            loop {
                let start = left.span.start;
                let compares = comparison(parser.peek()).is_some();
                let not_in = least <= 4 && parser.peek() == &TokenKind::Not && parser.not_in();
                let kind = match parser.peek() {
                    _ if not_in => {
                        let list = parser.expression(5);
                        let span = start..list.span.end;
                        let inside = ExprKind::In(Box::new(left), Box::new(list));
                        ExprKind::Not(Box::new(Expr { kind: inside, span }))
                    }
                    TokenKind::Or if least <= 1 => {
                        ExprKind::Any(parser.row(left, &TokenKind::Or, 2))
                    }
                    TokenKind::And if least <= 2 => {
                        ExprKind::All(parser.row(left, &TokenKind::And, 3))
                    }
                    TokenKind::In if least <= 4 => {
                        parser.at += 1;
                        let list = parser.expression(5);
                        ExprKind::In(Box::new(left), Box::new(list))
                    }
                    _ if least <= 4 && compares => parser.comparison(left),
                    TokenKind::Plus | TokenKind::Minus if least <= 5 => {
                        sums += 1;
                        if sums > DEEPEST {
                            // A long sum is a deep tree.
                            parser.depth = DEEPEST;
                            return parser.expression(6);
                        }
                        let minus = parser.next().kind == TokenKind::Minus;
                        let right = parser.expression(6);
                        let sign = if minus { Sign::Minus } else { Sign::Plus };
                        ExprKind::Sum(sign, Box::new(left), Box::new(right))
                    }
                    _ => return left,
                };
                left = Expr { kind, span: start..parser.end_of_last() };
            }
        })
    }

    fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].span.end)
    }

    /// A row of parts with the same joint between them.
    fn row(&mut self, first: Expr, joint: &TokenKind, least: u8) -> Vec<Expr> {
        let mut parts = vec![first];
        while self.take(joint) {
            parts.push(self.expression(least));
        }
        parts
    }

    fn comparison(&mut self, left: Expr) -> ExprKind {
        let operator = comparison(&self.next().kind).unwrap_or(Comparison::Equal);
        let right = self.expression(5);
        if comparison(self.peek()).is_some() {
            let span = self.token().span.clone();
            self.complain(
                ConditionError::new(span, "comparisons are not chained")
                    .hint("write `a < b and b < c`"),
            );
            while comparison(self.peek()).is_some() {
                self.at += 1;
                self.expression(5);
            }
            return ExprKind::Wrong;
        }
        ExprKind::Compare(operator, Box::new(left), Box::new(right))
    }

    fn prefix(&mut self) -> Expr {
        let token = self.token().clone();
        let start = token.span.start;
        match token.kind {
            TokenKind::Not | TokenKind::Bang => {
                self.at += 1;
                let inner = self.expression(if token.kind == TokenKind::Not { 3 } else { 6 });
                let span = start..inner.span.end;
                Expr { kind: ExprKind::Not(Box::new(inner)), span }
            }
            TokenKind::Minus => {
                self.at += 1;
                let follower = self.token().clone();
                let kind = match follower.kind {
                    TokenKind::Number(number) => ExprKind::Number(-number),
                    TokenKind::Duration(millis) => ExprKind::Duration(-millis),
                    _ => {
                        let message = "`-` stands before a number, or between dates and durations";
                        self.complain(ConditionError::new(token.span, message));
                        return self.expression(6);
                    }
                };
                self.at += 1;
                Expr { kind, span: start..follower.span.end }
            }
            _ => self.postfix(),
        }
    }

    fn postfix(&mut self) -> Expr {
        let mut expr = self.primary();
        let mut length = 0;
        while self.peek() == &TokenKind::Dot {
            length += 1;
            if length > DEEPEST {
                self.depth = DEEPEST;
                return self.expression(7);
            }
            self.at += 1;
            let start = expr.span.start;
            let token = self.token().clone();
            let text = match &token.kind {
                TokenKind::Word(text) => text.clone(),
                TokenKind::In | TokenKind::Not | TokenKind::And | TokenKind::Or
                    if token.span.start == self.end_of_last() =>
                {
                    self.source[token.span.clone()].to_owned()
                }
                _ => {
                    let dot = self.tokens[self.at - 1].span.clone();
                    self.complain(ConditionError::new(dot, "a word is missing after `.`"));
                    return Self::wrong(expr.span);
                }
            };
            self.at += 1;
            let word = Word { text, span: token.span };
            let kind = if self.peek() == &TokenKind::Open {
                let args = self.arguments();
                ExprKind::Method(Box::new(expr), word, args)
            } else {
                ExprKind::Field(Box::new(expr), word)
            };
            expr = Expr { kind, span: start..self.end_of_last() };
        }
        expr
    }

    fn primary(&mut self) -> Expr {
        let token = self.token().clone();
        let span = token.span.clone();
        let kind = match token.kind {
            TokenKind::Text(text) => ExprKind::Text(text),
            TokenKind::Number(number) => ExprKind::Number(number),
            TokenKind::Duration(millis) => ExprKind::Duration(millis),
            TokenKind::Bool(value) => ExprKind::Bool(value),
            TokenKind::Broken => ExprKind::Wrong,
            TokenKind::Word(text) => {
                self.at += 1;
                if self.peek() != &TokenKind::Open {
                    return Expr { kind: ExprKind::Name(text), span };
                }
                let args = self.arguments();
                let kind = ExprKind::Call(Word { text, span: span.clone() }, args);
                return Expr { kind, span: span.start..self.end_of_last() };
            }
            TokenKind::Open => {
                self.at += 1;
                let inner = self.expression(1);
                self.close(&span, &TokenKind::Close, "(");
                return Expr { kind: inner.kind, span: span.start..self.end_of_last() };
            }
            TokenKind::OpenList => {
                let items = self.items(&TokenKind::CloseList, "[");
                return Expr { kind: ExprKind::List(items), span: span.start..self.end_of_last() };
            }
            _ => return self.missing(),
        };
        self.at += 1;
        Expr { kind, span }
    }

    fn arguments(&mut self) -> Vec<Expr> {
        self.items(&TokenKind::Close, "(")
    }

    /// What stands between brackets, with commas; the opening one is next.
    fn items(&mut self, close: &TokenKind, open: &str) -> Vec<Expr> {
        let opening = self.next().span;
        let mut items = Vec::new();
        while self.peek() != close && self.peek() != &TokenKind::End {
            items.push(self.expression(1));
            if !self.take(&TokenKind::Comma) {
                break;
            }
        }
        self.close(&opening, close, open);
        items
    }
}

const fn comparison(kind: &TokenKind) -> Option<Comparison> {
    Some(match kind {
        TokenKind::Equal => Comparison::Equal,
        TokenKind::Unequal => Comparison::Unequal,
        TokenKind::Less => Comparison::Less,
        TokenKind::AtMost => Comparison::AtMost,
        TokenKind::Greater => Comparison::Greater,
        TokenKind::AtLeast => Comparison::AtLeast,
        _ => return None,
    })
}
