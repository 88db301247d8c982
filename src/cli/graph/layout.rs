//! Where everything stands: from the top down in document order, branches side by side.
//!
//! Steps are trees with joins and loops, so no general layout is needed: a list of steps stands on one axis; the
//! branches of a step stand beside each other below it and come together below the longest of them.

use super::{
    chart::{Chart, Leads, Shape},
    wrap::{self, LINE},
};
use crate::domain::workflow::{StepIx, Way};

/// How wide a box is, and the room between its edge and its text.
const BOX: f64 = 250.0;
pub(super) const ROOM: f64 = 10.0;
/// Between two columns, and between two boxes of one.
const BESIDE: f64 = 24.0;
const BELOW: f64 = 26.0;
/// From a box to where ways part, and from where they part to what is said of each.
const BUS: f64 = 14.0;
/// How wide what is said of a way is at most.
const SAID: f64 = 150.0;
const END: f64 = 54.0;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// What a box is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    Title,
    Entry,
    /// The goal or the leave.
    Exit,
    Step(StepIx, Shape),
    End,
    /// What is said of a way.
    Way,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Placed {
    pub of: Of,
    pub at: Rect,
    pub lines: Vec<String>,
    /// Figures, below.
    pub figures: Vec<String>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub points: Vec<(f64, f64)>,
    pub arrow: bool,
    pub dashed: bool,
}

/// Everything, in pixels from the upper left corner.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Drawing {
    pub width: f64,
    pub height: f64,
    pub boxes: Vec<Placed>,
    pub lines: Vec<Line>,
}

/// A part of the drawing around its axis, which is where it is come to from above and left below.
#[derive(Default)]
struct Part {
    left: f64,
    right: f64,
    height: f64,
    /// Whether anybody leaves it below.
    open: bool,
    boxes: Vec<Placed>,
    lines: Vec<Line>,
}

pub(super) fn drawing(chart: &Chart) -> Drawing {
    let mut steps = Steps { chart, drawn: vec![false; chart.nodes.len()] };
    let leads: Vec<String> = chart.leads.map(Leads::text).into_iter().collect();
    let entry = boxed(Of::Entry, &[&["enter".to_owned()], &chart.enter[..]].concat(), &leads);
    let mut all = Part::default();
    let first = all.stand(entry);
    let mut y = first.y;
    for (key, condition) in [("goal", &chart.goal), ("leave", &chart.leave)] {
        let Some(condition) = condition else { continue };
        let texts = [format!("{key}, at any time"), condition.clone()];
        let mut exit = boxed(Of::Exit, &texts, &[]);
        (exit.at.x, exit.at.y) = (BOX / 2.0 + 2.0 * BESIDE, y);
        let middle = y + LINE;
        let from = LINE.min(first.height / 2.0);
        let bend = BOX / 2.0 + BESIDE;
        all.line(
            &[(BOX / 2.0, from), (bend, from), (bend, middle), (exit.at.x, middle)],
            true,
            true,
        );
        y += exit.at.height + BUS;
        all.right = all.right.max(exit.at.x + exit.at.width);
        all.boxes.push(exit);
    }
    let below = all.height;
    all.height = all.height.max(y - BUS);
    if let Some(begin) = chart.first {
        let block = steps.block(begin, None);
        let from = all.height;
        all.line(&[(0.0, below), (0.0, from + BELOW)], true, false);
        all.height += BELOW;
        all.open = block.open;
        all.take(block, 0.0, from + BELOW);
    } else {
        all.open = true;
    }
    if all.open {
        let y = all.height;
        all.line(&[(0.0, y), (0.0, y + BELOW)], true, false);
        let at = Rect { x: -END / 2.0, y: y + BELOW, width: END, height: LINE + ROOM };
        all.boxes.push(Placed { of: Of::End, at, lines: vec!["end".to_owned()], figures: vec![] });
        all.height = y + BELOW + at.height;
    }
    titled(chart, all)
}

/// Moves everything below its title, and away from the edges.
fn titled(chart: &Chart, all: Part) -> Drawing {
    let margin = 2.0 * ROOM;
    let width = (all.left + all.right).max(2.0 * BOX);
    let mut title = wrap::lines(&format!("workflow: {}", chart.workflow), width);
    title.extend(wrap::lines(&chart.about, width));
    #[allow(clippy::cast_precision_loss)] // a few lines
    let height = title.len() as f64 * LINE;
    let at = Rect { x: margin, y: margin, width, height };
    let top = margin + height + BELOW;
    let mut whole = Part::default();
    whole.boxes.push(Placed { of: Of::Title, at, lines: title, figures: vec![] });
    let room = (width - all.left - all.right) / 2.0;
    let bottom = top + all.height + margin;
    let axis = margin + room + all.left;
    whole.take(all, axis, top);
    Drawing { width: width + 2.0 * margin, height: bottom, boxes: whole.boxes, lines: whole.lines }
}

