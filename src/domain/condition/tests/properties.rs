//! What must hold of every verdict: the same value until `holds_until`, which is after `now`; as late
//! as it can be for a single question; and few wake-ups in a year.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A condition, and the instants that it names: those at which it may have to be looked at again with
/// no change to show for it.
#[derive(Clone, Debug)]
struct Spoken {
    source: String,
    named: Named,
}

#[derive(Clone, Debug, Default)]
struct Named {
    /// Lengths of windows, in milliseconds.
    windows: BTreeSet<i64>,
    /// Dates, as milliseconds.
    dates: BTreeSet<i64>,
    /// Thresholds of engagement.
    thresholds: BTreeSet<i64>,
}

impl Named {
    fn and(mut self, other: Self) -> Self {
        self.windows.extend(other.windows);
        self.dates.extend(other.dates);
        self.thresholds.extend(other.thresholds);
        self
    }

    /// How many wake-ups between two instants they can account for, with this history: each hit
    /// settles once and leaves each window once; each date comes once (to the millisecond, and the one
    /// after it); each threshold can be fallen through once after each settling.
    fn wakeups(&self, house: &House, facts: &[Fact], from: Instant, to: Instant) -> usize {
        let hits = || facts.iter().flat_map(|fact| &fact.ring);
        let between = |at: i64| at > from.millis() && at <= to.millis();
        let settles: BTreeSet<i64> = hits().map(|hit| hit.counts_from.millis()).collect();
        let edges: BTreeSet<i64> = hits()
            .flat_map(|hit| self.windows.iter().map(|window| hit.at.millis() + window))
            .chain(settles.iter().copied())
            .chain(self.dates.iter().flat_map(|&date| [date, date + 1]))
            .filter(|&at| between(at))
            .collect();
        let settlings = settles.iter().filter(|&&at| between(at)).count();
        let mut falls = 0;
        for &threshold in &self.thresholds {
            let start = house.scoring.engagement(facts, from).0 >= threshold;
            falls += settlings + usize::from(start);
        }
        edges.len() + falls
    }
}

const WINDOWS: [&str; 4] = ["1h", "7d", "30d", "90d"];

fn question() -> impl Strategy<Value = Spoken> {
    let events = vec![
        "clicked()",
        "clicked(\"a\")",
        "clicked(\"b\")",
        "visited(\"/docs/*\")",
        "visited(\"/pricing\")",
        "visited()",
        "happened(\"mail.clicked\")",
    ];
    (
        prop::sample::select(events),
        prop::option::of(prop::sample::select(&WINDOWS[..])),
        prop::option::of(1usize..5),
        any::<bool>(),
    )
        .prop_map(|(event, window, times, ever)| {
            let mut source = event.to_owned();
            let mut named = Named::default();
            if let Some(window) = window {
                source += &format!(".within({window})");
                named.windows.insert(super::super::duration::parse(window).expect("good"));
            }
            if let Some(times) = times {
                source += &format!(".times({times})");
            }
            if ever {
                source += ".ever()";
            }
            Spoken { source, named }
        })
}

fn date() -> impl Strategy<Value = Spoken> {
    let comparison = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    (comparison, 0i64..400, 0usize..5).prop_map(|(comparison, days, shape)| {
        let name = day(days).to_string();
        let date = format!("date(\"{name}\")");
        let at = |millis: i64| Named { dates: [millis].into(), ..Named::default() };
        let (source, named) = match shape {
            0 => (format!("now {comparison} {date}"), at(day(days).millis())),
            1 => (format!("{date} - now {comparison} 10d"), at(day(days - 10).millis())),
            2 => (format!("now - renewal {comparison} {days}d"), at(day(100 + days).millis())),
            3 => (format!("renewal {comparison} {date}"), Named::default()),
            _ => (format!("entry.at + {days}d {comparison} now"), at(day(20 + days).millis())),
        };
        Spoken { source, named }
    })
}

