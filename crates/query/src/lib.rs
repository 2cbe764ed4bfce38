//! SQL for people over runs, steps, spans, logs, metrics, scores and decisions: read-only, within stated limits.
//!
//! The only crate that links DataFusion, and never on the path of ingest, the run list or run by id.
//!
//! * [`query`]: the entry: one statement in, rows out, within time, memory and result limits
//! * `guard`: what a statement may be; `tables`: what telemetry has, as tables; `session`: the engine's settings
//! * `segments`: Parquet segments and live rows as one table; `columns` names what people see of it,
//!   `filter` turns what they ask of it into what is stored
//! * `runs`: the run index as a table; `scores` and `decisions`: events as tables
//! * `functions`: SQL functions over JSON attributes
//! * `answer`: Arrow to JSON
//! * [`error`]: what went wrong, in the words of the question

mod answer;
mod columns;
mod decisions;
pub mod error;
mod filter;
mod functions;
mod growth;
mod guard;
pub mod query;
mod runs;
mod scores;
mod segments;
mod session;
mod tables;
