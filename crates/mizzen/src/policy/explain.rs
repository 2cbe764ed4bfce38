//! `mizzen policy explain DECISION`.

use serde_json::Value;

use super::cli::ExplainArgs;
use crate::cli::Format;
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;

pub(super) async fn explain(args: ExplainArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let decision = server.get(&format!("/api/v1/decisions/{}", encode(&args.id))).await?;
    match args.output.format {
        Format::Table => tell(&decision),
        format => output::value(&decision, format),
    }
}

fn tell(decision: &Value) -> Result<(), Failure> {
    let line = |name: &str, text: String| output::data(&format!("{name:<12}{}", output::one_line(&text)));
    line("decision", format!("{} at {}", output::text(decision, "id"), output::time(decision, "at")))?;
    let caller = output::text(decision, "caller");
    line("who", format!("{caller}, digest {}", output::text(decision, "agent_digest")))?;
    line("asked", format!("{} {}", output::text(decision, "action"), output::text(decision, "resource")))?;
    line("run", output::text(decision, "run_id"))?;
    line("arguments", arguments(decision))?;
    line("touched", touched(&decision["taint"]))?;
    for evidence in decision["evidence"].as_array().into_iter().flatten() {
        let (metric, clusters) = (output::text(evidence, "metric"), &evidence["clusters"]);
        line("evidence", format!("{metric} at least {} over {clusters} cases", evidence["lower"]))?;
    }
    line("decided", format!("{}: {}", effect(decision), output::text(decision, "reason")))?;
    line("policy set", output::text(decision, "policy_set"))?;
    for source in decision["sources"].as_array().into_iter().flatten() {
        line("policy", output::text(source, "name"))?;
        let text = source["text"].as_str().unwrap_or("no longer in force");
        for written in text.lines() {
            output::data(&format!("            | {}", output::one_line(written)))?;
        }
    }
    match &decision["now"] {
        Value::Null => line("now", format!("cannot be asked again: {}", output::text(decision, "not_replayed"))),
        now if now["differs"] == true => line(
            "now",
            format!("{} ({}): {}", output::text(now, "effect"), output::text(now, "mode"), output::text(now, "reason")),
        ),
        _ => line("now", "the same".to_owned()),
    }
}

fn effect(decision: &Value) -> String {
    let effect = output::text(decision, "effect");
    match (effect.as_str(), decision["enforced"] == true) {
        ("allow", _) => effect,
        (_, true) => format!("{effect} ({})", output::text(decision, "code")),
        (_, false) => format!("{effect}, only observed: the call went on"),
    }
}

fn arguments(decision: &Value) -> String {
    match decision["arguments_kept"].as_str() {
        Some("whole") => decision["arguments"].to_string(),
        Some("redacted") => format!("{} (redacted)", decision["arguments"]),
        Some("hidden") => "shown to approvers only".to_owned(),
        Some("hash") => format!("not kept, {}", output::text(decision, "arguments_hash")),
        _ => "none".to_owned(),
    }
}

fn touched(taint: &Value) -> String {
    let names = [
        ("private_data", "private data"),
        ("untrusted_content", "untrusted content"),
        ("outside_reached", "the outside"),
    ];
    let touched: Vec<&str> = names.iter().filter(|(field, _)| taint[field] == true).map(|(_, name)| *name).collect();
    if touched.is_empty() { "nothing".to_owned() } else { touched.join(", ") }
}
