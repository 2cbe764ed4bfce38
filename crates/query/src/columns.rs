//! The columns people see, and what each is of the columns that are stored.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, cast, lit};

use crate::functions;

/// How a stored column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Same,
    /// Bytes of an id as lower-case hexadecimal text.
    Hex,
    /// Nanoseconds as milliseconds.
    Milliseconds,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) stored: String,
    pub(crate) form: Form,
}

/// The columns asked for most come first; what is not named here follows in stored order.
const FIRST: [&str; 24] = [
    "run_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "kind",
    "step",
    "agent",
    "model",
    "tool",
    "status",
    "error_type",
    "started_at",
    "duration_ms",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "source",
    "service",
    "session",
    "caller",
];

/// Columns of a table over `stored`. A table of steps shows the step's kind where a table of spans shows the
/// span's.
pub(crate) fn shown(stored: &Schema, is_steps: bool) -> Vec<Shown> {
    let is_left_out = |field: &Field| is_steps && field.name() == "kind";
    let fields = stored.fields().iter().filter(|field| !is_left_out(field));
    let mut shown: Vec<Shown> = fields.map(|field| of_field(field, is_steps)).collect();
    shown.sort_by_key(|column| FIRST.iter().position(|first| *first == column.name).unwrap_or(FIRST.len()));
    shown
}

fn of_field(field: &Field, is_steps: bool) -> Shown {
    let (name, form) = match (field.name().as_str(), field.data_type()) {
        ("duration_ns", _) => ("duration_ms", Form::Milliseconds),
        ("outcome", _) => ("status", Form::Same),
        ("step", _) if is_steps => ("kind", Form::Same),
        (name, DataType::FixedSizeBinary(_)) => (name, Form::Hex),
        (name, _) => (name, Form::Same),
    };
    Shown { name: name.to_owned(), stored: field.name().clone(), form }
}

/// Whether a column tells what a step used or cost.
pub(crate) fn is_usage(shown: &str) -> bool {
    shown == "cost_usd" || shown.ends_with("_tokens")
}

/// The stored schema as scans read it: text as views, which Parquet decodes and groups without copying.
pub(crate) fn read_schema(stored: &Schema) -> SchemaRef {
    let viewed = stored.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => field.clone(),
    });
    Arc::new(Schema::new(viewed.collect::<Vec<_>>()))
}

impl Shown {
    pub(crate) fn field(&self, read: &Schema) -> Result<Field, DataFusionError> {
        let stored = read.field_with_name(&self.stored)?;
        let data_type = match self.form {
            Form::Same => stored.data_type().clone(),
            Form::Hex => DataType::Utf8,
            Form::Milliseconds => DataType::Float64,
        };
        Ok(Field::new(&self.name, data_type, stored.is_nullable() || self.form == Form::Hex))
    }

    /// The column in terms of what is stored.
    pub(crate) fn expression(&self) -> Expr {
        let stored = Expr::Column(Column::new_unqualified(&self.stored));
        match self.form {
            Form::Same => stored,
            Form::Hex => functions::hex(stored),
            Form::Milliseconds => cast(stored, DataType::Float64) / lit(1e6),
        }
    }
}
