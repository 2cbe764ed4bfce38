use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use mizzen_model::permission::Role;
use mizzen_model::time::Timestamp;
use serde_json::{Map, Value, json};

use super::{FolderSeen, Origin, Outcome, Parts, Target, TemplateError, Templates};
use crate::apply::{ApplyOptions, Outcome as Applies};
use crate::config::CatalogConfig;
use crate::docs::plane::{DocsError, Documentation};
use crate::document;
use crate::locations::LocationKind;
use crate::plane::tests::{Bench, ben, benches};
use crate::plane::{Actor, Catalog, CatalogError};
use crate::reference::EntityRef;
use crate::template::effects::{Done, EffectError, Effects, Plan, Wanted};
use crate::template::files::{File, Files, FilesLimits};
use crate::template::path::FilePath;
use crate::template::record::Level;
use crate::version::{Version, VersionState};

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

    fn agent<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<EntityRef>, EffectError>> {
        ready(Ok(None)).boxed()
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

/// The template's entity in the catalog, without its files.
async fn apply(bench: &Bench, version: &str) {
    let documents = document::read("template.yaml", &template(version)).into_iter().map(|read| read.valid().unwrap());
    let done = bench.catalog.apply(documents.collect(), &maker(), &ApplyOptions::default()).await.unwrap();
    assert_eq!((done[0].error.as_ref(), done.len()), (None, 1));
}

async fn approve(bench: &Bench, version: &str) -> Result<Version, CatalogError> {
    bench.catalog.decide(&own(), version, VersionState::Approved, &ben(), None).await
}

async fn state(bench: &Bench, version: &str) -> VersionState {
    bench.catalog.version(&own(), version).await.unwrap().unwrap().state
}

/// A version of the template in the catalog, its files sent, approved.
async fn publish(bench: &Bench, templates: &Templates, version: &str, readme: &str) {
    apply(bench, version).await;
    templates.put(&own(), folder(version, readme), &maker(), false).await.unwrap();
    approve(bench, version).await.unwrap();
}

fn readme(outcome: &Outcome) -> &str {
    outcome.made.files.get(&FilePath::parse("README.md").unwrap()).unwrap().text().unwrap()
}

#[tokio::test]
async fn a_template_of_the_catalog_runs_when_its_files_are_there_and_it_is_approved() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        assert!(matches!(templates.get(&own()).await, Err(TemplateError::NotFound(_))), "{}", bench.name);
        apply(&bench, "1").await;
        let listed = templates.get(&own()).await.unwrap();
        assert!(listed.origin == Origin::Catalog && listed.why_not.unwrap().contains("were not sent"));
        let other = templates.put(&own(), folder("2", "x"), &maker(), false).await;
        assert!(matches!(other, Err(TemplateError::OtherTemplate { .. })));
        let entries = bench.control.audit().status().size;
        templates.put(&own(), folder("1", "one\n"), &maker(), false).await.unwrap();
        assert_eq!(bench.control.audit().status().size, entries + 1, "files are written down");
        assert!(templates.dry_run(&own(), values(), &maker(), Target::Download).await.is_ok());
        let pending = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap_err();
        assert!(pending.to_string().contains("its version is pending"), "{pending}");
        approve(&bench, "1").await.unwrap();
        templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        assert!(templates.list().await.unwrap().iter().any(|listed| listed.reference == own() && listed.made == 1));
    }
}

#[tokio::test]
async fn what_is_reviewed_is_what_runs_whatever_is_sent_in_between() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        apply(&bench, "1").await;
        templates.put(&own(), folder("1", "good\n"), &maker(), false).await.unwrap();
        let digest = bench.catalog.version(&own(), "1").await.unwrap().unwrap().digest;
        let entries = bench.control.audit().status().size;
        let swap = async |when: &str| {
            let swapped = templates.put(&own(), folder("1", "rm -rf ~\n"), &maker(), false).await;
            assert!(matches!(swapped, Err(TemplateError::Fixed { .. })), "{when}, {}: {swapped:?}", bench.name);
            // The very same files are no other ones.
            templates.put(&own(), folder("1", "good\n"), &maker(), true).await.unwrap();
        };
        swap("while it waits").await;
        assert_eq!(bench.control.audit().status().size, entries, "nothing was changed");
        // Withdrawn while somebody looks at it, changed, and submitted again.
        bench.catalog.decide(&own(), "1", VersionState::Draft, &maker(), None).await.unwrap();
        swap("when it was withdrawn").await;
        templates.put(&own(), folder("1", "good\n"), &maker(), false).await.unwrap();
        assert_eq!(state(&bench, "1").await, VersionState::Pending);
        bench.catalog.decide(&own(), digest.as_str(), VersionState::Approved, &ben(), None).await.unwrap();
        swap("when it is approved").await;
        let made = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        assert_eq!(readme(&made), "good\n", "{}", bench.name);
    }
}

