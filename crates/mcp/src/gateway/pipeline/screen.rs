//! What leaves with a call: secrets in its arguments, and in what else of it is in the caller's words.
//!
//! Before the decision: policies, and the person who is asked, decide on what the tool server sees, and what may not leave
//! is not kept with a decision either.

use std::sync::Arc;

use bytes::Bytes;
use mizzen_control::audit::Durability;
use mizzen_control::gate::Known;
use mizzen_runtime::error::Chain;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::decode::Incoming;
use super::route::{Routed, Target};
use super::secrets::Withheld;
use crate::gateway::recording::Recording;
use crate::wire::rpc::{Answer, shown};

/// Places of secrets that a refusal names.
const PLACES_MAX: usize = 8;

/// A call whose arguments, and what goes beside them, may leave as they are now.
#[derive(Debug)]
pub(super) struct Screened {
    pub(super) incoming: Incoming,
    pub(super) target: Target,
    /// Parsed once, for the decision and the checks.
    pub(super) arguments: Option<Arc<Value>>,
    /// The arguments as they may be recorded.
    pub(super) recorded: Option<Bytes>,
    /// Of the secrets in them, each once.
    pub(super) secrets: Vec<&'static str>,
}

impl Routed {
    /// # Errors
    /// When the call may not be made with these arguments; the client is told where what was found in them.
    pub(super) async fn screen(self) -> Result<Screened, Answer> {
        let Self { mut incoming, target, mut arguments } = self;
        let (mut searched, mut secrets) = (Vec::new(), Vec::new());
        for carried in incoming.carried() {
            let Some(said) = incoming.params.get(carried.member).cloned() else { continue };
            match incoming.gateway.search_arguments(said).await {
                Ok(found) => {
                    searched.push((carried, found.recorded));
                    secrets.extend(found.kinds);
                    incoming.params.insert(carried.member.to_owned(), found.said);
                }
                Err(withheld) => return Err(incoming.kept_back(&target, &withheld, carried.member).await),
            }
        }
        secrets.sort_unstable();
        secrets.dedup();
        if !secrets.is_empty() {
            // What is redacted may be no object any more.
            let Ok(redacted) = incoming.asked() else {
                let withheld = Withheld::Found { kinds: secrets, recorded: None };
                return Err(incoming.kept_back(&target, &withheld, "arguments").await);
            };
            arguments = redacted;
        }
        Ok(Screened { recorded: Incoming::as_recorded(searched), incoming, target, arguments, secrets })
    }
}

impl Incoming {
    /// The refusal of a call, which is an entry and a record like any other. The arguments are in neither.
    async fn kept_back(&self, target: &Target, withheld: &Withheld, member: &str) -> Answer {
        let mut recording = self.recording(target);
        recording.note_secrets_sent(withheld.kinds());
        recording.fail(withheld.code(), "the call was not made, for secrets in its arguments");
        self.record_kept_back(target, withheld, &recording).await;
        let why = match withheld {
            Withheld::Found { kinds, recorded } => {
                let where_what =
                    named_places(member, self.params.get(member).map(|said| &**said), recorded.as_ref(), kinds);
                format!(
                    "its arguments hold secrets, which may not leave: {where_what}; take them out and send it again"
                )
            }
            Withheld::NotSearched => {
                "its arguments could not be searched for secrets (`tools.secrets`); tell the operator".to_owned()
            }
        };
        let message = format!("{} was refused: {why}", target.resource());
        self.refused(target, &message, json!({ "code": withheld.code() }))
    }

    async fn record_kept_back(&self, target: &Target, withheld: &Withheld, recording: &Recording) {
        let kinds = Some(withheld.kinds()).filter(|kinds| !kinds.is_empty());
        let known = Known {
            caller: &self.caller,
            run: self.run(&recording.trace),
            trace: Some((recording.trace.trace_id, recording.trace.span_id)),
            action: target.subject.call_action().to_string(),
            resource: target.resource().to_string(),
            code: Some(withheld.code()),
            details: kinds.map(|kinds| ("secrets", kinds.join(", "))).into_iter().collect(),
            durability: Durability::Durable,
        };
        // It stays refused when that cannot be recorded.
        if let Err(error) = self.gateway.control.gate().known(known).await {
            tracing::error!(error = %Chain(&error), "a refusal is not in the audit log");
        }
    }
}

