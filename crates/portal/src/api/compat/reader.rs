//! Who reads at a door that may be open to everybody, and what such a reader sees.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mizzen_catalog::approve::Approved;
use mizzen_catalog::compat::published;
use mizzen_catalog::query::Predicate;
use mizzen_catalog::version::{Version, VersionState};
use mizzen_catalog::{Catalog, EntityRef};
use mizzen_control::sign_in::Session;
use mizzen_runtime::listen::host_asked;
use serde_json::Value;

/// Somebody who reads: signed in or not.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) session: Option<Session>,
    /// The address by which this installation was reached, without a slash at its end.
    host: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let host = host_asked(&parts.uri, &parts.headers).map(str::to_owned);
        Ok(Self { session: parts.extensions.get::<Session>().cloned(), host })
    }
}

impl Reader {
    /// What was not approved is shown only to those who are signed in and ask for it.
    pub(super) fn sees_all(&self, asked: Option<bool>) -> bool {
        self.session.is_some() && asked == Some(true)
    }

    /// For `Cache-Control`. Short, as an approval may be taken back; and only what everybody may read is for caches that
    /// several readers share.
    pub(super) fn cache(&self, catalog: &Catalog) -> &'static str {
        if self.session.is_none() && catalog.config().public { "public, max-age=60" } else { "private, max-age=60" }
    }

    /// The URL of this installation, as the client spells it.
    pub(super) fn base_url(&self, is_tls: bool) -> String {
        let scheme = if is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.host.as_deref().unwrap_or("localhost"))
    }
}

pub(super) fn of_kind(kind: &str, spec_type: &str) -> Predicate {
    Predicate::All(vec![equals("kind", kind), equals("spec.type", spec_type)])
}

pub(super) fn equals(key: &str, value: &str) -> Predicate {
    Predicate::Equals(key.to_owned(), value.to_owned())
}

/// What this reader may see, before any version is read: everybody may ask these doors, and most of a catalog may be drafts.
pub(super) struct Visible {
    /// `None`: everything.
    approved: Option<Arc<Approved>>,
    with_retired: bool,
}

impl Visible {
    pub(super) fn to(catalog: &Catalog, sees_all: bool) -> Self {
        let approved = (!sees_all).then(|| Arc::clone(&catalog.approved().borrow()));
        Self { approved, with_retired: false }
    }

    /// Also what was retired: who was given it once is told that it is gone.
    pub(super) fn with_retired(self, with_retired: bool) -> Self {
        Self { with_retired, ..self }
    }

    /// Whether a version of an entity can be among it.
    pub(super) fn has(&self, reference: &EntityRef) -> bool {
        let Some(approved) = &self.approved else { return true };
        let is_shown = |state: VersionState| state.is_usable() || self.with_retired && state == VersionState::Retired;
        let versions = approved.get(reference).map(|governed| &governed.versions);
        versions.is_some_and(|versions| versions.values().any(|version| is_shown(version.state)))
    }
}

/// The version of an entity that this reader is given when it names none.
pub(super) fn newest(versions: &[Version], sees_all: bool) -> Option<&Version> {
    if sees_all { versions.iter().find(|version| published::is_intact(version)) } else { published::latest(versions) }
}

/// What Mizzen says of a version, under its own key of `_meta`.
pub(super) fn approval(version: &Version) -> Value {
    let step = published::approval(version).or(version.history.last());
    serde_json::json!({
        "state": version.state,
        "digest": version.digest,
        "by": step.map(|step| &step.by),
        "at": step.map(|step| step.at),
    })
}
