use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{FolderSeen, Origin, Parts, Target, TemplateError, Templates};
use crate::apply::ApplyOptions;
use crate::config::CatalogConfig;
use crate::document;
use crate::plane::tests::{Bench, ben, benches};
use crate::plane::{Actor, Catalog};
use crate::reference::EntityRef;
use crate::template::effects::{Done, EffectError, Effects, Plan, Wanted};
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;
use crate::version::VersionState;

/// Only the catalog is there. Counts what is planned.
#[derive(Debug)]
struct Applying(Catalog, AtomicUsize);

impl Effects for Applying {
    fn plan<'a>(&'a self, _: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Plan, EffectError>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let Wanted::Entities { source, text } = wanted else { return ready(Ok(Plan::default())).boxed() };
        let read = document::read(source, text).into_iter();
        let entities = read.map(|read| read.valid().unwrap().entity.reference()).collect();
        ready(Ok(Plan { entities, ..Plan::default() })).boxed()
    }

    fn perform<'a>(&'a self, by: &'a Actor, wanted: &'a Wanted) -> BoxFuture<'a, Result<Done, EffectError>> {
        async move {
            let Wanted::Entities { source, text } = wanted else { return Ok(Done::default()) };
            let documents: Vec<_> =
                document::read(source, text).into_iter().map(|read| read.valid().unwrap()).collect();
            let entities = documents.iter().map(|document| document.entity.reference()).collect();
            self.0.apply(documents, by, &ApplyOptions::default()).await.map_err(EffectError::new)?;
            Ok(Done { entities, ..Done::default() })
        }
        .boxed()
    }

    fn newest_run<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Timestamp>, EffectError>> {
        ready(Ok(None)).boxed()
    }

    fn level<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<(u8, Option<String>), EffectError>> {
        ready(Ok((0, None))).boxed()
    }

    fn entity<'a>(&'a self, _: &'a EntityRef) -> BoxFuture<'a, Result<Option<Value>, EffectError>> {
        ready(Ok(None)).boxed()
    }
}

fn template(version: &str) -> String {
    format!(
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata:\n  name: own\n  annotations: {{mizzen.dev/version: '{version}'}}\nspec:\n  type: service\n  owner: team\n  parameters: {{properties: {{name: {{type: string}}}}, required: [name]}}\n  steps:\n    - action: fetch:template\n      input: {{url: skeleton, values: {{name: '${{{{ parameters.name }}}}'}}}}\n    - action: catalog:register\n      input: {{catalogInfoPath: catalog-info.yaml}}\n"
    )
}

const ENTITY: &str = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: '${{ values.name }}'}\nspec: {type: service, lifecycle: production, owner: team}\n";

fn folder(version: &str, readme: &str) -> Files {
    let mut files = Files::new(FilesLimits::TEMPLATE);
    let texts = [
        ("template.yaml", template(version)),
        ("skeleton/README.md", readme.to_owned()),
        ("skeleton/catalog-info.yaml", ENTITY.to_owned()),
    ];
    for (path, text) in texts {
        files.add(FilePath::parse(path).unwrap(), File::from(text)).unwrap();
    }
    files
}

fn own() -> EntityRef {
    EntityRef::new("template", "default", "own")
}

fn maker() -> Actor {
    Actor::person("ann", Role::Developer)
}

fn values() -> Map<String, Value> {
    json!({ "name": "shop" }).as_object().unwrap().clone()
}

fn open(bench: &Bench, projects: Option<&std::path::Path>) -> Templates {
    let catalog = bench.catalog.clone();
    let effects = Arc::new(Applying(catalog.clone(), AtomicUsize::new(0)));
    Templates::open(Parts { catalog, effects, projects: projects.map(Into::into) }).unwrap()
}

/// A version of the template in the catalog, its files sent, approved.
async fn publish(bench: &Bench, templates: &Templates, version: &str, readme: &str) {
    let documents = document::read("template.yaml", &template(version)).into_iter().map(|read| read.valid().unwrap());
    bench.catalog.apply(documents.collect(), &maker(), &ApplyOptions::default()).await.unwrap();
    templates.put(&own(), folder(version, readme), &maker()).await.unwrap();
    bench.catalog.decide(&own(), version, VersionState::Approved, &ben(), None).await.unwrap();
}

