//! Artefacts: the same content is the same version, and what was stored compiles to the same.

use std::collections::BTreeMap;

use super::campaign;
use crate::{
    definitions::{Sources, check, compile, still_needed},
    domain::{
        artefact::{Artefact, ArtefactKind},
        definitions::Since,
        id::ReleaseId,
        time::Instant,
    },
};

fn artefacts(sources: &Sources) -> Vec<Artefact> {
    let checked = check(sources);
    assert!(checked.definitions.is_some(), "{:#?}", checked.problems);
    checked.artefacts
}

fn workflow(artefacts: &[Artefact]) -> &Artefact {
    artefacts.iter().find(|found| found.kind == ArtefactKind::Workflow).unwrap()
}

#[test]
fn each_thing_defined_is_an_artefact_under_its_name() {
    let names: Vec<String> = artefacts(&campaign(&[(
        "templates/cold/hello.it.md",
        "---\nsubject: Ciao\n---\nBuongiorno.\n",
    )]))
    .iter()
    .map(|found| format!("{:?} {}", found.kind, found.name))
    .collect();
    for name in [
        "Workflow hello",
        "Segment cold",
        "Policy policy",
        "People people",
        "Attributes attributes",
        "Mail cold/hello",
        "Mail cold/hello.it",
        "Layout mail",
    ] {
        assert!(names.contains(&name.to_owned()), "{name} in {names:?}");
    }
}

#[test]
fn a_mail_that_is_kept_keeps_the_segments_that_it_asks_for() {
    let mail = "---\nsubject: Hello\n---\n{% if in_segment('hot') %}x{% elif in_segment( \"mild\" ) %}y{% endif %}";
    let segments = "segments:\n  cold: lead_status == \"Not now\"\n  hot: stage == \"mql\"\n  \
                    mild: not in_segment(\"hot\") and in_segment(\"base\")\n  base: has(company)\n  other: has(city)\n";
    let previous = artefacts(&campaign(&[
        ("templates/cold/hello.md", mail),
        ("workflows/segments.yaml", segments),
    ]));
    let is_gone = |found: &&Artefact| {
        found.kind == ArtefactKind::Segment && &*found.name != "cold"
            || &*found.name == "cold/hello"
    };
    let next: Vec<Artefact> = previous.iter().filter(|it| !is_gone(it)).cloned().collect();
    let pinned = [workflow(&previous).clone()];
    let carried = still_needed(&next, &previous, &pinned);
    let names: Vec<&str> = carried.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["base", "hot", "mild", "cold/hello"]);
}

#[test]
fn layout_and_comments_change_no_version_and_content_does() {
    let with = |text: &str| artefacts(&campaign(&[("workflows/hello.yaml", text)]));
    let one = with(
        "workflow: hello\npurpose: insights\nenter: { segment: cold, existing: no }\nsteps:\n  - email: cold/hello\n",
    );
    let other = with(
        "# the same\nsteps:\n- email: \"cold/hello\"\nenter:\n  existing: no # really\n  segment: cold\npurpose: insights\nworkflow: hello\n",
    );
    let edited = with(
        "workflow: hello\npurpose: insights\nenter: { segment: cold, existing: yes }\nsteps:\n  - email: cold/hello\n",
    );
    assert_eq!(workflow(&one).version, workflow(&other).version);
    assert_eq!(workflow(&one).content, workflow(&other).content);
    assert_ne!(workflow(&one).version, workflow(&edited).version);
    let version = workflow(&one).version.to_string();
    assert!(version.len() == 32 && version.chars().all(|c| c.is_ascii_hexdigit()));
}

#[test]
fn two_segments_with_the_same_condition_are_two_artefacts() {
    let text = "segments:\n  cold: stage == \"lead\"\n  fresh: stage == \"lead\"\n";
    let artefacts = artefacts(&campaign(&[("workflows/segments.yaml", text)]));
    let mut versions: Vec<_> = artefacts.iter().map(|found| &found.version).collect();
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), artefacts.len());
}

