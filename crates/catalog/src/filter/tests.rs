//! Against a reading of the grammar by somebody who walks documents and keeps no rows.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{CONDITIONS_MAX, DEPTH_MAX, FilterError, VALUES_MAX, filters, predicate, scalar};
use crate::entity::Entity;
use crate::query::Predicate::{self, All, Any, Contains, Equals, Exists, HasPrefix, In, Not};
use crate::storage::searches;

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn conditions_are_joined_and_filters_are_alternatives() {
    let one = filters(&["kind=Component, spec.type = Service ,metadata.tags.Java"]).unwrap().unwrap();
    let expected = All(vec![
        Equals(text("kind"), text("component")),
        Equals(text("spec.type"), text("service")),
        Exists(text("metadata.tags.java")),
    ]);
    assert_eq!(one, expected);
    let two = filters(&["kind=a", "", "kind=b,x"]).unwrap().unwrap();
    let second = All(vec![Equals(text("kind"), text("b")), Exists(text("x"))]);
    assert_eq!(two, Any(vec![Equals(text("kind"), text("a")), second]));
    assert_eq!(
        filters(&["kind=a,x=,kind=B"]).unwrap().unwrap(),
        All(vec![In(text("kind"), vec![text("a"), text("b")]), Equals(text("x"), String::new()),])
    );
    // A value that is given as well says more than that there is one.
    assert_eq!(filters(&["kind,kind=a"]).unwrap().unwrap(), Equals(text("kind"), text("a")));
    assert_eq!(filters(&["a=b=c"]).unwrap().unwrap(), Equals(text("a"), text("b=c")));
}

#[test]
fn filters_that_say_nothing_ask_for_everything_and_a_condition_without_a_key_is_refused() {
    assert_eq!(filters::<&str>(&[]).unwrap(), None);
    assert_eq!(filters(&["", " , "]).unwrap(), None);
    assert_eq!(filters(&["kind=a,=b"]), Err(FilterError::Condition(text("=b"))));
    let many = vec!["a"; CONDITIONS_MAX + 1];
    assert_eq!(filters(&many), Err(FilterError::TooManyConditions));
    let values = vec!["a=1"; VALUES_MAX + 1].join(",");
    assert_eq!(filters(&[values]), Err(FilterError::TooManyValues));
    assert_eq!(filters(&["k".repeat(super::KEY_BYTES_MAX + 1)]), Err(FilterError::KeyTooLong));
}

#[test]
fn a_predicate_reads_as_backstage_reads_it() {
    let read = |value: Value| predicate(&value).unwrap();
    assert_eq!(read(json!({})), All(Vec::new()));
    assert_eq!(read(json!({ "$any": [] })), Any(Vec::new()));
    assert_eq!(
        read(json!({ "Kind": "API", "spec.replicas": 2.0 })),
        All(vec![Equals(text("kind"), text("api")), Equals(text("spec.replicas"), text("2")),])
    );
    assert_eq!(read(json!({ "$not": { "a": { "$exists": false } } })), Not(Box::new(Not(Box::new(Exists(text("a")))))));
    assert_eq!(read(json!({ "a": { "$in": [] } })), In(text("a"), Vec::new()));
    assert_eq!(read(json!({ "a": { "$in": ["X", true] } })), In(text("a"), vec![text("x"), text("true")]));
    assert_eq!(read(json!({ "a": { "$hasPrefix": "We%" } })), HasPrefix(text("a"), text("we%")));
    assert_eq!(read(json!({ "metadata.tags": { "$contains": "Java" } })), Equals(text("metadata.tags"), text("java")));
    let owned = json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": "group:default/Shop" } } });
    assert_eq!(read(owned), Equals(text("relations.ownedby"), text("group:default/shop")));
    let some =
        json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": { "$in": ["a:b/c", "d:e/F"] } } } });
    assert_eq!(read(some), In(text("relations.ownedby"), vec![text("a:b/c"), text("d:e/f")]));
    assert_eq!(read(json!({ "relations": { "$contains": { "type": "ownedBy" } } })), Exists(text("relations.ownedby")));
}

