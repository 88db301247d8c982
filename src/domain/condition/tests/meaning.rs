//! What the words mean.

use std::cell::Cell;

use super::{super::Named, *};
use crate::domain::verdict::Truth::{False, True, Unknown};

#[test]
fn what_rests_on_a_missing_attribute_is_unknown() {
    let mut house = House::new();
    let nobody = Lead::new(&house);
    let italian = Lead::new(&house).text(&house, "country", "IT");
    let french = Lead::new(&house).text(&house, "country", "FR");
    for (source, of_nobody, of_italian, of_french) in [
        ("country == \"IT\"", Unknown, True, False),
        ("country != \"IT\"", Unknown, False, True),
        ("not country == \"IT\"", Unknown, False, True),
        ("country in [\"IT\", \"DE\"]", Unknown, True, False),
        ("not (country in [\"IT\", \"DE\"])", Unknown, False, True),
        ("country.startsWith(\"I\")", Unknown, True, False),
        ("has(country)", False, True, True),
        ("not has(country) or country != \"IT\"", True, False, True),
        ("country == \"IT\" and false", False, False, False),
        ("country == \"IT\" or true", True, True, True),
        ("country == \"IT\" or seats > 3", Unknown, True, Unknown),
    ] {
        let at = day(0);
        assert_eq!(house.value(source, &nobody, at), of_nobody, "{source} of nobody");
        assert_eq!(house.value(source, &italian, at), of_italian, "{source} of an Italian");
        assert_eq!(house.value(source, &french, at), of_french, "{source} of a Frenchman");
    }
}

