//! What the doors count.

use mizzen_runtime::metrics::{Counter, Gauge, Histogram, Metrics, SECONDS};

#[derive(Debug, Clone)]
pub(super) struct GatewayMetrics {
    pub(super) in_flight: Gauge,
    pub(super) streams: Gauge,
    pub(super) unauthenticated: Counter,
    pub(super) foreign_origin: Counter,
    pub(super) refused: Counter,
    pub(super) shed: Counter,
    pub(super) task_news_dropped: Counter,
    /// From a message to its answer, the tool server's time included.
    pub(super) duration: Histogram,
}

impl GatewayMetrics {
    pub(super) fn new(registry: &Metrics) -> Self {
        let counter = |name, help| registry.counter(name, help, &[]);
        Self {
            in_flight: registry.gauge(
                "mizzen_mcp_calls_in_flight",
                "Messages being answered by the tool gateway.",
                &[],
            ),
            streams: registry.gauge("mizzen_mcp_streams", "Open streams of news of the tool gateway.", &[]),
            unauthenticated: counter(
                "mizzen_mcp_unauthenticated_total",
                "Messages without a key or token that is taken.",
            ),
            foreign_origin: counter("mizzen_mcp_foreign_origin_total", "Messages of a foreign host or page."),
            refused: counter("mizzen_mcp_refused_total", "Calls that a decision refused."),
            shed: counter(
                "mizzen_mcp_records_shed_total",
                "Records of calls that were dropped because the queue was full.",
            ),
            task_news_dropped: counter(
                "mizzen_mcp_task_news_dropped_total",
                "News of tasks that were dropped, of each session that heard them: it did not make the task, or may not hear it.",
            ),
            duration: registry.histogram("mizzen_mcp_call_seconds", "Duration of tool calls.", &[], SECONDS),
        }
    }
}

/// A place among what is counted by a gauge, given back at the end.
#[derive(Debug)]
pub(super) struct Counted(Gauge);

impl Counted {
    pub(super) fn enter(gauge: &Gauge) -> Self {
        gauge.add(1);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.add(-1);
    }
}
