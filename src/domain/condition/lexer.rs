//! Source → tokens. Slips that are clearly meant as something are reported and read as that.

use std::ops::Range;

use super::{duration, error::ConditionError};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum TokenKind {
    Word(String),
    Text(String),
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    Bool(bool),
    /// A literal that is wrong, and reported.
    Broken,
    Dot,
    Comma,
    Open,
    Close,
    OpenList,
    CloseList,
    Plus,
    Minus,
    /// `!`
    Bang,
    /// The word `not`.
    Not,
    And,
    Or,
    In,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    End,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Range<usize>,
}

/// Reads the whole source; the last token is [`TokenKind::End`].
pub(super) fn lex(source: &str, errors: &mut Vec<ConditionError>) -> Vec<Token> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new(), errors };
    while lexer.step() {}
    let end = source.len();
    lexer.tokens.push(Token { kind: TokenKind::End, span: end..end });
    lexer.tokens
}

struct Lexer<'s, 'e> {
    source: &'s str,
    at: usize,
    tokens: Vec<Token>,
    errors: &'e mut Vec<ConditionError>,
}

/// How operators are written; longer ones first. With what is wrong with the spelling, if anything.
const OPERATORS: &[(&str, TokenKind, &str)] = &[
    ("===", TokenKind::Equal, "`===` is written `==`"),
    ("!==", TokenKind::Unequal, "`!==` is written `!=`"),
    ("==", TokenKind::Equal, ""),
    ("!=", TokenKind::Unequal, ""),
    ("<>", TokenKind::Unequal, "`<>` is written `!=`"),
    ("<=", TokenKind::AtMost, ""),
    ("=<", TokenKind::AtMost, "`=<` is written `<=`"),
    (">=", TokenKind::AtLeast, ""),
    ("=>", TokenKind::AtLeast, "`=>` is written `>=`"),
    ("&&", TokenKind::And, ""),
    ("||", TokenKind::Or, ""),
    ("=", TokenKind::Equal, "`=` compares nothing: write `==`"),
    ("&", TokenKind::And, "a single `&`: write `and` or `&&`"),
    ("|", TokenKind::Or, "a single `|`: write `or` or `||`"),
    ("≠", TokenKind::Unequal, "`≠` is written `!=`"),
    ("≤", TokenKind::AtMost, "`≤` is written `<=`"),
    ("≥", TokenKind::AtLeast, "`≥` is written `>=`"),
    ("<", TokenKind::Less, ""),
    (">", TokenKind::Greater, ""),
    ("!", TokenKind::Bang, ""),
    ("+", TokenKind::Plus, ""),
    ("-", TokenKind::Minus, ""),
    (".", TokenKind::Dot, ""),
    (",", TokenKind::Comma, ""),
    ("(", TokenKind::Open, ""),
    (")", TokenKind::Close, ""),
    ("[", TokenKind::OpenList, ""),
    ("]", TokenKind::CloseList, ""),
];

