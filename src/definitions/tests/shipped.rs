//! The campaign in the repository's own root, and what its documentation shows.

use std::path::Path;

use crate::{
    definitions::{Sources, check, lint, past_dates, read_folder, schema::FILES, show},
    domain::{definitions::Definitions, policy::Tracking},
};

/// The repository's root is a campaign folder.
pub(super) fn campaign() -> Sources {
    read_folder(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn definitions() -> Definitions {
    let sources = campaign();
    let checked = check(&sources);
    assert!(checked.problems.is_empty(), "{}", show(&checked.problems, &sources, false));
    checked.definitions.unwrap()
}

/// Nor is anything in it, its tests included, that is not meant.
#[test]
fn the_shipped_campaign_has_nothing_to_lint() {
    let found = lint(&campaign(), &definitions(), "2027-03-01T08:00:00Z".parse().unwrap());
    assert!(found.is_empty(), "{}", show(&found, &campaign(), false));
}

/// One click is not warm for an instant only.
#[test]
fn a_click_keeps_a_lead_warm_for_a_half_life() {
    let scoring = definitions().scoring;
    let click = scoring.engagement.iter().find(|rule| &*rule.name == "clicked in a mail").unwrap();
    assert!(click.points.0 / 2 >= scoring.warm.0);
}

#[test]
fn the_shipped_campaign_has_no_problem() {
    let definitions = definitions();
    let names: Vec<&str> =
        definitions.workflows.iter().map(|live| live.workflow.name.as_str()).collect();
    assert_eq!(
        names,
        ["to-sales", "welcome-whitepaper", "webinar", "reawaken-cold", "patient-prospects"]
    );
    assert_eq!(definitions.policy.tracking, Tracking::With("insights".into()));
    let ids: Vec<&str> = definitions
        .workflow("reawaken-cold")
        .unwrap()
        .workflow
        .steps
        .iter()
        .map(|step| step.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "email.cold/industry-report",
            "wait_for.clicked-cold-industry-report-or-visited-pricing",
            "set.interest",
            "wait.2-business-days",
            "email.cold/case-study",
            "wait.10-business-days",
            "email.cold/one-question",
            "wait_for.answered-obstacle",
            "stop.they-said-what-keeps-them",
            "email.cold/last-useful-thing",
        ]
    );
}

/// Steps of the webinar that are passed over on a day.
fn past(definitions: &Definitions, now: &str) -> Vec<(usize, String)> {
    let problems = past_dates(definitions, now.parse().unwrap());
    problems.into_iter().map(|problem| (problem.line, problem.message)).collect()
}

#[test]
fn a_campaign_whose_dates_are_past_is_warned_of() {
    let definitions = definitions();
    assert_eq!(past(&definitions, "2031-09-01T00:00:00Z"), []);
    let message = "`starts` (2031-10-16 11:00 in Europe/Rome) is so near that some steps are past: whoever \
                   comes into `webinar` now goes past `email.webinar/invitation`";
    assert_eq!(past(&definitions, "2031-10-01T00:00:00Z"), [(6, message.to_owned())]);
    let all = past(&definitions, "2031-12-01T00:00:00Z");
    assert_eq!(all.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [7, 6], "{all:?}");
    // What is done also when it is past expires all the same.
    assert!(
        all[0].1.contains("is past: whoever") && all[0].1.contains("`email.webinar/on-the-day`")
    );
    assert!(all[1].1.contains("`email.webinar/invitation`, `email.webinar/reminder`"), "{all:?}");
}

#[test]
fn two_hundred_workflows_are_checked_well_under_a_second() {
    let shipped = definitions().workflows.len();
    let mut sources = campaign();
    let text = sources.files["workflows/reawaken-cold.yaml"].clone();
    for number in 0..200 {
        let text = text.replace("workflow: reawaken-cold", &format!("workflow: w{number}"));
        sources.files.insert(format!("workflows/w{number}.yaml"), text);
    }
    #[allow(clippy::disallowed_methods)] // a stopwatch, not a clock
    let begin = std::time::Instant::now();
    let checked = check(&sources);
    let took = begin.elapsed();
    println!("check of 200 more workflows: {took:?}");
    assert_eq!(checked.definitions.unwrap().workflows.len(), shipped + 200);
    // Unoptimised and on a busy machine; a release build is some ten times faster.
    assert!(took.as_secs() < 5, "{took:?}");
}

fn first_key(yaml: &str) -> &str {
    let top = yaml.lines().find(|line| !line.starts_with('#')).unwrap_or("");
    top.split(':').next().unwrap_or("")
}

/// The whole files that the pages on workflows and house rules show. Parts of files are shown as well; a whole
/// one begins with its top-level key.
pub(super) fn yaml_examples() -> Vec<String> {
    let pages = [
        include_str!("../../../docs/workflows.md"),
        include_str!("../../../docs/ways.md"),
        include_str!("../../../docs/policy.md"),
    ];
    let blocks = pages
        .into_iter()
        .flat_map(|page| page.split("```yaml\n").skip(1))
        .map(|block| block.split("```").next().unwrap());
    let whole = blocks.filter(|text| FILES.iter().any(|kind| kind.key == first_key(text)));
    whole.map(ToOwned::to_owned).collect()
}

#[test]
fn every_example_of_the_documentation_is_right() {
    let examples = yaml_examples();
    for text in &examples {
        let replaced = match first_key(text) {
            "workflow" => "workflows/example.yaml",
            "campaign" => "workflows/example.campaign.yaml",
            "segments" => "workflows/example-segments.yaml",
            "questions" => "workflows/example-questions.yaml",
            "streams" => "workflows/example-streams.yaml",
            "scoring" => "workflows/scoring.yaml",
            "policy" => "workflows/policy.yaml",
            "people" => "workflows/people.yaml",
            "attributes" => "workflows/attributes.yaml",
            other => panic!("an example of `{other}` is not tried: {text}"),
        };
        let mut sources = campaign();
        if replaced == "workflows/attributes.yaml" {
            // The shipped workflows name attributes of their own.
            sources.files.retain(|path, _| !path.starts_with("workflows/"));
        }
        // Workflows of the page send the streams of the page.
        let streams = examples.iter().filter(|text| first_key(text) == "streams");
        sources.files.extend(
            streams.map(|text| ("workflows/example-streams.yaml".to_owned(), text.clone())),
        );
        sources.files.insert(replaced.to_owned(), text.clone());
        let checked = check(&sources);
        let shown = show(&checked.problems, &sources, false);
        assert!(checked.problems.is_empty(), "{text}\n{shown}");
        // Of what one example defines others are the users.
        let now = "2027-03-01T08:00:00Z".parse().unwrap();
        let mut found = lint(&sources, &checked.definitions.unwrap(), now);
        found.retain(|problem| !problem.rule.starts_with("unused-"));
        assert!(found.is_empty(), "{text}\n{}", show(&found, &sources, false));
    }
    assert!(examples.len() >= 6, "only {} examples were found", examples.len());
}

/// Whole mails that the page of templates shows, as the product reads them.
#[test]
fn every_mail_of_the_documentation_is_right() {
    let page = include_str!("../../../docs/templates.md");
    let blocks =
        page.split("```markdown\n").skip(1).map(|block| block.split("```").next().unwrap());
    let mails: Vec<&str> = blocks.filter(|text| text.starts_with("---\n")).collect();
    assert!(mails.len() >= 4, "only {} mails were found", mails.len());
    for text in mails {
        let mut sources = campaign();
        sources.files.insert("templates/example.md".to_owned(), text.to_owned());
        for file in ["templates/files/2027/guide.pdf", "templates/files/prices.csv"] {
            sources.files.insert(file.to_owned(), "JVBERi0xLjc=".to_owned());
        }
        let checked = check(&sources);
        assert!(
            checked.problems.is_empty(),
            "{text}\n{}",
            show(&checked.problems, &sources, false)
        );
    }
}
