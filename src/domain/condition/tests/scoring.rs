//! Scores in conditions: values, crossings, and that they are exact.

use std::cell::Cell;

use proptest::prelude::*;

use super::{super::trace::Teller, *};
use crate::domain::verdict::Truth::{False, True, Unknown};

#[test]
fn engagement_fades_through_a_threshold_at_one_instant() {
    let mut house = House::new();
    let lead = Lead::new(&house).visited("/pricing", day(0)).visited("/pricing", day(0));
    let verdict = house.judge("engagement >= 20", &lead, day(0));
    assert_eq!(verdict.value, True);
    let crossing = verdict.holds_until;
    let before = Instant::from_millis(crossing.millis() - 1);
    assert_eq!(house.value("engagement >= 20", &lead, before), True);
    assert_eq!(house.judge("engagement >= 20", &lead, crossing), Verdict::always(False));
    // 30 points are 20 after log2(30/20) half-lives of 30 days.
    let days = (crossing.since(day(0))) / DAY;
    assert_eq!(days, 17);
    for (source, value) in [
        ("20 <= engagement", True),
        ("engagement > 29.999", True),
        ("engagement > 30", False),
        ("engagement <= 30", True),
        ("engagement < 30", False),
        ("engagement >= -1", True),
    ] {
        assert_eq!(house.value(source, &lead, day(0)), value, "{source}");
    }
    assert_eq!(house.judge("engagement >= -1", &lead, day(0)).holds_until, Instant::NEVER);
    assert_eq!(house.judge("engagement > 30", &lead, day(0)).holds_until, Instant::NEVER);
}

#[test]
fn without_profiling_behaviour_scores_are_unknown_and_fit_is_not() {
    let mut house = House::new();
    let mut lead = Lead::new(&house).text(&house, "country", "IT").visited("/pricing", day(0));
    lead.profiled = false;
    for (source, value) in [
        ("engagement >= 0", Unknown),
        ("not engagement >= 1000", Unknown),
        ("temperature == \"cold\"", Unknown),
        ("temperature != \"cold\"", Unknown),
        ("fit >= 25", True),
    ] {
        assert_eq!(house.value(source, &lead, day(0)), value, "{source}");
    }
}

#[test]
fn temperature_is_a_band_of_engagement() {
    let mut house = House::new();
    let lead = Lead::new(&house)
        .visited("/pricing", day(0))
        .visited("/pricing", day(0))
        .visited("/pricing", day(0))
        .clicked("a", day(0));
    // 53 points: hot; below 50 warm, below 20 cold.
    let cools = house.judge("engagement >= 50", &lead, day(0)).holds_until;
    let chills = house.judge("engagement >= 20", &lead, day(0)).holds_until;
    for (source, value, until) in [
        ("temperature == \"hot\"", True, cools),
        ("temperature != \"hot\"", False, cools),
        ("temperature == \"warm\"", False, cools),
        ("temperature in [\"hot\", \"warm\"]", True, chills),
        ("temperature == \"cold\"", False, chills),
        ("temperature in [\"cold\", \"hot\"]", True, cools),
        ("temperature in [\"cold\", \"warm\", \"hot\"]", True, Instant::NEVER),
    ] {
        let verdict = house.judge(source, &lead, day(0));
        assert_eq!((verdict.value, verdict.holds_until), (value, until), "{source}");
    }
}

#[test]
fn fit_is_the_sum_of_its_true_rules_and_holds_as_long_as_they_do() {
    let mut house = House::new();
    let lead = Lead::new(&house)
        .text(&house, "country", "IT")
        .with(&house, "created_on", Value::Date(day(-80)))
        .visited("/pricing", day(0));
    let facts = lead.facts(&house.plan);
    let view = house.view(&lead, &facts, day(1));
    // The lead is old after ninety days, and its visit is forgotten after sixty.
    assert_eq!(house.scoring.fit(&view), (MilliPoints::points(25), day(10).next()));
    let later = house.view(&lead, &facts, day(70));
    assert_eq!(house.scoring.fit(&later), (MilliPoints::points(5), Instant::NEVER));
    let names: Vec<_> =
        house.scoring.true_fit_rules(&later).map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["italy", "old"]);
    for (source, value) in [("fit == 25", True), ("fit > 24.9", True), ("25 < fit", False)] {
        assert_eq!(house.value(source, &lead, day(1)), value, "{source}");
    }
}

