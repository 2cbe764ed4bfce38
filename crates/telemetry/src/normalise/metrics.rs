//! OTLP metric data points to rows.

use mizzen_model::id::hex;
use mizzen_model::time::Timestamp;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric, NumberDataPoint, exemplar};
use serde_json::{Map, Value, json};

use super::intern::Interner;
use super::json::JsonWriter;
use super::shared::{SharedResource, SharedScope};
use super::{Normalised, Normaliser, Remarks};
use crate::decode::borrowed::{Attribute, Scope};
use crate::origin::Origin;
use crate::row::{MetricRow, Name};

pub(super) fn rows(
    normaliser: &Normaliser,
    request: &ExportMetricsServiceRequest,
    origin: &Origin,
) -> Normalised<MetricRow> {
    let mut batch =
        Batch { normaliser, origin, names: Interner::default(), remarks: Remarks::default(), rows: Vec::new() };
    for resource_metrics in &request.resource_metrics {
        let resource = SharedResource::read(
            &Attribute::all_of(resource_metrics.resource.as_ref()),
            &normaliser.keys,
            &normaliser.limits,
            &mut batch.names,
            origin,
        );
        for scope_metrics in &resource_metrics.scope_metrics {
            let scope = scope_metrics.scope.as_ref().map(Scope::from);
            let scope = SharedScope::read(scope.as_ref(), &scope_metrics.schema_url, &normaliser.limits);
            for metric in &scope_metrics.metrics {
                batch.points(metric, &resource, &scope);
            }
        }
    }
    batch.remarks.finish("metric", batch.rows)
}

struct Batch<'a> {
    normaliser: &'a Normaliser,
    origin: &'a Origin,
    names: Interner<'a>,
    remarks: Remarks,
    rows: Vec<MetricRow>,
}

/// What all points of one metric share.
struct Series {
    name: Name,
    unit: Name,
    kind: &'static str,
    service: Option<Name>,
    resource: Name,
    scope: Name,
}

/// One point, with the rest of it as `detail`.
struct Point<'p> {
    time_unix_nano: u64,
    start_time_unix_nano: u64,
    attributes: &'p [KeyValue],
    value: Option<f64>,
    count: Option<u64>,
    detail: Map<String, Value>,
}

impl<'a> Batch<'a> {
    fn points(&mut self, metric: &'a Metric, resource: &SharedResource<'a>, scope: &SharedScope<'a>) {
        let Some(data) = &metric.data else {
            self.remarks.refuse("metric has no data");
            return;
        };
        let name_max = self.normaliser.limits.name_bytes_max;
        let kind = match data {
            Data::Gauge(_) => "gauge",
            Data::Sum(_) => "sum",
            Data::Histogram(_) => "histogram",
            Data::ExponentialHistogram(_) => "exponential_histogram",
            Data::Summary(_) => "summary",
        };
        let series = Series {
            name: self.names.name(&metric.name, name_max),
            unit: self.names.name(&metric.unit, name_max),
            kind,
            service: resource.service.clone(),
            resource: resource.json.clone(),
            scope: scope.json.clone(),
        };
        for point in points_of(data) {
            self.push(&series, point);
        }
    }

    fn push(&mut self, series: &Series, point: Point<'_>) {
        let mut attributes = JsonWriter::new(&self.normaliser.limits, 128);
        attributes.attributes(&point.attributes.iter().map(Attribute::from).collect::<Vec<_>>());
        if attributes.cut {
            self.remarks.change("attributes cut to the limits `attributes_max` and `value_bytes_max`");
        }
        let mut detail = point.detail;
        if point.start_time_unix_nano > 0 {
            detail.insert("start_time".to_owned(), json!(Timestamp::from_otlp(point.start_time_unix_nano)));
        }
        let at = match point.time_unix_nano {
            0 => self.origin.received_at,
            nanos => Timestamp::from_otlp(nanos),
        };
        self.rows.push(MetricRow {
            name: series.name.clone(),
            unit: series.unit.clone(),
            kind: series.kind,
            at,
            service: series.service.clone(),
            value: point.value,
            count: point.count,
            attributes: attributes.out,
            detail: Value::Object(detail).to_string(),
            resource: series.resource.clone(),
            scope: series.scope.clone(),
        });
    }
}

