//! Permission, decided: pure, synchronous, no I/O and no clock. What it needs to know comes in as arguments.
//!
//! * [`boundary`]: what one agent may reach, as its owner writes it in YAML
//! * [`compile`]: boundaries and hand-written Cedar policies, parsed, named and checked against one schema
//! * [`merkle`]: the tree of the audit log, its proofs and tiles
//! * [`policy_set`]: the policies in force, compiled, and the decision
//! * [`check`], [`cases`], [`explain`]: what owners ask before and after
//! * [`request`]: what is asked, and everything that the answer may depend on
//!
//! The form of boundaries, how they become Cedar and how JSON becomes Cedar values: `docs/boundaries.md`.

pub mod boundary;
pub mod cases;
mod cedar;
pub mod check;
pub mod compile;
mod decimal;
pub mod explain;
mod fact;
mod facts;
mod group;
mod host;
mod index;
mod limits;
pub mod merkle;
pub mod policy_set;
pub mod problem;
pub mod request;

pub use self::compile::{Source, Sources};
pub use self::facts::is_metric;
pub use self::policy_set::PolicySet;
pub use self::problem::{Problem, Severity};
pub use self::request::{Outcome, Request};
