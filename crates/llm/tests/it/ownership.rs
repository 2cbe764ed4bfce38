//! Stored responses belong to the caller they were made for.

use http::Method;

use crate::fake::Answer;
use crate::harness::{Got, Harness};

const STREAM: &str = include_str!("../../fixtures/responses_stream.sse");
const ID: &str = "resp_67ccd2bed1ec";

fn whole(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"response","status":"completed","model":"gpt-5","output":[],"usage":{{"input_tokens":1,"output_tokens":2}}}}"#
    )
}

impl Harness {
    async fn as_bob(&mut self) {
        self.key = self.mint("bob").await;
    }
}

#[tokio::test]
async fn a_streamed_response_is_owned_before_its_id_is_told_and_passes_unchanged() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::events(STREAM));
    let got = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","stream":true}"#).await;
    assert_eq!(got.body, STREAM);
    let owner = it.control.responses().owner(ID).await.unwrap().unwrap();
    assert_eq!((owner.caller.as_str(), owner.upstream.as_str()), ("alice", "openai"));
    let record = it.record().await;
    assert_eq!(record.text("gen_ai.response.id"), ID);
    assert_eq!(record.int("gen_ai.usage.cache_read.input_tokens"), 8);
}

#[tokio::test]
async fn only_the_owner_may_retrieve_continue_cancel_and_delete() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, &whole("resp_1")));
    assert_eq!(it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi"}"#).await.body, whole("resp_1"));
    let alice = it.key.clone();

    it.as_bob().await;
    let before = it.fake.asked().len();
    let get = it.get("/v1/responses/resp_1").await;
    assert_eq!((get.status, &get.json()["error"]["code"]), (404, &"response_not_found".into()));
    assert_eq!(
        get.body,
        it.get("/v1/responses/resp_none").await.body,
        "what is another's looks like what is not there"
    );
    assert_eq!(it.get("/v1/responses/resp_1/input_items").await.status, 404);
    assert_eq!(it.post("/v1/responses/resp_1/cancel", "").await.status, 404);
    assert_eq!(Got::read(it.send(it.request(Method::DELETE, "/v1/responses/resp_1"), "").await).await.status, 404);
    let next = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","previous_response_id":"resp_1"}"#).await;
    assert_eq!((next.status, &next.json()["error"]["param"]), (404, &"previous_response_id".into()));
    assert_eq!(it.fake.asked().len(), before, "nothing of this reached the upstream");

    it.key = alice;
    let reach = mizzen_control::pauses::Reach::All;
    let kind = mizzen_control::pauses::PauseKind::Pause;
    let pause = it.control.pauses().pause(reach, kind, "wait", "ada").await.unwrap().id;
    let got = it.get("/v1/responses/resp_1").await;
    assert_eq!((got.status, &got.json()["error"]["code"]), (403, &"paused".into()), "a pause is one for answers too");
    assert_eq!(it.fake.asked().len(), before);
    it.control.pauses().resume(&pause, "ada").await.unwrap();
    it.fake
        .will(Answer::json(200, &whole("resp_1")))
        .will(Answer::json(200, "{\"data\":[]}"))
        .will(Answer::json(200, "{}"));
    it.fake.will(Answer::json(200, &whole("resp_2"))).will(Answer::json(200, r#"{"id":"resp_1","deleted":true}"#));
    assert_eq!(it.get("/v1/responses/resp_1?include=x").await.body, whole("resp_1"));
    assert_eq!(it.fake.last().uri, "/v1/responses/resp_1?include=x");
    assert_eq!(it.get("/v1/responses/resp_1/input_items").await.status, 200);
    assert_eq!(it.post("/v1/responses/resp_1/cancel", "").await.status, 200);
    let next = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","previous_response_id":"resp_1"}"#).await;
    assert_eq!(next.status, 200);
    let deleted = Got::read(it.send(it.request(Method::DELETE, "/v1/responses/resp_1"), "").await).await;
    assert_eq!((deleted.status, it.fake.last().method), (200, Method::DELETE));
    assert_eq!(it.get("/v1/responses/resp_1").await.status, 404);
    assert_eq!(it.control.responses().owner("resp_2").await.unwrap().unwrap().caller, "alice");
}

#[tokio::test]
async fn an_id_that_is_another_callers_is_not_handed_over() {
    let mut it = Harness::start().await;
    it.fake.will(Answer::json(200, &whole(ID))).will(Answer::json(200, &whole(ID))).will(Answer::events(STREAM));
    it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi"}"#).await;
    it.record().await;
    it.as_bob().await;
    let got = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi"}"#).await;
    assert_eq!(got.status, 502);
    assert!(got.body.contains("another caller's response") && !got.body.contains(ID), "{}", got.body);
    assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"));
    let got = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","stream":true}"#).await;
    assert!(got.body.contains("another caller's response") && !got.body.contains(ID), "{}", got.body);
}

#[tokio::test]
async fn a_stored_stream_that_is_cut_short_at_once_says_so_behind_what_waited_for_its_owner() {
    let mut it = Harness::start().await;
    let begun: String = STREAM.split_inclusive("\n\n").take(3).collect();
    it.fake.will(Answer::events(&begun));
    let got = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","stream":true}"#).await;
    let event = got.body.strip_prefix(begun.as_str()).unwrap_or_else(|| panic!("{}", got.body));
    assert!(event.contains("ended its stream before the answer was complete"), "{event}");
    assert_eq!(it.record().await.error_type(), Some("upstream_disconnected"));
}

#[tokio::test]
async fn a_response_that_is_not_stored_needs_no_owner_and_conversations_are_refused() {
    let it = Harness::start().await;
    it.fake.will(Answer::json(200, &whole("resp_3")));
    it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","store":false}"#).await;
    assert_eq!(it.control.responses().owner("resp_3").await.unwrap(), None);
    let got = it.post("/v1/responses", r#"{"model":"gpt-5","input":"hi","conversation":"conv_1"}"#).await;
    assert_eq!((got.status, &got.json()["error"]["param"]), (404, &"conversation".into()));
}

#[tokio::test]
async fn a_failed_response_passes_without_an_owner() {
    let mut it = Harness::start().await;
    let error = r#"{"error":{"message":"no","type":"invalid_request_error","param":"input","code":null}}"#;
    it.fake.will(Answer::json(400, error));
    let got = it.post("/v1/responses", r#"{"model":"gpt-5"}"#).await;
    assert_eq!((got.status, got.body.as_str()), (400, error));
    assert_eq!(it.record().await.error_type(), Some("invalid_request_error"));
}