fn score() -> impl Strategy<Value = Spoken> {
    let comparison = prop::sample::select(vec!["<", "<=", ">", ">="]);
    let engagement = (comparison.clone(), -5i64..70).prop_map(|(comparison, points)| {
        let bound = match comparison {
            ">=" | "<" => points * 1000,
            _ => points * 1000 + 1,
        };
        let thresholds = [bound].into();
        Spoken {
            source: format!("engagement {comparison} {points}"),
            named: Named { thresholds, ..Named::default() },
        }
    });
    let words = vec!["== \"cold\"", "!= \"warm\"", "in [\"cold\", \"warm\"]", "== \"hot\""];
    let temperature = prop::sample::select(words).prop_map(|words| Spoken {
        source: format!("temperature {words}"),
        named: Named { thresholds: [20_000, 50_000].into(), ..Named::default() },
    });
    let fit = (comparison, -5i64..30).prop_map(|(comparison, points)| Spoken {
        source: format!("fit {comparison} {points}"),
        named: Named {
            windows: [60 * DAY].into(),
            dates: [day(50 + 90).millis()].into(),
            ..Named::default()
        },
    });
    prop_oneof![3 => engagement, 1 => temperature, 1 => fit]
}

fn profile() -> impl Strategy<Value = Spoken> {
    let plain = vec![
        "country == \"IT\"",
        "country != \"IT\"",
        "has(country)",
        "seats > 10",
        "customer",
        "stage == \"mql\"",
        "tag(\"vip\")",
        "country.startsWith(\"I\")",
        "seats in [5, 20]",
        "in_segment(\"italians\")",
        "entry.object == \"demo\"",
        "true",
        "false",
        "created_on < renewal",
    ];
    let segment = Spoken {
        source: "in_segment(\"stirring\")".to_owned(),
        named: Named {
            windows: [30 * DAY].into(),
            thresholds: [20_000].into(),
            ..Named::default()
        },
    };
    prop_oneof![
        6 => prop::sample::select(plain)
            .prop_map(|source| Spoken { source: source.to_owned(), named: Named::default() }),
        1 => Just(segment),
    ]
}

fn leaf() -> impl Strategy<Value = Spoken> {
    prop_oneof![4 => question(), 2 => date(), 3 => score(), 2 => profile()]
}

fn condition() -> impl Strategy<Value = Spoken> {
    leaf().prop_recursive(4, 16, 3, |inner| {
        let row = (any::<bool>(), prop::collection::vec(inner.clone(), 2..4)).prop_map(
            |(every, parts)| {
                let word = if every { " and " } else { " or " };
                let texts: Vec<String> =
                    parts.iter().map(|part| format!("({})", part.source)).collect();
                let named =
                    parts.into_iter().fold(Named::default(), |named, part| named.and(part.named));
                Spoken { source: texts.join(word), named }
            },
        );
        let not =
            inner.prop_map(|part| Spoken { source: format!("not ({})", part.source), ..part });
        prop_oneof![3 => row, 1 => not]
    })
}

fn lead() -> impl Strategy<Value = Lead> {
    let hit = (
        prop::sample::select(vec!["a", "b", "/docs/x", "/pricing", "/"]),
        0i64..200 * DAY,
        prop::option::weighted(0.35, prop_oneof![1i64..60 * SECOND, 1i64..40 * DAY]),
    );
    let whole_days = (prop::collection::vec(hit, 0..25), any::<bool>());
    (
        whole_days,
        prop::option::of(prop::sample::select(vec!["IT", "FR"])),
        prop::option::of(0u8..30),
        any::<[bool; 5]>(),
    )
        .prop_map(
            |((hits, round), country, seats, [customer, dated, profiled, vip, entered])| {
                let house = House::new();
                let mut lead = Lead::new(&house);
                if let Some(country) = country {
                    lead = lead.text(&house, "country", country);
                }
                if let Some(seats) = seats {
                    lead = lead.with(&house, "seats", Value::Number(f64::from(seats)));
                }
                if dated {
                    lead = lead.with(&house, "renewal", Value::Date(day(100))).with(
                        &house,
                        "created_on",
                        Value::Date(day(50)),
                    );
                }
                lead = lead.with(&house, "customer", Value::Bool(customer));
                lead.profiled = profiled || customer;
                if vip {
                    lead.tags.insert("vip".into());
                    lead.stage = Stage::Mql;
                }
                if entered {
                    lead.since = day(20);
                    lead.entry = Some(Entry {
                        rev: Rev(1),
                        kind: EventKind::FORM_SUBMITTED,
                        object: Some("demo".into()),
                        at: day(20),
                        data: EventData::new(),
                        same: Vec::new(),
                    });
                }
                for (object, at, settles) in hits {
                    let kind = if object.starts_with('/') {
                        EventKind::PAGE_VISITED
                    } else {
                        EventKind::MAIL_CLICKED
                    };
                    // Many at the same instants, so that edges coincide.
                    let at = if round { at / (10 * DAY) * (10 * DAY) } else { at };
                    lead = lead.hit(kind, object, Instant::from_millis(START + at), settles);
                }
                lead
            },
        )
}

