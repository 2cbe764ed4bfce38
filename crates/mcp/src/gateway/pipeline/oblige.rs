//! What becomes of a result before the client has it.

use mizzen_model::asked::Spend;
use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use serde_json::Value;
use serde_json::value::RawValue;

use super::authorise::{Granted, UnderWay};
use super::decode::Incoming;
use crate::gateway::bridge::Replied;
use crate::seam::Era;
use crate::wire::json;
use crate::wire::rpc::{Answer, INTERNAL_ERROR, LIMIT, RpcError};

const REDACTED: &str = "[redacted]";

/// An answer that the permit lets out.
#[derive(Debug)]
pub(super) struct Obliged {
    granted: Granted,
    answer: Answer,
}

/// An answer of which is kept what it brings into the run.
#[derive(Debug)]
pub(super) struct Touched {
    granted: Granted,
    answer: Answer,
}

impl Replied {
    /// # Errors
    /// When the result may not go out as a whole; what the call brings into the run is then not seen by the client.
    pub(super) fn oblige(self) -> Result<Obliged, Answer> {
        let Self { under_way: UnderWay { incoming, mut granted, target, .. }, answer } = self;
        let Answer::Result(result) = answer else {
            granted.recording.end(&answer);
            return Ok(Obliged { granted, answer });
        };
        if let Err(too_large) = incoming.fits(&result, granted.permit.obligations.result_bytes_max) {
            granted.recording.fail("result_too_large", "the result is larger than allowed");
            let said = serde_json::json!({ "id": granted.permit.decision.id, "code": "result_too_large" });
            let told = incoming.refused(&target, &too_large, said);
            return Err(if matches!(told, Answer::Result(_)) { told } else { RpcError::new(LIMIT, too_large).into() });
        }
        let result = redacted(result, &granted.permit.obligations.redact);
        let result = incoming.with_task_named(result, &granted, target.member.upstream.name());
        let result = incoming.in_words_of_the_client(result);
        granted.recording.note_content("gen_ai.tool.call.result", result.get());
        let answer = Answer::Result(result);
        granted.recording.end(&answer);
        Ok(Obliged { granted, answer })
    }
}

impl Obliged {
    /// # Errors
    /// When it cannot be kept: then the result is withheld.
    pub(super) async fn touch(self) -> Result<Touched, Answer> {
        let Self { mut granted, answer } = self;
        granted.touch().await?;
        Ok(Touched { granted, answer })
    }
}

impl Touched {
    pub(super) fn settle(self) -> Answer {
        let duration_ms = u64::try_from(self.granted.recording.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.granted.permit.settle(Spend { calls: 1, tokens: 0, cost_nano_usd: Some(0), duration_ms });
        self.answer
    }
}

/// What a result brings into the run could not be kept: then nobody gets it.
pub(in crate::gateway) fn not_kept(error: &StoreError) -> RpcError {
    tracing::warn!(error = %Chain(error), "what a result brings could not be kept");
    let message = "what this result brings into the run could not be kept, so it is withheld; try again";
    RpcError::new(INTERNAL_ERROR, message)
}

/// Replaces what the JSON pointers name. A text content that is JSON itself is not looked into.
pub(in crate::gateway) fn redacted(result: Box<RawValue>, pointers: &[String]) -> Box<RawValue> {
    if pointers.is_empty() {
        return result;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(result.get()) else { return json::raw(REDACTED) };
    for pointer in pointers {
        if let Some(found) = value.pointer_mut(pointer) {
            *found = Value::from(REDACTED);
        }
    }
    json::raw(&value)
}

impl Incoming {
    /// # Errors
    /// How large it is, and how large it may be.
    pub(in crate::gateway) fn fits(&self, result: &RawValue, permitted_bytes: Option<u64>) -> Result<(), String> {
        let bytes = result.get().len() as u64;
        self.gateway.limits.result_bytes.check(bytes).map_err(|limit| limit.to_string())?;
        match permitted_bytes {
            Some(max) if bytes > max => {
                Err(format!("the result has {bytes} bytes, and at most {max} are permitted; ask for less"))
            }
            _ => Ok(()),
        }
    }

    /// What the client's era requires of a result and the server's does not, and what must not be passed on.
    pub(in crate::gateway) fn in_words_of_the_client(&self, result: Box<RawValue>) -> Box<RawValue> {
        if self.client.era() == Era::Stateful {
            return result;
        }
        let Some(mut members) = json::members(&result) else { return result };
        if !members.contains_key("resultType") {
            members.insert("resultType".to_owned(), json::raw("complete"));
        }
        if self.method == "resources/read" {
            members.entry("ttlMs".to_owned()).or_insert_with(|| json::raw(&0));
            // Who may read is decided for each caller, so no cache may give it to another.
            members.insert("cacheScope".to_owned(), json::raw("private"));
        }
        json::raw(&members)
    }
}
