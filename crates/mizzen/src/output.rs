//! Data to standard output as a table, JSON or YAML; everything else to standard error.

use std::io::Write as _;

use anyhow::Context as _;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use mizzen_model::estimate::significant;
use mizzen_runtime::clock::Clock;
use mizzen_runtime::log;
use serde_json::{Value, json};

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

/// Writes a line for people to standard error, or for programs where the log is for them. Nothing is left to do when that fails.
pub(crate) fn say(text: &str) {
    write_line("INFO", text);
}

/// The same for what ends the process.
pub(crate) fn say_fatal(text: &str) {
    write_line("ERROR", text);
}

fn write_line(level: &str, text: &str) {
    let line = match log::format() {
        log::Format::Text => text.to_owned(),
        log::Format::Json => {
            let at = Clock::system().now().to_string();
            json!({ "timestamp": at, "level": level, "message": text, "target": "mizzen" }).to_string()
        }
    };
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints a list of objects; JSON and YAML get them whole, a table gets the columns.
pub(crate) fn list(items: &[Value], format: Format, columns: &[Column]) -> Result<(), Failure> {
    match format {
        Format::Table => data(&table(items, columns)),
        Format::Json | Format::Yaml => value(&Value::Array(items.to_vec()), format),
    }
}

/// The same, and for a person who looks at an empty table what is missing and what to do; standard output stays the list.
pub(crate) fn list_or(items: &[Value], format: Format, columns: &[Column], nothing: &str) -> Result<(), Failure> {
    list(items, format, columns)?;
    if items.is_empty() && format == Format::Table {
        say(nothing);
    }
    Ok(())
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

/// Seconds in the largest unit that they are a whole number of, as boundaries write them: `30d`.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: &[(u64, &str)] = &[(86_400, "d"), (3_600, "h"), (60, "m")];
    let (unit, name) = UNITS.iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).copied().unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// A time as tables show it: `2026-11-22 10:00:00`, in UTC; `-` when absent.
pub(crate) fn time(item: &Value, field: &str) -> String {
    text(item, field).chars().take("2026-11-22T10:00:00".len()).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// Digits of a double that are not the noise of its arithmetic.
const EXACT_DIGITS: u32 = 12;

/// A number of a field without the noise of its arithmetic; `-` when absent.
pub(crate) fn number(item: &Value, field: &str) -> String {
    item[field].as_f64().map_or_else(|| text(item, field), plain)
}

/// A number without the noise of its arithmetic.
pub(crate) fn plain(value: f64) -> String {
    significant(value, EXACT_DIGITS)
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: impl TryInto<u64>, one: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    }
}

/// Dollars: to the cent, and below ten cents two digits that mean something.
pub(crate) fn dollars(value: f64) -> String {
    match value {
        0.0 => "$0".to_owned(),
        0.0..0.1 => format!("${}", significant(value, 2)),
        _ => format!("${value:.2}"),
    }
}

/// Cost of a run or step: `unknown` when nothing had a price, `≥` when only some calls had one.
pub(crate) fn cost(cost_usd: Option<f64>, unpriced_calls: u64) -> String {
    match (cost_usd, unpriced_calls) {
        (None, 0) => "-".to_owned(),
        (None, _) => "unknown".to_owned(),
        (Some(value), 0) => dollars(value),
        (Some(value), _) => format!("≥ {}", dollars(value)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cost, counted, cut, dollars, duration, grid, number, one_line, span, time};

    #[test]
    fn a_span_of_time_is_said_in_its_largest_unit() {
        assert_eq!([90, 900, 7_200, 259_200].map(span), ["90s", "15m", "2h", "3d"]);
    }

    #[test]
    fn an_unknown_cost_is_never_zero() {
        assert_eq!(cost(None, 3), "unknown");
        assert_eq!(cost(Some(0.5), 1), "≥ $0.50");
        assert_eq!(cost(Some(0.000_034_2), 0), "$0.000034");
        assert_eq!(
            (dollars(0.0), dollars(0.0121), dollars(12_345.678)),
            ("$0".into(), "$0.012".into(), "$12345.68".into())
        );
    }

    #[test]
    fn times_numbers_and_counts_look_the_same_everywhere() {
        let item = json!({ "at": "2026-11-22T10:00:00.123456789Z", "spent": 2000.0, "usd": 0.003_036_950_000_000_002 });
        assert_eq!((time(&item, "at"), time(&item, "never")), ("2026-11-22 10:00:00".into(), "-".into()));
        assert_eq!((number(&item, "spent"), number(&item, "usd")), ("2000".into(), "0.00303695".into()));
        assert_eq!(
            (number(&item, "never"), counted(1_u64, "file"), counted(0_u64, "run")),
            ("-".into(), "1 file".into(), "0 runs".into())
        );
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
