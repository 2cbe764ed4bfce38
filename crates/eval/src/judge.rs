//! Judges that are asked over HTTP, in OpenAI's words: Mizzen's own gateway, within the process or at its address, or any
//! other such server.
//!
//! The gateway sees and prices every question as it does any agent's. Questions carry a temperature of 0 and no seed; samples differ
//! as much as the model lets them.

use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_runtime::client::HttpClient;
use mizzen_runtime::secret::Secret;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::evaluator::judge::{JudgeModel, Question};

/// A judge that says nothing for so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// A verdict is one line; a model that goes on and on is cut off, and its answer is then no verdict.
const ANSWER_TOKENS_MAX: u32 = 1_024;
/// Longest answer of the server, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Characters of a refusal that are told.
const REFUSAL_CHARACTERS_MAX: usize = 200;

/// Where questions go.
#[derive(Debug, Clone)]
enum Door {
    Http(Box<HttpClient>, String),
    InProcess(Router),
}

/// A judge behind `/v1/chat/completions`.
#[derive(Debug, Clone)]
pub struct ChatJudge {
    door: Door,
    token: Option<Secret>,
    /// For questions that name no model.
    model: Option<String>,
}

impl ChatJudge {
    /// Asks the server at `url`, the part before `/v1`.
    #[must_use]
    pub fn at(client: HttpClient, url: &str, token: Option<Secret>, model: Option<String>) -> Self {
        let url = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        Self { door: Door::Http(Box::new(client), url), token, model }
    }

    /// Asks the gateway of this process; `token` is a key that it knows.
    #[must_use]
    pub fn in_process(gateway: Router, token: Secret) -> Self {
        Self { door: Door::InProcess(gateway), token: Some(token), model: None }
    }

    async fn answer(&self, question: &Question) -> Result<String, String> {
        let model = question.model.as_ref().or(self.model.as_ref()).ok_or("no model was chosen for the judge")?;
        let body = json!({
            "model": model,
            "temperature": 0,
            "max_completion_tokens": ANSWER_TOKENS_MAX,
            "messages": [
                { "role": "system", "content": question.system },
                { "role": "user", "content": question.user },
            ],
        });
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.send(Bytes::from(body.to_string()))).await;
        let (status, body) = answer.map_err(|_| format!("no answer within {} s", ANSWER_TIMEOUT.as_secs()))??;
        let document: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if !status.is_success() {
            let message = document["error"]["message"].as_str().unwrap_or("it said no more");
            return Err(format!("{status}: {}", message.chars().take(REFUSAL_CHARACTERS_MAX).collect::<String>()));
        }
        let text = document["choices"][0]["message"]["content"].as_str();
        text.map(str::to_owned).ok_or_else(|| "the answer has no text".to_owned())
    }

    async fn send(&self, body: Bytes) -> Result<(http::StatusCode, Bytes), String> {
        let base = match &self.door {
            Door::Http(_, url) => url.as_str(),
            Door::InProcess(_) => "",
        };
        let mut request =
            Request::post(format!("{base}/v1/chat/completions")).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request.body(Full::new(body)).map_err(|_| "the judge's address is not one".to_owned())?;
        let (status, body) = match &self.door {
            Door::Http(client, _) => {
                let response = client.send(request).await.map_err(|error| error.to_string())?;
                let status = response.status();
                (status, Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await)
            }
            Door::InProcess(router) => {
                let response = match router.clone().oneshot(request.map(axum::body::Body::new)).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let status = response.status();
                (status, Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await)
            }
        };
        Ok((status, body.map_err(|_| "the answer broke off or is too long".to_owned())?.to_bytes()))
    }
}

impl JudgeModel for ChatJudge {
    fn ask<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Result<String, String>> {
        self.answer(question).boxed()
    }
}

#[cfg(test)]
mod tests;
