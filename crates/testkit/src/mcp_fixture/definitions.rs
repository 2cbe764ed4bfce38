//! What the fixture offers.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::state::State;

/// One red pixel, PNG.
pub(super) const IMAGE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
/// No samples, WAV.
pub(super) const AUDIO: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

/// Tools without arguments, with what they say of themselves.
const PLAIN: &[(&str, &str)] = &[
    ("test_simple_text", "Gives one text."),
    ("test_image_content", "Gives one picture."),
    ("test_audio_content", "Gives one sound."),
    ("test_embedded_resource", "Gives one resource within its result."),
    ("test_multiple_content_types", "Gives a text, a picture and a resource."),
    ("test_tool_with_logging", "Logs three times while it works."),
    ("test_logging_tool", "Logs once, where the client wants to hear it."),
    ("test_tool_with_progress", "Tells its progress three times."),
    ("test_error_handling", "Always fails, and says so in its result."),
    ("test_reconnection", "Takes a moment, in which the client may come back."),
    ("test_elicitation_sep1034_defaults", "Asks for values that all have defaults."),
    ("test_elicitation_sep1330_enums", "Asks for choices of every form."),
    ("test_input_required_result_elicitation", "Needs a name, in a second round."),
    ("test_input_required_result_sampling", "Needs a model's answer, in a second round."),
    ("test_input_required_result_list_roots", "Needs the client's roots, in a second round."),
    ("test_input_required_result_request_state", "Gives the client a state to bring back."),
    ("test_input_required_result_multiple_inputs", "Needs three things in one round."),
    ("test_input_required_result_multi_round", "Needs a name, and then a colour."),
    ("test_input_required_result_tampered_state", "Knows when its state was tampered with."),
    ("test_input_required_result_capabilities", "Asks only what the client can answer."),
    ("test_missing_capability", "Cannot do without a client that samples."),
    ("test_streaming_elicitation", "Asks in its result, never on its stream."),
    ("test_trigger_tool_change", "Changes the definition of another tool."),
    ("test_trigger_prompt_change", "Says that the prompts changed."),
    ("test_trigger_resource_update", "Says that the watched resource changed."),
    ("confirm_delete", "Asks before it deletes, as a task."),
    ("multi_input", "Asks two things at once, as a task."),
    ("failing_job", "Fails after a moment, as a task."),
    ("protocol_error_job", "Breaks, as a task."),
    ("test_tool_with_task", "Asks first, and goes on as a task."),
];

/// In a fixed order.
pub(super) fn tools(state: &State) -> Vec<Value> {
    let plain = PLAIN.iter().map(|(name, description)| {
        json!({ "name": name, "description": description, "inputSchema": { "type": "object", "properties": {} } })
    });
    let mut tools: Vec<Value> = plain.collect();
    let text = |name: &str, description: &str| json!({ name: { "type": "string", "description": description } });
    let tool = |name: &str, description: &str, properties: Value, required: Value| {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        json!({ "name": name, "description": description, "inputSchema": schema })
    };
    let revision = state.revision.load(Ordering::SeqCst);
    tools.extend([
        tool("test_sampling", "Asks the client's model.", text("prompt", "What it is asked"), json!(["prompt"])),
        tool("test_elicitation", "Asks the client's user.", text("message", "What is shown"), json!(["message"])),
        tool("greet", "Greets.", text("name", "Who is greeted"), json!(["name"])),
        tool(
            "slow_compute",
            "Takes as long as it is told, as a task.",
            json!({ "seconds": { "type": "number" }, "label": { "type": "string" } }),
            json!([]),
        ),
        tool("test_changing", &format!("Has changed {revision} times."), json!({}), json!([])),
        tool(
            "test_mirrored_argument",
            "Has an argument that is said again in a header.",
            json!({ "region": { "type": "string", "x-mcp-header": "Region" }, "query": { "type": "string" } }),
            json!([]),
        ),
        json!({ "name": "json_schema_2020_12_tool", "description": "Has a schema with all that JSON Schema 2020-12 can say.",
            "inputSchema": schema_2020_12() }),
    ]);
    // What only reads says so: half of the tools, so that both kinds are there.
    for tool in tools.iter_mut().filter(|tool| is_read_only(tool["name"].as_str().unwrap_or_default())) {
        tool["annotations"] = json!({ "readOnlyHint": true });
    }
    tools
}