fn points_of(data: &Data) -> Vec<Point<'_>> {
    match data {
        Data::Gauge(gauge) => gauge.data_points.iter().map(|point| number_point(point, Map::new())).collect(),
        Data::Sum(sum) => {
            let mut shared = temporality(sum.aggregation_temporality);
            shared.insert("monotonic".to_owned(), json!(sum.is_monotonic));
            sum.data_points.iter().map(|point| number_point(point, shared.clone())).collect()
        }
        Data::Histogram(_) => histogram_points(data),
        Data::ExponentialHistogram(_) => exponential_points(data),
        Data::Summary(summary) => summary
            .data_points
            .iter()
            .map(|point| {
                let quantiles: Vec<Value> =
                    point.quantile_values.iter().map(|q| json!({ "quantile": q.quantile, "value": q.value })).collect();
                Point {
                    time_unix_nano: point.time_unix_nano,
                    start_time_unix_nano: point.start_time_unix_nano,
                    attributes: &point.attributes,
                    value: Some(point.sum),
                    count: Some(point.count),
                    detail: Map::from_iter([("quantiles".to_owned(), Value::Array(quantiles))]),
                }
            })
            .collect(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "metric values are doubles in the column; above 2^53 they round")]
fn number_point(point: &NumberDataPoint, mut detail: Map<String, Value>) -> Point<'_> {
    add_exemplars(&mut detail, &point.exemplars);
    Point {
        time_unix_nano: point.time_unix_nano,
        start_time_unix_nano: point.start_time_unix_nano,
        attributes: &point.attributes,
        value: point.value.map(|value| match value {
            Number::AsDouble(number) => number,
            Number::AsInt(number) => number as f64,
        }),
        count: None,
        detail,
    }
}

fn histogram_points(data: &Data) -> Vec<Point<'_>> {
    let Data::Histogram(histogram) = data else { return Vec::new() };
    let points = histogram.data_points.iter().map(|point| {
        let mut detail = temporality(histogram.aggregation_temporality);
        detail.insert("bounds".to_owned(), json!(point.explicit_bounds));
        detail.insert("counts".to_owned(), json!(point.bucket_counts));
        detail.insert("min".to_owned(), json!(point.min));
        detail.insert("max".to_owned(), json!(point.max));
        add_exemplars(&mut detail, &point.exemplars);
        Point {
            time_unix_nano: point.time_unix_nano,
            start_time_unix_nano: point.start_time_unix_nano,
            attributes: &point.attributes,
            value: point.sum,
            count: Some(point.count),
            detail,
        }
    });
    points.collect()
}

fn exponential_points(data: &Data) -> Vec<Point<'_>> {
    let Data::ExponentialHistogram(histogram) = data else { return Vec::new() };
    let buckets = |buckets: Option<&Buckets>| {
        buckets.map_or(Value::Null, |buckets| json!({ "offset": buckets.offset, "counts": buckets.bucket_counts }))
    };
    let points = histogram.data_points.iter().map(|point| {
        let mut detail = temporality(histogram.aggregation_temporality);
        detail.insert("scale".to_owned(), json!(point.scale));
        detail.insert("zero_count".to_owned(), json!(point.zero_count));
        detail.insert("zero_threshold".to_owned(), json!(point.zero_threshold));
        detail.insert("positive".to_owned(), buckets(point.positive.as_ref()));
        detail.insert("negative".to_owned(), buckets(point.negative.as_ref()));
        detail.insert("min".to_owned(), json!(point.min));
        detail.insert("max".to_owned(), json!(point.max));
        add_exemplars(&mut detail, &point.exemplars);
        Point {
            time_unix_nano: point.time_unix_nano,
            start_time_unix_nano: point.start_time_unix_nano,
            attributes: &point.attributes,
            value: point.sum,
            count: Some(point.count),
            detail,
        }
    });
    points.collect()
}

fn temporality(number: i32) -> Map<String, Value> {
    let name = match number {
        1 => "delta",
        2 => "cumulative",
        _ => "unspecified",
    };
    Map::from_iter([("temporality".to_owned(), Value::from(name))])
}

fn add_exemplars(detail: &mut Map<String, Value>, exemplars: &[Exemplar]) {
    if exemplars.is_empty() {
        return;
    }
    let listed = exemplars.iter().map(|exemplar| {
        let value = match exemplar.value {
            Some(exemplar::Value::AsDouble(number)) => json!(number),
            Some(exemplar::Value::AsInt(number)) => json!(number),
            None => Value::Null,
        };
        json!({
            "trace_id": hex(&exemplar.trace_id),
            "span_id": hex(&exemplar.span_id),
            "time": Timestamp::from_otlp(exemplar.time_unix_nano),
            "value": value,
        })
    });
    detail.insert("exemplars".to_owned(), Value::Array(listed.collect()));
}
