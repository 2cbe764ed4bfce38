use serde_json::json;

use super::{Page, Place, snippet};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document::Document;
use crate::plane::CatalogError;
use crate::plane::tests::{ann, benches, document};

fn component(name: &str, description: &str) -> Document {
    document(json!({ "apiVersion": "backstage.io/v1alpha1", "kind": "Component",
        "metadata": { "name": name, "description": description },
        "spec": { "type": "service", "owner": "a", "lifecycle": "x" } }))
}

#[tokio::test]
async fn the_best_hits_come_first_and_the_last_word_may_be_begun() {
    for bench in benches(CatalogConfig::default()).await {
        let catalog = &bench.catalog;
        let documents = vec![
            component("invoice-mailer", "Sends what is due"),
            component("shop", "Knows the invoice of every order"),
            component("voice", "Speaks"),
        ];
        catalog.apply(documents, &ann(), &ApplyOptions::default()).await.unwrap();
        let shop = "component:default/shop".parse().unwrap();
        let page = |path: &str, markdown: &str| Page {
            path: path.to_owned(),
            title: "Runbook".to_owned(),
            markdown: markdown.to_owned(),
        };
        let pages = [
            page("run.md", "# Runbook\n\nWhen an order is **stuck**, restart the mailer."),
            page("index.md", "nothing"),
        ];
        catalog.put_documents(&shop, &pages).await.unwrap();
        let found = async |text: &str| {
            let hits = catalog.search(text, 10).await.unwrap();
            hits.into_iter().map(|hit| format!("{} {:?}", hit.reference.name(), hit.place)).collect::<Vec<_>>()
        };
        assert_eq!(found("Invo").await, ["invoice-mailer Entity", "shop Entity"], "{}", bench.name);
        assert_eq!(found("invo ").await, Vec::<String>::new());
        assert_eq!(found("every inv").await, ["shop Entity"]);
        assert_eq!(found("stuck ord").await, ["shop Documentation { path: \"run.md\" }"]);
        assert_eq!(found("stuck invoice").await, Vec::<String>::new());
        assert_eq!(found(" -- ").await, Vec::<String>::new());
        let hit = catalog.search("stuck", 10).await.unwrap().remove(0);
        assert_eq!(
            (hit.title.as_str(), hit.snippet.as_str()),
            ("Runbook", "When an order is **stuck**, restart the mailer.")
        );
        assert!(matches!(hit.place, Place::Documentation { .. }));

        catalog.put_documents(&shop, &pages[1..]).await.unwrap();
        assert!(catalog.search("stuck", 10).await.unwrap().is_empty(), "words of what is gone are gone");
        assert_eq!(catalog.documents(&shop).await.unwrap().len(), 1);
        assert!(catalog.document_page(&shop, "run.md").await.unwrap().is_none());
        catalog.apply(vec![component("shop", "Sells")], &ann(), &ApplyOptions::default()).await.unwrap();
        assert_eq!(found("invoice").await, ["invoice-mailer Entity"]);
        assert_eq!(found("nothing").await.len(), 1, "documentation stays with its entity");
        catalog.delete(&shop, &ann()).await.unwrap();
        assert!(catalog.search("nothing", 10).await.unwrap().is_empty());
        let gone = catalog.put_documents(&shop, &pages).await;
        assert!(matches!(gone, Err(CatalogError::NotFound { .. })), "{gone:?}");
    }
}

#[test]
fn a_snippet_is_the_line_with_the_words_cut_around_them() {
    let long = format!("{} İstanbul needle {}", "word ".repeat(60), "tail ".repeat(60));
    let text = format!("# Title\n\n{long}\n");
    let shown = snippet(&text, &["needle".to_owned()]);
    assert!(shown.contains("needle") && shown.starts_with('…') && shown.ends_with('…'), "{shown}");
    assert!(shown.chars().count() <= super::SNIPPET_CHARS_MAX, "{}", shown.chars().count());
    assert_eq!(snippet("", &["x".to_owned()]), "");
}
