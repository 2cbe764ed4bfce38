use serde_json::json;

use super::{DocsError, Documentation};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::plane::tests::{ann, benches, document};
use crate::reference::EntityRef;
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

#[tokio::test]
async fn a_page_is_shown_with_links_to_the_others_and_they_are_not_read() {
    for bench in benches(CatalogConfig::default()).await {
        let shop = EntityRef::new("component", "default", "shop");
        let entity = document(json!({
            "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": "shop" },
            "spec": { "type": "service", "lifecycle": "production", "owner": "team" },
        }));
        bench.catalog.apply(vec![entity], &ann(), &ApplyOptions::default()).await.unwrap();
        let mut files = Files::new(FilesLimits::DOCUMENTATION);
        for (path, text) in [
            ("docs/index.md", "# Shop\n\n[more](more.md) ![x](x.png)\n"),
            ("docs/more.md", "# More\n"),
            ("docs/x.png", "x"),
        ] {
            files.add(FilePath::parse(path).unwrap(), File::from(text.to_owned())).unwrap();
        }
        let documentation = Documentation::new(bench.catalog.clone());
        documentation.put(&shop, &files, None).await.unwrap();
        // Whoever reads that page fails.
        let damage = "UPDATE catalog_documents SET digest = 'damaged' WHERE path = 'more.md'";
        sqlx::query(damage).execute(bench.catalog.store().pool()).await.unwrap();
        let shown = documentation.page(&shop, None).await.unwrap();
        assert_eq!((shown.path.as_str(), shown.title.as_str()), ("index.md", "Shop"), "{}", bench.name);
        let next = shown.next.map(|(_, path)| path);
        assert_eq!((shown.previous, next.as_deref()), (None, Some("more.md")));
        let html = &shown.rendered.html;
        assert!(html.contains("/docs/more.md\"") && html.contains("/docs-files/x.png\""), "{html}");
        assert!(matches!(documentation.page(&shop, Some("more.md")).await, Err(DocsError::Catalog(_))));
        assert!(matches!(documentation.page(&shop, Some("none.md")).await, Err(DocsError::NoPage { .. })));
    }
}
