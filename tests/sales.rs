//! What sales brings in by hand and by files: outcomes, owners, deals.

use crate::support::site::{Ran, Site};

/// Leads who are enrolled by hand are handed to their owner.
fn site() -> Site {
    let site = Site::new();
    site.write(
        "workflows/house.yaml",
        "policy:\n  tracking: everybody\n  purposes:\n    news: { label: News, basis: [consent] }\n",
    );
    site.write(
        "workflows/people.yaml",
        "people:\n  rep_7: { name: Ada Rossi, email: ada@example.com }\n  \
         ben: { name: Ben Weber, email: ben@example.com }\n  sales: { team: [rep_7, ben] }\n",
    );
    site.write(
        "workflows/scoring.yaml",
        "scoring:\n  engagement:\n    - { on: happened(\"fair.visited\"), points: 20, cap: 20 }\n  stages:\n    \
         - { from: [lead, mql, sql], to: customer, when: happened(\"deal.won\") }\n",
    );
    site.write(
        "workflows/qualify.yaml",
        "workflow: qualify\npurpose: news\nenter: { by_hand: yes }\nsteps:\n  - hand_off: owner\n    else_to: sales\n    \
         accepted:\n      - tag: theirs\n    returned:\n      - tag: back\n",
    );
    for arguments in [&["migrate"][..], &["apply"]] {
        assert_eq!(site.run(arguments).code, 0);
    }
    site.write(
        "leads.csv",
        "Email,Contact owner,Marketing consent,Consent date\nann@a.example,rep_7,Yes,2026-01-02\n\
         bob@b.example,Ben Weber,Yes,2026-01-02\ncid@c.example,rep_9,Yes,2026-01-02\n\
         dan@d.example,rep_9,Yes,2026-01-02\neve@e.example,,Yes,2026-01-02\nnobody,rep_10,Yes,2026-01-02\n",
    );
    site
}

fn import(site: &Site) -> Ran {
    site.run(&["leads", "import", "leads.csv", "--purpose", "news"])
}

#[test]
fn an_import_says_whose_owners_are_nobody_here() {
    let site = site();
    let dry = site.json(&["leads", "import", "leads.csv", "--purpose", "news", "--dry-run"]);
    let unknown = serde_json::json!({ "first": ["rep_9"], "rows": 2 });
    assert_eq!(dry["unknown_owners"], unknown);
    let ran = import(&site);
    assert!(
        ran.out.contains("2 rows name an owner who is not among the people: \"rep_9\"."),
        "{ran:?}"
    );
}

#[test]
fn an_outcome_by_hand_answers_the_hand_off() {
    let site = site();
    import(&site);
    site.run(&["enrol", "qualify", "ann@a.example", "bob@b.example"]);
    assert_eq!(site.json(&["tick"])["sent"], 2);
    let ran = site.run(&["outcome", "ann@a.example", "accepted", "--by", "ben@example.com"]);
    assert_eq!(
        ran.out.trim(),
        "ann@a.example is accepted by ben. It answers the hand-off of qualify."
    );
    let returned = site.json(&[
        "outcome",
        "BOB@b.example",
        "returned",
        "--reason",
        "no-budget",
        "--note",
        "next year perhaps",
        "--until",
        "2999-01-01",
    ]);
    assert_eq!(returned["email"], "bob@b.example");
    assert_eq!(returned["reason"], "no_budget");
    assert_eq!(returned["until"], "2999-01-01T00:00:00Z");
    assert_eq!(returned["answers"], serde_json::json!(["qualify"]));
    assert_eq!(site.run(&["tick"]).code, 0);
    let ann = site.json(&["leads", "show", "ann@a.example"]);
    assert_eq!((&ann["tags"][0], &ann["attributes"]["owner"]), (&"theirs".into(), &"ben".into()));
    let bob = site.json(&["leads", "show", "bob@b.example"]);
    assert_eq!((&bob["tags"][0], &bob["stage"]), (&"back".into(), &"recycled".into()));

    let ran = site.run(&["outcome", "eve@e.example", "returned", "--reason", "wrong_person"]);
    assert!(ran.out.contains("No hand-off waited for it; it counts all the same."), "{ran:?}");
    assert_eq!(site.run(&["tick"]).code, 0);
    assert_eq!(site.json(&["leads", "show", "eve@e.example"])["stage"], "disqualified");
    site.run(&["outcome", "eve@e.example", "returned", "--reason", "not_now"]);
    assert_eq!(site.run(&["tick"]).code, 0);
    assert_eq!(site.json(&["leads", "show", "eve@e.example"])["stage"], "recycled");
}

