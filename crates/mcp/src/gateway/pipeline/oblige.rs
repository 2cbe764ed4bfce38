//! What becomes of a result before the client has it.

use mizzen_runtime::error::Chain;
use mizzen_store::StoreError;
use serde_json::json;
use serde_json::value::RawValue;

use super::authorise::{Granted, UnderWay};
use super::decode::Incoming;
use super::redact::redacted;
use super::secrets::Withheld;
use crate::gateway::Inner;
use crate::gateway::bridge::Replied;
use crate::gateway::recording::Recording;
use crate::seam::Era;
use crate::wire::json;
use crate::wire::rpc::{Answer, INTERNAL_ERROR, LIMIT, RpcError};

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
                let result = redacted(result, &granted.permit.obligations.redact, &mut granted.recording).await;
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
