//! Which versions foreign clients see, and which of them they take when they ask for the newest.

use mizzen_model::id::Digest;
use mizzen_model::{canonical, time::Timestamp};
use serde_json::json;

use crate::version::{Transition, Version, VersionState};

/// Whether what is kept of a version is still what its digest says. What is not must not be handed out.
#[must_use]
pub fn is_intact(version: &Version) -> bool {
    let found = match &version.body {
        None => version.entity.digest(),
        Some(body) => {
            let content = json!({ "entity": version.entity.document(), "body": body });
            Digest::of(canonical::text(&content).as_bytes())
        }
    };
    found == version.digest
}

/// Whether foreign clients may be given it: approved or deprecated, and unchanged since.
#[must_use]
pub fn is_published(version: &Version) -> bool {
    version.state.is_usable() && is_intact(version)
}

/// Of the published `versions`, the newest: by semantic versioning where all of their tags are such versions, else the one
/// approved last. One that is not deprecated goes before one that is.
#[must_use]
pub fn latest(versions: &[Version]) -> Option<&Version> {
    let published: Vec<&Version> = versions.iter().filter(|version| is_published(version)).collect();
    let is_current = |version: &&&Version| version.state == VersionState::Approved;
    let some: Vec<&Version> = match published.iter().any(|version| version.state == VersionState::Approved) {
        true => published.iter().filter(is_current).copied().collect(),
        false => published,
    };
    let parsed: Option<Vec<semver::Version>> = some.iter().map(|version| semantic(&version.tag)).collect();
    match parsed {
        Some(parsed) => {
            some.into_iter().zip(parsed).max_by(|one, other| one.1.cmp(&other.1)).map(|(version, _)| version)
        }
        None => some.into_iter().max_by_key(|version| approval(version).map(|approval| approval.at)),
    }
}

fn semantic(tag: &str) -> Option<semver::Version> {
    semver::Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

/// The step that approved it, last.
#[must_use]
pub fn approval(version: &Version) -> Option<&Transition> {
    version.history.iter().rev().find(|step| step.to == VersionState::Approved)
}

/// When it was applied.
#[must_use]
pub fn applied_at(version: &Version) -> Option<Timestamp> {
    version.history.first().map(|step| step.at)
}

/// When its state changed last.
#[must_use]
pub fn changed_at(version: &Version) -> Option<Timestamp> {
    version.history.last().map(|step| step.at)
}

#[cfg(test)]
mod tests {
    use mizzen_model::time::Timestamp;
    use serde_json::json;

    use super::{is_intact, is_published, latest};
    use crate::entity::Entity;
    use crate::version::{Transition, Version, VersionState};

    fn version(tag: &str, state: VersionState, approved_at: i64) -> Version {
        let document =
            json!({ "kind": "API", "metadata": { "name": "a", "title": tag }, "spec": { "type": "mcp-server" } });
        let entity = Entity::new(document.as_object().unwrap().clone());
        let at = Timestamp::from_unix_nanos(approved_at);
        let step = |to| Transition { to, by: "user:default/ann".into(), at, reason: None };
        Version {
            reference: entity.reference(),
            tag: tag.to_owned(),
            digest: entity.digest(),
            state,
            history: vec![step(VersionState::Pending), step(VersionState::Approved)],
            entity,
            body: None,
            files_by: None,
        }
    }

    #[test]
    fn the_latest_is_the_highest_semantic_version_or_else_the_one_approved_last() {
        use VersionState::{Approved, Deprecated, Pending, Retired};
        let tag = |versions: &[Version]| latest(versions).map(|version| version.tag.clone());
        let semantic = [version("1.10.0", Approved, 1), version("1.9.0", Approved, 2), version("2.0.0", Pending, 3)];
        assert_eq!(tag(&semantic).as_deref(), Some("1.10.0"));
        let mixed = [version("stable", Approved, 1), version("1.9.0", Approved, 2)];
        assert_eq!(tag(&mixed).as_deref(), Some("1.9.0"));
        let other = [version("stable", Approved, 3), version("1.9.0", Approved, 2)];
        assert_eq!(tag(&other).as_deref(), Some("stable"));
        let old = [version("2.0.0", Deprecated, 1), version("1.0.0", Approved, 2)];
        assert_eq!(tag(&old).as_deref(), Some("1.0.0"));
        assert_eq!(tag(&old[..1]).as_deref(), Some("2.0.0"));
        assert_eq!(tag(&[version("1.0.0", Retired, 1), version("1.1.0", Pending, 1)]), None);
    }

    #[test]
    fn what_was_changed_after_its_approval_is_not_published() {
        let mut changed = version("1.0.0", VersionState::Approved, 1);
        assert!(is_published(&changed));
        changed.body = Some("other".to_owned());
        assert!(!is_intact(&changed) && !is_published(&changed) && latest(&[changed]).is_none());
    }
}