struct Steps<'c> {
    chart: &'c Chart,
    drawn: Vec<bool>,
}

impl Steps<'_> {
    /// A list of steps, as far as `after`, which stands elsewhere.
    fn block(&mut self, begin: StepIx, after: Option<StepIx>) -> Part {
        let mut part = Part::default();
        let mut at = Some(begin);
        while let Some(step) = at.filter(|step| Some(*step) != after && !self.drawn[step.0]) {
            let from = part.height;
            if from > 0.0 {
                if part.open {
                    part.line(&[(0.0, from), (0.0, from + BELOW)], true, false);
                }
                part.height += BELOW;
            }
            let step_part = self.step(step);
            part.open = step_part.open;
            let y = part.height;
            part.take(step_part, 0.0, y);
            at = self.chart.nodes[step.0].next;
        }
        part
    }

    /// A step with its branches.
    fn step(&mut self, step: StepIx) -> Part {
        self.drawn[step.0] = true;
        let node = &self.chart.nodes[step.0];
        let figures = node.figures.as_ref().map(super::chart::Figures::text);
        let figures: Vec<String> = figures.into_iter().collect();
        let mut part = Part::default();
        let top = part.stand(boxed(Of::Step(step, node.shape), &node.text, &figures));
        part.open = !node.ways.is_empty();
        match node.kind {
            "repeat" => self.round(&mut part, top, step),
            "stream" => self.again(&mut part, top, step),
            _ if node.ways.iter().any(|way| !way.when.is_empty()) => self.fork(&mut part, step),
            _ => {}
        }
        part
    }

    /// Branches beside each other, which come together below the longest.
    fn fork(&mut self, part: &mut Part, step: StepIx) {
        let node = &self.chart.nodes[step.0];
        let columns: Vec<(Part, Placed)> = node
            .ways
            .iter()
            .map(|way| {
                let block = way.begins.map(|begin| self.block(begin, node.next));
                (block.unwrap_or_else(Part::straight_on), said(way))
            })
            .collect();
        let half = |said: &Placed| said.at.width / 2.0;
        let sides: Vec<(f64, f64)> = columns
            .iter()
            .map(|(block, said)| (block.left.max(half(said)), block.right.max(half(said))))
            .collect();
        #[allow(clippy::cast_precision_loss)] // a few columns
        let gaps = BESIDE * (columns.len() - 1) as f64;
        let all = sides.iter().map(|(left, right)| left + right).sum::<f64>() + gaps;
        let highest = columns.iter().map(|(_, said)| said.at.height).fold(0.0, f64::max);
        let bus = part.height + BUS;
        let begin = bus + BUS + highest + BUS;
        let longest = columns.iter().map(|(block, _)| block.height).fold(0.0, f64::max);
        let join = begin + longest + BUS;
        let from = part.height;
        let mut x = -all / 2.0;
        part.open = false;
        for ((block, mut said), (left, right)) in columns.into_iter().zip(sides) {
            x += left;
            part.line(&[(0.0, from), (0.0, bus), (x, bus), (x, bus + BUS)], false, false);
            let below = bus + BUS + said.at.height;
            (said.at.x, said.at.y) = (x - half(&said), bus + BUS);
            part.boxes.push(said);
            let is_box = block.height > 0.0;
            if is_box {
                part.line(&[(x, below), (x, begin)], true, false);
            }
            if block.open {
                let out = if is_box { begin + block.height } else { below };
                part.line(&[(x, out), (x, join), (0.0, join)], false, false);
                part.open = true;
            }
            part.take(block, x, begin);
            x += right + BESIDE;
        }
        part.left = part.left.max(all / 2.0);
        part.right = part.right.max(all / 2.0);
        part.height = join;
    }

    /// A loop: its body below, whose end leads back on the left; on the right the way past it.
    fn round(&mut self, part: &mut Part, top: Rect, step: StepIx) {
        let node = &self.chart.nodes[step.0];
        let [again, past] = node.ways.as_slice() else { return };
        let body = again.begins.map(|begin| self.block(begin, Some(step)));
        let body = body.unwrap_or_else(Part::straight_on);
        let (mut again, mut past) = (said(again), said(past));
        let side = top.y + top.height / 2.0;
        let from = part.height;
        (again.at.x, again.at.y) = (-again.at.width / 2.0, from + BUS);
        part.line(&[(0.0, from), (0.0, from + BUS)], false, false);
        let below = again.at.y + again.at.height;
        let begin = below + BUS;
        part.line(&[(0.0, below), (0.0, begin)], body.height > 0.0, false);
        let end = begin + body.height;
        let back = -(body.left.max(BOX / 2.0) + BESIDE);
        if body.open {
            let way =
                [(0.0, end), (0.0, end + BUS), (back, end + BUS), (back, side), (top.x, side)];
            part.line(&way, true, false);
        }
        let lane =
            body.right.max(BOX / 2.0).max(again.at.width / 2.0) + BESIDE + past.at.width / 2.0;
        (past.at.x, past.at.y) = (lane - past.at.width / 2.0, from + BUS);
        let join = (end + 2.0 * BUS).max(past.at.y + past.at.height + BUS);
        let edge = top.x + top.width;
        part.line(&[(edge, side), (lane, side), (lane, past.at.y)], false, false);
        let below = past.at.y + past.at.height;
        part.line(&[(lane, below), (lane, join), (0.0, join)], false, false);
        part.left = part.left.max(-back);
        part.right = part.right.max(lane + past.at.width / 2.0);
        part.boxes.extend([again, past]);
        part.take(body, 0.0, begin);
        part.height = join;
        part.open = true;
    }

    /// A step that leads back to itself, and on.
    fn again(&mut self, part: &mut Part, top: Rect, step: StepIx) {
        let [again, past] = self.chart.nodes[step.0].ways.as_slice() else { return };
        let (mut again, mut past) = (said(again), said(past));
        let edge = top.x + top.width;
        let (out, back) = (top.y + top.height * 0.75, top.y + top.height * 0.25);
        let lane = edge + BESIDE;
        part.line(&[(edge, out), (lane, out), (lane, back), (edge, back)], true, false);
        (again.at.x, again.at.y) = (lane + 4.0, top.y + (top.height - again.at.height) / 2.0);
        part.right = part.right.max(again.at.x + again.at.width);
        let from = part.height;
        (past.at.x, past.at.y) = (-past.at.width / 2.0, from + BUS);
        part.line(&[(0.0, from), (0.0, past.at.y)], false, false);
        part.height = past.at.y + past.at.height;
        part.boxes.extend([again, past]);
    }
}

