//! Which model an agent may call, at every door: what policy says, what a person says, and what a stop does.

use std::time::Duration;

use http::Method;
use mizzen_control::approvals::HeldFilter;
use mizzen_control::audit::read::EntryFilter;
use mizzen_control::audit::{AuditEntry, Durability, Kind, Who};
use mizzen_control::pauses::{PauseKind, Reach};
use mizzen_model::time::Timestamp;

use crate::fake::Answer;
use crate::harness::{Got, Harness};

/// Every door that calls a model, a request for it, and its provider's words for what is not allowed.
const DOORS: &[(&str, &str, &str)] = &[
    ("/v1/chat/completions", r#"{"model":"M","messages":[]}"#, "permission_denied"),
    ("/v1/completions", r#"{"model":"M","prompt":"hi"}"#, "permission_denied"),
    ("/v1/responses", r#"{"model":"M","input":"hi","store":false}"#, "permission_denied"),
    ("/v1/embeddings", r#"{"model":"M","input":"hi"}"#, "permission_denied"),
    ("/anthropic/v1/messages", r#"{"model":"M","max_tokens":9,"messages":[]}"#, "permission_error"),
    ("/anthropic/v1/messages/count_tokens", r#"{"model":"M","messages":[]}"#, "permission_error"),
];

fn body(door: &(&str, &str, &str), model: &str) -> String {
    door.1.replace('M', model)
}

#[tokio::test]
async fn every_door_asks_and_every_effect_is_told_in_the_providers_shape() {
    let it = Harness::with(|config| config.permission.held_seconds_max = 0).await;
    for door in DOORS {
        it.boundary("enforce", "models: [yes-*, {model: ask-me, needs_approval: true}]").await;
        let before = it.fake.asked().len();
        it.fake.will(Answer::json(200, "{}"));
        assert_eq!(it.post(door.0, body(door, "yes-1")).await.status, 200, "{}: allowed", door.0);
        assert_eq!(it.fake.asked().len(), before + 1);

        let denied = it.post(door.0, body(door, "no-1")).await;
        let error = denied.json()["error"].clone();
        assert_eq!(
            (denied.status, &error["type"], &error["code"]),
            (403, &door.2.into(), &"policy_denied".into()),
            "{}",
            door.0
        );
        assert!(error["message"].as_str().unwrap().contains("no-1"), "{error}");
        assert_eq!(error["decision_id"], denied.headers["mizzen-decision"].to_str().unwrap());

        let held = it.post(door.0, body(door, "ask-me")).await;
        let error = held.json()["error"].clone();
        assert_eq!(
            (held.status, &error["type"], &error["code"]),
            (409, &door.2.into(), &"approval_pending".into()),
            "{}",
            door.0
        );
        assert!(error["message"].as_str().unwrap().contains(error["approval_id"].as_str().unwrap()), "{error}");
        assert_eq!(it.fake.asked().len(), before + 1, "{}: nothing of this left", door.0);

        it.boundary("observe", "models: [yes-*]").await;
        it.fake.will(Answer::json(200, "{}"));
        assert_eq!(it.post(door.0, body(door, "no-1")).await.status, 200, "{}: only watched", door.0);
    }
}

#[tokio::test]
async fn a_refused_call_is_a_failed_step_and_a_permitted_one_names_its_decision() {
    let mut it = Harness::start().await;
    it.boundary("enforce", "models: [good]").await;
    let got = it.post("/v1/chat/completions", r#"{"model":"bad","messages":[]}"#).await;
    let record = it.record().await;
    assert_eq!((record.error_type(), record.int("http.response.status_code")), (Some("policy_denied"), 403));
    let said = got.json()["error"].clone();
    assert_eq!(record.text("mizzen.decision.id"), said["decision_id"]);
    let why = format!("{} (decision `{}`)", said["message"].as_str().unwrap(), said["decision_id"].as_str().unwrap());
    assert_eq!(record.0.error, Some(why), "the run says what the client was told");
    it.fake.will(Answer::json(200, "{}"));
    it.post("/v1/chat/completions", r#"{"model":"openai/good","messages":[]}"#).await;
    let record = it.record().await;
    assert_eq!((record.text("mizzen.decision.effect"), record.text("mizzen.decision.mode")), ("allow", "enforce"));
    assert_eq!(record.error_type(), None, "the model is judged by its name at the upstream");
}

#[tokio::test]
async fn arguments_of_a_model_call_can_be_limited_without_its_content() {
    let it = Harness::start().await;
    it.boundary("enforce", "models:\n- model: m\n  arguments: {max_tokens: {at_most: 100}, stream: [false]}").await;
    it.fake.will(Answer::json(200, "{}"));
    let call = |max, stream| format!(r#"{{"model":"m","messages":[],"max_tokens":{max},"stream":{stream}}}"#);
    assert_eq!(it.post("/v1/chat/completions", call(100, false)).await.status, 200);
    assert_eq!(it.post("/v1/chat/completions", call(101, false)).await.status, 403);
    assert_eq!(it.post("/v1/chat/completions", call(100, true)).await.status, 403);
    assert_eq!(it.post("/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await.status, 403, "unbounded");
}

#[tokio::test]
async fn writing_a_bound_as_another_type_gets_around_neither_a_grant_nor_a_denial() {
    let it = Harness::start().await;
    it.boundary(
        "enforce",
        "models:\n- model: m\n  arguments: {max_tokens: {at_most: 100, optional: true}, n: {at_most: 1, optional: true}}\n\
         deny: [{model: m, arguments: {temperature: {more_than: 0.5}}}]",
    )
    .await;
    let call = |bound: &str| format!(r#"{{"model":"m","messages":[],{bound}}}"#);
    for fine in [r#""max_tokens":100"#, r#""n":1"#, r#""temperature":0.5"#, r#""temperature":null"#] {
        it.fake.will(Answer::json(200, "{}"));
        assert_eq!(it.post("/v1/chat/completions", call(fine)).await.status, 200, "{fine}");
    }
    for around in [
        r#""max_tokens":"5000""#,
        r#""max_tokens":[5000]"#,
        r#""max_completion_tokens":"5000""#,
        r#""max_tokens":1e300"#,
        r#""max_tokens":-1"#,
        r#""n":"2""#,
        r#""n":[2]"#,
        r#""n":true"#,
        r#""temperature":"1.5""#,
        r#""temperature":[1.5]"#,
        r#""temperature":{"a":1}"#,
        r#""temperature":0.50004"#,
    ] {
        assert_eq!(it.post("/v1/chat/completions", call(around)).await.status, 403, "{around}");
    }
}

#[tokio::test]
async fn what_may_not_be_called_is_not_listed() {
    let it = Harness::start().await;
    let list = r#"{"object":"list","data":[{"id":"good","x":1e4},{"id":"bad"}]}"#;
    it.boundary("enforce", "models: [good]").await;
    it.fake.will(Answer::json(200, list)).will(Answer::json(200, r#"{"id":"good"}"#)).will(Answer::json(200, list));
    assert_eq!(it.get("/v1/models").await.body, r#"{"object":"list","data":[{"id":"good","x":1e4}]}"#);
    assert_eq!(it.get("/v1/models/good").await.status, 200);
    let got = it.get("/v1/models/bad").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (404, &"model_not_found".into()));
    it.boundary("observe", "models: [good]").await;
    assert_eq!(it.get("/v1/models").await.body, list);
}

#[tokio::test]
async fn a_list_of_models_is_an_entry_and_a_paused_agent_does_not_reach_the_provider_by_it() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: [good]").await;
    it.fake.will(Answer::json(200, r#"{"object":"list","data":[{"id":"good"}]}"#));
    it.fake.will(Answer::json(200, r#"{"id":"good"}"#));
    assert_eq!(it.get("/v1/models").await.status, 200);
    assert_eq!(it.get("/v1/models/good").await.status, 200);
    assert_eq!(it.get("/v1/models/bad").await.status, 404);
    let reach = Reach::Agent("helper".into());
    let pause = it.control.pauses().pause(reach, PauseKind::Pause, "enough", "ada").await.unwrap().id;
    for path in ["/v1/models", "/v1/models/good", "/anthropic/v1/models"] {
        let got = it.get(path).await;
        assert!(got.status == 403 && got.body.contains("enough"), "{path}: {}", got.body);
    }
    assert_eq!(it.fake.asked().len(), 2);
    it.control.pauses().resume(&pause, "ada").await.unwrap();
    // Whatever was written before this one is on disk with it.
    let audit = it.control.audit();
    let marker = AuditEntry::new(Timestamp::default(), Kind::SignIn, Who::default());
    audit.append(marker, Durability::Durable).await.unwrap();
    let filter = EntryFilter { kind: Some(Kind::Decision), ..EntryFilter::default() };
    let found = audit.find(filter, None, 100).await.unwrap();
    let entries = found.items.into_iter().rev().filter(|(_, entry)| entry.action.as_deref() == Some("models:list"));
    let entries: Vec<_> =
        entries.map(|(_, entry)| (entry.resource.unwrap_or_default(), entry.code.unwrap_or_default())).collect();
    let expected = [
        ("models:openai", ""),
        ("model:openai/good", ""),
        ("model:openai/bad", "policy_denied"),
        ("models:openai", "paused"),
        ("model:openai/good", "paused"),
        ("models:anthropic", "paused"),
    ];
    assert_eq!(entries, expected.map(|(resource, code)| (resource.to_owned(), code.to_owned())));
}

#[tokio::test]
async fn an_unknown_route_passes_only_where_a_policy_names_it() {
    let it = Harness::start().await;
    let call = || it.post("/v1/audio/speech", r#"{"input":"hi"}"#);
    assert_eq!(call().await.status, 404, "nobody names the agent");
    it.boundary("enforce", "models: ['*']").await;
    let got = call().await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"policy_denied".into()));
    assert!(it.fake.asked().is_empty());
    it.boundary("enforce", "routes: [/v1/audio/*]").await;
    it.fake.will(Answer::json(200, "sound"));
    assert_eq!((call().await.body.as_str(), it.fake.last().uri.path()), ("sound", "/v1/audio/speech"));
    assert_eq!(it.fake.last().body, r#"{"input":"hi"}"#);
    assert_eq!(it.fake.last().header("authorization"), Some("Bearer sk-of-the-provider"));
    assert_eq!(it.post("/v1/audio/../files", "{}").await.status, 404, "not by another way of writing it");
    let got = it.get("/anthropic/v1/files").await;
    assert_eq!((got.status, &got.json()["error"]["type"]), (403, &"permission_error".into()));
}

#[tokio::test]
async fn a_held_call_goes_on_when_a_person_says_yes_and_not_when_they_say_no() {
    let it = Harness::start().await;
    it.boundary("enforce", "models: [{model: '*', needs_approval: true}]").await;
    for (yes, status) in [(true, 200), (false, 403)] {
        it.fake.will(Answer::json(200, "{}"));
        let body = format!(r#"{{"model":"m-{yes}","messages":[]}}"#);
        let answering = async {
            let held = loop {
                let open =
                    it.control.approvals().list(&HeldFilter { limit: 50, ..HeldFilter::default() }).await.unwrap();
                if let Some(held) = open.into_iter().find(|held| held.resource.contains(&format!("m-{yes}"))) {
                    break held;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            assert_eq!(it.fake.asked().iter().filter(|asked| asked.body == body.as_bytes()).count(), 0);
            it.control.approvals().answer(&held.id, yes, "ada", None).await.unwrap();
        };
        let (got, ()) = tokio::join!(it.post("/v1/chat/completions", body.clone()), answering);
        assert_eq!(got.status, status, "{}", got.body);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_while_its_call_is_held_leaves_a_record_as_its_policy_says() {
    let mut it = Harness::start().await;
    let body = r#"{"model":"m","messages":[{"role":"user","content":"the question"}]}"#;
    for (duty, is_recorded) in [("", true), (", record_content: false", false)] {
        it.boundary("enforce", &format!("models: [{{model: '*', needs_approval: true{duty}}}]")).await;
        let call = it.post("/v1/chat/completions", body);
        assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
        let record = it.record().await;
        assert_eq!(record.error_type(), Some("client_disconnected"));
        assert_eq!(format!("{:?}", record.0).contains("the question"), is_recorded, "{duty}: {:?}", record.0);
    }
    assert!(it.fake.asked().is_empty());
}

#[tokio::test]
async fn stopping_an_agent_ends_its_call_before_and_within_the_answer() {
    let mut it = Harness::start().await;
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    it.fake.will(Answer::json(200, "{}").head_after(Duration::from_secs(30)));
    it.fake.will(Answer::new(200, "text/event-stream").chunk(chunk).stall());
    for (number, stream) in [false, true].into_iter().enumerate() {
        let stopping = async {
            while it.fake.asked().len() <= number {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let reach = Reach::Agent("helper".into());
            it.control.pauses().pause(reach, PauseKind::Stop, "enough", "ada").await.unwrap().id
        };
        let body = format!(r#"{{"model":"m","messages":[],"stream":{stream}}}"#);
        let (got, pause) = tokio::join!(it.post("/v1/chat/completions", body), stopping);
        assert_eq!(got.status, if stream { 200 } else { 403 });
        assert!(got.body.contains("\"stopped\""), "{}", got.body);
        it.fake.saw_hang_up().await;
        let got = it.post("/v1/chat/completions", r#"{"model":"m","messages":[]}"#).await;
        assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"paused".into()));
        it.control.pauses().resume(&pause, "ada").await.unwrap();
        assert_eq!(it.record().await.error_type(), Some("stopped"));
        assert_eq!(it.record().await.error_type(), Some("paused"));
    }
}

#[tokio::test]
async fn policy_keeps_content_out_of_the_record_and_answers_within_a_size() {
    let mut it = Harness::start().await;
    it.boundary(
        "enforce",
        "models: [{model: quiet, record_content: false, calls_per_minute: 1}, {model: short, result_bytes_max: 20}]",
    )
    .await;
    let answer = r#"{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"the answer"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    it.fake.will(Answer::json(200, answer)).will(Answer::json(200, answer));
    let call = |model: &str| {
        format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"the question"}}],"max_tokens":5}}"#)
    };
    assert_eq!(it.post("/v1/chat/completions", call("quiet")).await.body, answer);
    let record = it.record().await;
    assert!(!format!("{:?}", record.0).contains("the question") && !format!("{:?}", record.0).contains("the answer"));
    assert_eq!((record.int("gen_ai.usage.output_tokens"), record.int("gen_ai.request.max_tokens")), (2, 5));
    assert!(record.text("mizzen.content.request_omitted").contains("policy"));
    // Of one that does not go out neither.
    let got = it.post("/v1/chat/completions", call("quiet")).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (429, &"rate_limited".into()));
    let record = it.record().await;
    assert!(!format!("{:?}", record.0).contains("the question"));
    let got = it.post("/v1/chat/completions", call("short")).await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"policy_denied".into()));
    assert_eq!(it.record().await.error_type(), Some("policy_denied"));
}

#[tokio::test]
async fn a_call_that_is_asked_about_must_be_a_request_that_can_be_read() {
    let it = Harness::start().await;
    let request = it.request(Method::POST, "/v1/responses");
    let got = Got::read(it.send(request, r#"{"model":"m","tools":{"0":{"type":"web_search"}}}"#).await).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (400, &"tools".into()));
    assert!(it.fake.asked().is_empty());
}