#[test]
fn attributes_are_compared_by_their_type() {
    let mut house = House::new();
    let lead = Lead::new(&house)
        .text(&house, "job_title", "Head of Sales, EMEA")
        .text(&house, "company", "Zeta 42")
        .with(&house, "seats", Value::Number(12.0))
        .with(&house, "budget", Value::Number(12.5))
        .with(&house, "customer", Value::Bool(false))
        .with(&house, "renewal", Value::Date(day(10)));
    for (source, value) in [
        ("seats >= 12 and seats <= 12", True),
        ("seats < budget", True),
        ("12.5 == budget", True),
        ("seats in [11, 12]", True),
        ("seats in [-12]", False),
        ("customer", False),
        ("!customer", True),
        ("customer == false", True),
        ("customer != false", False),
        ("job_title.contains(\"Sales\")", True),
        ("job_title.contains(\"sales\")", False),
        ("job_title.matches(\"(?i)\\\\bsales\\\\b\")", True),
        (r#"company.matches(r"\d+$")"#, True),
        ("job_title.startsWith(\"Head\") and job_title.endsWith('EMEA')", True),
        ("company > job_title", True),
        ("renewal == date(\"2027-01-11\")", True),
        ("renewal in [date(\"2027-01-11\"), date(\"2028-01-11\")]", True),
        ("renewal > date(\"2027-01-11T00:00:00Z\")", False),
        ("renewal - 10d == date(\"2027-01-01\")", True),
        ("renewal - date(\"2027-01-01\") >= 10d", True),
        ("renewal - date(\"2027-01-01\") > 1w + 3d", False),
        ("true and not false", True),
    ] {
        assert_eq!(house.value(source, &lead, day(0)), value, "{source}");
    }
}

#[test]
fn dates_against_now_change_at_the_very_millisecond() {
    let mut house = House::new();
    let lead = Lead::new(&house).with(&house, "renewal", Value::Date(day(100)));
    for (source, value, changes) in [
        ("now < renewal", True, day(100)),
        ("now <= renewal", True, day(100).next()),
        ("renewal <= now", False, day(100)),
        ("renewal - now < 30d", False, day(70).next()),
        ("now > renewal - 30d", False, day(70).next()),
        ("now - renewal >= 1w", False, day(107)),
        ("now >= date(\"2027-03-28\")", False, day(86)),
        ("renewal > date(\"2027-03-28\")", True, Instant::NEVER),
        ("now == renewal", False, day(100)),
        ("created_on < now", Unknown, Instant::NEVER),
    ] {
        let verdict = house.judge(source, &lead, day(0));
        assert_eq!((verdict.value, verdict.holds_until), (value, changes), "{source}");
    }
}

#[test]
fn stage_tags_and_segments() {
    let mut house = House::new();
    let mut lead = Lead::new(&house).text(&house, "country", "IT");
    lead.stage = Stage::Mql;
    lead.tags.insert("vip".into());
    for (source, value) in [
        ("stage == \"mql\"", True),
        ("stage != \"mql\"", False),
        ("stage in [\"sql\", \"customer\"]", False),
        ("not (stage in [\"sql\", \"customer\"])", True),
        ("tag(\"vip\")", True),
        ("tag(\"VIP\")", False),
        ("in_segment(\"italians\")", True),
        ("in_segment(\"stirring\")", False),
    ] {
        assert_eq!(house.value(source, &lead, day(0)), value, "{source}");
    }
}

#[test]
fn known_segments_are_taken_as_they_are() {
    let mut house = House::new();
    let lead = Lead::new(&house).text(&house, "country", "IT");
    let condition = house.compiled("in_segment(\"italians\")", Scope::Lead);
    let facts = lead.facts(&house.plan);
    let told = Verdict { value: False, holds_until: day(3) };
    let view =
        View { known_segments: &[Cell::new(Some(told))], ..house.view(&lead, &facts, day(0)) };
    assert_eq!(condition.verdict(&view), told);
}

#[test]
fn events_count_from_the_entry_in_a_workflow_and_over_all_history_elsewhere() {
    let mut house = House::new();
    let mut lead = Lead::new(&house).clicked("a", day(-20)).clicked("b", day(5));
    lead.since = day(0);
    for (source, value) in [
        ("clicked(\"a\")", False),
        ("clicked(\"a\").ever()", True),
        ("clicked(\"b\")", True),
        ("clicked()", True),
        ("clicked().times(2)", False),
        ("clicked().times(2).ever()", True),
        ("clicked(\"a\").ever().within(\"20d\")", False),
        ("clicked(\"a\").ever().within(30d)", True),
        ("happened(\"mail.clicked\")", True),
        ("happened(\"mail.clicked\", \"b\")", True),
        ("visited()", False),
    ] {
        assert_eq!(house.value(source, &lead, day(6)), value, "{source}");
    }
    let over_all = house.compiled("clicked(\"a\")", Scope::Lead);
    let facts = lead.facts(&house.plan);
    assert_eq!(over_all.verdict(&house.view(&lead, &facts, day(6))).value, True);
}

#[test]
fn a_star_stands_for_any_end() {
    let mut house = House::new();
    let lead = Lead::new(&house).visited("/docs/api/send", day(0));
    for (source, value) in [
        ("visited(\"/docs/*\")", True),
        ("visited(\"/docs\")", False),
        ("visited(\"/doc*\")", True),
        ("visited(\"/pricing*\")", False),
    ] {
        assert_eq!(house.value(source, &lead, day(1)), value, "{source}");
    }
}

#[test]
fn a_window_closes_so_long_after_the_hit() {
    let mut house = House::new();
    let lead = Lead::new(&house).clicked("a", day(0)).clicked("a", day(4));
    let within = "clicked(\"a\").within(10d)";
    assert_eq!(house.judge(within, &lead, day(5)), Verdict { value: True, holds_until: day(14) });
    assert_eq!(house.judge(within, &lead, day(14)), Verdict::always(False));
    let twice = "clicked(\"a\").times(2).within(10d)";
    assert_eq!(house.judge(twice, &lead, day(5)), Verdict { value: True, holds_until: day(10) });
    assert_eq!(house.judge("clicked(\"a\").times(3)", &lead, day(5)), Verdict::always(False));
}

#[test]
fn an_unsure_hit_counts_once_it_is_settled() {
    let mut house = House::new();
    let settled = Instant::from_millis(day(1).millis() + 20 * SECOND);
    let lead = Lead::new(&house).clicked("a", day(0)).hit(
        EventKind::MAIL_CLICKED,
        "a",
        day(1),
        Some(20 * SECOND),
    );
    let at = day(1);
    assert_eq!(
        house.judge("clicked(\"a\").times(2)", &lead, at),
        Verdict { value: False, holds_until: settled }
    );
    // It settles before the first leaves the window, so it prolongs what is true already.
    assert_eq!(
        house.judge("clicked(\"a\").within(10d)", &lead, at),
        Verdict { value: True, holds_until: day(11) }
    );
    // It can never be three.
    assert_eq!(house.judge("clicked(\"a\").times(3)", &lead, at), Verdict::always(False));
    // It has left the window before it counts.
    assert_eq!(
        house.judge("clicked(\"a\").times(2).within(10s)", &lead, at),
        Verdict::always(False)
    );
}

#[test]
fn the_entering_event_is_read_as_what_it_is_compared_with() {
    let mut house = House::new();
    let mut lead = Lead::new(&house).text(&house, "country", "IT");
    lead.entry = Some(Entry {
        rev: Rev(1),
        kind: EventKind::FORM_SUBMITTED,
        object: Some("demo".into()),
        at: day(0),
        data: [
            ("country", Value::Text("IT".into())),
            ("seats", Value::Text("25".into())),
            ("budget", Value::Number(9.5)),
            ("agreed", Value::Text("yes".into())),
            ("wanted_on", Value::Text("2027-02-01".into())),
        ]
        .map(|(key, value)| (Name::from(key), value))
        .into(),
        same: Vec::new(),
    });
    for (source, value) in [
        ("entry.object == \"demo\"", True),
        ("entry.kind == \"form.submitted\"", True),
        ("entry.at < now", True),
        ("now - entry.at > 2d", False),
        ("entry.country == country", True),
        ("entry.country.startsWith(\"I\")", True),
        ("entry.seats > 20", True),
        ("entry.seats in [25]", True),
        ("entry.budget == 9.5", True),
        ("entry.budget == \"9.5\"", Unknown),
        ("entry.agreed", True),
        ("entry.agreed == false", False),
        ("entry.wanted_on - now < 31d", True),
        ("has(entry.seats) and not has(entry.zip)", True),
        ("entry.zip == \"1\"", Unknown),
        ("has(entry.object)", True),
    ] {
        assert_eq!(house.value(source, &lead, day(1)), value, "{source}");
    }
    lead.entry = None;
    for (source, value) in [
        ("entry.object == \"demo\"", Unknown),
        ("has(entry.at)", False),
        ("entry.seats > 2", Unknown),
    ] {
        assert_eq!(house.value(source, &lead, day(1)), value, "{source}");
    }
}

#[test]
fn a_row_holds_as_long_as_what_settles_it() {
    let mut house = House::new();
    let lead = Lead::new(&house).clicked("a", day(0)).visited("/x", day(0));
    let both = "not clicked(\"a\").within(10d) and not visited(\"/x\").within(20d)";
    assert_eq!(house.judge(both, &lead, day(1)), Verdict { value: False, holds_until: day(20) });
    let either = "clicked(\"a\").within(10d) or visited(\"/x\").within(20d)";
    assert_eq!(house.judge(either, &lead, day(1)), Verdict { value: True, holds_until: day(20) });
    let never = "clicked(\"a\").within(10d) and replied()";
    assert_eq!(house.judge(never, &lead, day(1)), Verdict::always(False));
}

#[test]
fn segments_are_named_for_ordering_also_in_a_wrong_source() {
    let source =
        "in_segment(\"a\") and (not in_segment('b') or x = in_segment(\"a\") or in_segment(c)";
    assert_eq!(Named::in_source(source).segments, ["a", "b"]);
    assert_eq!(Named::in_source("((").segments, [""; 0]);
}

#[test]
fn a_scoring_rule_counts_a_bare_event() {
    let house = House::new();
    let key = |source: &str| fact_key(source, &house.env(Scope::Lead)).map(|key| key.to_string());
    assert_eq!(key("visited(\"/docs/*\")").unwrap(), "page.visited /docs/*");
    assert_eq!(key("happened(\"deal.won\")").unwrap(), "deal.won");
    assert_eq!(key(" replied() ").unwrap(), "lead.replied");
    for source in
        ["visited(\"/a\").within(3d)", "country", "tag(\"x\")", "vistied()", "", "clicked("]
    {
        assert!(key(source).is_err(), "{source}");
    }
}

#[test]
fn the_plan_is_asked_only_by_what_compiles() {
    let mut house = House::new();
    let before = house.plan.len();
    assert!(house.compile("clicked(\"new\") and nonsense", Scope::Lead).is_err());
    assert_eq!(house.plan.len(), before);
    house.compiled("clicked(\"new\").times(7) and clicked(\"new\").times(3)", Scope::Lead);
    assert_eq!(house.plan.len(), before + 1);
    let key = fact_key("clicked(\"new\")", &house.env(Scope::Lead)).unwrap();
    let planned = house.plan.find(&key).expect("asked for");
    assert_eq!(house.plan.fact(planned).ring, 7);
}

#[test]
fn a_trace_says_what_the_lead_had() {
    let mut house = House::new();
    let mut lead = Lead::new(&house)
        .with(&house, "seats", Value::Number(12.0))
        .clicked("a", day(0))
        .hit(EventKind::PAGE_VISITED, "/pricing", day(1), Some(20 * SECOND));
    lead.tags.insert("vip".into());
    let source = "(engagement >= 40 or clicked(\"a\").within(30d)) and seats > 5\n and not country == \"IT\" and tag(\"vip\") and fit < 3 and in_segment(\"italians\")";
    let condition = house.compiled(source, Scope::Lead);
    let facts = lead.facts(&house.plan);
    let view = house.view(&lead, &facts, day(1));
    let trace = condition.explain(&view, &house.schema);
    let verdict = condition.verdict(&view);
    assert_eq!((trace.value, trace.holds_until), (verdict.value, verdict.holds_until));
    insta::assert_snapshot!(trace.to_string());
    insta::assert_json_snapshot!(trace.parts[0]);
}

#[test]
fn a_trace_tells_what_is_over_from_what_never_was() {
    let mut house = House::new();
    let lead = Lead::new(&house).clicked("a", day(0));
    let condition = house.compiled("clicked(\"a\").within(2d) or replied()", Scope::Lead);
    let facts = lead.facts(&house.plan);
    let trace = condition.explain(&house.view(&lead, &facts, day(3)), &house.schema);
    let found: Vec<_> = trace.parts.iter().map(|part| part.found.as_deref().unwrap()).collect();
    assert_eq!(found, [format!("too long ago, last {}", day(0)).as_str(), "never"]);
}

#[test]
fn a_trace_does_not_round_engagement_to_what_it_is_compared_with() {
    let mut house = House::new();
    let lead = Lead::new(&house).clicked("a", day(0));
    let condition = house.compiled("engagement >= 8", Scope::Lead);
    let facts = lead.facts(&house.plan);
    let later = Instant::from_millis(day(0).millis() + 60 * SECOND);
    let trace = condition.explain(&house.view(&lead, &facts, later), &house.schema);
    assert_eq!((trace.value, trace.found.as_deref()), (False, Some("engagement is 7.999")));
}

#[test]
fn of_those_who_are_not_watched_too_few_hits_are_unknown() {
    let mut house = House::new();
    let mut lead = Lead::new(&house).clicked("a", day(1)).hit(
        EventKind::PAGE_VISITED,
        "/pricing",
        day(20),
        Some(SECOND),
    );
    lead.profiled = false;
    let mut value = |source: &str, at| house.value(source, &lead, at);
    assert_eq!(value("clicked()", day(20)), Truth::True, "what is known is known");
    for unknown in [
        "clicked(\"b\")",
        "not clicked(\"b\")",
        "opened()",
        "clicked().times(2)",
        "not clicked().within(1d)",
        "not visited()",
        "not happened(\"mail.clicked\", \"b\")",
    ] {
        assert_eq!(value(unknown, day(20)), Truth::Unknown, "{unknown}");
    }
    assert_eq!(value("not submitted() and not replied()", day(20)), Truth::True);
    assert_eq!(value("visited()", day(21)), Truth::True, "it settled");
}