fn is_read_only(name: &str) -> bool {
    matches!(
        name,
        "test_simple_text" | "test_image_content" | "test_audio_content" | "test_embedded_resource" | "greet"
    )
}

fn schema_2020_12() -> Value {
    let needs = |name: &str| json!({ "required": [name] });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": { "$anchor": "addressDef", "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } } } },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [needs("phone"), needs("email")] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": needs("phone"),
        "else": needs("email"),
        "additionalProperties": false,
    })
}

pub(super) fn prompts() -> Vec<Value> {
    let argument =
        |name: &str, description: &str| json!({ "name": name, "description": description, "required": true });
    vec![
        json!({ "name": "test_simple_prompt", "description": "Says one thing." }),
        json!({ "name": "test_prompt_with_arguments", "description": "Says two things that it is given.",
            "arguments": [argument("arg1", "The first"), argument("arg2", "The second")] }),
        json!({ "name": "test_prompt_with_embedded_resource", "description": "Has a resource within.",
            "arguments": [argument("resourceUri", "Which one")] }),
        json!({ "name": "test_prompt_with_image", "description": "Has a picture within." }),
        json!({ "name": "test_input_required_result_prompt", "description": "Needs a context, in a second round." }),
    ]
}

/// `GetPromptResult`.
pub(super) fn prompt(name: &str, arguments: &Value) -> Option<Value> {
    let says = |content: Value| json!({ "role": "user", "content": content });
    let text = |text: String| json!({ "type": "text", "text": text });
    let given = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    let messages = match name {
        "test_simple_prompt" => vec![says(text("This is a simple prompt for testing.".into()))],
        "test_prompt_with_arguments" => {
            vec![says(text(format!("Prompt with arguments: arg1='{}', arg2='{}'", given("arg1"), given("arg2"))))]
        }
        "test_prompt_with_embedded_resource" => vec![
            says(json!({ "type": "resource", "resource": { "uri": given("resourceUri"), "mimeType": "text/plain",
                "text": "Embedded resource content for testing." } })),
            says(text("Please process the embedded resource above.".into())),
        ],
        "test_prompt_with_image" => vec![
            says(json!({ "type": "image", "data": IMAGE, "mimeType": "image/png" })),
            says(text("Please analyze the image above.".into())),
        ],
        _ => return None,
    };
    Some(json!({ "description": "A prompt for testing", "messages": messages }))
}

pub(super) fn resources() -> Vec<Value> {
    let resource = |uri: &str, name: &str, kind: &str| json!({ "uri": uri, "name": name, "description": format!("{name}, for testing"), "mimeType": kind });
    vec![
        resource("test://static-text", "Static text", "text/plain"),
        resource("test://static-binary", "Static picture", "image/png"),
        resource("test://watched-resource", "Watched text", "text/plain"),
        resource("test://example-resource", "Example text", "text/plain"),
    ]
}

pub(super) fn templates() -> Vec<Value> {
    vec![json!({ "uriTemplate": "test://template/{id}/data", "name": "Data by id",
        "description": "Data of any id, for testing", "mimeType": "application/json" })]
}

/// `ReadResourceResult`.
pub(super) fn resource(uri: &str) -> Option<Value> {
    let text = |kind: &str, text: String| json!({ "uri": uri, "mimeType": kind, "text": text });
    let contents = match uri {
        "test://static-text" => text("text/plain", "This is the content of the static text resource.".into()),
        "test://static-binary" => json!({ "uri": uri, "mimeType": "image/png", "blob": IMAGE }),
        "test://watched-resource" => text("text/plain", "This is the content of the watched resource.".into()),
        "test://example-resource" => text("text/plain", "This is the content of the example resource.".into()),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let data = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            text("application/json", data.to_string())
        }
    };
    Some(json!({ "contents": [contents] }))
}

pub(super) fn completions(argument: &str, begun: &str) -> Vec<String> {
    let known = ["paris", "park", "party", "prague"];
    let fitting = known.iter().filter(|word| word.starts_with(begun)).map(|word| (*word).to_owned());
    if argument == "id" { vec!["1".into(), "2".into()] } else { fitting.collect() }
}
