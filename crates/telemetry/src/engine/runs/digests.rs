//! The agent digests that a run's spans name.

use std::sync::Arc;

use mizzen_model::id::Digest;

use crate::record::AGENT_DIGEST;
use crate::row::Name;

/// Two are enough to know that a run's spans do not agree.
const DIGESTS_MAX: usize = 2;

/// What a run's resources name, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Digests {
    seen: Vec<Digest>,
    /// Spans of one request share their resource: it is read once.
    last: Option<Name>,
}

impl Digests {
    pub(super) fn known(seen: Vec<Digest>) -> Self {
        Self { seen, last: None }
    }

    pub(super) fn list(&self) -> Vec<Digest> {
        self.seen.clone()
    }

    /// `resource` is the JSON of a span's resource.
    pub(super) fn note(&mut self, resource: &Name) {
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, resource)) {
            return;
        }
        self.last = Some(resource.clone());
        if self.seen.len() < DIGESTS_MAX
            && resource.contains(AGENT_DIGEST)
            && let Some(digest) = named(resource)
            && !self.seen.contains(&digest)
        {
            self.seen.push(digest);
        }
    }
}

fn named(resource: &str) -> Option<Digest> {
    let attributes: serde_json::Value = serde_json::from_str(resource).ok()?;
    attributes.get(AGENT_DIGEST)?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_do_not_agree_leave_two_digests() {
        let of = |text: &str| Digest::of(text.as_bytes());
        let resource = |digest: &str| Name::from(format!(r#"{{"service.name":"a","{AGENT_DIGEST}":"{digest}"}}"#));
        let mut digests = Digests::default();
        for text in ["{}", r#"{"note":"mizzen.agent.digest"}"#] {
            digests.note(&Name::from(text));
        }
        digests.note(&resource("not a digest"));
        assert!(digests.list().is_empty());
        digests.note(&resource(of("x").as_str()));
        digests.note(&resource(of("x").as_str()));
        assert_eq!(digests.list(), [of("x")]);
        let mut reloaded = Digests::known(digests.list());
        reloaded.note(&resource(of("y").as_str()));
        reloaded.note(&resource(of("z").as_str()));
        assert_eq!(reloaded.list(), [of("x"), of("y")]);
    }
}
