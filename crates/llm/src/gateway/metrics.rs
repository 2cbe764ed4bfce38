//! What `/metrics` says about model calls.

use std::collections::HashMap;

use mizzen_model::usage::Usage;
use mizzen_runtime::metrics::{Counter, Gauge, Histogram, Metrics, SECONDS};

/// Model names come from callers, so only so many become labels; the others count as `other`.
const MODELS_MAX: usize = 100;
/// Likewise for whole label sets, which also hold the error.
const SERIES_MAX: usize = 500;
const OTHER: &str = "other";

/// Handles for the path of a call: atomics, no lock.
#[derive(Debug, Clone)]
pub(super) struct GatewayMetrics {
    pub(super) in_flight: Gauge,
    pub(super) shed: Counter,
    pub(super) unauthenticated: Counter,
    pub(super) retries: Counter,
}

impl GatewayMetrics {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            in_flight: metrics.gauge("mizzen_gateway_calls_in_flight", "Calls that have not ended.", &[]),
            shed: metrics.counter(
                "mizzen_gateway_records_shed_total",
                "Calls whose record was dropped because a queue was full.",
                &[],
            ),
            unauthenticated: metrics.counter("mizzen_gateway_unauthenticated_total", "Calls without a valid key.", &[]),
            retries: metrics.counter("mizzen_gateway_retries_total", "Further attempts at an upstream.", &[]),
        }
    }
}

/// One finished call, as metrics see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallFacts<'a> {
    pub(super) operation: &'static str,
    pub(super) provider: &'static str,
    pub(super) upstream: &'a str,
    pub(super) model: &'a str,
    /// Whether an upstream knows the model: what was refused, here or there, makes no label.
    pub(super) answered: bool,
    /// Empty when there was none.
    pub(super) error: &'a str,
    pub(super) duration_seconds: f64,
    pub(super) first_chunk_seconds: Option<f64>,
    pub(super) usage: Option<Usage>,
}

/// Metrics by model, kept by the one task that records.
#[derive(Debug)]
pub(super) struct CallMetrics {
    metrics: Metrics,
    series: HashMap<String, Series>,
    models: Vec<String>,
}

#[derive(Debug, Clone)]
struct Series {
    duration: Histogram,
    first_chunk: Histogram,
    input: Counter,
    output: Counter,
}

impl CallMetrics {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self { metrics, series: HashMap::new(), models: Vec::new() }
    }

    pub(super) fn observe(&mut self, facts: &CallFacts<'_>) {
        let series = self.series(facts);
        series.duration.observe(facts.duration_seconds);
        if let Some(seconds) = facts.first_chunk_seconds {
            series.first_chunk.observe(seconds);
        }
        if let Some(usage) = facts.usage {
            series.input.add(usage.input_tokens);
            series.output.add(usage.output_tokens);
        }
    }

    fn series(&mut self, facts: &CallFacts<'_>) -> &Series {
        let model = if self.is_label(facts.model, facts.answered) { facts.model } else { OTHER };
        let error = if self.series.len() < SERIES_MAX || facts.error.is_empty() { facts.error } else { OTHER };
        let key = format!("{} {} {model} {error}", facts.operation, facts.upstream);
        let metrics = &self.metrics;
        self.series.entry(key).or_insert_with(|| make(metrics, facts, model, error))
    }

    fn is_label(&mut self, model: &str, answered: bool) -> bool {
        if self.models.iter().any(|known| known == model) {
            return true;
        }
        let room = answered && self.models.len() < MODELS_MAX;
        if room {
            self.models.push(model.to_owned());
        }
        room
    }
}

fn make(metrics: &Metrics, facts: &CallFacts<'_>, model: &str, error: &str) -> Series {
    let labels = [
        ("gen_ai_operation_name", facts.operation),
        ("gen_ai_provider_name", facts.provider),
        ("gen_ai_request_model", model),
        ("mizzen_upstream", facts.upstream),
    ];
    let tokens = |kind| {
        let labels = [&labels[..], &[("gen_ai_token_type", kind)]].concat();
        metrics.counter("gen_ai_client_token_usage_total", "Tokens of model calls.", &labels)
    };
    let with_error = [&labels[..], &[("error_type", error)]].concat();
    let ended = if error.is_empty() { &labels[..] } else { &with_error[..] };
    Series {
        duration: metrics.histogram(
            "gen_ai_client_operation_duration_seconds",
            "Duration of model calls.",
            ended,
            SECONDS,
        ),
        first_chunk: metrics.histogram(
            "gen_ai_client_operation_time_to_first_chunk_seconds",
            "Time to the first chunk of streamed model calls.",
            &labels,
            SECONDS,
        ),
        input: tokens("input"),
        output: tokens("output"),
    }
}

#[cfg(test)]
mod tests {
    use mizzen_model::usage::Usage;
    use mizzen_runtime::metrics::Metrics;

    use super::{CallFacts, CallMetrics, MODELS_MAX};

    #[test]
    fn calls_count_by_model_and_a_flood_of_names_stays_bounded() {
        let metrics = Metrics::new();
        let mut calls = CallMetrics::new(metrics.clone());
        for number in 0..3 * MODELS_MAX {
            let model = format!("m{number}");
            let usage = Usage { input_tokens: 2, output_tokens: 1, ..Usage::default() };
            calls.observe(&CallFacts {
                operation: "chat",
                provider: "openai",
                upstream: "u",
                model: &model,
                answered: true,
                error: "",
                duration_seconds: 0.1,
                first_chunk_seconds: None,
                usage: Some(usage),
            });
        }
        let text = metrics.render();
        assert!(
            text.lines().any(|line| line.contains("gen_ai_token_type=\"input\"")
                && line.contains("\"other\"")
                && line.ends_with(" 400")),
            "{text}"
        );
        assert!(
            text.lines().filter(|line| line.starts_with("gen_ai_client_operation_duration_seconds_count")).count()
                == MODELS_MAX + 1
        );
    }

    #[test]
    fn a_refused_name_takes_no_label_from_one_that_works() {
        let metrics = Metrics::new();
        let mut calls = CallMetrics::new(metrics.clone());
        let facts = CallFacts {
            operation: "chat",
            provider: "openai",
            upstream: "u",
            model: "real",
            answered: true,
            error: "",
            duration_seconds: 0.1,
            first_chunk_seconds: None,
            usage: None,
        };
        for number in 0..2 * MODELS_MAX {
            let model = format!("made-up-{number}");
            calls.observe(&CallFacts { model: &model, answered: false, error: "policy_denied", ..facts });
        }
        calls.observe(&facts);
        calls.observe(&CallFacts { answered: false, error: "rate_limited", ..facts });
        let text = metrics.render();
        assert!(!text.contains("made-up"), "{text}");
        let counts =
            |label: &str| text.lines().any(|line| line.contains("duration_seconds_count") && line.contains(label));
        assert!(counts("\"real\"") && counts("rate_limited") && counts("\"other\""), "{text}");
        assert!(text.lines().any(|line| line.contains("rate_limited") && line.contains("\"real\"")), "{text}");
    }
}
