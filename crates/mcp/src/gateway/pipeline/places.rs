//! Where secrets were found, in words that hold none.

use bytes::Bytes;
use serde_json::Value;

use crate::wire::rpc::shown;

/// Places that are named.
const PLACES_MAX: usize = 8;

/// Each place of a secret in `said`, which stands at `at` (a JSON pointer), with what was there.
pub(super) fn named(at: &str, said: &[u8], redacted: Option<&Bytes>, kinds: &[&'static str]) -> String {
    let said = serde_json::from_slice::<Value>(said).ok();
    let redacted = redacted.and_then(|redacted| serde_json::from_slice::<Value>(redacted).ok());
    let mut places = Vec::new();
    if let (Some(said), Some(redacted)) = (&said, &redacted) {
        find(said, redacted, at, &mut places);
    }
    // Of too many, or of what is not to be told apart from the JSON around it, only the kinds are known.
    if places.is_empty() {
        return kinds.join(", ");
    }
    let all = places.iter().take(PLACES_MAX).map(|(place, redacted)| {
        let here = kinds.iter().filter(|kind| redacted.contains(&format!("[redacted:{kind}]")));
        format!("`{place}` ({})", here.copied().collect::<Vec<_>>().join(", "))
    });
    let named = all.collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(PLACES_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

/// Where `redacted` is another than `said`, as JSON pointers (RFC 6901), with what stands there. A name that is a secret is in
/// them as it was redacted.
fn find(said: &Value, redacted: &Value, at: &str, places: &mut Vec<(String, String)>) {
    match (said, redacted) {
        // Two names that are redacted alike are one member less.
        (Value::Object(said), Value::Object(redacted)) if said.len() == redacted.len() => {
            for ((name, said), (redacted_name, redacted)) in said.iter().zip(redacted) {
                let below = format!("{at}/{}", shown(&redacted_name.replace('~', "~0").replace('/', "~1")));
                if name != redacted_name {
                    places.push((below.clone(), redacted_name.clone()));
                }
                find(said, redacted, &below, places);
            }
        }
        (Value::Array(said), Value::Array(redacted)) if said.len() == redacted.len() => {
            for (place, (said, redacted)) in said.iter().zip(redacted).enumerate() {
                find(said, redacted, &format!("{at}/{place}"), places);
            }
        }
        _ if said == redacted => {}
        _ => places.push((at.to_owned(), redacted.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::named;

    fn places(said: &Value, redacted: &Value) -> String {
        named("/arguments", said.to_string().as_bytes(), Some(&Bytes::from(redacted.to_string())), &["aws_key", "jwt"])
    }

    #[test]
    fn places_are_named_with_what_was_there_and_never_with_a_secret() {
        let said = json!({ "a/b": ["x", { "k": "use AKIA" }], "n": 1, "AKIA": "eyJ" });
        let redacted =
            json!({ "a/b": ["x", { "k": "use [redacted:aws_key]" }], "n": 1, "[redacted:aws_key]": "[redacted:jwt]" });
        let expected = "`/arguments/a~1b/1/k` (aws_key), `/arguments/[redacted:aws_key]` (aws_key), \
                     `/arguments/[redacted:aws_key]` (jwt)";
        assert_eq!(places(&said, &redacted), expected);
        // Two names that cannot be told apart any more.
        let said = json!({ "in": { "AKIA1": 1, "AKIA2": 2 } });
        assert_eq!(places(&said, &json!({ "in": { "[redacted:aws_key]": 2 } })), "`/arguments/in` (aws_key)");
        let many = |text: &str| Value::from(vec![text; 11]);
        let told = places(&json!({ "all": many("eyJ") }), &json!({ "all": many("[redacted:jwt]") }));
        assert!(told.ends_with("`/arguments/all/7` (jwt), and 3 more"), "{told}");
        assert_eq!(named("/arguments", said.to_string().as_bytes(), None, &["aws_key", "jwt"]), "aws_key, jwt");
    }
}
