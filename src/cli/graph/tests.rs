//! What is drawn of the shipped workflows, and of one with every kind of step.

use std::{collections::BTreeSet, path::Path, time::Duration};

use super::{
    chart::Chart,
    layout::{Drawing, Line, Of, Placed, Rect, drawing},
    mermaid, svg, wrap,
};
use crate::{
    definitions::{Sources, check, read_folder, show},
    domain::{definitions::Definitions, workflow::Again},
    engine::report::workflow::{Rates, StepFigures, WorkflowReport},
    store::records::Period,
};

fn compiled(sources: &Sources) -> Definitions {
    let checked = check(sources);
    let shown = || show(&checked.problems, sources, false);
    checked.definitions.clone().unwrap_or_else(|| panic!("{}", shown()))
}

fn shipped() -> Definitions {
    compiled(&read_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap())
}

/// Every kind of step, every way out of one, and texts that are long or would be markup.
const ALL: &str = r#"
workflow: everything
about: Every kind of step, with <b>signs</b> & "quotes".
campaign: fair
purpose: insights
enter:
  event: appointment.booked
  where: entry.kind == "demo & <more>"
  each: appointment_id
  again: after 30d
goal: stage in ["sql", "customer"]
leave: replied() or stage == "disqualified"
steps:
  - email: cold/hello
    at: starts - 21d, 09:30
    not_after: starts - 1d
  - email: cold/hello
    at: starts
    if_past: do
    now: yes
  - wait: 2 business days
  - wait_for: clicked("cold/hello") or visited("/a/very/long/path/that/is/wider/than/any/box/of/the/picture")
    up_to: 10d
    then:
      - set: { interest: "a \"b\" <c> & d", seats: null }
      - tag: { add: warm, remove: cold }
    else:
      - if: country == "IT"
        then:
          - branch:
              - { when: seats > 50, name: large, then: [{ notify: sales }] }
              - when: seats > 10
                then:
                  - split:
                      short: { weight: 2, then: [{ email: cold/bye }] }
                      long: { weight: 1, then: [{ wait: 1d }, { email: cold/bye }] }
            else: [{ stop: too small }]
  - wait_for:
      came: happened("fair.came")
      missed: happened("fair.missed")
    up_to: ends + 2d
    came: [{ wait: 1h }]
  - repeat: 3
    until: clicked()
    steps:
      - wait: 5d
      - if: seats > 1
        then: [{ email: cold/bye }]
        else: [{ repeat: 2, steps: [{ wait: 1d }] }]
  - stream: tips
    every: [7d, 14d]
    up_to: 12 mails
    when_exhausted: go on
  - webhook: crm
    attributes: [interest]
    data: { reason: asked }
    on_failure: hold
  - hand_off: sales
    silent: { after: 2 business days, do: next person, then: [{ notify: ada }] }
    accepted: [{ enrol: other }, stop]
    returned:
      - leave: other
      - wait: 3d
      - stop: given back
"#;

fn everything() -> Definitions {
    let mut sources = Sources::default();
    for (path, text) in [
        (
            "workflows/policy.yaml",
            "policy:\n  zone: Europe/Rome\n  tracking: everybody\n  purposes:\n    insights: { label: Insights, basis: [consent] }\n",
        ),
        (
            "workflows/people.yaml",
            "people:\n  ada: { name: Ada Rossi, email: ada@example.com }\n  ben: { name: Ben, email: ben@example.com }\n  sales: { team: [ada, ben] }\n",
        ),
        ("workflows/attributes.yaml", "attributes:\n  seats: number\n  interest: text\n"),
        ("workflows/tips.yaml", "streams:\n  tips: { contents: [cold/hello, cold/bye] }\n"),
        (
            "workflows/fair.yaml",
            "campaign: fair\ntitle: The fair\nzone: Europe/Rome\ndates: { starts: \"2027-05-04 09:00\", ends: \"2027-05-04 18:00\" }\n",
        ),
        (
            "workflows/other.yaml",
            "workflow: other\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: cold/bye\n",
        ),
        ("workflows/everything.yaml", ALL),
        ("templates/cold/hello.md", "---\nsubject: Hello\n---\nGood morning.\n"),
        ("templates/cold/bye.md", "---\nsubject: Bye\n---\nGood night.\n"),
    ] {
        sources.files.insert(path.to_owned(), text.to_owned());
    }
    compiled(&sources)
}

