//! The run index as a table, read page by page so that a million runs need the memory of one page.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::future::BoxFuture;
use futures::stream;
use mizzen_model::run::RunSummary;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Runs and the cursor of the next page, `None` after the last.
pub(crate) type Page = (Vec<RunSummary>, Option<String>);

/// Reads the page at a cursor, the first at `None`.
pub(crate) type Pages = Arc<dyn Fn(Option<String>) -> BoxFuture<'static, Result<Page, BoxError>> + Send + Sync>;

pub(crate) fn table(pages: Pages) -> Result<Arc<dyn TableProvider>> {
    let schema = schema();
    let partition = Runs { schema: schema.clone(), pages };
    Ok(Arc::new(StreamingTable::try_new(schema, vec![Arc::new(partition)])?))
}

struct Runs {
    schema: SchemaRef,
    pages: Pages,
}

impl fmt::Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runs")
    }
}

/// Where a read of all pages is.
enum At {
    Page(Option<String>),
    End,
}

impl PartitionStream for Runs {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (schema, pages) = (self.schema.clone(), self.pages.clone());
        let batches = stream::try_unfold(At::Page(None), move |at| {
            let (schema, pages) = (schema.clone(), pages.clone());
            async move {
                let At::Page(cursor) = at else { return Ok(None) };
                let (runs, next) = pages(cursor).await.map_err(DataFusionError::External)?;
                let next = next.map_or(At::End, |cursor| At::Page(Some(cursor)));
                Ok(Some((batch(&schema, &runs)?, next)))
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some(Arc::from("UTC")));
    let fields = [
        ("run_id", DataType::Utf8),
        ("agent", DataType::Utf8),
        ("title", DataType::Utf8),
        ("status", DataType::Utf8),
        ("error_message", DataType::Utf8),
        ("started_at", time),
        ("duration_ms", DataType::Float64),
        ("spans", DataType::UInt32),
        ("steps", DataType::UInt32),
        ("model_calls", DataType::UInt32),
        ("tool_calls", DataType::UInt32),
        ("errors", DataType::UInt32),
        ("input_tokens", DataType::UInt64),
        ("output_tokens", DataType::UInt64),
        ("cache_read_tokens", DataType::UInt64),
        ("cache_write_tokens", DataType::UInt64),
        ("reasoning_tokens", DataType::UInt64),
        ("cost_usd", DataType::Float64),
        ("unpriced_calls", DataType::UInt32),
        ("model", DataType::Utf8),
        ("models", DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))),
        ("session", DataType::Utf8),
        ("caller", DataType::Utf8),
        ("service", DataType::Utf8),
        ("revision", DataType::UInt32),
        ("is_final", DataType::Boolean),
        ("confinement", DataType::Utf8),
    ];
    Arc::new(Schema::new(fields.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

fn batch(schema: &SchemaRef, runs: &[RunSummary]) -> Result<RecordBatch, ArrowError> {
    let text = |field: fn(&RunSummary) -> Option<&str>| -> ArrayRef {
        Arc::new(runs.iter().map(field).collect::<StringArray>())
    };
    let count =
        |field: fn(&RunSummary) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(runs.iter().map(field))) };
    let tokens =
        |field: fn(&RunSummary) -> u64| -> ArrayRef { Arc::new(UInt64Array::from_iter_values(runs.iter().map(field))) };
    let started = TimestampNanosecondArray::from_iter_values(runs.iter().map(|run| run.started_at.unix_nanos()));
    let milliseconds = runs.iter().map(|run| run.duration_ns as f64 / 1e6);
    let columns: Vec<ArrayRef> = vec![
        text(|run| Some(run.run_id.as_str())),
        text(|run| run.agent.as_deref()),
        text(|run| Some(&run.title)),
        text(|run| Some(run.outcome.as_str())),
        text(|run| run.error_message.as_deref()),
        Arc::new(started.with_timezone("UTC")),
        Arc::new(Float64Array::from_iter_values(milliseconds)),
        count(|run| run.spans),
        count(|run| run.steps),
        count(|run| run.model_calls),
        count(|run| run.tool_calls),
        count(|run| run.errors),
        tokens(|run| run.usage.input_tokens),
        tokens(|run| run.usage.output_tokens),
        tokens(|run| run.usage.cache_read_tokens),
        tokens(|run| run.usage.cache_write_tokens),
        tokens(|run| run.usage.reasoning_tokens),
        Arc::new(runs.iter().map(|run| run.cost_usd).collect::<Float64Array>()),
        count(|run| run.unpriced_calls),
        text(|run| run.models.first().map(String::as_str)),
        models(runs),
        text(|run| run.session.as_deref()),
        text(|run| run.caller.as_deref()),
        text(|run| run.service.as_deref()),
        count(|run| run.revision),
        Arc::new(runs.iter().map(|run| Some(run.is_final)).collect::<BooleanArray>()),
        text(|run| run.confinement.as_deref()),
    ];
    RecordBatch::try_new(schema.clone(), columns)
}

fn models(runs: &[RunSummary]) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for run in runs {
        run.models.iter().for_each(|model| lists.values().append_value(model));
        lists.append(true);
    }
    Arc::new(lists.finish())
}
