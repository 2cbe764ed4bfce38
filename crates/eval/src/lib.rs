//! Evaluation from recorded runs: scores that say how sure they are, and the evidence that permission can rest on.
//!
//! * [`stats`]: pure statistics, each with its primary source; knows nothing of runs
//! * [`trial`]: what an evaluator sees of a run; [`set`]: what is expected of it
//! * [`evaluator`], [`score`]: what an evaluator says of a trial; [`judge`]: models that judge
//! * [`format`]: foreign logs in, `gen_ai.evaluation.result` events out
//! * [`compare`], [`gate`], [`plan`], [`baseline`]: questions about scores, answered with stated error rates; pure
//! * [`plane`]: what the portal and the binary hold; [`experiment`], [`monitor`], [`golden`], [`label`] and [`evidence`] are what
//!   it keeps, in the tables of [`MIGRATIONS`]

pub mod baseline;
pub mod compare;
pub mod error;
pub mod estimate;
pub mod evaluator;
pub mod evidence;
pub mod experiment;
pub mod format;
pub mod gate;
pub mod golden;
pub mod judge;
pub mod label;
pub mod monitor;
pub mod plan;
pub mod plane;
pub mod score;
pub mod selector;
pub mod set;
pub mod stats;
mod storage;
pub mod trial;

pub use storage::{Listed, MIGRATIONS};