fn charts() -> Vec<Chart> {
    let mut charts = Vec::new();
    for definitions in [shipped(), everything()] {
        let each = definitions.workflows.iter();
        charts.extend(each.map(|live| Chart::new(&live.workflow, &definitions, None)));
    }
    charts
}

fn chart(name: &str) -> Chart {
    charts().into_iter().find(|chart| chart.workflow == name).unwrap()
}

#[test]
fn the_workflow_with_everything_has_everything() {
    let kinds: BTreeSet<&str> = chart("everything").nodes.iter().map(|node| node.kind).collect();
    let every = "at branch email enrol hand_off if leave notify repeat set split stop stream tag wait wait_for webhook";
    assert_eq!(kinds, every.split(' ').collect());
}

#[test]
fn mermaid_of_the_shipped_workflows() {
    for live in shipped().workflows.iter() {
        let name = live.workflow.name.as_str();
        insta::assert_snapshot!(format!("mermaid-{name}"), mermaid::text(&chart(name)));
    }
}

#[test]
fn mermaid_of_every_kind_of_step() {
    insta::assert_snapshot!(mermaid::text(&chart("everything")));
}

/// By the syntax as it is documented: nodes and links of known shapes, each label quoted, each link between two
/// nodes that are there.
#[test]
fn mermaid_holds_its_syntax() {
    let node = regex::Regex::new(
        r#"^  (\w+)(\[\["[^"]+"\]\]|\(\["[^"]+"\]\)|\(\("[^"]+"\)\)|\{\{"[^"]+"\}\}|\[/"[^"]+"/\]|\["[^"]+"\]|\("[^"]+"\))$"#,
    )
    .unwrap();
    let link = regex::Regex::new(r#"^  (\w+) (?:-->|-\.->)(?:\|"[^"]+"\|)? (\w+)$"#).unwrap();
    for chart in charts() {
        let text = mermaid::text(&chart);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("flowchart TD"));
        let (mut nodes, mut ends) = (BTreeSet::new(), BTreeSet::new());
        for line in lines {
            if let Some(found) = node.captures(line) {
                assert!(nodes.insert(found[1].to_owned()), "twice: {line}");
            } else {
                let found = link.captures(line).unwrap_or_else(|| panic!("{line}"));
                ends.extend([found[1].to_owned(), found[2].to_owned()]);
            }
        }
        assert_eq!(nodes, ends, "a node that nothing leads to, or a link to none");
    }
}

