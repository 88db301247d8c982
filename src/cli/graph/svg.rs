//! The picture as SVG: shapes and text alone, black on white.

use std::fmt::Write as _;

use super::{
    chart::{Chart, Shape},
    layout::{Drawing, Line, Of, Placed, ROOM},
    wrap::{FONT, LINE},
};

pub(super) fn svg(chart: &Chart, drawing: &Drawing) -> String {
    let (width, height) = (drawing.width.ceil(), drawing.height.ceil());
    let title = escaped(&format!("workflow: {}", chart.workflow));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"Helvetica, Arial, sans-serif\" \
         font-size=\"{FONT}\" fill=\"#1a1a1a\">\n\
         <title>{title}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    out.push_str("<g fill=\"none\" stroke=\"#4a4a4a\" stroke-width=\"1.2\">\n");
    drawing.lines.iter().for_each(|line| path(&mut out, line));
    out.push_str("</g>\n");
    drawing.boxes.iter().for_each(|one| shape(&mut out, chart, one));
    out.push_str("</svg>\n");
    out
}

fn path(out: &mut String, line: &Line) {
    let points: Vec<String> = line.points.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
    let dashes = if line.dashed { " stroke-dasharray=\"5 4\"" } else { "" };
    let _ = writeln!(out, "<path d=\"M{}\"{dashes}/>", points.join(" L"));
    let [.., before, tip] = line.points.as_slice() else { return };
    if line.arrow {
        let _ = writeln!(
            out,
            "<path d=\"{}\" fill=\"#4a4a4a\" stroke=\"none\"/>",
            arrow(*before, *tip)
        );
    }
}

/// A head at the end of an upright or a level line.
fn arrow((bx, by): (f64, f64), (x, y): (f64, f64)) -> String {
    const LONG: f64 = 7.0;
    const HALF: f64 = 4.0;
    let (dx, dy) = ((x - bx).clamp(-1.0, 1.0), (y - by).clamp(-1.0, 1.0));
    let (fx, fy) = (x - dx * LONG, y - dy * LONG);
    let (ax, ay) = (fx + dy * HALF, fy + dx * HALF);
    let (cx, cy) = (fx - dy * HALF, fy - dx * HALF);
    format!("M{x:.1} {y:.1} L{ax:.1} {ay:.1} L{cx:.1} {cy:.1} Z")
}

fn shape(out: &mut String, chart: &Chart, one: &Placed) {
    let at = one.at;
    let (fill, stroke, round) = match one.of {
        Of::Title | Of::Way => ("none", "none", 0.0),
        Of::Entry => ("#eef1f4", "#1a1a1a", 3.0),
        Of::Exit => ("#ffffff", "#4a4a4a", 3.0),
        Of::End => ("#1a1a1a", "#1a1a1a", at.height / 2.0),
        Of::Step(_, Shape::Mail) => ("#e3eefb", "#1f5fa8", 3.0),
        Of::Step(_, Shape::Wait) => ("#fff6dd", "#9a7412", 12.0),
        Of::Step(_, Shape::Fork) => ("#f2ebfa", "#6b43a1", 3.0),
        Of::Step(_, Shape::Act) => ("#e8f5ea", "#2f7d3b", 3.0),
        Of::Step(_, Shape::Stop) => ("#f9e6e4", "#a33a2f", 12.0),
    };
    match one.of {
        Of::Step(step, _) => {
            let id = escaped(&chart.nodes[step.0].id);
            let _ = writeln!(out, "<g data-step=\"{id}\"><title>{id}</title>");
        }
        _ => out.push_str("<g>\n"),
    }
    if stroke != "none" {
        let dashes = if one.of == Of::Exit { " stroke-dasharray=\"5 4\"" } else { "" };
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{round:.1}\" \
             fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"1.2\"{dashes}/>",
            at.x, at.y, at.width, at.height
        );
    }
    let is_way = matches!(one.of, Of::Way | Of::End);
    let (anchor, x) =
        if is_way { ("middle", at.x + at.width / 2.0) } else { ("start", at.x + ROOM) };
    let x = if one.of == Of::Title { at.x } else { x };
    let inside = if matches!(one.of, Of::Title | Of::Way) { 0.0 } else { ROOM / 2.0 };
    // The line of writing is a quarter of the line above its foot.
    let mut y = at.y + inside + LINE * 0.76;
    let lines = one.lines.iter().map(|line| (line, false));
    for (place, (line, is_figure)) in
        lines.chain(one.figures.iter().map(|line| (line, true))).enumerate()
    {
        let style = match one.of {
            Of::Way => " font-style=\"italic\" fill=\"#4a4a4a\"",
            Of::End => " fill=\"#ffffff\"",
            _ if is_figure => " fill=\"#4a4a4a\" font-size=\"11.5\"",
            _ if place == 0 => " font-weight=\"bold\"",
            _ => "",
        };
        let text = escaped(line);
        let _ = writeln!(
            out,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"{style}>{text}</text>"
        );
        y += LINE;
    }
    out.push_str("</g>\n");
}

/// Text of an XML document: what none can hold is a question mark.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            sign if sign.is_control() => escaped.push('?'),
            sign => escaped.push(sign),
        }
    }
    escaped
}
