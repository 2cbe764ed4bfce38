//! Which segments to merge next. Pure.

use std::sync::Arc;

use mizzen_model::time::Timestamp;

use crate::engine::segment::{Segment, Signal};
use crate::engine::view::{Hidden, Snapshot};

/// A segment of this size is at rest. Under load a flush of the memory is as large; what is merged comes from
/// flushes by time, or compresses very well. Larger segments would cost a second writing of every row, and what reads
/// many segments reads them side by side.
const REST_BYTES: u64 = 1024 * 1024;
/// A merge takes no more than this.
const MERGE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Segments merged at once: each holds about 300 KB of pages in memory, and a decompressor of 96 KB for each of its 34 compressed
/// columns.
const INPUTS_MAX: usize = 24;
/// As many segments of one size are worth a merge, also when what they make is not at rest.
const INPUTS_WORTH_IT: usize = 16;
/// Old segments are few and come no more: a smaller number is worth it too.
const INPUTS_WORTH_IT_OLD: usize = 4;
const OLD_NS: i64 = 10 * 60 * 1_000_000_000;
/// Upper bounds of the sizes that are merged among themselves.
const TIER_BYTES: [u64; 2] = [128 * 1024, REST_BYTES];

/// When a merge is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Eagerness {
    WorthIt,
    /// Whatever is not at rest.
    Everything,
}

/// Segments of one signal to become one.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) inputs: Vec<Arc<Segment>>,
    /// What is hidden as of now.
    pub(super) hidden: Hidden,
}

/// What to merge next, if anything. Deleted runs come first: they were promised to go.
pub(super) fn next(snapshot: &Snapshot, now: Timestamp, eagerness: Eagerness) -> Option<Plan> {
    let inputs = hiding(snapshot).or_else(|| {
        Signal::ALL.into_iter().find_map(|signal| {
            let mut small: Vec<_> = snapshot.segments_of(signal).filter(|s| s.bytes < REST_BYTES).cloned().collect();
            small.sort_by_key(|segment| segment.received_max);
            match eagerness {
                Eagerness::WorthIt => worth_it(&small, now),
                Eagerness::Everything => Some(fitting(small.iter())).filter(|inputs| inputs.len() > 1),
            }
        })
    })?;
    Some(Plan { inputs, hidden: snapshot.hidden.clone() })
}

fn hiding(snapshot: &Snapshot) -> Option<Vec<Arc<Segment>>> {
    let segment = snapshot.segments.iter().find(|segment| snapshot.hidden.runs_of(segment.id).is_some());
    segment.map(|segment| vec![segment.clone()])
}

/// The smallest tier with enough segments, the oldest of them first.
fn worth_it(small: &[Arc<Segment>], now: Timestamp) -> Option<Vec<Arc<Segment>>> {
    TIER_BYTES.into_iter().find_map(|bytes_max| {
        let tier: Vec<_> = small.iter().filter(|segment| segment.bytes < bytes_max).collect();
        let is_old = tier.first().is_some_and(|oldest| now.unix_nanos() - oldest.received_max > OLD_NS);
        let needed = if is_old { INPUTS_WORTH_IT_OLD } else { INPUTS_WORTH_IT };
        let inputs = fitting(tier.iter().copied());
        let fills = inputs.iter().map(|segment| segment.bytes).sum::<u64>() >= REST_BYTES * 4;
        (inputs.len() >= needed || (fills && inputs.len() > 1)).then_some(inputs)
    })
}

/// The first segments that one merge can take.
fn fitting<'a>(segments: impl Iterator<Item = &'a Arc<Segment>>) -> Vec<Arc<Segment>> {
    let mut bytes = 0;
    let within = |segment: &&Arc<Segment>| {
        bytes += segment.bytes;
        bytes <= MERGE_BYTES_MAX
    };
    segments.take(INPUTS_MAX).take_while(within).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u64, bytes: u64) -> Arc<Segment> {
        Arc::new(Segment {
            id,
            signal: Signal::Spans,
            path: String::new(),
            bytes,
            rows: 1,
            level: 0,
            min_at: 0,
            max_at: 0,
            received_min: id as i64,
            received_max: id as i64,
        })
    }

    fn plan(sizes: &[u64], eagerness: Eagerness) -> Option<Vec<u64>> {
        let segments = sizes.iter().zip(1..).map(|(bytes, id)| segment(id, *bytes)).collect();
        let snapshot = Snapshot { segments, ..Snapshot::default() };
        let plan = next(&snapshot, Timestamp::from_unix_nanos(1_000), eagerness)?;
        Some(plan.inputs.iter().map(|segment| segment.id).collect())
    }

    #[test]
    fn few_segments_rest_and_many_of_one_size_are_merged() {
        assert_eq!(plan(&[100_000; 15], Eagerness::WorthIt), None);
        assert_eq!(plan(&[100_000; 20], Eagerness::WorthIt), Some((1..=20).collect()));
        assert_eq!(plan(&[100_000; 60], Eagerness::WorthIt), Some((1..=24).collect()), "what a merge holds is bounded");
        assert_eq!(plan(&[1024 * 1024; 40], Eagerness::Everything), None, "large ones are at rest");
        let mut sizes = vec![900 * 1024; 5];
        assert_eq!(plan(&sizes, Eagerness::WorthIt), Some(vec![1, 2, 3, 4, 5]), "together they are well at rest");
        sizes.truncate(2);
        sizes[0] = 1;
        assert_eq!(plan(&sizes, Eagerness::WorthIt), None);
        assert_eq!(plan(&sizes, Eagerness::Everything), Some(vec![1, 2]));
    }

    #[test]
    fn a_small_segment_is_not_dragged_along_with_large_ones() {
        let mut sizes = vec![900 * 1024];
        sizes.extend([1_000; 16]);
        assert_eq!(plan(&sizes, Eagerness::WorthIt), Some((2..=17).collect()));
    }

    #[test]
    fn merging_goes_on_until_nothing_is_worth_it_and_rewrites_little() {
        // 4,000 flushes by time, as they come.
        let (mut segments, mut rewritten, mut next_id) = (Vec::new(), 0, 1_000_000);
        for id in 0..4_000 {
            segments.push(segment(id, 36_000));
            let mut snapshot = Snapshot { segments, ..Snapshot::default() };
            while let Some(plan) = next(&snapshot, Timestamp::from_unix_nanos(1_000), Eagerness::WorthIt) {
                let bytes = plan.inputs.iter().map(|input| input.bytes).sum();
                rewritten += bytes;
                snapshot.segments.retain(|kept| plan.inputs.iter().all(|input| input.id != kept.id));
                snapshot.segments.push(segment(next_id, bytes));
                next_id += 1;
            }
            segments = snapshot.segments;
        }
        assert!(rewritten <= 2 * 4_000 * 36_000, "each byte at most twice, got {rewritten}");
        let at_rest = 4_000 * 36_000 / REST_BYTES as usize;
        assert!(segments.len() <= at_rest + TIER_BYTES.len() * INPUTS_WORTH_IT, "{}", segments.len());
    }

    #[test]
    fn a_deletion_is_carried_out_at_once() {
        let mut snapshot =
            Snapshot { segments: vec![segment(1, 90 * 1024 * 1024), segment(2, 5)], ..Snapshot::default() };
        snapshot.hidden.insert(1, "run");
        let plan = next(&snapshot, Timestamp::default(), Eagerness::WorthIt).unwrap();
        assert_eq!(plan.inputs[0].id, 1);
    }
}