impl Part {
    /// Nothing but the axis.
    fn straight_on() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Puts a box on the axis below everything.
    fn stand(&mut self, mut one: Placed) -> Rect {
        (one.at.x, one.at.y) = (-one.at.width / 2.0, self.height);
        self.left = self.left.max(one.at.width / 2.0);
        self.right = self.right.max(one.at.width / 2.0);
        self.height += one.at.height;
        let at = one.at;
        self.boxes.push(one);
        at
    }

    fn line(&mut self, points: &[(f64, f64)], arrow: bool, dashed: bool) {
        self.lines.push(Line { points: points.to_vec(), arrow, dashed });
    }

    /// Takes in another part, with its axis here and its top there.
    fn take(&mut self, other: Self, x: f64, y: f64) {
        let moved = |mut one: Placed| {
            (one.at.x, one.at.y) = (one.at.x + x, one.at.y + y);
            one
        };
        self.boxes.extend(other.boxes.into_iter().map(moved));
        let moved = |line: Line| Line {
            points: line.points.into_iter().map(|(px, py)| (px + x, py + y)).collect(),
            ..line
        };
        self.lines.extend(other.lines.into_iter().map(moved));
        self.left = self.left.max(other.left - x);
        self.right = self.right.max(other.right + x);
        self.height = self.height.max(y + other.height);
    }
}

fn boxed(of: Of, texts: &[String], figures: &[String]) -> Placed {
    let room = BOX - 2.0 * ROOM;
    let wrapped = |texts: &[String], room: f64| -> Vec<String> {
        texts.iter().flat_map(|text| wrap::lines(text, room)).collect()
    };
    // The first text is in bold, which is wider.
    let (first, rest) = texts.split_at(1.min(texts.len()));
    let lines = [wrapped(first, room * 0.92), wrapped(rest, room)].concat();
    let figures: Vec<String> = figures.iter().flat_map(|text| wrap::parts(text, room)).collect();
    #[allow(clippy::cast_precision_loss)] // a few lines
    let height = (lines.len() + figures.len()) as f64 * LINE + ROOM;
    Placed { of, at: Rect { x: 0.0, y: 0.0, width: BOX, height }, lines, figures }
}

fn said(way: &Way) -> Placed {
    let lines = wrap::lines(&way.when, SAID);
    let width = lines.iter().map(|line| wrap::width(line)).fold(0.0, f64::max);
    #[allow(clippy::cast_precision_loss)] // a few lines
    let height = lines.len() as f64 * LINE;
    Placed { of: Of::Way, at: Rect { x: 0.0, y: 0.0, width, height }, lines, figures: vec![] }
}
