//! Failures of a query, told in the words of the question.

use std::time::Duration;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use mizzen_model::suggest;
use mizzen_model::time::Timestamp;
use mizzen_telemetry::SegmentFile;

/// Longest message taken over from the query engine.
const MESSAGE_CHARACTERS_MAX: usize = 400;

/// Why a query gave no rows.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("{0}; one `SELECT`, `WITH … SELECT`, `VALUES` or `EXPLAIN` statement can be run")]
    NotAllowed(String),
    #[error("cannot read the SQL: {0}")]
    Syntax(String),
    #[error("unknown {what} `{name}`{}", hint(.nearest.as_deref(), .known))]
    Unknown { what: &'static str, name: String, nearest: Option<String>, known: Vec<String> },
    #[error("{0}")]
    Invalid(String),
    #[error("the query needs more than its {} MiB of memory; narrow it with `WHERE`, fewer columns or a `LIMIT`", .bytes_max / (1024 * 1024))]
    Memory { bytes_max: usize },
    #[error("the query took longer than {} s; narrow it, for example to a range of `started_at`", .limit.as_secs_f64())]
    Time { limit: Duration },
    #[error(
        "segment `{path}` is damaged or gone, and with it {rows} rows from {from} to {to}; put the file back from a backup \
         and restart, or ask `spans`, `logs` or `metrics` for another time"
    )]
    Lost { path: String, rows: u64, from: Timestamp, to: Timestamp },
    #[error("stored rows cannot be read")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the query engine failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl QueryError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAllowed(_) => "statement_not_allowed",
            Self::Syntax(_) => "sql_syntax",
            Self::Unknown { .. } => "unknown_name",
            Self::Invalid(_) => "query_invalid",
            Self::Memory { .. } => "query_memory",
            Self::Time { .. } => "query_time",
            Self::Lost { .. } => "segment_lost",
            Self::Storage(_) => "storage_failed",
            Self::Engine(_) => "query_engine_failed",
        }
    }

    /// Whether another question, and not only mending Mizzen, leads to an answer.
    #[must_use]
    pub fn is_users_fault(&self) -> bool {
        !matches!(self, Self::Storage(_) | Self::Engine(_))
    }

    pub(crate) fn unknown(what: &'static str, name: &str, known: Vec<String>) -> Self {
        let nearest = suggest::nearest(&name.to_lowercase(), known.iter().map(String::as_str)).map(str::to_owned);
        Self::Unknown { what, name: name.to_owned(), nearest, known }
    }

    pub(crate) fn lost(segment: &SegmentFile) -> Self {
        let at = Timestamp::from_unix_nanos;
        Self::Lost { path: segment.path.clone(), rows: segment.rows, from: at(segment.min_at), to: at(segment.max_at) }
    }

    pub(crate) fn from_engine(error: DataFusionError, memory_bytes_max: usize) -> Self {
        let text = error.strip_backtrace();
        match error.find_root() {
            DataFusionError::SchemaError(schema, _) => from_schema(schema),
            DataFusionError::ResourcesExhausted(_) => Self::Memory { bytes_max: memory_bytes_max },
            DataFusionError::SQL(parser, _) => {
                Self::Syntax(readable(parser.to_string().trim_start_matches("sql parser error: ")))
            }
            DataFusionError::Plan(message) => Self::Invalid(readable(message)),
            DataFusionError::NotImplemented(message) => Self::Invalid(readable(message)),
            DataFusionError::Execution(message) => Self::Invalid(readable(message)),
            DataFusionError::ArrowError(arrow, _) if is_of_files(arrow) => Self::Storage(Box::new(error)),
            DataFusionError::ArrowError(arrow, _) => Self::Invalid(readable(&arrow.to_string())),
            DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
                Self::Storage(Box::new(error))
            }
            DataFusionError::External(_) => Self::Storage(Box::new(error)),
            _ => Self::Engine(text.into()),
        }
    }
}

/// Whether reading failed, and not working out.
const fn is_of_files(error: &ArrowError) -> bool {
    matches!(error, ArrowError::ParquetError(_) | ArrowError::ExternalError(_) | ArrowError::IoError(..))
}

fn hint(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(name) => format!("; did you mean `{name}`?"),
        None => format!("; known are `{}`", known.join("`, `")),
    }
}

fn from_schema(error: &SchemaError) -> QueryError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut known: Vec<String> = valid_fields.iter().map(|column| column.name.clone()).collect();
            known.dedup();
            QueryError::unknown("column", &field.name, known)
        }
        SchemaError::AmbiguousReference { field } => {
            QueryError::Invalid(format!("column `{}` is in several tables; write `table.{0}`", field.name))
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            QueryError::Invalid(format!("column `{name}` comes twice; rename one with `AS`"))
        }
    }
}

/// The engine's own words: first line only, without its prefixes and its names for types.
fn readable(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    let prefixes = ["Error during planning: ", "Execution error: ", "This feature is not implemented: ", "SQL error: "];
    let line = prefixes.iter().fold(line, |line, prefix| line.strip_prefix(prefix).unwrap_or(line));
    let line = line.replace("datafusion.public.", "").replace('\'', "`");
    let mut cut: String = line.chars().take(MESSAGE_CHARACTERS_MAX).collect();
    if let Some(first) = cut.get(..1).filter(|_| cut.chars().nth(1).is_some_and(char::is_lowercase)) {
        let first = first.to_lowercase();
        cut.replace_range(..1, &first);
    }
    cut
}
