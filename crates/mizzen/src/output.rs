//! Data to standard output as a table, JSON or YAML; everything else to standard error.

use std::io::Write as _;

use anyhow::Context as _;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::cli::Format;
use crate::failure::Failure;

/// One column of a table: its heading, how a row is shown in it, and whether numbers line up on the right.
pub(crate) struct Column {
    pub(crate) heading: &'static str,
    pub(crate) right: bool,
    pub(crate) cell: fn(&Value) -> String,
}

/// Writes `text` and a line end to standard output. A closed pipe ends the program quietly, as with any filter.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.context("failed to write to standard output").map_err(Failure::Broken),
    }
}

/// Writes a line for people to standard error. Nothing is left to do when that fails.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a list of objects; JSON and YAML get them whole, a table gets the columns.
pub(crate) fn list(items: &[Value], format: Format, columns: &[Column]) -> Result<(), Failure> {
    match format {
        Format::Table => data(&table(items, columns)),
        Format::Json | Format::Yaml => value(&Value::Array(items.to_vec()), format),
    }
}

/// Prints one value as JSON or YAML; as a table it is printed as YAML, which reads well for one object.
pub(crate) fn value(value: &Value, format: Format) -> Result<(), Failure> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(value).context("failed to write JSON")?,
        Format::Yaml | Format::Table => serde_saphyr::to_string(value).context("failed to write YAML")?,
    };
    data(text.trim_end())
}

fn table(items: &[Value], columns: &[Column]) -> String {
    let headings: Vec<String> = columns.iter().map(|column| column.heading.to_owned()).collect();
    let rows = items.iter().map(|item| columns.iter().map(|column| (column.cell)(item)).collect()).collect();
    let right: Vec<bool> = columns.iter().map(|column| column.right).collect();
    grid(headings, rows, &right)
}

/// Lays out text cells; `right[i]` lines column `i` up on the right.
pub(crate) fn grid(headings: Vec<String>, rows: Vec<Vec<String>>, right: &[bool]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(headings);
    for (index, _) in right.iter().enumerate().filter(|(_, right)| **right) {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows {
        table.add_row(row);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A string field, `-` when absent.
pub(crate) fn text(item: &Value, field: &str) -> String {
    match &item[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

/// Control characters would let a trace write to the terminal it is shown on.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Keeps at most `width` characters, the last of them `…` when something was cut.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// `1.2 s`, `340 ms`, `3 m 05 s`.
pub(crate) fn duration(nanos: i64) -> String {
    let millis = nanos / 1_000_000;
    match millis {
        ..1 => format!("{} µs", nanos / 1_000),
        1..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} m {:02} s", millis / 60_000, millis / 1_000 % 60),
    }
}

/// Cost of a run or step: `unknown` when nothing had a price, `≥` when only some calls had one.
pub(crate) fn cost(cost_usd: Option<f64>, unpriced_calls: u64) -> String {
    match (cost_usd, unpriced_calls) {
        (None, 0) => "-".to_owned(),
        (None, _) => "unknown".to_owned(),
        (Some(dollars), 0) => format!("${dollars:.4}"),
        (Some(dollars), _) => format!("≥ ${dollars:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{cost, cut, duration, grid, one_line};

    #[test]
    fn an_unknown_cost_is_never_zero() {
        assert_eq!(cost(None, 3), "unknown");
        assert_eq!(cost(Some(0.5), 1), "≥ $0.5000");
        assert_eq!(cost(Some(0.5), 0), "$0.5000");
    }

    #[test]
    fn durations_read_like_a_person_says_them() {
        let cases = [(900, "0 µs"), (1_500_000, "1 ms"), (1_250_000_000, "1.2 s"), (185_000_000_000, "3 m 05 s")];
        for (nanos, expected) in cases {
            assert_eq!(duration(nanos), expected);
        }
    }

    #[test]
    fn text_from_a_trace_cannot_steer_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc"), "a [2Jb c");
        assert_eq!(cut("überlang", 4), "übe…");
    }

    #[test]
    fn numbers_line_up_on_the_right() {
        let rows = vec![vec!["a".into(), "1".into()], vec!["b".into(), "100".into()]];
        let text = grid(vec!["name".into(), "n".into()], rows, &[false, true]);
        assert!(text.lines().nth(1).is_some_and(|line| line.ends_with("  1")), "{text}");
    }
}
