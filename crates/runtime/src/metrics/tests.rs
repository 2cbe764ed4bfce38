use super::{LABEL_SETS_MAX, Metrics};

#[test]
fn the_text_is_what_prometheus_reads() {
    let metrics = Metrics::new();
    metrics.counter("calls_total", "Calls.", &[("model", "a\"b\\c\nd")]).add(3);
    metrics.gauge("depth", "Depth.", &[]).set(-2);
    let seconds = metrics.histogram("wait_seconds", "Wait.", &[("kind", "x")], &[0.1, 1.0]);
    for value in [0.05, 0.1, 0.5, 7.0] {
        seconds.observe(value);
    }
    let expected = "\
# HELP calls_total Calls.
# TYPE calls_total counter
calls_total{model=\"a\\\"b\\\\c\\nd\"} 3
# HELP depth Depth.
# TYPE depth gauge
depth -2
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{kind=\"x\",le=\"0.1\"} 2
wait_seconds_bucket{kind=\"x\",le=\"1\"} 3
wait_seconds_bucket{kind=\"x\",le=\"+Inf\"} 4
wait_seconds_sum{kind=\"x\"} 7.65
wait_seconds_count{kind=\"x\"} 4
";
    assert_eq!(metrics.render(), expected);
}

#[test]
fn the_same_labels_give_the_same_counter() {
    let metrics = Metrics::new();
    metrics.counter("a_total", "A.", &[("k", "v")]).inc();
    metrics.clone().counter("a_total", "A.", &[("k", "v")]).inc();
    assert_eq!(metrics.counter("a_total", "A.", &[("k", "v")]).get(), 2);
}

#[test]
fn too_many_label_sets_share_one_series_and_lose_no_count() {
    let metrics = Metrics::new();
    for index in 0..LABEL_SETS_MAX + 50 {
        metrics.counter("a_total", "A.", &[("k", &index.to_string())]).inc();
    }
    let text = metrics.render();
    assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), LABEL_SETS_MAX + 1);
    assert!(text.contains("a_total{overflow=\"true\"} 50\n"));
}

#[test]
fn a_name_with_two_kinds_is_kept_out_of_the_text() {
    let metrics = Metrics::new();
    metrics.counter("a_total", "A.", &[]).inc();
    metrics.gauge("a_total", "A.", &[]).set(99);
    assert!(!metrics.render().contains("99"));
}

#[test]
fn threads_lose_no_observation() {
    let metrics = Metrics::new();
    let histogram = metrics.histogram("h", "H.", &[], &[1.0]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let histogram = histogram.clone();
            scope.spawn(move || (0..1_000).for_each(|_| histogram.observe(0.5)));
        }
    });
    assert_eq!(histogram.count(), 4_000);
    assert!((histogram.sum() - 2_000.0).abs() < 1e-9);
}
