//! The picture as Mermaid's flowchart text: <https://mermaid.js.org/syntax/flowchart.html>.

use super::chart::{Chart, Shape};
use crate::domain::workflow::StepIx;

pub(super) fn text(chart: &Chart) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    let leads = chart.leads.map(super::chart::Leads::text);
    let entry = [format!("enter {}", chart.workflow)].into_iter();
    let entry: Vec<String> = entry.chain(chart.enter.iter().cloned()).chain(leads).collect();
    lines.push(format!("  enter[[{}]]", label(&entry)));
    for (key, condition) in [("goal", &chart.goal), ("leave", &chart.leave)] {
        if let Some(condition) = condition {
            lines.push(format!("  {key}([{}])", label(&[format!("{key}: {condition}")])));
        }
    }
    for (place, node) in chart.nodes.iter().enumerate() {
        let figures = node.figures.as_ref().map(super::chart::Figures::text);
        let texts: Vec<String> = node.text.iter().cloned().chain(figures).collect();
        let (open, close) = match node.shape {
            Shape::Mail => ("[", "]"),
            Shape::Wait => ("(", ")"),
            Shape::Fork => ("{{", "}}"),
            Shape::Act => ("[/", "/]"),
            Shape::Stop => ("([", "])"),
        };
        lines.push(format!("  s{place}{open}{}{close}", label(&texts)));
    }
    if chart.has_end() {
        // Mermaid takes the word `end` for one of its own.
        lines.push("  done((\"end\"))".to_owned());
    }
    for (key, condition) in [("goal", &chart.goal), ("leave", &chart.leave)] {
        if condition.is_some() {
            lines.push(format!("  enter -.->|\"at any time\"| {key}"));
        }
    }
    let target = |to: Option<StepIx>| to.map_or("done".to_owned(), |to| format!("s{}", to.0));
    if chart.first.is_some() {
        lines.push(format!("  enter --> {}", target(chart.first)));
    }
    for (place, node) in chart.nodes.iter().enumerate() {
        for way in &node.ways {
            let when = if way.when.is_empty() {
                String::new()
            } else {
                format!("|{}|", label(std::slice::from_ref(&way.when)))
            };
            lines.push(format!("  s{place} -->{when} {}", target(way.to)));
        }
    }
    lines.join("\n") + "\n"
}

/// Quoted, with every sign that Mermaid, Markdown or HTML would take for its own as a code.
fn label(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| escaped(text)).collect();
    format!("\"{}\"", texts.join("<br/>"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            ' ' | '.' | ',' | ':' | '/' | '-' | '+' | '=' | '?' | '(' | ')' => escaped.push(sign),
            sign if sign.is_control() => escaped.push(' '),
            // Letters and marks of any script, and what is no sign of ASCII.
            sign if sign.is_ascii_alphanumeric() || !sign.is_ascii() => escaped.push(sign),
            sign => escaped.push_str(&format!("#{};", u32::from(sign))),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_text_ends_its_label_or_is_markup() {
        assert_eq!(escaped("clicked(\"a\") or x >= 3"), "clicked(#34;a#34;) or x #62;= 3");
        assert_eq!(
            escaped("a#b;<b>&amp;`*_|%%"),
            "a#35;b#59;#60;b#62;#38;amp#59;#96;#42;#95;#124;#37;#37;"
        );
        assert_eq!(escaped("50 % · più\n[x]{y}\\"), "50 #37; · più #91;x#93;#123;y#125;#92;");
    }
}
