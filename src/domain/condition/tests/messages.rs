//! What is said about mistakes.

use super::*;

fn complaints(source: &str, scope: Scope) -> Vec<ConditionError> {
    let house = House::new();
    let templates: BTreeSet<Name> =
        ["cold/industry-report", "cold/case-study"].map(Name::from).into();
    let env = Env { templates: Some(&templates), ..house.env(scope) };
    Condition::compile(source, &env, &mut FactPlan::default()).err().unwrap_or_default()
}

/// The one error of a source: where, what, and what to write.
fn complaint(source: &str) -> (String, String, String) {
    let mut errors = complaints(source, Scope::Workflow);
    assert_eq!(errors.len(), 1, "{source}: {errors:?}");
    let error = errors.remove(0);
    (source[error.span].to_owned(), error.message, error.hint.unwrap_or_default())
}

#[test]
fn each_mistake_gets_one_precise_message() {
    for (source, at, message, hint) in [
        // Spelling of operators.
        ("country = \"IT\"", "=", "write `==`", ""),
        ("replied() & customer", "&", "write `and`", ""),
        ("replied() AND customer", "AND", "small letters", "write `and`"),
        ("NOT customer", "NOT", "small letters", "write `not`"),
        ("country <> \"IT\"", "<>", "`!=`", ""),
        ("country not in [\"IT\"]", "not in", "before the whole", "not (x in"),
        ("0 < seats < 5", "<", "not chained", "a < b and b < c"),
        ("seats % 2 == 1", "%", "means nothing", "dates and durations"),
        ("country is \"IT\"", "is", "cannot follow", "write `==`"),
        ("country contains \"I\"", "contains", "cannot follow", "country.contains("),
        ("country == “IT”", "“IT”", "not the quotes", "write \"IT\""),
        ("country == \"IT", "\"IT", "no closing quote", ""),
        ("(replied() or customer", "(", "not closed", ""),
        ("replied())", ")", "closes nothing", ""),
        ("replied() and", "", "missing after `and`", ""),
        ("", "", "empty", "true"),
        ("replied() customer", "customer", "cannot follow", "`and` or `or`"),
        // Words.
        ("contry == \"IT\"", "contry", "not an attribute", "`country`"),
        ("country == IT", "IT", "not an attribute", "in quotes: \"IT\""),
        ("country in [IT, \"FR\"]", "IT", "not an attribute", "in quotes: \"IT\""),
        ("country == null", "null", "not an attribute", "has(country)"),
        ("stage == mql", "mql", "not an attribute", "in quotes: \"mql\""),
        ("stage == \"MQL\"", "\"MQL\"", "not a stage", "`mql`"),
        ("stage in [\"sql\", \"costumer\"]", "\"costumer\"", "not a stage", "`customer`"),
        ("temperature == \"boiling\"", "\"boiling\"", "not a temperature", "cold, warm, hot"),
        ("click(\"cold/case-study\")", "click", "there is no", "`clicked`"),
        (
            "clicked(\"cold/case-studdy\")",
            "\"cold/case-studdy\"",
            "no template",
            "`cold/case-study`",
        ),
        ("opened(\"warm/*\")", "\"warm/*\"", "no template", ""),
        (
            "happened(\"mail.sent\", \"cold/case-studdy\")",
            "\"cold/case-studdy\"",
            "no template",
            "`cold/case-study`",
        ),
        ("happened(\"stage.changed\", \"mlq\")", "\"mlq\"", "no stage `mlq`", "`mql`"),
        ("happened(\"stage.changed\", \"won*\")", "\"won*\"", "no stage", "one of lead, mql"),
        ("in_segment(\"italian\")", "\"italian\"", "no segment", "`italians`"),
        ("replied", "replied", "not an attribute", "replied(…)"),
        ("country(\"IT\")", "country", "not called", "write `country`"),
        ("clicked().withn(3d)", "withn", "no `.withn`", "`within`"),
        ("country.startswith(\"I\")", "startswith", "no `.startswith`", "`startsWith`"),
        ("country.within(3d)", "within", "not an event", "clicked().within"),
        ("within(3d)", "within", "follows a dot", "clicked().within"),
        ("happened(\"click\")", "\"click\"", "not an event", ""),
        ("happened(clicked)", "clicked", "one text in quotes", "deal.won"),
        ("replied(\"x\")", "\"x\"", "takes nothing", "replied()"),
        ("visited(\"/*/x\")", "\"/*/x\"", "at the end only", "/docs/*"),
        // Types.
        ("country == 5", "country == 5", "country is text, 5 is a number", "\"5\""),
        (
            "plan == 5",
            "plan == 5",
            "plan is text",
            "write \"5\", or declare the attribute as a number",
        ),
        (
            "seats == \"5\"",
            "seats == \"5\"",
            "seats is a number, \"5\" is text",
            "5 without quotes",
        ),
        (
            "renewal > \"2027-03-28\"",
            "renewal > \"2027-03-28\"",
            "renewal is a date, \"2027-03-28\" is text",
            "date(\"2027-03-28\")",
        ),
        (
            "renewal > 30d",
            "renewal > 30d",
            "renewal is a date, 30d is a duration",
            "now - created_on",
        ),
        ("now - renewal > 30", "now - renewal > 30", "30 is a number", "30d"),
        ("renewal + 30 > now", "renewal + 30", "30 is a number", "30d for days"),
        ("seats + 3 > 5", "seats + 3", "seats is a number: only dates", ""),
        ("renewal + now > now", "renewal + now", "cannot be added", ""),
        ("date(\"28.3.2027\") < now", "\"28.3.2027\"", "not a date", "2027-03-28"),
        ("engagement == 40", "engagement == 40", "fades", "engagement >= 40"),
        ("engagement > seats", "seats", "plain number", "engagement >= 40"),
        ("engagement in [40]", "engagement", "not looked up", ">="),
        ("stage > \"mql\"", "stage > \"mql\"", "no order", "=="),
        ("\"mql\" < stage", "\"mql\" < stage", "no order", "=="),
        ("customer > true", "customer > true", "no order", ""),
        ("customer == \"yes\"", "customer == \"yes\"", "customer is a bool", "`true` or `false`"),
        ("clicked() == true", "clicked()", "itself true or false", "not clicked()"),
        ("country and replied()", "country", "country is text, not true or false", "has(country)"),
        ("5", "5", "5 is a number, not true or false", ""),
        ("country in \"IT\"", "\"IT\"", "a list stands after", "[\"IT\""),
        ("country in []", "[]", "empty list", ""),
        ("country in [\"IT\", 5]", "5", "country is text, 5 is a number", ""),
        ("has(\"country\")", "\"country\"", "no quotes", "has(country)"),
        ("has(stage)", "stage", "always there", ""),
        ("entry.a == entry.b", "entry.a == entry.b", "cannot be told", ""),
        ("country.code == \"IT\"", "code", "has no part", ""),
        // Numbers and durations.
        ("clicked().within(30)", "30", "30 of what", "within(30d)` for days"),
        ("clicked().within(\"30 days\")", "\"30 days\"", "not a duration", ""),
        ("clicked().within(2mo)", "2mo", "differ in length", ""),
        ("clicked().within(0d)", "0d", "no time", ""),
        ("clicked().times(0)", "0", "from 1 to 32", "times(3)"),
        ("clicked().times(33)", "33", "from 1 to 32", ""),
        ("clicked().times(1.5)", "1.5", "from 1 to 32", ""),
        ("clicked().times(2).times(3)", "times", "twice", ""),
        ("clicked().ever(1)", "ever", "takes nothing", ""),
        ("company.matches(\"(\")", "\"(\"", "not a pattern", ""),
        ("company.matches(\"(\\\\w{99}){99}\")", "\"(\\\\w{99}){99}\"", "too large", ""),
    ] {
        let (found_at, found, found_hint) = complaint(source);
        assert_eq!(found_at, at, "{source}: {found}");
        assert!(found.contains(message), "{source}: {found}");
        assert!(found_hint.contains(hint), "{source}: {found}: {found_hint}");
    }
}

