//! What the pages show of runs that came in through the front door.

use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::support::{Portal, TRACE, code_of, json_of, shared, trace};

/// Each entry of a story as `kind: what`.
fn told(story: &Value) -> Vec<String> {
    let parts = |entry: &Value| -> String {
        let parts = entry["message"]["parts"].as_array().cloned().unwrap_or_default();
        let texts: Vec<String> = parts.iter().filter_map(|part| part["content"].as_str().map(str::to_owned)).collect();
        texts.join(" ")
    };
    let entry = |entry: &Value| match entry["kind"].as_str().unwrap() {
        "message" => format!("{}: {}", entry["role"].as_str().unwrap(), parts(entry)),
        "tool_call" => format!("tool_call: {}", entry["tool"].as_str().unwrap()),
        kind => format!("{kind}: {}", entry["agent"].as_str().unwrap_or_default()),
    };
    story["entries"].as_array().unwrap().iter().map(entry).collect()
}

#[tokio::test]
async fn a_run_of_a_real_agent_reads_as_a_story() {
    let Some(file) = shared("agentevals/helm.json") else { return };
    let portal = Portal::open().await;
    let imported = portal.import(file).await;
    assert_eq!((&imported["rejected"], &imported["message"]), (&json!(0), &json!("")));
    let run_id = imported["runs"][0].as_str().unwrap();
    assert_eq!(imported["runs"].as_array().unwrap().len(), 1);

    let story = portal.get(&format!("/api/v1/runs/{run_id}/story")).await;
    let told = told(&story);
    let place = |what: &str| {
        told.iter().position(|line| line.starts_with(what)).unwrap_or_else(|| panic!("no {what} in {told:#?}"))
    };
    let (question, call) = (place("user: "), place("tool_call: helm_list_releases"));
    let answer = told.iter().rposition(|line| line.starts_with("assistant: ")).unwrap();
    assert!(question < call && call < answer, "{told:#?}");
    assert!(told[answer].contains("kagent-crds"), "{}", told[answer]);
    for line in &told {
        assert_eq!(told.iter().filter(|other| *other == line).count(), 1, "told twice: {line}");
    }
    let tool = &story["entries"][call];
    assert!(tool["result"].to_string().contains("kagent-0.7.14") && tool["duration_ns"].as_i64().unwrap() > 0);

    let run = portal.get(&format!("/api/v1/runs/{run_id}")).await;
    let total: u64 = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["depth"] == json!(0))
        .map(|step| step["subtree"]["usage"]["input_tokens"].as_u64().unwrap())
        .sum();
    assert_eq!(json!(total), run["summary"]["usage"]["input_tokens"]);
    let graph = portal.get(&format!("/api/v1/runs/{run_id}/graph")).await;
    let ids: Vec<&str> = graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    for id in ["user", "agent:helm_agent", "tool:helm_list_releases"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
}

#[tokio::test]
async fn a_run_shows_its_tree_its_failure_and_its_spans() {
    let portal = Portal::open().await;
    let imported = portal.import(trace(60)).await;
    assert_eq!(imported, json!({ "spans": 4, "rejected": 0, "runs": [TRACE], "message": "" }));
    let run = portal.get(&format!("/api/v1/runs/{TRACE}")).await;
    assert_eq!((&run["steps_total"], &run["truncated"]), (&json!(4), &json!(false)));
    assert_eq!(run["first_error"], json!("0000000000000003"));
    let root = &run["steps"][0]["subtree"];
    assert_eq!((&root["usage"]["input_tokens"], &root["errors"], &root["steps"]), (&json!(200), &json!(1), &json!(4)));
    assert_eq!(run["steps"][2]["error_message"], json!("disk is full"));

    let story = portal.get(&format!("/api/v1/runs/{TRACE}/story?limit=3")).await;
    assert_eq!(told(&story), ["agent: janitor", "user: how full is the disk?", "assistant: "]);
    let rest =
        portal.get(&format!("/api/v1/runs/{TRACE}/story?cursor={}", story["next_cursor"].as_str().unwrap())).await;
    assert_eq!(told(&rest), ["tool_call: df", "assistant: it is full"]);
    assert_eq!(rest["entries"][0]["error_message"], json!("disk is full"));

    let spans = portal.get(&format!("/api/v1/runs/{TRACE}/spans?cursor=1&limit=2")).await;
    assert_eq!((&spans["total"], &spans["next_cursor"]), (&json!(4), &json!("3")));
    assert_eq!(spans["items"][0]["depth"], json!(1));
    let span = portal.get(&format!("/api/v1/runs/{TRACE}/spans/0000000000000002")).await;
    assert_eq!(span["content"]["input"][0]["parts"][0]["content"], json!("how full is the disk?"));
    assert_eq!(span["attributes"]["gen_ai.request.model"], json!("gpt-4o"));
}

