//! `debug:*`.

use std::time::Duration;

use super::{Context, Input, Output, StepFault};

/// The longest a step may wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

pub(super) fn log(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    if let Some(message) = input.get("message") {
        context.log.info(message.as_str().map_or_else(|| message.to_string(), str::to_owned));
    }
    if let Some(extra) = input.get("extra") {
        context.log.info(extra.to_string());
    }
    if input.get("listWorkspace").is_some_and(|list| list != &serde_json::Value::Bool(false)) {
        let names: Vec<String> = context.workspace.below(None).into_iter().map(String::from).collect();
        context.log.info(format!("workspace:\n{}", names.join("\n")));
    }
    Ok(Output::new())
}

pub(super) async fn wait(input: &Input, context: &mut Context<'_>) -> Result<Output, StepFault> {
    let (millis, seconds, minutes) =
        (input.number("milliseconds")?, input.number("seconds")?, input.number("minutes")?);
    let total = millis.unwrap_or(0.0) / 1_000.0 + seconds.unwrap_or(0.0) + minutes.unwrap_or(0.0) * 60.0;
    let wait = Duration::try_from_secs_f64(total).ok().filter(|wait| *wait <= WAIT_MAX);
    let wait =
        wait.ok_or_else(|| StepFault::of("seconds", format!("a step waits at most {} seconds", WAIT_MAX.as_secs())))?;
    if context.is_dry_run {
        context.log.info(format!("would wait {total} seconds"));
        return Ok(Output::new());
    }
    context.log.info(format!("waiting {total} seconds"));
    tokio::time::sleep(wait).await;
    Ok(Output::new())
}
