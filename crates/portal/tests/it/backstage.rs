//! Backstage's door, held to what a real Backstage answered.

use http::StatusCode;
use mizzen_catalog::apply::{ApplyOptions, Outcome};
use mizzen_catalog::document::{self, Read};
use mizzen_catalog::observed::{Observation, Subject, SubjectKind};
use mizzen_catalog::plane::Actor;
use mizzen_model::permission::Role;
use serde_json::{Value, json};

use crate::support::{Portal, bytes_of, json_of};

const CORPUS: &str = include_str!("../../../../tests/peers/catalog-client/corpus.yaml");
/// Requests, and what `@backstage/plugin-catalog-backend` 4.0.0 over [`CORPUS`] answered them with: status and body, `*` for what is
/// different each time, of errors the name only.
const GOLDEN: &str = include_str!("../../../../tests/peers/catalog-client/golden.json");
const PREFIX: &str = "/api/catalog";

pub(crate) async fn apply(portal: &Portal, source: &str, text: &str) -> usize {
    let documents: Vec<_> = document::read(source, text)
        .into_iter()
        .map(|read| match read {
            Read::Valid(document) => *document,
            Read::Rejected(rejected) => panic!("{:?}", rejected.problems),
        })
        .collect();
    let by = Actor::person("ann", Role::Developer);
    let applied = portal.state.catalog.apply(documents, &by, &ApplyOptions::default()).await.unwrap();
    assert!(applied.iter().all(|done| done.outcome == Outcome::Created), "{applied:?}");
    applied.len()
}

async fn with_corpus() -> Portal {
    let portal = Portal::open().await;
    assert_eq!(apply(&portal, "corpus.yaml", CORPUS).await, 21);
    portal
}

async fn ask(portal: &Portal, method: &str, path: &str, body: Option<&Value>) -> (StatusCode, Option<String>, Value) {
    let text = body.map_or_else(String::new, ToString::to_string);
    let response = portal.send(portal.request(method, &format!("{PREFIX}{path}"), text)).await;
    let status = response.status();
    let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
    let bytes = bytes_of(response).await;
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    (status, link, body)
}

/// Replaces what the recording has replaced.
fn plain(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(fields) => {
            let one = |(name, value): (String, Value)| {
                let is_ours = ["uid", "etag", "nextCursor", "prevCursor"].contains(&name.as_str()) && value.is_string();
                let value = if is_ours { "*".into() } else { plain(value) };
                (name, value)
            };
            Value::Object(fields.into_iter().map(one).collect())
        }
        other => other,
    }
}

fn error_of(body: &Value) -> Value {
    if body["errors"].is_array() {
        let errors = body["errors"].as_array().unwrap();
        assert!(
            !errors.is_empty() && errors.iter().all(|error| error["name"].is_string() && error["message"].is_string())
        );
        return json!({ "errors": "some" });
    }
    assert!(body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    json!({ "error": { "name": body["error"]["name"] }, "request": body["request"], "response": body["response"] })
}

fn sorted(value: &Value) -> Value {
    let mut items = value.as_array().unwrap().clone();
    items.sort_by_key(ToString::to_string);
    items.into()
}

#[tokio::test]
async fn requests_are_answered_as_backstage_answered_them() {
    let portal = with_corpus().await;
    let golden: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    let mut wrong = Vec::new();
    for asked in &golden {
        let method = ["get", "post", "put", "delete"].into_iter().find(|method| asked[method].is_string()).unwrap();
        let path = asked[method].as_str().unwrap();
        // What a client writes into an address is encoded there.
        let encoded = path.replace('[', "%5B").replace(']', "%5D");
        let (status, link, body) = ask(&portal, &method.to_uppercase(), &encoded, asked.get("body")).await;
        let (mut ours, mut theirs) =
            (if status.is_success() { plain(body) } else { error_of(&body) }, asked["answer"].clone());
        if let Some(url) = ours["request"]["url"].as_str() {
            ours["request"]["url"] = url.replace("%5B", "[").replace("%5D", "]").into();
        }
        if asked["unordered"] == true {
            (ours, theirs) = (sorted(&ours), sorted(&theirs));
        }
        if asked["status"] != status.as_u16() || ours != theirs {
            wrong.push(format!("{method} {path} {}: {status}\n  ours   {ours}\n  theirs {theirs}", asked["body"]));
        }
        let after = asked["after"].as_str().map(|after| after.replace('=', "%3D"));
        let ours = link.and_then(|link| Some(link.split_once("after=")?.1.split_once('>')?.0.to_owned()));
        if ours != after {
            wrong.push(format!("{method} {path}: goes on at {ours:?}, theirs at {after:?}"));
        }
    }
    assert!(golden.len() > 80);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), golden.len(), wrong.join("\n"));
}

