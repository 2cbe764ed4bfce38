//! How a guardrail is asked: one JSON object on a program's standard input, or in a POST; one JSON object back.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use mizzen_runtime::client::HttpClient;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::Subject;
use super::config::Guardrail;

/// Of what a guardrail answers.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
const REASON_CHARS_MAX: usize = 500;
/// Where programs are looked for, and all that they find in their environment: no secret of the server's.
pub const PROGRAM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What a guardrail says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) allow: bool,
    /// For the caller.
    pub(super) reason: String,
    /// For the record: a name, never a sentence.
    pub(super) code: Option<String>,
}

/// Why there is no verdict. No content.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("it could not be started")]
    NotStarted,
    #[error("it gave no answer within {} ms", .0.as_millis())]
    Late(Duration),
    #[error("its program failed")]
    Exit,
    #[error("its service could not be reached")]
    Unreachable,
    #[error("its service answered {0}")]
    Status(u16),
    #[error("its answer is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    #[error("its answer is not `{{\"decision\":\"allow\"}}` or `{{\"decision\":\"deny\",\"reason\":…}}`")]
    Answer,
    #[error("{0}")]
    Unreadable(&'static str),
}

impl Failure {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::Late(_) => "timeout",
            Self::Exit => "program_failed",
            Self::Unreachable => "unreachable",
            Self::Status(_) => "unexpected_status",
            Self::TooLarge => "answer_too_large",
            Self::Answer => "answer_unreadable",
            Self::Unreadable(_) => "content_unreadable",
        }
    }
}

#[derive(Serialize)]
struct Question<'a> {
    version: u32,
    guardrail: &'a str,
    when: &'static str,
    agent: Option<&'a str>,
    caller: &'a str,
    run_id: Option<&'a str>,
    trace_id: String,
    endpoint: &'a str,
    model: &'a str,
    stream: bool,
    /// The request's body, or the answer's messages in the form of `gen_ai.output.messages`.
    content: &'a RawValue,
}

pub(super) fn question(guardrail: &Guardrail, subject: &Subject<'_>, content: &str) -> Result<Bytes, Failure> {
    let unreadable = |_| Failure::Unreadable("the content is not JSON");
    let question = Question {
        version: 1,
        guardrail: &guardrail.name,
        when: guardrail.when.as_str(),
        agent: subject.caller.agent.as_deref(),
        caller: &subject.caller.caller,
        run_id: subject.caller.run_id.as_ref().map(|id| id.as_str()),
        trace_id: subject.trace.trace_id.to_string(),
        endpoint: subject.endpoint,
        model: subject.model,
        stream: subject.stream,
        content: serde_json::from_str(content).map_err(unreadable)?,
    };
    serde_json::to_vec(&question).map(Bytes::from).map_err(unreadable)
}

pub(super) async fn program(command: &[String], question: Bytes) -> Result<Verdict, Failure> {
    let (program, arguments) = command.split_first().ok_or(Failure::NotStarted)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PROGRAM_PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|_| Failure::NotStarted)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::NotStarted);
    };
    // At the same time: a program may answer before it has read everything, and then neither end may wait.
    let writing = async move {
        // One that does not read on has heard enough.
        let _heard_enough = stdin.write_all(&question).await;
    };
    let reading = async move {
        let mut answer = Vec::new();
        stdout.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer).await.map(|_| answer)
    };
    let ((), answer) = tokio::join!(writing, reading);
    let answer = answer.map_err(|_| Failure::Exit)?;
    if answer.len() as u64 > ANSWER_BYTES_MAX {
        return Err(Failure::TooLarge);
    }
    let status = child.wait().await.map_err(|_| Failure::Exit)?;
    if status.success() { verdict(&answer) } else { Err(Failure::Exit) }
}

pub(super) async fn webhook(
    client: &HttpClient,
    url: &Uri,
    headers: &HeaderMap,
    question: Bytes,
) -> Result<Verdict, Failure> {
    let mut request = Request::new(Full::new(question));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    *request.headers_mut() = headers.clone();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = client.send(request).await.map_err(|_| Failure::Unreachable)?;
    if response.status() != StatusCode::OK {
        return Err(Failure::Status(response.status().as_u16()));
    }
    let bytes_max = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
    let answer = Limited::new(response.into_body(), bytes_max).collect().await;
    match answer {
        Ok(answer) => verdict(&answer.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Failure::TooLarge),
        Err(_) => Err(Failure::Unreachable),
    }
}

/// Fields that nobody knows are the guardrail's own business; a decision that nobody knows is no answer.
fn verdict(answer: &[u8]) -> Result<Verdict, Failure> {
    #[derive(Deserialize)]
    struct Answered {
        decision: String,
        #[serde(default)]
        reason: Option<String>,
        #[serde(default)]
        code: Option<String>,
    }
    let answered: Answered = serde_json::from_slice(answer).map_err(|_| Failure::Answer)?;
    let allow = match answered.decision.as_str() {
        "allow" => true,
        "deny" => false,
        _ => return Err(Failure::Answer),
    };
    let reason: String = answered.reason.unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
    let code = answered.code.filter(|code| crate::wire::identifier(code).is_some());
    Ok(Verdict { allow, reason, code })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Failure, Verdict, program, verdict};

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    #[test]
    fn only_the_two_decisions_are_answers() {
        let denied = verdict(br#"{"decision":"deny","reason":"no","code":"pii","more":1}"#).unwrap();
        assert_eq!(denied, Verdict { allow: false, reason: "no".into(), code: Some("pii".into()) });
        assert_eq!(verdict(br#"{"decision":"allow","code":"a sentence"}"#).unwrap().code, None);
        for answer in
            ["", "{}", "allow", r#"{"decision":"Allow"}"#, r#"{"decision":true}"#, r#"[{"decision":"allow"}]"#]
        {
            assert!(matches!(verdict(answer.as_bytes()), Err(Failure::Answer)), "{answer}");
        }
    }

    #[tokio::test]
    async fn a_program_reads_the_question_and_must_end_well() {
        let question = || Bytes::from_static(br#"{"content":"the word"}"#);
        let found = r#"if grep -q word; then echo '{"decision":"deny"}'; else echo '{"decision":"allow"}'; fi"#;
        assert!(!program(&shell(found), question()).await.unwrap().allow);
        assert!(program(&shell(found), Bytes::from_static(b"{}")).await.unwrap().allow);
        let failed = program(&shell(r#"echo '{"decision":"allow"}'; exit 3"#), question()).await;
        assert!(matches!(failed, Err(Failure::Exit)), "{failed:?}");
        let missing = program(&["/nowhere/at-all".to_owned()], question()).await;
        assert!(matches!(missing, Err(Failure::NotStarted)), "{missing:?}");
        let flood = program(&shell("yes"), question()).await;
        assert!(matches!(flood, Err(Failure::TooLarge)), "{flood:?}");
        let early = Bytes::from(vec![b'x'; 4 << 20]);
        assert!(program(&shell(r#"exec <&-; echo '{"decision":"allow"}'"#), early).await.unwrap().allow);
        let bare = r#"if env | grep -q CARGO; then exit 1; fi; echo '{"decision":"allow"}'"#;
        assert!(program(&shell(bare), question()).await.unwrap().allow);
    }
}