#[tokio::test]
async fn a_file_may_hold_logs_and_metrics_between_its_traces() {
    let portal = Portal::open().await;
    let id = |key: &str, id: &str| format!(r#""{key}":"{id}""#);
    let (trace_id, span_id) = (id("traceId", TRACE), id("spanId", "0000000000000001"));
    let text = |text: &str| format!(r#"{{"stringValue":"{text}"}}"#);
    let chat = format!(r#"{{"key":"gen_ai.operation.name","value":{}}}"#, text("chat"));
    let span = format!(
        r#"{{{trace_id},{span_id},"name":"chat","startTimeUnixNano":"5","endTimeUnixNano":"6","attributes":[{chat}]}}"#
    );
    let said = format!(r#""timeUnixNano":"5","eventName":"gen_ai.user.message","body":{}"#, text("how full?"));
    let record = format!("{{{trace_id},{span_id},{said}}}");
    let logs = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#);
    let file = format!("{logs}\n{span}\n{{\"resourceMetrics\":[]}}\n");
    let message = "log records taken: 1; documents of metrics left out: 1";
    for _ in ["at first", "sent again"] {
        let imported = portal.import(file.clone()).await;
        assert_eq!(imported, json!({ "spans": 1, "rejected": 0, "runs": [TRACE], "message": message }));
    }
    let story = portal.get(&format!("/api/v1/runs/{TRACE}/story")).await;
    assert_eq!(told(&story), ["user: how full?", "assistant: "]);
    let run = portal.get(&format!("/api/v1/runs/{TRACE}")).await;
    assert_eq!(run["summary"]["title"], json!("how full?"));

    let metrics = portal.send(portal.request("POST", "/api/v1/import", "{\"resource_metrics\":[]}".into())).await;
    assert_eq!(metrics.status(), StatusCode::BAD_REQUEST);
    assert!(json_of(metrics).await["error"]["message"].as_str().unwrap().contains("`resource_metrics`"));
}

#[tokio::test]
async fn the_first_page_adds_up_the_last_day() {
    let portal = Portal::open().await;
    portal.import(trace(60)).await;
    let overview = portal.get("/api/v1/overview").await;
    let totals = &overview["totals_24h"];
    assert_eq!((&totals["runs"], &totals["model_calls"], &totals["input_tokens"]), (&json!(1), &json!(2), &json!(200)));
    assert_eq!(totals["complete"], json!(true));
    let hours = overview["hours"].as_array().unwrap();
    assert_eq!((hours.len(), hours.iter().map(|hour| hour["runs"].as_u64().unwrap()).sum::<u64>()), (24, 1));
    assert_eq!(overview["recent"][0]["title"], json!("how full is the disk?"));
    assert_eq!(overview["agents"][0]["agent"], json!("janitor"));
    assert_eq!(overview["ingest"]["spans_received"], json!(4));
    let models = portal.get("/api/v1/models").await;
    assert_eq!((&models["items"][0]["model"], &models["items"][0]["calls"]), (&json!("gpt-4o"), &json!(2)));
    assert!(models["items"][0]["price"]["source"].as_str().unwrap().starts_with("https://"));
}

#[tokio::test]
async fn a_list_is_filtered_and_a_wrong_filter_names_the_right_one() {
    let portal = Portal::open().await;
    portal.import(trace(60)).await;
    for (query, found) in [("agent=janitor", 1), ("agent=nobody", 0), ("model=gpt-4o&source=sdk", 1), ("q=DISK", 1)] {
        let list = portal.get(&format!("/api/v1/runs?{query}")).await;
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
    for (query, hint) in [
        ("agnet=x", "did you mean `agent`?"),
        ("outcome=eror", "did you mean `error`?"),
        ("from=yesterday", "2026-11-22T10:00:00Z"),
        ("limit=0", "from 1 to"),
        ("cursor=nonsense", "next_cursor"),
    ] {
        let response = portal.send(portal.request("GET", &format!("/api/v1/runs?{query}"), String::new())).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let message = json_of(response).await["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(hint), "{query}: {message}");
    }
}

#[tokio::test]
async fn what_cannot_be_imported_says_why_and_what_is_deleted_is_gone() {
    let portal = Portal::open().await;
    let broken = portal.send(portal.request("POST", "/api/v1/import", "{\n\"data\": [".into())).await;
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    assert!(json_of(broken).await["error"]["message"].as_str().unwrap().contains("line 2"));
    portal.import(trace(60)).await;
    let path = format!("/api/v1/runs/{TRACE}");
    assert_eq!(portal.status(portal.request("DELETE", &path, String::new())).await, StatusCode::NO_CONTENT);
    let gone = portal.send(portal.request("GET", &path, String::new())).await;
    assert_eq!((gone.status(), code_of(gone).await), (StatusCode::NOT_FOUND, "not_found".to_owned()));
}

#[tokio::test]
async fn a_run_is_told_live_and_the_stream_ends_with_the_server() {
    let portal = Portal::open().await;
    let response = portal.send(portal.request("GET", "/api/v1/events", String::new())).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    portal.import(trace(60)).await;
    let mut text = String::new();
    while !text.contains("\n\n") {
        let frame =
            tokio::time::timeout(std::time::Duration::from_secs(20), body.frame()).await.expect("an event in time");
        text.push_str(&String::from_utf8_lossy(frame.unwrap().unwrap().data_ref().unwrap()));
    }
    assert!(text.starts_with("event: run\ndata: {") && text.contains(TRACE), "{text}");
    portal.state.tasks.cancelled().cancel();
    let rest = tokio::time::timeout(std::time::Duration::from_secs(20), body.collect()).await;
    assert!(rest.is_ok(), "the stream did not end");
}

#[tokio::test]
async fn sql_is_answered_and_a_wrong_name_is_explained() {
    let portal = Portal::open().await;
    portal.import(trace(60)).await;
    let ask = |sql: &str| portal.request("POST", "/api/v1/query", json!({ "sql": sql }).to_string());
    let answer =
        json_of(portal.send(ask("SELECT tool, count(*) AS calls FROM steps WHERE tool = 'df' GROUP BY tool")).await)
            .await;
    assert_eq!(answer["rows"], json!([["df", 1]]));
    assert_eq!(answer["columns"][1], json!({ "name": "calls", "type": "integer" }));
    let wrong = portal.send(ask("SELECT tol FROM steps")).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(json_of(wrong).await["error"]["message"].as_str().unwrap().contains("`tool`"));
    let write = portal.send(ask("DELETE FROM steps")).await;
    assert_eq!(
        (write.status(), code_of(write).await),
        (StatusCode::UNPROCESSABLE_ENTITY, "statement_not_allowed".to_owned())
    );
}