/// The places of secrets in the parameters of a call, each with what was there.
fn named_places(member: &str, said: Option<&RawValue>, redacted: Option<&Bytes>, kinds: &[&'static str]) -> String {
    let said = said.and_then(|said| serde_json::from_str::<Value>(said.get()).ok());
    let redacted = redacted.and_then(|redacted| serde_json::from_slice::<Value>(redacted).ok());
    let mut places = Vec::new();
    if let (Some(said), Some(redacted)) = (&said, &redacted) {
        find_places(said, redacted, &format!("/{member}"), &mut places);
    }
    // Of too many, or of what is not to be told apart from the JSON around it, only the kinds are known.
    if places.is_empty() {
        return kinds.join(", ");
    }
    let named = places.iter().take(PLACES_MAX).map(|(place, redacted)| {
        let here = kinds.iter().filter(|kind| redacted.contains(&format!("[redacted:{kind}]")));
        format!("`{place}` ({})", here.copied().collect::<Vec<_>>().join(", "))
    });
    let named = named.collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(PLACES_MAX) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

/// Where `redacted` is another than `said`, as JSON pointers (RFC 6901), with what stands there. A name that is a secret is in
/// them as it was redacted.
fn find_places(said: &Value, redacted: &Value, at: &str, places: &mut Vec<(String, String)>) {
    match (said, redacted) {
        // Two names that are redacted alike are one member less.
        (Value::Object(said), Value::Object(redacted)) if said.len() == redacted.len() => {
            for ((name, said), (redacted_name, redacted)) in said.iter().zip(redacted) {
                let below = format!("{at}/{}", shown(&redacted_name.replace('~', "~0").replace('/', "~1")));
                if name != redacted_name {
                    places.push((below.clone(), redacted_name.clone()));
                }
                find_places(said, redacted, &below, places);
            }
        }
        (Value::Array(said), Value::Array(redacted)) if said.len() == redacted.len() => {
            for (place, (said, redacted)) in said.iter().zip(redacted).enumerate() {
                find_places(said, redacted, &format!("{at}/{place}"), places);
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

    use super::named_places;
    use crate::wire::json::raw;

    fn places(said: &Value, redacted: &Value) -> String {
        named_places("arguments", Some(&*raw(said)), Some(&Bytes::from(redacted.to_string())), &["aws_key", "jwt"])
    }

    #[test]
    fn places_are_named_with_what_was_there_and_never_with_a_secret() {
        let said = json!({ "a/b": ["x", { "k": "use AKIA" }], "n": 1, "AKIA": "eyJ" });
        let redacted =
            json!({ "a/b": ["x", { "k": "use [redacted:aws_key]" }], "n": 1, "[redacted:aws_key]": "[redacted:jwt]" });
        let named = "`/arguments/a~1b/1/k` (aws_key), `/arguments/[redacted:aws_key]` (aws_key), \
                     `/arguments/[redacted:aws_key]` (jwt)";
        assert_eq!(places(&said, &redacted), named);
        // Two names that cannot be told apart any more.
        let said = json!({ "in": { "AKIA1": 1, "AKIA2": 2 } });
        assert_eq!(places(&said, &json!({ "in": { "[redacted:aws_key]": 2 } })), "`/arguments/in` (aws_key)");
        let many = |text: &str| Value::from(vec![text; 11]);
        let named = places(&json!({ "all": many("eyJ") }), &json!({ "all": many("[redacted:jwt]") }));
        assert!(named.ends_with("`/arguments/all/7` (jwt), and 3 more"), "{named}");
        assert_eq!(named_places("arguments", Some(&*raw(&said)), None, &["aws_key", "jwt"]), "aws_key, jwt");
    }
}
