//! What the items of one resource and one scope have in common, rendered once.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::facts::Facts;
use super::intern::Interner;
use super::json::JsonWriter;
use super::keys::{KeyTable, Text};
use super::limits::Limits;
use crate::row::Name;

/// A resource as JSON, and what it states about its items.
#[derive(Debug)]
pub(super) struct SharedResource<'a> {
    pub(super) json: Name,
    pub(super) service: Option<Name>,
    pub(super) facts: Facts<'a>,
}

impl<'a> SharedResource<'a> {
    pub(super) fn read(
        resource: Option<&'a Resource>,
        keys: &KeyTable,
        limits: &Limits,
        names: &mut Interner<'a>,
    ) -> Self {
        let mut facts = Facts::new();
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        for attribute in attributes {
            facts.observe(keys, attribute);
        }
        let mut json = JsonWriter::new(limits, 256);
        json.attributes(attributes);
        let service = facts.text(Text::Service).map(|name| names.name(name, limits.name_bytes_max));
        Self { json: Name::from(json.out), service, facts }
    }
}

/// A scope as JSON `{name, version, attributes}`, with `schema_url` when there is one.
#[derive(Debug)]
pub(super) struct SharedScope<'a> {
    pub(super) json: Name,
    pub(super) name: &'a str,
}

impl<'a> SharedScope<'a> {
    pub(super) fn read(scope: Option<&'a InstrumentationScope>, schema_url: &str, limits: &Limits) -> Self {
        let Some(scope) = scope else { return Self { json: Name::from("{}"), name: "" } };
        let mut json = JsonWriter::new(limits, 128);
        json.out.push_str("{\"name\":");
        json.string(&scope.name);
        json.out.push_str(",\"version\":");
        json.string(&scope.version);
        json.out.push_str(",\"attributes\":");
        json.attributes(&scope.attributes);
        if !schema_url.is_empty() {
            json.out.push_str(",\"schema_url\":");
            json.string(schema_url);
        }
        json.out.push('}');
        Self { json: Name::from(json.out), name: &scope.name }
    }
}

/// The text of a run id attribute when it has the form of one.
pub(super) fn valid_run_id(text: &str) -> Option<&str> {
    text.parse::<mizzen_model::id::RunId>().is_ok().then_some(text)
}
