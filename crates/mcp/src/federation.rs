//! Many servers as one: what things are called, who owns what, and the lists and capabilities of all together.

pub(crate) mod capabilities;
pub(crate) mod listing;
pub(crate) mod names;
pub(crate) mod pages;
pub(crate) mod resolve;
pub(crate) mod template;
