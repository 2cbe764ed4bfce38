//! Documents for tests.

use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Map, Value};

/// The folder of real documents beside the project; without it, the test says so, and where nothing may be skipped it fails.
#[allow(clippy::disallowed_methods, reason = "tests have no configuration; the command that starts them sets this")]
pub(super) fn shared_data(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var("CI");
    assert_ne!(ci.as_deref(), Ok("true"), "`{}` is not there, and in CI nothing may be skipped", folder.display());
    eprintln!("SKIPPED: `{}` is not there, so this test did not run", folder.display());
    None
}

/// Any JSON.
pub(super) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Fields that no format knows.
pub(super) fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("x-[a-z]{1,6}", json(), 0..3).prop_map(|members| members.into_iter().collect())
}

/// A mapping of `fields` and of fields nobody knows.
pub(super) fn with_unknown(
    fields: impl Strategy<Value = Vec<(&'static str, Option<Value>)>>,
) -> impl Strategy<Value = Value> {
    (fields, unknown()).prop_map(|(fields, mut map)| {
        map.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        Value::Object(map)
    })
}

pub(super) fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(value)
}

pub(super) fn text(pattern: &'static str) -> impl Strategy<Value = Value> {
    pattern.prop_map(Value::from)
}

pub(super) fn list(value: impl Strategy<Value = Value>, least: usize) -> impl Strategy<Value = Value> {
    prop::collection::vec(value, least..least + 3).prop_map(Value::from)
}
