//! On what both languages share, the `cel` crate must agree.
//!
//! A missing attribute is an error in CEL and unknown in ours, and both absorb it alike: `false && x`
//! is false, `true || x` is true whatever `x` is.

use cel::{Context, ExecutionError, Program};
use proptest::prelude::*;

use super::{
    super::{
        ast::{Expr, ExprKind},
        parser::parse,
    },
    *,
};

/// CEL's source of one of our expressions: `not` binds otherwise there.
fn in_cel(expr: &Expr) -> String {
    let row = |parts: &[Expr], between: &str| {
        let parts: Vec<String> = parts.iter().map(in_cel).collect();
        format!("({})", parts.join(between))
    };
    match &expr.kind {
        ExprKind::Not(inner) => format!("!({})", in_cel(inner)),
        ExprKind::All(parts) => row(parts, " && "),
        ExprKind::Any(parts) => row(parts, " || "),
        ExprKind::Number(number) => format!("{number:?}"),
        ExprKind::Compare(comparison, left, right) => {
            format!("{} {} {}", in_cel(left), comparison.sign(), in_cel(right))
        }
        ExprKind::In(item, list) => match &list.kind {
            ExprKind::List(items) => {
                let items: Vec<String> = items.iter().map(in_cel).collect();
                format!("{} in [{}]", in_cel(item), items.join(", "))
            }
            _ => unreachable!("a list follows `in`"),
        },
        _ => expr.to_string(),
    }
}

/// What CEL makes of it; an absent variable is an error, which stands for unknown.
fn by_cel(source: &str, lead: &Lead, house: &House) -> Result<Truth, String> {
    let program = Program::compile(source).map_err(|error| format!("{source}: {error}"))?;
    let mut context = Context::default();
    for (slot, attribute) in house.schema.iter() {
        let name = attribute.name.as_str();
        match &lead.attributes[slot.0] {
            Some(Value::Text(text)) => context.add_variable_from_value(name, text.to_string()),
            Some(Value::Number(number)) => context.add_variable_from_value(name, *number),
            Some(Value::Bool(value)) => context.add_variable_from_value(name, *value),
            Some(Value::Date(_)) | None => {}
        }
    }
    match program.execute(&context) {
        Ok(cel::Value::Bool(value)) => Ok(value.into()),
        Ok(other) => Err(format!("{source}: {other:?}")),
        Err(ExecutionError::UndeclaredReference(name)) if house.schema.slot(&name).is_some() => {
            Ok(Truth::Unknown)
        }
        Err(other) => Err(format!("{source}: {other:?}")),
    }
}

fn shared() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "country",
        "city",
        "\"IT\"",
        "\"Rome\"",
        "\"\"",
        "\"R\\\"\\\\ö\"",
    ]);
    let number = prop_oneof![
        prop::sample::select(vec!["seats", "budget"]).prop_map(str::to_owned),
        (-30i32..30).prop_map(|number| format!("{}", f64::from(number) / 4.0)),
    ];
    let comparison = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let equality = prop::sample::select(vec!["==", "!="]);
    let attribute = prop::sample::select(vec!["country", "city"]);
    let method = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let part = prop::sample::select(vec!["I", "T", "Ro", "ome", "ö"]);
    let leaf = prop_oneof![
        (text.clone(), comparison.clone(), text).prop_map(|(l, c, r)| format!("{l} {c} {r}")),
        (number.clone(), comparison, number).prop_map(|(l, c, r)| format!("{l} {c} {r}")),
        (equality, any::<bool>()).prop_map(|(c, value)| format!("customer {c} {value}")),
        Just("customer".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        (attribute.clone(), method, part)
            .prop_map(|(text, method, part)| format!("{text}.{method}(\"{part}\")")),
        attribute.prop_map(|text| format!("{text} in [\"IT\", 'Rome', \"FR\"]")),
        prop::sample::select(vec!["seats", "budget"])
            .prop_map(|number| format!("{number} in [1.5, 2, -3]")),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let word = prop::sample::select(vec![" and ", " && ", " or ", " || "]);
        prop_oneof![
            // Without parentheses: precedence is judged too.
            3 => (word, prop::collection::vec(inner.clone(), 2..4))
                .prop_map(|(word, parts)| parts.join(word)),
            1 => inner.clone().prop_map(|part| format!("not ({part})")),
            1 => inner.clone().prop_map(|part| format!("!({part})")),
            1 => inner.prop_map(|part| format!("({part})")),
        ]
    })
}

fn lead() -> impl Strategy<Value = Lead> {
    (
        prop::option::weighted(0.8, prop::sample::select(vec!["IT", "FR", "ITö"])),
        prop::option::weighted(0.8, prop::sample::select(vec!["Rome", "IT", ""])),
        prop::option::weighted(0.8, -30i32..30),
        prop::option::weighted(0.8, -30i32..30),
        prop::option::weighted(0.8, any::<bool>()),
    )
        .prop_map(|(country, city, seats, budget, customer)| {
            let house = House::new();
            let mut lead = Lead::new(&house);
            let mut set = |name: &str, value: Option<Value>| {
                lead.attributes[house.schema.slot(name).expect("declared").0] = value;
            };
            let quarter = |number: i32| Value::Number(f64::from(number) / 4.0);
            set("country", country.map(|text| Value::Text(text.into())));
            set("city", city.map(|text| Value::Text(text.into())));
            set("seats", seats.map(quarter));
            set("budget", budget.map(quarter));
            set("customer", customer.map(Value::Bool));
            lead
        })
}

#[test]
fn cel_agrees_on_what_both_languages_share() {
    // CEL's parser needs a large stack in a build without optimisation.
    let judge = || {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 400,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let result = runner.run(&(shared(), lead()), |(source, lead)| {
            let mut house = House::new();
            let ours = house.value(&source, &lead, day(0));
            let expr = parse(&source, &mut Vec::new());
            let theirs = by_cel(&in_cel(&expr), &lead, &house).map_err(TestCaseError::fail)?;
            prop_assert_eq!(ours, theirs, "{}", source);
            // Ours without its words is CEL as it stands.
            if !source.contains("and") && !source.contains("or") && !source.contains("not") {
                let plain =
                    by_cel(&in_numbers(&source), &lead, &house).map_err(TestCaseError::fail)?;
                prop_assert_eq!(ours, plain, "{}", source);
            }
            Ok(())
        });
        result.unwrap_or_else(|failure| panic!("{failure}"));
    };
    let judged = std::thread::Builder::new().stack_size(256 << 20).spawn(judge).expect("a thread");
    assert!(judged.join().is_ok());
}

/// CEL tells whole numbers from others; ours are all of one kind.
fn in_numbers(source: &str) -> String {
    let expr = parse(source, &mut Vec::new());
    match &expr.kind {
        ExprKind::Any(_) | ExprKind::All(_) | ExprKind::Not(_) => {
            // Put the decimals in without touching the operators.
            let number = regex::Regex::new(r"(^|[\s\[])(-?\d+)([\s,\])]|$)").expect("a pattern");
            let once = number.replace_all(source, "$1$2.0$3").into_owned();
            number.replace_all(&once, "$1$2.0$3").into_owned()
        }
        _ => in_cel(&expr),
    }
}