#[tokio::test]
async fn a_template_without_files_is_reviewed_by_nobody() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        apply(&bench, "1").await;
        assert_eq!(state(&bench, "1").await, VersionState::Draft, "{}", bench.name);
        let submitted = bench.catalog.decide(&own(), "1", VersionState::Pending, &maker(), None).await.unwrap_err();
        assert!(submitted.to_string().contains("`mizzen apply -f DIR`"), "{submitted}");
        // As versions are that were submitted and approved before files were asked for.
        let pool = bench.catalog.store().pool();
        for approved in [VersionState::Pending, VersionState::Approved] {
            let sql = "UPDATE catalog_versions SET state = $1 WHERE ref = $2";
            sqlx::query(sql).bind(approved.as_str()).bind(own().to_string()).execute(pool).await.unwrap();
            let sql = "UPDATE catalog_transitions SET state = $1 WHERE ref = $2";
            sqlx::query(sql).bind(approved.as_str()).bind(own().to_string()).execute(pool).await.unwrap();
            let first = templates.put(&own(), folder("1", "rm -rf ~\n"), &maker(), false).await;
            assert!(matches!(first, Err(TemplateError::Fixed { .. })), "{approved}, {}: {first:?}", bench.name);
            assert!(approve(&bench, "1").await.is_err(), "there is nothing to approve");
            let run = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap_err();
            let run = run.to_string();
            assert!(run.contains("were not sent") && run.contains("give it another `mizzen.dev/version`"), "{run}");
        }
    }
}

#[tokio::test]
async fn files_of_a_draft_may_be_replaced_until_it_is_submitted() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        apply(&bench, "1").await;
        for text in ["one\n", "two\n"] {
            templates.put(&own(), folder("1", text), &maker(), true).await.unwrap();
            assert_eq!(state(&bench, "1").await, VersionState::Draft, "{}", bench.name);
        }
        let draft = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap_err();
        assert!(draft.to_string().contains("`mizzen submit template:default/own`"), "{draft}");
        bench.catalog.decide(&own(), "1", VersionState::Pending, &maker(), None).await.unwrap();
        approve(&bench, "1").await.unwrap();
        let made = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
        assert_eq!(readme(&made), "two\n", "{}", bench.name);
    }
}

#[tokio::test]
async fn who_sent_the_files_approves_them_no_more_than_who_submitted_them() {
    let config = CatalogConfig { four_eyes: true, ..CatalogConfig::default() };
    for bench in benches(config).await {
        let templates = open(&bench, None);
        apply(&bench, "1").await;
        templates.put(&own(), folder("1", "good\n"), &maker(), true).await.unwrap();
        templates.put(&own(), folder("1", "rm -rf ~\n"), &ben(), true).await.unwrap();
        bench.catalog.decide(&own(), "1", VersionState::Pending, &maker(), None).await.unwrap();
        let (waiting, _) = bench.catalog.pending(Some(&own()), 0, 1).await.unwrap();
        assert_eq!(waiting[0].files_by.as_deref(), Some("user:default/ben"), "{}", bench.name);
        assert!(bench.catalog.needs_other_eyes(&waiting[0], &ben().reference), "{}: told beforehand", bench.name);
        let refused = approve(&bench, "1").await;
        assert!(matches!(refused, Err(CatalogError::FourEyes { .. })), "{}: {refused:?}", bench.name);
        let third = Actor::person("cy", Role::Approver);
        bench.catalog.decide(&own(), "1", VersionState::Approved, &third, None).await.unwrap();
    }
}

