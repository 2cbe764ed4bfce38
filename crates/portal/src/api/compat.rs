//! Doors of others: the interfaces that existing clients speak, each as its own documents say. They are no part of the OpenAPI
//! document.

pub(crate) mod a2a;
pub(crate) mod agentregistry;
pub(crate) mod backstage;
pub(crate) mod clients;
pub(crate) mod mcp_registry;
mod problem;
mod reader;
pub(crate) mod skills;