#[test]
fn what_is_no_predicate_is_refused_and_says_why() {
    for (wrong, says) in [
        (json!("component"), "must be an object"),
        (json!({ "$all": ["component"] }), "must be an object"),
        (json!({ "$all": [], "kind": "api" }), "must be alone"),
        (json!({ "kind": "api", "$not": {} }), "must be alone"),
        (json!({ "$some": [] }), "`$some` is no operator"),
        (json!({ "$in": ["a"] }), "`$in` is no operator here"),
        (json!({ "kind": { "$like": "a" } }), "`$like` is no operator"),
        (json!({ "kind": { "$in": "a" } }), "must be a list"),
        (json!({ "kind": { "$in": [null] } }), "must be a list of values"),
        (json!({ "kind": { "$exists": "yes" } }), "true or false"),
        (json!({ "kind": { "$exists": true, "$in": [] } }), "exactly one"),
        (json!({ "kind": {} }), "exactly one"),
        (json!({ "kind": ["api"] }), "not a list"),
        (json!({ "kind": null }), "not null"),
        (json!({ "$any": {} }), "must be a list of predicates"),
        (json!({ "spec": { "$contains": { "type": "a" } } }), "in `relations` only"),
        (json!({ "relations": { "$contains": { "targetRef": "a:b/c" } } }), "needs a `type`"),
        (json!({ "relations": { "$contains": { "type": "a", "Type": "b" } } }), "twice"),
        (json!({ "relations": { "$contains": { "type": "a", "target": "b" } } }), "not `target`"),
        (json!({ "relations": { "$contains": { "type": "a", "targetRef": { "$in": [] } } } }), "at least one"),
    ] {
        let error = predicate(&wrong).unwrap_err().to_string();
        assert!(error.contains(says), "{wrong}: {error}");
    }
    let deep = (0..DEPTH_MAX).fold(json!({}), |inner, _| json!({ "$not": inner }));
    assert_eq!(predicate(&deep), Err(FilterError::TooDeep));
    assert!(predicate(&deep["$not"]).is_ok());
    let wide = json!({ "$any": vec![json!({ "a": 1 }); CONDITIONS_MAX + 1] });
    assert_eq!(predicate(&wide), Err(FilterError::TooManyConditions));
}

#[test]
fn numbers_are_written_as_javascript_writes_them() {
    for (number, written) in
        [("2", "2"), ("2.0", "2"), ("2.5", "2.5"), ("-0.5", "-0.5"), ("1e3", "1000"), ("true", "true")]
    {
        let value: Value = serde_json::from_str(number).unwrap();
        assert_eq!(scalar(&value).as_deref(), Some(written));
    }
    assert_eq!(scalar(&Value::Null), None);
}

/// The values that a document has at a key, `None` for one that is kept without its value.
fn values_at(value: &Value, key: &str) -> Vec<Option<String>> {
    match value {
        Value::Array(items) => items
            .iter()
            .flat_map(|item| {
                let is_named = item.as_str().is_some_and(|item| item.to_lowercase() == key && !key.is_empty());
                let named = is_named.then(|| Some("true".to_owned()));
                named.into_iter().chain(values_at(item, key)).collect::<Vec<_>>()
            })
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let name = name.to_lowercase();
                if name == key {
                    // Of what stands in itself, and not of what stands below it under an empty name.
                    return values_of(value);
                }
                let rest = key.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
                rest.map_or_else(Vec::new, |rest| values_at(value, rest))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn values_of(value: &Value) -> Vec<Option<String>> {
    match value {
        Value::Array(items) => items.iter().flat_map(values_of).collect(),
        Value::Object(_) => Vec::new(),
        other => vec![scalar(other)],
    }
}

/// Whether a document is what a predicate asks for, found by walking the document once for each condition.
fn naive(predicate: &Value, document: &Value) -> bool {
    let fields = predicate.as_object().unwrap();
    fields.iter().all(|(key, asked)| {
        let inner = || asked.as_array().unwrap().iter();
        match key.as_str() {
            "$all" => inner().all(|inner| naive(inner, document)),
            "$any" => inner().any(|inner| naive(inner, document)),
            "$not" => !naive(asked, document),
            _ => {
                let values = values_at(document, &key.to_lowercase());
                let has = |wanted: &Value| values.contains(&scalar(wanted)) && scalar(wanted).is_some();
                match asked.as_object().and_then(|operators| operators.iter().next()) {
                    None => has(asked),
                    Some((operator, operand)) => match operator.as_str() {
                        "$exists" => values.is_empty() != operand.as_bool().unwrap(),
                        "$in" => operand.as_array().unwrap().iter().any(has),
                        "$contains" => has(operand),
                        "$hasPrefix" => {
                            let prefix = operand.as_str().unwrap().to_lowercase();
                            values.iter().flatten().any(|value| value.starts_with(&prefix))
                        }
                        other => unreachable!("{other}"),
                    },
                }
            }
        }
    })
}

/// The same for filter strings, from what the grammar says.
fn naive_filters(filters: &[String], document: &Value) -> bool {
    let said: Vec<&String> =
        filters.iter().filter(|text| text.split(',').any(|part| !part.trim().is_empty())).collect();
    let holds = |text: &str| {
        let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let key_of = |part: &&str| part.split('=').next().unwrap().trim().to_owned();
        parts.iter().all(|part| {
            let key = key_of(part);
            let alternatives: Vec<&&str> =
                parts.iter().filter(|other| key_of(other) == key && other.contains('=')).collect();
            let values = values_at(document, &key.to_lowercase());
            if alternatives.is_empty() {
                return !values.is_empty();
            }
            alternatives.iter().any(|other| {
                let value = other.split_once('=').unwrap().1.trim().to_lowercase();
                values.contains(&Some(value))
            })
        })
    };
    said.is_empty() || said.iter().any(|text| holds(text))
}

const NAMES: &[&str] = &["a", "B", "tags", "x.y", "x", "y", "Deep"];
const KEYS: &[&str] =
    &["a", "A", "b", "tags", "tags.a", "x.y", "x", "x.y.a", "deep.a", "Deep.tags.b", "a.b", "nothing"];
const WORDS: &[&str] = &["a", "B", "b", "wide", "Wider", "true", "1", "", "null"];

fn scalars() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => proptest::sample::select(WORDS).prop_map(Value::from),
        1 => (0..3_i64).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::from(1.0)),
    ]
}