/// In quotes it would compile, and be compared letter by letter.
#[test]
fn a_number_is_not_put_in_quotes_to_order_it() {
    for (source, hint) in [
        ("plan > 5", "declare the attribute as a number"),
        (
            "50 <= employees",
            "list the texts that count, `employees in [\"…\"]`, or compare a number attribute of \
             your own",
        ),
    ] {
        assert_eq!(complaint(source).2, hint, "{source}");
    }
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    let source = "contry == \"IT\" and country = 5 and (stage == \"mqll\" or clicked().within(3x)) and seats > \"a\" && temperature == warm";
    let errors = complaints(source, Scope::Lead);
    let places: Vec<&str> = errors.iter().map(|error| &source[error.span.clone()]).collect();
    assert_eq!(
        places,
        ["contry", "country = 5", "=", "\"mqll\"", "3x", "seats > \"a\"", "warm"],
        "{errors:?}"
    );
}

#[test]
fn a_scope_keeps_out_what_is_not_there() {
    for (source, scope, at) in [
        ("entry.object == \"x\"", Scope::Lead, "entry.object"),
        ("has(entry.x)", Scope::Lead, "entry.x"),
        ("fit > 3", Scope::Fit, "fit"),
        ("engagement > 3", Scope::Fit, "engagement"),
        ("temperature == \"hot\"", Scope::Fit, "temperature"),
        ("stage == \"mql\"", Scope::Fit, "stage"),
        ("in_segment(\"italians\")", Scope::Fit, "in_segment"),
    ] {
        let errors = complaints(source, scope);
        assert_eq!(errors.len(), 1, "{source}: {errors:?}");
        assert_eq!(&source[errors[0].span.clone()], at);
    }
    assert_eq!(
        complaints("clicked(\"cold/*\") and tag(\"x\") and country == \"IT\"", Scope::Fit),
        []
    );
}

#[test]
fn too_long_a_source_is_refused() {
    let source = format!("country == \"{}\"", "x".repeat(5000));
    let (_, message, _) = complaint(&source);
    assert!(message.contains("4096"), "{message}");
}

#[test]
fn nobody_reads_a_thousand_messages() {
    assert_eq!(complaints(&"x or ".repeat(800), Scope::Lead).len(), 20);
}
