//! Problems for people: the line, a caret, what is wrong, what to write.

use std::fmt::{self, Write as _};

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, renderer::DecorStyle};

use super::{
    file_role::is_of_attachments,
    folder::Sources,
    problem::{Problem, Severity},
};

/// The most characters of a line that are shown.
const WIDEST: usize = 160;

/// Renders problems with their lines, and how many there are. `colour` is for terminals.
#[must_use]
pub fn show(problems: &[Problem], sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut shown = String::new();
    for problem in problems {
        // What goes with mails is kept in a form that nobody has written.
        let text = sources.files.get(&problem.file).filter(|_| !is_of_attachments(&problem.file));
        let text = text.map_or("", String::as_str);
        let line = text.lines().nth(problem.line.saturating_sub(1)).unwrap_or("");
        let (line, column) = excerpt(line, problem.column.max(1));
        let byte = |chars: usize| line.char_indices().nth(chars).map_or(line.len(), |(at, _)| at);
        let span = byte(column - 1)..byte(column - 1 + problem.length);
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(problem.message.as_str()).id(problem.rule);
        let mut group = if line.trim().is_empty() {
            title.element(Origin::path(problem.file.as_str()).line(problem.line))
        } else {
            title.element(
                Snippet::source(line.as_str())
                    .line_start(problem.line)
                    .path(problem.file.as_str())
                    .annotation(AnnotationKind::Primary.span(span)),
            )
        };
        if let Some(hint) = &problem.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        shown.push_str(&renderer.render(&[group]));
        shown.push_str("\n\n");
    }
    let _ = writeln!(shown, "{}", summary(problems));
    shown
}

/// `1 error`, `2 errors`.
#[must_use]
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(number: N, word: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {word}{plural}")
}

/// `2 errors, 1 warning`.
#[must_use]
pub fn summary(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    match (errors, problems.len() - errors) {
        (0, 0) => "no problems".to_owned(),
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => {
            format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
        }
    }
}

/// The part of a long line around a column, with the column in it. Tabs become one space, so that
/// the caret stands where the column says.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let skip = if column > WIDEST { column - WIDEST / 2 } else { 0 };
    let part: String = line
        .chars()
        .skip(skip)
        .take(WIDEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let column = (column - skip).min(part.chars().count() + 1);
    (part, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}here{}", "a".repeat(5_000), "b".repeat(5_000));
        let (part, column) = excerpt(&line, 5_001);
        assert_eq!(part.chars().count(), WIDEST);
        assert_eq!(part.chars().skip(column - 1).take(4).collect::<String>(), "here");
    }

    #[test]
    fn a_column_behind_the_end_is_the_end() {
        assert_eq!(excerpt("ab", 9), ("ab".to_owned(), 3));
    }
}
