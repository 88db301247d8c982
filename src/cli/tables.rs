//! Tables for people: quiet lines, as wide as the terminal.

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle};

/// A table with a header.
pub(super) fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(rule));
    // Within the width of a terminal; elsewhere lines are as long as they are.
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

/// `2027-03-28T09:00:00Z` as `2027-03-28 09:00`.
pub(super) fn minute(instant: &str) -> String {
    match instant.get(..16) {
        Some(start) => start.replace('T', " "),
        None => instant.to_owned(),
    }
}

/// A score with one decimal.
pub(super) fn points(points: Option<f64>) -> String {
    points.map_or("unknown".to_owned(), |points| format!("{points:.1}"))
}
