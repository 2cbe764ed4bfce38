//! Permission, decided: pure, synchronous, no I/O and no clock. What it needs to know comes in as arguments.
//!
//! * [`request`]: what is asked, and everything that the answer may depend on
//! * [`merkle`]: the tree of the audit log, its proofs and tiles
//! * [`policy_set`]: the policies in force, compiled, and the decision

pub mod merkle;
pub mod policy_set;
pub mod request;

pub use self::policy_set::PolicySet;
pub use self::request::{Outcome, Request};
