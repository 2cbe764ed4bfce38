//! Secrets in what leaves.

use http::Method;
use mizzen_control::providers::ProviderKey;
use mizzen_control::secrets::SecretsAction;

use crate::fake::Answer;
use crate::harness::{Got, Harness, PROVIDER_KEY};

const AWS: &str = "AKIAIOSFODNN7EXAMPLE";

fn call(text: &str) -> String {
    format!(r#"{{"model":"m","stream":true,"messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

async fn with(action: SecretsAction) -> Harness {
    Harness::with(move |config| config.secrets.action = action).await
}

#[tokio::test]
async fn by_default_a_secret_is_recorded_by_its_kind_and_leaves_as_it_was() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, "{}"));
    let body = call(&format!("use {AWS} and {PROVIDER_KEY}")).replace("true", "false");
    assert_eq!(it.post("/v1/chat/completions", body.clone()).await.status, 200);
    assert_eq!(it.fake.last().body, body);
    let record = it.record().await;
    let shown = format!("{:?}", record.0);
    assert!(!shown.contains(AWS) && !shown.contains(PROVIDER_KEY), "{shown}");
    assert!(shown.contains("[redacted:aws_key]") && shown.contains("[redacted:vault]"), "{shown}");
    assert!(shown.contains("mizzen.secrets.found"), "{shown}");
    let metrics = it.metrics.render();
    assert!(metrics.contains(r#"mizzen_secrets_found_total{in="model_request",kind="aws_key"} 1"#), "{metrics}");
}

#[tokio::test]
async fn redacted_it_does_not_leave_and_the_rest_of_the_request_does() {
    let mut it = with(SecretsAction::Redact).await;
    it.fake.will(Answer::json(200, "{}"));
    it.post("/v1/chat/completions", call(&format!("use {AWS} please"))).await;
    let sent: serde_json::Value = serde_json::from_slice(&it.fake.last().body).unwrap();
    assert_eq!(sent["messages"][0]["content"], "use [redacted:aws_key] please");
    assert_eq!(sent["stream_options"]["include_usage"], true, "the other edit stands where it belongs");
    assert_eq!(it.record().await.error_type(), None);
}

#[tokio::test]
async fn an_escape_hides_nothing_at_the_door_and_the_rest_leaves_as_it_came() {
    const SLASHED: &str = "of/a/provider/1234";
    let body = |said: &str| {
        let said = format!(r#"{{"role":"user","content":"a\/b {said}"}}"#);
        format!(r#"{{"model":"m","metadata":{{"n":12345678901234567890123}},"messages":[{said}]}}"#)
    };
    for (written, kind) in [(r"\u0041KIAIOSFODNN7EXAMPL\u0045", "aws_key"), (r"of\/a\/provider\/1234", "vault")] {
        for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
            let mut it = with(action).await;
            it.control.providers().put("mistral", ProviderKey::Secret(SLASHED.into())).await.unwrap();
            it.fake.will(Answer::json(200, "{}"));
            let got = it.post("/v1/chat/completions", body(written)).await;
            let redacted = body(&format!("[redacted:{kind}]"));
            match action {
                SecretsAction::Redact => assert_eq!(it.fake.last().body, redacted),
                SecretsAction::Deny => assert!(got.status == 403 && got.body.contains(kind), "{}", got.body),
                _ => assert_eq!(it.fake.last().body, body(written)),
            }
            let shown = format!("{:?}", it.record().await.0);
            assert!(shown.contains(&format!("[redacted:{kind}]")) && !shown.contains(written), "{shown}");
            assert!(!shown.contains(AWS) && !shown.contains(SLASHED), "{shown}");
        }
    }
}

#[tokio::test]
async fn denied_the_call_is_refused_without_showing_it() {
    let mut it = with(SecretsAction::Deny).await;
    for (path, kind) in [("/v1/chat/completions", "permission_denied"), ("/anthropic/v1/messages", "permission_error")]
    {
        let got = it.post(path, call(&format!("use {AWS}"))).await;
        assert_eq!((got.status, &got.json()["error"]["type"]), (403, &kind.into()));
        assert!(got.body.contains("aws_key") && !got.body.contains(AWS), "{}", got.body);
        assert_eq!(it.record().await.error_type(), Some("secret_found"));
    }
    let got = it.post("/v1/chat/completions", call(PROVIDER_KEY)).await;
    assert!(got.status == 403 && got.body.contains("vault"), "{}", got.body);
    assert!(it.fake.asked().is_empty());
    it.fake.will(Answer::json(200, "{}"));
    assert_eq!(it.post("/v1/chat/completions", call("nothing of the kind")).await.status, 200);
}

#[tokio::test]
async fn a_query_or_a_header_with_a_secret_does_not_leave_where_secrets_may_not() {
    let encoded = format!("/v1/chat/completions?k={}", AWS.replace('A', "%41"));
    let heads = [(encoded.as_str(), "x-plain", "yes"), ("/v1/chat/completions", "openai-organization", AWS)];
    for action in [SecretsAction::Observe, SecretsAction::Redact, SecretsAction::Deny] {
        let mut it = with(action).await;
        for (path, name, value) in heads {
            it.fake.will(Answer::json(200, "{}"));
            let request = it.request(Method::POST, path).header(name, value);
            let got = Got::read(it.send(request, call("hi").replace("true", "false")).await).await;
            let record = it.record().await;
            assert!(format!("{:?}", record.0).contains("aws_key") && !format!("{:?}", record.0).contains(AWS));
            if action == SecretsAction::Observe {
                assert_eq!((got.status, record.error_type()), (200, None), "{path}");
                continue;
            }
            assert_eq!((got.status, record.error_type()), (403, Some("secret_found")), "{path}");
            assert!(got.body.contains("address or a header") && !got.body.contains(AWS), "{}", got.body);
        }
        it.fake.will(Answer::json(200, r#"{"id":"m"}"#));
        let one = it.get(&format!("/v1/models/{AWS}")).await;
        assert_eq!(one.status, if action == SecretsAction::Observe { 200 } else { 403 });
        let listed = it.request(Method::GET, "/v1/models").header("x-note", PROVIDER_KEY);
        it.fake.will(Answer::json(200, r#"{"object":"list","data":[]}"#));
        let expected = if action == SecretsAction::Observe { 200 } else { 403 };
        assert_eq!(Got::read(it.send(listed, "").await).await.status, expected);
        let asked = it.fake.asked().len();
        assert_eq!(asked, if action == SecretsAction::Observe { 4 } else { 0 });
    }
}

#[tokio::test]
async fn switched_off_nobody_looks() {
    let mut it = with(SecretsAction::Off).await;
    it.fake.will(Answer::json(200, "{}"));
    it.post("/v1/chat/completions", call(AWS)).await;
    assert!(it.record().await.get("mizzen.secrets.found").is_none());
}

#[tokio::test]
async fn a_secret_in_an_answer_reaches_its_client_and_not_the_record() {
    let chunk =
        |text: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let mut it = with(SecretsAction::Deny).await;
    let stream = format!("{}{}data: [DONE]\n\n", chunk("it is AKIAIOSF"), chunk("ODNN7EXAMPLE, as asked"));
    it.fake.will(Answer::events(&stream));
    let got = it.post("/v1/chat/completions", call("which key?")).await;
    assert_eq!((got.status, got.body.contains("ODNN7EXAMPLE")), (200, true));
    let record = it.record().await;
    let shown = format!("{:?}", record.0);
    assert!(shown.contains("it is [redacted:aws_key], as asked") && !shown.contains(AWS), "{shown}");
    assert!(record.get("mizzen.secrets.found").is_none() && record.get("mizzen.secrets.found_in_answer").is_some());
    let metrics = it.metrics.render();
    assert!(metrics.contains(r#"mizzen_secrets_found_total{in="model_answer",kind="aws_key"} 1"#), "{metrics}");
}