/// An instant in `[from, to)`, by a share of the way.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn between(from: Instant, to: Instant, share: f64) -> Instant {
    Instant::from_millis(from.millis() + (to.since(from) as f64 * share) as i64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_verdict_holds_until_it_says(
        condition in condition(),
        lead in lead(),
        at in -10i64 * DAY..300 * DAY,
        losses in prop::option::weighted(0.3, 1i64..40),
        shares in prop::collection::vec(0.0f64..1.0, 12),
    ) {
        let mut house = House::new();
        if let Some(points) = losses {
            house.rule("visited(\"/docs/*\")", -points, 3);
        }
        let compiled = house.compiled(&condition.source, Scope::Workflow);
        let facts = lead.facts(&house.plan);
        let at = Instant::from_millis(START + at);
        let verdict = |at: Instant| compiled.verdict(&house.view(&lead, &facts, at));
        let Verdict { value, holds_until } = verdict(at);
        prop_assert!(holds_until > at);
        let end = holds_until.min(day(2000));
        for share in shares {
            let probe = between(at, end, share);
            prop_assert_eq!(verdict(probe).value, value, "{} at {}", condition.source, probe);
        }
        prop_assert_eq!(verdict(Instant::from_millis(end.millis() - 1)).value, value);
    }

    /// For one question about events, dates or engagement the value is another at `holds_until`.
    #[test]
    fn a_single_question_holds_no_less_than_it_does(
        condition in prop_oneof![question(), date(), score()],
        lead in lead(),
        at in -10i64 * DAY..300 * DAY,
    ) {
        prop_assume!(!condition.source.starts_with("fit"));
        let mut house = House::new();
        let at = Instant::from_millis(START + at);
        let now = house.judge(&condition.source, &lead, at);
        if !now.holds_until.is_never() {
            let then = house.judge(&condition.source, &lead, now.holds_until);
            prop_assert_ne!(now.value, then.value, "{}", condition.source);
        }
    }

    #[test]
    fn a_year_takes_few_wakeups(condition in condition(), lead in lead(), at in -10i64..100) {
        let mut house = House::new();
        let compiled = house.compiled(&condition.source, Scope::Workflow);
        let facts = lead.facts(&house.plan);
        let (from, to) = (day(at), day(at + 365));
        let (mut now, mut wakeups, mut changes) = (from, 0, 0);
        let mut last = compiled.verdict(&house.view(&lead, &facts, now));
        while last.holds_until <= to {
            now = last.holds_until;
            let next = compiled.verdict(&house.view(&lead, &facts, now));
            wakeups += 1;
            changes += usize::from(next.value != last.value);
            last = next;
        }
        let allowed = 2 * changes + condition.named.wakeups(&house, &facts, from, to);
        prop_assert!(wakeups <= allowed, "{} > {}: {}", wakeups, allowed, condition.source);
    }

    /// The trace is the same evaluation, told.
    #[test]
    fn a_trace_tells_the_verdict(condition in condition(), lead in lead(), at in 0i64..300) {
        let mut house = House::new();
        let compiled = house.compiled(&condition.source, Scope::Workflow);
        let facts = lead.facts(&house.plan);
        let view = house.view(&lead, &facts, day(at));
        let trace = compiled.explain(&view, &house.schema);
        let verdict = compiled.verdict(&house.view(&lead, &facts, day(at)));
        prop_assert_eq!((trace.value, trace.holds_until), (verdict.value, verdict.holds_until));
        prop_assert!(!trace.to_string().is_empty());
    }
}
