//! What the items of one resource and one scope have in common, rendered once.

use std::borrow::Cow;

use mizzen_model::id::RunId;

use super::Remarks;
use super::facts::Facts;
use super::intern::Interner;
use super::json::JsonWriter;
use super::keys::{KeyTable, Text};
use super::limits::Limits;
use crate::decode::borrowed::{Attribute, Scope, Value};
use crate::origin::Origin;
use crate::record::AGENT_DIGEST;
use crate::row::Name;

/// Where a digest that a sender claims is kept.
const AGENT_DIGEST_CLAIMED: &str = "mizzen.agent.digest.claimed";

/// A resource as JSON, and what it states about its items.
#[derive(Debug)]
pub(super) struct SharedResource<'a> {
    pub(super) json: Name,
    pub(super) service: Option<Name>,
    pub(super) facts: Facts<'a>,
}

impl<'a> SharedResource<'a> {
    pub(super) fn read(
        attributes: &[Attribute<'a>],
        keys: &KeyTable,
        limits: &Limits,
        names: &mut Interner<'a>,
        origin: &Origin,
    ) -> Self {
        let mut facts = Facts::new();
        for attribute in attributes {
            facts.observe(keys, attribute);
        }
        let mut json = JsonWriter::new(limits, 256);
        json.attributes(&attested(attributes, origin));
        let service = facts.text(Text::Service).map(|name| names.name(name, limits.name_bytes_max));
        Self { json: Name::from(json.out), service, facts }
    }
}

/// The attributes, with the agent digest of the sender's key in the place of what they claim: evidence is about digests.
fn attested<'a>(attributes: &'a [Attribute<'a>], origin: &'a Origin) -> Cow<'a, [Attribute<'a>]> {
    let is_claim = |attribute: &Attribute<'_>| attribute.key == AGENT_DIGEST;
    if origin.is_trusted || origin.agent_digest.is_none() && !attributes.iter().any(is_claim) {
        return Cow::Borrowed(attributes);
    }
    let known = origin.agent_digest.as_ref();
    let known = known.map(|digest| Attribute { key: AGENT_DIGEST, value: Some(Value::Text(digest.as_str())) });
    let others =
        attributes.iter().filter(|attribute| known.as_ref() != Some(*attribute)).cloned().map(|mut attribute| {
            if is_claim(&attribute) {
                attribute.key = AGENT_DIGEST_CLAIMED;
            }
            attribute
        });
    known.iter().cloned().chain(others).collect()
}

/// The run that an item names. Into a run of `mizzen run` nobody writes but its own key, whose runs are not named here,
/// and Mizzen itself.
pub(super) fn named_run<'a>(
    facts: &Facts<'a>,
    resource: &Facts<'a>,
    origin: &Origin,
    remarks: &mut Remarks,
) -> Option<&'a str> {
    let text = facts.text(Text::RunId).or(resource.text(Text::RunId))?;
    let run_id: RunId = text.parse().ok()?;
    if !origin.is_trusted && run_id.root_trace().is_some() {
        remarks.change("only the key of a run of `mizzen run` writes into it, so the trace is the run");
        return None;
    }
    Some(text)
}

/// A scope as JSON `{name, version, attributes}`, with `schema_url` when there is one.
#[derive(Debug)]
pub(super) struct SharedScope<'a> {
    pub(super) json: Name,
    pub(super) name: &'a str,
}

impl<'a> SharedScope<'a> {
    pub(super) fn read(scope: Option<&Scope<'a>>, schema_url: &str, limits: &Limits) -> Self {
        let Some(scope) = scope else { return Self { json: Name::from("{}"), name: "" } };
        let mut json = JsonWriter::new(limits, 128);
        json.out.push_str("{\"name\":");
        json.string(scope.name);
        json.out.push_str(",\"version\":");
        json.string(scope.version);
        json.out.push_str(",\"attributes\":");
        json.attributes(&scope.attributes);
        if !schema_url.is_empty() {
            json.out.push_str(",\"schema_url\":");
            json.string(schema_url);
        }
        json.out.push('}');
        Self { json: Name::from(json.out), name: scope.name }
    }
}
