//! What the engine measures of itself: the numbers behind `/metrics` and `/loads`.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::answer::Stop;
use super::prefix::BLOCK_TOKENS;

#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) running: AtomicU64,
    pub(super) waiting: AtomicU64,
    /// Cache blocks held by running requests.
    pub(super) blocks_held: AtomicU64,
    pub(super) prompt_tokens: AtomicU64,
    pub(super) completion_tokens: AtomicU64,
    pub(super) cached_tokens: AtomicU64,
    finished: [AtomicU64; 4],
    pub(super) first_token: Histogram,
    pub(super) whole_request: Histogram,
}

const FINISHED: [&str; 4] = ["stop", "length", "tool_calls", "abort"];

impl Load {
    /// `None`: the client went away before the end.
    pub(super) fn count_finished(&self, stop: Option<Stop>) {
        let index = match stop {
            Some(Stop::End) => 0,
            Some(Stop::Length) => 1,
            Some(Stop::Calls) => 2,
            None => 3,
        };
        self.finished[index].fetch_add(1, Relaxed);
    }

    /// Share of the cache's blocks that running requests hold, 0 to 1.
    pub(super) fn cache_use(&self, blocks_max: usize) -> f64 {
        (self.blocks_held.load(Relaxed) as f64 / blocks_max.max(1) as f64).min(1.0)
    }

    /// Prometheus text with vLLM's metric names.
    pub(super) fn render(&self, model: &str, blocks_max: usize) -> String {
        let mut text = String::with_capacity(4096);
        let label = format!("model_name=\"{model}\"");
        let gauges = [
            ("vllm:num_requests_running", self.running.load(Relaxed) as f64),
            ("vllm:num_requests_waiting", self.waiting.load(Relaxed) as f64),
            ("vllm:kv_cache_usage_perc", self.cache_use(blocks_max)),
            ("vllm:engine_sleep_state", 0.0),
        ];
        for (name, value) in gauges {
            let _ = writeln!(text, "# TYPE {name} gauge\n{name}{{{label}}} {value}");
        }
        let counters = [
            ("vllm:prompt_tokens_total", &self.prompt_tokens),
            ("vllm:generation_tokens_total", &self.completion_tokens),
            ("vllm:prefix_cache_queries_total", &self.prompt_tokens),
            ("vllm:prefix_cache_hits_total", &self.cached_tokens),
        ];
        for (name, value) in counters {
            let _ = writeln!(text, "# TYPE {name} counter\n{name}{{{label}}} {}", value.load(Relaxed));
        }
        let _ = writeln!(text, "# TYPE vllm:num_preemptions_total counter\nvllm:num_preemptions_total{{{label}}} 0");
        let _ = writeln!(text, "# TYPE vllm:request_success_total counter");
        for (reason, count) in FINISHED.iter().zip(&self.finished) {
            let count = count.load(Relaxed);
            let _ = writeln!(text, "vllm:request_success_total{{{label},finished_reason=\"{reason}\"}} {count}");
        }
        self.first_token.render(&mut text, "vllm:time_to_first_token_seconds", &label);
        self.whole_request.render(&mut text, "vllm:e2e_request_latency_seconds", &label);
        let _ = writeln!(
            text,
            "# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{{block_size=\"{BLOCK_TOKENS}\",\
             enable_prefix_caching=\"True\",num_gpu_blocks=\"{blocks_max}\"}} 1"
        );
        text
    }
}

const BOUNDS_SECONDS: [f64; 12] = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BOUNDS_SECONDS.len()],
    count: AtomicU64,
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, value: Duration) {
        let seconds = value.as_secs_f64();
        if let Some(index) = BOUNDS_SECONDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[index].fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(u64::try_from(value.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    fn render(&self, text: &mut String, name: &str, label: &str) {
        let _ = writeln!(text, "# TYPE {name} histogram");
        let mut below = 0;
        for (bound, bucket) in BOUNDS_SECONDS.iter().zip(&self.buckets) {
            below += bucket.load(Relaxed);
            let _ = writeln!(text, "{name}_bucket{{{label},le=\"{bound}\"}} {below}");
        }
        let count = self.count.load(Relaxed);
        let _ = writeln!(text, "{name}_bucket{{{label},le=\"+Inf\"}} {count}");
        let _ = writeln!(text, "{name}_sum{{{label}}} {}", self.sum_micros.load(Relaxed) as f64 / 1e6);
        let _ = writeln!(text, "{name}_count{{{label}}} {count}");
    }
}
