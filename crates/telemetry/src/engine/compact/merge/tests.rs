use std::collections::BTreeMap;

use object_store::memory::InMemory;
use proptest::prelude::*;

use super::*;
use crate::engine::segment::decode;
use crate::engine::segment::encode::Row as _;
use crate::engine::segment::read::Columns;
use crate::engine::segment::tests::span;
use crate::engine::segment::write::write_rows;
use crate::row::SpanRow;

fn segment(id: u64, path: &str, written: Written) -> Arc<Segment> {
    Arc::new(Segment {
        id,
        signal: Signal::Spans,
        path: path.to_owned(),
        bytes: written.bytes,
        rows: written.rows,
        level: 0,
        min_at: written.min_at,
        max_at: written.max_at,
        received_min: 0,
        received_max: 0,
    })
}

/// Merges `inputs` and reads the result back.
async fn merged(inputs: Vec<Vec<SpanRow>>, hidden: Hidden) -> Vec<SpanRow> {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects.clone(), scratch.path().to_owned());
    tokio::task::spawn_blocking(move || {
        let stored = inputs.into_iter().zip(1..).map(|(mut rows, id)| {
            rows.sort_by(|a, b| a.order(b));
            let path = format!("{id}");
            let written =
                write_rows(objects.clone(), path.clone(), &rows.iter().collect::<Vec<_>>(), Purpose::Merge).unwrap();
            segment(id, &path, written)
        });
        let inputs = stored.collect();
        let cancel = CancellationToken::new();
        let work =
            Work { reader: reader.clone(), objects: objects.clone(), inputs, hidden, path: "out".into(), cancel };
        let Some(written) = work.run().unwrap() else { return Vec::new() };
        let output = segment(99, "out", written);
        assert_eq!(output.rows, written.rows);
        let scan = Handle::current().block_on(reader.scan(&output, 100)).unwrap();
        scan.flat_map(|batch| decode::spans(&batch.unwrap()).unwrap()).collect()
    })
    .await
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_merge_has_every_span_once_in_order(
        inputs in prop::collection::vec(prop::collection::vec((0u64..60, 0usize..6), 1..700), 1..6),
        hidden_run in 0usize..8,
    ) {
        // A span's run and time follow from its id, so that a span that comes twice is the same span.
        let row = |id: u64| span(&format!("run-{}", id % 6), id, (id * 7 % 50) as i64);
        let inputs: Vec<Vec<SpanRow>> =
            inputs.into_iter().map(|rows| rows.into_iter().map(|(id, lane)| row(id + 60 * lane as u64)).collect()).collect();
        let mut hidden = Hidden::default();
        let hidden_run = format!("run-{hidden_run}");
        hidden.insert(1, &hidden_run);
        let mut expected = BTreeMap::new();
        for (rows, id) in inputs.iter().zip(1..) {
            for row in rows.iter().filter(|row| id != 1 || *row.head.run_id != *hidden_run) {
                expected.insert((row.head.run_id.clone(), row.head.started_at, row.head.span_id), row.clone());
            }
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let found = runtime.block_on(merged(inputs, hidden));
        prop_assert_eq!(found, expected.into_values().collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_of_nothing_but_hidden_rows_leaves_no_segment() {
    let mut hidden = Hidden::default();
    hidden.insert(1, "gone");
    assert!(merged(vec![vec![span("gone", 1, 1), span("gone", 2, 2)]], hidden).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_segment_finds_its_runs() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let scratch = tempfile::tempdir().unwrap();
    let reader = SegmentReader::new(objects.clone(), scratch.path().to_owned());
    let (store, scan) = (objects.clone(), reader.clone());
    let output = tokio::task::spawn_blocking(move || {
        let inputs = (1..=3u64).map(|input| {
            let mut rows: Vec<_> = (0..500).map(|n| span(&format!("run-{n:03}"), n * 10 + input, n as i64)).collect();
            rows.sort_by(|a, b| a.order(b));
            let path = input.to_string();
            let written =
                write_rows(store.clone(), path.clone(), &rows.iter().collect::<Vec<_>>(), Purpose::Merge).unwrap();
            segment(input, &path, written)
        });
        let inputs = inputs.collect();
        let (hidden, cancel) = (Hidden::default(), CancellationToken::new());
        let work = Work { reader: scan, objects: store.clone(), inputs, hidden, path: "out".into(), cancel };
        segment(99, "out", work.run().unwrap().unwrap())
    });
    let output = output.await.unwrap();
    let batches = reader.rows_of_runs(&output, &["run-321".to_owned()], Columns::Heads, None).await.unwrap();
    let found: Vec<_> = batches.iter().flat_map(|batch| decode::spans(batch).unwrap()).collect();
    assert_eq!(found.len(), 3);
}
