//! What can go wrong with the catalog.

use mizzen_control::audit::AuditError;
use mizzen_store::StoreError;

use crate::version::VersionState;

/// Versions that a refusal names.
const VERSIONS_TOLD: usize = 10;

/// Why something was not done. Nothing of it was kept then.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A change that the log does not know of must not be in force.
    #[error("the audit log did not take the change of `{what}`, so it was not made; try again")]
    NotAudited {
        what: String,
        #[source]
        source: Box<AuditError>,
    },
    #[error("no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    /// `known`: tags with the state of the newest version of each, newest first.
    #[error("`{reference}` has no version `{version}`; {}", versions_there_are(known))]
    NoVersion { reference: String, version: String, known: Vec<(String, VersionState)> },
    #[error("{}", decided(reference, tag, *state, by, at))]
    Decided { reference: String, tag: String, state: VersionState, by: String, at: String },
    #[error("version `{tag}` of `{reference}` is {from} and cannot become {to}{}", way_out(*from))]
    Transition { reference: String, tag: String, from: VersionState, to: VersionState },
    #[error(
        "`{by}` applied or submitted version `{tag}` of `{reference}` or sent its files, and four eyes are required; somebody else \
         must approve it"
    )]
    FourEyes { reference: String, tag: String, by: String },
    #[error(
        "a version `{tag}` of `{reference}` with other content, {digest}, was approved before; apply this one under another tag"
    )]
    TagTaken { reference: String, tag: String, digest: String },
    #[error("a reason is needed: whoever made the version must learn what to change")]
    ReasonMissing,
    #[error("{field} {message}")]
    Invalid { field: &'static str, message: String },
    #[error("the cursor is not one of a page of this list; leave it out to begin at the first page")]
    Cursor,
    #[error("{0}")]
    Conflict(String),
    #[error("at most {max} {what} are taken at once, not {got}; send them in parts")]
    TooMany { what: &'static str, max: usize, got: usize },
    #[error("the {what} of `{name}` is damaged in the database")]
    Damaged {
        what: &'static str,
        name: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the system has no randomness")]
    Random(#[source] getrandom::Error),
}

impl CatalogError {
    pub(crate) fn damaged(
        what: &'static str,
        name: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged { what, name: name.to_owned(), source: source.into() }
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

fn versions_there_are(known: &[(String, VersionState)]) -> String {
    let told = known.iter().take(VERSIONS_TOLD).map(|(tag, state)| format!("`{tag}` ({state})"));
    let told = told.collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(VERSIONS_TOLD) {
        _ if known.is_empty() => "it has none".to_owned(),
        0 => format!("it has {told}"),
        more => format!("it has {told} and {more} more"),
    }
}

fn decided(reference: &str, tag: &str, state: VersionState, by: &str, at: &str) -> String {
    format!("version `{tag}` of `{reference}` is {state} already: `{by}` decided at {at}")
}

const fn way_out(from: VersionState) -> &'static str {
    match from {
        VersionState::Draft | VersionState::Rejected => "; submit it first",
        VersionState::Retired => "; apply it under another tag",
        _ => "",
    }
}