#[tokio::test]
async fn files_of_a_template_that_a_location_holds_are_sent_by_whoever_applies_its_folder() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("template.yaml"), template("1")).unwrap();
    let config = CatalogConfig { files: root.path().to_owned(), ..CatalogConfig::default() };
    for bench in benches(config).await {
        let templates = open(&bench, None);
        let location = bench.catalog.add_location(LocationKind::File, "template.yaml", &maker()).await.unwrap();
        bench.catalog.read_location(&location).await.unwrap();
        assert_eq!(state(&bench, "1").await, VersionState::Draft, "{}", bench.name);
        let applied = async |version: &str| {
            let documents = document::read("template.yaml", &template(version)).into_iter();
            let documents = documents.map(|read| read.valid().unwrap()).collect();
            bench.catalog.apply(documents, &maker(), &ApplyOptions::default()).await.unwrap().remove(0)
        };
        let same = applied("1").await;
        let outcome = (same.outcome, same.state);
        assert_eq!(outcome, (Applies::Unchanged, Some(VersionState::Draft)), "{}: {same:?}", bench.name);
        assert_eq!(applied("2").await.outcome, Applies::Rejected, "{}: the location keeps it", bench.name);
        templates.put(&own(), folder("1", "one\n"), &maker(), false).await.unwrap();
        assert_eq!(state(&bench, "1").await, VersionState::Pending, "{}", bench.name);
    }
}

/// One sends other files at the moment when another submits what is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_race_of_files_and_a_submission_leaves_the_files_that_were_submitted() {
    for bench in benches(CatalogConfig::default()).await {
        let templates = open(&bench, None);
        for round in 0..8 {
            let version = format!("r{round}");
            apply(&bench, &version).await;
            templates.put(&own(), folder(&version, "good\n"), &maker(), true).await.unwrap();
            let (template, by) = (own(), maker());
            let swap = templates.put(&template, folder(&version, "rm -rf ~\n"), &by, true);
            let submit = bench.catalog.decide(&template, &version, VersionState::Pending, &by, None);
            let (swapped, submitted) = futures::future::join(swap, submit).await;
            submitted.unwrap();
            let expected = if swapped.is_ok() { "rm -rf ~\n" } else { "good\n" };
            let shown = templates.dry_run(&own(), values(), &maker(), Target::Download).await.unwrap();
            assert_eq!(readme(&shown), expected, "{}", bench.name);
            let later = templates.put(&own(), folder(&version, "later\n"), &maker(), true).await;
            assert!(matches!(later, Err(TemplateError::Fixed { .. })), "{later:?}");
            approve(&bench, &version).await.unwrap();
            let made = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
            assert_eq!(readme(&made), expected, "{}", bench.name);
        }
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

fn documented(version: &str, more: &[(&str, &str)]) -> Files {
    let mut files = folder(version, "read me\n");
    let entity = ENTITY.replace("metadata: {", "metadata: {annotations: {backstage.io/techdocs-ref: 'dir:.'}, ");
    files.put(FilePath::parse("skeleton/catalog-info.yaml").unwrap(), File::from(entity)).unwrap();
    for (path, text) in more {
        files.add(FilePath::parse(path).unwrap(), File::from((*text).to_owned())).unwrap();
    }
    files
}

#[tokio::test]
async fn documentation_of_what_was_made_is_kept_and_one_that_is_wrong_undoes_nothing() {
    for bench in benches(CatalogConfig::default()).await {
        let (templates, documentation) = (open(&bench, None), Documentation::new(bench.catalog.clone()));
        let shop = EntityRef::new("component", "default", "shop");
        let pages = [("skeleton/docs/index.md", "# The shop\n"), ("skeleton/docs/code.py", "no page")];
        let sites = [("skeleton/mkdocs.yml", "nav: [none.md]\n"), ("skeleton/mkdocs.yml", "site_name: Shop\n")];
        for (version, site) in ["1", "2"].into_iter().zip(sites) {
            apply(&bench, version).await;
            let files = documented(version, &[&pages[..], &[site]].concat());
            templates.put(&own(), files, &maker(), false).await.unwrap();
            approve(&bench, version).await.unwrap();
            let planned = templates.dry_run(&own(), values(), &maker(), Target::Download).await.unwrap();
            assert!(!planned.made.log.iter().any(|line| line.message.contains("documentation")));
            let none = documentation.page(&shop, None).await;
            assert!(matches!(none, Err(DocsError::NoSite(_))), "{}: looking keeps nothing", bench.name);
            let made = templates.run(&own(), values(), &maker(), Target::Download).await.unwrap();
            let said = made.made.log.last().unwrap();
            match version {
                "1" => assert!(
                    said.level == Level::Warn && said.message.contains("was not kept: mkdocs.yml:1"),
                    "{said:?}"
                ),
                _ => assert_eq!(said.message, "kept the documentation of `component:default/shop`, pages: 1"),
            }
        }
        let shown = documentation.page(&shop, None).await.unwrap();
        assert_eq!((shown.site.as_str(), shown.title.as_str()), ("Shop", "The shop"), "{}", bench.name);
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
