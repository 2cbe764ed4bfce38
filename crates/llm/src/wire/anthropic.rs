//! Anthropic's formats, as their API reference has them.

pub(crate) mod blocks;
pub(crate) mod request;
