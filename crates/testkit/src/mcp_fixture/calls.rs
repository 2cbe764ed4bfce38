//! Tools that ask nothing back.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::complete;
use super::definitions::{AUDIO, IMAGE};
use super::state::{Change, State};

/// Between two things that a tool tells while it works.
const PACE: Duration = Duration::from_millis(50);

/// `None`: not one of these.
pub(super) async fn call(
    state: &State,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResult>, ErrorData> {
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    let text = |text: &str| json!({ "type": "text", "text": text });
    let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
    let image = || json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" });
    let content = match request.name.as_ref() {
        "test_simple_text" => vec![text("This is a simple text response for testing.")],
        "test_image_content" => vec![image()],
        "test_audio_content" => vec![json!({ "type": "audio", "data": AUDIO, "mimeType": "audio/wav" })],
        "test_embedded_resource" => {
            vec![resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")]
        }
        "test_multiple_content_types" => vec![
            text("Multiple content types test:"),
            image(),
            resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
        ],
        "test_tool_with_logging" => {
            for step in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                log(context, step).await;
                tokio::time::sleep(PACE).await;
            }
            vec![text("The tool logged what it did.")]
        }
        "test_logging_tool" => {
            log(context, "Logged because the client wants to hear it").await;
            vec![text("Logged.")]
        }
        "test_tool_with_progress" => {
            progress(context).await;
            vec![text("The tool told its progress.")]
        }
        "test_error_handling" => {
            let content = [text("This tool intentionally returns an error for testing")];
            return Ok(Some(complete(json!({ "content": content, "isError": true }))?));
        }
        "test_reconnection" => {
            tokio::time::sleep(2 * PACE).await;
            vec![text("Reconnection test completed.")]
        }
        "test_trigger_tool_change" => {
            state.change(Change::Tools).await;
            vec![text("The tools changed.")]
        }
        "test_trigger_prompt_change" => {
            state.change(Change::Prompts).await;
            vec![text("The prompts changed.")]
        }
        "test_trigger_resource_update" => {
            state.change(Change::Resource("test://watched-resource".into())).await;
            vec![text("The watched resource changed.")]
        }
        "test_changing" => vec![text("Called.")],
        "test_mirrored_argument" => vec![text(&format!("Region: {}", arguments["region"]))],
        "json_schema_2020_12_tool" => vec![text(&format!("Called with {arguments}"))],
        "greet" => vec![text(&format!("Hello, {}!", arguments["name"].as_str().unwrap_or("you")))],
        _ => return Ok(None),
    };
    Ok(Some(complete(json!({ "content": content }))?))
}

/// A client of the newer era says for each request what it wants to hear.
#[allow(deprecated, reason = "logging is part of both revisions that the fixture serves")]
async fn log(context: &RequestContext<RoleServer>, message: &str) {
    let is_newer =
        context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    if is_newer && context.meta.log_level().is_none() {
        return;
    }
    let message = json!({ "level": "info", "logger": "fixture", "data": message });
    if let Ok(message) = serde_json::from_value::<LoggingMessageNotificationParam>(message) {
        let (Ok(()) | Err(_)) = context.peer.notify_logging_message(message).await;
    }
}

async fn progress(context: &RequestContext<RoleServer>) {
    let Some(token) = context.meta.get_progress_token() else { return };
    for progress in [0, 50, 100] {
        let told = json!({ "progressToken": token, "progress": progress, "total": 100, "message": "working" });
        if let Ok(told) = serde_json::from_value::<ProgressNotificationParam>(told) {
            let (Ok(()) | Err(_)) = context.peer.notify_progress(told).await;
        }
        tokio::time::sleep(PACE).await;
    }
}
