//! An agent as tests know it.

use std::collections::BTreeMap;
use std::sync::Arc;

use mizzen_catalog::facts::{About, FactValue, Facts};
use mizzen_catalog::{Entity, EntityRef};
use mizzen_control::keys::KeyInfo;
use mizzen_control::policies::decisions::{DecisionCount, DecisionCounts};
use mizzen_mcp::pins::{Known, Pinned};
use mizzen_model::id::Digest;
use mizzen_model::permission::Boundary;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{Asked, Shared};

pub(super) const NOW: Timestamp = Timestamp::from_unix_nanos(1_800_000_000_000_000_000);

/// What a test changes before it asks.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) about: About,
    pub(super) shared: Shared,
    pub(super) boundaries: Vec<Boundary>,
    pub(super) decisions: Vec<DecisionCount>,
}

impl Agent {
    pub(super) fn new(spec: &Value) -> Self {
        let document = json!({ "kind": "Component", "metadata": { "name": "helm" },
            "spec": { "type": "ai-agent", "owner": "platform", "lifecycle": "production", "agent": spec } });
        let entity = Entity::new(document.as_object().unwrap().clone());
        let reference = EntityRef::new("component", "default", "helm");
        let about = About { reference, name: "helm".to_owned(), entity: Some(entity), approved: Vec::new() };
        Self { about, shared: Shared::default(), boundaries: Vec::new(), decisions: Vec::new() }
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        let boundaries = self.boundaries.iter().cloned().map(Arc::new).collect();
        Asked {
            about: &self.about,
            shared: &self.shared,
            teams: Vec::new(),
            boundaries,
            decisions: DecisionCounts { kinds: self.decisions.clone(), tells_resources_apart: true },
            now: NOW,
        }
    }

    pub(super) fn knows(&mut self, server: &str, tool: &str, pin: Option<&[u8]>, now: &[u8]) {
        let definition = Arc::new(Map::new());
        let pinned = |bytes: &[u8]| Pinned {
            digest: Digest::of(bytes),
            definition: Arc::clone(&definition),
            approved_by: "ann".to_owned(),
            approved_at: NOW,
        };
        let known = Known {
            digest: Digest::of(now),
            definition: Arc::clone(&definition),
            first_seen_at: NOW,
            last_seen_at: NOW,
            gone: false,
            pin: pin.map(pinned),
            findings: Vec::new(),
        };
        let tools: &mut BTreeMap<String, Known> = self.shared.definitions.entry(server.to_owned()).or_default();
        tools.insert(tool.to_owned(), known);
    }

    pub(super) fn decided(&mut self, resource: &str, effect: &str, enforced: bool) {
        let action = if resource.starts_with("model:") { "models:call" } else { "tools:call" };
        self.decisions.push(DecisionCount {
            action: action.to_owned(),
            resource: resource.to_owned(),
            effect: effect.to_owned(),
            mode: "enforce".to_owned(),
            enforced,
            count: 1,
        });
    }

    pub(super) fn has_key(&mut self, name: &str, agent: Option<&str>) {
        self.shared.keys.push(KeyInfo {
            id: format!("key_{}", self.shared.keys.len()),
            name: name.to_owned(),
            agent: agent.map(str::to_owned),
            team: None,
            run_id: None,
            agent_digest: None,
            minted_by: None,
            created_at: NOW,
            expires_at: None,
            last_four: "abcd".to_owned(),
        });
    }
}

pub(super) fn value(facts: &Facts, name: &str) -> Option<FactValue> {
    facts.get(name).map(|fact| fact.value.clone())
}

pub(super) fn texts(names: &[&str]) -> Option<FactValue> {
    Some(FactValue::Texts(names.iter().map(|name| (*name).to_owned()).collect()))
}