fn documents() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![5 => scalars(), 1 => Just(Value::Null)];
    let values = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(NAMES), inner), 0..4).prop_map(object),
        ]
    });
    proptest::collection::vec((proptest::sample::select(NAMES), values), 0..5)
        .prop_map(|fields| object(fields).as_object().unwrap().clone())
}

fn object(fields: Vec<(&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn predicates() -> impl Strategy<Value = Value> {
    let key = || proptest::sample::select(KEYS);
    let field = prop_oneof![
        scalars(),
        any::<bool>().prop_map(|is_there| json!({ "$exists": is_there })),
        proptest::collection::vec(scalars(), 0..3).prop_map(|values| json!({ "$in": values })),
        scalars().prop_map(|value| json!({ "$contains": value })),
        proptest::sample::select(&["", "w", "WIDE", "%"][..]).prop_map(|prefix| json!({ "$hasPrefix": prefix })),
    ];
    let fields = proptest::collection::vec((key(), field), 0..3).prop_map(object);
    fields.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({ "$all": all })),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(|any| json!({ "$any": any })),
            inner.prop_map(|inner| json!({ "$not": inner })),
        ]
    })
}

fn filter_texts() -> impl Strategy<Value = Vec<String>> {
    let word = proptest::sample::select(&["a", "b", "wide", "WIDER", "true", "1", ""][..]);
    let condition =
        (proptest::sample::select(KEYS), proptest::option::of(word), 0..3_usize).prop_map(|(key, value, spaces)| {
            let space = " ".repeat(spaces);
            value.map_or_else(|| format!("{space}{key}"), |value| format!("{key}{space}={space}{value}"))
        });
    let text = proptest::collection::vec(condition, 0..4).prop_map(|conditions| conditions.join(","));
    proptest::collection::vec(text, 0..4)
}

/// What a predicate says of the keys and values that the catalog keeps of a document.
fn kept(predicate: &Predicate, document: &Map<String, Value>) -> bool {
    let rows = searches::rows(&Entity::new(document.clone()), "uid");
    let rows: Vec<(&str, Option<&str>)> = rows.iter().map(|row| (row.key.as_str(), row.value.as_deref())).collect();
    holds(predicate, &rows)
}

fn holds(predicate: &Predicate, rows: &[(&str, Option<&str>)]) -> bool {
    let any =
        |key: &str, is_meant: &dyn Fn(&str) -> bool| rows.iter().any(|row| row.0 == key && row.1.is_some_and(is_meant));
    match predicate {
        All(inner) => inner.iter().all(|inner| holds(inner, rows)),
        Any(inner) => inner.iter().any(|inner| holds(inner, rows)),
        Not(inner) => !holds(inner, rows),
        Exists(key) => rows.iter().any(|row| row.0 == key),
        Equals(key, wanted) => any(key, &|value| value == wanted),
        In(key, wanted) => any(key, &|value| wanted.iter().any(|wanted| wanted == value)),
        HasPrefix(key, prefix) => any(key, &|value| value.starts_with(prefix.as_str())),
        Contains(key, part) => any(key, &|value| value.contains(part.as_str())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn predicates_select_what_a_walk_through_the_document_selects(asked in predicates(), document in documents()) {
        let read = predicate(&asked).unwrap();
        prop_assert_eq!(kept(&read, &document), naive(&asked, &Value::Object(document.clone())), "{} of {:?}", asked, document);
    }

    #[test]
    fn filters_select_what_a_walk_through_the_document_selects(asked in filter_texts(), document in documents()) {
        let read = filters(&asked).unwrap().unwrap_or_default();
        let expected = naive_filters(&asked, &Value::Object(document.clone()));
        prop_assert_eq!(kept(&read, &document), expected, "{:?} of {:?}", asked, document);
    }

    #[test]
    fn any_json_is_read_or_refused(value in documents()) {
        let _ = predicate(&Value::Object(value));
    }
}
