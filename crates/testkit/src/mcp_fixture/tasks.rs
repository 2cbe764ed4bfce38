//! Tools that go on as tasks (SEP-2663), where the client knows tasks.

use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::*;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::task_manager::{TaskContext, TaskExit, TaskOptions};
use serde_json::{Value, json};

use super::rounds::{confirmation, name_wanted};
use super::state::State;
use super::{complete, read};

/// A server must not let a client hold it for longer.
const SECONDS_MAX: f64 = 30.0;
const POLL_MS: u64 = 200;

type Outcome = Result<CallToolResult, TaskExit>;

/// `None`: not one of these.
pub(super) async fn call(
    state: &State,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<Option<CallToolResponse>, ErrorData> {
    let name = request.name.to_string();
    if !matches!(
        name.as_str(),
        "slow_compute"
            | "confirm_delete"
            | "multi_input"
            | "failing_job"
            | "protocol_error_job"
            | "test_tool_with_task"
    ) {
        return Ok(None);
    }
    let knows_tasks = context.client_capabilities().is_some_and(|capabilities| capabilities.supports_tasks());
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    let answer = request.input_responses.as_ref().and_then(|answers| answers.get("user_name")).cloned();
    if name == "test_tool_with_task" && answer.is_none() && knows_tasks {
        let asked = read(json!({ "user_name": name_wanted("What is your name?") }))?;
        return Ok(Some(CallToolResponse::InputRequired(InputRequiredResult::new(Some(asked), None))));
    }
    if knows_tasks {
        let work = move |task: TaskContext| -> rmcp::task_manager::TaskFuture {
            Box::pin(async move { work(&name, &arguments, answer.as_ref(), &task).await })
        };
        let task = state.tasks.spawn(TaskOptions::new().with_poll_interval_ms(POLL_MS), work);
        return Ok(Some(CallToolResponse::Task(CreateTaskResult::new(task))));
    }
    match name.as_str() {
        // What cannot be done at once needs a client that waits for it.
        "slow_compute" => {
            tokio::time::sleep(seconds(&arguments)).await;
            Ok(Some(CallToolResponse::Complete(said("Computed.", false)?)))
        }
        _ => {
            let needed = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
            Err(ErrorData::missing_required_client_capability(read(needed)?))
        }
    }
}

async fn work(name: &str, arguments: &Value, answer: Option<&Value>, task: &TaskContext) -> Outcome {
    match name {
        "slow_compute" => {
            tokio::select! {
                () = tokio::time::sleep(seconds(arguments)) => Ok(said("Computed.", false)?),
                () = task.cancelled() => Err(TaskExit::Cancelled),
            }
        }
        "confirm_delete" => {
            let answer = task.request_input("confirm", read(confirmation())?).await?;
            Ok(said(&format!("Deleted: {}", answer["content"]["ok"]), false)?)
        }
        "multi_input" => {
            let (first, second) = (read(confirmation())?, read(name_wanted("Who are you?"))?);
            let (first, second) =
                tokio::join!(task.request_input("first", first), task.request_input("second", second));
            Ok(said(&format!("{} and {}", first?["action"], second?["action"]), false)?)
        }
        "failing_job" => {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok(said("The job failed.", true)?)
        }
        "protocol_error_job" => Err(TaskExit::Error(ErrorData::internal_error("the job broke", None))),
        _ => {
            let name = answer.and_then(|answer| answer["content"]["name"].as_str()).unwrap_or_default();
            Ok(said(&format!("Done for {name}."), false)?)
        }
    }
}

fn seconds(arguments: &Value) -> Duration {
    Duration::from_secs_f64(arguments["seconds"].as_f64().unwrap_or(1.0).clamp(0.0, SECONDS_MAX))
}

fn said(text: &str, is_error: bool) -> Result<CallToolResult, ErrorData> {
    complete(json!({ "content": [{ "type": "text", "text": text }], "isError": is_error }))
}
