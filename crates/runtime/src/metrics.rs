//! Mizzen's own metrics: counters, gauges and histograms, rendered as Prometheus text (exposition format 0.0.4).
//!
//! Handles are atomics: recording takes no lock and allocates nothing. Looking a handle up by its labels takes
//! a short lock, so a hot path keeps its handles. A family holds at most [`LABEL_SETS_MAX`] label sets; what comes
//! after is recorded under the label `overflow="true"`, so that totals stay right while memory stays bounded.

mod render;
mod series;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

pub use self::series::{Counter, Gauge, Histogram};
use self::series::{Kind, Series};

/// Label sets that one family may hold.
pub const LABEL_SETS_MAX: usize = 1_000;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bucket bounds, in seconds, for durations from a fraction of a millisecond to minutes.
pub const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

const OVERFLOW: &[(&str, &str)] = &[("overflow", "true")];

/// The registry. Cheap to clone; clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<BTreeMap<String, Family>>>,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: String,
    /// By rendered labels, for example `limit="body_bytes"`.
    series: HashMap<String, Series>,
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter of this name and these labels, made on first use. By convention the name ends in `_total`.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        match self.series(name, help, labels, Kind::Counter, &[]) {
            Series::Counter(counter) => counter,
            Series::Gauge(_) | Series::Histogram(_) => Counter::default(),
        }
    }

    #[must_use]
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        match self.series(name, help, labels, Kind::Gauge, &[]) {
            Series::Gauge(gauge) => gauge,
            Series::Counter(_) | Series::Histogram(_) => Gauge::default(),
        }
    }

    /// `bounds` are the upper bounds of the buckets, ascending, without infinity; see [`SECONDS`].
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, labels: &[(&str, &str)], bounds: &'static [f64]) -> Histogram {
        match self.series(name, help, labels, Kind::Histogram, bounds) {
            Series::Histogram(histogram) => histogram,
            Series::Counter(_) | Series::Gauge(_) => Histogram::new(bounds),
        }
    }

    /// Everything, as Prometheus text, families and series in a stable order.
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::with_capacity(families.len() * 256);
        for (name, family) in families.iter() {
            render::family(&mut text, name, family);
        }
        text
    }

    fn series(&self, name: &str, help: &str, labels: &[(&str, &str)], kind: Kind, bounds: &'static [f64]) -> Series {
        let key = render::labels(labels);
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if !families.contains_key(name) {
            let family = Family { kind, help: help.to_owned(), series: HashMap::new() };
            families.insert(name.to_owned(), family);
        }
        let Some(family) = families.get_mut(name).filter(|family| family.kind == kind) else {
            // One name with two kinds is a mistake of the program: record it nowhere rather than render nonsense.
            tracing::error!(metric = name, ?kind, "the metric exists with another kind");
            return Series::new(kind, bounds);
        };
        if let Some(series) = family.series.get(&key) {
            return series.clone();
        }
        let key = if family.series.len() < LABEL_SETS_MAX { key } else { render::labels(OVERFLOW) };
        family.series.entry(key).or_insert_with(|| Series::new(kind, bounds)).clone()
    }
}

#[cfg(test)]
mod tests;
