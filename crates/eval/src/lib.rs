//! Evaluation from recorded runs: scores that say how sure they are, and the evidence that permission can rest on.
//!
//! * [`stats`]: pure statistics, each with its primary source; knows nothing of runs
//! * [`trial`]: what an evaluator sees of a run
//! * [`set`]: cases, and what is expected of them
//! * [`evaluator`]: who scores a trial
//! * [`score`]: what an evaluator says of a trial
//! * [`format`]: the logs of other harnesses in, `gen_ai.evaluation.result` in and out

mod canonical;
pub mod evaluator;
pub mod format;
pub mod score;
pub mod set;
pub mod stats;
pub mod trial;