#[test]
fn what_is_stored_compiles_to_the_same_in_any_order() {
    let checked = check(&super::shipped::campaign());
    let mut stored = checked.artefacts;
    stored.reverse();
    let at = Instant::from_millis(5);
    let since = Since { at, release: ReleaseId(3), ..Since::default() };
    let since = BTreeMap::from([("reawaken-cold".into(), since)]);
    let compiled = compile(&stored, &[], ReleaseId(7), &since).unwrap();
    assert_eq!(compiled.release, ReleaseId(7));
    let live = compiled.workflow("reawaken-cold").unwrap();
    assert_eq!((live.since.at, live.since.release), (at, ReleaseId(3)));
    let straight = checked.definitions.unwrap();
    assert_eq!(compiled.plan_mark, straight.plan_mark);
    assert_eq!(compiled.templates, straight.templates);
    assert_eq!(format!("{:?}", compiled.segments), format!("{:?}", straight.segments));
    assert_eq!(format!("{:?}", compiled.scoring), format!("{:?}", straight.scoring));
    for (a, b) in compiled.workflows.iter().zip(straight.workflows.iter()) {
        assert_eq!(a.workflow.version, b.workflow.version);
        let steps = |live: &crate::domain::definitions::LiveWorkflow| {
            live.workflow.steps.iter().map(|step| format!("{step:?}")).collect::<Vec<_>>()
        };
        assert_eq!(steps(a), steps(b));
    }
}

#[test]
fn a_structure_that_somebody_is_pinned_to_is_kept_beside_the_live_one() {
    let old = artefacts(&campaign(&[]));
    let edited = artefacts(&campaign(&[(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: cold/bye\n",
    )]));
    let pinned = [workflow(&old).clone(), workflow(&edited).clone()];
    let compiled = compile(&edited, &pinned, ReleaseId(2), &BTreeMap::new()).unwrap();
    assert_eq!(compiled.workflows.len(), 1);
    assert_eq!(compiled.structures.len(), 2);
    assert!(compiled.structures.contains_key(&workflow(&old).version));
}

#[test]
fn a_pinned_structure_that_names_what_is_gone_is_a_problem_with_its_file() {
    let old = artefacts(&campaign(&[]));
    let rest: Vec<Artefact> = old
        .iter()
        .filter(|found| found.kind != ArtefactKind::Workflow && &*found.name != "cold")
        .cloned()
        .collect();
    let problems =
        compile(&rest, &[workflow(&old).clone()], ReleaseId(2), &BTreeMap::new()).unwrap_err();
    assert_eq!(problems[0].rule, "unknown-segment");
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("workflows/hello.yaml", 1));
    assert!(problems[0].message.contains("leads are still in"), "{}", problems[0].message);
}

#[test]
fn the_campaign_of_those_in_flight_is_carried_and_a_date_of_it_that_is_gone_is_a_problem() {
    let text = "workflow: hello\ncampaign: spring\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: \
                cold/hello\n    at: starts - 1d\n";
    let spring = |date: &str| {
        format!("campaign: spring\ntitle: Spring\ndates: {{ {date}: 2027-04-15 11:00 }}\n")
    };
    let first = spring("starts");
    let old = artefacts(&campaign(&[
        ("workflows/hello.yaml", text),
        ("workflows/spring.campaign.yaml", &first),
    ]));
    let pinned = [workflow(&old).clone()];
    let next = artefacts(&campaign(&[]));
    let carried = still_needed(&next, &old, &pinned);
    assert!(carried.iter().any(|it| it.kind == ArtefactKind::Campaign && &*it.name == "spring"));
    let with = |next: &[Artefact]| compile(next, &pinned, ReleaseId(2), &BTreeMap::new());
    with(&[next.as_slice(), &carried].concat()).unwrap();

    let renamed = spring("begins");
    let renamed = artefacts(&campaign(&[("workflows/spring.campaign.yaml", &renamed)]));
    let problems = with(&renamed).unwrap_err();
    assert_eq!(problems[0].rule, "bad-date");
    assert!(problems[0].message.contains("leads are still in"), "{}", problems[0].message);
}

