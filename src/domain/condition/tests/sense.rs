//! What is called never true, or always, is so of every lead.

use proptest::prelude::*;

use super::*;
use crate::domain::condition::{Asks, Nonsense};

fn nonsense(source: &str) -> Vec<(Asks, String)> {
    let found = House::new().compiled(source, Scope::Workflow).nonsense();
    found.into_iter().map(|Nonsense { is, at, .. }| (is, source[at].to_owned())).collect()
}

fn never(source: &str) {
    assert_eq!(nonsense(source), [(Asks::Never, source.to_owned())]);
}

fn always(source: &str) {
    assert_eq!(nonsense(source), [(Asks::Always, source.to_owned())]);
}

#[test]
fn what_binds_a_value_to_none_is_never_true() {
    for source in [
        "fit > 50 and fit < 10",
        "engagement >= 40 and engagement < 40",
        "stage == \"lead\" and stage == \"mql\"",
        "country == \"IT\" and country == \"FR\"",
        "country in [\"IT\", \"FR\"] and country in [\"DE\"]",
        "country in [\"IT\", \"FR\"] and not (country in [\"IT\", \"FR\"])",
        "country == \"IT\" and country.startsWith(\"F\")",
        "country == \"IT\" and not (country.contains(\"T\"))",
        "has(country) and not has(country)",
        "not has(country) and country == \"IT\"",
        "seats == 5 and seats > 5",
        "seats >= 5 and seats <= 5 and seats != 5",
        "5 < seats and seats < 3",
        "customer and not customer",
        "customer == true and customer != true",
        "tag(\"vip\") and not tag(\"vip\")",
        "temperature == \"cold\" and temperature == \"hot\"",
        "in_segment(\"italians\") and not in_segment(\"italians\")",
        "clicked().times(3) and not clicked()",
        "clicked(\"a\").within(7d) and not clicked(\"a\").within(7d)",
        "renewal < now - 30d and renewal > now + 30d",
        "now - renewal > 30d and renewal - now > 30d",
        "renewal > date(\"2027-02-01\") and renewal < date(\"2027-01-01\")",
        "not has(renewal) and renewal < now",
        "not (has(country) or not has(country))",
        "stage == \"lead\" and (stage == \"mql\" or stage in [\"sql\", \"customer\"])",
        "country < seats_text and not (country < seats_text)"
            .replace("seats_text", "plan")
            .as_str(),
    ] {
        let found = nonsense(source);
        assert_eq!(found.len(), 1, "{source}: {found:?}");
        assert_eq!(found[0].0, Asks::Never, "{source}");
    }
    never("fit > 50 and fit < 10");
}

#[test]
fn what_leaves_out_nothing_is_always_true() {
    always("stage != \"lead\" or stage != \"mql\"");
    always("has(country) or not has(country)");
    always("fit >= 10 or fit < 20");
    always("tag(\"vip\") or not tag(\"vip\")");
    always("replied() or not replied()");
}

#[test]
fn what_may_be_true_and_may_not_is_left_alone() {
    for source in [
        "fit > 10 and fit < 50",
        "seats > 5 and seats < 6",
        "stage in [\"lead\", \"mql\"] and stage != \"lead\"",
        "country != \"IT\" and country != \"FR\"",
        // Of a lead without a country neither is true.
        "country == \"IT\" or country != \"IT\"",
        "customer or not customer",
        // Nobody knows what those do who are not tracked.
        "clicked() or not clicked()",
        "engagement > 10 or engagement <= 10",
        "clicked(\"a\") and not clicked(\"b\")",
        "clicked().times(2) and not clicked().times(3)",
        "clicked() and not clicked().within(30d)",
        "renewal < now and renewal > now - 30d",
        "entry.seats == \"5\" and entry.seats == 5",
        "true",
        "false",
        "stage == \"lead\" and false",
    ] {
        assert_eq!(nonsense(source), [], "{source}");
    }
}

#[test]
fn the_smallest_part_is_told_and_the_pair_that_makes_it_so() {
    let source = "country == \"IT\" or (stage == \"lead\" and seats > 5 and seats < 3)";
    let found = House::new().compiled(source, Scope::Workflow).nonsense();
    let [Nonsense { is: Asks::Never, at, pair: Some(pair) }] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(&source[at.clone()], "seats > 5 and seats < 3");
    assert_eq!(pair.clone().map(|part| &source[part]), ["seats > 5", "seats < 3"]);
}

#[test]
fn what_would_take_long_is_not_said() {
    let ways: Vec<String> =
        (0..40).map(|n| format!("(seats > {n} or budget > {n} or headcount > {n})")).collect();
    let source = format!("{} and seats < 0 and budget < 0 and headcount < 0", ways.join(" and "));
    assert!(nonsense(&source).len() <= 1);
}

