//! Why something about evaluation could not be done.

use mizzen_store::StoreError;
use mizzen_telemetry::{IngestError, ReadError};

use crate::stats::StatsError;

/// What the planes above are told.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    #[error("no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    /// The request is mistaken; the text says in what.
    #[error("{field}: {message}")]
    Invalid { field: &'static str, message: String },
    /// What is stored does not allow it.
    #[error("{message}")]
    Conflict { code: &'static str, message: String },
    #[error("what is stored of {what} is damaged")]
    Damaged {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Stats(#[from] StatsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error("work was broken off")]
    Stopping,
}

impl EvalError {
    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into() }
    }

    pub(crate) fn invalid(field: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Invalid { field, message: message.to_string() }
    }
}

impl From<sqlx::Error> for EvalError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
