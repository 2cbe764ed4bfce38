//! The entries, as a table or whole.

use serde_json::Value;

use super::cli::ShowArgs;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output::{self, Column};

/// Entries of one request.
const PAGE: usize = 200;

pub(super) async fn show(args: ShowArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let filters = [
        ("kind", &args.kind),
        ("agent", &args.agent),
        ("effect", &args.effect),
        ("resource", &args.resource),
        ("since", &args.since),
    ];
    let filters: Vec<String> = filters
        .into_iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", encode(value.as_deref()?))))
        .collect();
    let (mut items, mut cursor) = (Vec::new(), String::new());
    while items.len() < args.limit {
        let limit = (args.limit - items.len()).min(PAGE);
        let path = format!("/api/v1/audit/entries?limit={limit}{cursor}{}", filters.concat());
        let mut page = server.get(&path).await?;
        items.extend(page["items"].as_array_mut().map(std::mem::take).unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    output::list_or(&items, args.output.format, COLUMNS, "no entry is so; `mizzen audit show` shows the newest of all")
}

const COLUMNS: &[Column] = &[
    Column { heading: "INDEX", right: true, cell: |item| output::text(item, "index") },
    Column { heading: "AT", right: false, cell: |item| output::time(&item["entry"], "at") },
    Column { heading: "KIND", right: false, cell: |item| output::text(&item["entry"], "kind") },
    Column { heading: "WHO", right: false, cell: |item| output::text(&item["entry"]["who"], "reference") },
    Column { heading: "WHAT", right: false, cell: |item| what(&item["entry"]) },
    Column { heading: "EFFECT", right: false, cell: |item| effect(&item["entry"]) },
    Column { heading: "CODE", right: false, cell: |item| output::text(&item["entry"], "code") },
];

/// The action and what it was done to, as far as there are.
fn what(entry: &Value) -> String {
    let parts: Vec<&str> = ["action", "resource"].iter().filter_map(|name| entry[*name].as_str()).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

/// What the policies said; what they only observe was let through.
fn effect(entry: &Value) -> String {
    let said = output::text(entry, "effect");
    let is_let_through = entry["mode"] == "observe" && said != "allow" && entry["code"].is_null();
    if is_let_through { format!("{said} (observed)") } else { said }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::effect;

    #[test]
    fn what_was_only_observed_is_not_shown_as_a_refusal() {
        assert_eq!(effect(&json!({ "effect": "deny", "mode": "observe" })), "deny (observed)");
        assert_eq!(effect(&json!({ "effect": "deny", "mode": "observe", "code": "agent_paused" })), "deny");
        assert_eq!(effect(&json!({ "effect": "deny", "mode": "enforce", "code": "policy_denied" })), "deny");
        assert_eq!(effect(&json!({ "effect": "allow", "mode": "observe" })), "allow");
        assert_eq!(effect(&json!({ "kind": "key_created" })), "-");
    }
}