/// Few values, so that they meet.
fn leaf() -> impl Strategy<Value = String> {
    let comparison = || prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let order = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let country = || prop::sample::select(vec!["IT", "FR", "I", "F"]);
    let stage = || prop::sample::select(vec!["lead", "mql"]);
    prop_oneof![
        3 => (comparison(), 0i32..3).prop_map(|(sign, n)| format!("seats {sign} {n}")),
        1 => (comparison(), 0i32..3).prop_map(|(sign, n)| format!("{n} {sign} seats")),
        3 => (comparison(), country()).prop_map(|(sign, c)| format!("country {sign} \"{c}\"")),
        1 => (country(), country()).prop_map(|(a, b)| format!("country in [\"{a}\", \"{b}\"]")),
        1 => country().prop_map(|c| format!("country.startsWith(\"{c}\")")),
        1 => (0i32..3, 0i32..3).prop_map(|(a, b)| format!("seats in [{a}, {b}]")),
        1 => prop::sample::select(vec!["has(country)", "has(seats)", "has(renewal)"])
            .prop_map(str::to_owned),
        2 => (stage(), any::<bool>()).prop_map(|(stage, is)| {
            format!("stage {} \"{stage}\"", if is { "==" } else { "!=" })
        }),
        1 => prop::sample::select(vec!["customer", "tag(\"vip\")", "in_segment(\"italians\")"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(vec!["cold", "warm", "hot"])
            .prop_map(|it| format!("temperature == \"{it}\"")),
        2 => (order, 0i32..4).prop_map(|(sign, n)| format!("engagement {sign} {}", n * 8)),
        1 => (comparison(), 0i32..3).prop_map(|(sign, n)| format!("fit {sign} {}", n * 5)),
        2 => (1usize..4).prop_map(|times| format!("clicked().times({times})")),
        1 => Just("clicked(\"a\").within(30d)".to_owned()),
        2 => (comparison(), -1i32..2)
            .prop_map(|(sign, n)| format!("renewal {sign} now + {}d", n * 10)),
        2 => (comparison(), -1i32..2)
            .prop_map(|(sign, n)| format!("now - renewal {sign} {}d", n * 10)),
        1 => comparison().prop_map(|sign| format!("renewal {sign} date(\"2027-04-11\")")),
        1 => comparison().prop_map(|sign| format!("now {sign} date(\"2027-04-11\")")),
        1 => (comparison(), 0i32..3).prop_map(|(sign, n)| format!("entry.n {sign} {n}")),
        1 => Just("entry.object == \"demo\"".to_owned()),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        let row = (any::<bool>(), prop::collection::vec(inner.clone(), 2..4)).prop_map(
            |(every, parts)| {
                let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
                parts.join(if every { " and " } else { " or " })
            },
        );
        prop_oneof![3 => row, 1 => inner.prop_map(|part| format!("not ({part})"))]
    })
}

fn lead() -> impl Strategy<Value = Lead> {
    (
        prop::option::of(prop::sample::select(vec!["IT", "FR", "I", "FI"])),
        prop::option::of(-1i32..4),
        prop::option::of(80i64..120),
        prop::collection::vec((prop::sample::select(vec!["a", "b"]), 0i64..100), 0..5),
        prop::option::of(prop::sample::select(vec!["0", "1", "2", "x"])),
        any::<[bool; 4]>(),
    )
        .prop_map(
            |(country, seats, renewal, clicks, n, [customer, profiled, vip, entered])| {
                let house = House::new();
                let mut lead = Lead::new(&house);
                if let Some(country) = country {
                    lead = lead.text(&house, "country", country);
                }
                if let Some(seats) = seats {
                    lead = lead.with(&house, "seats", Value::Number(f64::from(seats)));
                }
                if let Some(renewal) = renewal {
                    lead = lead.with(&house, "renewal", Value::Date(day(renewal)));
                }
                if customer {
                    lead = lead.with(&house, "customer", Value::Bool(vip));
                }
                lead.profiled = profiled;
                if vip {
                    lead.tags.insert("vip".into());
                    lead.stage = Stage::Mql;
                }
                if entered {
                    let data = n.map(|n| ("n".into(), Value::untyped(n)));
                    lead.entry = Some(Entry {
                        rev: Rev(1),
                        kind: EventKind::FORM_SUBMITTED,
                        object: Some("demo".into()),
                        at: day(20),
                        data: data.into_iter().collect(),
                        same: Vec::new(),
                    });
                }
                clicks.into_iter().fold(lead, |lead, (mail, at)| lead.clicked(mail, day(at)))
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_said_of_a_condition_is_true_of_every_lead(
        source in condition(),
        leads in prop::collection::vec((lead(), 90i64..110), 12),
    ) {
        let mut house = House::new();
        let condition = house.compiled(&source, Scope::Workflow);
        // Also of each of its parts, put together anew.
        let mut said = Vec::new();
        for Nonsense { is, at, pair } in condition.nonsense() {
            let word = if is == Asks::Never { "and" } else { "or" };
            let part = match pair {
                Some([one, two]) => format!("({}) {word} ({})", &source[one], &source[two]),
                None => source[at].to_owned(),
            };
            if let Ok(part) = house.compile(&part, Scope::Workflow) {
                said.push((part, is));
            }
        }
        if condition.is_never() {
            said.push((condition.clone(), Asks::Never));
        }
        if condition.is_always() {
            said.push((condition.clone(), Asks::Always));
        }
        for (part, is) in said {
            for (lead, at) in &leads {
                let facts = lead.facts(&house.plan);
                let is_true = part.verdict(&house.view(lead, &facts, day(*at))).is_true();
                prop_assert_eq!(is_true, is == Asks::Always, "{} in {}", part, source);
            }
        }
    }
}