#[test]
fn an_outcome_that_cannot_be_is_refused() {
    let site = site();
    import(&site);
    for (code, arguments) in [
        (1, &["nobody@a.example", "accepted"][..]),
        (1, &["ann@a.example", "accepted", "--by", "eve"]),
        (2, &["ann@a.example", "accepted", "--reason", "other"]),
        (2, &["ann@a.example", "accepted", "--until", "2999-01-01"]),
        (2, &["ann@a.example", "returned", "--until", "2020-01-01"]),
        (2, &["ann@a.example", "returned", "--until", "soon"]),
        (2, &["ann@a.example", "returned", "--reason", "no_answer"]),
        (2, &["ann@a.example", "won"]),
    ] {
        let ran = site.run(&[&["outcome"][..], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?}: {ran:?}");
        assert!(!ran.err.is_empty());
    }
    let ran = site.run(&["outcome", "ann@a.example", "accepted", "--by", "eve"]);
    assert!(ran.err.contains("there are: ben, rep_7"), "{ran:?}");
}

#[test]
fn deals_come_in_as_events_and_make_customers() {
    let site = site();
    import(&site);
    let deals = "email,deal,amount,currency,opened_on,outcome,closed_on\n\
                 ann@a.example,opp_1,100,EUR,2026-01-20,closed_won,2026-02-20\n\
                 bob@b.example,opp_2,7,EUR,2026-01-21,,\n\
                 cid@c.example,opp_3,7,EUR,2026-01-22,closed_lost,2026-02-01\n\
                 z@z.example,opp_4,7,EUR,2026-01-22,,\n\
                 dan@d.example,opp_5,7,EUR,2026-01-22,closed_won,\n";
    site.write("deals.csv", deals);
    let import =
        |more: &[&str]| site.json(&[&["events", "import", "deals.csv"][..], more].concat());
    let figures = |report: &serde_json::Value| {
        ["rows", "recorded", "events", "duplicates", "rejected", "unknown_leads"]
            .map(|name| report[name].as_u64().unwrap())
    };
    assert_eq!(figures(&import(&["--dry-run"])), [5, 3, 5, 0, 2, 1]);
    let report = import(&[]);
    assert_eq!(figures(&report), [5, 3, 5, 0, 2, 1]);
    assert_eq!(report["findings"]["first"][1]["column"], "closed_on");
    assert_eq!(figures(&import(&[])), [5, 0, 0, 3, 2, 1]);
    // What became of it since.
    site.write("deals.csv", deals.replace("2026-01-21,,", "2026-01-21,closed_won,2026-03-01"));
    assert_eq!(figures(&import(&[])), [5, 1, 1, 2, 2, 1]);
    assert_eq!(site.run(&["tick"]).code, 0);
    for (email, stage) in
        [("ann@a.example", "customer"), ("bob@b.example", "customer"), ("cid@c.example", "lead")]
    {
        assert_eq!(site.json(&["leads", "show", email])["stage"], stage, "{email}");
    }
    let ran = site.run(&["events", "import", "deals.csv", "--dry-run"]);
    assert!(ran.out.contains("known already 3") || ran.out.contains("3 known already"), "{ran:?}");
}

#[test]
fn meetings_and_fairs_score_as_events_of_names_of_ones_own() {
    let site = site();
    import(&site);
    site.write(
        "activities.csv",
        format!("email,at,event,object,outcome\nann@a.example,{},fair_visited,spring,\n", today()),
    );
    assert_eq!(site.json(&["events", "import", "activities.csv"])["recorded"], 1);
    assert_eq!(site.run(&["tick"]).code, 0);
    let score = site.json(&["why-score", "ann@a.example"]);
    assert_eq!(score["ledger"][0]["points"], 20.0);
}

/// Points fade: the fair was today.
fn today() -> String {
    nurtured::clock::Clock::System.now().to_string()
}

#[test]
fn what_only_cards_have_is_in_no_other_notice() {
    let site = site();
    site.write(
        "templates/card.md",
        "---\nsubject: \"{{ email }}, of {{ owner_name or 'nobody' }}\"\n---\n\
         {% for line in card.fit %}{{ line.rule }}{% endfor %}\n\n[Mine]({{ card.outcome.accepted }})\n",
    );
    let write = |step: &str| {
        let text = format!(
            "workflow: qualify\npurpose: news\nenter: {{ by_hand: yes }}\nsteps:\n  - {step}: sales\n    template: card\n"
        );
        site.write("workflows/qualify.yaml", text);
    };
    write("hand_off");
    let ran = site.run(&["check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    write("notify");
    let ran = site.run(&["check"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("card") || ran.out.contains("card"), "{ran:?}");
}
