//! What can be configured about the catalog.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Section `[catalog]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogConfig {
    /// Whether who applied or submitted a version may not be the one who approves it.
    pub four_eyes: bool,
    /// Whether approved tool servers, agents and skills are listed to registry clients without a sign-in.
    pub public: bool,
    /// Folder below which locations of the type `file` are read; empty: none are.
    pub files: PathBuf,
    /// Hosts, beside its own, to which a location that was read from a URL may point.
    pub url_hosts: Vec<String>,
    /// How often locations are read again.
    pub refresh_seconds: u64,
    /// Folder of an organisation's own scorecards.
    pub scorecard: Option<PathBuf>,
    /// Folder that what templates make may be written into; empty: it can only be downloaded.
    pub projects: PathBuf,
    /// Locations that are read, beside those that are added while Mizzen runs.
    pub location: Vec<LocationConfig>,
}

/// A place that holds documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocationConfig {
    /// `file` or `url`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A path below `files`, or an `http` or `https` address.
    pub target: String,
}

impl Default for CatalogConfig {
    fn default() -> Self {
        Self {
            four_eyes: false,
            public: true,
            files: PathBuf::new(),
            url_hosts: Vec::new(),
            refresh_seconds: 120,
            scorecard: None,
            projects: PathBuf::new(),
            location: Vec::new(),
        }
    }
}
