//! The store of spans, logs and metrics: an append-only log, rows in memory, Parquet segments, and an index of runs.
//!
//! Each mutable thing has one owner: [`log_writer`] the log, [`assembler`] runs and rows in memory, [`keeper`] the
//! database and the set of segments. They hand on through bounded channels; reads take a snapshot of the [`view`].
//!
//! What is acknowledged is in the log, synced. What is in a registered segment is not in the log's future any more:
//! the segment's row and the advance past its records are one transaction. So a crash at any moment leaves every
//! acknowledged span exactly once.

pub(crate) mod assembler;
pub(crate) mod compact;
pub(crate) mod config;
pub(crate) mod entry;
pub(crate) mod error;
pub(crate) mod flusher;
pub(crate) mod handle;
pub(crate) mod health;
pub(crate) mod index;
pub(crate) mod ingest;
pub(crate) mod inventory;
pub(crate) mod keeper;
pub(crate) mod live;
pub(crate) mod log_writer;
pub(crate) mod node;
pub(crate) mod open;
pub(crate) mod progress;
pub(crate) mod recorder;
pub(crate) mod repeats;
pub(crate) mod restored;
pub(crate) mod retention;
pub(crate) mod run_reader;
pub(crate) mod runs;
pub(crate) mod segment;
pub(crate) mod view;
pub(crate) mod wal;