#[test]
fn the_picture_is_xml_with_each_step_once_and_no_script() {
    for chart in charts() {
        let text = svg::svg(&chart, &drawing(&chart));
        let document = roxmltree::Document::parse(&text).unwrap();
        let steps = document.descendants().filter_map(|node| node.attribute("data-step"));
        let mut steps: Vec<&str> = steps.collect();
        steps.sort_unstable();
        let mut expected: Vec<&str> = chart.nodes.iter().map(|node| node.id.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(steps, expected);
        let names = document.descendants().filter(roxmltree::Node::is_element);
        let names: BTreeSet<&str> = names.map(|node| node.tag_name().name()).collect();
        assert_eq!(names, BTreeSet::from(["svg", "title", "rect", "g", "path", "text"]));
        // Every word of every step can be read.
        for node in &chart.nodes {
            let group =
                document.descendants().find(|it| it.attribute("data-step") == Some(&node.id));
            let texts = group.unwrap().descendants().filter(|it| it.has_tag_name("text"));
            let read: String = texts.filter_map(|it| it.text()).collect();
            let letters = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(letters(&read), letters(&node.text.concat()));
        }
    }
}

fn overlap(one: Rect, other: Rect) -> bool {
    one.x < other.x + other.width
        && other.x < one.x + one.width
        && one.y < other.y + other.height
        && other.y < one.y + one.height
}

/// Whether a line goes through the inside of a box.
fn crosses(line: &Line, at: Rect) -> bool {
    line.points.windows(2).any(|ends| {
        let ((x1, y1), (x2, y2)) = (ends[0], ends[1]);
        assert!((x1 - x2).abs() < 0.01 || (y1 - y2).abs() < 0.01, "a slanted line");
        let edge = 0.5;
        x1.min(x2) < at.x + at.width - edge
            && at.x + edge < x1.max(x2)
            && y1.min(y2) < at.y + at.height - edge
            && at.y + edge < y1.max(y2)
            || (x1 - x2).abs() < 0.01
                && at.x + edge < x1
                && x1 < at.x + at.width - edge
                && y1.min(y2) < at.y + at.height - edge
                && at.y + edge < y1.max(y2)
            || (y1 - y2).abs() < 0.01
                && at.y + edge < y1
                && y1 < at.y + at.height - edge
                && x1.min(x2) < at.x + at.width - edge
                && at.x + edge < x1.max(x2)
    })
}

fn is_readable(chart: &Chart) {
    let Drawing { width, height, boxes, lines } = drawing(chart);
    for (place, one) in boxes.iter().enumerate() {
        let Placed { at, of, .. } = one;
        assert!(at.x >= 0.0 && at.x + at.width <= width, "{of:?} is beside the sheet");
        assert!(at.y >= 0.0 && at.y + at.height <= height, "{of:?} is below the sheet");
        for other in &boxes[..place] {
            assert!(!overlap(*at, other.at), "{}: {one:?} lies on {other:?}", chart.workflow);
        }
        let written = one.lines.iter().chain(&one.figures);
        let widest = written.map(|line| wrap::width(line)).fold(0.0, f64::max);
        assert!(widest <= at.width, "{of:?} is narrower than its text");
        for line in &lines {
            assert!(!crosses(line, *at), "{}: {line:?} crosses {one:?}", chart.workflow);
        }
    }
    let steps = boxes.iter().filter(|one| matches!(one.of, Of::Step(..))).count();
    assert_eq!(steps, chart.nodes.len());
}

#[test]
fn no_box_lies_on_another_and_no_line_crosses_one() {
    for chart in charts() {
        is_readable(&chart);
    }
}

/// As a report would give them, the largest there may be.
fn report(chart: &Chart) -> WorkflowReport {
    let one = |node: &super::chart::Node| StepFigures {
        step: node.id.clone(),
        kind: Some(node.kind),
        template: (node.kind == "email").then(|| "cold/hello".into()),
        entered: 12_345_678,
        went_on: 1_234_567,
        waiting: 234_567,
        sent: 10_345_678,
        rates: Rates {
            sent: (node.kind == "email").then_some(0.84),
            clicked: Some(0.083),
            went_on: Some(0.1),
            ..Rates::default()
        },
        ..StepFigures::default()
    };
    WorkflowReport {
        workflow: chart.workflow.clone(),
        live_since: None,
        since: Period::ALL.from,
        until: Period::ALL.until,
        enrolments: 12_345_678,
        leads: 12_345_678,
        inside: 1_234_567,
        finished: 0,
        goal: 0,
        left: 0,
        cancelled: 0,
        campaign: None,
        costs: Vec::new(),
        steps: chart.nodes.iter().map(one).collect(),
    }
}

#[test]
fn how_soon_somebody_comes_in_again_is_told_to_the_minute() {
    let definitions = everything();
    let mut workflow = (*definitions.workflow("everything").unwrap().workflow).clone();
    let mut told = |minutes: u64| {
        workflow.again = Again::After(Duration::from_secs(60 * minutes));
        super::words::entry(&workflow, &definitions.policy).pop().unwrap()
    };
    let spans = [1, 90, 36 * 60, 30 * 24 * 60, 25 * 60 + 30].map(&mut told);
    assert_eq!(
        spans,
        [
            "again after 1m",
            "again after 1h30m",
            "again after 36h",
            "again after 30d",
            "again after 25h30m"
        ]
    );
}

#[test]
fn figures_stand_in_the_boxes() {
    let definitions = everything();
    let workflow = &definitions.workflow("everything").unwrap().workflow;
    let chart = Chart::new(workflow, &definitions, Some(&report(&chart("everything"))));
    is_readable(&chart);
    let of = |place: usize| chart.nodes[place].figures.as_ref().unwrap().text();
    let mail = "234,567 here · 12,345,678 entered · sent 84 % · clicked 8.3 % · went on 10 %";
    assert_eq!(of(3), mail);
    assert_eq!(of(7), "234,567 here · 12,345,678 entered · went on 10 %");
    // Nobody goes on from a stop.
    assert_eq!(of(15), "234,567 here · 12,345,678 entered");
    let text = mermaid::text(&chart);
    assert!(text.contains("12,345,678 entered · 1,234,567 inside"), "{text}");
    assert!(text.contains("clicked 8.3 #37; · went on 10 #37;\"]"), "{text}");
}
