//! What a boundary lets its agents spend.

use mizzen_model::permission::{BudgetLimit, BudgetScope, BudgetWindow};
use mizzen_model::yaml::{Kind, Node};
use serde_json::Number;

use super::reader::Reader;

const NANO_PLACES: usize = 9;
const SCOPES: &[(&str, BudgetScope)] = &[
    ("agent", BudgetScope::Agent),
    ("team", BudgetScope::Team),
    ("session", BudgetScope::Session),
    ("run", BudgetScope::Run),
];

pub(super) fn budget(reader: &mut Reader<'_>, node: &Node) -> Option<BudgetLimit> {
    let fields = reader.fields(node, "a budget", &["per", "every", "usd", "tokens", "calls", "seconds"])?;
    if fields.get("per").is_none() {
        reader.error(fields.at, "a budget needs `per`: `agent`, `team`, `session` or `run`");
    }
    let per = reader.word(fields.get("per"), "per", SCOPES, BudgetScope::Agent);
    let every = match fields.get("every") {
        Some(node) => window(reader, node)?,
        None if matches!(per, BudgetScope::Session | BudgetScope::Run) => BudgetWindow::Whole,
        None => {
            reader.error(
                fields.at,
                "a budget per agent or team needs `every`: `day`, `hour`, `15m`, or `whole` for once and for all",
            );
            return None;
        }
    };
    let cost_nano_usd = fields.get("usd").and_then(|node| {
        let nano = reader.number(node, "usd").and_then(|number| nano_usd(&number));
        if nano.is_none() {
            reader.error(node.at, "`usd` must be a number of at least 0 with at most nine places");
        }
        nano
    });
    let mut whole = |field: &str| fields.get(field).and_then(|node| reader.whole(node, field));
    let (tokens, calls) = (whole("tokens"), whole("calls"));
    let duration_ms = whole("seconds").and_then(|seconds| seconds.checked_mul(1000));
    if cost_nano_usd.is_none() && tokens.is_none() && calls.is_none() && duration_ms.is_none() {
        reader.error(fields.at, "a budget limits at least one of `usd`, `tokens`, `calls` and `seconds`");
    }
    Some(BudgetLimit { line: node.at.line, per, every, cost_nano_usd, tokens, calls, duration_ms })
}

fn window(reader: &mut Reader<'_>, node: &Node) -> Option<BudgetWindow> {
    let expected =
        "`every` must be `day`, `hour`, `minute`, `whole`, or a number with `s`, `m`, `h` or `d`, such as `15m`";
    let window = match &node.kind {
        Kind::Text(text) => match text.as_str() {
            "day" => Some(BudgetWindow::Day),
            "hour" => Some(BudgetWindow::Seconds(3600)),
            "minute" => Some(BudgetWindow::Seconds(60)),
            "whole" => Some(BudgetWindow::Whole),
            other => seconds(other).map(BudgetWindow::Seconds),
        },
        _ => None,
    };
    if window.is_none() {
        reader.error(node.at, expected);
    }
    window
}

fn seconds(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text[..text.len() - 1].parse().ok()?;
    count.checked_mul(unit).filter(|seconds| *seconds > 0)
}

/// Billionths of a dollar, exactly.
fn nano_usd(number: &Number) -> Option<u64> {
    let text = number
        .as_u64()
        .map_or_else(|| number.as_f64().map(|double| double.to_string()), |whole| Some(whole.to_string()))?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if fraction.len() > NANO_PLACES {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<NANO_PLACES$}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction)
}
