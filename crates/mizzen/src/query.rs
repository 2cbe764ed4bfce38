//! `mizzen query`: one SELECT over runs, steps, spans, logs and metrics.

use serde_json::{Map, Value, json};

use crate::cli::{Format, QueryArgs};
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

pub(crate) async fn query(args: QueryArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let answer = server.post("/api/v1/query", &json!({ "sql": args.sql })).await?;
    let columns: Vec<String> = array(&answer["columns"]).iter().map(|column| output::text(column, "name")).collect();
    let rows = array(&answer["rows"]);
    match args.output.format {
        Format::Table => {
            let right: Vec<bool> = (0..columns.len()).map(|i| rows.iter().any(|row| row[i].is_number())).collect();
            let cells = rows.iter().map(|row| array(row).iter().map(cell).collect()).collect();
            output::data(&output::grid(columns, cells, &right))?;
        }
        format => {
            let objects = rows.iter().map(|row| object(&columns, row)).collect();
            output::value(&Value::Array(objects), format)?;
        }
    }
    if answer["truncated"] == json!(true) {
        output::say(&format!("only the first {} rows are shown; add a LIMIT or aggregate", rows.len()));
    }
    Ok(())
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(columns: &[String], row: &Value) -> Value {
    let fields: Map<String, Value> = columns.iter().cloned().zip(array(row).iter().cloned()).collect();
    Value::Object(fields)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => output::one_line(text),
        Value::Number(number) if number.is_f64() => output::plain(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}
