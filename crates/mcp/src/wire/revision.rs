//! Revisions of the protocol.

use crate::seam::Era;

/// The stateless revision.
pub const STATELESS: &str = "2026-07-28";
/// The newest stateful revision, which a client of an unknown one is offered.
pub const STATEFUL: &str = "2025-11-25";
/// What a client may ask for, newest first.
pub const SUPPORTED: [&str; 4] = [STATELESS, STATEFUL, "2025-06-18", "2025-03-26"];

/// `None` when the revision is not spoken here.
#[must_use]
pub fn era(revision: &str) -> Option<Era> {
    if revision == STATELESS {
        return Some(Era::Stateless);
    }
    SUPPORTED.contains(&revision).then_some(Era::Stateful)
}

/// The revision for a client that asked for `asked` in `initialize`.
#[must_use]
pub fn negotiated(asked: &str) -> &'static str {
    SUPPORTED.into_iter().find(|known| *known == asked && *known != STATELESS).unwrap_or(STATEFUL)
}
