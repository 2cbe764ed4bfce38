//! Doors of others: the interfaces that existing clients speak, each as its own documents say. They are no part of the OpenAPI
//! document.

pub(crate) mod backstage;
