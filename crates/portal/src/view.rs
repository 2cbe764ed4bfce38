//! What the pages of a run show, made from telemetry's rows and steps without any I/O.

pub(crate) mod forest;
pub(crate) mod opened;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod span_detail;
pub(crate) mod spans;
pub(crate) mod steps;
pub(crate) mod story;
