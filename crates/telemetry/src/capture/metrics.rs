//! Every attribute set of a metric.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Exemplar, Metric};

/// Those of the metric, its data points and their exemplars.
pub(super) fn attribute_sets(metric: &mut Metric) -> Vec<&mut Vec<KeyValue>> {
    let mut sets = vec![&mut metric.metadata];
    match &mut metric.data {
        Some(Data::Gauge(gauge)) => {
            for point in &mut gauge.data_points {
                sets.push(&mut point.attributes);
                sets.extend(exemplars(&mut point.exemplars));
            }
        }
        Some(Data::Sum(sum)) => {
            for point in &mut sum.data_points {
                sets.push(&mut point.attributes);
                sets.extend(exemplars(&mut point.exemplars));
            }
        }
        Some(Data::Histogram(histogram)) => {
            for point in &mut histogram.data_points {
                sets.push(&mut point.attributes);
                sets.extend(exemplars(&mut point.exemplars));
            }
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            for point in &mut histogram.data_points {
                sets.push(&mut point.attributes);
                sets.extend(exemplars(&mut point.exemplars));
            }
        }
        Some(Data::Summary(summary)) => {
            for point in &mut summary.data_points {
                sets.push(&mut point.attributes);
            }
        }
        None => {}
    }
    sets
}

fn exemplars(exemplars: &mut [Exemplar]) -> impl Iterator<Item = &mut Vec<KeyValue>> {
    exemplars.iter_mut().map(|exemplar| &mut exemplar.filtered_attributes)
}
