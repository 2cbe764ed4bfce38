//! Lists of models, from which entries are taken out. What stays is byte for byte what came.

use serde::Deserialize;

use super::json::{Raw, Text, position};

/// A list that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    data: Raw<'a>,
    #[serde(borrow, default)]
    first_id: Raw<'a>,
    #[serde(borrow, default)]
    last_id: Raw<'a>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Text<'a>,
}

/// The name of one entry.
pub(crate) fn id(entry: &str) -> Option<String> {
    serde_json::from_str::<Entry<'_>>(entry).ok().map(|entry| entry.id.0.into_owned())
}

/// `body` without the entries whose name `may_see` does not let through; `None` when all may stay. The names by
/// which Anthropic's pages are turned become those of entries that stay.
pub(crate) fn without(body: &[u8], may_see: impl Fn(&str) -> bool) -> Result<Option<String>, Unreadable> {
    let text = std::str::from_utf8(body).map_err(|_| Unreadable)?;
    let list: List<'_> = serde_json::from_str(text).map_err(|_| Unreadable)?;
    let entries = list.data.read::<Vec<Raw<'_>>>().ok_or(Unreadable)?;
    let mut kept: Vec<(&str, String)> = Vec::with_capacity(entries.len());
    for entry in &entries {
        let entry = entry.get().ok_or(Unreadable)?;
        let id = id(entry).ok_or(Unreadable)?;
        if may_see(&id) {
            kept.push((entry, id));
        }
    }
    if kept.len() == entries.len() {
        return Ok(None);
    }
    let data = format!("[{}]", kept.iter().map(|(entry, _)| *entry).collect::<Vec<_>>().join(","));
    let name = |kept: Option<&(&str, String)>| {
        kept.map_or_else(|| "null".to_owned(), |(_, id)| serde_json::Value::from(id.as_str()).to_string())
    };
    let mut edits = Vec::new();
    for (raw, replacement) in
        [(list.data, data), (list.first_id, name(kept.first())), (list.last_id, name(kept.last()))]
    {
        if let Some(range) = raw.0.and_then(|raw| position(text, raw.get())) {
            edits.push((range, replacement));
        }
    }
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    for (range, replacement) in edits {
        out.replace_range(range, &replacement);
    }
    Ok(Some(out))
}

#[cfg(test)]
mod tests {
    use super::{Unreadable, id, without};

    const LIST: &str = r#"{"object":"list", "data":[{"id":"a","x":1e4},{"id":"b"},{"id":"c"}],"first_id":"a","has_more":true,"last_id":"c"}"#;

    #[test]
    fn what_may_stay_stays_as_it_was_and_no_name_of_the_rest_is_left() {
        assert_eq!(without(LIST.as_bytes(), |_| true), Ok(None));
        let seen = without(LIST.as_bytes(), |id| id == "b").unwrap().unwrap();
        assert_eq!(seen, r#"{"object":"list", "data":[{"id":"b"}],"first_id":"b","has_more":true,"last_id":"b"}"#);
        let none = without(LIST.as_bytes(), |_| false).unwrap().unwrap();
        assert_eq!(none, r#"{"object":"list", "data":[],"first_id":null,"has_more":true,"last_id":null}"#);
    }

    #[test]
    fn an_entry_without_a_name_makes_the_list_unreadable() {
        for body in [r#"{"data":[{"name":"a"}]}"#, r#"{"data":{}}"#, "[]", "{}", "\u{1}"] {
            assert_eq!(without(body.as_bytes(), |_| true), Err(Unreadable), "{body}");
        }
        assert_eq!(id(r#"{"id":"meta\/llama"}"#).as_deref(), Some("meta/llama"));
    }
}
