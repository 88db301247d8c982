//! Whether a condition is too large when the segments that it names are spelt out.

use std::ops::Range;

use super::{Checker, KnownSegment};
use crate::domain::condition::{
    ast::Expr,
    error::ConditionError,
    size::{Measure, Size},
};

impl Checker<'_> {
    /// The size of a condition, complained of if it is too large. What names a segment that is too large
    /// is so because of it: that is said once, of the segment.
    pub(super) fn size(&mut self, expr: &Expr) -> Size {
        let segments = self.env.segments;
        let mut named: Vec<(&KnownSegment, Range<usize>)> = Vec::new();
        let size = Size::of(expr, &mut |name, span| {
            let known = segments.iter().find(|known| *known.name == *name)?;
            named.push((known, span.clone()));
            Some(known.size)
        });
        let Some(measure) = size.excess() else { return size };
        if named.iter().any(|(known, _)| known.size.excess().is_some()) {
            return size;
        }
        let (has, most) = (measure.of(size), measure.most());
        let has = match measure {
            Measure::Parts => format!("it has {has} parts"),
            Measure::Levels => format!("it is {has} levels deep"),
        };
        let message = format!("{has} with the segments that it names spelt out; {most} at most");
        // Of several that are as large the first. A source alone is not as long.
        let largest = named.into_iter().rev().max_by_key(|(known, _)| measure.of(known.size));
        let error = match largest {
            None => ConditionError::new(expr.span.clone(), message),
            Some((KnownSegment { name, size }, span)) => {
                let hint = match (measure, measure.of(*size)) {
                    (Measure::Parts, of_it) => format!(
                        "`{name}` is {of_it} of them each time that it is named: name it once, or ask \
                         for less in it"
                    ),
                    (Measure::Levels, of_it) => format!(
                        "`{name}` is {of_it} of them: let fewer segments name one that names another"
                    ),
                };
                ConditionError::new(span, message).hint(hint)
            }
        };
        self.complain(error);
        size
    }
}
