//! What becomes of a result before the client has it.

use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::authorise::{Granted, UnderWay};
use super::decode::Incoming;
use super::secrets::Withheld;
use crate::gateway::Inner;
use crate::gateway::bridge::Replied;
use crate::gateway::recording::Recording;
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
    pub(super) async fn oblige(self) -> Result<Obliged, Answer> {
        let Self { under_way: UnderWay { incoming, mut granted, target, .. }, answer } = self;
        let answer = match answer {
            Answer::Result(result) => {
                if let Err(too_large) = incoming.fits(&result, granted.permit.obligations.result_bytes_max) {
                    granted.recording.fail("result_too_large", "the result is larger than allowed");
                    let said = json!({ "id": granted.permit.decision.id, "code": "result_too_large" });
                    let told = incoming.refused(&target, &too_large, said);
                    let is_result = matches!(told, Answer::Result(_));
                    return Err(if is_result { told } else { RpcError::new(LIMIT, too_large).into() });
                }
                let result = redacted(result, &granted.permit.obligations.redact);
                let result = incoming.with_task_named(result, &granted, &target).await;
                Answer::Result(incoming.in_words_of_the_client(result))
            }
            error @ Answer::Error { .. } => error,
        };
        match incoming.gateway.released(answer, &mut granted.recording).await {
            Ok(answer) => {
                granted.recording.end(&answer);
                Ok(Obliged { granted, answer })
            }
            Err(withheld) => {
                let said = json!({ "id": granted.permit.decision.id, "code": withheld.code() });
                Err(incoming.refused(&target, &withheld.to_string(), said))
            }
        }
    }
}

impl Inner {
    /// An answer without what may not be handed over, and its record.
    async fn released(&self, answer: Answer, recording: &mut Recording) -> Result<Answer, Withheld> {
        let is_result = matches!(answer, Answer::Result(_));
        let (Answer::Result(said) | Answer::Error { object: said, .. }) = answer;
        let searched = self.search(said).await.inspect_err(|withheld| {
            recording.note_secrets(withheld.kinds());
            recording.fail(withheld.code(), "the answer is not handed over, for secrets in it");
        })?;
        recording.note_secrets(&searched.kinds);
        if !is_result {
            return Ok(Answer::raw_error(searched.said));
        }
        if let Some(recorded) = &searched.recorded {
            recording.note_content("gen_ai.tool.call.result", std::str::from_utf8(recorded).unwrap_or_default());
        }
        Ok(Answer::Result(searched.said))
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
        self.granted.settle();
        self.answer
    }
}

/// What a result brings into the run could not be kept: then nobody gets it.
pub(in crate::gateway) fn not_kept(error: &StoreError) -> RpcError {
    tracing::warn!(error = %Chain(error), "what a result brings could not be kept");
    let message = "what this result brings into the run could not be kept, so it is withheld; try again";
    RpcError::new(INTERNAL_ERROR, message)
}

/// The member of a result whose JSON servers say a second time, as text (MCP 2025-11-25, tools, structured content).
const STRUCTURED: &str = "/structuredContent";

/// Replaces what the JSON pointers name, and what names something in the structured content also in text that is JSON.
pub(in crate::gateway) fn redacted(result: Box<RawValue>, pointers: &[String]) -> Box<RawValue> {
    if pointers.is_empty() {
        return result;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(result.get()) else { return json::raw(REDACTED) };
    replace(&mut value, pointers.iter().map(String::as_str));
    let structured = || {
        let inner = pointers.iter().filter_map(|pointer| pointer.strip_prefix(STRUCTURED));
        inner.filter(|inner| inner.is_empty() || inner.starts_with('/'))
    };
    let content = value.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten();
    for text in content.filter_map(|block| block.get_mut("text")) {
        let said = text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(mut said) = said.filter(|said| said.is_object() || said.is_array()) else { continue };
        if replace(&mut said, structured()) {
            *text = said.to_string().into();
        }
    }
    json::raw(&value)
}

/// Whether something was there to be replaced.
fn replace<'p>(value: &mut Value, pointers: impl Iterator<Item = &'p str>) -> bool {
    let mut is_replaced = false;
    for pointer in pointers {
        if let Some(found) = value.pointer_mut(pointer) {
            *found = Value::from(REDACTED);
            is_replaced = true;
        }
    }
    is_replaced
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
        } else if self.method != "resources/read" {
            return result;
        }
        if self.method == "resources/read" {
            members.entry("ttlMs".to_owned()).or_insert_with(|| json::raw(&0));
            // Who may read is decided for each caller, so no cache may give it to another.
            members.insert("cacheScope".to_owned(), json::raw("private"));
        }
        json::raw(&members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::redacted;
    use crate::wire::json::raw;

    fn after(result: &Value, pointers: &[&str]) -> Value {
        let pointers: Vec<String> = pointers.iter().map(|pointer| (*pointer).to_owned()).collect();
        serde_json::from_str(redacted(raw(result), &pointers).get()).unwrap()
    }

    #[test]
    fn what_is_redacted_is_not_said_a_second_time_as_text() {
        let structured = json!({ "iban": "DE89", "amount": 5 });
        let pretty = serde_json::to_string_pretty(&structured).unwrap();
        let text = |text: &str| json!({ "type": "text", "text": text });
        let content = [text(&structured.to_string()), text(&pretty), text("an account"), text("[1]"), json!({})];
        let result = json!({ "content": content, "structuredContent": structured });
        let redacted = after(&result, &["/structuredContent/iban"]);
        assert_eq!(redacted["structuredContent"], json!({ "iban": "[redacted]", "amount": 5 }));
        for place in 0..2 {
            let said: Value = serde_json::from_str(redacted["content"][place]["text"].as_str().unwrap()).unwrap();
            assert_eq!(said, redacted["structuredContent"]);
        }
        assert_eq!(redacted["content"].as_array().unwrap()[2..], content[2..]);
        assert!(!after(&result, &["/structuredContent"]).to_string().contains("DE89"));
        // What speaks of another place leaves the text alone.
        assert_eq!(after(&result, &["/structuredContentOther", "/content/9/text"])["content"], json!(content));
    }
}
