//! What the run did, in a few lines at its end.

use std::time::Duration;

use serde_json::Value;

use super::Launch;
use crate::client::{Server, encode};
use crate::output;

/// SDKs export in batches at exit, the gateway records within milliseconds: the summary is asked for until two answers
/// in a row agree, so that the last batch is in it.
const POLLS_MAX: u32 = 20;
const POLL_PAUSE: Duration = Duration::from_millis(150);

pub(super) async fn print(server: &Server, launch: &Launch) {
    let path = format!("/api/v1/runs/{}", encode(&launch.run_id));
    let mut last = Value::Null;
    for _ in 0..POLLS_MAX {
        let now = server.get(&path).await.map(|run| run["summary"].clone()).unwrap_or(Value::Null);
        if !now.is_null() && now == last {
            break;
        }
        last = now;
        tokio::time::sleep(POLL_PAUSE).await;
    }
    output::say(&text(&last, launch));
}

fn text(summary: &Value, launch: &Launch) -> String {
    let link = format!("{}/runs/{}", launch.url, launch.run_id);
    if summary.is_null() {
        return format!("\nmizzen: nothing was seen of this run yet; look again at {link}");
    }
    let usage = &summary["usage"];
    let error =
        summary["error_message"].as_str().map(|e| format!("\n  error     {}", output::one_line(e))).unwrap_or_default();
    format!(
        "\nmizzen: {agent} {outcome} in {duration}, unconfined\n  steps     {steps} ({models}, {tools})\n  \
         tokens    {input} in, {output} out\n  cost      {cost}\n  errors    {errors}{error}\n  {link}",
        agent = output::text(summary, "agent"),
        outcome = output::text(summary, "outcome"),
        duration = output::duration(summary["duration_ns"].as_i64().unwrap_or(0)),
        steps = summary["steps"],
        models = output::counted(summary["model_calls"].as_u64().unwrap_or(0), "model call"),
        tools = output::counted(summary["tool_calls"].as_u64().unwrap_or(0), "tool call"),
        input = usage["input_tokens"],
        output = usage["output_tokens"],
        cost = crate::runs::cost(summary),
        errors = summary["errors"],
    )
}
