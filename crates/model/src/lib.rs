//! The vocabulary of Mizzen: data with validation, one definition each.
//!
//! Every plane meets in these types, so this crate knows no I/O, no clock, no HTTP and no SQL.
//! `id` names things, `attribute` and `span` carry what gateways saw, `step` and `run` are what a
//! person reads, `message` is the content of a conversation, `permission` is what later planes decide
//! on, `refusal` with which codes they say no, `respelled` which names readers of JSON confuse, `asked` what they are asked, `trace_context` is where a call stands in a trace, `canonical` is JSON for
//! digests, `percent` what stands in URLs, `estimate` is a number with its uncertainty, `yaml` is what people write with the place of every value, and `price` turns tokens into money.

pub mod asked;
pub mod attribute;
pub mod canonical;
pub mod estimate;
pub mod id;
pub mod message;
pub mod percent;
pub mod permission;
pub mod price;
pub mod refusal;
pub mod respelled;
pub mod run;
pub mod span;
pub mod step;
pub mod suggest;
pub mod time;
pub mod trace_context;
pub mod usage;
pub mod yaml;
