//! Which steps count, worked out when steps are asked for.
//!
//! Whether a step counts depends on its whole run, and a run lies in several segments and in memory. So the heads
//! of spans are read in the order of runs (segments are sorted by run, and merged), and each run is assembled by
//! itself: memory holds one run, and the ids of what does not count. Only conditions on the run narrow this read.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type, Schema, TimestampNanosecondType};
use datafusion::catalog::Session;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt as _;
use mizzen_model::id::{SpanId, TraceId};
use mizzen_model::span::SpanKind;
use mizzen_model::step::{Outcome, Source, StepKind};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_telemetry::assemble::uncounted;
use mizzen_telemetry::row::{Name, SpanHead};

/// What a head is made of here: enough to tell what counts, and no more.
pub(super) const COLUMNS: [&str; 17] = [
    "run_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "started_at",
    "duration_ns",
    "source",
    "step",
    "model",
    "tool",
    "tool_call_id",
    "response_id",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "outcome",
];
/// Spans of one run that are looked at; telemetry assembles no more either.
const RUN_SPANS_MAX: usize = 120_000;
/// What the set takes for each id, with the room that it keeps free.
const KEY_BYTES: usize = 48;

/// A span's trace id and span id.
pub(crate) type Key = [u8; 24];

/// Steps that do not count.
#[derive(Debug, Default)]
pub(super) struct Twins {
    pub(super) twins: HashSet<Key>,
    /// Steps whose usage and cost are told again elsewhere.
    pub(super) repeated: HashSet<Key>,
}

pub(crate) fn key(trace_id: &[u8], span_id: &[u8]) -> Key {
    let mut key = [0; 24];
    for (to, from) in key.iter_mut().zip(trace_id.iter().chain(span_id)) {
        *to = *from;
    }
    key
}

/// Reads `heads`, which has [`COLUMNS`] in the order of runs.
pub(super) async fn find(state: &dyn Session, heads: Arc<dyn ExecutionPlan>) -> Result<Twins> {
    let memory = MemoryConsumer::new("twins").register(&state.runtime_env().memory_pool);
    let mut batches = heads.execute(0, state.task_ctx())?;
    let (mut found, mut run) = (Twins::default(), Vec::new());
    while let Some(batch) = batches.try_next().await? {
        let columns = Heads::of(&batch)?;
        for row in 0..batch.num_rows() {
            if run.last().is_some_and(|last: &SpanHead| &*last.run_id != columns.run(row)) {
                found.add(&run);
                run.clear();
            }
            if run.len() < RUN_SPANS_MAX {
                run.extend(columns.head(row, run.last()));
            }
        }
        memory.try_resize((found.twins.len() + found.repeated.len()) * KEY_BYTES + size_of_val(run.as_slice()))?;
        tokio::task::consume_budget().await;
    }
    found.add(&run);
    Ok(found)
}

impl Twins {
    fn add(&mut self, run: &[SpanHead]) {
        if run.len() < 2 {
            return;
        }
        let found = uncounted(run);
        let key = |(trace, span): (TraceId, SpanId)| key(trace.as_bytes(), span.as_bytes());
        self.twins.extend(found.twins.into_iter().map(key));
        self.repeated.extend(found.repeated.into_iter().map(key));
    }
}

/// The columns of a batch, by [`COLUMNS`].
struct Heads<'a> {
    columns: [&'a ArrayRef; COLUMNS.len()],
}

impl<'a> Heads<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self> {
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("no column `{name}`"));
        let columns = COLUMNS.iter().map(|name| column(name)).collect::<Result<Vec<_>>>()?;
        let columns = columns.try_into().map_err(|_| exec_datafusion_err!("columns of spans are missing"))?;
        Ok(Self { columns })
    }

    fn text(&self, column: usize, row: usize) -> Option<&'a str> {
        let texts = self.columns[column].as_string_view();
        (!texts.is_null(row)).then(|| texts.value(row))
    }

    fn bytes(&self, column: usize, row: usize) -> Option<&'a [u8]> {
        let ids = self.columns[column].as_fixed_size_binary();
        (!ids.is_null(row)).then(|| ids.value(row))
    }

    fn run(&self, row: usize) -> &'a str {
        self.text(0, row).unwrap_or_default()
    }

    fn usage(&self, row: usize) -> Option<Usage> {
        let tokens = |column: usize| {
            let tokens = self.columns[column].as_primitive::<Int64Type>();
            tokens.is_valid(row).then(|| tokens.value(row).unsigned_abs())
        };
        let (input, output) = (tokens(13), tokens(14));
        let usage =
            || Usage { input_tokens: input.unwrap_or(0), output_tokens: output.unwrap_or(0), ..Usage::default() };
        (input.is_some() || output.is_some()).then(usage)
    }

    /// The head of a row; names that the row before has are shared with it.
    fn head(&self, row: usize, before: Option<&SpanHead>) -> Option<SpanHead> {
        let named = |column: usize, same: fn(&SpanHead) -> Option<&Name>| -> Option<Name> {
            let text = self.text(column, row)?;
            let shared = before.and_then(same).filter(|name| &***name == text);
            Some(shared.cloned().unwrap_or_else(|| Name::from(text)))
        };
        Some(SpanHead {
            run_id: named(0, |head| Some(&head.run_id))?,
            trace_id: TraceId::from_bytes(self.bytes(1, row)?)?,
            span_id: SpanId::from_bytes(self.bytes(2, row)?)?,
            parent_span_id: self.bytes(3, row).and_then(SpanId::from_bytes),
            name: named(4, |head| Some(&head.name))?,
            kind: SpanKind::Internal,
            started_at: Timestamp::from_unix_nanos(
                self.columns[5].as_primitive::<TimestampNanosecondType>().value(row),
            ),
            duration_ns: self.columns[6].as_primitive::<Int64Type>().value(row),
            outcome: self.text(16, row).and_then(|outcome| outcome.parse().ok()).unwrap_or(Outcome::Unset),
            error_type: None,
            service: None,
            step: self.text(8, row).and_then(|step| step.parse::<StepKind>().ok()),
            agent: None,
            model: named(9, |head| head.model.as_ref()),
            provider: None,
            tool: named(10, |head| head.tool.as_ref()),
            tool_call_id: named(11, |_| None),
            response_id: named(12, |_| None),
            session: None,
            usage: self.usage(row),
            cost_usd: self.columns[15].is_valid(row).then_some(0.0),
            source: self.text(7, row).and_then(|source| source.parse::<Source>().ok()).unwrap_or(Source::Sdk),
            caller: None,
            sampling_fraction: 1.0,
        })
    }
}

/// Whether a table has what it takes.
pub(super) fn can_tell(read: &Schema) -> bool {
    COLUMNS.iter().all(|name| read.field_with_name(name).is_ok())
        && read.field_with_name("trace_id").is_ok_and(|field| *field.data_type() == DataType::FixedSizeBinary(16))
}
