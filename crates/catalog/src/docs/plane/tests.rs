use serde_json::json;

use super::{DocsError, Documentation};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::plane::tests::{Bench, ann, benches, document};
use crate::reference::EntityRef;
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;

async fn shop(bench: &Bench) -> EntityRef {
    let entity = document(json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": { "name": "shop" },
        "spec": { "type": "service", "lifecycle": "production", "owner": "team" },
    }));
    bench.catalog.apply(vec![entity], &ann(), &ApplyOptions::default()).await.unwrap();
    EntityRef::new("component", "default", "shop")
}

#[tokio::test]
async fn a_page_is_shown_with_links_to_the_others_and_they_are_not_read() {
    for bench in benches(CatalogConfig::default()).await {
        let shop = shop(&bench).await;
        let texts = [
            ("docs/index.md", "# Shop\n\n[more](more.md) ![x](x.png)\n"),
            ("docs/more.md", "# More\n"),
            ("docs/x.png", "x"),
        ];
        let files = Files::of(FilesLimits::DOCUMENTATION, &texts);
        let documentation = Documentation::new(bench.catalog.clone());
        documentation.put(&shop, &files, None, &ann()).await.unwrap();
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

#[tokio::test]
async fn who_keeps_documentation_or_takes_it_away_is_in_the_audit_log_once() {
    for bench in benches(CatalogConfig::default()).await {
        let shop = shop(&bench).await;
        let documentation = Documentation::new(bench.catalog.clone());
        let mut files = Files::new(FilesLimits::DOCUMENTATION);
        let size = || bench.control.audit().status().size;
        let before = size();
        let none = documentation.put(&shop, &files, None, &ann()).await;
        assert!(matches!(none, Err(DocsError::Problems(_))), "{none:?}");
        files.add(FilePath::parse("docs/index.md").unwrap(), File::from("# Shop\n".to_owned())).unwrap();
        let ftp = documentation.put(&shop, &files, Some("ftp://x/"), &ann()).await;
        assert!(matches!(ftp, Err(DocsError::SourceUrl)), "{ftp:?}");
        let nobody = documentation.put(&EntityRef::new("component", "default", "none"), &files, None, &ann()).await;
        assert!(matches!(nobody, Err(DocsError::Catalog(_))), "{nobody:?}");
        let nothing = documentation.remove(&shop, &ann()).await;
        assert!(matches!(nothing, Err(DocsError::NoSite(_))), "{nothing:?}");
        assert_eq!(size(), before, "{}: what was refused is no change", bench.name);
        documentation.put(&shop, &files, None, &ann()).await.unwrap();
        assert_eq!(size(), before + 1, "{}", bench.name);
        documentation.remove(&shop, &ann()).await.unwrap();
        assert_eq!(size(), before + 2, "{}", bench.name);
        assert!(matches!(documentation.page(&shop, None).await, Err(DocsError::NoSite(_))), "{}", bench.name);
    }
}