#[test]
fn what_those_in_flight_need_is_carried_into_the_next_release() {
    let old = artefacts(&campaign(&[
        (
            "workflows/segments.yaml",
            "segments:\n  cold: not in_segment(\"warm\")\n  warm: stage == \"mql\"\n  \
             unused: stage == \"sql\"\n",
        ),
        ("templates/cold/hello.it.md", "---\nsubject: Ciao\n---\nBuongiorno.\n"),
        ("templates/partials/foot.html", "x"),
        ("templates/layouts/mail.html", "{{ content }}{% include \"partials/foot.html\" %}"),
        ("templates/layouts/other.html", "{{ content }}"),
    ]));
    let mut sources = campaign(&[(
        "workflows/hello.yaml",
        "workflow: hello\npurpose: insights\nenter: { by_hand: yes }\nsteps:\n  - email: cold/bye\n",
    )]);
    for gone in
        ["workflows/segments.yaml", "templates/cold/hello.md", "templates/layouts/mail.html"]
    {
        sources.files.remove(gone);
    }
    let new = artefacts(&sources);
    let pinned = [workflow(&old).clone()];
    assert!(compile(&new, &pinned, ReleaseId(2), &BTreeMap::new()).is_err());
    let carried = still_needed(&new, &old, &pinned);
    let names: Vec<&str> = carried.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(
        names,
        ["cold", "warm", "cold/hello", "cold/hello.it", "mail", "partials/foot.html"]
    );
    let next: Vec<Artefact> = new.into_iter().chain(carried).collect();
    let compiled = compile(&next, &pinned, ReleaseId(2), &BTreeMap::new()).unwrap();
    assert_eq!(compiled.structures.len(), 2);
    assert!(still_needed(&next, &old, &pinned).is_empty());
}

#[test]
fn a_mail_that_only_a_condition_or_the_entering_event_names_is_carried_as_well() {
    for old in [
        "enter: { event: mail.clicked, object: cold/bye }\nsteps: [{ tag: a }]\n",
        "enter: { by_hand: yes }\nleave: clicked(\"cold/bye\")\nsteps: [{ tag: a }]\n",
        "enter: { by_hand: yes }\nleave: not happened(\"mail.sent\", \"cold/bye\")\nsteps: [{ tag: a }]\n",
    ] {
        let text = format!("workflow: hello\npurpose: insights\n{old}");
        let old = artefacts(&campaign(&[("workflows/hello.yaml", &text)]));
        let mut sources = campaign(&[]);
        sources.files.remove("templates/cold/bye.md");
        let new = artefacts(&sources);
        let pinned = [workflow(&old).clone()];
        assert!(compile(&new, &pinned, ReleaseId(2), &BTreeMap::new()).is_err(), "{text}");
        let carried = still_needed(&new, &old, &pinned);
        let next: Vec<Artefact> = new.into_iter().chain(carried).collect();
        assert!(compile(&next, &pinned, ReleaseId(2), &BTreeMap::new()).is_ok(), "{text}");
    }
}

#[test]
fn versions_stay_the_same_from_one_nurtured_to_the_next() {
    // If this fails, every enrolment would be pinned to a version that no folder has any more.
    let versions: Vec<String> = artefacts(&campaign(&[]))
        .iter()
        .filter(|found| matches!(&*found.name, "hello" | "cold/hello" | "cold"))
        .map(|found| format!("{} {}", found.name, found.version))
        .collect();
    insta::assert_snapshot!(versions.join("\n"));
}

#[test]
fn content_that_is_no_json_is_a_problem_and_no_panic() {
    let mut stored = artefacts(&campaign(&[]));
    for found in &mut stored {
        found.content = "{".to_owned();
    }
    assert!(compile(&stored, &[], ReleaseId(1), &BTreeMap::new()).is_err());
}