#[tokio::test]
async fn a_template_of_the_catalog_runs_when_its_files_are_there_and_it_is_approved() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        assert!(matches!(templates.get(&own()).await, Err(TemplateError::NotFound(_))), "{}", bench.name);
        let documents = document::read("template.yaml", &template("1")).into_iter().map(|read| read.valid().unwrap());
        bench.catalog.apply(documents.collect(), &maker(), &ApplyOptions::default()).await.unwrap();
        let listed = templates.get(&own()).await.unwrap();
        assert!(listed.origin == Origin::Catalog && listed.why_not.unwrap().contains("were not sent"));
        let other = templates.put(&own(), folder("2", "x"), &maker()).await;
        assert!(matches!(other, Err(TemplateError::OtherTemplate { .. })));
        templates.put(&own(), folder("1", "one\n"), &maker()).await.unwrap();
        assert!(templates.dry_run(&own(), values(), &maker(), Target::Download).await.is_ok());
        let pending = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap_err();
        assert!(pending.to_string().contains("its version is pending"), "{pending}");
        bench.catalog.decide(&own(), "1", VersionState::Approved, &ben(), None).await.unwrap();
        templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        let swapped = templates.put(&own(), folder("1", "other\n"), &maker()).await;
        assert!(matches!(swapped, Err(TemplateError::Fixed { .. })), "what is approved cannot get other files");
        assert!(templates.list().await.unwrap().iter().any(|listed| listed.reference == own() && listed.made == 1));
    }
}

#[tokio::test]
async fn what_was_made_is_found_behind_and_brought_up_to_date() {
    for bench in benches(CatalogConfig::default()).await {
        let projects = tempfile::tempdir().unwrap();
        let templates = open(&bench, Some(projects.path()));
        publish(&bench, &templates, "1", "a\nb\nc\nd\ne\n").await;
        let made = templates.run(&own(), values(), &maker(), Target::Project).await.unwrap();
        assert_eq!(made.project.as_deref(), Some("shop"));
        let readme = projects.path().join("shop/README.md");
        assert_eq!(std::fs::read_to_string(&readme).unwrap(), "a\nb\nc\nd\ne\n");
        let twice = templates.run(&own(), values(), &maker(), Target::Project).await.unwrap_err();
        assert!(twice.to_string().contains("already there"), "{twice}");
        std::fs::write(&readme, "a\nb\nc\nd\nours\n").unwrap();

        let shop = EntityRef::new("component", "default", "shop");
        let none = templates.update(&shop, None, &maker()).await.unwrap();
        assert!(none.changes.is_empty() && none.folder == FolderSeen::Project);
        publish(&bench, &templates, "2", "theirs\nb\nc\nd\ne\n").await;
        let listed = templates.get(&own()).await.unwrap();
        assert_eq!((listed.made, listed.made_behind), (1, 1), "{}", bench.name);
        let update = templates.update(&shop, None, &maker()).await.unwrap();
        assert_eq!((update.conflicts(), update.changes.len()), (0, 2), "README and the record");
        assert_eq!(std::fs::read_to_string(&readme).unwrap(), "a\nb\nc\nd\nours\n", "looking writes nothing");
        templates.apply_update(&shop, None, &maker()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&readme).unwrap(), "theirs\nb\nc\nd\nours\n");
        assert_eq!(templates.get(&own()).await.unwrap().made_behind, 0);
        assert!(templates.update(&shop, None, &maker()).await.unwrap().changes.is_empty());
    }
}

#[tokio::test]
async fn a_template_is_gone_through_once_to_see_and_once_to_make() {
    for bench in benches(CatalogConfig::default()).await {
        let effects = Arc::new(Applying(bench.catalog.clone(), AtomicUsize::new(0)));
        let parts = Parts { catalog: bench.catalog.clone(), effects: Arc::clone(&effects) as _, projects: None };
        let templates = Templates::open(parts).unwrap();
        publish(&bench, &templates, "1", "one\n").await;
        templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        assert_eq!(effects.1.load(Ordering::Relaxed), 2, "its one effect, in {}", bench.name);
    }
}

#[tokio::test]
async fn whether_something_can_be_updated_is_known_without_its_template() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        publish(&bench, &templates, "1", "one\n").await;
        templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        let created = templates.created(&own()).await.unwrap().remove(0);
        let pool = bench.catalog.store().pool();
        sqlx::query("UPDATE templates_sources SET content = 'damaged'").execute(pool).await.unwrap();
        assert!(templates.can_update(&created).await.unwrap(), "{}", bench.name);
        sqlx::query("DELETE FROM templates_sources").execute(pool).await.unwrap();
        assert!(!templates.can_update(&created).await.unwrap(), "{}", bench.name);
    }
}
