//! Prometheus text, exposition format 0.0.4.

use std::fmt::Write as _;

use super::Family;
use super::series::{Histogram, Kind, Series};

/// `a="b",c="d"`, values escaped as the format asks.
pub(super) fn labels(labels: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(labels.iter().map(|(name, value)| name.len() + value.len() + 4).sum());
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        escape(&mut text, value, true);
        text.push('"');
    }
    text
}

pub(super) fn family(text: &mut String, name: &str, family: &Family) {
    text.push_str("# HELP ");
    text.push_str(name);
    text.push(' ');
    escape(text, &family.help, false);
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    line(text, format_args!("\n# TYPE {name} {kind}\n"));
    let mut series: Vec<_> = family.series.iter().collect();
    series.sort_unstable_by(|left, right| left.0.cmp(right.0));
    for (labels, series) in series {
        match series {
            Series::Counter(counter) => sample(text, name, labels, counter.get()),
            Series::Gauge(gauge) => sample(text, name, labels, gauge.get()),
            Series::Histogram(values) => histogram(text, name, labels, values),
        }
    }
}

fn histogram(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let comma = if labels.is_empty() { "" } else { "," };
    let mut total = histogram.count();
    for (bound, count) in histogram.cumulative() {
        // An observation may land between the two readings; buckets must not exceed the total.
        total = total.max(count);
        line(text, format_args!("{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}\n"));
    }
    line(text, format_args!("{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {total}\n"));
    sample(text, &format!("{name}_sum"), labels, histogram.sum());
    sample(text, &format!("{name}_count"), labels, total);
}

fn sample(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    if labels.is_empty() {
        line(text, format_args!("{name} {value}\n"));
    } else {
        line(text, format_args!("{name}{{{labels}}} {value}\n"));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let (Ok(()) | Err(_)) = text.write_fmt(arguments);
}

fn escape(text: &mut String, value: &str, quotes: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}
