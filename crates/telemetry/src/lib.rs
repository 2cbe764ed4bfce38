//! Telemetry: OTLP in, runs out.
//!
//! * [`decode`], [`otlp`], [`record`], [`event`], [`import`]: the doors, each of which ends in an OTLP request and its
//!   [`origin`]
//! * [`capture`]: what may be kept, applied before anything is written
//! * [`normalise`]: every dialect becomes the same [`row`]s
//! * `engine`: the log, rows in memory, segments, and the index of runs, behind [`Telemetry`]
//! * [`assemble`]: spans of a run become steps, each call counted once
//! * [`story`]: what was said in a step
//!
//! Nothing here knows a provider's own JSON, and nothing here queries: SQL for users reads [`TableSnapshot`].

pub mod assemble;
pub mod capture;
pub mod case;
pub mod decode;
mod engine;
pub mod event;
pub mod import;
pub mod normalise;
pub mod origin;
pub mod otlp;
pub mod record;
pub mod row;
pub mod story;

pub use engine::config::TelemetryConfig;
pub use engine::error::{IngestError, OpenError, ReadError};
pub use engine::handle::{SegmentFile, TableSnapshot, Telemetry};
pub use engine::health::IngestHealth;
pub use engine::index::MIGRATIONS;
pub use engine::index::list::{CursorError, Page, RunFilter, RunPage};
pub use engine::index::runs::{Finalised, Told};
pub use engine::index::totals::{AgentSummary, ModelSummary};
pub use engine::ingest::{Incoming, Receipt};
pub use engine::live::{LiveBatches, LiveRows};
pub use engine::open::Parts;
pub use engine::restored::mark_restored;
pub use engine::segment::read::Columns;
pub use engine::segment::{SegmentError, Signal};
pub use engine::view::Hidden;
pub use engine::wal::WalError;
