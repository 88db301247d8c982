//! What a condition says, before anything of it is looked up.

use std::{
    fmt::{self, Write as _},
    ops::Range,
};

use super::duration;

/// An expression and where it stands. Two that say the same are equal wherever they stand.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub span: Range<usize>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum ExprKind {
    /// Stands where the source is wrong, which is reported already.
    Wrong,
    Text(String),
    Number(f64),
    Bool(bool),
    /// Milliseconds.
    Duration(i64),
    List(Vec<Expr>),
    /// `country`
    Name(String),
    /// `entry.KEY`
    Field(Box<Expr>, Word),
    /// `clicked("x")`
    Call(Word, Vec<Expr>),
    /// `country.startsWith("I")`
    Method(Box<Expr>, Word, Vec<Expr>),
    Not(Box<Expr>),
    /// Two or more, as they stand in a row.
    All(Vec<Expr>),
    /// Two or more, as they stand in a row.
    Any(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    Sum(Sign, Box<Expr>, Box<Expr>),
}

/// A word that names something, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub text: String,
    pub span: Range<usize>,
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Comparison {
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }

    /// The same with its sides exchanged.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }

    /// What it is where this is not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
        }
    }

    pub const fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::Unequal)
    }

    pub fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Expr {
    /// The segment that it asks for.
    pub fn segment(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Call(word, args) if word.text == "in_segment" => match &args.first()?.kind {
                ExprKind::Text(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The expressions that it is made of.
    pub fn inner(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Wrong
            | ExprKind::Text(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Duration(_)
            | ExprKind::Name(_) => Vec::new(),
            ExprKind::Field(on, _) | ExprKind::Not(on) => vec![on],
            ExprKind::List(parts)
            | ExprKind::Call(_, parts)
            | ExprKind::All(parts)
            | ExprKind::Any(parts) => parts.iter().collect(),
            ExprKind::Method(on, _, args) => std::iter::once(&**on).chain(args).collect(),
            ExprKind::Compare(_, left, right)
            | ExprKind::In(left, right)
            | ExprKind::Sum(_, left, right) => vec![left, right],
        }
    }

    /// How tightly it binds, as the parser counts.
    fn tightness(&self) -> u8 {
        match &self.kind {
            ExprKind::Any(_) => 1,
            ExprKind::All(_) => 2,
            ExprKind::Not(_) => 3,
            ExprKind::Compare(..) | ExprKind::In(..) => 4,
            ExprKind::Sum(..) => 5,
            ExprKind::Number(number) if number.is_sign_negative() => 6,
            ExprKind::Duration(millis) if *millis < 0 => 6,
            _ => 7,
        }
    }

    fn print(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.tightness() < least { write!(f, "({self})") } else { write!(f, "{self}") }
    }

    fn row(parts: &[Self], f: &mut fmt::Formatter<'_>, between: &str, least: u8) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                f.write_str(between)?;
            }
            part.print(f, least)?;
        }
        Ok(())
    }
}

/// The source of the expression, with as few parentheses as it needs.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Wrong => f.write_str("?"),
            ExprKind::Text(text) => quote(text, f),
            ExprKind::Number(number) => write!(f, "{number}"),
            ExprKind::Bool(value) => write!(f, "{value}"),
            ExprKind::Duration(millis) => write!(f, "{}", duration::Written(*millis)),
            ExprKind::List(items) => {
                f.write_str("[")?;
                Self::row(items, f, ", ", 1)?;
                f.write_str("]")
            }
            ExprKind::Name(name) => f.write_str(name),
            ExprKind::Field(on, key) => {
                on.print(f, 7)?;
                write!(f, ".{}", key.text)
            }
            ExprKind::Call(name, args) => {
                write!(f, "{}(", name.text)?;
                Self::row(args, f, ", ", 1)?;
                f.write_str(")")
            }
            ExprKind::Method(on, name, args) => {
                on.print(f, 7)?;
                write!(f, ".{}(", name.text)?;
                Self::row(args, f, ", ", 1)?;
                f.write_str(")")
            }
            ExprKind::Not(inner) => {
                f.write_str("not ")?;
                inner.print(f, 3)
            }
            ExprKind::All(parts) => Self::row(parts, f, " and ", 3),
            ExprKind::Any(parts) => Self::row(parts, f, " or ", 2),
            ExprKind::Compare(comparison, left, right) => {
                left.print(f, 5)?;
                write!(f, " {} ", comparison.sign())?;
                right.print(f, 5)
            }
            ExprKind::In(item, list) => {
                item.print(f, 5)?;
                f.write_str(" in ")?;
                list.print(f, 5)
            }
            ExprKind::Sum(sign, left, right) => {
                left.print(f, 5)?;
                f.write_str(if *sign == Sign::Plus { " + " } else { " - " })?;
                right.print(f, 6)
            }
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            '\r' => f.write_str("\\r")?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("\"")
}