#[tokio::test]
async fn a_whole_list_is_written_in_pieces_and_is_whole() {
    let portal = Portal::open().await;
    let one = |n: usize| {
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{ name: g{n:04} }}\nspec: {{ type: team, children: [] }}\n"
        )
    };
    let text: Vec<String> = (0..1_203).map(one).collect();
    apply(&portal, "groups.yaml", &text.join("---\n")).await;
    let (status, _, body) = ask(&portal, "GET", "/entities?fields=metadata.name&order=asc:metadata.name", None).await;
    assert_eq!(status, StatusCode::OK);
    let names: Vec<&str> =
        body.as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
    let expected: Vec<String> = (0..1_203).map(|n| format!("g{n:04}")).collect();
    assert_eq!(names, expected);
    // More than the catalog gives at once comes with the next cursor, whatever was asked for.
    let (_, _, page) = ask(&portal, "GET", "/entities/by-query?limit=5000&fields=kind", None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1_000);
    assert_eq!(page["totalItems"], 1_203);
    let rest = format!("/entities/by-query?limit=5000&cursor={}", page["pageInfo"]["nextCursor"].as_str().unwrap());
    let (_, _, page) = ask(&portal, "GET", &rest, None).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 203);
    assert!(page["pageInfo"].get("nextCursor").is_none() && page["pageInfo"]["prevCursor"].is_string());
}

#[tokio::test]
async fn what_only_traffic_showed_is_there_for_who_asks_for_it() {
    let portal = with_corpus().await;
    let subject = Subject { kind: SubjectKind::Agent, name: "night-clerk".to_owned() };
    let at = portal.state.clock.now();
    portal.state.catalog.observe(&[Observation { subject, uses: None, calls: 3, at }]).await.unwrap();
    let names = |body: &Value| -> Vec<String> {
        let items = body.as_array().unwrap().iter();
        items.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let (_, _, body) = ask(&portal, "GET", "/entities", None).await;
    assert!(names(&body).len() == 21 && !names(&body).contains(&"night-clerk".to_owned()));
    let (_, _, counted) = ask(&portal, "GET", "/entity-facets?facet=spec.type&filter=kind=component", None).await;
    assert!(counted.to_string().contains(r#"{"value":"ai-agent","count":2}"#), "{counted}");
    let (_, _, body) = ask(&portal, "GET", "/entities?filter=metadata.annotations.mizzen.dev/origin", None).await;
    assert_eq!(names(&body), ["night-clerk"]);
    assert_eq!(body[0]["metadata"]["annotations"]["mizzen.dev/origin"], "discovered");
    let (status, _, body) = ask(&portal, "GET", "/entities/by-name/component/default/night-clerk", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["spec"]["owner"], &body["spec"]["type"]), (&json!("unowned"), &json!("ai-agent")));
    // As somebody would declare it: relations are for the catalog to say.
    let mut declared = body.clone();
    declared.as_object_mut().unwrap().remove("relations");
    let faults = mizzen_catalog::validate::check(&declared);
    assert!(faults.is_empty(), "{faults:?} {body}");
}

#[tokio::test]
async fn a_changed_document_changes_its_etag_and_a_removed_one_is_gone_from_relations() {
    let portal = with_corpus().await;
    let basket = "/entities/by-name/component/default/basket";
    let (_, _, before) = ask(&portal, "GET", basket, None).await;
    let (_, _, part) = ask(&portal, "GET", "/entities/by-name/component/default/basket-cache", None).await;
    let uid = part["metadata"]["uid"].as_str().unwrap();
    let viewer = portal.cookie(Role::Viewer).await;
    let request = portal.request_without_token("DELETE", &format!("{PREFIX}/entities/by-uid/{uid}"), String::new());
    let (mut parts, body) = request.into_parts();
    parts.headers.insert("cookie", viewer.parse().unwrap());
    parts.headers.insert("origin", "http://localhost:7600".parse().unwrap());
    let refused = portal.send(http::Request::from_parts(parts, body)).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(json_of(refused).await["error"]["name"], "NotAllowedError");
    let (status, _, _) = ask(&portal, "DELETE", &format!("/entities/by-uid/{uid}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, _, after) = ask(&portal, "GET", basket, None).await;
    assert_eq!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_ne!(before["metadata"]["etag"], after["metadata"]["etag"]);
    assert!(!after["relations"].to_string().contains("basket-cache"), "{after}");
}
