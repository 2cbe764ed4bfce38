//! Where an entry stands in the story.

/// What comes first among entries of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    Agent,
    Heard,
    Said,
    Tool,
    Error,
}

/// A whole history is of one instant, so that entries of one turn keep the order in which they were met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Nanoseconds since the run started.
    pub(super) at_offset_ns: i64,
    pub(super) turn: Turn,
    pub(super) order: usize,
}
