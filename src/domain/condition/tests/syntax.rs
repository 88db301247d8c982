//! The parser: what it reads, and that nothing upsets it.

use proptest::prelude::*;

use super::super::{
    ast::{Comparison, Expr, ExprKind, Sign, Word},
    parser::parse,
};

fn read(source: &str) -> Expr {
    let mut errors = Vec::new();
    let expr = parse(source, &mut errors);
    assert!(errors.is_empty(), "{source}: {errors:?}");
    expr
}

fn of(kind: ExprKind) -> Expr {
    Expr { kind, span: 0..0 }
}

#[test]
fn operators_bind_as_people_expect() {
    for (written, meant) in [
        ("a or b and c", "a or (b and c)"),
        ("a && b || c && d", "(a and b) or (c and d)"),
        ("not a and b", "(not a) and b"),
        ("not a == 1", "not (a == 1)"),
        ("!a == b", "(not a) == b"),
        ("not a in [1]", "not (a in [1])"),
        ("not clicked() or a", "(not clicked()) or a"),
        ("a - 1d + 2d < now", "((a - 1d) + 2d) < now"),
        ("!!a", "not (not a)"),
        ("! (a or b)", "not (a or b)"),
    ] {
        assert_eq!(read(written), read(meant), "{written}");
    }
    assert_ne!(read("not a == b"), read("!a == b"));
    assert_ne!(read("a - (b - c) < d"), read("a - b - c < d"));
}

#[test]
fn a_condition_may_run_over_lines() {
    assert_eq!(read("a\n  and b\n\tor c"), read("a and b or c"));
}

#[test]
fn ten_thousand_parentheses_are_an_error() {
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("!", ""), ("f(", ")"), ("-", "")] {
        for depth in [65, 500, 2000, 10_000] {
            let mut errors = Vec::new();
            parse(&format!("{}a{}", open.repeat(depth), close.repeat(depth)), &mut errors);
            assert!(!errors.is_empty(), "{depth} times {open}");
        }
    }
    for row in [".b()", " - c", " < d"] {
        let mut errors = Vec::new();
        parse(&format!("a{}", row.repeat(700)), &mut errors);
        assert!(!errors.is_empty(), "{row}");
    }
    let mut errors = Vec::new();
    parse(&format!("{}a{}", "(".repeat(60), ")".repeat(60)), &mut errors);
    parse(&format!("a{}", " and a".repeat(600)), &mut errors);
    assert_eq!(errors, []);
}

fn word() -> impl Strategy<Value = Word> {
    prop::sample::select(vec!["a", "country", "clicked", "entry", "_x1", "within", "rot"])
        .prop_map(|text| Word { text: text.to_owned(), span: 0..0 })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ])
}

/// Any tree, whether or not it makes sense.
fn tree() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<String>().prop_map(ExprKind::Text),
        "[ab\"'\\\\\n\t]{0,6}".prop_map(ExprKind::Text),
        (-1e9..1e9).prop_map(ExprKind::Number),
        (-40i32..40).prop_map(|number| ExprKind::Number(f64::from(number))),
        any::<bool>().prop_map(ExprKind::Bool),
        (-1_000_000i64..1_000_000).prop_map(|seconds| ExprKind::Duration(seconds * 1000)),
        word().prop_map(|word| ExprKind::Name(word.text)),
    ]
    .prop_map(of);
    leaf.prop_recursive(5, 40, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        let row = || prop::collection::vec(inner.clone(), 2..4);
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(ExprKind::List);
        prop_oneof![
            row().prop_map(ExprKind::All),
            row().prop_map(ExprKind::Any),
            boxed().prop_map(ExprKind::Not),
            (comparison(), boxed(), boxed()).prop_map(|(c, l, r)| ExprKind::Compare(c, l, r)),
            (boxed(), boxed()).prop_map(|(item, list)| ExprKind::In(item, list)),
            list,
            (any::<bool>(), boxed(), boxed()).prop_map(|(plus, l, r)| {
                ExprKind::Sum(if plus { Sign::Plus } else { Sign::Minus }, l, r)
            }),
            (word(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(word, args)| ExprKind::Call(word, args)),
            (boxed(), word(), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(on, word, args)| ExprKind::Method(on, word, args)),
            (boxed(), word()).prop_map(|(on, word)| ExprKind::Field(on, word)),
        ]
        .prop_map(of)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_printed_is_read_as_the_same(tree in tree()) {
        let printed = tree.to_string();
        prop_assume!(printed.len() <= 4096);
        let mut errors = Vec::new();
        let again = parse(&printed, &mut errors);
        prop_assert_eq!(&errors, &[], "{}", printed);
        prop_assert_eq!(&again, &tree, "{}", printed);
    }

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let mut errors = Vec::new();
        parse(&text, &mut errors);
        for error in errors {
            prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error, text);
        }
    }

    #[test]
    fn nor_does_a_jumble_of_words_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "a", "country", "clicked", "(", ")", "[", "]", ",", ".", "==", "=", "!=", "<", "and", "or",
            "not", "in", "!", "-", "+", "\"x\"", "'", "3", "3d", "3x", "AND", "&", "|", "%", "“x”", "within",
            "entry", "é", "\n", "true", "NOT", "in", "has", "stage", "\"mql\"", "r\"\\d\"", "now", "date",
        ]), 0..30),
        glue in prop::sample::select(vec!["", " "]),
    ) {
        let text = words.join(glue);
        let mut house = super::House::new();
        let before = house.plan.len();
        match house.compile(&text, super::Scope::Workflow) {
            Ok(condition) => prop_assert_eq!(condition.source(), &text),
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                prop_assert_eq!(house.plan.len(), before);
                for error in errors {
                    prop_assert!(text.get(error.span.clone()).is_some(), "{:?} of {:?}", error, text);
                }
            }
        }
    }
}
