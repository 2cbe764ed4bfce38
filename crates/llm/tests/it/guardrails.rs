//! Guardrails: programs and services that see requests before they leave and answers before they arrive.

use std::time::Duration;

use mizzen_llm::gateway::{GuardrailConfig, OnFailure, When};

use crate::fake::{Answer, Fake};
use crate::harness::{Harness, Record};

const STREAM: &str = include_str!("../../fixtures/chat_stream.sse");
const OK: &str = include_str!("../../fixtures/chat.json");

fn guardrail(when: When, script: &str) -> GuardrailConfig {
    GuardrailConfig {
        name: "words".into(),
        when,
        agents: Vec::new(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        url: String::new(),
        headers: std::collections::BTreeMap::new(),
        deadline_ms: 5_000,
        on_failure: OnFailure::Deny,
    }
}

/// Says no to whatever holds `word`.
fn against(when: When, word: &str) -> GuardrailConfig {
    guardrail(
        when,
        &format!(
            r#"if grep -q '{word}'; then echo '{{"decision":"deny","reason":"a bad word","code":"word"}}'; else echo '{{"decision":"allow"}}'; fi"#
        ),
    )
}

async fn with(guardrails: Vec<GuardrailConfig>) -> Harness {
    Harness::with(move |config| config.guardrails = guardrails).await
}

fn call(text: &str, stream: bool) -> String {
    format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

impl Harness {
    /// The step of the guardrail, and that of the call.
    async fn steps(&mut self) -> (Record, Record) {
        let (first, second) = (self.record().await, self.record().await);
        if first.0.name.starts_with("apply_guardrail") { (first, second) } else { (second, first) }
    }
}

#[tokio::test]
async fn a_request_that_a_guardrail_refuses_does_not_leave_and_each_asking_is_a_step() {
    let mut it = with(vec![against(When::Request, "forbidden")]).await;
    let got = it.post("/v1/chat/completions", call("the forbidden word", false)).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_denied".into()));
    assert!(got.body.contains("`words`") && got.body.contains("a bad word"), "{}", got.body);
    assert!(it.fake.asked().is_empty());
    let (step, model_call) = it.steps().await;
    assert_eq!(step.text("gen_ai.operation.name"), "apply_guardrail");
    assert_eq!((step.text("mizzen.guardrail.decision"), step.text("mizzen.guardrail.code")), ("deny", "word"));
    assert_eq!((step.0.trace_id, step.0.parent_span_id), (model_call.0.trace_id, Some(model_call.0.span_id)));
    assert_eq!(model_call.error_type(), Some("guardrail_denied"));

    it.fake.will(Answer::json(200, OK));
    assert_eq!(it.post("/v1/chat/completions", call("a fine word", false)).await.body, OK);
    let (step, model_call) = it.steps().await;
    assert_eq!((step.text("mizzen.guardrail.decision"), model_call.error_type()), ("allow", None));
}

#[tokio::test]
async fn a_streams_client_gets_nothing_before_the_guardrail_has_seen_all_of_it() {
    let word = "\"usage\""; // No message of the stream holds it, its last chunk does.
    let mut it = with(vec![against(When::Response, word)]).await;
    it.fake.will(Answer::events(STREAM));
    let got = it.post("/v1/chat/completions", call("hi", true)).await;
    assert_eq!((got.status, got.headers["content-type"].to_str().unwrap()), (200, "text/event-stream; charset=utf-8"));
    assert!(got.body.ends_with("data: [DONE]\n\n") && got.body.len() > 500, "{}", got.body);
    it.steps().await;

    let last = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"forbidden\"}}]}\n\ndata: [DONE]\n\n";
    let mut it = with(vec![against(When::Response, "forbidden")]).await;
    it.fake.will(Answer::new(200, "text/event-stream").chunk(&STREAM.replace("data: [DONE]\n\n", "")).chunk(last));
    let got = it.post("/v1/chat/completions", call("hi", true)).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_denied".into()));
    let (step, model_call) = it.steps().await;
    assert_eq!(step.text("mizzen.guardrail.when"), "response");
    assert_eq!((model_call.error_type(), model_call.int("http.response.status_code")), (Some("guardrail_denied"), 403));
    assert!(model_call.get("gen_ai.usage.output_tokens").is_some(), "what it cost is known all the same");
}

#[tokio::test]
async fn what_cannot_be_checked_is_refused_unless_the_configuration_says_otherwise() {
    let slow = || GuardrailConfig { deadline_ms: 100, ..guardrail(When::Request, "sleep 20") };
    let broken = guardrail(When::Request, "exit 1");
    let missing = GuardrailConfig { command: vec!["/nowhere/at-all".into()], ..broken.clone() };
    for (config, code) in [(slow(), "timeout"), (broken, "program_failed"), (missing, "not_started")] {
        let mut it = with(vec![config]).await;
        let got = it.post("/v1/chat/completions", call("hi", false)).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_failed".into()), "{code}");
        assert!(it.fake.asked().is_empty());
        let (step, model_call) = it.steps().await;
        assert_eq!((step.error_type(), model_call.error_type()), (Some(code), Some("guardrail_failed")));
    }
    let mut it = with(vec![GuardrailConfig { on_failure: OnFailure::Allow, ..slow() }]).await;
    it.fake.will(Answer::json(200, OK));
    assert_eq!(it.post("/v1/chat/completions", call("hi", false)).await.status, 200);
    let (step, model_call) = it.steps().await;
    assert_eq!((step.text("mizzen.guardrail.decision"), model_call.error_type()), ("failed", None));
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_or_broke_off_is_not_handed_over() {
    let mut it = with(vec![guardrail(When::Response, r#"echo '{"decision":"allow"}'"#)]).await;
    it.fake.will(Answer::json(200, "not JSON, and forbidden"));
    let got = it.post("/v1/chat/completions", call("hi", false)).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_failed".into()));
    assert!(!got.body.contains("forbidden"));
    it.steps().await;
    it.fake.will(
        Answer::new(200, "text/event-stream")
            .chunk("data: {\"choices\":[{\"delta\":{\"content\":\"secret\"}}]}\n\n")
            .die(),
    );
    let got = it.post("/v1/chat/completions", call("hi", true)).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (502, &"upstream_disconnected".into()));
    assert!(!got.body.contains("secret"));
    it.fake.will(Answer::json(500, "the provider's own error"));
    let got = it.post("/v1/chat/completions", call("hi", false)).await;
    assert_eq!((got.status, got.body.as_str()), (500, "the provider's own error"));
}

#[tokio::test]
async fn a_service_is_asked_with_its_headers_for_the_agents_it_is_for() {
    let service = Fake::start();
    let webhook = |agent: &str| GuardrailConfig {
        command: Vec::new(),
        url: format!("{}/check?x=1", service.base_url),
        headers: [("x-token".to_owned(), "t0ken".into())].into(),
        agents: vec![agent.to_owned()],
        ..guardrail(When::Request, "")
    };
    let mut it = with(vec![webhook("help*"), GuardrailConfig { name: "others".into(), ..webhook("other") }]).await;
    service.will(Answer::json(200, r#"{"decision":"allow"}"#));
    it.fake.will(Answer::json(200, OK));
    assert_eq!(it.post("/v1/chat/completions", call("hi", false)).await.status, 200);
    let asked = service.last();
    assert_eq!((asked.uri.to_string().as_str(), asked.header("x-token")), ("/check?x=1", Some("t0ken")));
    let question: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(
        (&question["when"], &question["agent"], &question["model"]),
        (&"request".into(), &"helper".into(), &"m".into())
    );
    assert_eq!(question["content"]["messages"][0]["content"], "hi");
    assert_eq!(service.asked().len(), 1, "the other guardrail is for another agent");
    it.steps().await;
    for answer in [Answer::json(500, "{}"), Answer::json(200, "{}"), Answer::json(200, &"x".repeat(100_000))] {
        service.will(answer);
        assert_eq!(it.post("/v1/chat/completions", call("hi", false)).await.status, 403);
        it.steps().await;
    }
}

#[tokio::test]
async fn an_answer_that_was_made_in_the_background_is_seen_when_it_is_fetched() {
    let it = with(vec![against(When::Response, "forbidden")]).await;
    let response = |status: &str, text: &str| {
        format!(
            r#"{{"id":"resp_7","object":"response","status":"{status}","model":"m","output":[{{"type":"message","role":"assistant","content":[{{"type":"output_text","text":"{text}"}}]}}]}}"#
        )
    };
    let queued = r#"{"id":"resp_7","object":"response","status":"queued","model":"m","output":[]}"#;
    it.fake.will(Answer::json(200, queued)).will(Answer::json(200, &response("completed", "fine")));
    it.fake.will(Answer::json(200, &response("completed", "forbidden")));
    let body = r#"{"model":"m","input":"hi","background":true}"#;
    assert_eq!(it.post("/v1/responses", body).await.body, queued);
    assert_eq!(it.get("/v1/responses/resp_7").await.body, response("completed", "fine"));
    let got = it.get("/v1/responses/resp_7").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_denied".into()));
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_call_that_is_held_back_for_it() {
    let it = with(vec![guardrail(When::Response, r#"echo '{"decision":"allow"}'"#)]).await;
    it.fake.will(Answer::new(200, "text/event-stream").chunk("data: {\"choices\":[]}\n\n").stall());
    let call = it.post("/v1/chat/completions", call("hi", true));
    assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    it.fake.saw_hang_up().await;
}

#[tokio::test]
async fn an_answer_that_is_held_back_is_ended_with_its_time_and_says_so() {
    let it = with(vec![guardrail(When::Response, r#"echo '{"decision":"allow"}'"#)]).await;
    it.boundary("enforce", "routes: [/v1/audio/*]\nbudgets: [{per: agent, every: day, seconds: 1}]").await;
    it.fake.will(Answer::new(200, "text/plain").chunk("a sound").stall());
    let got = it.post("/v1/audio/speech", "{}").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (429, &"budget_exhausted".into()), "{}", got.body);
}

#[tokio::test]
async fn a_stream_of_which_an_event_cannot_be_read_is_not_handed_over() {
    let mut it = with(vec![guardrail(When::Response, r#"echo '{"decision":"allow"}'"#)]).await;
    let strange = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"forbidden\"}}}}]\n\n{STREAM}");
    it.fake.will(Answer::events(&strange));
    let got = it.post("/v1/chat/completions", call("hi", true)).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"guardrail_failed".into()));
    assert!(!got.body.contains("forbidden"));
    let (step, _) = it.steps().await;
    assert_eq!(step.error_type(), Some("content_unreadable"));
}

#[tokio::test]
async fn a_route_that_nobody_knows_is_shown_as_it_stands_and_refused_where_it_is_no_json() {
    for when in [When::Request, When::Response] {
        let mut it = with(vec![against(when, "forbidden")]).await;
        it.boundary("enforce", "routes: [/v1/audio/*]").await;
        let fine = (r#"{"input":"fine"}"#, r#"{"text":"fine"}"#);
        let (bad, unreadable) = match when {
            When::Request => ((r#"{"input":"forbidden"}"#, fine.1), ("--form\r\n", fine.1)),
            When::Response => ((fine.0, r#"{"text":"forbidden"}"#), (fine.0, "sound")),
        };
        for ((asked, answered), code) in
            [(fine, None), (bad, Some("guardrail_denied")), (unreadable, Some("guardrail_failed"))]
        {
            let before = it.fake.asked().len();
            if code.is_none() || when == When::Response {
                it.fake.will(Answer::json(200, answered));
            }
            let got = it.post("/v1/audio/speech", asked).await;
            match code {
                None => assert_eq!((got.status, got.body.as_str()), (200, answered)),
                Some(code) => assert_eq!((got.status, &got.json()["error"]["code"]), (403, &code.into()), "{when:?}"),
            }
            let left = code.is_none() || when == When::Response;
            assert_eq!(it.fake.asked().len() - before, usize::from(left), "{when:?} {code:?}");
            let said = if when == When::Request { "request" } else { "response" };
            assert_eq!(it.record().await.text("mizzen.guardrail.when"), said);
        }
    }
}
