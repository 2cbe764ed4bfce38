//! `mizzen query`: one SELECT over runs, steps, spans, logs and metrics.

use serde_json::{Map, Value, json};

use crate::cli::{Format, QueryArgs};
use crate::client::Server;
use crate::failure::Failure;
use crate::output;

/// Wide enough for a digest.
const CELL_WIDTH_MAX: usize = 72;

pub(crate) async fn query(args: QueryArgs) -> Result<(), Failure> {
    let server = Server::find(&args.client)?;
    let answer = server.post("/api/v1/query", &json!({ "sql": args.sql })).await?;
    let columns: Vec<String> = array(&answer["columns"]).iter().map(|column| output::text(column, "name")).collect();
    let rows = array(&answer["rows"]);
    match args.output.format {
        Format::Table => {
            let right: Vec<bool> = (0..columns.len()).map(|i| rows.iter().any(|row| row[i].is_number())).collect();
            let cells = rows.iter().map(|row| array(row).iter().map(cell).collect()).collect();
            let (cells, is_cut) = fitted(cells);
            output::data(&output::grid(columns, cells, &right))?;
            if is_cut {
                output::say("long texts are cut; `-o json` has them whole");
            }
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

/// A column as wide as its longest text pushes those after it off the screen: only the last one may. Says if texts were cut.
fn fitted(mut rows: Vec<Vec<String>>) -> (Vec<Vec<String>>, bool) {
    let mut is_cut = false;
    for text in rows.iter_mut().filter_map(|row| row.split_last_mut()).flat_map(|(_, before)| before) {
        let short = output::cut(text, CELL_WIDTH_MAX);
        is_cut |= short != *text;
        *text = short;
    }
    (rows, is_cut)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_unless_nothing_stands_after_it() {
        let (long, short) = ("x".repeat(500), "y".to_owned());
        let (rows, is_cut) = fitted(vec![vec![long.clone(), long.clone()], vec![short.clone(), short.clone()]]);
        assert!(is_cut);
        assert_eq!(rows[0][0].chars().count(), CELL_WIDTH_MAX);
        assert_eq!((&rows[0][1], &rows[1]), (&long, &vec![short.clone(), short.clone()]));
        assert!(!fitted(vec![vec![short, long]]).1);
    }
}