#[test]
fn the_rules_of_fit_are_worked_out_once_however_often_fit_is_named() {
    let mut house = House::new();
    // No rule of a file may look at a segment; here it is what changes between two questions.
    let when = house.compiled("in_segment(\"italians\")", Scope::Lead);
    let points = MilliPoints::points(5);
    house.scoring.fit.push(FitRule { name: "southern".into(), when, points });
    let condition = house.compiled("fit > 3 and fit > 4", Scope::Lead);
    let lead = Lead::new(&house).text(&house, "country", "IT");
    let facts = lead.facts(&house.plan);
    let known = [Cell::new(Some(Verdict::always(True)))];
    let view = View { known_segments: &known, ..house.view(&lead, &facts, day(0)) };
    let teller = Teller::new(&view, &house.schema);
    assert_eq!(teller.fit(), "fit is 15: italy 10, southern 5");
    // Whoever asked the rules again would hear something else.
    known[0].set(Some(Verdict::always(False)));
    assert_eq!(teller.fit(), "fit is 15: italy 10, southern 5");

    let missing = house.plan.iter().map(|(fact, _)| fact).collect::<Vec<_>>();
    known[0].set(None);
    let view = View { missing: &missing, ..house.view(&lead, &facts, day(0)) };
    assert_eq!(condition.verdict(&view).value, Unknown);
    let nothing = Scoring::default();
    assert_eq!(condition.verdict(&View { scoring: &nothing, ..view }).value, Unknown);
}

