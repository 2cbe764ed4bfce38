//! What a client asks the catalog to do or to look at: read again, validate, analyse.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mizzen_catalog::EntityRef;
use mizzen_catalog::query::{Predicate, Query};
use mizzen_catalog::reference::RefError;
use mizzen_catalog::validate;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::locations;
use super::shape::{self, Document};
use crate::app::App;
use crate::error::ApiError;
use crate::page::Body;

/// Entities of one address that are told.
const EXISTING_MAX: u32 = 100;
/// Names the location that an entity was found from.
const HELD_BY: &str = "metadata.annotations.backstage.io/managed-by-origin-location";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Refresh {
    entity_ref: String,
    /// Of old clients, which sent their token here too; who asks is known from the header.
    #[serde(rename = "authorizationToken")]
    _authorization_token: Option<String>,
}

/// `POST /refresh`: what an entity was read from is read again soon.
pub(crate) async fn refresh(State(app): State<Arc<App>>, Body(request): Body<Refresh>) -> Result<StatusCode, ApiError> {
    let wrong = |error: RefError| ApiError::Field { field: "entityRef", message: error.to_string() };
    let reference: EntityRef = request.entity_ref.parse().map_err(wrong)?;
    match locations::of_entity(&app, &reference).await? {
        Some(location) => app.state.catalog.refresh_location(&location.id).await?,
        None => app.state.catalog.refresh_entity(&reference).await?,
    }
    Ok(StatusCode::OK)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validate {
    location: String,
    entity: Value,
}

/// `POST /validate-entity`: empty when the entity is valid, else all that is wrong with it.
pub(crate) async fn validate(Body(request): Body<Validate>) -> Response {
    let mut messages = Vec::new();
    if request.location.strip_prefix("url:").is_none_or(str::is_empty) {
        messages.push(format!("the location `{}` must be `url:` and an address", request.location));
    }
    let fault = |fault: validate::Fault| {
        if fault.pointer.is_empty() { fault.message } else { format!("{}: {}", fault.pointer, fault.message) }
    };
    messages.extend(validate::check(&request.entity).into_iter().map(fault));
    if messages.is_empty() {
        return StatusCode::OK.into_response();
    }
    let errors: Vec<Value> =
        messages.into_iter().map(|message| json!({ "name": "InputError", "message": message })).collect();
    (StatusCode::BAD_REQUEST, Json(json!({ "errors": errors }))).into_response()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Analyze {
    location: Place,
    /// Where in the repository to look; the catalog does not look into repositories.
    #[serde(rename = "catalogFilename", alias = "catalogFileName")]
    _catalog_filename: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Place {
    #[serde(rename = "type")]
    kind: String,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Analysis {
    existing_entity_files: Vec<Existing>,
    generate_entities: Vec<Generated>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Existing {
    location: Value,
    is_registered: bool,
    entity: Document,
}

#[derive(Debug, Serialize)]
struct Generated {
    entity: Value,
    fields: Vec<Value>,
}

/// `POST /analyze-location`: the entities that are known to come from an address, or else the beginning of one for the repository there.
pub(crate) async fn analyze(
    State(app): State<Arc<App>>,
    Body(request): Body<Analyze>,
) -> Result<Json<Analysis>, ApiError> {
    let target = request.location.target.trim();
    let repository = Repository::of(target).ok_or_else(|| ApiError::Field {
        field: "location.target",
        message: format!("`{target}` is no address of a repository"),
    })?;
    let found = app.state.catalog.locations().await?.into_iter().find(|location| location.target == target);
    let mut existing_entity_files = Vec::new();
    if let Some(location) = found {
        let place = json!({ "type": location.kind.as_str(), "target": location.target });
        let held = Predicate::Equals(HELD_BY.to_owned(), location.reference().to_lowercase());
        let query = Query { predicate: held, limit: EXISTING_MAX, count: false, ..Query::default() };
        for stored in &app.state.catalog.query(&query).await?.items {
            let entity = shape::document(stored);
            existing_entity_files.push(Existing { location: place.clone(), is_registered: true, entity });
        }
    }
    let generate_entities = if existing_entity_files.is_empty() { vec![repository.entity()] } else { Vec::new() };
    Ok(Json(Analysis { existing_entity_files, generate_entities }))
}

/// A repository, from its address.
#[derive(Debug, PartialEq, Eq)]
struct Repository<'a> {
    host: &'a str,
    owner: String,
    name: &'a str,
}

impl<'a> Repository<'a> {
    /// What stands after the repository's own path leads into it.
    const INSIDE: [&'static str; 6] = ["-", "tree", "blob", "src", "raw", "edit"];

    fn of(target: &'a str) -> Option<Self> {
        let rest = target.strip_prefix("https://").or_else(|| target.strip_prefix("http://"))?;
        let rest = rest.split(['?', '#']).next()?;
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        let host = parts.next()?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let path: Vec<&str> = parts.collect();
        // Owner and name come first, whatever they are called.
        let end = path.iter().skip(2).position(|part| Self::INSIDE.contains(part)).map_or(path.len(), |at| at + 2);
        let (name, owner) = path.get(..end)?.split_last()?;
        let name = name.strip_suffix(".git").unwrap_or(name);
        let is_whole = !owner.is_empty() && !name.is_empty() && !host.is_empty();
        is_whole.then(|| Self { host, owner: owner.join("/"), name })
    }

    fn entity(&self) -> Generated {
        let prefix = match self.host {
            "github.com" => Some("github.com"),
            "gitlab.com" => Some("gitlab.com"),
            "bitbucket.org" => Some("bitbucket.org"),
            "dev.azure.com" => Some("dev.azure.com"),
            _ => None,
        };
        let mut metadata = json!({ "name": self.name });
        if let Some(prefix) = prefix {
            let slug = format!("{}/{}", self.owner, self.name);
            metadata["annotations"] = json!({ (format!("{prefix}/project-slug")): slug });
        }
        let entity = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": metadata,
            "spec": { "type": "other", "lifecycle": "unknown" },
        });
        Generated { entity, fields: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[test]
    fn a_repository_is_told_from_its_address() {
        let read =
            |target| Repository::of(target).map(|found| format!("{} {} {}", found.host, found.owner, found.name));
        let shop = Some("github.com example shop".to_owned());
        assert_eq!(read("https://github.com/example/shop"), shop);
        assert_eq!(read("https://github.com/example/shop.git"), shop);
        assert_eq!(read("https://github.com/example/shop/blob/main/catalog-info.yaml"), shop);
        assert_eq!(read("https://u@gitlab.com/a/b/shop/-/tree/main?x=/y"), Some("gitlab.com a/b shop".to_owned()));
        for wrong in
            ["nonsense", "https://", "https://github.com", "https://github.com/example", "ftp://github.com/a/b"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
