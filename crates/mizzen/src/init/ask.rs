//! Questions on a terminal.

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::output;

/// The schema of a question, wherever in the pages it stands.
pub(super) fn schema_of<'t>(template: &'t Value, name: &str) -> &'t Value {
    let pages = template["pages"].as_array().into_iter().flatten();
    pages.map(|page| &page["schema"]["properties"][name]).find(|schema| !schema.is_null()).unwrap_or(&Value::Null)
}

/// What was typed, as the type that is asked for; what cannot be read so is left for the server to refuse.
pub(super) fn typed(schema: &Value, text: &str) -> Value {
    let plain = || Value::String(text.to_owned());
    match schema["type"].as_str() {
        Some("string") | None => plain(),
        Some("array") if !text.trim_start().starts_with('[') => {
            let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
            Value::Array(members.map(|member| typed(&schema["items"], member)).collect())
        }
        Some(_) => serde_json::from_str(text).unwrap_or_else(|_| plain()),
    }
}

/// Names the questions that must be answered and are not, where nobody can be asked.
pub(super) fn refuse_gaps(template: &Value, values: &Map<String, Value>) -> Result<(), Failure> {
    let pages = || template["pages"].as_array().into_iter().flatten().map(|page| &page["schema"]);
    let needed = pages().flat_map(|schema| schema["required"].as_array().into_iter().flatten());
    let open: Vec<&str> = needed
        .filter_map(Value::as_str)
        .filter(|name| !values.contains_key(*name) && schema_of(template, name).get("default").is_none())
        .collect();
    if open.is_empty() {
        return Ok(());
    }
    let told = |name: &&str| {
        let schema = schema_of(template, name);
        let about = schema["description"].as_str().or(schema["title"].as_str()).unwrap_or("what is asked for");
        format!("  --set {name}=…  {}", output::one_line(about))
    };
    let told: Vec<String> = open.iter().map(told).collect();
    Err(Failure::Usage(anyhow!("the template needs to know more; add\n{}", told.join("\n"))))
}

/// Asks for what was not given. An empty line takes the default.
pub(super) fn missing(template: &Value, values: &mut Map<String, Value>) -> Result<(), Failure> {
    for page in template["pages"].as_array().into_iter().flatten() {
        let needed: Vec<&str> =
            page["schema"]["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, schema) in page["schema"]["properties"].as_object().into_iter().flatten() {
            if values.contains_key(name) {
                continue;
            }
            if let Some(value) = ask(name, schema, needed.contains(&name.as_str()))? {
                values.insert(name.clone(), value);
            }
        }
    }
    Ok(())
}

fn ask(name: &str, schema: &Value, is_needed: bool) -> Result<Option<Value>, Failure> {
    let title = schema["title"].as_str().unwrap_or(name);
    if let Some(description) = schema["description"].as_str() {
        output::say(&format!("  {}", output::one_line(description)));
    }
    if let Some(choices) = schema["enum"].as_array() {
        let names = schema["enumNames"].as_array();
        for (at, choice) in choices.iter().enumerate() {
            let name = names.and_then(|names| names.get(at)?.as_str()).unwrap_or_default();
            output::say(&format!("    {} {}", plain(choice), output::one_line(name)));
        }
    }
    let default = schema.get("default");
    let hint = default.map(|value| format!(" [{}]", plain(value))).unwrap_or_default();
    loop {
        write!(std::io::stderr().lock(), "{}{hint}: ", output::one_line(title)).context("failed to ask")?;
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).context("failed to read the answer")?;
        if read == 0 {
            return Err(Failure::Usage(anyhow!("`{name}` was not answered")));
        }
        match line.trim() {
            "" if is_needed && default.is_none() => {}
            "" => return Ok(None),
            text => return Ok(Some(typed(schema, text))),
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), output::one_line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{refuse_gaps, schema_of, typed};

    #[test]
    fn what_is_not_answered_is_named_with_the_option_that_answers_it() {
        let template = json!({ "pages": [{ "schema": { "required": ["name", "owner", "level"], "properties": {
            "name": { "type": "string" }, "owner": { "type": "string", "description": "The team." },
            "level": { "type": "integer", "default": 2 } } } }] });
        let given = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!("x"))).collect();
        assert!(refuse_gaps(&template, &given(&["name", "owner"])).is_ok());
        let Err(crate::failure::Failure::Usage(error)) = refuse_gaps(&template, &given(&["name"])) else {
            panic!("nothing is missing")
        };
        assert_eq!(error.to_string(), "the template needs to know more; add\n  --set owner=…  The team.");
    }

    #[test]
    fn an_answer_gets_the_type_that_is_asked_for() {
        assert_eq!(typed(&json!({ "type": "string" }), "7"), json!("7"));
        assert_eq!(typed(&json!({ "type": "integer" }), "7"), json!(7));
        assert_eq!(typed(&json!({ "type": "integer" }), "many"), json!("many"));
        let list = json!({ "type": "array", "items": { "type": "string" } });
        assert_eq!(typed(&list, "a/b, c/d"), json!(["a/b", "c/d"]));
        assert_eq!(typed(&list, "[\"a,b\"]"), json!(["a,b"]));
        assert_eq!(typed(&list, ""), json!([]));
        let template = json!({ "pages": [{ "schema": { "properties": { "x": { "type": "number" } } } }] });
        assert_eq!(schema_of(&template, "x")["type"], "number");
        assert!(schema_of(&template, "y").is_null());
    }
}