/// A lead with hits on what the house scores; some unsure, and not in order.
fn lead() -> impl Strategy<Value = Lead> {
    let hit = (any::<bool>(), 0i64..60 * DAY, prop::option::weighted(0.3, 1i64..3 * DAY));
    prop::collection::vec(hit, 0..14).prop_map(|hits| {
        let house = House::new();
        hits.into_iter().fold(Lead::new(&house), |lead, (visit, at, settles)| {
            let kind = if visit { EventKind::PAGE_VISITED } else { EventKind::MAIL_CLICKED };
            lead.hit(kind, "/pricing", Instant::from_millis(START + at), settles)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Exact: the value changes at `holds_until` and at none of many instants before it.
    #[test]
    fn a_crossing_is_the_first_one(
        lead in lead(),
        threshold in 1i64..70_000,
        at in 0i64..80 * DAY,
        probes in prop::collection::vec(0.0f64..1.0, 30),
    ) {
        let mut house = House::new();
        #[allow(clippy::cast_precision_loss)]
        let source = format!("engagement >= {}", threshold as f64 / 1000.0);
        let at = Instant::from_millis(START + at);
        let verdict = house.judge(&source, &lead, at);
        let facts = lead.facts(&house.plan);
        let reached = |at: Instant| house.scoring.engagement(&facts, at).0 >= threshold;
        prop_assert_eq!(verdict.value, Truth::from(reached(at)));
        let end = verdict.holds_until.min(day(900));
        for probe in probes {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            let later = at.millis() + (end.since(at) as f64 * probe) as i64;
            prop_assert_eq!(reached(Instant::from_millis(later)), reached(at));
        }
        if !verdict.holds_until.is_never() {
            prop_assert_ne!(reached(verdict.holds_until), reached(at));
            let before = Instant::from_millis(verdict.holds_until.millis() - 1);
            prop_assert_eq!(reached(before), reached(at));
        }
    }

    /// With negative points: right, and exact unless the score lingers at the threshold.
    #[test]
    fn a_crossing_with_losses_is_never_missed(
        lead in lead(),
        threshold in -40_000i64..60_000,
        loss in 1i64..40,
        at in 0i64..80 * DAY,
        probes in prop::collection::vec(0.0f64..1.0, 60),
    ) {
        let mut house = House::new();
        house.rule("clicked(\"/pricing\")", -loss, 4);
        #[allow(clippy::cast_precision_loss)]
        let source = format!("engagement >= {}", threshold as f64 / 1000.0);
        let at = Instant::from_millis(START + at);
        let verdict = house.judge(&source, &lead, at);
        let facts = lead.facts(&house.plan);
        let reached = |at: Instant| house.scoring.engagement(&facts, at).0 >= threshold;
        prop_assert_eq!(verdict.value, Truth::from(reached(at)));
        prop_assert!(verdict.holds_until > at);
        let end = verdict.holds_until.min(day(900));
        for probe in probes {
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
            let later = at.millis() + (end.since(at) as f64 * probe) as i64;
            prop_assert_eq!(reached(Instant::from_millis(later)), reached(at));
        }
        // To the end of the world it takes a handful of looks.
        let mut now = verdict.holds_until;
        let mut looks = 0;
        while !now.is_never() {
            now = house.judge(&source, &lead, now).holds_until;
            looks += 1;
            prop_assert!(looks < 200);
        }
    }
}

/// How far the exhaustive search looks, in milliseconds: twenty half-lives.
const HORIZON: i64 = 40_000;

/// A house whose points fade within seconds, with many hits about the same few instants.
fn hasty(points: &[i64; 3], hits: &[(usize, i64, Option<i64>)]) -> (House, Lead) {
    let mut house = House::new();
    house.scoring.half_life = Duration::from_secs(2);
    house.scoring.engagement.clear();
    let events = ["visited(\"/a\")", "visited(\"/b\")", "clicked()"];
    for (event, points) in events.iter().zip(points) {
        house.rule(event, 1, 3);
        house.scoring.engagement.last_mut().expect("just added").points = MilliPoints(*points);
    }
    house.scoring.warm = MilliPoints(300);
    house.scoring.hot = MilliPoints(900);
    let lead = hits.iter().fold(Lead::new(&house), |lead, &(which, at, settles)| {
        let (kind, object) = match which {
            0 => (EventKind::PAGE_VISITED, "/a"),
            1 => (EventKind::PAGE_VISITED, "/b"),
            _ => (EventKind::MAIL_CLICKED, "x"),
        };
        lead.hit(kind, object, Instant::from_millis(START + at), settles)
    });
    (house, lead)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Against a search of every millisecond, close to thresholds where rounding makes a sum of gains
    /// and losses go to and fro.
    #[test]
    fn a_crossing_is_what_an_exhaustive_search_finds(
        points in [1i64..1500, -1500i64..1500, 1i64..1500],
        hits in prop::collection::vec((0usize..3, 0i64..4000, prop::option::of(1i64..5000)), 1..10),
        looks in prop::collection::vec((0i64..9000, -4i64..=4, 0usize..5), 1..12),
    ) {
        let (mut house, lead) = hasty(&points, &hits);
        let facts = lead.facts(&house.plan);
        let moment = |after: i64| Instant::from_millis(START + after);
        let course: Vec<MilliPoints> =
            (0..HORIZON).map(|after| house.scoring.engagement(&facts, moment(after))).collect();
        let only_gains = points.iter().all(|points| *points >= 0);
        for (at, off, shape) in looks {
            #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation)]
            let rest = &course[at as usize..];
            let bound = rest[0].0 + off;
            #[allow(clippy::cast_precision_loss)]
            let engaged = format!("engagement >= {}", bound as f64 / 1000.0);
            let temperature = |points: MilliPoints| house.scoring.temperature(points).word();
            let (source, values): (&str, Vec<bool>) = match shape {
                0 | 1 => (&engaged, rest.iter().map(|points| points.0 >= bound).collect()),
                2 => (
                    "temperature == \"warm\"",
                    rest.iter().map(|points| temperature(*points) == "warm").collect(),
                ),
                3 => (
                    "temperature != \"hot\"",
                    rest.iter().map(|points| temperature(*points) != "hot").collect(),
                ),
                _ => (
                    "temperature in [\"cold\", \"warm\"]",
                    rest.iter().map(|points| temperature(*points) != "hot").collect(),
                ),
            };
            let verdict = house.judge(source, &lead, moment(at));
            prop_assert_eq!(verdict.value, Truth::from(values[0]));
            let found = values.iter().position(|value| *value != values[0]);
            let held = verdict.holds_until.since(moment(at));
            prop_assert!(held > 0);
            match found {
                Some(found) if only_gains => prop_assert_eq!(held, i64::try_from(found).unwrap()),
                Some(found) => prop_assert!(held <= i64::try_from(found).unwrap(), "{}", source),
                None if only_gains => prop_assert!(at + held >= HORIZON),
                None => {}
            }
        }
    }
}
