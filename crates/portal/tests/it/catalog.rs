//! The lists of the catalog that the portal's own pages show.

use http::StatusCode;
use serde_json::Value;

use crate::backstage::apply;
use crate::support::{Portal, code_of};

const CORPUS: &str = include_str!("../../../../tests/peers/catalog-client/corpus.yaml");

fn refs(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["ref"].as_str().unwrap()).collect()
}

async fn with_corpus() -> Portal {
    let portal = Portal::open().await;
    apply(&portal, "corpus.yaml", CORPUS).await;
    portal
}

#[tokio::test]
async fn a_row_says_what_a_list_shows() {
    let portal = with_corpus().await;
    let list = portal.get("/api/v1/catalog/entities?class=agent&sort=-name").await;
    assert_eq!(list["total"], 2);
    assert_eq!(refs(&list), ["component:default/shop-assistant", "component:default/returns-assistant"]);
    let row = &list["items"][0];
    assert_eq!(row["title"], "Shop assistant");
    assert_eq!(row["owner"], "group:default/shop");
    assert_eq!(row["system"], "system:default/checkout");
    assert_eq!(row["type"], "ai-agent");
    assert_eq!(row["origin"], "declared");
    assert_eq!(row["version"]["state"], "pending");
    assert_eq!(
        (&row["problems"], &list["items"][1]["problems"]),
        (&0.into(), &1.into()),
        "one has an owner that is not there"
    );
    assert_eq!((&row["last_seen"], &row["level"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn parameters_are_joined_and_values_are_alternatives() {
    let portal = with_corpus().await;
    let cases: [(&str, &[&str]); 10] = [
        ("class=tool_server,model", &["resource:default/small-model", "api:default/orders-tools"]),
        ("kind=component&owner=platform/ops", &["component:default/basket-cache", "component:platform/ledger"]),
        ("owner=user:ben&kind=api", &["api:default/basket"]),
        (
            "owner=none",
            &[
                "group:default/board",
                "group:default/shop",
                "group:platform/ops",
                "user:default/ann",
                "user:default/ben",
            ],
        ),
        ("state=draft&kind=template", &["template:default/new-service"]),
        ("state=none&system=checkout&type=service", &["component:default/basket"]),
        ("problems=true&kind=component", &["component:default/returns-assistant"]),
        ("tag=rust,agent", &["component:default/shop-assistant", "component:platform/ledger"]),
        ("filter=kind%3Ddomain&filter=spec.subdomainOf", &["domain:default/online", "domain:default/retail"]),
        ("q=questions+ord", &["component:default/shop-assistant"]),
    ];
    for (query, expected) in cases {
        let list = portal.get(&format!("/api/v1/catalog/entities?{query}")).await;
        let (mut found, mut expected) = (refs(&list), expected.to_vec());
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{query}");
        assert_eq!(list["total"], expected.len(), "{query}");
    }
    for wrong in [
        "state=aproved",
        "origin=x",
        "level=5",
        "sort=nam",
        "klass=agent",
        "limit=0",
        "cursor=x",
        "filter=%3Dx",
        "owner=a:",
    ] {
        let response =
            portal.send(portal.request("GET", &format!("/api/v1/catalog/entities?{wrong}"), String::new())).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(code_of(response).await, "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn pages_lead_forwards_and_back() {
    let portal = with_corpus().await;
    let first = portal.get("/api/v1/catalog/entities?limit=8&sort=title").await;
    assert_eq!(first["previous_cursor"], Value::Null);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = portal.get(&format!("/api/v1/catalog/entities?limit=8&cursor={cursor}")).await;
    let third = portal
        .get(&format!("/api/v1/catalog/entities?limit=8&cursor={}", second["next_cursor"].as_str().unwrap()))
        .await;
    assert_eq!((third["next_cursor"].clone(), third["total"].clone()), (Value::Null, 21.into()));
    let mut all = [refs(&first), refs(&second), refs(&third)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 21);
    let back = portal
        .get(&format!("/api/v1/catalog/entities?limit=8&cursor={}", second["previous_cursor"].as_str().unwrap()))
        .await;
    assert_eq!(refs(&back), refs(&first));
}

#[tokio::test]
async fn facets_count_what_the_list_shows() {
    let portal = with_corpus().await;
    let facets = portal.get("/api/v1/catalog/facets?facet=class&facet=owner&facet=spec.lifecycle&kind=component").await;
    assert_eq!(facets["total"], 6);
    let counts = |name: &str| -> Vec<(String, u64)> {
        let values = facets["facets"][name].as_array().unwrap().iter();
        values.map(|value| (value["value"].as_str().unwrap().to_owned(), value["count"].as_u64().unwrap())).collect()
    };
    assert_eq!(counts("class"), [("component".to_owned(), 4), ("agent".to_owned(), 2)]);
    assert_eq!(counts("owner").len(), 4);
    assert_eq!(counts("spec.lifecycle")[0], ("production".to_owned(), 3));
    assert!(facets.get("more").is_none());
    let default = portal.get("/api/v1/catalog/facets").await;
    assert_eq!(default["facets"].as_object().unwrap().len(), 9);
}

#[tokio::test]
async fn the_palette_finds_by_the_beginning_of_a_word() {
    let portal = with_corpus().await;
    let hits = portal.get("/api/v1/catalog/search?q=shop+assis").await;
    assert_eq!(refs(&hits), ["component:default/shop-assistant"]);
    let hit = &hits["items"][0];
    assert_eq!((&hit["place"], &hit["path"], &hit["class"]), (&"entity".into(), &Value::Null, &"agent".into()));
    assert_eq!(portal.get("/api/v1/catalog/search?q=").await["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_page_of_a_hundred_is_small_however_long_its_entities_are() {
    let portal = Portal::open().await;
    let one = |n: usize| {
        let words = "answers what customers ask and hands over to a person when it does not know; ".repeat(20);
        format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: assistant-{n:04}\n  title: Customer assistant {n}\n  \
             description: {words}\n  annotations: {{ mizzen.dev/version: 1.0.{n} }}\n  tags: [customers, assistant, production-ready, more, most]\nspec:\n  \
             type: ai-agent\n  lifecycle: production\n  owner: group:default/happiness\n  system: customer-relations\n  notes: {words}\n"
        )
    };
    let text: Vec<String> = (0..100).map(one).collect();
    apply(&portal, "many.yaml", &text.join("---\n")).await;
    let list = portal.get("/api/v1/catalog/entities?limit=100").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 100);
    assert!(list.to_string().len() < 50 << 10, "{} bytes", list.to_string().len());
}