impl Lexer<'_, '_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn push(&mut self, kind: TokenKind, end: usize) {
        self.tokens.push(Token { kind, span: self.at..end });
        self.at = end;
    }

    fn complain(&mut self, end: usize, message: impl Into<String>, hint: Option<&str>) {
        let error = ConditionError::new(self.at..end, message);
        self.errors.push(error.maybe(hint.map(str::to_owned)));
    }

    fn step(&mut self) -> bool {
        self.at = self.source.len() - self.rest().trim_start().len();
        let Some(first) = self.rest().chars().next() else { return false };
        match first {
            '"' | '\'' => self.text(first, false, 1),
            'r' if self.rest().starts_with("r\"") || self.rest().starts_with("r'") => {
                let quote = if self.rest().starts_with("r\"") { '"' } else { '\'' };
                self.text(quote, true, 2);
            }
            '“' | '”' | '„' | '‘' | '’' | '«' => self.curly(first),
            '0'..='9' => self.number(),
            _ if first.is_alphabetic() || first == '_' => self.word(),
            _ => self.operator(),
        }
        true
    }

    fn operator(&mut self) {
        let found = OPERATORS.iter().find(|(text, ..)| self.rest().starts_with(text));
        if let Some((text, kind, wrong)) = found {
            let end = self.at + text.len();
            if !wrong.is_empty() {
                self.complain(end, *wrong, None);
            }
            return self.push(kind.clone(), end);
        }
        let strange = |c: char| {
            !c.is_alphanumeric()
                && !c.is_whitespace()
                && !"\"'_“”„‘’«".contains(c)
                && !OPERATORS.iter().any(|(text, ..)| text.starts_with(c))
        };
        let length = self.rest().len() - self.rest().trim_start_matches(strange).len();
        let first = self.rest().chars().next().map_or(1, char::len_utf8);
        let end = self.at + length.max(first);
        let what = &self.source[self.at..end];
        let hint = match what {
            "*" | "/" | "%" => Some("only dates and durations are reckoned with, by `+` and `-`"),
            "#" => Some("a condition has no comments; in YAML, put them on a line of their own"),
            "?" | ":" => Some("there is no `a ? b : c`; use `and`, `or`, `not`"),
            _ => None,
        };
        self.complain(end, format!("`{what}` means nothing here"), hint);
        self.at = end;
    }

    fn word(&mut self) {
        let rest = self.rest();
        let end = self.source.len()
            - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
        let word = self.source[self.at..end].to_owned();
        let kind = match word.to_ascii_lowercase().as_str() {
            "and" => TokenKind::And,
            "or" => TokenKind::Or,
            "not" => TokenKind::Not,
            "in" => TokenKind::In,
            "true" => TokenKind::Bool(true),
            "false" => TokenKind::Bool(false),
            _ => return self.push(TokenKind::Word(word), end),
        };
        let small = word.to_ascii_lowercase();
        if small != word {
            // Behind a comparison the code of a country or a state is meant: `== IN`.
            let compared = self.tokens.last().is_some_and(|last| {
                matches!(
                    last.kind,
                    TokenKind::Equal | TokenKind::Unequal | TokenKind::OpenList | TokenKind::Comma
                )
            });
            if compared && matches!(kind, TokenKind::In | TokenKind::Or) {
                return self.push(TokenKind::Word(word), end);
            }
            self.complain(
                end,
                format!("`{word}` is written in small letters"),
                Some(&format!("write `{small}`")),
            );
        }
        self.push(kind, end);
    }

    fn number(&mut self) {
        let rest = self.rest();
        let digits = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let mut end = self.source.len() - digits(rest);
        if let Some(fraction) = self.source[end..].strip_prefix('.')
            && fraction.starts_with(|c: char| c.is_ascii_digit())
        {
            end = self.source.len() - digits(fraction);
        }
        let wordy = |c: char| c.is_alphanumeric() || c == '_';
        if self.source[end..].starts_with(wordy) {
            let end = self.source.len() - self.source[end..].trim_start_matches(wordy).len();
            match duration::parse(&self.source[self.at..end]) {
                Ok(millis) => self.push(TokenKind::Duration(millis), end),
                Err(problem) => {
                    self.complain(end, problem, None);
                    self.push(TokenKind::Broken, end);
                }
            }
            return;
        }
        match self.source[self.at..end].parse::<f64>() {
            Ok(number) if number.is_finite() => self.push(TokenKind::Number(number), end),
            _ => {
                self.complain(end, "a number too large to reckon with", None);
                self.push(TokenKind::Broken, end);
            }
        }
    }

    /// A text in straight quotes, `open` bytes of which are its beginning.
    fn text(&mut self, quote: char, raw: bool, open: usize) {
        let mut text = String::new();
        let mut chars = self.source[self.at + open..].char_indices();
        let mut wrong_escape = None;
        while let Some((offset, c)) = chars.next() {
            let at = self.at + open + offset;
            match c {
                _ if c == quote => {
                    let kind = match wrong_escape {
                        None => TokenKind::Text(text),
                        Some(span) => {
                            self.errors.push(
                                ConditionError::new(span, "this escape is not known")
                                    .hint(r#"write `\\` for a backslash, or a raw text: r"\d+""#),
                            );
                            TokenKind::Broken
                        }
                    };
                    return self.push(kind, at + 1);
                }
                '\n' => break,
                '\\' if !raw => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, c @ ('\\' | '"' | '\'' | '`' | '?'))) => text.push(c),
                    Some((_, c)) => {
                        wrong_escape.get_or_insert(at..at + 1 + c.len_utf8());
                    }
                    None => break,
                },
                _ => text.push(c),
            }
        }
        let line = self.rest().find('\n').unwrap_or(self.rest().len());
        let end = self.at + line;
        self.complain(end, "this text has no closing quote", None);
        self.push(TokenKind::Broken, end);
    }

    /// A text in the quotes of a word processor.
    fn curly(&mut self, open: char) {
        let inner = self.at + open.len_utf8();
        let close = |c: char| matches!(c, '“' | '”' | '‘' | '’' | '»' | '"' | '\'' | '\n');
        let found = self.source[inner..].find(close).map_or(self.source.len(), |at| inner + at);
        let after = self.source[found..].chars().next().filter(|c| *c != '\n');
        let end = found + after.map_or(0, char::len_utf8);
        let text = self.source[inner..found].to_owned();
        let hint = format!("write \"{text}\"");
        self.complain(end, "these are not the quotes of a text", Some(&hint));
        self.push(TokenKind::Text(text), end);
    }
}
