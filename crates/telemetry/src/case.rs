//! The case that a span says it is a trial of.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

use crate::row::SpanRow;

/// On a span or its resource: Mizzen's own name, and agentevals'.
const KEYS: &[&str] = &["mizzen.evaluation.case", "agentevals.eval.case.id"];

/// Found in both keys: hardly any span has one, and every span is asked.
static HINT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(".case"));

/// The case that the span or its resource names.
#[must_use]
pub fn named(row: &SpanRow) -> Option<String> {
    [row.body.attributes.as_str(), &row.body.resource].into_iter().find_map(read)
}

fn read(text: &str) -> Option<String> {
    HINT.find(text.as_bytes())?;
    let attributes: Value = serde_json::from_str(text).ok()?;
    KEYS.iter().find_map(|key| match attributes.get(key)? {
        Value::String(case) => (!case.is_empty()).then(|| case.clone()),
        Value::Number(case) => Some(case.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_case_is_read_where_it_is_named_and_nowhere_else() {
        assert_eq!(read(r#"{"mizzen.evaluation.case":"refund-1"}"#).as_deref(), Some("refund-1"));
        assert_eq!(read(r#"{"agentevals.eval.case.id":7,"x":1}"#).as_deref(), Some("7"));
        assert_eq!(read(r#"{"note":"mizzen.evaluation.case","mizzen.evaluation.case":""}"#), None);
    }
}
